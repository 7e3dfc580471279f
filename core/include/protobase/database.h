/* database.h - databases of a space: create, open, drop, list.
 *
 * Databases are isolated from one another; a transaction and a snapshot belong to one. Names are
 * 1..255 bytes of UTF-8 without control characters.
 * Threads: synchronized; a handle may be used from any thread until it is closed. */
#ifndef PROTOBASE_DATABASE_H
#define PROTOBASE_DATABASE_H
#include <protobase/space.h>
PBASE_BEGIN_DECLS

typedef struct pbase_database pbase_database;

/* Makes an empty database, durably. EXISTS: the name is taken. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_create(pbase_space *space, const char *name,
                                                              pbase_error *err);
/* Borrows `space` until close. NOT_FOUND names the nearest existing name. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_open(pbase_space *space, const char *name,
                                                            pbase_database **out, pbase_error *err);
/* Opens it, making it first when it is missing. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_ensure(pbase_space *space, const char *name,
                                                              pbase_database **out,
                                                              pbase_error *err);
/* Removes it with everything in it, durably. Open handles stay valid but everything they are asked
 * to begin is NOT_FOUND; open snapshots keep what they see. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_drop(pbase_space *space, const char *name,
                                                            pbase_error *err);
/* Calls `each` for every name, in byte order; a result other than OK stops the listing with it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_list(
    pbase_space *space, pbase_status (*each)(void *state, const char *name, pbase_error *err),
    void *state, pbase_error *err);
/* The name it was opened by. Lent until close. */
PBASE_API const char *pbase_database_name(const pbase_database *database);
/* NULL is fine. Its snapshots and transactions must have ended. */
PBASE_API void pbase_database_close(pbase_database *database);

PBASE_END_DECLS
#endif
