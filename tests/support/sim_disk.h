/* sim_disk.h - a disk in memory that remembers what was not synced.
 *
 * Every file has two contents: what a reader sees now and what is durable. A write changes the
 * first and leaves pending items: one per 512-byte sector, one when the size changed. A file sync
 * makes its items durable. Creations, renames and removals are pending items too, made durable by
 * the sync of their directory. sim_disk_after_crash builds the disk that a crash would leave when
 * a given choice of pending items had reached it; anything that is not pending has.
 *
 * Model, strict where file systems differ: syncing a file does not make its name durable; items
 * reach the disk in any order and independently, except that a rename is one item; sectors beyond
 * a durable size read as zeros; a failed sync loses what it should have made durable, though
 * readers go on seeing it (as Linux does).
 *
 * Threads: confined; sim_os holds a lock around it. Aborts when the process has no memory. */
#ifndef TESTS_SUPPORT_SIM_DISK_H
#define TESTS_SUPPORT_SIM_DISK_H
#include <protobase/base/os.h>

#define SIM_SECTOR_BYTES 512u
#define SIM_NODE_NONE UINT32_MAX
#define SIM_NODE_ROOT 0u /* the directory "/" */

typedef struct sim_disk sim_disk;
typedef uint32_t sim_node; /* a file or directory; numbers are not reused */

/* What becomes of one pending item in a crash. */
typedef enum {
    SIM_LOST,
    SIM_KEPT,
    SIM_TORN /* a sector: new up to some byte, then old; a punched range: its first half */
} sim_fate;

sim_disk *sim_disk_create(void);
void sim_disk_destroy(sim_disk *disk); /* NULL is fine */
/* Growing past it is PBASE_NO_SPACE; 0: no limit. */
void sim_disk_limit(sim_disk *disk, uint64_t bytes);
uint64_t sim_disk_used(const sim_disk *disk);
uint64_t sim_disk_limit_get(const sim_disk *disk); /* UINT64_MAX: no limit */

/* Names. Paths are absolute or relative to "/"; "." is skipped, ".." is NOT_FOUND. `now_ns` becomes
 * the time of modification. Errors as the os calls of the same purpose. */
pbase_status sim_disk_find(const sim_disk *disk, const char *path, sim_node *out, pbase_error *err);
pbase_status sim_disk_make(sim_disk *disk, const char *path, bool directory, int64_t now_ns,
                           sim_node *out, pbase_error *err);
pbase_status sim_disk_rename(sim_disk *disk, const char *from, const char *to, pbase_error *err);
pbase_status sim_disk_remove(sim_disk *disk, const char *path, bool directory, pbase_error *err);
pbase_status sim_disk_list(const sim_disk *disk, const char *path,
                           pbase_status (*each)(void *state, const char *name, pbase_error *err),
                           void *state, pbase_error *err);
void sim_disk_stat(const sim_disk *disk, sim_node node, pbase_os_stat *out);
bool sim_disk_is_directory(const sim_disk *disk, sim_node node);

/* Contents. `durable`: the sectors written and the size are durable at once. */
size_t sim_disk_read(const sim_disk *disk, sim_node node, uint64_t offset, void *out, size_t size);
pbase_status sim_disk_write(sim_disk *disk, sim_node node, uint64_t offset, const void *data,
                            size_t size, bool durable, int64_t now_ns, pbase_error *err);
pbase_status sim_disk_resize(sim_disk *disk, sim_node node, uint64_t size, int64_t now_ns,
                             pbase_error *err);
void sim_disk_punch(sim_disk *disk, sim_node node, uint64_t offset, uint64_t size);
uint64_t sim_disk_size(const sim_disk *disk, sim_node node);
/* `size` bytes, lent until the disk ends; shows later writes too, and zeros past the end. */
const uint8_t *sim_disk_map(sim_disk *disk, sim_node node, uint64_t size);

/* Makes the pending items of a file, or of the names in a directory, durable. */
void sim_disk_sync(sim_disk *disk, sim_node node);
/* The same, failing: the items are lost for ever, and no longer pending. */
void sim_disk_sync_lose(sim_disk *disk, sim_node node);

/* Makes everything durable. */
void sim_disk_settle(sim_disk *disk);

/* Grows with every change of the disk, whatever became of it: equal versions are equal disks. */
uint64_t sim_disk_version(const sim_disk *disk);
/* Pending items, in the order in which they came. */
size_t sim_disk_pending(const sim_disk *disk);
/* The disk after a crash; `fates` has one entry per pending item, `random` places the tears. */
sim_disk *sim_disk_after_crash(const sim_disk *disk, const sim_fate *fates, uint64_t random);

/* Damage: flips the bits of `mask` in one durable and visible byte. */
void sim_disk_flip(sim_disk *disk, sim_node node, uint64_t offset, uint8_t mask);

#endif
