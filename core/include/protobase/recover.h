/* recover.h - saves what is left of a damaged space into a new one, and says what is lost.
 *
 * The source is opened by storage/file with `salvage`, its folder with `read_only`: nothing of it is
 * trusted, and nothing in it is changed. Everything is read whose checksum holds: the newest checkpoint
 * that can be read, around its damaged atoms, then the commits after it. What was lost there and is
 * still held by an older checkpoint is taken from that, and told as possibly stale.
 * docs/recover.md says what becomes of what, and how to read the findings.
 *
 * Threads: one call; it blocks for as long as reading all of the source takes. */
#ifndef PROTOBASE_RECOVER_H
#define PROTOBASE_RECOVER_H
#include <protobase/plugin/storage.h>
#include <protobase/space.h>
PBASE_BEGIN_DECLS

typedef struct {
    uint64_t base_sequence; /* of the checkpoint that was begun with; 0: none, or the empty space */
    uint64_t sequence;      /* of the newest commit in the result */
    uint64_t databases;     /* in the result, as the next two */
    uint64_t collections;
    uint64_t entries;
    uint64_t applied_commits;  /* after the checkpoint */
    uint64_t lost_commits;     /* missing between those that were applied */
    uint64_t refused_changes;  /* of commits after it: parts that could not be applied */
    uint64_t damaged_atoms;    /* that were needed */
    uint64_t lost_entries;     /* behind them, as far as counts tell, without what the next found */
    uint64_t orphaned_entries; /* in the database "lost+found" */
    uint64_t stale_entries;    /* taken from older checkpoints */
    uint64_t findings;         /* calls of `each`; 0: nothing is lost */
} pbase_recover_report;

typedef struct {
    /* Called for everything that is lost, doubtful or was mended, with its place in words. Another
     * answer than OK ends recovering with it. NULL: nobody hears, and it is counted alone. */
    pbase_verify_each each;
    /* May be NULL: bytes of segments that were read, of all. */
    pbase_status (*progress)(void *state, uint64_t done, uint64_t total, pbase_error *err);
    void *state;          /* of both */
    bool without_stale;   /* leave out what only older checkpoints have */
    bool without_orphans; /* make no database "lost+found" of leaves that nothing leads to */
    bool stop_at_gap;     /* apply no commit behind a missing one: the result is a past state */
} pbase_recover_options;

/* `source` and `target` describe spaces of files; the target must be new (EXISTS otherwise), lie
 * outside the folder of the source (INVALID otherwise), and keeps the ids, sequences and codecs of the
 * source. OK: everything that could be read is in the target, which was checked afterwards; report->findings tells whether anything is missing. BUSY: somebody has
 * the source open. NOT_FOUND: there is no such folder. CORRUPT: nothing can be saved, or the result does
 * not pass its check. UNSUPPORTED: the storage is not one of files. AUTH: a key is missing.
 * After a failure the target is good for nothing but removal. `options` NULL: all defaults; `report` may be
 * NULL, and after a failure has what was found until then. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_recover(const pbase_config_source *source,
                                                            const pbase_config_source *target,
                                                            const pbase_recover_options *options,
                                                            const pbase_call *call,
                                                            pbase_recover_report *report,
                                                            pbase_error *err);

PBASE_END_DECLS
#endif
