/* recovery.h - what the files of recovering share: a damaged space to read, a new one to fill.
 *
 * Neither has an engine. The target's content is one tree of trees in memory and on its storage, edited
 * until it is whole, then named by a checkpoint. Threads: confined. */
#ifndef PROTOBASE_SPACE_RECOVERY_H
#define PROTOBASE_SPACE_RECOVERY_H
#include "space/space_private.h"
#include "store/segment_scan.h"
#include "txn/catalog.h"

#include <protobase/recover.h>

/* Keys, or elements, that a damaged atom of the newest checkpoint served. */
enum { LOST_DATABASES, LOST_COLLECTIONS, LOST_ENTRIES };
typedef struct {
    uint8_t level; /* LOST_* */
    uint8_t kind;  /* of the collection */
    bool is_filled;
    bool is_inner; /* more than one leaf, or a whole tree */
    uint64_t database;
    pbase_collection_id id;
    pbase_buffer from, to; /* empty: no bound */
    bool is_value;         /* one key: from */
    uint64_t count;        /* 0: unknown */
} lost_range;

/* An index to be made again. */
typedef struct {
    uint64_t database;
    pbase_buffer key, value; /* of the tree of definitions */
} lost_index;

typedef struct {
    uint64_t sequence;
    int64_t timestamp_ns;
    pbase_atom_pointer root;
} known_checkpoint;

typedef struct {
    const pbase_recover_options *options;
    const pbase_call *call;
    pbase_recover_report *report;
    pbase_space *from, *to;        /* opened without an engine */
    atom_source *source, *target;  /* of them */
    segment_scan scan;             /* of the source */
    known_checkpoint *checkpoints; /* newest first */
    size_t checkpoint_count, checkpoint_capacity;
    size_t base;  /* the one begun with; checkpoint_count: none */
    bool is_bare; /* neither a checkpoint nor a commit is left: whole leaves alone can be saved */
    tree catalog; /* of the target */
    uint64_t sequence;
    int64_t timestamp_ns;
    lost_range *losses;
    size_t loss_count, loss_capacity;
    lost_index *indexes;
    size_t index_count, index_capacity;
} recovery;

PBASE_MUST_CHECK pbase_status recovery_tell(recovery *self, pbase_status code, const char *place,
                                            const char *message, pbase_error *err);
/* Room for one more of an array. */
PBASE_MUST_CHECK pbase_status recovery_room(const recovery *self, void *items, size_t count,
                                            size_t *capacity, size_t size, pbase_error *err);
/* Writes what a tree of the target has in memory when there is much of it. */
PBASE_MUST_CHECK pbase_status recovery_settle(recovery *self, tree *content, bool always,
                                              pbase_error *err);

/* The table of collections of a database of the target, with one count, and what stands beside it. */
PBASE_MUST_CHECK pbase_status recovery_table(recovery *self, uint64_t database, tree *out,
                                             pbase_buffer *payload, bool *out_found,
                                             pbase_error *err);
/* Puts it back, taking its count. */
PBASE_MUST_CHECK pbase_status recovery_table_put(recovery *self, uint64_t database, tree *table,
                                                 pbase_bytes payload, pbase_error *err);

/* recovery_copy.c: the base into the target, around damage; then what older checkpoints still have of
 * what was lost. */
PBASE_MUST_CHECK pbase_status recovery_copy(recovery *self, pbase_error *err);
/* The tree at `root` of the source as one of the target's storage. */
PBASE_MUST_CHECK pbase_status recovery_copy_tree(recovery *self, uint64_t database,
                                                 pbase_collection_id id, uint8_t kind,
                                                 pbase_atom_pointer root, tree *out,
                                                 pbase_error *err);
/* True when elements of that list are missing: indexes into it mean nothing any more. */
bool recovery_is_cut(const recovery *self, uint64_t database, pbase_collection_id id);

/* Whether a key lies in a lost range. */
bool recovery_is_inside(const lost_range *lost, pbase_bytes key);

/* recovery_orphans.c: sound leaves that nothing leads to any more, into a database of their own. */
PBASE_MUST_CHECK pbase_status recovery_orphans(recovery *self, pbase_error *err);

/* recovery_mend.c: every collection is held by one value again, and every value holds what is there. */
PBASE_MUST_CHECK pbase_status recovery_mend(recovery *self, pbase_error *err);

/* recovery_replay.c: the indexes again, then the commits after the base. */
PBASE_MUST_CHECK pbase_status recovery_replay(recovery *self, pbase_error *err);

#endif
