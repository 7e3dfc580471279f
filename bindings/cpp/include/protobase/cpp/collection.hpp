// collection.hpp - every kind of collection: dict.hpp, list.hpp, set.hpp, nesting.hpp.
#ifndef PROTOBASE_CPP_COLLECTION_HPP
#define PROTOBASE_CPP_COLLECTION_HPP
#include <protobase/cpp/dict.hpp>
#include <protobase/cpp/list.hpp>
#include <protobase/cpp/set.hpp>
#endif
