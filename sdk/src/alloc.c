/* alloc.c - the C library's heap behind pbase_alloc. The one user of malloc in the SDK. */
#include <protobase/base/alloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(_Alignof(max_align_t) >= 16, "the heap must align blocks to 16 bytes");

static void *heap_resize(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size)
{
    (void)self;
    (void)old_size; /* the heap keeps sizes itself */
    if (new_size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, new_size);
}

const pbase_alloc *pbase_alloc_default(void)
{
    static const pbase_alloc heap = {.resize = heap_resize};
    return &heap;
}

void *pbase_alloc_zeroed(const pbase_alloc *alloc, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *memory = pbase_alloc_new(alloc, count * size);
    if (memory != NULL) {
        memset(memory, 0, count * size);
    }
    return memory;
}
