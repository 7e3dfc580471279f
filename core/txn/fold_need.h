/* fold_need.h - when leaves and their patches become one in the background: while nothing else happens.
 *
 * Under changes a patch is soon replaced by a larger one, and a leaf that was written for it written for nothing.
 * So the background waits until nothing was committed for a while and many patches were written, and then
 * makes leaves of them, some at a time: no more bytes a second than a disk hardly notices.
 *
 * Threads: confined to the one who settles. */
#ifndef PROTOBASE_TXN_FOLD_NEED_H
#define PROTOBASE_TXN_FOLD_NEED_H
#include <stdbool.h>
#include <stdint.h>

#define FOLD_IDLE_NS (UINT64_C(5) * 1000 * 1000 * 1000)
#define FOLD_BYTES (UINT64_C(32) << 20)          /* of leaves at a time */
#define FOLD_BYTES_A_SECOND (UINT64_C(16) << 20) /* written, on the average */
#define FOLD_VAIN_MAX 10u                        /* doublings of the pause: an hour and a half */
#define FOLD_PATCHES_MIN UINT64_C(1024)          /* that were written since none was left */

/* Zeroed: nothing was seen yet. */
typedef struct {
    uint64_t sequence; /* the newest */
    uint64_t since_ns; /* when it was seen first */
    uint64_t next_ns;  /* not before */
    uint64_t loose;    /* patches before the last try that could become a leaf */
    unsigned in_vain;  /* tries, the last ones, of which nothing came */
    uint64_t written;  /* patches, when none was left that could become a leaf */
} fold_need;

/* `sequence`: the newest now. `written`: patches, since the space was opened. */
bool fold_need_is_due(fold_need *self, uint64_t now_ns, uint64_t sequence, uint64_t written);
/* What came of a try. */
typedef struct {
    bool is_failed;
    uint64_t bytes;   /* written for it, at most */
    uint64_t loose;   /* patches before it that could become a leaf */
    uint64_t live;    /* all there were: the others were pinned */
    uint64_t written; /* patches before it, since the space was opened */
} fold_outcome;

/* Where something failed, nothing became less, or all is pinned, the next try is twice as far away each time: to come back soon
 * would write for nothing, or read. */
void fold_need_note(fold_need *self, uint64_t now_ns, const fold_outcome *outcome);

#endif
