/* cut_disk.h - a real file system whose power can be cut.
 *
 * It lies on a loop device over a file without a name, and is mounted for this process and its children
 * only. The cut is the file system's own forced shutdown, without a flush of its log: from then on
 * nothing is written any more, and after the next mount exactly that is there which had been made
 * durable, as far as this file system goes in any case. The mount and the device end with the process
 * however it ends, so nothing is ever left behind.
 * Needs root, loop devices and the program mkfs of that file system: a test is skipped without.
 * Threads: confined; cut_disk_cut also in a signal handler and in a child. */
#ifndef PBASE_TEST_CUT_DISK_H
#define PBASE_TEST_CUT_DISK_H
#include "temp_dir.h"

typedef enum { CUT_DISK_EXT4, CUT_DISK_XFS } cut_disk_kind;

typedef struct {
    cut_disk_kind kind;
    temp_dir dir;
    char root[PATH_MAX]; /* of the mounted file system */
    char device[32];
    int image, top; /* what the device shows; the mounted root, -1: not mounted */
} cut_disk;

/* Makes it and mounts it. NULL, or why this machine has none; then nothing is left to end. */
const char *cut_disk_begin(cut_disk *disk, cut_disk_kind kind);
void cut_disk_end(cut_disk *disk);
/* No file of it is open any more. Ends the test program when it cannot. */
void cut_disk_unmount(cut_disk *disk);
void cut_disk_mount(cut_disk *disk);
/* Everything on it fails from now on, until it was unmounted and mounted. */
void cut_disk_cut(const cut_disk *disk);

#endif
