# PBASE_SANITIZE: empty, or a list for -fsanitize= such as "address,undefined", "thread" or
# "fuzzer,address,undefined". It holds for the whole build: half an instrumented program is none.
set(PBASE_SANITIZE "" CACHE STRING "Sanitizers of this build, comma separated")

# pbase_sanitizers_enable(LIST): instruments every target defined afterwards.
macro(pbase_sanitizers_enable list)
  if(NOT "${list}" STREQUAL "")
    # Only the fuzz targets take libFuzzer's main(); everything else is compiled for coverage.
    string(REPLACE "fuzzer" "fuzzer-no-link" pbase_sanitizers "${list}")
    add_compile_options("-fsanitize=${pbase_sanitizers}" -fno-sanitize-recover=all
                        $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:Clang>>:-fno-sanitize=vptr,function>)
    add_link_options("-fsanitize=${pbase_sanitizers}")
  endif()
endmacro()
