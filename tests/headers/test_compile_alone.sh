#!/usr/bin/env bash
# Every public header compiles alone as C11, C17 and C++17.
exec "$(dirname "$0")/../../tools/check_headers"
