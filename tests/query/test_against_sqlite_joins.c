/* The same random questions to SQLite and to us: joins, set operations, distinct, unnest, traverse,
 * groups over joins; a part of them in SQL in both. */
#include "sqlite_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after setjmp.h */
#include <cmocka.h>

static const question_source left_source = {"t.", ""}, right_source = {"u.", "r."};

static void of_left(question *q)
{
    q->sources[0] = left_source;
    q->source_count = 1;
}

static void of_right(question *q)
{
    q->sources[0] = (question_source){"", ""};
    q->source_count = 1;
}

static void of_both(question *q)
{
    q->sources[0] = left_source;
    q->sources[1] = right_source;
    q->source_count = 2;
}

/* --- joins -------------------------------------------------------------------------------------- */

static const char *const equalities[][2] = {
    {"t.i = u.i", "i = r.i"},
    {"t.s = u.s", "r.s = s"},
    {"t.p = u.id", "p = r.id"},
    {"t.i + 1 = u.i", "i + 1 = r.i"},
    {"t.f = u.f", "f = r.f"},
    {"t.i = u.f", "i = r.f"},
    {"t.i = u.i and t.s = u.s", "i = r.i and s = r.s"},
};

/* An equality, any condition, or both. */
static void make_on(question *q, unsigned depth)
{
    const char *const *equality = equalities[question_below(q, 7)];
    unsigned form = question_below(q, 4);
    if (form > 0) {
        question_sql(q, "%s", equality[0]);
        question_text(q, "%s", equality[1]);
        question_both(q, form == 1 ? " and " : "");
    }
    if (form < 2) {
        question_condition(q, depth);
    }
}

/* The right input, filtered now and then. */
static void add_right(question *q, const char *kind_sql, const char *kind_text)
{
    question filter, on;
    of_right(q);
    question_part(q, &filter, question_condition, 1);
    of_both(q);
    question_part(q, &on, make_on, 2);
    /* the same rows with columns of their own, so that the alias stands for several */
    static const char *const shapes[] = {"", " | extend { zz: i }", " | select { id, i, f, s, p }"};
    const char *shape = shapes[question_below(q, 3)];
    if (question_below(q, 3) == 0) {
        question_sql(q, " %s join (select * from u where %s) as u on %s", kind_sql, filter.sql,
                     on.sql);
        question_text(q, " | join %s (from u | where %s%s) r on %s", kind_text, filter.text, shape,
                      on.text);
    } else {
        question_sql(q, " %s join u on %s", kind_sql, on.sql);
        question_text(q, " | join %s (from u%s) as r on %s", kind_text, shape, on.text);
    }
}

static void pairs_question(question *q)
{
    static const char *const kinds[] = {"inner", "left", "right", "full"};
    const char *kind = kinds[question_below(q, 4)];
    question where, x, y, right;
    right.random = q->random;
    right.sql_size = right.text_size = 0;
    add_right(&right, kind, kind);
    q->random = right.random;
    of_both(q);
    question_part(q, &where, question_condition, 2);
    question_part(q, &x, question_number, 1);
    question_part(q, &y, question_string, 1);
    bool has_where = question_below(q, 2) == 0, has_limit = question_below(q, 4) == 0;
    question_sql(q, "select t.id, u.id, %s, %s from t%s", x.sql, y.sql, right.sql);
    question_text(q, "from t%s", right.text);
    if (has_where) {
        question_sql(q, " where %s", where.sql);
        question_text(q, " | where %s", where.text);
    }
    question_sql(q, " order by t.id, u.id");
    question_text(q, " | order by id, r.id");
    if (has_limit) {
        question_sql(q, " limit 7 offset 3");
        question_text(q, " | offset 3 | limit 7");
    }
    question_text(q, " | select { a: id, b: r.id, x: %s, y: %s }", x.text, y.text);
}

/* Left order is kept without an order. */
static void existence_question(question *q)
{
    question on, where;
    bool is_anti = question_below(q, 2) == 0;
    of_both(q);
    question_part(q, &on, make_on, 2);
    of_left(q);
    question_part(q, &where, question_condition, 2);
    question_sql(q, "select t.id from t where %s exists (select 1 from u where %s) and %s",
                 is_anti ? "not" : "", on.sql, where.sql);
    question_text(q, "from t | join %s u r on %s | where %s | select { id }",
                  is_anti ? "anti" : "semi", on.text, where.text);
}

static void joined_groups_question(question *q)
{
    static const char *const keys[][2] = {{"t.s", "s"}, {"u.s", "r.s"}, {"u.i", "r.i"}};
    const char *const *key = keys[question_below(q, 3)];
    const char *kind = question_below(q, 2) == 0 ? "inner" : "left";
    question right;
    right.random = q->random;
    right.sql_size = right.text_size = 0;
    add_right(&right, kind, kind);
    q->random = right.random;
    question_sql(q,
                 "select %s as k, count(*), count(u.id), sum(u.i), min(t.s), max(u.f),"
                 " count(distinct t.i) from t%s group by %s order by k",
                 key[0], right.sql, key[0]);
    question_text(q,
                  "from t%s | group by k: %s { n: count(), m: count(r.id), s: sum(r.i),"
                  " low: min(s), high: max(r.f), d: count(distinct i) } | order by k",
                  right.text, key[1]);
}

/* The same text for both, or nearly. */
static void sql_question(question *q)
{
    question on, where, x;
    static const char *const kinds[] = {"join", "left join", "inner join", "right join",
                                        "full outer join"};
    const char *kind = kinds[question_below(q, 5)];
    q->sources[0] = (question_source){"t.", "t."};
    q->sources[1] = (question_source){"u.", "u."};
    q->source_count = 2;
    question_part(q, &on, question_condition, 2);
    question_part(q, &where, question_condition, 2);
    question_part(q, &x, question_number, 1);
    if (question_below(q, 2) == 0) {
        question_sql(q,
                     "select t.id as a, u.id as b, %s as x from t %s u on t.i = u.i and %s"
                     " where %s order by t.id, u.id limit 50",
                     x.sql, kind, on.sql, where.sql);
        question_text(q,
                      "select t.id as a, u.id as b, %s as x from t as t %s u on t.i = u.i and %s"
                      " where %s order by t.id, u.id limit 50",
                      x.text, kind, on.text, where.text);
        return;
    }
    question_sql(q,
                 "select u.s as k, count(*) as n, sum(t.i) + count(u.i) as x from t %s u"
                 " on t.p = u.id and %s group by u.s having count(*) > 1 or max(t.i) > 2"
                 " order by count(*) desc, k",
                 kind, on.sql);
    question_text(q,
                  "select u.s as k, count(*) as n, sum(t.i) + count(u.i) as x from t as t %s u"
                  " on t.p = u.id and %s group by u.s as k having count(*) > 1 or max(t.i) > 2"
                  " order by count(*) desc, k",
                  kind, on.text);
}

/* --- sets --------------------------------------------------------------------------------------- */

static void sets_question(question *q)
{
    static const char *const sql[] = {"union", "union all", "intersect", "except"};
    static const char *const text[] = {"union", "union_all", "intersect", "except"};
    static const char *const tables[] = {"t", "u"};
    unsigned inputs = 2 + question_below(q, 2);
    for (unsigned i = 0; i < inputs; i++) {
        question where, y;
        unsigned operation = question_below(q, 4);
        const char *table = tables[question_below(q, 2)],
                   *x = question_below(q, 2) == 0 ? "i" : "p";
        question_part(q, &where, question_condition, 2);
        question_part(q, &y, question_string, 1);
        if (i > 0) {
            question_sql(q, " %s ", sql[operation]);
            question_text(q, " | %s (", text[operation]);
        }
        question_sql(q, "select %s as x, %s as y from %s where %s", x, y.sql, table, where.sql);
        question_text(q, "from %s | where %s | select { x: %s, y: %s }%s", table, where.text, x,
                      y.text, i > 0 ? ")" : "");
    }
    question_sql(q, " order by x, y");
    question_text(q, " | order by x, y");
}

static void distinct_question(question *q)
{
    question where, y;
    question_part(q, &where, question_condition, 2);
    question_part(q, &y, question_string, 2);
    question_sql(
        q, "select * from (select distinct i, %s as y from t where %s) where i > -3 order by i, y",
        y.sql, where.sql);
    question_text(
        q, "from t | where %s | select { i, y: %s } | distinct | where i > -3 | order by i, y",
        where.text, y.text);
}

/* --- lists and relations ------------------------------------------------------------------------ */

static void unnest_question(question *q)
{
    question where;
    bool is_outer = question_below(q, 2) == 0;
    of_left(q);
    question_part(q, &where, question_condition, 2);
    question_sql(q,
                 "select t.id, e.value from t %s json_each(t.l) as e where %s and %s"
                 " order by t.id, e.key",
                 is_outer ? "left join" : "join", where.sql,
                 question_below(q, 2) == 0 ? "true" : "typeof(e.value) <> 'text'");
    bool is_filtered = strstr(q->sql, "typeof") != NULL;
    question_text(q, "from t | unnest %s l as e | where %s%s | select { id, e }",
                  is_outer ? "outer" : "", where.text, is_filtered ? " and type(e) <> 'str'" : "");
}

static void traverse_question(question *q)
{
    question start;
    bool is_up = question_below(q, 2) == 0, has_start = question_below(q, 2) == 0;
    unsigned depth = question_below(q, 4) == 0 ? 12 : question_below(q, 4);
    of_left(q);
    question_part(q, &start, question_condition, 1);
    question_sql(q,
                 "with recursive r(id, p, depth) as (select t.id, t.p, 0 from t where %s union"
                 " select t.id, t.p, r.depth + 1 from t join r on %s where r.depth < %u)"
                 " select id, min(depth) as d from r group by id having d >= %u order by d, id",
                 start.sql, is_up ? "t.id = r.p" : "t.p = r.id", depth, has_start ? 0 : 1);
    question_text(q,
                  "from t | where %s | traverse %s t key id ref p depth %u %s %s"
                  " | order by depth, id | select { id, depth }",
                  start.text, is_up ? "up" : "down", depth,
                  question_below(q, 2) == 0 ? "dfs" : "bfs", has_start ? "include start" : "");
}

static void make_question(question *q)
{
    static void (*const kinds[])(question * q) = {
        pairs_question,  existence_question, joined_groups_question,
        sql_question,    sets_question,      distinct_question,
        unnest_question, traverse_question,  pairs_question,
    };
    kinds[question_below(q, sizeof kinds / sizeof kinds[0])](q);
}

static void random_questions_over_several_inputs_have_the_answers_of_sqlite(void **state)
{
    (void)state;
    sqlite_compare("query.against_sqlite_joins", 10000, make_question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_questions_over_several_inputs_have_the_answers_of_sqlite),
    };
    return cmocka_run_group_tests_name("query.against_sqlite_joins", tests, NULL, NULL);
}
