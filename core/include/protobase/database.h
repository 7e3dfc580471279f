/* database.h - databases of a space: create, open, rename, drop, list, snapshot and branch.
 *
 * Databases are isolated from one another; a transaction and a snapshot belong to one. Names are
 * 1..255 bytes of UTF-8 without control characters. Each change of the list of databases is one
 * durable commit of its own.
 *
 * A snapshot and a branch are databases that begin with the content of another one, at one commit of
 * it. Making one copies nothing, whatever the size: both share what they have in common for as long
 * as they have it. A snapshot stays as it is; a branch is written like any database, and neither
 * side sees what the other commits afterwards.
 *
 * Threads: synchronized; a handle may be used from any thread until it is closed. */
#ifndef PROTOBASE_DATABASE_H
#define PROTOBASE_DATABASE_H
#include <protobase/base/arena.h>
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
/* Gives it another name, durably. EXISTS: `to` is taken (nothing is overwritten); NOT_FOUND: there is
 * no `from`. Whatever was opened by the old name stays valid, but everything it is asked to begin
 * is NOT_FOUND with the new name in the message, even when another database has the old name by
 * then; a serializable transaction in flight is a CONFLICT. Open snapshots keep what they see. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_rename(pbase_space *space, const char *from,
                                                              const char *to, pbase_error *err);
/* Makes the database `name`: read only, with what `source` holds now. EXISTS, NOT_FOUND. Storing
 * something in it is READ_ONLY. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_snapshot(pbase_space *space,
                                                                const char *source,
                                                                const char *name, pbase_error *err);
/* Makes the database `name`: with what `source` (any kind of database) holds now, to be changed at
 * will. EXISTS, NOT_FOUND. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_branch(pbase_space *space,
                                                              const char *source, const char *name,
                                                              pbase_error *err);

/* What a database is. */
enum { PBASE_DATABASE_PLAIN = 0, PBASE_DATABASE_SNAPSHOT = 1, PBASE_DATABASE_BRANCH = 2 };
typedef struct {
    uint32_t struct_size;
    uint32_t kind;     /* PBASE_DATABASE_* */
    uint64_t sequence; /* of the commit that made it: a copy has what its origin had then */
    const char *name;
    const char *origin; /* of a copy: the name its origin has now; "" when that was dropped, and of
                           what is no copy */
} pbase_database_info;
typedef pbase_status (*pbase_database_info_each)(void *state, const pbase_database_info *info,
                                                 pbase_error *err);
/* Calls `each` for every database, in byte order of names; the info is lent for the call. A result
 * other than OK stops with it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_infos(pbase_space *space,
                                                             pbase_database_info_each each,
                                                             void *state, pbase_error *err);
/* One database; the names in `out` lie in `arena`. NOT_FOUND names the nearest. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_database_describe(pbase_space *space,
                                                                const char *name,
                                                                pbase_arena *arena,
                                                                pbase_database_info *out,
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
