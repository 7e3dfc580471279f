/* like against the plainest matcher there is. */
#include "expr/text.h"
#include "seed.h"
#include <protobase/expr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define ROUNDS 20000u

/* Backtracks at every %. */
static bool matches(pbase_bytes text, pbase_bytes pattern)
{
    if (pattern.size == 0) {
        return text.size == 0;
    }
    pbase_bytes rest = text_after(pattern, 1);
    if (pattern.data[0] == '%') {
        for (size_t i = 0; i <= text.size; i++) {
            if (matches(text_after(text, i), rest)) {
                return true;
            }
        }
        return false;
    }
    if (text.size == 0) {
        return false;
    }
    size_t step = 1;
    if (pattern.data[0] == '_') {
        (void)text_next(text, &step);
    } else if (pattern.data[0] != text.data[0]) {
        return false;
    }
    return matches(text_after(text, step), rest);
}

static size_t random_text(seed_random *random, const char *const *letters, size_t count, char *out,
                          unsigned length_max)
{
    size_t size = 0;
    for (uint64_t n = seed_below(random, length_max + 1); n > 0; n--) {
        const char *letter = letters[seed_below(random, count)];
        memcpy(out + size, letter, strlen(letter));
        size += strlen(letter);
    }
    return size;
}

static void random_patterns_match_as_the_plain_matcher_says(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "b", "ñ", "%", "_"};
    seed_random random;
    pbase_expr *like = NULL;
    pbase_arena arena;
    unsigned matched = 0;
    seed_random_init(&random, seed_for("core.expr.like"));
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_expr_parse(NULL, pbase_bytes_text("t like $p"), &like, NULL), PBASE_OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[64], pattern[64];
        pbase_bytes t = pbase_bytes_of(text, random_text(&random, letters, 3, text, 10));
        pbase_bytes p = pbase_bytes_of(pattern, random_text(&random, letters, 5, pattern, 7));
        const pbase_field row_field = {pbase_bytes_text("t"), pbase_value_string(t)};
        const pbase_field p_field = {pbase_bytes_text("p"), pbase_value_string(p)};
        const pbase_value row = pbase_value_map(&row_field, 1);
        const pbase_value parameters = pbase_value_map(&p_field, 1);
        pbase_value result;
        assert_int_equal(pbase_expr_evaluate(like, &row, &parameters, &arena, &result, NULL),
                         PBASE_OK);
        if (result.as.boolean != matches(t, p)) {
            fail_msg("'%.*s' like '%.*s'", (int)t.size, text, (int)p.size, pattern);
        }
        matched += result.as.boolean;
        pbase_arena_reset(&arena);
    }
    assert_true(matched > ROUNDS / 20); /* both answers occur */
    pbase_expr_destroy(like);
    pbase_arena_fini(&arena);
}

static void folding_joins_letters_that_differ_in_case_alone(void **state)
{
    (void)state;
    assert_int_equal(text_fold('A'), 'a');
    assert_int_equal(text_fold(0xc9), 0xe9);              /* É é */
    assert_int_equal(text_fold(0x3a3), text_fold(0x3c2)); /* Σ and final ς */
    assert_int_equal(text_fold(0x17f), 's');              /* long s */
    assert_int_equal(text_fold(0x212a), 'k');             /* Kelvin */
    assert_int_not_equal(text_fold(0x131), 'i');          /* dotless i */
    assert_int_not_equal(text_fold(0x130), 'i');
    assert_int_equal(text_fold(0xdf), text_fold(0x1e9e)); /* ß ẞ */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns_match_as_the_plain_matcher_says),
        cmocka_unit_test(folding_joins_letters_that_differ_in_case_alone),
    };
    return cmocka_run_group_tests_name("core.expr.like", tests, NULL, NULL);
}
