/* verify.h - compares an index with the collection it is on, entry by entry, both ways.
 * Threads: pure reads. */
#ifndef PROTOBASE_INDEX_VERIFY_H
#define PROTOBASE_INDEX_VERIFY_H
#include "index/upkeep.h"
#include <protobase/base/call.h>
#include <protobase/base/os.h>
#include <protobase/plugin/storage.h>

typedef struct {
    const pbase_alloc *alloc;
    value_coder *coder;
    const pbase_os *os;
    const pbase_call *call; /* looked at now and then; may be NULL */
    uint8_t kind;           /* of the collection */
    tree content;           /* lent, like the next */
    index_live index;
    const char *place; /* of the index, in words */
    pbase_verify_each each;
    void *each_state;
} index_verification;

typedef struct {
    uint64_t rows;     /* of the collection, read */
    uint64_t entries;  /* of the index */
    uint64_t findings; /* calls of `each` */
} index_verified;

#define INDEX_FINDINGS_MAX 1000u /* told one by one; what is beyond is counted */

/* Tells `each` of every row whose entry is missing, every entry that no row gives, every key of a
 * unique index that two rows have. OK when it could look everywhere. CORRUPT, IO: a tree does not
 * read. */
PBASE_MUST_CHECK pbase_status index_verify(const index_verification *self, index_verified *out,
                                           pbase_error *err);

#endif
