# pbase_library_find(OUT NAME REQUIRED|OPTIONAL [DEBIAN_PACKAGE]): sets OUT to what a target links
# for the library NAME, or to nothing when an optional one is missing. NAME is a pkg-config module,
# or a plain library name for the few libraries without one.
find_package(PkgConfig REQUIRED)

function(pbase_library_find out name need)
  string(MAKE_C_IDENTIFIER "pbase_lib_${name}" key)
  pkg_check_modules(${key} QUIET IMPORTED_TARGET GLOBAL ${name})
  if(TARGET PkgConfig::${key})
    set(found PkgConfig::${key})
  else()
    find_library(${key}_path NAMES ${name})
    mark_as_advanced(${key}_path)
    set(found "${${key}_path}")
  endif()
  if(NOT found)
    set(found "")
    if(need STREQUAL REQUIRED)
      message(FATAL_ERROR "${name} was not found; install ${ARGV3} (or run ./dev setup)")
    endif()
  endif()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()
