# pbase_warnings_enable(TARGET): the warnings of the house, all of them errors, gcc and clang alike.
function(pbase_warnings_enable target)
  set(both
      -Wall -Wextra -Wpedantic -Werror
      -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wformat=2 -Wundef -Wvla
      -Wpointer-arith -Wswitch-enum -Wwrite-strings -Wnull-dereference)
  set(c_only -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wbad-function-cast)
  set(gcc_only -Wdouble-promotion -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wimplicit-fallthrough=5)
  set(clang_only -Wimplicit-fallthrough -Wcomma -Wunreachable-code)
  target_compile_options(${target} PRIVATE
    ${both}
    $<$<COMPILE_LANGUAGE:C>:${c_only}>
    $<$<COMPILE_LANG_AND_ID:C,GNU>:${gcc_only}>
    $<$<COMPILE_LANG_AND_ID:C,Clang>:${clang_only}>)
endfunction()
