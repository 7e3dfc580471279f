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
echo "check_headers names every header that leans on others"
