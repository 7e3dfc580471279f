/* sqlite_case.c - texts grown side by side; rows compared cell by cell. */
#include "sqlite_case.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define QUESTIONS_PER_TABLE 20u
#define TEXT_MAX SQLITE_TEXT_MAX
#define ROWS SQLITE_ROWS

static void add(char *to, size_t *size, const char *format, va_list arguments) PBASE_PRINTF(3, 0);
static void add(char *to, size_t *size, const char *format, va_list arguments)
{
    int added = vsnprintf(to + *size, TEXT_MAX - *size, format, arguments);
    assert_true(added >= 0 && *size + (size_t)added < TEXT_MAX);
    *size += (size_t)added;
}

void question_sql(question *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(q->sql, &q->sql_size, format, arguments);
    va_end(arguments);
}

void question_text(question *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(q->text, &q->text_size, format, arguments);
    va_end(arguments);
}

void question_both(question *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(q->sql, &q->sql_size, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    add(q->text, &q->text_size, format, arguments);
    va_end(arguments);
}

unsigned question_below(question *q, unsigned bound)
{
    return (unsigned)seed_below(&q->random, bound);
}

/* A field of one of the sources. */
static void field(question *q, const char *name)
{
    const question_source *source = &q->sources[question_below(q, q->source_count)];
    question_sql(q, "%s%s", source->sql, name);
    question_text(q, "%s%s", source->text, name);
}

void question_begin(question *q, uint64_t seed)
{
    q->sql_size = q->text_size = 0;
    q->sources[0] = (question_source){"", ""};
    q->source_count = 1;
    seed_random_init(&q->random, seed);
}

void question_part(question *q, question *part, void (*make)(question *part, unsigned depth),
                   unsigned depth)
{
    part->sql_size = part->text_size = 0;
    part->sql[0] = part->text[0] = '\0';
    part->random = q->random;
    memcpy(part->sources, q->sources, sizeof q->sources);
    part->source_count = q->source_count;
    make(part, depth);
    q->random = part->random;
}

static const char *word(question *q)
{
    static const char *const words[] = {"a", "ab", "abc", "b", "Ab", "", "ñu", "xyz", "a%c", "z"};
    return words[question_below(q, 10)];
}

/* --- expressions, by type, so that classes never meet ------------------------------------------ */

void question_string(question *q, unsigned depth)
{
    switch (question_below(q, depth == 0 ? 2 : 6)) {
    case 0:
        question_both(q, "'%s'", word(q));
        break;
    case 1:
        field(q, "s");
        break;
    case 2:
        question_both(q, "(");
        question_string(q, depth - 1);
        question_both(q, " || ");
        question_string(q, depth - 1);
        question_both(q, ")");
        break;
    case 3:
        question_both(q, "substr(");
        question_string(q, depth - 1);
        question_both(q, ", %u, %u)", 1 + question_below(q, 3), question_below(q, 3));
        break;
    case 4:
        question_both(q, "coalesce(");
        question_string(q, depth - 1);
        question_both(q, ", ");
        question_string(q, depth - 1);
        question_both(q, ")");
        break;
    default:
        question_both(q, "case when ");
        question_condition(q, depth - 1);
        question_both(q, " then ");
        question_string(q, depth - 1);
        question_both(q, " else ");
        question_string(q, depth - 1);
        question_both(q, " end");
        break;
    }
}

static void number_leaf(question *q)
{
    switch (question_below(q, 4)) {
    case 0:
        question_both(q, "%d", (int)question_below(q, 9) - 4);
        break;
    case 1:
        question_both(q, "%d.5", (int)question_below(q, 9) - 4);
        break;
    case 2:
        field(q, "i");
        break;
    default:
        field(q, "f");
        break;
    }
}

/* Ints only: SQLite's / and % of floats differ. */
void question_whole(question *q)
{
    if (question_below(q, 2) == 0) {
        field(q, "i");
    } else {
        question_both(q, "%d", (int)question_below(q, 9) - 4);
    }
}

void question_number(question *q, unsigned depth)
{
    static const char *const operators[] = {"+", "-", "*"};
    switch (question_below(q, depth == 0 ? 1 : 7)) {
    case 0:
    case 1:
        number_leaf(q);
        break;
    case 2:
        question_both(q, "(");
        question_number(q, depth - 1);
        question_both(q, " %s ", operators[question_below(q, 3)]);
        question_number(q, depth - 1);
        question_both(q, ")");
        break;
    case 3: /* truncating division, remainder and true division */
        question_both(q, "(");
        question_whole(q);
        if (question_below(q, 2) == 0) {
            question_sql(q, " / ");
            question_text(q, " // ");
        } else {
            question_both(q, " %% ");
        }
        question_whole(q);
        question_both(q, ")");
        break;
    case 4:
        question_sql(q, "(1.0 * ");
        question_text(q, "(");
        question_number(q, depth - 1);
        question_both(q, " / ");
        question_number(q, depth - 1);
        question_both(q, ")");
        break;
    case 5:
        question_both(q, "length(");
        question_string(q, depth - 1);
        question_both(q, ")");
        break;
    default:
        question_both(q, "abs(");
        question_number(q, depth - 1);
        question_both(q, ")");
        break;
    }
}

static void comparison(question *q, unsigned depth)
{
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
    const char *sign = operators[question_below(q, 6)];
    bool is_string = question_below(q, 3) == 0;
    question_both(q, "(");
    for (unsigned side = 0; side < 2; side++) {
        if (is_string) {
            question_string(q, depth);
        } else {
            question_number(q, depth);
        }
        question_both(q, " %s ", side == 0 ? sign : ")");
    }
}

static void membership(question *q, unsigned depth)
{
    unsigned count = 1 + question_below(q, 4);
    question_both(q, "(");
    question_number(q, depth);
    question_both(q, question_below(q, 2) == 0 ? " in (" : " not in (");
    for (unsigned i = 0; i < count; i++) {
        question_both(q, i > 0 ? ", " : "");
        if (question_below(q, 6) == 0) {
            question_both(q, "null");
        } else {
            number_leaf(q);
        }
    }
    question_both(q, "))");
}

void question_condition(question *q, unsigned depth)
{
    unsigned less = depth == 0 ? 0 : depth - 1;
    switch (question_below(q, depth == 0 ? 5 : 9)) {
    case 0:
        comparison(q, less);
        break;
    case 1:
        question_both(q, "(");
        question_number(q, less);
        question_both(q, question_below(q, 2) == 0 ? " is null)" : " is not null)");
        break;
    case 2:
        membership(q, less);
        break;
    case 3:
        question_both(q, "(");
        question_string(q, less);
        question_both(q, question_below(q, 2) == 0 ? " like '%s%%')" : " like '%%%s_')", word(q));
        break;
    case 4:
        question_both(q, "(");
        question_number(q, less);
        question_both(q, " between ");
        number_leaf(q);
        question_both(q, " and ");
        number_leaf(q);
        question_both(q, ")");
        break;
    case 5:
        question_both(q, "(not ");
        question_condition(q, less);
        question_both(q, ")");
        break;
    case 6: /* null-safe */
        question_both(q, "(");
        question_number(q, less);
        question_sql(q, " is ");
        question_text(q, " <=> ");
        question_number(q, less);
        question_both(q, ")");
        break;
    default:
        question_both(q, "(");
        question_condition(q, less);
        question_both(q, question_below(q, 2) == 0 ? " and " : " or ");
        question_condition(q, less);
        question_both(q, ")");
        break;
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

/* A list of ints, strings and nulls, and the same as JSON text for SQLite. */
static pbase_value random_list(sqlite_table *t, size_t row, char *json, size_t size,
                               seed_random *random)
{
    size_t count = seed_below(random, 5), at = 0;
    at += (size_t)snprintf(json, size, "[");
    for (size_t i = 0; i < count; i++) {
        int64_t n = (int64_t)seed_below(random, 9) - 4;
        pbase_value *item = &t->lists[row][i];
        const char *comma = i > 0 ? "," : "";
        switch (seed_below(random, 3)) {
        case 0:
            *item = pbase_value_null();
            at += (size_t)snprintf(json + at, size - at, "%snull", comma);
            break;
        case 1:
            *item = pbase_value_text(n < 0 ? "minus" : "plus");
            at +=
                (size_t)snprintf(json + at, size - at, "%s\"%s\"", comma, n < 0 ? "minus" : "plus");
            break;
        default:
            *item = pbase_value_int(n);
            at += (size_t)snprintf(json + at, size - at, "%s%lld", comma, (long long)n);
            break;
        }
    }
    (void)snprintf(json + at, size - at, "]");
    return pbase_value_list(t->lists[row], count);
}

static bool is_null_this_time(seed_random *random)
{
    return seed_below(random, 5) == 0;
}

static void fill_row(sqlite_table *t, size_t row, sqlite3_stmt *insert, seed_random *random)
{
    static const char *const words[] = {"a", "ab", "abc", "b", "Ab", "", "ñu", "xyz"};
    static const char *const names[] = {"id", "i", "f", "s", "p", "l"};
    char json[256];
    size_t count = 0;
    pbase_value values[6];
    for (size_t i = 0; i < 6; i++) {
        values[i] = pbase_value_null();
    }
    values[0] = pbase_value_int((int64_t)row);
    if (!is_null_this_time(random)) {
        values[1] = pbase_value_int((int64_t)seed_below(random, 13) - 6);
    }
    if (!is_null_this_time(random)) {
        values[2] = pbase_value_float(quarters(random));
    }
    if (!is_null_this_time(random)) {
        values[3] = pbase_value_text(words[seed_below(random, 8)]);
    }
    if (!is_null_this_time(random)) { /* now and then a row that is not there */
        values[4] = pbase_value_int((int64_t)seed_below(random, SQLITE_ROWS + 4));
    }
    if (!is_null_this_time(random)) {
        values[5] = random_list(t, row, json, sizeof json, random);
    }
    for (size_t i = 0; i < 6; i++) {
        add_field(t->fields[row], &count, names[i], values[i], random);
        pbase_value text = values[i].kind == PBASE_LIST ? pbase_value_text(json) : values[i];
        bind_value(insert, (int)i + 1, &text);
    }
    t->documents[row] = pbase_value_map(t->fields[row], count);
    assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_reset(insert);
}

void sqlite_table_fill(sqlite_table *t, sqlite3 *db, const char *name, seed_random *random)
{
    char statement[256];
    sqlite3_stmt *insert = NULL;
    (void)snprintf(statement, sizeof statement,
                   "drop table if exists %s; create table %s(id, i, f, s, p, l)", name, name);
    execute(db, statement);
    (void)snprintf(statement, sizeof statement, "insert into %s values (?, ?, ?, ?, ?, ?)", name);
    assert_int_equal(sqlite3_prepare_v2(db, statement, -1, &insert, NULL), SQLITE_OK);
    for (size_t row = 0; row < ROWS; row++) {
        fill_row(t, row, insert, random);
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

/* One way to ask: which, from 0; false when there is none of that number. */
static bool ask_once(query_case *c, sqlite3_stmt *statement, const question *q,
                     const pbase_query *query, unsigned way)
{
    static const uint32_t rules[] = {PBASE_RULE_FOLD,  PBASE_RULE_PUSH_FILTER, PBASE_RULE_TOP,
                                     PBASE_RULE_PRUNE, PBASE_RULE_OFFER,       PBASE_RULE_HASH_JOIN,
                                     UINT32_MAX};
    const unsigned rule_count = sizeof rules / sizeof rules[0];
    pbase_query *again = NULL;
    if (way >= rule_count + 2) {
        return false;
    }
    if (way < rule_count) {
        c->options.rules_off = rules[way];
        compare(c, statement, q, query, PBASE_CHUNK_ROWS, "with a rule off");
        c->options.rules_off = 0;
    } else if (way == rule_count) {
        compare(c, statement, q, query, 7, "in chunks of 7");
    } else {
        assert_int_equal(pbase_query_from_plan(NULL, pbase_query_plan(query), &again, NULL),
                         PBASE_OK);
        compare(c, statement, q, again, 1, "as plan, in chunks of 1");
        pbase_query_destroy(again);
    }
    return true;
}

void sqlite_ask(query_case *c, sqlite3 *db, question *q)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, q->sql, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("SQLite: %s: %s", q->sql, sqlite3_errmsg(db));
    }
    pbase_query *query = query_case_parse(c, q->text);
    unsigned way = question_below(q, 9);
    compare(c, statement, q, query, PBASE_CHUNK_ROWS, "as text");
    if (seed_is_long_run()) {
        for (way = 0; ask_once(c, statement, q, query, way); way++) {
        }
    } else {
        (void)ask_once(c, statement, q, query, way); /* by chance */
    }
    pbase_query_destroy(query);
    sqlite3_finalize(statement);
}

void sqlite_compare(const char *name, unsigned questions, void (*make)(question *q))
{
    static sqlite_table t, u;
    static question q;
    uint64_t seed = seed_for(name);
    sqlite3 *db = NULL;
    seed_random random;
    query_case c;
    seed_random_init(&random, seed);
    questions = seed_is_long_run() ? 20 * questions : questions;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    execute(db, "pragma case_sensitive_like = on");
    for (unsigned asked = 0; asked < questions; asked += QUESTIONS_PER_TABLE) {
        sqlite_table_fill(&t, db, "t", &random);
        sqlite_table_fill(&u, db, "u", &random);
        query_case_init(&c);
        memory_catalog_add(&c.catalog, "t", t.documents, NULL, ROWS);
        memory_catalog_add(&c.catalog, "u", u.documents, NULL, ROWS);
        for (unsigned i = 0; i < QUESTIONS_PER_TABLE; i++) {
            question_begin(&q, seed_next(&random));
            make(&q);
            sqlite_ask(&c, db, &q);
            pbase_arena_reset(&c.arena);
        }
        query_case_fini(&c);
    }
    sqlite3_close(db);
}
