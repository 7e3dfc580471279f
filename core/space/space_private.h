/* space_private.h - what a pbase_space is inside, for the files of space/. */
#ifndef PROTOBASE_SPACE_SPACE_PRIVATE_H
#define PROTOBASE_SPACE_SPACE_PRIVATE_H
#include "host/wiring.h"
#include "txn/database.h"
#include "txn/store_coder.h"
#include <protobase/snapshot.h>
#include <protobase/space.h>

/* Codecs by name, from the wiring: what the store asks for. */
typedef struct {
    codec_provider base; /* first member: the contract */
    wiring *graph;
} wiring_codecs;

/* A closed snapshot, kept for the next one. Each place has a line of the cache for itself, so that
 * threads which begin at different ones do not meet. */
#define SNAPSHOTS_IDLE 8u
typedef struct {
    _Atomic(pbase_snapshot *) snapshot; /* NULL: none */
    uint8_t gap[64 - sizeof(void *)];
} idle_snapshot;

struct pbase_space {
    const pbase_host *host;
    wiring *graph;
    wiring_codecs codecs;
    store *bytes;
    engine *engine;
    store_coder coder;        /* of snapshots */
    uint64_t open_ns;         /* what opening took */
    _Atomic uint64_t handles; /* on databases, opened so far */
    idle_snapshot idle[SNAPSHOTS_IDLE];
};

/* Opens a space without an engine: its components and its store, for recovering. `prepare` (may be
 * NULL) comes before the store looks at the storage. Ended by pbase_space_close. */
PBASE_MUST_CHECK pbase_status space_open_parts(const pbase_config_source *config,
                                               pbase_status (*prepare)(void *state,
                                                                       pbase_storage *storage,
                                                                       pbase_error *err),
                                               void *state, pbase_space **out, pbase_error *err);

/* UNSUPPORTED in a child of the process that opened the space. */
PBASE_MUST_CHECK pbase_status space_check_process(const pbase_space *space, pbase_error *err);
/* The same, then takes over what other processes committed: before the newest state is read. */
PBASE_MUST_CHECK pbase_status space_refresh(const pbase_space *space, pbase_error *err);

#endif
