/* file_folder.h - the folder of block_provider/file: its mark, its names, their durability.
 *
 *   FORMAT            marks the folder as ours: one line of text
 *   LOCK              locked by the process that uses it, or by each of several; holds the id of one,
 *                     and whether the last one to use the folder left every name durable
 *   LOCK.<name>       a lock between users, and LOCK.<name>.NEXT for who waits, see file_locks.h
 *   BOARD.<name>      memory that users share, and SLOT.<name>.<n>, of one of them
 *   KEYS/<key>        versioned keys, see file_key.h
 *   <name>            a segment, slashes become folders
 *   <name>.SEALED     a sealed segment
 *
 * Names of segments and keys have no capitals, so the two worlds never meet.
 * Threads: immutable after opening; all calls may run at once. */
#ifndef PBASE_FILE_FOLDER_H
#define PBASE_FILE_FOLDER_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/host.h>

#define FILE_FOLDER_FORMAT "FORMAT"
#define FILE_FOLDER_SEALED ".SEALED"
#define FILE_FOLDER_KEYS "KEYS/"
#define FILE_FOLDER_LOCK "LOCK"

/* In LOCK, behind the holder's id. */
#define FILE_FOLDER_MARK_AT 21u
#define FILE_FOLDER_MARK_BYTES 6u
#define FILE_FOLDER_MARK_CLEAN "clean\n"
#define FILE_FOLDER_MARK_OPEN "open \n" /* one found it clean, and is alone with it */
#define FILE_FOLDER_MARK_TORN "torn?\n" /* others came, or one who used it has died */

typedef struct {
    const pbase_host *host; /* borrowed until close */
    pbase_buffer root;      /* path, NUL-ended */
} file_folder;

/* With `only_reads`, only a folder that is there, whatever its mark says. Finds or makes the folder at `path` (its parent must exist) and checks that it is ours. FORMAT: something else is kept there. UNSUPPORTED: it lies on a network
 * file system and `allow_network` is false. Nothing to close on failure. */
PBASE_MUST_CHECK pbase_status file_folder_open(file_folder *folder, const pbase_host *host,
                                               const char *path, bool allow_network,
                                               bool only_reads, pbase_error *err);
void file_folder_close(file_folder *folder);

/* Replaces `out` by the NUL-ended path of `name` followed by `suffix`. */
PBASE_MUST_CHECK pbase_status file_folder_path(const file_folder *folder, const char *name,
                                               const char *suffix, pbase_buffer *out,
                                               pbase_error *err);
/* Makes the folders on the way to `name`, durably. */
PBASE_MUST_CHECK pbase_status file_folder_make_parents(const file_folder *folder, const char *name,
                                                       pbase_error *err);
/* Makes creations, renames and removals beside `name` durable. */
PBASE_MUST_CHECK pbase_status file_folder_sync(const file_folder *folder, const char *name,
                                               pbase_error *err);
/* Makes every name in the folder durable: those that a process that died may have left pending. */
PBASE_MUST_CHECK pbase_status file_folder_sync_all(const file_folder *folder, pbase_error *err);
/* True when a file `name` + `suffix` is there. */
PBASE_MUST_CHECK pbase_status file_folder_exists(const file_folder *folder, const char *name,
                                                 const char *suffix, bool *out, pbase_error *err);
/* The segments whose names begin with `prefix`. */
PBASE_MUST_CHECK pbase_status file_folder_list(const file_folder *folder, const char *prefix,
                                               pbase_status (*each)(void *state,
                                                                    const pbase_block_info *info,
                                                                    pbase_error *err),
                                               void *state, pbase_error *err);

#endif
