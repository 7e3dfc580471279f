/* os_blocks.h - the shortest block provider over files, for tests of what stands on one.
 *
 * Every segment is one file "<directory>/<name>" with '/' written as '+'. It obeys the contract of
 * block_provider.h by the plainest means: a SYNC write is a write and a flush, a rename is a rename
 * and a flush of the directory. It has no keys and takes no locks. With a planted fault it lies
 * about names, so that a crash harness can be seen to find out. */
#ifndef TESTS_SUPPORT_OS_BLOCKS_H
#define TESTS_SUPPORT_OS_BLOCKS_H
#include <protobase/base/os.h>
#include <protobase/plugin/block_provider.h>

typedef enum {
    OS_BLOCKS_HONEST,
    OS_BLOCKS_NO_DIRECTORY_SYNC, /* no name is ever made durable */
    OS_BLOCKS_NO_RENAME_SYNC     /* only renames are not */
} os_blocks_fault;

typedef struct {
    const pbase_os *os;         /* borrowed until close */
    const char *directory;      /* exists; borrowed until close */
    uint32_t atomic_bytes;      /* 512 or 4096 */
    const uint32_t *atomic_now; /* in its place, for a provider that learns it; NULL: none */
    uint64_t segment_bytes;
    os_blocks_fault fault;
    uint64_t *written_bytes; /* counts what is written to segments; NULL: nobody asks */
} os_blocks_options;

PBASE_MUST_CHECK pbase_status os_blocks_open(const os_blocks_options *options, pbase_blocks **out,
                                             pbase_error *err);

#endif
