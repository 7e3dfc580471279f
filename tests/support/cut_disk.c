/* cut_disk.c - loop device, private mounts, forced shutdown.
 *
 * The device is attached for each mount and detaches itself with it: while anybody had it open, the
 * kernel would keep blocks in memory that no power cut leaves. */
#include "cut_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The same number and flag for ext4 (fs/ext4/ext4.h) and xfs (XFS_IOC_GOINGDOWN). */
#define FORCED_SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_LOG_FLUSH 2u

#define UNMOUNT_TRIES 200u
#define UNMOUNT_PAUSE_US 5000u

static const struct {
    const char *type, *make;
    off_t bytes; /* the least that mkfs takes, or enough */
} kinds[] = {
    {"ext4", "mkfs.ext4 -q -F", 96 << 20},
    {"xfs", "mkfs.xfs -q -f", 304 << 20},
};

static void die(const char *what, const char *path)
{
    (void)fprintf(stderr, "cut_disk: %s '%s': %s\n", what, path, strerror(errno));
    abort();
}

/* ----------------------------------------------------------------------------- the device ---- */

/* The image as a device, until the descriptor it yields and all mounts of it are closed; -1: none. */
static int attach(cut_disk *disk)
{
    struct loop_config config = {.fd = (uint32_t)disk->image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), loop = -1;
    for (int tries = 0; control >= 0 && loop < 0 && tries < 64;
         tries++) { /* others take some, too */
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        (void)snprintf(disk->device, sizeof disk->device, "/dev/loop%d", number);
        loop = number < 0 ? -1 : open(disk->device, O_RDWR | O_CLOEXEC);
        if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) != 0) {
            (void)close(loop);
            loop = -1;
        }
    }
    if (control >= 0) {
        (void)close(control);
    }
    return loop;
}

/* Mounts made from here on are seen by nobody else, and end with the last process that sees them. */
static bool leave_others_alone(void)
{
    static bool has_left;
    has_left = has_left || (unshare(CLONE_NEWNS) == 0 &&
                            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    return has_left;
}

static bool run_mkfs(const cut_disk *disk)
{
    char command[128];
    (void)snprintf(command, sizeof command, "%s %s >/dev/null 2>&1", kinds[disk->kind].make,
                   disk->device);
    return system(command) == 0; /* the command is the test's own */
}

/* Attaches and mounts; NULL, or why not. */
static const char *mount_image(cut_disk *disk, bool is_new)
{
    const char *why = NULL;
    int loop = attach(disk);
    if (loop < 0) {
        return "it needs root and loop devices";
    }
    if (is_new && !run_mkfs(disk)) {
        why = "it needs mkfs.ext4 and mkfs.xfs";
    } else if (mount(disk->device, disk->root, kinds[disk->kind].type, 0, NULL) != 0) {
        why = "its file system cannot be mounted";
    }
    (void)close(loop);
    if (why == NULL) {
        disk->top = open(disk->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (disk->top < 0) {
            die("opening", disk->root);
        }
    }
    return why;
}

const char *cut_disk_begin(cut_disk *disk, cut_disk_kind kind)
{
    char path[PATH_MAX];
    memset(disk, 0, sizeof *disk);
    disk->kind = kind;
    disk->top = -1;
    temp_dir_create(&disk->dir);
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&disk->dir, "image"));
    (void)snprintf(disk->root, sizeof disk->root, "%s", temp_dir_path(&disk->dir, "root"));
    disk->image = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (disk->image < 0 || ftruncate(disk->image, kinds[kind].bytes) != 0 ||
        mkdir(disk->root, 0777) != 0 || unlink(path) != 0) {
        die("making", path);
    }
    const char *why = leave_others_alone() ? mount_image(disk, true) : "it needs root";
    if (why != NULL) {
        (void)close(disk->image);
        temp_dir_remove(&disk->dir);
    }
    return why;
}

void cut_disk_end(cut_disk *disk)
{
    cut_disk_unmount(disk);
    (void)close(disk->image);
    temp_dir_remove(&disk->dir);
}

/* ------------------------------------------------------------------------------ the mount ---- */

void cut_disk_unmount(cut_disk *disk)
{
    if (disk->top < 0) {
        return;
    }
    (void)close(disk->top);
    disk->top = -1;
    for (unsigned tries = 0; umount2(disk->root, UMOUNT_NOFOLLOW) != 0; tries++) {
        if (errno != EBUSY || tries == UNMOUNT_TRIES) { /* the kernel may still be closing files */
            die("unmounting", disk->root);
        }
        (void)usleep(UNMOUNT_PAUSE_US);
    }
}

void cut_disk_mount(cut_disk *disk)
{
    const char *why = mount_image(disk, false);
    if (why != NULL) {
        die(why, disk->root);
    }
}

void cut_disk_cut(const cut_disk *disk)
{
    uint32_t how = WITHOUT_LOG_FLUSH;
    (void)ioctl(disk->top, FORCED_SHUTDOWN, &how); /* a test finds out if it did nothing */
}
