/* space_digest.h - one number for what a collection, or a whole space, holds.
 *
 * Two digests are the same when the content is, entry by entry and in order; so a test can say that
 * something is as it was, whatever it is. Everything is read through public functions, each of which
 * is asserted to succeed. Threads: confined. */
#ifndef PBASE_TEST_SPACE_DIGEST_H
#define PBASE_TEST_SPACE_DIGEST_H
#include <protobase/protobase.h>

/* Of a collection, with the collections in it. */
uint64_t digest_collection(const pbase_collection *collection);
/* Of what a snapshot sees: roots, objects, indexes. */
uint64_t digest_snapshot(const pbase_snapshot *snapshot);
/* Of the newest state of every database of a space. */
uint64_t digest_space(pbase_space *space);

#endif
