#!/usr/bin/env bash
# check_headers accepts headers that stand alone and names those that do not.
source "$(dirname "$0")/planted.sh"
check=("$tools/check_headers" "$tree")
header=sdk/include/protobase/base/a.h

plant $header <<<$'#ifndef A_H\n#define A_H\n#include <stddef.h>\nstruct a { size_t n; };\n#endif'
passes "a header that stands alone" "${check[@]}"
plant $header <<<$'#ifndef A_H\n#define A_H\nstruct a { size_t n; };\n#endif'
rejects "a header without its include" 'base/a.h> does not stand alone' "${check[@]}"
plant $header <<<$'struct a { int n; };'
rejects "a header without a guard" 'base/a.h> does not stand alone' "${check[@]}"
plant $header <<<$'#ifndef A_H\n#define A_H\nstruct a { int class; };\n#endif'
rejects "a header that C++ refuses" 'base/a.h> does not stand alone' "${check[@]}"
plant $header <<<$'#ifndef A_H\n#define A_H\n#include <protobase/txn.h>\n#endif'
plant core/include/protobase/txn.h </dev/null
rejects "a floor header that reaches for the engine" 'base/a.h> does not stand alone' "${check[@]}"
rm "$tree/core/include/protobase/txn.h"
plant $header <<<$'#ifndef A_H\n#define A_H\ntypedef struct { int n; int m; } pbase_a;\n#define PBASE_A_INIT {1, 2}\n#endif'
passes "an initializer by position" "${check[@]}"
plant $header <<<$'#ifndef A_H\n#define A_H\ntypedef struct { int n; int m; } pbase_a;\n#define PBASE_A_INIT {.n = 1}\n#endif'
rejects "an initializer that C++17 does not have" 'base/a.h> does not stand alone' "${check[@]}"
plant $header <<<$'#ifndef A_H\n#define A_H\n#endif'
cpp=bindings/cpp/include/protobase/cpp/b.hpp
plant $cpp <<<$'#ifndef B_HPP\n#define B_HPP\n#include <string>\ninline std::string b() { return "b"; }\n#endif'
passes "a header of the C++ layer" "${check[@]}"
plant $cpp <<<$'#ifndef B_HPP\n#define B_HPP\ninline int b() { try { return 1; } catch (...) { return 2; } }\n#endif'
rejects "a header that needs exceptions" 'cpp/b.hpp> does not stand alone' "${check[@]}"
echo "check_headers names every header that leans on others"
