/* access_terms.h - what the terms of a filter say about fields of a collection's documents, as far as
 * an index could use it.
 *
 * Everything lies in the arena and in the plan. What is read here only narrows what is read: every
 * term is checked again on the rows that come. */
#ifndef PROTOBASE_QUERY_ACCESS_TERMS_H
#define PROTOBASE_QUERY_ACCESS_TERMS_H
#include "query/plan.h"

typedef enum {
    TERM_POINTS,  /* the field is one of `values` */
    TERM_RANGE,   /* between `low` and `high`, of one class */
    TERM_PREFIX,  /* a string that begins with `prefix` */
    TERM_CONTAINS /* a list that has values[0] in it, or a string that has that string in it */
} term_kind;

typedef struct {
    term_kind kind;
    pbase_path path; /* inside the document */
    const pbase_value *values;
    size_t count;
    const pbase_value *low, *high; /* NULL: no bound */
    bool is_low_open, is_high_open;
    pbase_bytes prefix;
} access_term;

typedef struct {
    access_term *items;
    size_t count;
    size_t others; /* terms that are none of these */
    bool has_key;  /* one compares the key of the collection */
} access_terms;

/* The path of a field inside the documents that `from` gives; false for the key, another alias, and
 * what is no field. */
bool access_path(const plan_step *from, const expr *field, pbase_path *out);
/* True when `node` is the key of the collection. */
bool access_is_key(const plan_step *from, const expr *node);
/* Reads the terms of `condition` (NULL: none) over the rows of `from`. Ranges of one path and class
 * are joined. */
PBASE_MUST_CHECK pbase_status access_terms_read(const plan_step *from, const expr *condition,
                                                pbase_arena *arena, access_terms *out,
                                                pbase_error *err);
/* True when `condition` reads the field at `path` in any way. */
bool access_mentions(const plan_step *from, const expr *condition, const pbase_path *path);

#endif
