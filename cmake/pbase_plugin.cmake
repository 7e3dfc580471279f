# pbase_plugin(NAME <file name without .so> SOURCES <file>... [LIBRARIES <pkg-config name>...]
#              [CXX] [TEST])
#
# A plugin of this tree: protobase_add_plugin() with the house's warnings, the private headers of
# sdk/src, and the place in the build tree and the installation. CXX: it has C++ sources.
# TEST: a plugin of the test suite, built beside the others but never installed.
# A plugin whose library is missing is left out, with the reason printed.
function(pbase_plugin)
  cmake_parse_arguments(PARSE_ARGV 0 arg "CXX;TEST" "NAME" "SOURCES;LIBRARIES")
  set(libraries "")
  foreach(name IN LISTS arg_LIBRARIES)
    pbase_library_find(library ${name} OPTIONAL)
    if(NOT library)
      message(STATUS "Plugin ${arg_NAME} is left out: the library ${name} was not found")
      return()
    endif()
    list(APPEND libraries ${library})
  endforeach()

  set(folder "${PBASE_PLUGIN_DIR_BUILD}")
  if(arg_TEST)
    set(folder "${PBASE_PLUGIN_DIR_TEST}")
  endif()
  protobase_add_plugin(NAME ${arg_NAME} SOURCES ${arg_SOURCES} LIBRARIES ${libraries}
                       OUTPUT_DIRECTORY "${folder}")
  set(target "plugin_${arg_NAME}")
  target_include_directories(${target}_objects
    PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/sdk/src")
  pbase_warnings_enable(${target}_objects)
  if(arg_CXX)
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
    if(TARGET ${target}_bare)
      set_target_properties(${target}_bare PROPERTIES LINKER_LANGUAGE CXX)
    endif()
  endif()

  # White-box tests find the objects of a plugin by its folder (see pbase_test).
  set_property(GLOBAL PROPERTY "PBASE_PLUGIN_OF_${CMAKE_CURRENT_SOURCE_DIR}" ${target})
  set_property(GLOBAL APPEND PROPERTY PBASE_PLUGIN_TARGETS ${target})
  if(NOT arg_TEST)
    install(TARGETS ${target}
            LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/${PBASE_PLUGIN_SUBDIR}")
  endif()
endfunction()
