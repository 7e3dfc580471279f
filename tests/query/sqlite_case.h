/* sqlite_case.h - questions in two languages over random tables, and whether the answers agree.
 *
 * Tables t and u have a number (id), an int, a float and a text field, each often null, a parent (p,
 * a number of a row, sometimes of none) and a list (l); documents leave null fields out half of the
 * time. Expressions stay where both languages mean the same: no comparison across classes, no
 * overflow (SQLite turns to floats), no division of ints by `/` (it truncates), LIKE with its
 * case-sensitive pragma. Questions end in an order with one answer. */
#ifndef PBASE_TEST_SQLITE_CASE_H
#define PBASE_TEST_SQLITE_CASE_H
#include "query_case.h"
#include "seed.h"
#include <sqlite3.h>

#define SQLITE_ROWS 60u
#define SQLITE_TEXT_MAX 8192u
#define SQLITE_FIELDS_MAX 6u

/* How either language names the rows that a field may be taken from. */
typedef struct {
    const char *sql; /* "", "t." ... */
    const char *text;
} question_source;

/* A question in both languages. */
typedef struct {
    char sql[SQLITE_TEXT_MAX];
    char text[SQLITE_TEXT_MAX];
    size_t sql_size;
    size_t text_size;
    seed_random random;
    question_source sources[2];
    unsigned source_count;
} question;

/* Begins one over rows without a prefix. */
void question_begin(question *q, uint64_t seed);
void question_sql(question *q, const char *format, ...) PBASE_PRINTF(2, 3);
void question_text(question *q, const char *format, ...) PBASE_PRINTF(2, 3);
void question_both(question *q, const char *format, ...) PBASE_PRINTF(2, 3);
unsigned question_below(question *q, unsigned bound);
/* An expression of the type, at most that deep, in both. */
void question_string(question *q, unsigned depth);
void question_number(question *q, unsigned depth);
void question_whole(question *q);
void question_condition(question *q, unsigned depth);
/* A question of its own with the sources and chances of `q`; what it draws, `q` has drawn. */
void question_part(question *q, question *part, void (*make)(question *part, unsigned depth),
                   unsigned depth);

typedef struct {
    pbase_value documents[SQLITE_ROWS];
    pbase_field fields[SQLITE_ROWS][SQLITE_FIELDS_MAX];
    pbase_value lists[SQLITE_ROWS][4];
} sqlite_table;

/* Makes table `name` anew, with random rows, in SQLite and in `t`. */
void sqlite_table_fill(sqlite_table *t, sqlite3 *db, const char *name, seed_random *random);
/* Asks both, ours in one of its ways by chance, in the long run in all of them: as plan, in small
 * chunks, with each rule of the optimizer off. */
void sqlite_ask(query_case *c, sqlite3 *db, question *q);
/* Asks that many questions, over fresh tables every few. */
void sqlite_compare(const char *name, unsigned questions, void (*make)(question *q));

#endif
