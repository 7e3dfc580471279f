/* The same random questions to SQLite and to us: rows of one table, filtered, sorted, grouped. */
#include "sqlite_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after setjmp.h */
#include <cmocka.h>

/* --- questions --------------------------------------------------------------------------------- */

static void order_keys(question *q, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        question_sql(q, "coalesce("); /* a bare number would be the number of a column */
        question_text(q, "(");
        if (question_below(q, 2) == 0) {
            question_number(q, 1);
        } else {
            question_string(q, 1);
        }
        question_sql(q, ", null)");
        question_text(q, ")");
        question_both(q, question_below(q, 2) == 0 ? " desc" : " asc");
        question_both(q, question_below(q, 3) > 0    ? ""
                         : question_below(q, 2) == 0 ? " nulls first"
                                                     : " nulls last");
        question_both(q, ", ");
    }
    question_both(q, "id");
}

/* where, order, limit, select: columns x and y. */
static void rows_question(question *q)
{
    question where, x, y;
    bool has_where = question_below(q, 4) > 0;
    question_part(q, &where, question_condition, 3);
    question_part(q, &x, question_number, 2);
    question_part(q, &y, question_string, 2);
    question_sql(q, "select id, %s as x, %s as y from t", x.sql, y.sql);
    question_text(q, "from t");
    if (has_where) {
        question_sql(q, " where %s", where.sql);
        question_text(q, " | where %s", where.text);
    }
    question_sql(q, " order by ");
    question_text(q, " | order by ");
    order_keys(q, question_below(q, 3));
    if (question_below(q, 3) == 0) {
        unsigned limit = question_below(q, 30), offset = question_below(q, 10);
        question_sql(q, " limit %u offset %u", limit, offset);
        question_text(q, " | offset %u | limit %u", offset, limit);
    }
    question_text(q, " | select { id, x: %s, y: %s }", x.text, y.text);
}

/* group by one or two keys, ordered by them. */
static void groups_question(question *q)
{
    static const char *const aggregates[][2] = {
        {"count(*)", "count()"},
        {"count(i)", "count(i)"},
        {"sum(i)", "sum(i)"},
        {"avg(f)", "avg(f)"},
        {"min(s)", "min(s)"},
        {"max(i)", "max(i)"},
        {"count(distinct s)", "count(distinct s)"},
        {"sum(f)", "sum(f)"},
        {"sum(i) filter (where f > 0)", "sum(i) filter (where f > 0)"},
        {"sum(distinct i)", "sum(distinct i)"},
    };
    question where;
    question_part(q, &where, question_condition, 2);
    bool has_where = question_below(q, 2) == 0, has_having = question_below(q, 3) == 0;
    unsigned keys = question_below(q, 3);
    const char *const *a = aggregates[question_below(q, 10)], *const *b =
                                                                  aggregates[question_below(q, 10)];
    static const char *const key_sql[] = {"", "s as k1, ", "s as k1, i % 3 as k2, "};
    static const char *const key_text[] = {"", "by k1: s ", "by k1: s, k2: i % 3 "};
    static const char *const key_names[] = {"", "k1", "k1, k2"};
    question_sql(q, "select %s%s as a, %s as b from t", key_sql[keys], a[0], b[0]);
    question_text(q, "from t");
    if (has_where) {
        question_sql(q, " where %s", where.sql);
        question_text(q, " | where %s", where.text);
    }
    question_text(q, " | group %s{ a: %s, b: %s, n: count() }", key_text[keys], a[1], b[1]);
    if (keys > 0) {
        question_sql(q, " group by %s", key_names[keys]);
        if (has_having) {
            question_sql(q, " having count(*) > 2");
            question_text(q, " | where n > 2");
        }
        question_sql(q, " order by %s", key_names[keys]);
        question_text(q, " | order by %s", key_names[keys]);
    }
    question_text(q, " | select { %s%sa, b }", key_names[keys], keys > 0 ? ", " : "");
}

static void make_question(question *q)
{
    if (question_below(q, 3) > 0) {
        rows_question(q);
    } else {
        groups_question(q);
    }
}

static void random_questions_have_the_answers_of_sqlite(void **state)
{
    (void)state;
    sqlite_compare("query.against_sqlite", 10000, make_question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_questions_have_the_answers_of_sqlite),
    };
    return cmocka_run_group_tests_name("query.against_sqlite", tests, NULL, NULL);
}
