/* os_blocks.c - segments as files. */
#include "os_blocks.h"
#include <limits.h>
#include <stdio.h>

#define ZEROS_BYTES 65536u

typedef struct {
    pbase_blocks base;
    os_blocks_options options;
} os_blocks;

typedef struct {
    pbase_segment base;
    pbase_os_file *file;
    bool is_new; /* its name is not durable */
} os_segment;

static os_blocks *from(pbase_blocks *self)
{
    return (os_blocks *)self;
}

static os_segment *segment_from(pbase_segment *segment)
{
    return (os_segment *)segment;
}

static const pbase_os *os_of(pbase_segment *segment)
{
    return from(segment->blocks)->options.os;
}

static void path_of(os_blocks *self, const char *name, char out[PATH_MAX])
{
    int size = snprintf(out, PATH_MAX, "%s/", self->options.directory);
    for (; *name != '\0' && size < PATH_MAX - 1; name++) {
        out[size++] = *name == '/' ? '+' : *name;
    }
    out[size] = '\0';
}

static pbase_status directory_sync(os_blocks *self, bool is_rename, pbase_error *err)
{
    const pbase_os *os = self->options.os;
    if (self->options.fault == OS_BLOCKS_NO_DIRECTORY_SYNC ||
        (self->options.fault == OS_BLOCKS_NO_RENAME_SYNC && is_rename)) {
        return PBASE_OK;
    }
    return os->directory->sync(os, self->options.directory, err);
}

/* -------------------------------------------------------------------------------- segments --- */

static pbase_status geometry(pbase_blocks *self, pbase_blocks_geometry *out, pbase_error *err)
{
    (void)err;
    *out = (pbase_blocks_geometry){
        .struct_size = sizeof(*out),
        .atomic_bytes = from(self)->options.atomic_now != NULL ? *from(self)->options.atomic_now
                                                               : from(self)->options.atomic_bytes,
        .preferred_bytes = ZEROS_BYTES,
        .segment_bytes = from(self)->options.segment_bytes,
        .segment_bytes_max = (uint64_t)1 << 40,
        .in_flight_max = 1,
    };
    return PBASE_OK;
}

static pbase_status segment_open(pbase_blocks *self, const pbase_call *call, const char *name,
                                 uint32_t flags, pbase_segment **out, pbase_error *err)
{
    const pbase_os *os = from(self)->options.os;
    char path[PATH_MAX];
    bool is_new = (flags & PBASE_SEGMENT_CREATE) != 0;
    uint32_t how = PBASE_OS_READ | ((flags & PBASE_SEGMENT_WRITE) != 0 ? PBASE_OS_WRITE : 0) |
                   (is_new ? PBASE_OS_CREATE | PBASE_OS_EXCLUSIVE : 0);
    (void)call;
    path_of(from(self), name, path);
    os_segment *segment = pbase_alloc_zeroed(os->memory, 1, sizeof(*segment));
    if (segment == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "opening '%s'", name);
    }
    pbase_status status = os->file->open(os, path, how, &segment->file, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, segment, sizeof(*segment));
        return status;
    }
    segment->base.blocks = self;
    segment->is_new = is_new;
    *out = &segment->base;
    return PBASE_OK;
}

static void count_written(pbase_segment *base, uint64_t bytes)
{
    uint64_t *written_bytes = from(base->blocks)->options.written_bytes;
    if (written_bytes != NULL) {
        *written_bytes += bytes;
    }
}

static pbase_status preallocate(pbase_segment *base, const pbase_call *call, uint64_t size,
                                pbase_error *err)
{
    static const uint8_t zeros[ZEROS_BYTES];
    pbase_status status = PBASE_OK;
    (void)call;
    count_written(base, size);
    for (uint64_t at = 0; status == PBASE_OK && at < size; at += ZEROS_BYTES) {
        size_t part = size - at < ZEROS_BYTES ? (size_t)(size - at) : ZEROS_BYTES;
        status = os_of(base)->file->write(segment_from(base)->file, at, zeros, part, err);
    }
    return status;
}

static pbase_status segment_reserve(pbase_segment *base, const pbase_call *call, uint64_t size,
                                    pbase_error *err)
{
    const pbase_os_file_ops *files = os_of(base)->file;
    (void)call;
    pbase_status status = files->allocate(segment_from(base)->file, 0, size, err);
    return status == PBASE_OK ? files->truncate(segment_from(base)->file, size, err) : status;
}

static pbase_status segment_sync(pbase_segment *base, const pbase_call *call, pbase_error *err)
{
    os_segment *segment = segment_from(base);
    pbase_status status = os_of(base)->file->sync(segment->file, err);
    (void)call;
    if (status == PBASE_OK && segment->is_new) {
        status = directory_sync(from(base->blocks), false, err);
        segment->is_new = status != PBASE_OK;
    }
    return status;
}

static pbase_status segment_write(pbase_segment *base, const pbase_call *call, uint64_t offset,
                                  pbase_bytes data, uint32_t flags, pbase_error *err)
{
    count_written(base, data.size);
    pbase_status status =
        os_of(base)->file->write(segment_from(base)->file, offset, data.data, data.size, err);
    if (status == PBASE_OK && (flags & PBASE_WRITE_SYNC) != 0) {
        status = segment_sync(base, call, err);
    }
    return status;
}

static pbase_status segment_read(pbase_segment *base, const pbase_call *call, uint64_t offset,
                                 void *out, size_t size, size_t *out_read, pbase_error *err)
{
    (void)call;
    return os_of(base)->file->read(segment_from(base)->file, offset, out, size, out_read, err);
}

static pbase_status segment_size(pbase_segment *base, uint64_t *out_bytes, pbase_error *err)
{
    return os_of(base)->file->size(segment_from(base)->file, out_bytes, err);
}

static pbase_status segment_seal(pbase_segment *base, const pbase_call *call, uint64_t size_bytes,
                                 pbase_error *err)
{
    (void)base;
    (void)call;
    (void)size_bytes;
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "this test provider does not seal");
}

static pbase_status segment_cut(pbase_segment *base, const pbase_call *call, uint64_t size_bytes,
                                pbase_error *err)
{
    pbase_status status = os_of(base)->file->truncate(segment_from(base)->file, size_bytes, err);
    return status == PBASE_OK ? segment_sync(base, call, err) : status;
}

static pbase_status segment_punch(pbase_segment *base, const pbase_call *call, uint64_t offset,
                                  uint64_t size, pbase_error *err)
{
    (void)call;
    return os_of(base)->file->punch(segment_from(base)->file, offset, size, err);
}

static void segment_close(pbase_segment *base)
{
    const pbase_os *os = os_of(base);
    os->file->close(segment_from(base)->file);
    pbase_alloc_free(os->memory, segment_from(base), sizeof(os_segment));
}

static const pbase_blocks_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_blocks_segment_ops),
    .geometry = geometry,
    .open = segment_open,
    .preallocate = preallocate,
    .write = segment_write,
    .sync = segment_sync,
    .read = segment_read,
    .size = segment_size,
    .seal = segment_seal,
    .close = segment_close,
    .cut = segment_cut,
    .reserve = segment_reserve,
};

/* ----------------------------------------------------------------------------------- names --- */

static pbase_status name_remove(pbase_blocks *self, const pbase_call *call, const char *name,
                                pbase_error *err)
{
    const pbase_os *os = from(self)->options.os;
    char path[PATH_MAX];
    (void)call;
    path_of(from(self), name, path);
    pbase_status status = os->directory->remove_file(os, path, err);
    return status != PBASE_OK ? status : directory_sync(from(self), false, err);
}

static pbase_status name_rename(pbase_blocks *self, const pbase_call *call, const char *old_name,
                                const char *new_name, pbase_error *err)
{
    const pbase_os *os = from(self)->options.os;
    char old_path[PATH_MAX];
    char new_path[PATH_MAX];
    pbase_os_stat about;
    (void)call;
    path_of(from(self), old_name, old_path);
    path_of(from(self), new_name, new_path);
    if (os->directory->stat(os, new_path, &about, NULL) == PBASE_OK) {
        return PBASE_FAIL(err, PBASE_EXISTS, "there is a segment '%s' already", new_name);
    }
    pbase_status status = os->directory->rename(os, old_path, new_path, err);
    return status != PBASE_OK ? status : directory_sync(from(self), true, err);
}

typedef struct {
    os_blocks *blocks;
    const char *prefix;
    pbase_status (*each)(void *state, const pbase_block_info *info, pbase_error *err);
    void *state;
} listing;

static pbase_status list_one(void *state, const char *file_name, pbase_error *err)
{
    listing *all = state;
    const pbase_os *os = all->blocks->options.os;
    char name[PATH_MAX];
    char path[PATH_MAX];
    pbase_os_stat about;
    (void)snprintf(name, sizeof(name), "%s", file_name);
    for (char *at = name; *at != '\0'; at++) {
        *at = *at == '+' ? '/' : *at;
    }
    if (strncmp(name, all->prefix, strlen(all->prefix)) != 0) {
        return PBASE_OK;
    }
    path_of(all->blocks, name, path);
    pbase_status status = os->directory->stat(os, path, &about, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_block_info info = {
        .name = name, .size_bytes = about.size_bytes, .held_bytes = about.allocated_bytes};
    return all->each(all->state, &info, err);
}

static pbase_status name_list(pbase_blocks *self, const pbase_call *call, const char *prefix,
                              pbase_status (*each)(void *state, const pbase_block_info *info,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    listing all = {from(self), prefix, each, state};
    const pbase_os *os = all.blocks->options.os;
    (void)call;
    return os->directory->list(os, all.blocks->options.directory, list_one, &all, err);
}

static pbase_status key_get(pbase_blocks *self, const pbase_call *call, const char *key,
                            pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                            pbase_error *err)
{
    (void)self;
    (void)call;
    (void)key;
    (void)arena;
    (void)out;
    (void)out_version;
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "this test provider has no keys");
}

static pbase_status key_cas(pbase_blocks *self, const pbase_call *call, const char *key,
                            uint64_t expected, pbase_bytes document, pbase_error *err)
{
    (void)self;
    (void)call;
    (void)key;
    (void)expected;
    (void)document;
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "this test provider has no keys");
}

static void blocks_close(pbase_blocks *self)
{
    pbase_alloc_free(from(self)->options.os->memory, self, sizeof(os_blocks));
}

static const pbase_blocks_name_ops name_ops = {
    .struct_size = sizeof(pbase_blocks_name_ops),
    .remove = name_remove,
    .rename = name_rename,
    .list = name_list,
    .key_get = key_get,
    .key_cas = key_cas,
    .punch = segment_punch,
    .close = blocks_close,
};

static const pbase_blocks_vtable vtable = {
    .struct_size = sizeof(pbase_blocks_vtable),
    .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_RANGE_READ |
                    PBASE_BLOCKS_PUNCH,
    .segment = &segment_ops,
    .name = &name_ops,
};

/* ------------------------------------------------------------------------------------ open --- */

pbase_status os_blocks_open(const os_blocks_options *options, pbase_blocks **out, pbase_error *err)
{
    os_blocks *self = pbase_alloc_zeroed(options->os->memory, 1, sizeof(*self));
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "opening the blocks");
    }
    self->base.vtable = &vtable;
    self->options = *options;
    pbase_status status = directory_sync(self, true, err); /* names that are listed are durable */
    if (status != PBASE_OK) {
        pbase_alloc_free(options->os->memory, self, sizeof(*self));
        return status;
    }
    *out = &self->base;
    return PBASE_OK;
}
