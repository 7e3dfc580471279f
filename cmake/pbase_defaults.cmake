# Settings shared by every target: language, build types, layout of the build tree, ccache.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Release keeps symbols and frame pointers: a profile or a crash of it must be readable.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
add_compile_options(-fno-omit-frame-pointer
                    "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=") # __FILE__ is a path in the house
# gcc zeroes structs of 100 bytes and more by `rep stos` otherwise, which takes as long to begin as a look at
# a leaf takes (docs/decisions/0044); clang has no such option and needs none.
include(CheckCCompilerFlag)
set(pbase_zeroing "-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign")
check_c_compiler_flag("${pbase_zeroing}" PBASE_HAS_MEMSET_STRATEGY)
if(PBASE_HAS_MEMSET_STRATEGY)
  add_compile_options("${pbase_zeroing}")
endif()
add_compile_definitions(_GNU_SOURCE $<$<CONFIG:Debug>:PBASE_SLOW_CHECKS>)
add_link_options("LINKER:--as-needed")

# The build tree has the shape of an installation, so the program runs in place.
set(PBASE_PLUGIN_SUBDIR "protobase/plugins-${PBASE_ABI_MAJOR}") # below the library's folder
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(PBASE_PLUGIN_DIR_BUILD "${CMAKE_BINARY_DIR}/lib/${PBASE_PLUGIN_SUBDIR}")
set(PBASE_PLUGIN_DIR_TEST "${CMAKE_BINARY_DIR}/lib/protobase/test-plugins")
set(PBASE_PLUGIN_DIR_INSTALL "${CMAKE_INSTALL_FULL_LIBDIR}/${PBASE_PLUGIN_SUBDIR}")

# Run paths relative to the file that holds them: the tree may be moved after installation.
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

# Shared among checkouts: paths are taken relative to the source tree.
find_program(PBASE_CCACHE ccache)
mark_as_advanced(PBASE_CCACHE)
if(PBASE_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      "${PBASE_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_C_COMPILER_LAUNCHER}")
endif()
