# What `cmake --install` lays down: library, SDK, program, headers, package files for pkg-config
# and CMake. Plugins install themselves (pbase_plugin). The prefix may be moved afterwards.
include(CMakePackageConfigHelpers)

if(NOT TARGET protobase_core)
  return()
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ProtoBase")
set(programs "")
if(TARGET plugin_note)
  set_target_properties(plugin_note PROPERTIES OUTPUT_NAME protobase-plugin-note)
  list(APPEND programs plugin_note)
endif()

install(TARGETS protobase_core pbase_sdk ${programs} EXPORT ProtoBaseTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(TARGET protobase)
  install(TARGETS protobase RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(TARGET cli_docs)
  install(DIRECTORY "${PBASE_CLI_DOCS}/man1" DESTINATION "${CMAKE_INSTALL_MANDIR}")
  install(FILES "${PBASE_CLI_DOCS}/bash/protobase"
          DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
  install(FILES "${PBASE_CLI_DOCS}/zsh/_protobase"
          DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
  install(FILES "${PBASE_CLI_DOCS}/fish/protobase.fish"
          DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
endif()
install(DIRECTORY sdk/include/protobase core/include/protobase
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

install(EXPORT ProtoBaseTargets NAMESPACE ProtoBase:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/ProtoBaseConfig.cmake.in ProtoBaseConfig.cmake
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(ProtoBaseConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/ProtoBaseConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/ProtoBaseConfigVersion.cmake"
  cmake/protobase_add_plugin.cmake cmake/plugin.map
  DESTINATION "${package_dir}")

# pkg-config finds the prefix from where its own file lies, as CMake does.
cmake_path(SET pc_dir NORMALIZE "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${pc_dir}" OUTPUT_VARIABLE PC_PREFIX)
foreach(package IN ITEMS protobase protobase-sdk)
  configure_file(cmake/${package}.pc.in ${package}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${package}.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
