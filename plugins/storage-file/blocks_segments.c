/* blocks_segments.c - opening and ending segments, and the slots that pass on to file_segment.c.
 *
 * The list of open segments is what lets a seal, a rename or a removal reach every handle; the
 * provider's mutex guards it. */
#include "blocks_segments.h"

#include "blocks_names.h"

#define PREFERRED_BYTES 1048576u
#define SEGMENT_BYTES_MAX ((uint64_t)1 << 40)
#define IN_FLIGHT_MAX 4u

static file_segment *segment_from(pbase_segment *segment)
{
    PBASE_ASSERT(segment->blocks->vtable == &file_blocks_vtable);
    return (file_segment *)segment;
}

static pbase_status call_check(const pbase_segment *segment, const pbase_call *call,
                               pbase_error *err)
{
    return pbase_call_check(call, file_blocks_from(segment->blocks)->host->os, err);
}

static pbase_status geometry(pbase_blocks *base, pbase_blocks_geometry *out, pbase_error *err)
{
    const file_blocks *self = file_blocks_from(base);
    (void)err;
    *out = (pbase_blocks_geometry){
        .struct_size = sizeof *out,
        .atomic_bytes = file_direct_unit(&self->direct),
        .is_direct = atomic_load(&self->direct.way) == FILE_WAY_DIRECT,
        .preferred_bytes = PREFERRED_BYTES,
        .segment_bytes = self->segment_bytes,
        .segment_bytes_max = SEGMENT_BYTES_MAX,
        .in_flight_max = IN_FLIGHT_MAX,
    };
    return PBASE_OK;
}

/* Opens the file under one of its two names. NOT_FOUND is not said: `err` stays as it is. */
static pbase_status name_open(file_blocks *self, const char *name, const char *suffix,
                              uint32_t os_flags, pbase_buffer *path, pbase_os_file **out,
                              pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = file_folder_path(&self->folder, name, suffix, path, &why);
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path->data, os_flags, out, &why);
    }
    if (status != PBASE_OK && status != PBASE_NOT_FOUND && err != NULL) {
        *err = why;
    }
    return status;
}

/* Opens the file of a segment that is there, under whichever of its names. With the mutex held. */
static pbase_status file_find(file_blocks *self, const char *name, uint32_t os_flags,
                              pbase_buffer *path, pbase_os_file **out, bool *out_sealed,
                              pbase_error *err)
{
    const char *suffix = "";
    bool only_reads = (os_flags & PBASE_OS_WRITE) == 0;
    *out_sealed = false;
    pbase_status status = name_open(self, name, "", os_flags, path, out, err);
    if (status == PBASE_NOT_FOUND && only_reads) {
        status = name_open(self, name, FILE_FOLDER_SEALED, os_flags, path, out, err);
        *out_sealed = status == PBASE_OK;
    }
    if (status != PBASE_NOT_FOUND) {
        return status;
    }
    status = blocks_names_require(self, name, &suffix, err);
    *out_sealed = suffix[0] != '\0';
    if (status == PBASE_OK && *out_sealed && !only_reads) {
        return PBASE_FAIL(err, PBASE_READ_ONLY, "the segment '%s' is sealed", name);
    }
    if (status == PBASE_OK) { /* made, or sealed, since it was looked for */
        status = file_folder_path(&self->folder, name, suffix, path, err);
    }
    return status == PBASE_OK ? self->host->os->file->open(self->host->os, (const char *)path->data,
                                                           os_flags, out, err)
                              : status;
}

/* Opens the file for an open segment. With the mutex held. */
static pbase_status file_obtain(file_blocks *self, const char *name, uint32_t flags,
                                pbase_os_file **out, bool *out_sealed, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    bool creates = (flags & PBASE_SEGMENT_CREATE) != 0;
    bool writes = creates || (flags & PBASE_SEGMENT_WRITE) != 0;
    uint32_t os_flags = PBASE_OS_READ | (writes ? PBASE_OS_WRITE : 0);
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    if (!creates) {
        pbase_status found = file_find(self, name, os_flags, &path, out, out_sealed, err);
        pbase_buffer_fini(&path);
        return found;
    }
    *out_sealed = false;
    pbase_status status = blocks_names_refuse(self, name, err);
    if (status == PBASE_OK) {
        status = blocks_names_make_parents(self, name, err);
    }
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, name, "", &path, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path.data,
                                os_flags | PBASE_OS_CREATE | PBASE_OS_EXCLUSIVE, out, err);
    }
    pbase_buffer_fini(&path);
    return status;
}

static pbase_status segment_open(pbase_blocks *base, const pbase_call *call, const char *name,
                                 uint32_t flags, pbase_segment **out, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base);
    pbase_os_file *file = NULL;
    file_segment *segment = NULL;
    bool sealed = false;
    bool writable = (flags & PBASE_SEGMENT_WRITE) != 0;
    pbase_status status = writable ? file_blocks_check_writes(self, err) : PBASE_OK;
    status = status == PBASE_OK ? file_blocks_enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = file_obtain(self, name, flags, &file, &sealed, err);
    if (status == PBASE_OK) {
        status =
            file_segment_create(&self->folder, name, writable, &self->direct, &file, &segment, err);
    }
    if (status == PBASE_OK) {
        segment->base.blocks = base;
        atomic_init(&segment->sealed, sealed);
        atomic_init(&segment->name_pending, (flags & PBASE_SEGMENT_CREATE) != 0);
        segment->next = self->open_segments;
        self->open_segments = segment;
        *out = &segment->base;
    }
    file_blocks_unlock(self);
    return status;
}

static pbase_status segment_preallocate(pbase_segment *segment, const pbase_call *call,
                                        uint64_t size, pbase_error *err)
{
    return file_segment_preallocate(segment_from(segment), call, size, err);
}

static pbase_status segment_reserve(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                    pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_reserve(segment_from(segment), size, err) : status;
}

static pbase_status segment_write(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                  pbase_bytes data, uint32_t flags, pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_write(segment_from(segment), offset, data, flags, err)
                              : status;
}

static pbase_status segment_sync(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_sync(segment_from(segment), err) : status;
}

static pbase_status segment_read(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                 void *out, size_t size, size_t *out_read, pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK
               ? file_segment_read(segment_from(segment), offset, out, size, out_read, err)
               : status;
}

static pbase_status segment_size(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err)
{
    const pbase_os *os = file_blocks_from(segment->blocks)->host->os;
    return os->file->size(segment_from(segment)->file, out_bytes, err);
}

/* With the mutex held. */
static pbase_status seal_check(file_segment *segment, pbase_error *err)
{
    bool there = false;
    pbase_status status = PBASE_OK;
    if (segment->removed) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "the segment '%s' was removed", segment->name);
    }
    if (!atomic_load(&segment->sealed)) {
        status =
            file_folder_exists(segment->folder, segment->name, FILE_FOLDER_SEALED, &there, err);
    }
    if (status == PBASE_OK && (there || atomic_load(&segment->sealed))) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "the segment '%s' is sealed already", segment->name);
    }
    return status;
}

static pbase_status segment_seal(pbase_segment *base, const pbase_call *call, uint64_t size_bytes,
                                 pbase_error *err)
{
    file_blocks *self = file_blocks_from(base->blocks);
    file_segment *segment = segment_from(base);
    pbase_status status = file_blocks_enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = seal_check(segment, err);
    if (status == PBASE_OK) {
        status = file_segment_cut(segment, size_bytes, err);
    }
    if (status == PBASE_OK) {
        status = blocks_names_move(self, segment->name, "", segment->name, FILE_FOLDER_SEALED, err);
    }
    for (file_segment *other = self->open_segments; status == PBASE_OK && other != NULL;
         other = other->next) {
        if (!other->removed && strcmp(other->name, segment->name) == 0) {
            atomic_store(&other->sealed, true);
        }
    }
    file_blocks_unlock(self);
    return status;
}

static pbase_status segment_cut(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                                pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_cut(segment_from(segment), size_bytes, err) : status;
}

static void segment_close(pbase_segment *base)
{
    file_blocks *self = file_blocks_from(base->blocks);
    file_segment *segment = segment_from(base);
    file_blocks_lock(self);
    file_segment **at = &self->open_segments;
    while (*at != segment) {
        at = &(*at)->next;
    }
    *at = segment->next;
    self->names_pending =
        self->names_pending || (atomic_load(&segment->name_pending) && !segment->removed);
    file_blocks_unlock(self);
    file_segment_destroy(segment);
}

const pbase_blocks_segment_ops blocks_segments_ops = {
    .struct_size = sizeof(pbase_blocks_segment_ops),
    .geometry = geometry,
    .open = segment_open,
    .preallocate = segment_preallocate,
    .write = segment_write,
    .sync = segment_sync,
    .read = segment_read,
    .size = segment_size,
    .seal = segment_seal,
    .close = segment_close,
    .cut = segment_cut,
    .reserve = segment_reserve,
};

pbase_status blocks_segments_map(pbase_segment *segment, uint64_t size, const uint8_t **out,
                                 pbase_error *err)
{
    return file_segment_map(segment_from(segment), size, out, err);
}

void blocks_segments_unmap(pbase_segment *segment, const uint8_t *data, uint64_t size)
{
    (void)size; /* the map knows */
    file_segment_unmap(segment_from(segment), data);
}

/* A descriptor that may write, of a segment whose own may not: sealed, or opened for reading. */
static pbase_status punching_open(file_blocks *self, const file_segment *segment,
                                  pbase_os_file **out, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    const char *suffix = "";
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    file_blocks_lock(self);
    pbase_status status =
        segment->removed
            ? PBASE_FAIL(err, PBASE_NOT_FOUND, "the segment '%s' was removed", segment->name)
            : blocks_names_require(self, segment->name, &suffix, err);
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, segment->name, suffix, &path, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path.data, PBASE_OS_WRITE, out, err);
    }
    file_blocks_unlock(self);
    pbase_buffer_fini(&path);
    return status;
}

pbase_status blocks_segments_punch(pbase_segment *base, const pbase_call *call, uint64_t offset,
                                   uint64_t size, pbase_error *err)
{
    file_blocks *self = file_blocks_from(base->blocks);
    const pbase_os *os = self->host->os;
    file_segment *segment = segment_from(base);
    pbase_status status = call_check(base, call, err);
    if (status != PBASE_OK || segment->writable) {
        return status == PBASE_OK ? os->file->punch(segment->file, offset, size, err) : status;
    }
    pbase_os_file *file = NULL;
    status = punching_open(self, segment, &file, err);
    if (status == PBASE_OK) {
        status = os->file->punch(file, offset, size, err);
        os->file->close(file);
    }
    return status;
}
