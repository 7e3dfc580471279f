# pbase_programs(FOLDER LIBRARY SOURCE...): one program per source file, in build/FOLDER/.
function(pbase_programs folder library)
  foreach(source IN LISTS ARGN)
    cmake_path(GET source STEM name)
    set(target "${folder}_${name}")
    add_executable(${target} "${source}")
    target_link_libraries(${target} PRIVATE ${library} m)
    set_target_properties(${target} PROPERTIES
      OUTPUT_NAME "${name}" RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/${folder}")
    pbase_warnings_enable(${target})
  endforeach()
endfunction()

# pbase_headers(TARGET FOLDER...): the public include folders of a target, here and installed.
function(pbase_headers target)
  get_target_property(type ${target} TYPE)
  set(scope PUBLIC)
  if(type STREQUAL INTERFACE_LIBRARY)
    set(scope INTERFACE)
  endif()
  foreach(folder IN LISTS ARGN)
    target_include_directories(${target} ${scope}
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/${folder}>")
  endforeach()
  target_include_directories(${target} ${scope}
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
endfunction()
