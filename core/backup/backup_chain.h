/* backup_chain.h - which backups follow one another, told by their heads.
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_BACKUP_BACKUP_CHAIN_H
#define PROTOBASE_BACKUP_BACKUP_CHAIN_H
#include "backup/backup_source.h"

/* Whether an increment with `head` continues the backup with `base`. */
bool backup_head_continues(const backup_head *head, const backup_head *base);
/* Whether the newest of `files`, of which there is one, can be restored as far as heads tell: reads them from
 * it back to the full backup of its chain, two files open at a time. INVALID names the file that is missing, or
 * does not continue the one before it. */
PBASE_MUST_CHECK pbase_status backup_chain_look(const backup_files *files, const pbase_host *host,
                                                const char *folder, pbase_error *err);

#endif
