/* memory_blocks.c - a list of named blocks and a list of keys behind the block provider contract.
 *
 * One mutex guards both lists and the bytes of every block. */
#include "memory_blocks.h"

#include "memory_block.h"

#include <inttypes.h>

#define ATOMIC_BYTES 4096u
#define PREFERRED_BYTES 1048576u
#define SEGMENT_BYTES_MAX ((uint64_t)1 << 40)

typedef struct memory_key memory_key;
struct memory_key {
    memory_key *next;
    pbase_buffer name; /* with its NUL */
    pbase_buffer document;
    uint64_t version;
};

typedef struct {
    pbase_blocks base;
    const pbase_host *host; /* borrowed until close */
    uint64_t segment_bytes;
    pbase_os_mutex *mutex; /* guards all below */
    memory_budget budget;
    memory_block *blocks;
    memory_key *keys;
    bool locked;
} memory_blocks;

typedef struct {
    pbase_segment base;
    memory_block *block;
    uint32_t map_count; /* of this handle */
    bool writable;
} memory_handle;

static memory_blocks *from(pbase_blocks *self)
{
    PBASE_ASSERT(self->vtable == &memory_blocks_vtable);
    return (memory_blocks *)self;
}

static memory_handle *handle_from(pbase_segment *segment)
{
    PBASE_ASSERT(segment->blocks->vtable == &memory_blocks_vtable);
    return (memory_handle *)segment;
}

static void lock(memory_blocks *self)
{
    self->host->os->lock->mutex_lock(self->mutex);
}

static void unlock(memory_blocks *self)
{
    self->host->os->lock->mutex_unlock(self->mutex);
}

/* Every slot begins so: refuses a call that is over, else takes the mutex. */
static pbase_status enter(memory_blocks *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status == PBASE_OK) {
        lock(self);
    }
    return status;
}

static memory_block *block_find(memory_blocks *self, const char *name)
{
    memory_block *block = self->blocks;
    while (block != NULL && strcmp(block->name, name) != 0) {
        block = block->next;
    }
    return block;
}

/* --------------------------------------------------------------------------------- segment --- */

static pbase_status geometry(pbase_blocks *base, pbase_blocks_geometry *out, pbase_error *err)
{
    (void)err;
    *out = (pbase_blocks_geometry){
        .struct_size = sizeof *out,
        .atomic_bytes = ATOMIC_BYTES,
        .preferred_bytes = PREFERRED_BYTES,
        .segment_bytes = from(base)->segment_bytes,
        .segment_bytes_max = SEGMENT_BYTES_MAX,
        .in_flight_max = 1,
    };
    return PBASE_OK;
}

/* The block that an open asks for, made when it is new. With the mutex held. */
static pbase_status block_obtain(memory_blocks *self, const char *name, uint32_t flags,
                                 memory_block **out, pbase_error *err)
{
    memory_block *block = block_find(self, name);
    if ((flags & PBASE_SEGMENT_CREATE) != 0) {
        if (block != NULL) {
            return PBASE_FAIL(err, PBASE_EXISTS, "there is a segment '%s' already", name);
        }
        pbase_status status = memory_block_create(&self->budget, name, &block, err);
        if (status != PBASE_OK) {
            return status;
        }
        block->next = self->blocks;
        self->blocks = block;
    }
    if (block == NULL) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment '%s'", name);
    }
    if (block->sealed && (flags & PBASE_SEGMENT_WRITE) != 0) {
        return PBASE_FAIL(err, PBASE_READ_ONLY, "the segment '%s' is sealed", name);
    }
    *out = block;
    return PBASE_OK;
}

static pbase_status segment_open(pbase_blocks *base, const pbase_call *call, const char *name,
                                 uint32_t flags, pbase_segment **out, pbase_error *err)
{
    memory_blocks *self = from(base);
    memory_handle *handle = pbase_alloc_zeroed(self->host->alloc, 1, sizeof *handle);
    if (handle == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to open the segment '%s'", name);
    }
    pbase_status status = enter(self, call, err);
    if (status == PBASE_OK) {
        status = block_obtain(self, name, flags, &handle->block, err);
        if (status == PBASE_OK) {
            handle->block->handle_count++;
        }
        unlock(self);
    }
    if (status != PBASE_OK) {
        pbase_alloc_free(self->host->alloc, handle, sizeof *handle);
        return status;
    }
    handle->base.blocks = base;
    handle->writable = (flags & PBASE_SEGMENT_WRITE) != 0;
    *out = &handle->base;
    return PBASE_OK;
}

/* Takes the mutex for a change through `handle`; READ_ONLY when that may not be. */
static pbase_status enter_write(memory_handle *handle, const pbase_call *call, pbase_error *err)
{
    memory_blocks *self = from(handle->base.blocks);
    pbase_status status = enter(self, call, err);
    if (status == PBASE_OK && (handle->block->sealed || !handle->writable)) {
        status = PBASE_FAIL(err, PBASE_READ_ONLY, "the segment '%s' %s", handle->block->name,
                            handle->block->sealed ? "is sealed" : "was opened for reading");
        unlock(self);
    }
    return status;
}

static pbase_status preallocate(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                pbase_error *err)
{
    memory_handle *handle = handle_from(segment);
    memory_block *block = handle->block;
    pbase_status status = enter_write(handle, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    memory_block_cut(block, size);
    if (block->size < size) { /* a write of nothing at the new end fills the gap with zeros */
        uint64_t before = block->size;
        status = memory_block_write(block, size, pbase_bytes_of(NULL, 0), err);
        if (status == PBASE_OK) {
            memory_block_clear(block, 0, before);
        }
    } else {
        memory_block_clear(block, 0, size);
    }
    unlock(from(segment->blocks));
    return status;
}

static pbase_status write(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                          pbase_bytes data, uint32_t flags, pbase_error *err)
{
    (void)flags; /* nothing is durable */
    memory_handle *handle = handle_from(segment);
    pbase_status status = enter_write(handle, call, err);
    if (status == PBASE_OK) {
        status = memory_block_write(handle->block, offset, data, err);
        unlock(from(segment->blocks));
    }
    return status;
}

static pbase_status sync(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    return pbase_call_check(call, from(segment->blocks)->host->os, err);
}

static pbase_status read(pbase_segment *segment, const pbase_call *call, uint64_t offset, void *out,
                         size_t size, size_t *out_read, pbase_error *err)
{
    memory_blocks *self = from(segment->blocks);
    const memory_block *block = handle_from(segment)->block;
    pbase_status status = enter(self, call, err);
    if (status == PBASE_OK) {
        uint64_t left = offset < block->size ? block->size - offset : 0;
        *out_read = size < left ? size : (size_t)left;
        if (*out_read != 0) {
            memcpy(out, block->data + offset, *out_read);
        }
        unlock(self);
    }
    return status;
}

static pbase_status size(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err)
{
    (void)err;
    memory_blocks *self = from(segment->blocks);
    lock(self);
    *out_bytes = handle_from(segment)->block->size;
    unlock(self);
    return PBASE_OK;
}

static pbase_status seal(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                         pbase_error *err)
{
    memory_blocks *self = from(segment->blocks);
    memory_block *block = handle_from(segment)->block;
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (block->sealed) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "the segment '%s' is sealed already", block->name);
    } else if (!handle_from(segment)->writable) {
        status = PBASE_FAIL(err, PBASE_READ_ONLY, "the segment '%s' was opened for reading",
                            block->name);
    } else if (size_bytes > block->size) {
        status =
            PBASE_FAIL(err, PBASE_INVALID, "cannot seal '%s' at %" PRIu64 " bytes: it has %" PRIu64,
                       block->name, size_bytes, block->size);
    } else {
        memory_block_cut(block, size_bytes);
        block->sealed = true;
    }
    unlock(self);
    return status;
}

static pbase_status cut(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                        pbase_error *err)
{
    memory_block *block = handle_from(segment)->block;
    pbase_status status = enter_write(handle_from(segment), call, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (size_bytes <= block->size) {
        memory_block_cut(block, size_bytes);
    } else {
        status =
            PBASE_FAIL(err, PBASE_INVALID, "cannot cut '%s' to %" PRIu64 " bytes: it has %" PRIu64,
                       block->name, size_bytes, block->size);
    }
    unlock(from(segment->blocks));
    return status;
}

static void handle_close(pbase_segment *segment)
{
    memory_blocks *self = from(segment->blocks);
    memory_handle *handle = handle_from(segment);
    memory_block *block = handle->block;
    lock(self);
    block->map_count -= handle->map_count;
    block->handle_count--;
    if (block->removed && block->handle_count == 0) {
        memory_block_destroy(block);
    }
    unlock(self);
    pbase_alloc_free(self->host->alloc, handle, sizeof *handle);
}

static const pbase_blocks_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_blocks_segment_ops),
    .geometry = geometry,
    .open = segment_open,
    .preallocate = preallocate,
    .write = write,
    .sync = sync,
    .read = read,
    .size = size,
    .seal = seal,
    .close = handle_close,
    .cut = cut,
};

/* ----------------------------------------------------------------------------------- names --- */

static pbase_status name_remove(pbase_blocks *base, const pbase_call *call, const char *name,
                                pbase_error *err)
{
    memory_blocks *self = from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    memory_block *block = block_find(self, name);
    if (block == NULL) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment '%s'", name);
    } else {
        memory_block **at = &self->blocks;
        while (*at != block) {
            at = &(*at)->next;
        }
        *at = block->next;
        block->removed = true;
        if (block->handle_count == 0) {
            memory_block_destroy(block);
        }
    }
    unlock(self);
    return status;
}

static pbase_status name_rename(pbase_blocks *base, const pbase_call *call, const char *old_name,
                                const char *new_name, pbase_error *err)
{
    memory_blocks *self = from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    memory_block *block = block_find(self, old_name);
    if (block == NULL) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment '%s'", old_name);
    } else if (block_find(self, new_name) != NULL) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "there is a segment '%s' already", new_name);
    } else {
        status = memory_block_rename(block, new_name, err);
    }
    unlock(self);
    return status;
}

typedef struct {
    uint64_t size_bytes;
    size_t name_at; /* in the buffer of names */
    uint32_t sealed;
    uint32_t reserved;
} listed_block;

/* Copies the list, so that `each` runs without the mutex. */
static pbase_status list_copy(memory_blocks *self, const char *prefix, pbase_buffer *entries,
                              pbase_buffer *names, pbase_error *err)
{
    size_t prefix_bytes = strlen(prefix);
    pbase_status status = PBASE_OK;
    for (memory_block *b = self->blocks; b != NULL && status == PBASE_OK; b = b->next) {
        if (strncmp(b->name, prefix, prefix_bytes) != 0) {
            continue;
        }
        listed_block entry = {b->size, names->size, b->sealed, 0};
        status = pbase_buffer_append(entries, &entry, sizeof entry, err);
        if (status == PBASE_OK) {
            status = pbase_buffer_append(names, b->name, b->name_bytes, err);
        }
    }
    return status;
}

static pbase_status name_list(pbase_blocks *base, const pbase_call *call, const char *prefix,
                              pbase_status (*each)(void *state, const pbase_block_info *info,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    memory_blocks *self = from(base);
    pbase_buffer entries;
    pbase_buffer names;
    pbase_buffer_init(&entries, self->host->alloc);
    pbase_buffer_init(&names, self->host->alloc);
    pbase_status status = enter(self, call, err);
    if (status == PBASE_OK) {
        status = list_copy(self, prefix, &entries, &names, err);
        unlock(self);
    }
    for (size_t at = 0; status == PBASE_OK && at < entries.size; at += sizeof(listed_block)) {
        listed_block entry;
        memcpy(&entry, entries.data + at, sizeof entry);
        pbase_block_info info = {.name = (const char *)names.data + entry.name_at,
                                 .size_bytes = entry.size_bytes,
                                 .sealed = entry.sealed};
        status = each(state, &info, err);
    }
    pbase_buffer_fini(&entries);
    pbase_buffer_fini(&names);
    return status;
}

/* ------------------------------------------------------------------------------------ keys --- */

static memory_key *key_find(memory_blocks *self, const char *name)
{
    memory_key *key = self->keys;
    while (key != NULL && strcmp((const char *)key->name.data, name) != 0) {
        key = key->next;
    }
    return key;
}

static void key_destroy(const pbase_alloc *alloc, memory_key *key)
{
    pbase_buffer_fini(&key->name);
    pbase_buffer_fini(&key->document);
    pbase_alloc_free(alloc, key, sizeof *key);
}

static pbase_status key_create(memory_blocks *self, const char *name, memory_key **out,
                               pbase_error *err)
{
    memory_key *key = pbase_alloc_zeroed(self->host->alloc, 1, sizeof *key);
    if (key == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the key '%s'", name);
    }
    pbase_buffer_init(&key->name, self->host->alloc);
    pbase_buffer_init(&key->document, self->host->alloc);
    pbase_status status = pbase_buffer_append(&key->name, name, strlen(name) + 1, err);
    if (status != PBASE_OK) {
        key_destroy(self->host->alloc, key);
        return status;
    }
    key->next = self->keys;
    self->keys = key;
    *out = key;
    return PBASE_OK;
}

static pbase_status key_get(pbase_blocks *base, const pbase_call *call, const char *name,
                            pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                            pbase_error *err)
{
    memory_blocks *self = from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    const memory_key *key = key_find(self, name);
    pbase_bytes document =
        key == NULL ? pbase_bytes_of(NULL, 0) : pbase_buffer_view(&key->document);
    status = pbase_arena_copy(arena, document, out, err);
    if (status == PBASE_OK) {
        *out_version = key == NULL ? 0 : key->version;
    }
    unlock(self);
    return status;
}

/* With the mutex held. */
static pbase_status key_replace(memory_blocks *self, const char *name, pbase_bytes document,
                                pbase_error *err)
{
    pbase_buffer fresh;
    pbase_buffer_init(&fresh, self->host->alloc);
    pbase_status status = pbase_buffer_append_bytes(&fresh, document, err);
    memory_key *key = key_find(self, name);
    if (status == PBASE_OK && key == NULL) {
        status = key_create(self, name, &key, err);
    }
    if (status != PBASE_OK) {
        pbase_buffer_fini(&fresh);
        return status;
    }
    pbase_buffer_fini(&key->document);
    key->document = fresh;
    key->version++;
    return PBASE_OK;
}

static pbase_status key_cas(pbase_blocks *base, const pbase_call *call, const char *name,
                            uint64_t expected, pbase_bytes document, pbase_error *err)
{
    memory_blocks *self = from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    const memory_key *key = key_find(self, name);
    uint64_t version = key == NULL ? 0 : key->version;
    status = version == expected ? key_replace(self, name, document, err)
                                 : PBASE_FAIL(err, PBASE_CONFLICT,
                                              "the key '%s' has version %" PRIu64 ", not %" PRIu64,
                                              name, version, expected);
    unlock(self);
    return status;
}

/* ------------------------------------------------------------------------------------ rest --- */

static pbase_status exclusive_lock(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    memory_blocks *self = from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->locked) {
        status = PBASE_FAIL(err, PBASE_BUSY, "in use by process %" PRIu64,
                            self->host->os->system->process_id(self->host->os));
    }
    self->locked = true;
    unlock(self);
    return status;
}

static pbase_status map(pbase_segment *segment, uint64_t size_bytes, const uint8_t **out,
                        pbase_error *err)
{
    memory_blocks *self = from(segment->blocks);
    lock(self);
    pbase_status status = memory_block_map(handle_from(segment)->block, size_bytes, out, err);
    if (status == PBASE_OK) {
        handle_from(segment)->map_count++;
    }
    unlock(self);
    return status;
}

static void unmap(pbase_segment *segment, const uint8_t *data, uint64_t size_bytes)
{
    (void)data; /* the bytes stay until the block ends */
    (void)size_bytes;
    memory_blocks *self = from(segment->blocks);
    lock(self);
    handle_from(segment)->map_count--;
    handle_from(segment)->block->map_count--;
    unlock(self);
}

static pbase_status punch(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                          uint64_t size_bytes, pbase_error *err)
{
    memory_blocks *self = from(segment->blocks);
    pbase_status status = enter(self, call, err);
    if (status == PBASE_OK) {
        memory_block_clear(handle_from(segment)->block, offset, size_bytes);
        unlock(self);
    }
    return status;
}

static void provider_close(pbase_blocks *base)
{
    memory_blocks *self = from(base);
    const pbase_host *host = self->host;
    while (self->blocks != NULL) {
        memory_block *block = self->blocks;
        self->blocks = block->next;
        memory_block_destroy(block);
    }
    while (self->keys != NULL) {
        memory_key *key = self->keys;
        self->keys = key->next;
        key_destroy(host->alloc, key);
    }
    if (self->mutex != NULL) {
        host->os->lock->mutex_destroy(self->mutex);
    }
    pbase_alloc_free(host->alloc, self, sizeof *self);
}

static const pbase_blocks_name_ops name_ops = {
    .struct_size = sizeof(pbase_blocks_name_ops),
    .remove = name_remove,
    .rename = name_rename,
    .list = name_list,
    .key_get = key_get,
    .key_cas = key_cas,
    .lock = exclusive_lock,
    .map = map,
    .unmap = unmap,
    .punch = punch,
    .close = provider_close,
};

const pbase_blocks_vtable memory_blocks_vtable = {
    .struct_size = sizeof(pbase_blocks_vtable),
    .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PUNCH |
                    PBASE_BLOCKS_EXCLUSIVE_SEAL | PBASE_BLOCKS_RANGE_READ | PBASE_BLOCKS_MAP |
                    PBASE_BLOCKS_LOCK,
    .segment = &segment_ops,
    .name = &name_ops,
};

pbase_status memory_blocks_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_host *host = open->host;
    memory_blocks *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a block provider");
    }
    self->base.vtable = &memory_blocks_vtable;
    self->host = host;
    self->budget.alloc = host->alloc;
    self->budget.max_bytes = (uint64_t)pbase_config_int(open->config, "max_size");
    self->segment_bytes = (uint64_t)pbase_config_int(open->config, "segment_size");
    pbase_status status = host->os->lock->mutex_create(host->os, &self->mutex, err);
    if (status != PBASE_OK) {
        provider_close(&self->base);
        return status;
    }
    *out = self;
    return PBASE_OK;
}
