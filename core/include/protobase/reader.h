/* reader.h - what holds bytes that a collection lends.
 *
 * A reader pins the place where the bytes of one value lie, so that reading copies and allocates
 * nothing. One reader serves any number of collections, one value, or the values of one
 * pbase_dict_get_many, at a time: what it lent ends with the next call that uses it, with reset or with close.
 * Threads: confined. */
#ifndef PROTOBASE_READER_H
#define PROTOBASE_READER_H
#include <protobase/base/bytes.h>
PBASE_BEGIN_DECLS

typedef struct pbase_reader pbase_reader;

/* Returns a reader the caller closes. `alloc` NULL: the C library's heap; borrowed until close. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_reader_create(const pbase_alloc *alloc,
                                                            pbase_reader **out, pbase_error *err);
/* Ends what it lent. Needed before the space it read from is closed. */
PBASE_API void pbase_reader_reset(pbase_reader *reader);
/* Resets and ends the reader. NULL is fine. */
PBASE_API void pbase_reader_close(pbase_reader *reader);

PBASE_END_DECLS
#endif
