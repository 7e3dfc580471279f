/* cursor.h - going through a collection in order, either way.
 *
 * A cursor is opened by the function of its kind (pbase_dict_cursor and so on) and starts before
 * the first entry of its range. It keeps the version it was opened on: later changes of the handle
 * are not seen and do no harm, and the handle may be closed first. What it lends (keys, values,
 * bytes) ends with its next call of next, seek or close.
 *
 * In a serializable transaction a cursor reads exactly the range it has passed: up to the entry it
 * stands on, or to the end of its range once it has said END. It must be closed before the
 * transaction or snapshot ends.
 * Threads: confined. */
#ifndef PROTOBASE_CURSOR_H
#define PROTOBASE_CURSOR_H
#include <protobase/base/value.h>
#include <protobase/plugin/codec.h>
PBASE_BEGIN_DECLS

typedef struct pbase_cursor pbase_cursor;

/* A range of keys and a direction. All zero but struct_size: everything, ascending. */
typedef struct {
    uint32_t struct_size;    /* sizeof(pbase_range) */
    bool from_exclusive;     /* leave `from` itself out */
    bool to_exclusive;       /* leave `to` itself out */
    bool reverse;            /* descending: from the end of the range to its beginning */
    const pbase_value *from; /* lowest key; NULL: no bound. Borrowed for the call */
    const pbase_value *to;   /* highest key; NULL: no bound. Borrowed for the call */
} pbase_range;

/* Moves to the next entry in the cursor's direction. END: there is none. After an error the cursor
 * stands where it stood, and next may be tried again. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_next(pbase_cursor *cursor, pbase_error *err);
/* Moves so that the following `next` gives the first entry at or after `key` in the cursor's
 * direction (at or below it when descending), within its range. INVALID on a list. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_seek(pbase_cursor *cursor,
                                                          const pbase_value *key, pbase_error *err);

/* The following five ask for the entry the cursor stands on: INVALID before the first `next` and
 * after END. */

/* Its key, as it was first spelled; of a list its index. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_key(pbase_cursor *cursor, pbase_value *out,
                                                         pbase_error *err);
/* Its value, decoded; of a set or counted set the key again. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_value(pbase_cursor *cursor, pbase_value *out,
                                                           pbase_error *err);
/* How often it is there: of a counted set; 1 in every other kind. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_count(pbase_cursor *cursor, uint64_t *out,
                                                           pbase_error *err);
/* Its value as its codec wrote it, without decoding. INVALID on a set or counted set. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_bytes(pbase_cursor *cursor, pbase_bytes *out,
                                                           pbase_error *err);
/* Only the values at `paths` of it, in one pass; out[i].kind is PBASE_VALUE_MISSING where there is
 * none. INVALID on a set or counted set. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_extract(pbase_cursor *cursor,
                                                             const pbase_path *paths, size_t count,
                                                             pbase_value *out, pbase_error *err);

/* Ends the cursor and what it lent. NULL is fine. */
PBASE_API void pbase_cursor_close(pbase_cursor *cursor);

PBASE_END_DECLS
#endif
