# pbase_test(FILE): tests/<folders>/test_<noun>.c becomes the program test_<folders>_<noun> and the
# ctest entry <folders>.<noun>, labelled with each of its folders. It links the engine as an
# archive and may include the private headers of any room; below tests/plugins/<path>/ it also
# links the objects of the plugin in plugins/<path>/.
function(pbase_test file)
  cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/tests" OUTPUT_VARIABLE path)
  cmake_path(GET path PARENT_PATH folder)
  cmake_path(GET path STEM noun)
  string(REGEX REPLACE "^test_" "" noun "${noun}")
  string(REPLACE "/" ";" labels "${folder}")
  list(JOIN labels "." dotted)
  string(MAKE_C_IDENTIFIER "test_${folder}_${noun}" target)

  add_executable(${target} "${file}")
  target_link_libraries(${target} PRIVATE ${PBASE_TEST_LIBRARIES})
  pbase_test_plugin(${target} "${folder}")
  target_compile_definitions(${target} PRIVATE
    "PBASE_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"" "PBASE_BINARY_DIR=\"${PROJECT_BINARY_DIR}\"")
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  pbase_warnings_enable(${target})

  add_test(NAME "${dotted}.${noun}" COMMAND ${target})
  pbase_test_settings("${dotted}.${noun}" "${labels}")
endfunction()

# Links the objects of the plugin whose room mirrors the test's folder, if there is one.
function(pbase_test_plugin target folder)
  get_property(plugin GLOBAL PROPERTY "PBASE_PLUGIN_OF_${PROJECT_SOURCE_DIR}/${folder}")
  if(plugin)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${plugin}_objects>)
    target_link_libraries(${target} PRIVATE ${plugin}_objects)
  endif()
endfunction()

# pbase_test_script(NAME FILE LABELS): a shell script as a test, run from the source tree.
function(pbase_test_script name file labels)
  add_test(NAME "${name}" COMMAND bash "${file}" WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  pbase_test_settings("${name}" "${labels}")
endfunction()

# pbase_test_again(NAME SUFFIX SETTING): the test once more, as NAME.SUFFIX, with a setting in every space
# that the fixture opens (tests/support/space_fixture.h).
function(pbase_test_again name suffix setting)
  string(MAKE_C_IDENTIFIER "test_${name}" target)
  string(REGEX REPLACE "\\.[^.]*$" "" folders "${name}")
  string(REPLACE "." ";" labels "${folders}")
  add_test(NAME "${name}.${suffix}" COMMAND ${target})
  pbase_test_settings("${name}.${suffix}" "${labels}")
  set_property(TEST "${name}.${suffix}" APPEND PROPERTY ENVIRONMENT "PBASE_TEST_SET=${setting}")
endfunction()

# What every test finds around it.
function(pbase_test_settings name labels)
  set_tests_properties("${name}" PROPERTIES
    LABELS "${labels}" SKIP_RETURN_CODE 77
    ENVIRONMENT "PBASE_PLUGIN_DIR=${PBASE_PLUGIN_DIR_BUILD};PBASE_TEST_PLUGIN_DIR=${PBASE_PLUGIN_DIR_TEST};PBASE_SOURCE_DIR=${PROJECT_SOURCE_DIR};PBASE_BINARY_DIR=${PROJECT_BINARY_DIR};CC=${CMAKE_C_COMPILER};CXX=${CMAKE_CXX_COMPILER}")
endfunction()
