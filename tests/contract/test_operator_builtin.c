/* The operator contract, kept by the built-in operators; and the checks of tables that break it. */
#include "operator_suite.h"
#include "query/operators/operators.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after setjmp.h */
#include <cmocka.h>

static const char rows[] = "[{'a': 3, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': null, 'b': 'x'},"
                           " {'a': 2, 'b': 'y'}, {'a': 3.0, 'b': null}]";

static void where_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'where'}", "{'op': 'where', 'expr': ['nope', 1]}",
                                       "{'op': 'where', 'expr': {'f': 5}}", "5", NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_filter,
        .step = "{'op': 'where', 'expr': ['and', ['>', {'f': 'a'}, 1], ['not_null', {'f': 'b'}]]}",
        .input = rows,
        .output = "[{'a': 3, 'b': 'x'}, {'a': 2, 'b': 'y'}]",
        .junk = junk});
}

static void select_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'select'}",
                                       "{'op': 'select', 'cols': 5}",
                                       "{'op': 'select', 'cols': [['x']]}",
                                       "{'op': 'select', 'cols': [[1, 2]]}",
                                       "{'op': 'select', 'cols': [['', 2]]}",
                                       NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_select,
        .step = "{'op': 'select', 'cols': [['c', ['+', {'f': 'a'}, 1]], ['k', 'lit'],"
                " ['b', {'f': 'b'}], ['no', {'f': 'zz'}]]}",
        .input = "[{'a': 3, 'b': 'x'}, {'b': 'y'}]",
        .output = "[{'c': 4, 'k': 'lit', 'b': 'x', 'no': null},"
                  " {'c': null, 'k': 'lit', 'b': 'y', 'no': null}]",
        .junk = junk});
}

static void extend_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'extend', 'cols': {}}", NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_extend,
        .step = "{'op': 'extend', 'cols': [['a', ['*', {'f': 'a'}, 2]], ['c', {'f': 'a'}]]}",
        .input = "[{'a': 3, 'b': 'x'}, {'a': 1, 'b': 'y'}]",
        .output = "[{'a': 6, 'b': 'x', 'c': 3}, {'a': 2, 'b': 'y', 'c': 1}]",
        .junk = junk});
}

static void order_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'order'}", "{'op': 'order', 'keys': []}",
                                       "{'op': 'order', 'keys': [5]}",
                                       "{'op': 'order', 'keys': [[['nope']]]}", NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_sort,
        .step = "{'op': 'order', 'keys': [[{'f': 'a'}, 'desc'], [{'f': 'b'}, 'asc', 'first']]}",
        .input = rows,
        .output = "[{'a': 3.0, 'b': null}, {'a': 3, 'b': 'x'}, {'a': 2, 'b': 'y'},"
                  " {'a': 1, 'b': 'y'}, {'a': null, 'b': 'x'}]",
        .junk = junk});
    operator_suite_run(&(operator_case){.vtable = &operator_sort,
                                        .step = "{'op': 'order', 'keys': [[{'f': 'b'}]], 'top': 2}",
                                        .input = rows,
                                        .output = "[{'a': 3.0, 'b': null}, {'a': 3, 'b': 'x'}]"});
}

static void limit_and_offset_keep_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'limit'}", "{'op': 'limit', 'n': -1}",
                                       "{'op': 'limit', 'n': 'x'}", NULL};
    operator_suite_run(&(operator_case){.vtable = &operator_limit,
                                        .step = "{'op': 'limit', 'n': 2}",
                                        .input = rows,
                                        .output = "[{'a': 3, 'b': 'x'}, {'a': 1, 'b': 'y'}]",
                                        .junk = junk});
    operator_suite_run(&(operator_case){.vtable = &operator_offset,
                                        .step = "{'op': 'offset', 'n': 3}",
                                        .input = rows,
                                        .output = "[{'a': 2, 'b': 'y'}, {'a': 3.0, 'b': null}]",
                                        .junk = junk});
}

static void count_keeps_the_contract(void **state)
{
    (void)state;
    operator_suite_run(&(operator_case){.vtable = &operator_count,
                                        .step = "{'op': 'count'}",
                                        .input = rows,
                                        .output = "[{'count': 5}]"});
}

static void group_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'group', 'keys': []}",
                                       "{'op': 'group', 'aggs': []}",
                                       "{'op': 'group', 'keys': [['k']], 'aggs': []}",
                                       "{'op': 'group', 'keys': [], 'aggs': [['n', 'nope', 1]]}",
                                       "{'op': 'group', 'keys': [], 'aggs': [['s', 'sum', null]]}",
                                       "{'op': 'group', 'keys': [], 'aggs': [5]}",
                                       NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_group,
        .step = "{'op': 'group', 'keys': [['b', {'f': 'b'}]], 'aggs': [['n', 'count', null],"
                " ['s', 'sum', {'f': 'a'}], ['m', 'min', {'f': 'b'}], ['d', 'count', {'f': 'a'},"
                " {'distinct': true, 'filter': ['>', {'f': 'a'}, 1]}], ['c', 'collect',"
                " {'f': 'a'}]]}",
        .input = rows,
        .output = "[{'b': 'x', 'n': 2, 's': 3, 'm': 'x', 'd': 1, 'c': [3, null]},"
                  " {'b': 'y', 'n': 2, 's': 3, 'm': 'y', 'd': 1, 'c': [1, 2]},"
                  " {'b': null, 'n': 1, 's': 3.0, 'm': null, 'd': 1, 'c': [3.0]}]",
        .junk = junk});
    operator_suite_run(
        &(operator_case){.vtable = &operator_group,
                         .step = "{'op': 'group', 'keys': [], 'aggs': [['n', 'count', null]]}",
                         .input = "[]",
                         .output = "[{'n': 0}]"});
}

/* --- tables that break the contract ------------------------------------------------------------ */

static void a_table_without_its_slots_is_refused(void **state)
{
    (void)state;
    pbase_operator_vtable table = operator_sort;
    pbase_operator_run_ops run = *operator_sort.run;
    table.run = &run;
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_OK);
    run.scan = NULL; /* a sink gives its rows back */
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    run = *operator_sort.run;
    run.struct_size = 8;
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    run = *operator_sort.run;
    table.traits = PBASE_OPERATOR_SINK | PBASE_OPERATOR_TRANSFORM;
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    table = operator_sort;
    table.bind = NULL;
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    assert_int_equal(pbase_operator_check(NULL, NULL), PBASE_PLUGIN);
}

static const char second_rows[] =
    "[{'a': 3, 'b': 'p'}, {'a': 1.0, 'b': 'y'}, {'a': 3, 'b': 'q'}, {'a': null, 'b': 'n'},"
    " {'a': 7, 'b': 'r'}]";

static void join_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {
        "{'op': 'join'}",
        "{'op': 'join', 'kind': 'left'}",
        "{'op': 'join', 'kind': 'lefty', 'right': 'r'}",
        "{'op': 'join', 'kind': 'left', 'right': 'a', 'left': null}",
        "{'op': 'join', 'kind': 'left', 'right': 'r', 'pairs': [[1]]}",
        "{'op': 'join', 'kind': 'left', 'right': 'r', 'on': ['nope']}",
        NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_join,
        .step = "{'op': 'join', 'kind': 'full', 'left': null, 'right': 'r',"
                " 'pairs': [[{'f': 'a'}, {'f': 'r.a'}]], 'on': ['<>', {'f': 'r.b'}, 'q']}",
        .input = "[{'a': 3, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': null, 'b': 'z'}]",
        .second = second_rows,
        .output = "[{'a': 3, 'b': 'x', 'r': {'a': 3, 'b': 'p'}},"
                  " {'a': 1, 'b': 'y', 'r': {'a': 1.0, 'b': 'y'}},"
                  " {'a': null, 'b': 'z', 'r': null},"
                  " {'a': null, 'b': null, 'r': {'a': 3, 'b': 'q'}},"
                  " {'a': null, 'b': null, 'r': {'a': null, 'b': 'n'}},"
                  " {'a': null, 'b': null, 'r': {'a': 7, 'b': 'r'}}]",
        .junk = junk});
    operator_suite_run(
        &(operator_case){.vtable = &operator_join,
                         .step = "{'op': 'join', 'kind': 'anti', 'left': 'l', 'right': 'r',"
                                 " 'on': ['<', {'f': 'l.a'}, {'f': 'r.a'}]}",
                         .input = "[{'a': 3, 'b': 'x'}, {'a': 7, 'b': 'y'}, {'a': null, 'b': 'z'}]",
                         .second = second_rows,
                         .output = "[{'a': 7, 'b': 'y'}, {'a': null, 'b': 'z'}]"});
    operator_suite_run(&(operator_case){
        .vtable = &operator_join,
        .step = "{'op': 'join', 'kind': 'cross', 'left': 'l', 'right': 'r', 'on': null}",
        .input = "[{'a': 1, 'b': 2}]",
        .second = "[{'a': 3}, {'b': 4}]",
        .output = "[{'l': {'a': 1, 'b': 2}, 'r': {'a': 3, 'b': null}},"
                  " {'l': {'a': 1, 'b': 2}, 'r': {'a': null, 'b': 4}}]"});
}

static void set_operations_keep_the_contract(void **state)
{
    (void)state;
    static const char first_rows[] =
        "[{'a': 3, 'b': 'p'}, {'a': 1, 'b': 'y'}, {'a': 3.0, 'b': 'p'}, {'a': 9}]";
    operator_suite_run(&(operator_case){
        .vtable = &operator_distinct,
        .step = "{'op': 'distinct'}",
        .input = first_rows,
        .output = "[{'a': 3, 'b': 'p'}, {'a': 1, 'b': 'y'}, {'a': 9, 'b': null}]"});
    operator_suite_run(&(operator_case){
        .vtable = &operator_union,
        .step = "{'op': 'union'}",
        .input = first_rows,
        .second = second_rows,
        .output = "[{'a': 3, 'b': 'p'}, {'a': 1, 'b': 'y'}, {'a': 9, 'b': null},"
                  " {'a': 3, 'b': 'q'}, {'a': null, 'b': 'n'}, {'a': 7, 'b': 'r'}]"});
    operator_suite_run(&(operator_case){.vtable = &operator_union_all,
                                        .step = "{'op': 'union_all'}",
                                        .input = "[{'a': 1, 'b': 2}]",
                                        .second = "[{'a': 1, 'b': 2}, {'a': 3, 'b': 4}]",
                                        .output = "[{'a': 1, 'b': 2}, {'a': 1, 'b': 2},"
                                                  " {'a': 3, 'b': 4}]"});
    operator_suite_run(&(operator_case){.vtable = &operator_intersect,
                                        .step = "{'op': 'intersect'}",
                                        .input = first_rows,
                                        .second = second_rows,
                                        .output = "[{'a': 3, 'b': 'p'}, {'a': 1, 'b': 'y'}]"});
    operator_suite_run(&(operator_case){.vtable = &operator_except,
                                        .step = "{'op': 'except'}",
                                        .input = first_rows,
                                        .second = second_rows,
                                        .output = "[{'a': 9, 'b': null}]"});
}

static void unnest_keeps_the_contract(void **state)
{
    (void)state;
    static const char *const junk[] = {"{'op': 'unnest'}", "{'op': 'unnest', 'path': 'a'}",
                                       "{'op': 'unnest', 'path': 5, 'as': 'e'}",
                                       "{'op': 'unnest', 'path': 'a..b', 'as': 'e'}", NULL};
    operator_suite_run(&(operator_case){
        .vtable = &operator_unnest,
        .step = "{'op': 'unnest', 'path': 'a', 'as': 'e', 'outer': true}",
        .input = "[{'a': [1, 2, 3, 4], 'b': 'x'}, {'a': [], 'b': 'y'}, {'a': 5, 'b': 'z'}]",
        .output = "[{'a': [1, 2, 3, 4], 'b': 'x', 'e': 1}, {'a': [1, 2, 3, 4], 'b': 'x', 'e': 2},"
                  " {'a': [1, 2, 3, 4], 'b': 'x', 'e': 3}, {'a': [1, 2, 3, 4], 'b': 'x', 'e': 4},"
                  " {'a': [], 'b': 'y', 'e': null}, {'a': 5, 'b': 'z', 'e': null}]",
        .junk = junk});
}

static pbase_status too_many(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                             int32_t *out_state, pbase_error *err)
{
    (void)shared;
    (void)local;
    (void)err;
    *out = *in;
    out->selected_count = in->row_count + 1;
    *out_state = PBASE_NEED_INPUT;
    return PBASE_OK;
}

static void a_chunk_that_counts_too_much_is_refused(void **state)
{
    (void)state;
    pbase_operator_run_ops run = *operator_limit.run;
    pbase_operator_vtable table = operator_limit;
    pbase_chunk in = {.struct_size = sizeof in, .row_count = 3, .selected_count = 3}, out = in;
    int32_t answer = 0;
    table.run = &run;
    run.apply = too_many;
    assert_int_equal(pbase_operator_apply(&table, NULL, NULL, &in, &out, &answer, NULL),
                     PBASE_PLUGIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_keeps_the_contract),
        cmocka_unit_test(select_keeps_the_contract),
        cmocka_unit_test(extend_keeps_the_contract),
        cmocka_unit_test(order_keeps_the_contract),
        cmocka_unit_test(limit_and_offset_keep_the_contract),
        cmocka_unit_test(count_keeps_the_contract),
        cmocka_unit_test(group_keeps_the_contract),
        cmocka_unit_test(join_keeps_the_contract),
        cmocka_unit_test(set_operations_keep_the_contract),
        cmocka_unit_test(unnest_keeps_the_contract),
        cmocka_unit_test(a_table_without_its_slots_is_refused),
        cmocka_unit_test(a_chunk_that_counts_too_much_is_refused),
    };
    return cmocka_run_group_tests_name("contract.operator_builtin", tests, NULL, NULL);
}
