/* os_device.c - in what pieces the device below a file takes writes: statx, then what sysfs says of
 * the block device. A partition has no queue of its own; its disk's lies one folder up. File systems
 * over several devices have a number that sysfs does not know. */
#include "os/os_device.h"
#include "os/os.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIECE_BYTES_MAX 1048576u /* a larger one is taken for nonsense */
#define NUMBER_TEXT_BYTES 24u

/* 0: there is no such file, or no such number in it. */
static uint32_t number_read(const char *path)
{
    char text[NUMBER_TEXT_BYTES] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t got = read(fd, text, sizeof text - 1);
    (void)close(fd); /* only read */
    unsigned long number = got > 0 ? strtoul(text, NULL, 10) : 0;
    return number <= PIECE_BYTES_MAX ? (uint32_t)number : 0;
}

static uint32_t queue_number(const struct statx *about, const char *name)
{
    static const char *const queues[] = {"queue", "../queue"};
    uint32_t number = 0;
    for (size_t i = 0; i < sizeof queues / sizeof queues[0] && number == 0; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s/%s", about->stx_dev_major,
                       about->stx_dev_minor, queues[i], name); /* it fits */
        number = number_read(path);
    }
    return number;
}

void os_device_pieces(int fd, pbase_os_pieces *out)
{
    unsigned wanted = 0;
#ifdef STATX_DIOALIGN
    wanted = STATX_DIOALIGN;
#endif
    struct statx about;
    *out = (pbase_os_pieces){0};
    if (statx(fd, "", AT_EMPTY_PATH, wanted, &about) != 0) {
        return;
    }
    out->whole_bytes = queue_number(&about, "physical_block_size");
#ifdef STATX_DIOALIGN
    if ((about.stx_mask & STATX_DIOALIGN) != 0) {
        out->direct_bytes = about.stx_dio_offset_align;
        return;
    }
#endif
    out->direct_bytes = queue_number(&about, "logical_block_size"); /* a kernel before 6.1 */
}
