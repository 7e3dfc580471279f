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
    uint64_t indexes;        /* compared with their collections */
    uint64_t entries;        /* of all collections */
    uint64_t atoms;          /* whole ones, in all segments */
    uint64_t bytes;          /* of segments that were read */
    uint64_t findings;       /* also those beyond findings_max */
    uint64_t damaged_atoms;  /* of them: atoms that something needs */
    uint64_t lost_entries;   /* behind those, as far as what leads there tells */
    uint64_t unused_damages; /* of the findings: places that nobody needs */
} pbase_check_report;

#define PBASE_CHECK_FINDINGS_MAX 1000u
typedef struct {
    /* Called for every finding, with its place in words: "database 'main', root 'people', keys from 'a'
     * up to 'f'". Another answer than OK ends the check with it. NULL: they are counted alone. */
    pbase_verify_each each;
    /* May be NULL. Called now and then with the bytes of segments that were read. */
    pbase_status (*progress)(void *state, uint64_t done, uint64_t total, pbase_error *err);
    void *state;           /* of both */
    uint64_t findings_max; /* told one by one; 0: PBASE_CHECK_FINDINGS_MAX */
    bool
        is_quick; /* checksums and references alone; entries, values and indexes are not looked at */
} pbase_check_options;

/* Verifies, in this order: the storage's own formats (super block, keys, journal); every atom of every
 * segment by its checksum, reading segments from one end to the other; that everything that is kept
 * (the newest state, records, the past) leads to sound atoms alone; and in the newest state that every
 * value decodes, every collection is held by exactly one value and every index holds what its
 * collection says. A damaged atom is told with the first that needs it: database, collection, keys;
 * what only the past or a branch needs is told so, and what nobody needs. Goes on behind damage.
 * OK when it could look everywhere: a clean space has report->findings 0. `options` NULL: all defaults;
 * `report` may be NULL, and after a failure has what was found until then. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_check_with(pbase_space *space,
                                                               const pbase_check_options *options,
                                                               const pbase_call *call,
                                                               pbase_check_report *report,
                                                               pbase_error *err);
/* The same, without progress. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_check(pbase_space *space,
                                                          const pbase_call *call,
                                                          pbase_verify_each each, void *state,
                                                          pbase_check_report *report,
                                                          pbase_error *err);

PBASE_END_DECLS
#endif
