/* place.h - where a collection is: the root or object it is below, and the way down to it.
 *
 * Goes up from a collection by the links to holders (holder.h), one look-up a level. The way down is
 * what pbase_snapshot_at takes: keys of dictionaries, indexes of lists, and inside documents names of
 * fields and indexes; finding it decodes the values on the way. In a list the entry is looked for
 * from the index at which it was put outward, so that it costs as much as it has moved since.
 *
 * Threads: pure reads of immutable trees. */
#ifndef PROTOBASE_TXN_PLACE_H
#define PROTOBASE_TXN_PLACE_H
#include "txn/catalog.h"

/* The collections of one database in one state, lent. */
typedef struct {
    atom_source *atoms;
    atom_ref collections;
} place_view;

typedef struct {
    bool found;       /* false: the collection is not there */
    bool known;       /* false: nothing leads up to its holder; the rest says nothing */
    bool in_objects;  /* below an object, else below a root */
    bool is_root_own; /* a root holds it, and nothing beside it */
    uint32_t depth;   /* levels up to the roots or objects: 1 of what a root or an object holds */
    encoded_key top;  /* of the root or the object, in the caller's buffer */
} place;
/* `key` receives what `out->top` points to. CORRUPT: links that make no sense. */
PBASE_MUST_CHECK pbase_status place_find(const place_view *view, pbase_collection_id id,
                                         pbase_buffer *key, place *out, pbase_error *err);
/* The steps from the root down to a collection that place_find finds, as a list; of what is below an
 * object its reference first, then those below its attributes. In `arena`. */
PBASE_MUST_CHECK pbase_status place_path(const place_view *view, store *bytes,
                                         pbase_collection_id id, pbase_arena *arena,
                                         pbase_value *out, pbase_error *err);

#endif
