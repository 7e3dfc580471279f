/* The nearest known name, over bytes. */
#include "base/nearest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after setjmp.h */
#include <cmocka.h>

/* The hint for `wanted` among a few names; "" when none is near. */
static void assert_hint(const char *wanted, const char *hint)
{
    static const char *const names[] = {"people", "orders", "where", "length"};
    nearest found;
    pbase_error err;
    pbase_error_init(&err);
    (void)PBASE_FAIL(&err, PBASE_NOT_FOUND, "not there");
    nearest_init(&found, pbase_bytes_text(wanted));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        nearest_offer(&found, pbase_bytes_text(names[i]));
    }
    nearest_hint(&found, &err);
    assert_string_equal(err.hint, hint);
}

static void one_slip_is_near(void **state)
{
    (void)state;
    assert_hint("poeple", "did you mean 'people'?");
    assert_hint("people", "did you mean 'people'?");
    assert_hint("order", "did you mean 'orders'?");
    assert_hint("WHERE", "did you mean 'where'?");
    assert_hint("lenght", "did you mean 'length'?");
    assert_hint("wherre", "did you mean 'where'?");
}

static void what_shares_little_is_not(void **state)
{
    (void)state;
    assert_hint("zebra", "");
    assert_hint("", "");
    assert_hint("x", "");
    assert_hint("a name that is far longer than any name which anybody could have meant by it", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_is_near),
        cmocka_unit_test(what_shares_little_is_not),
    };
    return cmocka_run_group_tests_name("core.base.nearest", tests, NULL, NULL);
}
