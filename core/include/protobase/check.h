/* check.h - verifies everything a space keeps.
 * Threads: synchronized; commits go on meanwhile. */
#ifndef PROTOBASE_CHECK_H
#define PROTOBASE_CHECK_H
#include <protobase/plugin/storage.h>
#include <protobase/space.h>
PBASE_BEGIN_DECLS

typedef struct {
    uint64_t databases; /* what snapshots and branches share is read and counted once */
    uint64_t collections;
    uint64_t indexes;  /* compared with their collections */
    uint64_t entries;  /* of all collections */
    uint64_t atoms;    /* read and verified on the storage */
    uint64_t bytes;    /* of those atoms */
    uint64_t findings; /* calls of `each` */
} pbase_check_report;

/* Verifies the storage's own formats, the checksum and structure of every atom that the newest
 * state reaches, that every value decodes, that every collection is held by exactly one value, and
 * that every index holds what its collection says. Calls `each` for every finding with its place in
 * words ("database 'main', root 'people', keys 'a'..'f'"). OK when it could look everywhere: a clean
 * space has report->findings 0. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_check(pbase_space *space,
                                                          const pbase_call *call,
                                                          pbase_verify_each each, void *state,
                                                          pbase_check_report *report,
                                                          pbase_error *err);

PBASE_END_DECLS
#endif
