/* backup_target.h - where a backup goes.
 *
 * A file has another name, with ".NEW" behind it, until it is whole and durable; so what has the name
 * of a backup is one. What was begun and not committed is removed; after a crash it lies there under
 * that other name, and the next backup to the same place overwrites it.
 *
 * Threads: confined. */
#ifndef PROTOBASE_BACKUP_BACKUP_TARGET_H
#define PROTOBASE_BACKUP_BACKUP_TARGET_H
#include "backup/backup_writer.h"

typedef struct {
    const pbase_host *host; /* borrowed until close */
    pbase_os_file *lock;    /* of a folder: nobody else adds to it */
    pbase_os_file *file;
    uint64_t size;
    bool is_begun;                    /* there is something to remove */
    pbase_buffer folder, draft, name; /* paths, ended by NUL */
} backup_target;

void backup_target_init(backup_target *self, const pbase_host *host);
/* Removes what was not committed. */
void backup_target_close(backup_target *self);
/* Makes the folder if it is not there, and takes the right to add to it. BUSY: somebody else does. */
PBASE_MUST_CHECK pbase_status backup_target_folder(backup_target *self, const char *folder,
                                                   pbase_error *err);
/* Begins the file `name` in that folder, or with a path that is not in it. EXISTS. */
PBASE_MUST_CHECK pbase_status backup_target_begin(backup_target *self, const char *path,
                                                  pbase_error *err);
/* Appends to it; lent until close. */
backup_sink backup_target_sink(backup_target *self);
/* Makes it durable and gives it its name. */
PBASE_MUST_CHECK pbase_status backup_target_commit(backup_target *self, pbase_error *err);

#endif
