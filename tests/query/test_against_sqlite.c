/* The same random questions to SQLite and to us.
 *
 * Rows have an int, a float and a text field, each often null; documents leave null ones out half of
 * the time. Expressions stay where both mean the same: no comparison across classes, no overflow
 * (SQLite turns to floats), no division of ints by `/` (it truncates), LIKE with its case-sensitive
 * pragma. Orders end in the row's number, so that there is one answer. Every question is asked as
 * text, as JSON plan, in small chunks, and with each rule of the optimizer off. */
#include "query_case.h"
#include "seed.h"
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define ROWS 60u
#define QUESTIONS_PER_TABLE 20u
#define TEXT_MAX 8192u

/* A question in both languages. */
typedef struct {
    char sql[TEXT_MAX];
    char text[TEXT_MAX];
    size_t sql_size;
    size_t text_size;
    seed_random random;
} question;

static void add(char *to, size_t *size, const char *format, va_list arguments) PBASE_PRINTF(3, 0);
static void add(char *to, size_t *size, const char *format, va_list arguments)
{
    int added = vsnprintf(to + *size, TEXT_MAX - *size, format, arguments);
    assert_true(added >= 0 && *size + (size_t)added < TEXT_MAX);
    *size += (size_t)added;
}

static void sql(question *q, const char *format, ...) PBASE_PRINTF(2, 3);
static void sql(question *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(q->sql, &q->sql_size, format, arguments);
    va_end(arguments);
}

static void text(question *q, const char *format, ...) PBASE_PRINTF(2, 3);
static void text(question *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(q->text, &q->text_size, format, arguments);
    va_end(arguments);
}

static void both(question *q, const char *format, ...) PBASE_PRINTF(2, 3);
static void both(question *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(q->sql, &q->sql_size, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    add(q->text, &q->text_size, format, arguments);
    va_end(arguments);
}

static unsigned below(question *q, unsigned bound)
{
    return (unsigned)seed_below(&q->random, bound);
}

static const char *word(question *q)
{
    static const char *const words[] = {"a", "ab", "abc", "b", "Ab", "", "ñu", "xyz", "a%c", "z"};
    return words[below(q, 10)];
}

/* --- expressions, by type, so that classes never meet ------------------------------------------ */

static void number(question *q, unsigned depth);
static void condition(question *q, unsigned depth);

static void string(question *q, unsigned depth)
{
    switch (below(q, depth == 0 ? 2 : 6)) {
    case 0:
        both(q, "'%s'", word(q));
        break;
    case 1:
        both(q, "s");
        break;
    case 2:
        both(q, "(");
        string(q, depth - 1);
        both(q, " || ");
        string(q, depth - 1);
        both(q, ")");
        break;
    case 3:
        both(q, "substr(");
        string(q, depth - 1);
        both(q, ", %u, %u)", 1 + below(q, 3), below(q, 3));
        break;
    case 4:
        both(q, "coalesce(");
        string(q, depth - 1);
        both(q, ", ");
        string(q, depth - 1);
        both(q, ")");
        break;
    default:
        both(q, "case when ");
        condition(q, depth - 1);
        both(q, " then ");
        string(q, depth - 1);
        both(q, " else ");
        string(q, depth - 1);
        both(q, " end");
        break;
    }
}

static void number_leaf(question *q)
{
    switch (below(q, 4)) {
    case 0:
        both(q, "%d", (int)below(q, 9) - 4);
        break;
    case 1:
        both(q, "%d.5", (int)below(q, 9) - 4);
        break;
    case 2:
        both(q, "i");
        break;
    default:
        both(q, "f");
        break;
    }
}

/* Ints only: SQLite's / and % of floats differ. */
static void whole(question *q)
{
    if (below(q, 2) == 0) {
        both(q, "i");
    } else {
        both(q, "%d", (int)below(q, 9) - 4);
    }
}

static void number(question *q, unsigned depth)
{
    static const char *const operators[] = {"+", "-", "*"};
    switch (below(q, depth == 0 ? 1 : 7)) {
    case 0:
    case 1:
        number_leaf(q);
        break;
    case 2:
        both(q, "(");
        number(q, depth - 1);
        both(q, " %s ", operators[below(q, 3)]);
        number(q, depth - 1);
        both(q, ")");
        break;
    case 3: /* truncating division, remainder and true division */
        both(q, "(");
        whole(q);
        if (below(q, 2) == 0) {
            sql(q, " / ");
            text(q, " // ");
        } else {
            both(q, " %% ");
        }
        whole(q);
        both(q, ")");
        break;
    case 4:
        sql(q, "(1.0 * ");
        text(q, "(");
        number(q, depth - 1);
        both(q, " / ");
        number(q, depth - 1);
        both(q, ")");
        break;
    case 5:
        both(q, "length(");
        string(q, depth - 1);
        both(q, ")");
        break;
    default:
        both(q, "abs(");
        number(q, depth - 1);
        both(q, ")");
        break;
    }
}

static void comparison(question *q, unsigned depth)
{
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
    const char *sign = operators[below(q, 6)];
    bool is_string = below(q, 3) == 0;
    both(q, "(");
    for (unsigned side = 0; side < 2; side++) {
        if (is_string) {
            string(q, depth);
        } else {
            number(q, depth);
        }
        both(q, " %s ", side == 0 ? sign : ")");
    }
}

static void membership(question *q, unsigned depth)
{
    unsigned count = 1 + below(q, 4);
    both(q, "(");
    number(q, depth);
    both(q, below(q, 2) == 0 ? " in (" : " not in (");
    for (unsigned i = 0; i < count; i++) {
        both(q, i > 0 ? ", " : "");
        if (below(q, 6) == 0) {
            both(q, "null");
        } else {
            number_leaf(q);
        }
    }
    both(q, "))");
}

static void condition(question *q, unsigned depth)
{
    unsigned less = depth == 0 ? 0 : depth - 1;
    switch (below(q, depth == 0 ? 5 : 9)) {
    case 0:
        comparison(q, less);
        break;
    case 1:
        both(q, "(");
        number(q, less);
        both(q, below(q, 2) == 0 ? " is null)" : " is not null)");
        break;
    case 2:
        membership(q, less);
        break;
    case 3:
        both(q, "(");
        string(q, less);
        both(q, below(q, 2) == 0 ? " like '%s%%')" : " like '%%%s_')", word(q));
        break;
    case 4:
        both(q, "(");
        number(q, less);
        both(q, " between ");
        number_leaf(q);
        both(q, " and ");
        number_leaf(q);
        both(q, ")");
        break;
    case 5:
        both(q, "(not ");
        condition(q, less);
        both(q, ")");
        break;
    case 6: /* null-safe */
        both(q, "(");
        number(q, less);
        sql(q, " is ");
        text(q, " <=> ");
        number(q, less);
        both(q, ")");
        break;
    default:
        both(q, "(");
        condition(q, less);
        both(q, below(q, 2) == 0 ? " and " : " or ");
        condition(q, less);
        both(q, ")");
        break;
    }
}

/* --- questions --------------------------------------------------------------------------------- */

static void order_keys(question *q, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        sql(q, "coalesce("); /* a bare number would be the number of a column */
        text(q, "(");
        if (below(q, 2) == 0) {
            number(q, 1);
        } else {
            string(q, 1);
        }
        sql(q, ", null)");
        text(q, ")");
        both(q, below(q, 2) == 0 ? " desc" : " asc");
        both(q, below(q, 3) > 0 ? "" : below(q, 2) == 0 ? " nulls first" : " nulls last");
        both(q, ", ");
    }
    both(q, "id");
}

/* where, order, limit, select: columns x and y. */
static void rows_question(question *q)
{
    bool has_where = below(q, 4) > 0;
    sql(q, "select id, ");
    text(q, "from t");
    if (has_where) {
        text(q, " | where ");
    }
    /* the same condition in both, the columns of SQL before it */
    question inner;
    inner.random = q->random;
    inner.sql_size = inner.text_size = 0;
    if (has_where) {
        condition(&inner, 3);
        text(q, "%.*s", (int)inner.text_size, inner.text);
    }
    q->random = inner.random;
    question columns;
    columns.random = q->random;
    columns.sql_size = columns.text_size = 0;
    number(&columns, 2);
    sql(q, "%.*s as x", (int)columns.sql_size, columns.sql);
    char x[TEXT_MAX];
    (void)snprintf(x, sizeof x, "%.*s", (int)columns.text_size, columns.text);
    columns.sql_size = columns.text_size = 0;
    string(&columns, 2);
    sql(q, ", %.*s as y from t", (int)columns.sql_size, columns.sql);
    q->random = columns.random;
    if (has_where) {
        sql(q, " where %.*s", (int)inner.sql_size, inner.sql);
    }
    sql(q, " order by ");
    text(q, " | order by ");
    order_keys(q, below(q, 3));
    if (below(q, 3) == 0) {
        unsigned limit = below(q, 30), offset = below(q, 10);
        sql(q, " limit %u offset %u", limit, offset);
        text(q, " | offset %u | limit %u", offset, limit);
    }
    text(q, " | select { id, x: %s, y: %.*s }", x, (int)columns.text_size, columns.text);
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
    where.random = q->random;
    where.sql_size = where.text_size = 0;
    condition(&where, 2);
    q->random = where.random;
    bool has_where = below(q, 2) == 0, has_having = below(q, 3) == 0;
    unsigned keys = below(q, 3);
    const char *const *a = aggregates[below(q, 10)], *const *b = aggregates[below(q, 10)];
    static const char *const key_sql[] = {"", "s as k1, ", "s as k1, i % 3 as k2, "};
    static const char *const key_text[] = {"", "by k1: s ", "by k1: s, k2: i % 3 "};
    static const char *const key_names[] = {"", "k1", "k1, k2"};
    sql(q, "select %s%s as a, %s as b from t", key_sql[keys], a[0], b[0]);
    text(q, "from t");
    if (has_where) {
        sql(q, " where %.*s", (int)where.sql_size, where.sql);
        text(q, " | where %.*s", (int)where.text_size, where.text);
    }
    text(q, " | group %s{ a: %s, b: %s, n: count() }", key_text[keys], a[1], b[1]);
    if (keys > 0) {
        sql(q, " group by %s", key_names[keys]);
        if (has_having) {
            sql(q, " having count(*) > 2");
            text(q, " | where n > 2");
        }
        sql(q, " order by %s", key_names[keys]);
        text(q, " | order by %s", key_names[keys]);
    }
    text(q, " | select { %s%sa, b }", key_names[keys], keys > 0 ? ", " : "");
}

static void make_question(question *q, uint64_t seed)
{
    q->sql_size = q->text_size = 0;
    seed_random_init(&q->random, seed);
    if (below(q, 3) > 0) {
        rows_question(q);
    } else {
        groups_question(q);
    }
}

/* --- tables ------------------------------------------------------------------------------------ */

static void execute(sqlite3 *db, const char *statement)
{
    char *message = NULL;
    if (sqlite3_exec(db, statement, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("SQLite: %s: %s", statement, message);
    }
}

typedef struct {
    pbase_value documents[ROWS];
    pbase_field fields[ROWS][4];
} table;

static void add_field(pbase_field *fields, size_t *count, const char *name, pbase_value value,
                      seed_random *random)
{
    if (value.kind == PBASE_NULL && seed_below(random, 2) == 0) {
        return; /* missing reads as null */
    }
    fields[*count].name = pbase_bytes_text(name);
    fields[(*count)++].value = value;
}

static void bind_value(sqlite3_stmt *insert, int index, const pbase_value *value)
{
    int result = SQLITE_OK;
    switch (value->kind) {
    case PBASE_INT:
        result = sqlite3_bind_int64(insert, index, value->as.integer);
        break;
    case PBASE_FLOAT:
        result = sqlite3_bind_double(insert, index, value->as.real);
        break;
    case PBASE_STRING:
        result = sqlite3_bind_text(insert, index, (const char *)value->as.string.data,
                                   (int)value->as.string.size, SQLITE_STATIC);
        break;
    default:
        result = sqlite3_bind_null(insert, index);
        break;
    }
    assert_int_equal(result, SQLITE_OK);
}

static double quarters(seed_random *random)
{
    int64_t count = (int64_t)seed_below(random, 25) - 12;
    return (double)count / 4;
}

static void fill(table *t, sqlite3 *db, seed_random *random)
{
    static const char *const words[] = {"a", "ab", "abc", "b", "Ab", "", "ñu", "xyz"};
    sqlite3_stmt *insert = NULL;
    execute(db, "drop table if exists t; create table t(id, i, f, s)");
    assert_int_equal(sqlite3_prepare_v2(db, "insert into t values (?, ?, ?, ?)", -1, &insert, NULL),
                     SQLITE_OK);
    for (size_t row = 0; row < ROWS; row++) {
        pbase_value id = pbase_value_int((int64_t)row);
        pbase_value i = seed_below(random, 5) == 0
                            ? pbase_value_null()
                            : pbase_value_int((int64_t)seed_below(random, 13) - 6);
        pbase_value f =
            seed_below(random, 5) == 0 ? pbase_value_null() : pbase_value_float(quarters(random));
        pbase_value s = seed_below(random, 5) == 0 ? pbase_value_null()
                                                   : pbase_value_text(words[seed_below(random, 8)]);
        size_t count = 0;
        add_field(t->fields[row], &count, "id", id, random);
        add_field(t->fields[row], &count, "i", i, random);
        add_field(t->fields[row], &count, "f", f, random);
        add_field(t->fields[row], &count, "s", s, random);
        t->documents[row] = pbase_value_map(t->fields[row], count);
        bind_value(insert, 1, &id);
        bind_value(insert, 2, &i);
        bind_value(insert, 3, &f);
        bind_value(insert, 4, &s);
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

/* --- answers ----------------------------------------------------------------------------------- */

static bool is_same_cell(sqlite3_stmt *statement, int column, const pbase_value *ours)
{
    double real = sqlite3_column_double(statement, column);
    double own = ours->kind == PBASE_INT ? (double)ours->as.integer : ours->as.real;
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: /* ours may be a float that is whole: 0.0 // 1 and the like never are */
        return ours->kind == PBASE_INT &&
               ours->as.integer == sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
        return ours->kind == PBASE_FLOAT &&
               (real == own || fabs(real - own) <= 1e-12 * fmax(fabs(real), fabs(own)));
    case SQLITE_TEXT:
        return ours->kind == PBASE_STRING &&
               pbase_bytes_equal(ours->as.string,
                                 pbase_bytes_of(sqlite3_column_text(statement, column),
                                                (size_t)sqlite3_column_bytes(statement, column)));
    default:
        return ours->kind == PBASE_NULL;
    }
}

static bool is_same_answer(sqlite3_stmt *statement, const pbase_value *rows)
{
    size_t at = 0;
    sqlite3_reset(statement);
    for (; sqlite3_step(statement) == SQLITE_ROW; at++) {
        if (at == rows->as.list.count) {
            return false;
        }
        const pbase_value *row = &rows->as.list.items[at];
        for (int column = 0; column < sqlite3_column_count(statement); column++) {
            if (!is_same_cell(statement, column, &row->as.map.fields[column].value)) {
                return false;
            }
        }
    }
    return at == rows->as.list.count;
}

static void compare(query_case *c, sqlite3_stmt *statement, const question *q,
                    const pbase_query *query, uint32_t chunk_rows, const char *how)
{
    pbase_value rows = query_case_rows(c, query, chunk_rows);
    if (!is_same_answer(statement, &rows)) {
        print_error("SQL:  %s\ntext: %s\nours (%s): %s\ntheirs:\n", q->sql, q->text, how,
                    json_text(&rows, &c->arena));
        sqlite3_reset(statement);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            for (int column = 0; column < sqlite3_column_count(statement); column++) {
                print_error("%s|", (const char *)sqlite3_column_text(statement, column));
            }
            print_error("\n");
        }
        fail();
    }
}

static void ask(query_case *c, sqlite3 *db, const question *q)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, q->sql, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("SQLite: %s: %s", q->sql, sqlite3_errmsg(db));
    }
    pbase_query *query = query_case_parse(c, q->text), *again = NULL;
    compare(c, statement, q, query, PBASE_CHUNK_ROWS, "as text");
    compare(c, statement, q, query, 7, "in chunks of 7");
    assert_int_equal(pbase_query_from_plan(NULL, pbase_query_plan(query), &again, NULL), PBASE_OK);
    compare(c, statement, q, again, 1, "as plan, in chunks of 1");
    for (uint32_t rule = 1; rule <= PBASE_RULE_OFFER; rule *= 2) {
        c->options.rules_off = rule;
        compare(c, statement, q, query, PBASE_CHUNK_ROWS, "with a rule off");
    }
    c->options.rules_off = UINT32_MAX;
    compare(c, statement, q, query, PBASE_CHUNK_ROWS, "without rules");
    c->options.rules_off = 0;
    pbase_query_destroy(again);
    pbase_query_destroy(query);
    sqlite3_finalize(statement);
}

static void random_questions_have_the_answers_of_sqlite(void **state)
{
    (void)state;
    static table t;
    static question q;
    uint64_t seed = seed_for("query.against_sqlite");
    unsigned questions = seed_is_long_run() ? 200000 : 2000;
    sqlite3 *db = NULL;
    seed_random random;
    query_case c;
    seed_random_init(&random, seed);
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    execute(db, "pragma case_sensitive_like = on");
    for (unsigned asked = 0; asked < questions; asked += QUESTIONS_PER_TABLE) {
        fill(&t, db, &random);
        query_case_init(&c);
        memory_catalog_add(&c.catalog, "t", t.documents, NULL, ROWS);
        for (unsigned i = 0; i < QUESTIONS_PER_TABLE; i++) {
            make_question(&q, seed_next(&random));
            ask(&c, db, &q);
            pbase_arena_reset(&c.arena);
        }
        query_case_fini(&c);
    }
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_questions_have_the_answers_of_sqlite),
    };
    return cmocka_run_group_tests_name("query.against_sqlite", tests, NULL, NULL);
}
