# protobase_add_plugin(NAME <file name without .so> SOURCES <file>... [LIBRARIES <target>...]
#                      [OUTPUT_DIRECTORY <folder>])
#
# Makes the loadable module plugin_<NAME>: everything hidden but pbase_plugin_entry, the SDK linked
# inside, and the descriptor's facts as an ELF note, so that the host can list and check the plugin
# without running its code. The sources are compiled once as plugin_<NAME>_objects; a first module
# without the note is linked and read by plugin_note, whose output completes the second.
#
# Used by ProtoBase itself and, from the installed package, by anybody else.
set(PROTOBASE_PLUGIN_MAP "${CMAKE_CURRENT_LIST_DIR}/plugin.map")

function(protobase_add_plugin)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(NOT arg_NAME OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "protobase_add_plugin needs NAME and SOURCES; not understood: "
                        "'${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT arg_OUTPUT_DIRECTORY)
    set(arg_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}")
  endif()
  set(target "plugin_${arg_NAME}")

  add_library(${target}_objects OBJECT ${arg_SOURCES})
  set_target_properties(${target}_objects PROPERTIES
    POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${target}_objects PUBLIC ProtoBase::sdk ${arg_LIBRARIES})

  add_library(${target} MODULE $<TARGET_OBJECTS:${target}_objects>)
  protobase_plugin_link(${target} ${arg_NAME} "${arg_OUTPUT_DIRECTORY}" "${arg_LIBRARIES}")
  if(TARGET ProtoBase::plugin_note)
    protobase_plugin_note(${target} ${arg_NAME} "${arg_LIBRARIES}")
  endif()
endfunction()

# Links one module of plugin NAME into FOLDER.
function(protobase_plugin_link target name folder libraries)
  target_link_libraries(${target} PRIVATE ProtoBase::sdk ${libraries})
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME "${name}" LIBRARY_OUTPUT_DIRECTORY "${folder}"
    POSITION_INDEPENDENT_CODE ON SKIP_BUILD_RPATH ON INSTALL_RPATH ""
    LINK_DEPENDS "${PROTOBASE_PLUGIN_MAP}")
  target_link_options(${target} PRIVATE
    "LINKER:--version-script=${PROTOBASE_PLUGIN_MAP}" "LINKER:--exclude-libs,ALL"
    "LINKER:-z,now" "LINKER:-z,relro" "LINKER:-z,nodelete")
  if(NOT PBASE_SANITIZE) # a sanitizer's symbols come from the program that loads the module
    target_link_options(${target} PRIVATE "LINKER:-z,defs")
  endif()
endfunction()

# Adds the ELF note to TARGET: reads the descriptor out of a module that lacks it.
function(protobase_plugin_note target name libraries)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}_note")
  add_library(${target}_bare MODULE EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${target}_objects>)
  protobase_plugin_link(${target}_bare ${name} "${folder}" "${libraries}")
  add_custom_command(
    OUTPUT "${folder}/note.c"
    COMMAND ProtoBase::plugin_note "$<TARGET_FILE:${target}_bare>" "${folder}/note.c"
    DEPENDS ${target}_bare ProtoBase::plugin_note
    COMMENT "Writing the note of plugin ${name}"
    VERBATIM)
  target_sources(${target} PRIVATE "${folder}/note.c")
endfunction()
