/* Expressions keep their meaning from text to tree to JSON and back. */
#include "expr/expr_text.h"
#include "expr/function.h"
#include "random_value.h"
#include "seed.h"
#include <protobase/expr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define TREES 3000u

static const expr *parsed_bytes(pbase_bytes text, pbase_arena *arena)
{
    lexer lx;
    pbase_error err;
    const expr *tree = NULL;
    pbase_error_init(&err);
    if (lexer_init(&lx, text, arena, &err) != PBASE_OK || expr_text_parse(&lx, &tree) != PBASE_OK ||
        lx.current.kind != TOKEN_END) {
        fail_msg("%.*s: %s", (int)text.size, (const char *)text.data, err.message);
    }
    return tree;
}

static const expr *parsed(const char *text, pbase_arena *arena)
{
    return parsed_bytes(pbase_bytes_text(text), arena);
}

static pbase_bytes formatted_bytes(const expr *tree, pbase_arena *arena)
{
    pbase_buffer text;
    pbase_bytes copy;
    pbase_buffer_init(&text, arena->alloc);
    assert_int_equal(expr_format(tree, &text, NULL), PBASE_OK);
    assert_int_equal(pbase_arena_copy(arena, pbase_buffer_view(&text), &copy, NULL), PBASE_OK);
    pbase_buffer_fini(&text);
    return copy;
}

static const char *formatted(const expr *tree, pbase_arena *arena)
{
    return pbase_arena_text(arena, formatted_bytes(tree, arena));
}

/* Text says again what was read, with the parentheses that it needs. */
static void text_is_written_with_the_parentheses_it_needs(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *written;
    } cases[] = {
        {"a+b*c", "a + b * c"},
        {"(a+b)*c", "(a + b) * c"},
        {"a-(b-c)-d", "a - (b - c) - d"},
        {"-(-a)", "-(-a)"},
        {"- 5", "-5"},
        {"-(5)", "-(5)"},
        {"a and (b or c) and d", "a and (b or c) and d"},
        {"a or b and c", "a or b and c"},
        {"not (a and b)", "not (a and b)"},
        {"not a = b", "not a = b"},
        {"(not a) = b", "(not a) = b"},
        {"(a = b) = c", "(a = b) = c"},
        {"a not in (1,2)", "not a in (1, 2)"},
        {"a BETWEEN 1 AND 2 and b", "a between 1 and 2 and b"},
        {"a is not null or b IS NULL", "a is not null or b is null"},
        {"case when a then 1 else 2 end + 1", "case when a then 1 else 2 end + 1"},
        {"\"end\" = 'it''s' || x'0A'", "\"end\" = concat('it''s', x'0a')"},
        {"a.\"b c\"[-1].d", "a.\"b c\"[-1].d"},
        {"LENGTH(a) != 1e3", "length(a) <> 1000.0"},
        {"float 'nan' <=> $p", "float 'nan' <=> $p"},
        {"timestamp '2024-01-01T01:00:00+01:00'", "timestamp '2024-01-01T00:00:00Z'"},
        {"{a: [1, {}], \"b c\": null}", "{a: [1, {}], \"b c\": null}"},
        {"-9223372036854775808 // -1", "-9223372036854775808 // -1"},
        {"a like 'x' and not b ilike 'y'", "a like 'x' and not b ilike 'y'"},
    };
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *written = formatted(parsed(cases[i].given, &arena), &arena);
        assert_string_equal(written, cases[i].written);
        assert_string_equal(formatted(parsed(written, &arena), &arena), written);
    }
    pbase_arena_fini(&arena);
}

/* --- random trees ------------------------------------------------------------------------------ */

static const expr *random_tree(seed_random *random, unsigned depth, pbase_arena *arena);

static const expr *random_leaf(seed_random *random, pbase_arena *arena)
{
    static const char *const paths[] = {"a",     "a.b",     "b[0].c",
                                        "x[-1]", "\"end\"", "\"a b\".\"c\"\"d\""};
    static const random_value_options options = {.depth_max = 1, .items_max = 3};
    const expr *leaf = NULL;
    pbase_path path;
    pbase_value value;
    switch (seed_below(random, 4)) {
    case 0:
        assert_int_equal(
            path_parse(pbase_bytes_text(paths[seed_below(random, 6)]), arena, &path, NULL),
            PBASE_OK);
        assert_int_equal(expr_field(arena, path, &leaf, NULL), PBASE_OK);
        return leaf;
    case 1:
        assert_int_equal(expr_parameter(arena, pbase_bytes_text("p1"), &leaf, NULL), PBASE_OK);
        return leaf;
    case 2:
        value = pbase_value_int((int64_t)seed_next(random));
        break;
    default:
        value = random_value(random, &options, arena);
        if (value.kind == PBASE_VECTOR) { /* has no text form that is read back */
            value = pbase_value_null();
        }
        for (size_t i = 0; value.kind == PBASE_LIST && i < value.as.list.count; i++) {
            if (value.as.list.items[i].kind == PBASE_VECTOR) {
                value = pbase_value_null();
            }
        }
        for (size_t i = 0; value.kind == PBASE_MAP && i < value.as.map.count; i++) {
            if (value.as.map.fields[i].value.kind == PBASE_VECTOR ||
                value.as.map.fields[i].name.size == 0) {
                value = pbase_value_map(NULL, 0);
            }
        }
        break;
    }
    assert_int_equal(expr_literal(arena, value, &leaf, NULL), PBASE_OK);
    return leaf;
}

static const expr *random_tree(seed_random *random, unsigned depth, pbase_arena *arena)
{
    static const char *const names[] = {
        "=",     "<>",       "<=>",    "<",       "<=",      ">",        ">=",           "and",
        "or",    "not",      "in",     "between", "is_null", "not_null", "type",         "like",
        "ilike", "contains", "+",      "-",       "*",       "/",        "//",           "%",
        "abs",   "concat",   "length", "substr",  "case",    "coalesce", "between_open",
    };
    if (depth == 0 || seed_below(random, 4) == 0) {
        return random_leaf(random, arena);
    }
    const expr_function *function =
        function_named(names[seed_below(random, sizeof names / sizeof names[0])]);
    const expr *args[4];
    const expr *tree = NULL;
    size_t least = function->is_flat || function->arg_min > 2 ? 2 : function->arg_min;
    least = least < function->arg_min ? function->arg_min : least;
    size_t most = function->arg_max < 4 ? function->arg_max : 4;
    size_t count = least + seed_below(random, most - least + 1);
    for (size_t i = 0; i < count; i++) {
        args[i] = random_tree(random, depth - 1, arena);
    }
    assert_int_equal(expr_call(arena, function, args, count, &tree, NULL), PBASE_OK);
    return tree;
}

static void random_trees_survive_text_and_json(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("core.expr.forms"));
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    for (unsigned i = 0; i < TREES; i++) {
        const expr *tree = random_tree(&random, 4, &arena), *again = NULL;
        pbase_value json;
        pbase_bytes text = formatted_bytes(tree, &arena); /* strings may hold zero bytes */
        const expr *read = parsed_bytes(text, &arena);
        if (!expr_equal(read, tree)) {
            fail_msg("'%.*s' reads back as '%s'", (int)text.size, (const char *)text.data,
                     formatted(read, &arena));
        }
        assert_int_equal(expr_to_value(tree, &arena, &json, NULL), PBASE_OK);
        assert_int_equal(expr_from_value(&json, &arena, &again, NULL), PBASE_OK);
        assert_true(expr_equal(tree, again));
        pbase_arena_reset(&arena);
    }
    pbase_arena_fini(&arena);
}

/* --- the public face --------------------------------------------------------------------------- */

static void an_expression_is_computed_over_a_row(void **state)
{
    (void)state;
    pbase_arena arena;
    pbase_error err;
    pbase_expr *self = NULL;
    pbase_value result;
    const pbase_field fields[] = {{pbase_bytes_text("age"), pbase_value_int(36)}};
    const pbase_value row = pbase_value_map(fields, 1);
    const pbase_field given[] = {{pbase_bytes_text("min"), pbase_value_int(18)}};
    const pbase_value parameters = pbase_value_map(given, 1);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_error_init(&err);

    assert_int_equal(
        pbase_expr_parse(NULL, pbase_bytes_text("age >= $min and not exists(x)"), &self, &err),
        PBASE_OK);
    assert_int_equal(pbase_expr_evaluate(self, &row, &parameters, &arena, &result, &err), PBASE_OK);
    assert_true(result.kind == PBASE_BOOL && result.as.boolean);
    assert_int_equal(pbase_expr_evaluate(self, &row, NULL, &arena, &result, &err), PBASE_INVALID);
    assert_string_equal(err.message, "parameter $min has no value");
    pbase_expr_destroy(self);

    assert_int_equal(
        pbase_expr_parse(NULL, pbase_bytes_text("age + 9223372036854775807"), &self, &err),
        PBASE_OK);
    assert_int_equal(pbase_expr_evaluate(self, &row, NULL, &arena, &result, &err), PBASE_INVALID);
    pbase_expr *again = NULL;
    assert_int_equal(pbase_expr_from_value(NULL, pbase_expr_value(self), &again, &err), PBASE_OK);
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    assert_int_equal(pbase_expr_format(again, &text, &err), PBASE_OK);
    assert_memory_equal(text.data, "age + 9223372036854775807", text.size);
    pbase_buffer_fini(&text);
    pbase_expr_destroy(again);
    pbase_expr_destroy(self);

    self = NULL;
    assert_int_equal(pbase_expr_parse(NULL, pbase_bytes_text("age >"), &self, &err), PBASE_INVALID);
    assert_string_equal(err.where, "line 1 column 6");
    assert_int_equal(pbase_expr_parse(NULL, pbase_bytes_text("a b"), &self, &err), PBASE_INVALID);
    assert_null(self);
    pbase_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_written_with_the_parentheses_it_needs),
        cmocka_unit_test(random_trees_survive_text_and_json),
        cmocka_unit_test(an_expression_is_computed_over_a_row),
    };
    return cmocka_run_group_tests_name("core.expr.forms", tests, NULL, NULL);
}
