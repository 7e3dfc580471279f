/* The nearest known word. */
#include "base/nearest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"segment_size", "path", "map", "durability", "type"};

/* The nearest of `words`, "" when none is near. Lent until the next call. */
static const char *nearest_word(const char *word)
{
    static char best[NEAREST_BYTES_MAX + 1];
    nearest search;
    nearest_init(&search, pbase_bytes_text(word));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        nearest_offer(&search, pbase_bytes_text(words[i]));
    }
    memcpy(best, search.text, search.best.size);
    best[search.best.size] = '\0';
    return best;
}

static void one_slip_of_the_finger_is_near(void **state)
{
    (void)state;

    assert_string_equal(nearest_word("segment_sise"), "segment_size"); /* replaced */
    assert_string_equal(nearest_word("segmentsize"), "segment_size");  /* left out */
    assert_string_equal(nearest_word("paath"), "path");                /* doubled */
    assert_string_equal(nearest_word("tpye"), "type");                 /* swapped */
    assert_string_equal(nearest_word("durabillity"), "durability");
}

static void words_that_share_little_are_not_near(void **state)
{
    (void)state;

    assert_string_equal(nearest_word("zebra"), "");
    assert_string_equal(nearest_word("xx"), "");
    assert_string_equal(nearest_word(""), "");
    assert_string_equal(
        nearest_word("a_word_so_long_that_nobody_would_ever_call_an_option_by_it_in_"
                     "earnest"),
        "");
}

static void the_first_of_two_equally_near_words_wins(void **state)
{
    (void)state;
    pbase_error err;
    nearest search;
    pbase_error_init(&err);
    nearest_init(&search, pbase_bytes_text("bat"));

    nearest_offer(&search, pbase_bytes_text("cat"));
    nearest_offer(&search, pbase_bytes_text("hat"));

    nearest_hint(&search, &err);
    assert_string_equal(err.hint, "did you mean 'cat'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_of_the_finger_is_near),
        cmocka_unit_test(words_that_share_little_are_not_near),
        cmocka_unit_test(the_first_of_two_equally_near_words_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
