/* Floats as text and back. */
#include "base/number_text.h"
#include "seed.h"
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

static void assert_written(double real, const char *wanted)
{
    char text[NUMBER_TEXT_BYTES];
    number_text_format(real, text);
    assert_string_equal(text, wanted);
}

static void floats_are_written_short_and_never_as_ints(void **state)
{
    (void)state;
    assert_written(2, "2.0");
    assert_written(-0.0, "-0.0");
    assert_written(0.1, "0.1");
    assert_written(1e300, "1e+300");
    assert_written(1.0 / 3, "0.3333333333333333");
    assert_written(5e-324, "4.94065645841247e-324");
}

static void every_float_reads_back(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("core.base.number_text"));
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t bits = seed_next(&random);
        double real = 0;
        char text[NUMBER_TEXT_BYTES];
        memcpy(&real, &bits, sizeof real);
        if (isfinite(real)) {
            number_text_format(real, text);
            assert_true(number_text_parse(pbase_bytes_text(text)) == real);
        }
    }
}

static void the_locale_does_not_matter(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_BYTES];
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL &&
        setlocale(LC_NUMERIC, "es_ES.UTF-8") == NULL) {
        skip(); /* no locale with a decimal comma is installed */
    }
    number_text_format(1.5, text);
    assert_string_equal(text, "1.5");
    assert_true(number_text_parse(pbase_bytes_text("1.5")) == 1.5);
    (void)setlocale(LC_NUMERIC, "C"); /* always there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_written_short_and_never_as_ints),
        cmocka_unit_test(every_float_reads_back),
        cmocka_unit_test(the_locale_does_not_matter),
    };
    return cmocka_run_group_tests_name("core.base.number_text", tests, NULL, NULL);
}
