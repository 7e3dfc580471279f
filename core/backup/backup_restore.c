/* backup_restore.c - records in their order, then segments in theirs, then what makes it a space.
 *
 * Before anything else the storage gets a meta document that is none of a space, and keeps it until
 * everything has been read and every sum was right; only then the document of the space takes its place,
 * in one step. So a restore that ends anywhere, also by a crash, leaves nothing that could be opened.
 *
 * All backups of a chain are read side by side: each has its atoms in the order of the segments, so
 * that one segment after the other is put together from all of them. */
#include "backup/backup_restore.h"

#include "backup/backup_chain.h"
#include "store/codec_table.h"
#include "store/record_wrap.h"
#include "txn/delta.h"

#include <inttypes.h>

#define LOCK_WRITER "writer"
#define LOCK_OPEN "open"

typedef struct {
    const backup_restore *what;
    const pbase_host *host;
    pbase_storage *storage; /* NULL: only to be checked */
    size_t used;            /* backups of the chain */
    const backup_head *last;
    uint64_t fence, open_fence;
    uint64_t until;    /* sequence of the last commit that is wanted; UINT64_MAX: told by time */
    int64_t until_ns;  /* of it */
    uint64_t sequence; /* of the last record that was met */
    int64_t time_ns;
    retained_list kept;   /* with their places in the new journal */
    size_t placed;        /* of them */
    pbase_buffer records; /* of the append being collected */
    size_t *ends;         /* of each of them in it */
    size_t record_count, record_capacity;
    pbase_token token;
    pbase_buffer image; /* of the segment being put together */
    pbase_restore_report report;
} restoring;

static pbase_status tell(restoring *self, pbase_error *err)
{
    pbase_status status = pbase_call_check(self->what->call, self->host->os, err);
    uint64_t done = 0;
    for (size_t i = 0; i < self->used; i++) {
        done += self->what->sources[i].reader.sums.bytes;
    }
    self->report.bytes = done;
    if (status == PBASE_OK && self->what->progress != NULL) {
        status = self->what->progress(self->what->progress_state, done, 0, err);
    }
    return status;
}

static pbase_status next_block(restoring *self, backup_source *source, pbase_error *err)
{
    pbase_status status = backup_source_next(source, err);
    return status == PBASE_OK ? tell(self, err) : status;
}

/* ---------------------------------------------------------------------------------- chain ----- */

pbase_status backup_chain_check(const backup_source *sources, size_t count, pbase_error *err)
{
    if (count == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "there is no backup to restore");
    }
    for (size_t i = 0; i < count; i++) {
        const backup_head *head = &sources[i].head, *base = i == 0 ? NULL : &sources[i - 1].head;
        bool fits = i == 0 ? backup_head_is_full(head) : backup_head_continues(head, base);
        if (!fits) {
            pbase_status status = PBASE_FAIL(
                err, PBASE_INVALID,
                i == 0 ? "%s is increment %" PRIu32
                         " of a chain, not the full backup it begins with"
                       : "%s, number %" PRIu32 " of its chain, does not continue the backup before "
                         "it",
                (const char *)sources[i].label.data, head->number);
            pbase_error_hint(err, "give the full backup first, then each increment in its order");
            return status;
        }
    }
    return PBASE_OK;
}

static bool reaches(const backup_head *head, const pbase_moment *at)
{
    return at->is_time != 0 ? head->newest_ns >= at->time_ns : head->newest >= at->sequence;
}

static pbase_status not_in(const backup_head *first, const backup_head *last,
                           const pbase_moment *at, pbase_error *err)
{
    char from[PBASE_TIME_TEXT_BYTES], to[PBASE_TIME_TEXT_BYTES], asked[PBASE_TIME_TEXT_BYTES];
    const retained_checkpoint *oldest = &first->kept.items[0];
    if (at->is_time == 0) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND,
                          "commit %" PRIu64 " is not in it; %" PRIu64 " to %" PRIu64 " are",
                          at->sequence, oldest->sequence, last->newest);
    }
    pbase_time_format(at->time_ns, asked);
    pbase_time_format(oldest->timestamp_ns, from);
    pbase_time_format(last->newest_ns, to);
    return PBASE_FAIL(err, PBASE_NOT_FOUND, "the state at %s is not in it; %s to %s are", asked,
                      from, to);
}

pbase_status backup_chain_choose(const backup_source *sources, size_t count,
                                 const pbase_moment *as_of, size_t *out, pbase_error *err)
{
    *out = count;
    if (as_of == NULL) {
        return PBASE_OK;
    }
    size_t at = 0;
    while (at + 1 < count && !reaches(&sources[at].head, as_of)) {
        at++;
    }
    const backup_head *head = &sources[at].head;
    const retained_checkpoint *oldest = &head->kept.items[0];
    bool is_newer = !reaches(head, as_of) && as_of->is_time == 0;
    bool is_older = as_of->is_time != 0 ? oldest->timestamp_ns > as_of->time_ns
                                        : oldest->sequence > as_of->sequence;
    if (is_newer || is_older) {
        return not_in(is_newer ? &sources[0].head : head, &sources[count - 1].head, as_of, err);
    }
    *out = at + 1;
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------- an empty place -- */

static pbase_status not_empty(pbase_error *err)
{
    pbase_status status = PBASE_FAIL(err, PBASE_EXISTS,
                                     "something is stored here already; a backup is restored to an "
                                     "empty place only");
    pbase_error_hint(err, "name a folder that is empty or not there");
    return status;
}

static pbase_status refuse_segment(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    (void)state;
    (void)segment;
    return not_empty(err);
}

/* The first one that is listed. */
static pbase_status note_segment(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    uint32_t *log_id = state;
    (void)err;
    *log_id = *log_id == 0 ? segment->log_id : *log_id;
    return PBASE_OK;
}

/* What a restore that never finished left. */
static pbase_status remove_segments(restoring *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        uint32_t log_id = 0;
        status = pbase_storage_segments_list(self->storage, self->what->call, note_segment, &log_id,
                                             err);
        if (status != PBASE_OK || log_id == 0) {
            return status;
        }
        status = pbase_storage_segment_retire(self->storage, self->what->call, log_id, err);
    }
    return status;
}

static pbase_status refuse_records(restoring *self, pbase_error *err)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_status status = pbase_storage_scan_open(self->storage, self->what->call, 0, &scan, err);
    if (status == PBASE_OK) {
        status = pbase_storage_scan_next(self->storage, self->what->call, scan, &record, err);
        status = status == PBASE_OK ? not_empty(err) : status;
    }
    pbase_storage_scan_close(self->storage, scan);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Nobody else may open it: in a shared storage all users hold `open`. */
static pbase_status lock_place(restoring *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_call now = {.deadline_ns = os->system->monotonic_ns(os)};
    pbase_status status = PBASE_OK;
    if ((self->storage->vtable->capabilities & PBASE_STORAGE_SHARED) != 0) {
        status = pbase_storage_lock_acquire(self->storage, &now, LOCK_OPEN, PBASE_LOCK_EXCLUSIVE, 0,
                                            &self->open_fence, err);
    }
    return status == PBASE_OK
               ? pbase_storage_lock_acquire(self->storage, &now, LOCK_WRITER, PBASE_LOCK_EXCLUSIVE,
                                            0, &self->fence, err)
               : status;
}

static void unlock_place(restoring *self)
{
    if (self->fence != 0) {
        pbase_storage_lock_release(self->storage, LOCK_WRITER, self->fence);
    }
    if (self->open_fence != 0) {
        pbase_storage_lock_release(self->storage, LOCK_OPEN, self->open_fence);
    }
}

/* Replaces the meta document of any version. */
static pbase_status set_meta(restoring *self, pbase_bytes document, pbase_error *err)
{
    pbase_arena arena;
    pbase_bytes before;
    uint64_t version = 0;
    pbase_arena_init(&arena, self->host->alloc);
    pbase_status status =
        pbase_storage_meta_get(self->storage, self->what->call, &arena, &before, &version, err);
    if (status == PBASE_OK) {
        status = pbase_storage_meta_cas(self->storage, self->what->call, version, document, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status take_place(restoring *self, bool *out_touched, pbase_error *err)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    pbase_arena_init(&arena, self->host->alloc);
    pbase_status status = lock_place(self, err);
    if (status == PBASE_OK) {
        status = pbase_storage_meta_get(self->storage, self->what->call, &arena, &document,
                                        &version, err);
    }
    bool is_left =
        status == PBASE_OK && pbase_bytes_equal(document, pbase_bytes_text(CODEC_TABLE_RESTORING));
    if (status == PBASE_OK && is_left) {
        *out_touched = true;
        status = remove_segments(self, err);
    } else if (status == PBASE_OK) {
        status = version == 0 ? pbase_storage_segments_list(self->storage, self->what->call,
                                                            refuse_segment, NULL, err)
                              : not_empty(err);
        status = status == PBASE_OK ? refuse_records(self, err) : status;
        if (status == PBASE_OK) {
            *out_touched = true;
            status = set_meta(self, pbase_bytes_text(CODEC_TABLE_RESTORING), err);
        }
    }
    pbase_arena_fini(&arena);
    return status;
}

/* -------------------------------------------------------------------------------- records ----- */

static pbase_status append(restoring *self, const pbase_bytes *records, size_t count,
                           pbase_token token, pbase_journal_appended *out, pbase_error *err)
{
    pbase_journal_append wanted = {.struct_size = sizeof wanted,
                                   .durability = PBASE_DURABILITY_NONE,
                                   .records = records,
                                   .record_count = count,
                                   .expected = PBASE_POSITION_ANY,
                                   .token = token,
                                   .fence = self->fence};
    return pbase_storage_append(self->storage, self->what->call, &wanted, out, err);
}

/* Checkpoints that hold everything before `sequence`, and were not placed yet, are replayed from
 * `position` on. */
static void place(restoring *self, uint64_t sequence, pbase_position position)
{
    while (self->placed < self->kept.count && self->kept.items[self->placed].sequence < sequence) {
        self->kept.items[self->placed++].replay = position;
    }
}

/* Appends what was collected. `first`: sequence of the first of them. */
static pbase_status append_collected(restoring *self, pbase_error *err)
{
    size_t count = self->record_count;
    pbase_status status = PBASE_OK;
    if (count > 0 && self->storage != NULL) {
        pbase_journal_appended appended = {0, 0};
        pbase_bytes *views = pbase_alloc_zeroed(self->host->alloc, count, sizeof *views);
        if (views == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to restore %zu records", count);
        }
        for (size_t i = 0; i < count; i++) {
            size_t from = i == 0 ? 0 : self->ends[i - 1];
            views[i] = pbase_bytes_of(self->records.data + from, self->ends[i] - from);
        }
        status = append(self, views, count, self->token, &appended, err);
        pbase_alloc_free(self->host->alloc, views, count * sizeof *views);
        if (status == PBASE_OK) {
            place(self, self->sequence - count + 1, appended.first);
        }
    }
    self->record_count = 0;
    self->records.size = 0;
    return status;
}

static pbase_status collect(restoring *self, const backup_record *record, pbase_error *err)
{
    if (self->record_count == self->record_capacity) {
        const pbase_alloc *alloc = self->host->alloc;
        size_t capacity = self->record_capacity == 0 ? 64 : self->record_capacity * 2;
        size_t *ends = alloc->resize(alloc, self->ends, self->record_capacity * sizeof *ends,
                                     capacity * sizeof *ends);
        if (ends == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to restore records");
        }
        self->ends = ends;
        self->record_capacity = capacity;
    }
    pbase_status status = pbase_buffer_append_bytes(&self->records, record->stored, err);
    if (status == PBASE_OK) {
        self->ends[self->record_count++] = self->records.size;
        self->token = record->token;
    }
    return status;
}

/* A checkpoint ends where an append ended; one that does not is put between two appends. */
static bool ends_append(const restoring *self, const backup_record *record)
{
    size_t at = retained_list_find(&self->kept, record->sequence);
    return record->index + 1 == record->count ||
           (at < self->kept.count && self->kept.items[at].sequence == record->sequence);
}

static pbase_status take_record(restoring *self, const backup_record *record, pbase_error *err)
{
    if (record->sequence <= self->kept.items[0].sequence) {
        return PBASE_OK; /* of a past that the last backup does not have any more */
    }
    if (record->sequence != self->sequence + 1 || record->timestamp_ns < self->time_ns) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "record %" PRIu64 " comes behind record %" PRIu64,
                          record->sequence, self->sequence);
    }
    if (record->sequence > self->until || record->timestamp_ns > self->until_ns) {
        self->until = record->sequence - 1;
        return PBASE_OK;
    }
    pbase_status status = collect(self, record, err);
    if (status == PBASE_OK) {
        self->sequence = record->sequence;
        self->time_ns = record->timestamp_ns;
        self->report.records++;
        status = ends_append(self, record) ? append_collected(self, err) : PBASE_OK;
    }
    return status;
}

static pbase_status take_records(restoring *self, pbase_bytes payload, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(payload);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0 &&
           self->sequence < self->until) {
        backup_record record;
        status = backup_record_read(&reader, &record, err);
        status = status == PBASE_OK ? take_record(self, &record, err) : status;
    }
    return status;
}

/* The records of one backup; `block` is the first that is none. */
static pbase_status records_of(restoring *self, backup_source *source, pbase_error *err)
{
    pbase_status status = next_block(self, source, err);
    while (status == PBASE_OK && source->block.type == BACKUP_RECORDS) {
        status = backup_source_note(source, take_records(self, source->block.payload, err), err);
        status = status == PBASE_OK ? next_block(self, source, err) : status;
    }
    return status;
}

/* Checkpoints behind the moment that was asked for are not its past. */
static void forget_newer(restoring *self)
{
    while (self->kept.count > 1 &&
           self->kept.items[self->kept.count - 1].sequence > self->sequence) {
        self->kept.count--;
    }
}

static pbase_status restore_records(restoring *self, pbase_error *err)
{
    pbase_status status = retained_list_copy(&self->last->kept, &self->kept, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->sequence = self->kept.items[0].sequence;
    self->time_ns = self->kept.items[0].timestamp_ns;
    for (size_t i = 0; i < self->used && status == PBASE_OK; i++) {
        status = records_of(self, &self->what->sources[i], err);
    }
    if (status == PBASE_OK) {
        status = append_collected(self, err);
    }
    if (status == PBASE_OK && self->sequence < self->last->newest && self->sequence < self->until) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the records end with %" PRIu64 "; the backup claims %" PRIu64,
                            self->sequence, self->last->newest);
    }
    forget_newer(self);
    return status;
}

/* ------------------------------------------------------------------------------- segments ----- */

static pbase_status take_run(restoring *self, const backup_run *run, pbase_error *err)
{
    size_t end = (size_t)run->offset + run->bytes.size;
    self->report.atom_bytes += run->bytes.size;
    if (self->storage == NULL) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_OK;
    if (end > self->image.size) {
        status = pbase_buffer_append_zeros(&self->image, end - self->image.size, err);
    }
    if (status == PBASE_OK) {
        memcpy(self->image.data + run->offset, run->bytes.data, run->bytes.size);
    }
    return status;
}

/* The block of atoms at hand, if it is of `log_id`, and those behind it that are. */
static pbase_status take_atoms(restoring *self, backup_source *source, uint32_t log_id,
                               pbase_error *err)
{
    uint64_t least = 0;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && source->block.type == BACKUP_ATOMS) {
        pbase_reader_bytes reader = pbase_reader_bytes_of(source->block.payload);
        uint32_t of = 0;
        status = backup_atoms_read(&reader, &of, err);
        if (status == PBASE_OK && of < log_id) {
            status = PBASE_FAIL(err, PBASE_CORRUPT, "segments are out of order");
        }
        if (status != PBASE_OK || of != log_id) {
            break;
        }
        while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
            backup_run run;
            status = backup_run_read(&reader, &least, &run, err);
            status = status == PBASE_OK ? take_run(self, &run, err) : status;
        }
        status = status == PBASE_OK ? next_block(self, source, err) : status;
    }
    return backup_source_note(source, status, err);
}

/* The lowest segment that a backup has atoms of now; 0: none has. */
static uint32_t next_segment(const restoring *self)
{
    uint32_t lowest = 0;
    for (size_t i = 0; i < self->used; i++) {
        const backup_block *block = &self->what->sources[i].block;
        uint32_t log_id = block->type == BACKUP_ATOMS && block->payload.size >= 4
                              ? pbase_get_u32(block->payload.data)
                              : 0;
        lowest = log_id != 0 && (lowest == 0 || log_id < lowest) ? log_id : lowest;
    }
    return lowest;
}

static pbase_status restore_segment(restoring *self, uint32_t log_id, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    self->image.size = 0;
    for (size_t i = 0; i < self->used && status == PBASE_OK; i++) {
        status = take_atoms(self, &self->what->sources[i], log_id, err);
    }
    self->report.segments++;
    if (status != PBASE_OK || self->storage == NULL) {
        return status;
    }
    pbase_segment_info segment = {.log_id = log_id, .sealed = 1, .size_bytes = self->image.size};
    return pbase_storage_segment_put(self->storage, self->what->call, &segment,
                                     pbase_buffer_view(&self->image), err);
}

/* Nothing but the index is left, which restoring does not need, and the sums. */
static pbase_status finish_source(restoring *self, backup_source *source, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && !source->is_over) {
        status =
            source->block.type == BACKUP_INDEX
                ? next_block(self, source, err)
                : backup_source_note(
                      source, PBASE_FAIL(err, PBASE_CORRUPT, "a block of atoms names no segment"),
                      err);
    }
    if (status == PBASE_OK) {
        status = backup_source_next(source, err); /* END: nothing follows */
    }
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status restore_segments(restoring *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    uint32_t before = 0, log_id = next_segment(self);
    while (status == PBASE_OK && log_id > before) {
        status = restore_segment(self, log_id, err);
        before = log_id;
        log_id = status == PBASE_OK ? next_segment(self) : 0;
    }
    if (status == PBASE_OK && log_id != 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the segments of a backup are out of order");
    }
    for (size_t i = 0; i < self->used && status == PBASE_OK; i++) {
        status = finish_source(self, &self->what->sources[i], err);
    }
    return status;
}

/* --------------------------------------------------------------------------------- the end ---- */

static pbase_status encode_checkpoint(restoring *self, pbase_buffer *out, pbase_error *err)
{
    const retained_checkpoint *own = &self->kept.items[self->kept.count - 1];
    checkpoint_body body = {.root = own->root, .replay = own->replay};
    record_head head = {.kind = RECORD_CHECKPOINT,
                        .sequence = own->sequence,
                        .base = own->sequence,
                        .timestamp_ns = own->timestamp_ns};
    retained_list before = self->kept; /* a window on all but its own */
    uint8_t bytes[RECORD_HEAD_BYTES];
    pbase_buffer plain;
    pbase_buffer_init(&plain, self->host->alloc);
    before.count--;
    record_head_write(&head, bytes);
    pbase_status status = pbase_buffer_append(&plain, bytes, sizeof bytes, err);
    if (status == PBASE_OK) {
        status = checkpoint_body_write(&body, &before, &plain, err);
    }
    if (status == PBASE_OK) {
        status = record_wrap_plain(pbase_buffer_view(&plain), out, err);
    }
    pbase_buffer_fini(&plain);
    return status;
}

/* Where opening begins: a checkpoint record with the places that the others have got here. */
static pbase_status write_anchor(restoring *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_journal_head head;
    pbase_journal_appended appended = {0, 0};
    pbase_buffer record;
    pbase_token token;
    pbase_buffer_init(&record, self->host->alloc);
    os->system->random(os, token.bytes, sizeof token.bytes);
    pbase_status status =
        pbase_storage_journal_head(self->storage, self->what->call, PBASE_HEAD_LATEST, &head, err);
    if (status == PBASE_OK) {
        place(self, UINT64_MAX, head.head); /* those that nothing follows */
        status = encode_checkpoint(self, &record, err);
    }
    if (status == PBASE_OK) {
        pbase_bytes view = pbase_buffer_view(&record);
        status = append(self, &view, 1, token, &appended, err);
    }
    pbase_buffer_fini(&record);
    if (status == PBASE_OK) {
        status = pbase_storage_sync(self->storage, self->what->call, appended.end,
                                    PBASE_DURABILITY_SYNC, err);
    }
    return status == PBASE_OK ? pbase_storage_trim(self->storage, self->what->call,
                                                   self->kept.items[0].replay, appended.first, err)
                              : status;
}

/* The last step: from here on it is a space. */
static pbase_status publish(restoring *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    uint8_t lineage[CODEC_TABLE_SPACE_ID_BYTES];
    pbase_buffer document;
    pbase_buffer_init(&document, self->host->alloc);
    os->system->random(os, lineage, sizeof lineage);
    pbase_status status = codec_table_set_lineage(self->last->meta, lineage, &document, err);
    if (status == PBASE_OK) {
        status = write_anchor(self, err);
    }
    if (status == PBASE_OK) {
        status = set_meta(self, pbase_buffer_view(&document), err);
    }
    pbase_buffer_fini(&document);
    return status;
}

static pbase_status run(restoring *self, bool *out_touched, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->storage != NULL) {
        status = take_place(self, out_touched, err);
    }
    if (status == PBASE_OK) {
        status = restore_records(self, err);
    }
    if (status == PBASE_OK) {
        status = restore_segments(self, err);
    }
    return status == PBASE_OK && self->storage != NULL ? publish(self, err) : status;
}

static void set_until(restoring *self)
{
    const pbase_moment *at = self->what->as_of;
    self->until = at != NULL && at->is_time == 0 ? at->sequence : UINT64_MAX;
    self->until_ns = at != NULL && at->is_time != 0 ? at->time_ns : INT64_MAX;
}

pbase_status backup_restore_run(const backup_restore *restore, pbase_restore_report *out,
                                bool *out_touched, pbase_error *err)
{
    restoring self = {.what = restore, .host = restore->host, .storage = restore->storage};
    *out_touched = false;
    if (self.storage != NULL &&
        (self.storage->vtable->capabilities & PBASE_STORAGE_SEGMENT_IO) == 0) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "the storage does not take segments of another");
    }
    pbase_status status = backup_chain_check(restore->sources, restore->count, err);
    if (status == PBASE_OK) {
        status =
            backup_chain_choose(restore->sources, restore->count, restore->as_of, &self.used, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    self.last = &restore->sources[self.used - 1].head;
    set_until(&self);
    retained_list_init(&self.kept, self.host->alloc);
    pbase_buffer_init(&self.records, self.host->alloc);
    pbase_buffer_init(&self.image, self.host->alloc);
    status = run(&self, out_touched, err);
    unlock_place(&self);
    if (status == PBASE_OK) {
        self.report.struct_size = sizeof self.report;
        self.report.backups = (uint32_t)self.used;
        self.report.sequence = self.sequence;
        self.report.time_ns = self.time_ns;
        self.report.oldest_sequence = self.kept.items[0].sequence;
        *out = self.report;
    }
    pbase_buffer_fini(&self.image);
    pbase_buffer_fini(&self.records);
    pbase_alloc_free(self.host->alloc, self.ends, self.record_capacity * sizeof *self.ends);
    retained_list_fini(&self.kept);
    return status;
}
