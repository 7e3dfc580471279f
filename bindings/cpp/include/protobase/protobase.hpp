// protobase.hpp - ProtoBase in C++17: everything in one include, nothing to link but the C library.
//
// Objects end what they opened when they go out of scope, calls return result<T> (cpp/result.hpp), and
// the meaning of each is that of the C header it stands on. Exceptions are optional.
#ifndef PROTOBASE_PROTOBASE_HPP
#define PROTOBASE_PROTOBASE_HPP
#include <protobase/cpp/backup.hpp>
#include <protobase/cpp/blob.hpp>
#include <protobase/cpp/builder.hpp>
#include <protobase/cpp/check.hpp>
#include <protobase/cpp/expression.hpp>
#include <protobase/cpp/history.hpp>
#include <protobase/cpp/index.hpp>
#include <protobase/cpp/object.hpp>
#include <protobase/cpp/plugins.hpp>
#include <protobase/cpp/query.hpp>
#include <protobase/cpp/recover.hpp>
#include <protobase/cpp/space.hpp>
#include <protobase/cpp/watch.hpp>
#endif
