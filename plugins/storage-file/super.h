/* super.h - the super block: where the journal begins, and what a clean close left (docs/formats/
 * super.md).
 *
 * It is the provider's key "super", replaced when a space is opened for its first change, when the
 * journal goes on in another segment, at trims and at a clean close, never at a commit.
 * Threads: plain data. */
#ifndef PBASE_SUPER_H
#define PBASE_SUPER_H
#include "journal/journal.h"

#define SUPER_KEY "super"
#define SUPER_BYTES 96u

typedef struct {
    uint64_t space_id;        /* random; stands in every frame and segment of the space */
    pbase_position first;     /* journal kept from here; 0: nothing was ever trimmed */
    pbase_position anchor;    /* of the last trim; 0 before the first */
    pbase_position closed_at; /* head at a clean close with no change since, else 0 */
    uint64_t fence_base;      /* fencing tokens begin above it */
    uint64_t active_bytes;    /* of `active_log_id` */
    journal_entered entered;  /* newest segment of the journal */
    uint32_t next_log_id;     /* smaller ids may have been used */
    uint32_t active_log_id;   /* segment to continue after a clean close, 0: none */
} super_block;

/* Writes SUPER_BYTES to `out`. */
void super_encode(const pbase_host *host, const super_block *block, uint8_t *out);
/* CORRUPT: checksum or contents are impossible. FORMAT: not ours, or a newer version. */
PBASE_MUST_CHECK pbase_status super_decode(const pbase_host *host, pbase_bytes bytes,
                                           super_block *out, pbase_error *err);

#endif
