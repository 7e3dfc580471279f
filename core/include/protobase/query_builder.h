/* query_builder.h - queries made by calls instead of text.
 *
 *     pbase_builder *b = NULL;
 *     pbase_builder_create(NULL, &b, err);
 *     const pbase_plan *orders = pbase_plan_from(b, "orders", NULL, NULL);
 *     const pbase_plan *large = pbase_plan_where(
 *         b, orders, pbase_term_binary(b, ">", pbase_term_field(b, "total"), pbase_term_int(b, 100)));
 *     status = pbase_builder_query(b, pbase_plan_count(b, large), &query, err);
 *     pbase_builder_destroy(b);
 *
 * A plan is immutable, and lazy: each call gives a new plan that shares the one it was given, which
 * stays as it was and may be used again. So two queries made from one plan never see each other's
 * steps. A builder makes the same plan as text and the JSON form (docs/query.md): pbase_query_plan
 * of all three is equal.
 *
 * Errors wait: a call that fails, or is given NULL, gives NULL, and pbase_builder_query says what
 * the first failure was. So calls can be chained without a look at each.
 *
 * Ownership: plans and terms live as long as their builder, which all calls that make one take
 * first; what they are given is copied. Queries are independent of it. Threads: a builder is
 * confined. */
#ifndef PROTOBASE_QUERY_BUILDER_H
#define PROTOBASE_QUERY_BUILDER_H
#include <protobase/query.h>
PBASE_BEGIN_DECLS

typedef struct pbase_builder pbase_builder;
typedef struct pbase_plan pbase_plan; /* the steps of a query, up to one of them */
typedef struct pbase_term pbase_term; /* an expression */

/* Returns a builder that the caller destroys. `alloc` NULL: the C library's heap. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_builder_create(const pbase_alloc *alloc,
                                                             pbase_builder **out, pbase_error *err);
/* Ends the builder with all its plans and terms. NULL is fine. */
PBASE_API void pbase_builder_destroy(pbase_builder *builder);
/* The query of the plan that ends in `last`. Returns one that the caller destroys. The first failure of a call since the
 * last query, which is forgotten by this; INVALID when the plan's steps do not fit together. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_builder_query(pbase_builder *builder,
                                                            const pbase_plan *last,
                                                            pbase_query **out, pbase_error *err);

/* --- terms ------------------------------------------------------------------------------------ */

/* A field by its path: "a.b[0]". */
PBASE_API const pbase_term *pbase_term_field(pbase_builder *b, const char *path);
/* The parameter $name. */
PBASE_API const pbase_term *pbase_term_parameter(pbase_builder *b, const char *name);
PBASE_API const pbase_term *pbase_term_value(pbase_builder *b, const pbase_value *value);
PBASE_API const pbase_term *pbase_term_null(pbase_builder *b);
PBASE_API const pbase_term *pbase_term_bool(pbase_builder *b, bool value);
PBASE_API const pbase_term *pbase_term_int(pbase_builder *b, int64_t value);
PBASE_API const pbase_term *pbase_term_float(pbase_builder *b, double value);
PBASE_API const pbase_term *pbase_term_text(pbase_builder *b, const char *value);
/* An operator or function by its name in the JSON plan: "and", "=", "like", "case", ... */
PBASE_API const pbase_term *pbase_term_call(pbase_builder *b, const char *name,
                                            const pbase_term *const *args, size_t count);
PBASE_API const pbase_term *pbase_term_unary(pbase_builder *b, const char *name,
                                             const pbase_term *a);
PBASE_API const pbase_term *pbase_term_binary(pbase_builder *b, const char *name,
                                              const pbase_term *left, const pbase_term *right);
/* An expression as query text writes it. */
PBASE_API const pbase_term *pbase_term_parse(pbase_builder *b, const char *text);

/* --- steps ------------------------------------------------------------------------------------ */

/* The documents of a collection. `alias` and `key` may be NULL. */
PBASE_API const pbase_plan *pbase_plan_from(pbase_builder *b, const char *source, const char *alias,
                                            const char *key);
/* The steps of a query text, to go on from. */
PBASE_API const pbase_plan *pbase_plan_parse(pbase_builder *b, const char *text);
PBASE_API const pbase_plan *pbase_plan_where(pbase_builder *b, const pbase_plan *before,
                                             const pbase_term *condition);

typedef struct {
    const char *name;
    const pbase_term *value;
} pbase_plan_column;
PBASE_API const pbase_plan *pbase_plan_select(pbase_builder *b, const pbase_plan *before,
                                              const pbase_plan_column *columns, size_t count);
PBASE_API const pbase_plan *pbase_plan_extend(pbase_builder *b, const pbase_plan *before,
                                              const pbase_plan_column *columns, size_t count);

typedef enum {
    PBASE_NULLS_AS_USUAL = 0, /* first ascending, last descending */
    PBASE_NULLS_FIRST = 1,
    PBASE_NULLS_LAST = 2
} pbase_plan_nulls;
typedef struct {
    const pbase_term *value;
    bool is_descending;
    pbase_plan_nulls nulls;
} pbase_plan_key;
PBASE_API const pbase_plan *pbase_plan_order(pbase_builder *b, const pbase_plan *before,
                                             const pbase_plan_key *keys, size_t count);
PBASE_API const pbase_plan *pbase_plan_limit(pbase_builder *b, const pbase_plan *before,
                                             uint64_t rows);
PBASE_API const pbase_plan *pbase_plan_offset(pbase_builder *b, const pbase_plan *before,
                                              uint64_t rows);
PBASE_API const pbase_plan *pbase_plan_count(pbase_builder *b, const pbase_plan *before);
PBASE_API const pbase_plan *pbase_plan_distinct(pbase_builder *b, const pbase_plan *before);

typedef struct {
    const char *name;
    const char *function;       /* "count", "sum", ... */
    const pbase_term *argument; /* NULL: "count" of rows */
    const pbase_term *filter;   /* NULL: every row */
    bool is_distinct;
} pbase_plan_aggregate;
/* No keys: one row always. `having` is a where behind it. */
PBASE_API const pbase_plan *pbase_plan_group(pbase_builder *b, const pbase_plan *before,
                                             const pbase_plan_column *keys, size_t key_count,
                                             const pbase_plan_aggregate *aggregates, size_t count);

typedef enum {
    PBASE_JOIN_INNER = 0,
    PBASE_JOIN_LEFT = 1,
    PBASE_JOIN_RIGHT = 2,
    PBASE_JOIN_FULL = 3,
    PBASE_JOIN_SEMI = 4,
    PBASE_JOIN_ANTI = 5,
    PBASE_JOIN_CROSS = 6
} pbase_join_kind;
/* `on` NULL: every pair matches. `left` NULL: the fields of the row stay at the top; `right` is the
 * name of the joined row. */
PBASE_API const pbase_plan *pbase_plan_join(pbase_builder *b, const pbase_plan *before,
                                            pbase_join_kind kind, const pbase_plan *with,
                                            const char *left, const char *right,
                                            const pbase_term *on);

typedef enum {
    PBASE_SET_UNION = 0,
    PBASE_SET_UNION_ALL = 1,
    PBASE_SET_INTERSECT = 2,
    PBASE_SET_EXCEPT = 3
} pbase_set_operation;
PBASE_API const pbase_plan *pbase_plan_combine(pbase_builder *b, const pbase_plan *before,
                                               pbase_set_operation operation,
                                               const pbase_plan *with);
/* A row per element of the list at `path`, in a field `name`. */
PBASE_API const pbase_plan *pbase_plan_unnest(pbase_builder *b, const pbase_plan *before,
                                              const char *path, const char *name, bool is_outer);

typedef struct {
    uint32_t struct_size; /* sizeof(pbase_traverse_options) */
    bool is_up;           /* to the row whose key is the reference; else to those that refer here */
    bool is_depth_first;
    bool includes_start;
    bool is_bounded; /* by depth_max */
    uint64_t depth_max;
} pbase_traverse_options;
PBASE_API const pbase_plan *pbase_plan_traverse(pbase_builder *b, const pbase_plan *before,
                                                const char *source, const char *key,
                                                const char *ref,
                                                const pbase_traverse_options *options);

PBASE_END_DECLS
#endif
