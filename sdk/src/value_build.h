/* value_build.h - builds a decoded value front to back, within limits, without recursion.
 *
 * A decoder meets a container's size before its contents. It opens the container here, asks for
 * the place of each value in turn and closes it when it is full; depth, number of values, memory
 * and the uniqueness of field names are held in this one file for every serializer:
 *
 *     value_build_init(&build, limits, arena);
 *     place = &result;
 *     for (;;) {
 *         read one scalar into *place, or value_build_list(&build, place, count, err);
 *         while (value_build_is_full(&build)) {
 *             if (value_build_is_done(&build)) { return PBASE_OK; }
 *             status = value_build_close(&build, err);
 *         }
 *         place = value_build_item(&build), or &value_build_field(&build)->value with its name;
 *     }
 *
 * Threads: confined. */
#ifndef PBASE_SDK_VALUE_BUILD_H
#define PBASE_SDK_VALUE_BUILD_H
#include <protobase/plugin/codec.h>

typedef struct {
    pbase_value *item;  /* next item of a list; NULL in a map */
    pbase_field *field; /* next field of a map; NULL in a list */
    size_t left;        /* items or fields still to come */
    size_t count;       /* of them in all */
} value_build_frame;

typedef struct {
    pbase_arena *arena; /* borrowed */
    uint64_t nodes_left;
    uint64_t bytes_left;
    uint32_t depth;     /* open containers */
    uint32_t depth_max; /* PBASE_DEPTH_MAX at most */
    size_t duplicate;   /* after INVALID of close: index of the field that repeats a name */
    value_build_frame frames[PBASE_DEPTH_MAX + 1]; /* frames[0] stays empty: the root value */
} value_build;

/* Charges the root value. LIMIT when the limits allow none. */
PBASE_MUST_CHECK pbase_status value_build_init(value_build *build,
                                               const pbase_decode_limits *limits,
                                               pbase_arena *arena, pbase_error *err);
/* Makes *place a list or a map of `count`, opened. The caller has checked that the input is long
 * enough to hold so many. LIMIT, NO_MEMORY. */
PBASE_MUST_CHECK pbase_status value_build_list(value_build *build, pbase_value *place, size_t count,
                                               pbase_error *err);
PBASE_MUST_CHECK pbase_status value_build_map(value_build *build, pbase_value *place, size_t count,
                                              pbase_error *err);
/* Memory for text, bytes or numbers of the value. LIMIT, NO_MEMORY. Size 0 gives a valid pointer. */
PBASE_MUST_CHECK pbase_status value_build_memory(value_build *build, size_t size, void **out,
                                                 pbase_error *err);
/* Ends the innermost container, which is full. INVALID: a field name stands twice in it. */
PBASE_MUST_CHECK pbase_status value_build_close(value_build *build, pbase_error *err);

static inline bool value_build_is_full(const value_build *build)
{
    return build->frames[build->depth].left == 0;
}
/* True when all containers are closed. */
static inline bool value_build_is_done(const value_build *build)
{
    return build->depth == 0;
}
/* True when the innermost container is a map: the next value is led by a name. */
static inline bool value_build_in_map(const value_build *build)
{
    return build->frames[build->depth].field != NULL;
}
/* Where the next value of the innermost container goes. */
static inline pbase_value *value_build_item(value_build *build)
{
    value_build_frame *frame = &build->frames[build->depth];
    frame->left--;
    return frame->item++;
}
static inline pbase_field *value_build_field(value_build *build)
{
    value_build_frame *frame = &build->frames[build->depth];
    frame->left--;
    return frame->field++;
}

#endif
