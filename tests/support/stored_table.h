/* stored_table.h - where the store has what a test wants to damage. */
#ifndef PBASE_TEST_STORED_TABLE_H
#define PBASE_TEST_STORED_TABLE_H
#include <protobase/space.h>

/* Where the root of a database's table of collections lies in its segment; 0: it is not stored, or there
 * is no such database. */
uint64_t stored_table_offset(pbase_space *space, const char *database);

#endif
