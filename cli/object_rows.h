/* object_rows.h - the objects of a database as rows of import, export and get: {"$object": {"class":
 * ..., "id": ..., "value": {...}}}, under the name `$objects`.
 * Threads: confined. */
#ifndef PBASE_CLI_OBJECT_ROWS_H
#define PBASE_CLI_OBJECT_ROWS_H
#include "cli.h"

/* True for the name that stands for the objects. */
bool objects_named(const char *collection);

/* Creates or replaces the object of one row; without an id it is a new one. The form around it may be
 * left out. */
PBASE_MUST_CHECK pbase_status object_row_put(pbase_txn *txn, const pbase_value *row,
                                             pbase_error *err);
/* All objects, in the order of ids: a line each, or one array. */
PBASE_MUST_CHECK pbase_status object_rows_write(cli *run, const pbase_snapshot *snapshot,
                                                bool is_array, pbase_error *err);
/* The object of an id as it is typed; NULL: how many there are. */
PBASE_MUST_CHECK pbase_status object_row_print(cli *run, const pbase_snapshot *snapshot,
                                               const char *id, pbase_error *err);
/* NOT_FOUND: there is none. */
PBASE_MUST_CHECK pbase_status object_row_remove(pbase_txn *txn, const char *id, pbase_error *err);

#endif
