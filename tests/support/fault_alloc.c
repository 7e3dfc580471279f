/* fault_alloc.c - puts a head before each block that remembers its size. */
#include "fault_alloc.h"
#include <protobase/base/error.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAGIC 0x626c6f636b6d6167u

typedef struct {
    _Alignas(16) uint64_t magic;
    uint64_t size;
} block_head;

static bool must_fail(fault_alloc *fa)
{
    uint64_t request = atomic_fetch_add(&fa->requests, 1) + 1;
    uint64_t fail_at = atomic_load(&fa->fail_at);
    bool is_later = atomic_load(&fa->fails_on) && fail_at != 0 && request > fail_at;
    if (request != fail_at && !is_later) {
        return false;
    }
    atomic_store(&fa->has_failed, true);
    return true;
}

static block_head *head_of(void *memory, size_t old_size)
{
    if (memory == NULL) {
        PBASE_ASSERT(old_size == 0);
        return NULL;
    }
    block_head *head = (block_head *)memory - 1;
    PBASE_ASSERT(head->magic == BLOCK_MAGIC);
    PBASE_ASSERT(head->size == old_size);
    return head;
}

static void release(fault_alloc *fa, block_head *head)
{
    if (head != NULL) {
        atomic_fetch_sub(&fa->live_bytes, head->size);
        atomic_fetch_sub(&fa->live_blocks, 1);
        head->magic = 0;
        free(head);
    }
}

/* Always moves, so that a pointer kept across a resize is found out. */
static void *resize(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size)
{
    fault_alloc *fa = (fault_alloc *)self->state;
    block_head *old = head_of(memory, old_size);
    if (new_size == 0) {
        release(fa, old);
        return NULL;
    }
    if (must_fail(fa) || new_size > SIZE_MAX - sizeof *old) {
        return NULL;
    }
    block_head *head = (block_head *)malloc(sizeof *head + new_size);
    if (head == NULL) {
        return NULL;
    }
    head->magic = BLOCK_MAGIC;
    head->size = new_size;
    memset(head + 1, 0xa5, new_size);
    if (old != NULL) {
        memcpy(head + 1, memory, old_size < new_size ? old_size : new_size);
    }
    release(fa, old);
    atomic_fetch_add(&fa->live_bytes, new_size);
    atomic_fetch_add(&fa->live_blocks, 1);
    return head + 1;
}

void fault_alloc_init(fault_alloc *fa)
{
    fa->alloc.resize = resize;
    fa->alloc.state = fa;
    atomic_init(&fa->requests, 0);
    atomic_init(&fa->fail_at, 0);
    atomic_init(&fa->fails_on, false);
    atomic_init(&fa->has_failed, false);
    atomic_init(&fa->live_bytes, 0);
    atomic_init(&fa->live_blocks, 0);
}

/* Not at a moment when other threads ask for memory and one of them must be hit. */
static void arm(fault_alloc *fa, uint64_t n, bool fails_on)
{
    atomic_store(&fa->fail_at, 0);
    atomic_store(&fa->requests, 0);
    atomic_store(&fa->has_failed, false);
    atomic_store(&fa->fails_on, fails_on);
    atomic_store(&fa->fail_at, n);
}

void fault_alloc_fail_at(fault_alloc *fa, uint64_t n)
{
    arm(fa, n, false);
}

void fault_alloc_fail_from(fault_alloc *fa, uint64_t n)
{
    arm(fa, n, true);
}

bool fault_alloc_has_failed(const fault_alloc *fa)
{
    return atomic_load(&fa->has_failed);
}

uint64_t fault_alloc_requests(const fault_alloc *fa)
{
    return atomic_load(&fa->requests);
}

uint64_t fault_alloc_live_bytes(const fault_alloc *fa)
{
    return atomic_load(&fa->live_bytes);
}

uint64_t fault_alloc_live_blocks(const fault_alloc *fa)
{
    return atomic_load(&fa->live_blocks);
}
