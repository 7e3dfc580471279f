// protobase.hpp - ProtoBase in C++17: everything in one include, nothing to link but the C library.
//
// Objects end what they opened when they go out of scope, calls return result<T> (cpp/result.hpp), and
// the meaning of each is that of the C header it stands on. Exceptions are optional.
#ifndef PROTOBASE_PROTOBASE_HPP
#define PROTOBASE_PROTOBASE_HPP
#include <protobase/cpp/query.hpp>
#endif
