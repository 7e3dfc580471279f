/* select ... from ...: what everybody types first, and the pipes it stands for. */
#include "query_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after setjmp.h */
#include <cmocka.h>

static int begin(void **state)
{
    static query_case c;
    query_case_init(&c);
    query_case_collection(
        &c, "emp",
        "[{'name': 'Ada', 'dept': 1, 'pay': 30}, {'name': 'Bo', 'dept': 2, 'pay': 10},"
        " {'name': 'Cy', 'dept': 1, 'pay': 20}, {'name': 'Di', 'dept': 9, 'pay': 10}]");
    query_case_collection(&c, "dept",
                          "[{'id': 1, 'title': 'Lab'}, {'id': 2, 'title': 'Yard'},"
                          " {'id': 3, 'title': 'Attic'}]");
    *state = &c;
    return 0;
}

static int end(void **state)
{
    query_case_fini(*state);
    return 0;
}

/* Both texts make the same plan. */
static void assert_same_plan(query_case *c, const char *sql, const char *pipes)
{
    pbase_query *a = query_case_parse(c, sql), *b = query_case_parse(c, pipes);
    if (!pbase_value_identical(pbase_query_plan(a), pbase_query_plan(b))) {
        fail_msg("%s\nis\n%s\nand not\n%s", sql, json_text(pbase_query_plan(a), &c->arena),
                 json_text(pbase_query_plan(b), &c->arena));
    }
    pbase_query_destroy(a);
    pbase_query_destroy(b);
}

static void a_selection_is_the_pipes_it_stands_for(void **state)
{
    query_case *c = *state;
    assert_same_plan(c,
                     "select name, pay * 2 as twice from emp where pay > 5 order by twice desc"
                     " limit 3 offset 1",
                     "from emp | where pay > 5 | order by pay * 2 desc | offset 1 | limit 3"
                     " | select { name, twice: pay * 2 }");
    assert_same_plan(c, "select distinct dept from emp order by dept",
                     "from emp | select { dept } | distinct | order by dept");
    assert_same_plan(c, "select dept, count(*) as n from emp group by dept having n > 1 order by n",
                     "from emp | group by dept { n: count() } | where n > 1 | order by n"
                     " | select { dept, n }");
    assert_same_plan(c,
                     "SELECT e.name FROM emp AS e LEFT OUTER JOIN dept d ON e.dept = d.id"
                     " WHERE d.id IS NULL",
                     "from emp as e | join left dept d on e.dept = d.id | where d.id is null"
                     " | select { name: e.name }");
    assert_same_plan(c, "select name from emp union all select title from dept order by name",
                     "from emp | select { name } | union_all (from dept | select { name: title })"
                     " | order by name");
}

static void joins_of_every_kind_stand_behind_from(void **state)
{
    query_case *c = *state;
    assert_rows(c, "select e.name, d.title from emp e join dept d on e.dept = d.id order by e.name",
                "[{'name': 'Ada', 'title': 'Lab'}, {'name': 'Bo', 'title': 'Yard'},"
                " {'name': 'Cy', 'title': 'Lab'}]");
    assert_rows(c,
                "select d.title as t, count(e.name) as n from dept d left join emp e"
                " on e.dept = d.id group by d.title order by n desc, t",
                "[{'t': 'Lab', 'n': 2}, {'t': 'Yard', 'n': 1}, {'t': 'Attic', 'n': 0}]");
    assert_rows(c,
                "select a.name as x, b.name as y from emp a, emp b"
                " where a.dept = b.dept and a.pay > b.pay",
                "[{'x': 'Ada', 'y': 'Cy'}]");
    assert_rows(c, "select count(*) as n from emp e cross join dept d", "[{'n': 12}]");
    assert_rows(c, "select name from emp semi join dept d on dept = d.id limit 1",
                "[{'name': 'Ada'}]");
    assert_rows(c,
                "select e.name from emp e full join dept d on e.dept = d.id where e is null"
                " or d is null",
                "[{'name': 'Di'}, {'name': null}]");
}

static void aggregates_stand_in_any_expression(void **state)
{
    query_case *c = *state;
    assert_rows(c,
                "select dept, sum(pay) / count(*) as mean, sum(pay) + 1 as more from emp"
                " group by dept having count(*) > 1 or sum(pay) > 9 order by sum(pay) desc, dept",
                "[{'dept': 1, 'mean': 25.0, 'more': 51}, {'dept': 2, 'mean': 10.0, 'more': 11},"
                " {'dept': 9, 'mean': 10.0, 'more': 11}]");
    assert_rows(c, "select max(pay) - min(pay) as spread from emp", "[{'spread': 20}]");
    assert_rows(c, "select count(distinct dept) as d, count(*) as n, count(*) as again from emp",
                "[{'d': 3, 'n': 4, 'again': 4}]");
    assert_rows(c,
                "select pay // 20 as band, sum(pay) filter (where dept = 1) as s from emp"
                " group by pay // 20 as band order by band",
                "[{'band': 0, 's': null}, {'band': 1, 's': 50}]");
    assert_rows(c,
                "select upper(name) as u, count(*) as n from emp group by upper(name) as k"
                " order by u limit 1",
                "[{'u': 'ADA', 'n': 1}]");
    assert_rows(c, "select dept from emp group by dept order by max(pay), dept",
                "[{'dept': 2}, {'dept': 9}, {'dept': 1}]");
    assert_rows(c, "select sum(pay) * 2 as twice from emp having twice > 100", "[{'twice': 140}]");
}

static void distinct_and_set_operations_combine_selections(void **state)
{
    query_case *c = *state;
    assert_rows(c, "select distinct pay from emp order by pay desc limit 2",
                "[{'pay': 30}, {'pay': 20}]");
    assert_rows(c, "select dept as d from emp except select id from dept", "[{'d': 9}]");
    assert_rows(c, "select dept from emp intersect select id from dept",
                "[{'dept': 1}, {'dept': 2}]");
    assert_rows(c,
                "select id from dept union select dept from emp union all select pay from emp"
                " where pay = 30 order by id desc limit 2",
                "[{'id': 30}, {'id': 9}]");
    assert_rows(c, "select * from dept union select * from dept | count", "[{'count': 3}]");
    assert_rows(c, "select distinct * from emp where pay = 10 order by name desc | select { name }",
                "[{'name': 'Di'}, {'name': 'Bo'}]");
    assert_rows(c,
                "from dept | join (select dept, max(pay) as top from emp group by dept) m"
                " on id = m.dept | select { title, top: m.top }",
                "[{'title': 'Lab', 'top': 30}, {'title': 'Yard', 'top': 10}]");
}

static void what_a_selection_cannot_say_is_an_error_with_a_place(void **state)
{
    query_case *c = *state;
    static const struct {
        const char *text;
        const char *where;
        const char *part;
    } wrong[] = {
        {"select name, count(*) as n from emp group by dept", "line 1 column 8",
         "beside aggregates a column is one of the keys"},
        {"select name from emp\nwhere sum(pay) > 3", "line 2 column 7", "cannot stand here"},
        {"select sum(max(pay)) as x from emp", "line 1 column 12", "cannot stand here"},
        {"select name from emp having name > 'A'", "line 1 column 29", "having needs"},
        {"select * from emp group by dept", "line 1 column 1", "select * cannot go with group by"},
        {"select distinct name from emp order by pay", "line 1 column 31",
         "with distinct, order by names selected columns"},
        {"select name from (select name from emp) x", "line 1 column 18", "a query cannot stand"},
        {"select name, pay from emp union select id from dept", "line 1 column 33",
         "this selection has 1 columns, the first has 2"},
        {"select e.name, pay from emp e", "line 1 column 16", "'pay' is not one of the names"},
        {"select e.name from emp e join dept d on e.dept = d.id where dd.id = 1",
         "line 1 column 61", "'dd' is not one of the names behind from"},
        {"select sum(e.pay), max(pay) as m from emp e", "line 1 column 20", "'pay' is not one of"},
        {"select e.dept from emp e group by dept", "line 1 column 35", "'dept' is not one of"},
        {"select dept from emp group by dept having pay > 1", "line 1 column 43",
         "beside aggregates"},
        {"select dept from emp group by dept order by pay", "line 1 column 36",
         "beside aggregates"},
        {"select pay + 1 from emp", "line 1 column 8", "this column has no name"},
        {"select name from emp inner dept d", "line 1 column 28", "expected 'join'"},
        {"select sum(*) as s from emp", "line 1 column 12", "expected an expression"},
        {"select sum() as s from emp", "line 1 column 8", "'sum' needs an expression"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_fails(c, wrong[i].text, PBASE_INVALID, wrong[i].part);
        assert_string_equal(c->error.where, wrong[i].where);
    }
    assert_fails(c, "select e.name from emp e where eee.pay = 1", PBASE_INVALID, "'eee'");
    assert_fails(c, "select emq.name from emp as emp", PBASE_INVALID, "'emq'");
    assert_string_equal(c->error.hint, "did you mean 'emp'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_selection_is_the_pipes_it_stands_for, begin, end),
        cmocka_unit_test_setup_teardown(joins_of_every_kind_stand_behind_from, begin, end),
        cmocka_unit_test_setup_teardown(aggregates_stand_in_any_expression, begin, end),
        cmocka_unit_test_setup_teardown(distinct_and_set_operations_combine_selections, begin, end),
        cmocka_unit_test_setup_teardown(what_a_selection_cannot_say_is_an_error_with_a_place, begin,
                                        end),
    };
    return cmocka_run_group_tests_name("query.select", tests, NULL, NULL);
}
