// main.cpp - the C++ layer, built with and without exceptions, as C++17 and C++20.
#include "support.hpp"

// A test that throws has failed, and says so by ending the program.
int main() // NOLINT(bugprone-exception-escape)
{
    test_values();
    test_collections();
    test_nesting();
    test_objects();
    test_transactions();
    test_spaces();
    test_indexes();
    test_questions();
    test_blobs();
    test_watch();
    test_tools();
    test_backup();
    test_failing_new();
    (void)std::printf("%s\n", failures == 0 ? "all is well" : "failed");
    return failures == 0 ? 0 : 1;
}
