/* lag.h - puts that lag: they are in the log of a handle, and in its tree when somebody looks.
 *
 * A transaction that only writes needs no tree of its own: its operations are committed, and applied
 * together with those of others. So puts into a dictionary of which nobody asks what was there go
 * into the log alone, up to LAG_BYTES_MAX of it; collection_drain applies them.
 *
 * Threads: confined, as the handle is. */
#ifndef PROTOBASE_COLLECTION_LAG_H
#define PROTOBASE_COLLECTION_LAG_H
#include "collection/collection_private.h"

#define LAG_BYTES_MAX 262144u

/* True when the operation need not be applied now. */
bool lag_takes(const collection *self, const change *operation);
/* Puts it into the log. */
PBASE_MUST_CHECK pbase_status lag_add(collection *self, const change *operation, pbase_error *err);
/* Starts the handle from what the collection is now; nothing has been applied. */
PBASE_MUST_CHECK pbase_status lag_renew(collection *self, pbase_error *err);
/* Applies what lags. After a failure the rest of it still does. */
PBASE_MUST_CHECK pbase_status lag_apply(collection *self, pbase_error *err);

#endif
