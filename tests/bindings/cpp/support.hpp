// support.hpp - what the tests of the C++ layer share.
//
// Plain checks instead of cmocka, whose jumps would pass over destructors.
#ifndef TESTS_BINDINGS_CPP_SUPPORT_HPP
#define TESTS_BINDINGS_CPP_SUPPORT_HPP
#include <protobase/protobase.hpp>

#include <cstdio>
#include <cstdlib>

namespace pb = protobase;

inline int failures;
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);             \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

inline pb::config with_plugins(pb::config from)
{
    const char *dir = std::getenv("PBASE_PLUGIN_DIR");
    if (dir != nullptr) {
        from.plugin_dirs.emplace_back(dir);
    }
    return from;
}

inline pb::space open_memory()
{
    return pb::space::open(with_plugins(pb::config::in_memory())).value();
}

// Squares of 0..9 under the root "numbers".
inline pb::result<void> fill_numbers(pb::txn &txn)
{
    auto numbers = txn.ensure_dict("numbers");
    if (!numbers) {
        return numbers.failure();
    }
    for (int i = 0; i < 10; i++) {
        if (auto done = numbers.value().put(i, i * i); !done) {
            return done;
        }
    }
    return txn.store("numbers", numbers.value());
}

// One for each file of tests.
void test_values();
void test_collections();
void test_nesting();
void test_objects();
void test_transactions();
void test_spaces();
void test_indexes();
void test_questions();
void test_blobs();
void test_watch();
void test_tools();
void test_backup();
void test_failing_new();

#endif
