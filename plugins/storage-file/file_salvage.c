/* file_salvage.c - lists of what is there, made at opening, and reads. */
#include "file_salvage.h"

#include "journal/frame.h"
#include "store_table.h"
#include "super.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COMPONENT "storage/file"
#define JOURNAL_PREFIX "journal/"
#define META_KEY "meta"
#define WINDOW_BYTES 1048576u
/* Claims that prove false may cost checksums over this many times the bytes looked at. */
#define CLAIMED_TIMES_MAX 4u
#define CLAIMED_FREE_BYTES 67108864u

typedef struct {
    uint32_t log_id;
    uint64_t bytes;
    pbase_segment *handle; /* NULL until it is needed */
} salvage_segment;

/* A whole frame. */
typedef struct {
    pbase_position base, position; /* of its segment, and its own */
    uint64_t bytes;
    uint32_t records;
} salvage_frame;

typedef struct {
    pbase_storage base;
    const pbase_host *host; /* borrowed until close */
    pbase_blocks *blocks;   /* borrowed until close */
    pbase_os_mutex *mutex;  /* guards the document and the handles */
    pbase_buffer meta;
    uint64_t meta_version;
    uint64_t space_id;         /* 0: unknown; of the super block, else of the first whole frame */
    pbase_position claim;      /* where the last broken frame begins; 0: none */
    pbase_position closed_at;  /* of the super block: the head at an orderly end */
    salvage_segment *segments; /* by log id */
    size_t segment_count, segment_capacity;
    pbase_position *journals; /* bases of its segments, ascending */
    size_t journal_count, journal_capacity;
    salvage_frame *frames; /* by position */
    size_t frame_count, frame_capacity;
} salvage;

struct pbase_journal_scan {
    salvage *of;
    size_t frame;       /* the next one */
    pbase_buffer bytes; /* of the frame read last */
    uint32_t index, count;
    uint64_t at; /* of the next record in it */
    pbase_position position;
    pbase_token token;
};

static const pbase_storage_vtable salvage_vtable;

static salvage *from(pbase_storage *self)
{
    PBASE_ASSERT(self->vtable == &salvage_vtable);
    return (salvage *)self;
}

static void lock(salvage *self)
{
    self->host->os->lock->mutex_lock(self->mutex);
}

static void unlock(salvage *self)
{
    self->host->os->lock->mutex_unlock(self->mutex);
}

static pbase_status refuse(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_READ_ONLY, "a space that is being recovered is only read");
}

/* Room for one more item of `size` bytes. */
static pbase_status room(const salvage *self, void *items, size_t count, size_t *capacity,
                         size_t size, pbase_error *err)
{
    void **array = items;
    if (count < *capacity) {
        return PBASE_OK;
    }
    size_t larger = *capacity == 0 ? 32 : *capacity * 2;
    void *grown =
        self->host->alloc->resize(self->host->alloc, *array, *capacity * size, larger * size);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to list what is left of a space");
    }
    *array = grown;
    *capacity = larger;
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------------- opening --- */

static pbase_status add_store(void *state, const pbase_block_info *info, pbase_error *err)
{
    salvage *self = state;
    salvage_segment segment = {.bytes = info->size_bytes};
    if (!store_name_parse(info->name, &segment.log_id)) {
        return PBASE_OK;
    }
    pbase_status status = room(self, &self->segments, self->segment_count, &self->segment_capacity,
                               sizeof segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t at = self->segment_count++;
    for (; at > 0 && self->segments[at - 1].log_id > segment.log_id; at--) {
        self->segments[at] = self->segments[at - 1];
    }
    self->segments[at] = segment;
    return PBASE_OK;
}

static pbase_status add_journal(void *state, const pbase_block_info *info, pbase_error *err)
{
    salvage *self = state;
    char *end = NULL;
    const char *digits = info->name + strlen(JOURNAL_PREFIX);
    pbase_position base = strtoull(digits, &end, 16);
    if (strlen(digits) != 16 || *end != '\0') { /* a spare, or something else */
        return PBASE_OK;
    }
    pbase_status status =
        room(self, &self->journals, self->journal_count, &self->journal_capacity, sizeof base, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t at = self->journal_count++;
    for (; at > 0 && self->journals[at - 1] > base; at--) {
        self->journals[at] = self->journals[at - 1];
    }
    self->journals[at] = base;
    return PBASE_OK;
}

/* Damage of keys is what recovering is for; lack of memory is not. */
static pbase_status key_read(salvage *self, const char *key, pbase_arena *arena, pbase_bytes *out,
                             uint64_t *out_version, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status =
        pbase_blocks_key_get(self->blocks, NULL, key, arena, out, out_version, &why);
    if (status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_IO) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, COMPONENT, "key '%s': %s", key,
                        why.message);
        *out = pbase_bytes_of(NULL, 0);
        *out_version = 0;
        return PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status keys_read(salvage *self, pbase_error *err)
{
    pbase_arena arena;
    pbase_bytes document = {NULL, 0};
    uint64_t version = 0;
    super_block block;
    pbase_arena_init(&arena, self->host->alloc);
    pbase_status status = key_read(self, SUPER_KEY, &arena, &document, &version, err);
    if (status == PBASE_OK && document.size > 0 &&
        super_decode(self->host, document, &block, NULL) == PBASE_OK) {
        self->space_id = block.space_id;
        self->closed_at = block.closed_at;
    }
    if (status == PBASE_OK) {
        status = key_read(self, META_KEY, &arena, &document, &self->meta_version, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(&self->meta, document, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

/* -------------------------------------------------------------------------- finding frames ---- */

static void journal_name(pbase_position base, char out[32])
{
    (void)snprintf(out, 32, JOURNAL_PREFIX "%016" PRIx64, base);
}

typedef struct {
    salvage *of;
    pbase_segment *handle;
    pbase_position base;
    uint64_t bytes; /* of the segment */
    pbase_buffer window;
    uint64_t from; /* of the window */
    uint64_t claimed_bytes;
} frame_search;

/* At least `need` bytes from `at` on, or what there is; a place that cannot be read has none. */
static pbase_status search_window(frame_search *self, uint64_t at, uint64_t need,
                                  const uint8_t **out, size_t *out_size, pbase_error *err)
{
    uint64_t left = self->bytes - at;
    need = need < left ? need : left;
    *out_size = 0;
    if (at < self->from || at - self->from + need > self->window.size) {
        uint64_t wish = need > WINDOW_BYTES ? need : WINDOW_BYTES;
        size_t got = 0;
        pbase_error why;
        pbase_error_init(&why);
        wish = wish < left ? wish : left;
        self->window.size = 0;
        pbase_status status = pbase_buffer_reserve(&self->window, (size_t)wish, err);
        if (status != PBASE_OK) {
            return status;
        }
        status =
            pbase_segment_read(self->handle, NULL, at, self->window.data, (size_t)wish, &got, &why);
        if (status == PBASE_NO_MEMORY) {
            return PBASE_FAIL(err, status, "%s", why.message);
        }
        got = status == PBASE_OK ? got : 0;
        self->from = at;
        self->window.size = got;
    }
    if (at - self->from <= self->window.size) {
        *out = self->window.data + (at - self->from);
        *out_size = self->window.size - (size_t)(at - self->from);
    }
    return PBASE_OK;
}

/* The id that frames have to carry: when the super block is lost, that of the first whole one. */
static uint64_t id_expected(const salvage *self, const uint8_t *data)
{
    return self->space_id != 0 ? self->space_id : pbase_get_u64(data + 32);
}

static pbase_status frame_add(frame_search *self, const frame_header *header, pbase_error *err)
{
    salvage *of = self->of;
    salvage_frame frame = {self->base, header->position, header->bytes, header->record_count};
    pbase_status status =
        room(of, &of->frames, of->frame_count, &of->frame_capacity, sizeof frame, err);
    if (status == PBASE_OK) {
        of->frames[of->frame_count++] = frame;
        of->space_id = header->journal_id;
        of->claim = 0;
    }
    return status;
}

/* Looks at one place where a frame may begin; `*at` moves behind a whole frame, or to the next place. */
static pbase_status place_look(frame_search *self, uint64_t *at, pbase_error *err)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    frame_header header;
    uint64_t offset = *at;
    *at += FRAME_ALIGN;
    pbase_status status = search_window(self, offset, FRAME_HEADER_BYTES, &data, &size, err);
    if (status == PBASE_OK && size >= FRAME_HEADER_BYTES && self->of->space_id != 0 &&
        frame_header_resembles(data, self->of->space_id, self->base + offset)) {
        self->of->claim = self->base + offset; /* until it proves whole */
    }
    if (status != PBASE_OK || size < FRAME_HEADER_BYTES || pbase_get_u32(data) != FRAME_MAGIC ||
        frame_header_decode(data, id_expected(self->of, data), self->base + offset, &header) !=
            FRAME_CLAIM ||
        header.bytes > self->bytes - offset ||
        self->claimed_bytes / CLAIMED_TIMES_MAX > offset + CLAIMED_FREE_BYTES) {
        return status;
    }
    status = search_window(self, offset, header.bytes, &data, &size, err);
    if (status != PBASE_OK || size < header.bytes ||
        !frame_is_whole(&header, data, self->of->host->crc32c)) {
        self->claimed_bytes += header.bytes;
        return status;
    }
    *at = offset + header.bytes;
    return frame_add(self, &header, err);
}

static pbase_status segment_search(salvage *self, pbase_position base, pbase_error *err)
{
    char name[32];
    pbase_error why;
    frame_search search = {.of = self, .base = base};
    journal_name(base, name);
    pbase_error_init(&why);
    pbase_buffer_init(&search.window, self->host->alloc);
    pbase_status status = pbase_blocks_open(self->blocks, NULL, name, 0, &search.handle, &why);
    if (status == PBASE_OK) {
        status = pbase_segment_size(search.handle, &search.bytes, &why);
    }
    if (status == PBASE_OK) {
        for (uint64_t at = 0; status == PBASE_OK && at < search.bytes;) {
            status = place_look(&search, &at, err);
        }
    } else if (status == PBASE_NO_MEMORY) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "%s", why.message);
    } else {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, COMPONENT, "journal: %s", why.message);
        status = PBASE_OK;
    }
    pbase_segment_close(search.handle);
    pbase_buffer_fini(&search.window);
    return status;
}

static void destroy(salvage *self)
{
    const pbase_alloc *alloc = self->host->alloc;
    for (size_t i = 0; i < self->segment_count; i++) {
        pbase_segment_close(self->segments[i].handle);
    }
    pbase_alloc_free(alloc, self->segments, self->segment_capacity * sizeof *self->segments);
    pbase_alloc_free(alloc, self->journals, self->journal_capacity * sizeof *self->journals);
    pbase_alloc_free(alloc, self->frames, self->frame_capacity * sizeof *self->frames);
    pbase_buffer_fini(&self->meta);
    if (self->mutex != NULL) {
        self->host->os->lock->mutex_destroy(self->mutex);
    }
    pbase_alloc_free(alloc, self, sizeof *self);
}

static pbase_status look_around(salvage *self, pbase_error *err)
{
    pbase_status status = self->host->os->lock->mutex_create(self->host->os, &self->mutex, err);
    if (status == PBASE_OK && (self->blocks->vtable->capabilities & PBASE_BLOCKS_LOCK) != 0) {
        status = pbase_blocks_lock(self->blocks, NULL, err);
    }
    if (status == PBASE_OK) {
        status = keys_read(self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_blocks_list(self->blocks, NULL, STORE_PREFIX, add_store, self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_blocks_list(self->blocks, NULL, JOURNAL_PREFIX, add_journal, self, err);
    }
    for (size_t i = 0; i < self->journal_count && status == PBASE_OK; i++) {
        status = segment_search(self, self->journals[i], err);
    }
    return status;
}

pbase_status file_salvage_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    salvage *self = pbase_alloc_zeroed(open->host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a storage");
    }
    self->base.vtable = &salvage_vtable;
    self->host = open->host;
    self->blocks = open->children[0];
    pbase_buffer_init(&self->meta, open->host->alloc);
    pbase_status status = look_around(self, err);
    if (status != PBASE_OK) {
        destroy(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------- meta --- */

static pbase_status meta_get(pbase_storage *base, const pbase_call *call, pbase_arena *arena,
                             pbase_bytes *out, uint64_t *out_version, pbase_error *err)
{
    salvage *self = from(base);
    (void)call; /* never waits */
    lock(self);
    pbase_status status = pbase_arena_copy(arena, pbase_buffer_view(&self->meta), out, err);
    *out_version = status == PBASE_OK ? self->meta_version : *out_version;
    unlock(self);
    return status;
}

static pbase_status meta_cas(pbase_storage *base, const pbase_call *call, uint64_t expected,
                             pbase_bytes document, pbase_error *err)
{
    salvage *self = from(base);
    pbase_buffer copy;
    (void)call;
    pbase_buffer_init(&copy, self->host->alloc);
    lock(self);
    pbase_status status = expected == self->meta_version
                              ? pbase_buffer_append_bytes(&copy, document, err)
                              : PBASE_FAIL(err, PBASE_CONFLICT, "the version is another one");
    if (status == PBASE_OK) {
        pbase_buffer before = self->meta;
        self->meta = copy;
        copy = before;
        self->meta_version++;
    }
    unlock(self);
    pbase_buffer_fini(&copy);
    return status;
}

static const pbase_storage_meta_ops meta_ops = {
    .struct_size = sizeof(pbase_storage_meta_ops),
    .get = meta_get,
    .cas = meta_cas,
};

/* ---------------------------------------------------------------------------------- journal --- */

static pbase_status journal_head_get(pbase_storage *base, const pbase_call *call,
                                     uint32_t consistency, pbase_journal_head *out,
                                     pbase_error *err)
{
    const salvage *self = from(base);
    (void)call;
    (void)consistency;
    (void)err;
    *out = (pbase_journal_head){.head = 0};
    if (self->frame_count > 0) {
        const salvage_frame *last = &self->frames[self->frame_count - 1];
        out->first = self->frames[0].position;
        out->head = out->synced = last->position + last->bytes;
    }
    return PBASE_OK;
}

static pbase_status journal_append_refuse(pbase_storage *base, const pbase_call *call,
                                          const pbase_journal_append *append,
                                          pbase_journal_appended *out, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)append;
    (void)out;
    return refuse(err);
}

static pbase_status journal_outcome_refuse(pbase_storage *base, const pbase_call *call,
                                           pbase_token token, int32_t *out_outcome,
                                           pbase_position *out_position, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)token;
    (void)out_outcome;
    (void)out_position;
    return refuse(err);
}

static pbase_status journal_sync_refuse(pbase_storage *base, const pbase_call *call,
                                        pbase_position upto, int32_t durability, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)upto;
    (void)durability;
    return refuse(err);
}

static pbase_status scan_open(pbase_storage *base, const pbase_call *call, pbase_position position,
                              pbase_journal_scan **out, pbase_error *err)
{
    salvage *self = from(base);
    (void)call;
    pbase_journal_scan *scan = pbase_alloc_zeroed(self->host->alloc, 1, sizeof *scan);
    if (scan == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a scan");
    }
    scan->of = self;
    pbase_buffer_init(&scan->bytes, self->host->alloc);
    while (scan->frame < self->frame_count && self->frames[scan->frame].position < position) {
        scan->frame++;
    }
    *out = scan;
    return PBASE_OK;
}

static pbase_status frame_read(pbase_journal_scan *scan, pbase_error *err)
{
    char name[32];
    pbase_segment *handle = NULL;
    size_t got = 0;
    const salvage_frame *frame = &scan->of->frames[scan->frame];
    journal_name(frame->base, name);
    scan->bytes.size = 0;
    scan->index = scan->count = 0;
    pbase_status status = pbase_buffer_reserve(&scan->bytes, (size_t)frame->bytes, err);
    if (status == PBASE_OK) {
        status = pbase_blocks_open(scan->of->blocks, NULL, name, 0, &handle, err);
    }
    if (status == PBASE_OK) {
        status = pbase_segment_read(handle, NULL, frame->position - frame->base, scan->bytes.data,
                                    (size_t)frame->bytes, &got, err);
    }
    pbase_segment_close(handle);
    if (status == PBASE_OK && got < frame->bytes) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the journal at position %" PRIu64 " was cut",
                            frame->position);
    }
    if (status != PBASE_OK) {
        return status;
    }
    scan->bytes.size = got;
    scan->count = frame->records;
    scan->at = FRAME_HEADER_BYTES;
    scan->position = frame->position;
    memcpy(scan->token.bytes, scan->bytes.data + 56, sizeof scan->token.bytes);
    scan->frame++;
    return PBASE_OK;
}

static pbase_status scan_next(pbase_storage *base, const pbase_call *call, pbase_journal_scan *scan,
                              pbase_journal_record *out, pbase_error *err)
{
    (void)base;
    pbase_status status = pbase_call_check(call, scan->of->host->os, err);
    if (status == PBASE_OK && scan->index == scan->count) {
        if (scan->frame == scan->of->frame_count) {
            return PBASE_END;
        }
        status = frame_read(scan, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t at = scan->at;
    *out = (pbase_journal_record){.position = scan->position + (scan->index == 0 ? 0 : at),
                                  .bytes = frame_record(scan->bytes.data, at, &scan->at),
                                  .token = scan->token,
                                  .index = scan->index,
                                  .count = scan->count};
    scan->index++;
    out->next = scan->position + (scan->index == scan->count ? scan->bytes.size : scan->at);
    return PBASE_OK;
}

static void scan_close(pbase_storage *base, pbase_journal_scan *scan)
{
    const pbase_alloc *alloc = from(base)->host->alloc;
    if (scan != NULL) {
        pbase_buffer_fini(&scan->bytes);
        pbase_alloc_free(alloc, scan, sizeof *scan);
    }
}

static pbase_status journal_wait_refuse(pbase_storage *base, const pbase_call *call,
                                        pbase_position seen, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)seen;
    return refuse(err);
}

static pbase_status journal_trim_refuse(pbase_storage *base, const pbase_call *call,
                                        pbase_position upto, pbase_position anchor,
                                        pbase_error *err)
{
    (void)base;
    (void)call;
    (void)upto;
    (void)anchor;
    return refuse(err);
}

static pbase_status journal_tail_get(pbase_storage *base, pbase_journal_tail *out, pbase_error *err)
{
    const salvage *self = from(base);
    (void)err;
    const salvage_frame *last =
        self->frame_count == 0 ? NULL : &self->frames[self->frame_count - 1];
    pbase_position end = last == NULL ? 0 : last->position + last->bytes;
    pbase_position upto = self->claim == 0 ? 0 : self->claim + FRAME_UNIT_MIN;
    upto = upto > self->closed_at ? upto : self->closed_at;
    *out = (pbase_journal_tail){upto > end ? upto - end : 0, end};
    return PBASE_OK;
}

static const pbase_storage_journal_ops journal_ops = {
    .struct_size = sizeof(pbase_storage_journal_ops),
    .head = journal_head_get,
    .append = journal_append_refuse,
    .outcome = journal_outcome_refuse,
    .sync = journal_sync_refuse,
    .scan_open = scan_open,
    .scan_next = scan_next,
    .scan_close = scan_close,
    .wait = journal_wait_refuse,
    .trim = journal_trim_refuse,
    .tail = journal_tail_get,
};

/* ------------------------------------------------------------------------ atoms and segments -- */

static salvage_segment *segment_find(salvage *self, uint32_t log_id)
{
    for (size_t i = 0; i < self->segment_count; i++) {
        if (self->segments[i].log_id == log_id) {
            return &self->segments[i];
        }
    }
    return NULL;
}

static pbase_status bytes_read(salvage *self, const pbase_call *call, uint32_t log_id,
                               uint64_t offset, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    char name[STORE_NAME_BYTES];
    pbase_status status = PBASE_OK;
    lock(self);
    salvage_segment *segment = segment_find(self, log_id);
    if (segment == NULL) {
        status = PBASE_FAIL(err, PBASE_LOST, "segment %" PRIu32 " is missing", log_id);
    } else if (segment->handle == NULL) {
        store_name(log_id, name);
        status = pbase_blocks_open(self->blocks, call, name, 0, &segment->handle, err);
    }
    unlock(self);
    *out_read = 0;
    if (status != PBASE_OK || offset >= segment->bytes) {
        return status;
    }
    size = size < segment->bytes - offset ? size : (size_t)(segment->bytes - offset);
    return pbase_segment_read(segment->handle, call, offset, out, size, out_read, err);
}

static pbase_status atoms_write_refuse(pbase_storage *base, const pbase_call *call,
                                       const pbase_bytes *atoms, size_t count, uint32_t mode,
                                       pbase_atom_pointer *out, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)atoms;
    (void)count;
    (void)mode;
    (void)out;
    return refuse(err);
}

static pbase_status atoms_read(pbase_storage *base, const pbase_call *call,
                               pbase_atom_pointer pointer, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    return bytes_read(from(base), call, pbase_atom_pointer_log(pointer),
                      pbase_atom_pointer_offset(pointer), out, size, out_read, err);
}

static const pbase_storage_atom_ops atom_ops = {
    .struct_size = sizeof(pbase_storage_atom_ops),
    .write = atoms_write_refuse,
    .read = atoms_read,
};

static pbase_status segments_list(pbase_storage *base, const pbase_call *call,
                                  pbase_status (*each)(void *state,
                                                       const pbase_segment_info *segment,
                                                       pbase_error *err),
                                  void *state, pbase_error *err)
{
    const salvage *self = from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    for (size_t i = 0; i < self->segment_count && status == PBASE_OK; i++) {
        pbase_segment_info info = {.log_id = self->segments[i].log_id,
                                   .sealed = PBASE_SEGMENT_SEALED | PBASE_SEGMENT_LOOSE,
                                   .size_bytes = self->segments[i].bytes};
        status = each(state, &info, err);
    }
    return status;
}

static pbase_status segment_retire_refuse(pbase_storage *base, const pbase_call *call,
                                          uint32_t log_id, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)log_id;
    return refuse(err);
}

static pbase_status segment_read(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, void *out, size_t size, size_t *out_read,
                                 pbase_error *err)
{
    return bytes_read(from(base), call, log_id, offset, out, size, out_read, err);
}

static pbase_status segment_put_refuse(pbase_storage *base, const pbase_call *call,
                                       const pbase_segment_info *segment, pbase_bytes bytes,
                                       pbase_error *err)
{
    (void)base;
    (void)call;
    (void)segment;
    (void)bytes;
    return refuse(err);
}

static const pbase_storage_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_storage_segment_ops),
    .list = segments_list,
    .retire = segment_retire_refuse,
    .segment_read = segment_read,
    .segment_put = segment_put_refuse,
};

/* ----------------------------------------------------------------------------- the other slots - */

static pbase_status lock_acquire(pbase_storage *base, const pbase_call *call, const char *name,
                                 uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                 pbase_error *err)
{
    (void)base;
    (void)call;
    (void)name;
    (void)mode;
    (void)lease_ms;
    (void)out_fence;
    return refuse(err);
}

static pbase_status lock_renew(pbase_storage *base, const pbase_call *call, const char *name,
                               uint64_t fence, uint64_t lease_ms, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)name;
    (void)fence;
    (void)lease_ms;
    return refuse(err);
}

static void lock_release(pbase_storage *base, const char *name, uint64_t fence)
{
    (void)base;
    (void)name;
    (void)fence;
}

static const pbase_storage_lock_ops lock_ops = {
    .struct_size = sizeof(pbase_storage_lock_ops),
    .acquire = lock_acquire,
    .renew = lock_renew,
    .release = lock_release,
};

static pbase_status stats(pbase_storage *base, const pbase_call *call, pbase_stat_each each,
                          void *state, pbase_error *err)
{
    const salvage *self = from(base);
    (void)call;
    pbase_status status = each(state, "journal_frames", self->frame_count, "count", err);
    return status == PBASE_OK ? each(state, "segments", self->segment_count, "count", err) : status;
}

static pbase_status verify(pbase_storage *base, const pbase_call *call, pbase_verify_each each,
                           void *state, pbase_error *err)
{
    (void)base;
    (void)call;
    (void)each;
    (void)state;
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "a space that is being recovered is not verified");
}

static void admin_close(pbase_storage *base)
{
    destroy(from(base));
}

static const pbase_storage_admin_ops admin_ops = {
    .struct_size = sizeof(pbase_storage_admin_ops),
    .stats = stats,
    .verify = verify,
    .close = admin_close,
};

static const pbase_storage_vtable salvage_vtable = {
    .struct_size = sizeof(pbase_storage_vtable),
    .capabilities = PBASE_STORAGE_SEGMENT_IO | PBASE_STORAGE_PERSISTENT,
    .durability_mask =
        1u << PBASE_DURABILITY_NONE | 1u << PBASE_DURABILITY_ASYNC | 1u << PBASE_DURABILITY_SYNC,
    .meta = &meta_ops,
    .journal = &journal_ops,
    .atoms = &atom_ops,
    .segments = &segment_ops,
    .locks = &lock_ops,
    .admin = &admin_ops,
};
