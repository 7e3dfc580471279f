/* backup_take.c - head, records, atoms, index, end; every checksum of the source is checked on the way.
 *
 * What is alive for the checkpoints that are kept has been marked (txn/hold.h); segment by segment,
 * marks are walked in the order of their places, and what the base lacks is read ahead in large pieces,
 * checked, and put into blocks. Records were checked by the storage and unwrapped once, to know what
 * they adopt; they are copied as they lie. */
#include "backup/backup_take.h"

#include "store/atom_format.h"

#include <inttypes.h>

#define READ_AHEAD_BYTES 1048576u
/* A journal of so much is read into memory first, so that nobody's checkpoint waits for a slow sink. */
#define SPOOL_BYTES_MAX (UINT64_C(128) << 20)

typedef struct {
    const backup_take *what;
    const pbase_host *host;
    pbase_storage *storage;
    backup_writer out;
    engine_hold hold;
    backup_head head;
    pbase_arena arena;   /* of the meta document */
    pbase_buffer window; /* of the segment being copied */
    uint64_t window_at;
    backup_index_part part; /* of the segment being copied */
    pbase_buffer index;
    size_t run_at;      /* where the head of the open run lies in the block; 0: none */
    uint64_t run_next;  /* where an atom continues it */
    uint64_t total;     /* bytes to be written, about */
    pbase_buffer spool; /* blocks of records, to be written when the journal was let go of */
    bool is_spooling;
} taking;

/* ------------------------------------------------------------------------------- progress ----- */

static pbase_status tell(taking *self, pbase_error *err)
{
    pbase_status status = pbase_call_check(self->what->call, self->host->os, err);
    uint64_t done = self->out.sums.bytes;
    if (status == PBASE_OK && self->what->progress != NULL) {
        status = self->what->progress(self->what->progress_state, done,
                                      self->total > done ? self->total : done, err);
    }
    return status;
}

static pbase_status flush(taking *self, pbase_error *err)
{
    self->run_at = 0;
    pbase_status status = backup_writer_flush(&self->out, err);
    return status == PBASE_OK && !self->is_spooling ? tell(self, err) : status;
}

/* ----------------------------------------------------------------------------------- head ----- */

static pbase_status refuse_base(const char *why, pbase_error *err)
{
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "an increment cannot continue %s", why);
    pbase_error_hint(err, "begin with a full backup");
    return status;
}

static pbase_status continue_base(taking *self, const backup_head *base, pbase_error *err)
{
    if (memcmp(base->space, self->head.space, BACKUP_ID_BYTES) != 0) {
        return refuse_base("a backup of another space", err);
    }
    if (memcmp(base->lineage, self->head.lineage, BACKUP_ID_BYTES) != 0) {
        return refuse_base("a backup from before the space was restored", err);
    }
    if (base->newest > self->head.newest) {
        return refuse_base("a backup that is newer than the space", err);
    }
    if (base->number == UINT32_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the chain of increments is too long");
    }
    memcpy(self->head.base, base->id, BACKUP_ID_BYTES);
    self->head.number = base->number + 1;
    return PBASE_OK;
}

static pbase_status write_head(taking *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    const codec_table *codecs = store_codecs(engine_store(self->what->engine));
    backup_head *head = &self->head;
    uint64_t version = 0;
    os->system->random(os, head->id, sizeof head->id);
    memcpy(head->space, codec_table_space_id(codecs), BACKUP_ID_BYTES);
    memcpy(head->lineage, codec_table_lineage(codecs), BACKUP_ID_BYTES);
    head->made_ns = os->system->wall_ns(os);
    head->newest = self->hold.newest;
    head->newest_ns = self->hold.newest_ns;
    pbase_status status = retained_list_copy(&self->hold.kept, &head->kept, err);
    if (status == PBASE_OK && self->what->base != NULL) {
        status = continue_base(self, self->what->base, err);
    }
    if (status == PBASE_OK) { /* after the pin: it has every codec that the records need */
        status = pbase_storage_meta_get(self->storage, self->what->call, &self->arena, &head->meta,
                                        &version, err);
    }
    if (status == PBASE_OK) {
        status = backup_writer_begin(&self->out, err);
    }
    if (status == PBASE_OK) {
        status = backup_writer_open(&self->out, BACKUP_HEAD, err);
    }
    if (status == PBASE_OK) {
        status = backup_head_write(head, &self->out.block, err);
    }
    return status == PBASE_OK ? flush(self, err) : status;
}

/* -------------------------------------------------------------------------------- records ----- */

/* Begins a block unless one of the type has room. */
static pbase_status make_room(taking *self, uint8_t type, size_t size, pbase_error *err)
{
    if (self->out.type == type && self->out.block.size > 0) {
        if (backup_writer_filled(&self->out) + size <= BACKUP_BLOCK_BYTES) {
            return PBASE_OK;
        }
        pbase_status status = flush(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return backup_writer_open(&self->out, type, err);
}

static pbase_status finish_block(taking *self, uint8_t type, pbase_error *err)
{
    if (self->out.type != type || self->out.block.size == 0) {
        return PBASE_OK;
    }
    pbase_status status = flush(self, err);
    self->out.block.size = 0;
    return status;
}

static pbase_status copy_record(void *state, const replay_record *record, pbase_error *err)
{
    taking *self = state;
    const backup_head *base = self->what->base;
    if (base != NULL && record->head.sequence <= base->newest) {
        return PBASE_OK;
    }
    backup_record copy = {.sequence = record->head.sequence,
                          .timestamp_ns = record->head.timestamp_ns,
                          .token = record->token,
                          .index = record->index,
                          .count = record->count,
                          .stored = record->wrapped};
    pbase_status status = make_room(self, BACKUP_RECORDS, record->wrapped.size, err);
    if (status == PBASE_OK) {
        status = backup_record_write(&copy, &self->out.block, err);
    }
    self->out.sums.records += status == PBASE_OK;
    return status;
}

static pbase_status spool_write(void *state, pbase_bytes bytes, pbase_error *err)
{
    return pbase_buffer_append_bytes(state, bytes, err);
}

/* What was spooled, to where it was meant for. */
static pbase_status write_spool(taking *self, pbase_error *err)
{
    const backup_sink *sink = &self->what->sink;
    pbase_status status = PBASE_OK;
    for (size_t at = 0; at < self->spool.size && status == PBASE_OK; at += BACKUP_BLOCK_BYTES) {
        size_t left = self->spool.size - at;
        pbase_bytes part = pbase_bytes_of(self->spool.data + at,
                                          left < BACKUP_BLOCK_BYTES ? left : BACKUP_BLOCK_BYTES);
        status = sink->write(sink->state, part, err);
        status = status == PBASE_OK ? tell(self, err) : status;
    }
    pbase_buffer_fini(&self->spool);
    return status;
}

static pbase_status write_records(taking *self, pbase_error *err)
{
    self->out.block.size = 0;
    self->is_spooling = self->hold.end - self->hold.kept.items[0].replay <= SPOOL_BYTES_MAX;
    if (self->is_spooling) {
        self->out.sink = (backup_sink){.write = spool_write, .state = &self->spool};
    }
    pbase_status status =
        engine_hold_records(&self->hold, self->what->call, copy_record, self, err);
    if (status == PBASE_OK) {
        status = finish_block(self, BACKUP_RECORDS, err);
    }
    self->out.sink = self->what->sink;
    self->is_spooling = false;
    return status == PBASE_OK ? write_spool(self, err) : status;
}

/* ---------------------------------------------------------------------------------- atoms ----- */

/* At least `need` bytes of the segment from `offset` on, unless it ends first. */
static pbase_status look(taking *self, uint32_t log_id, uint64_t offset, size_t need,
                         pbase_bytes *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    uint64_t end = self->window_at + self->window.size;
    if (offset < self->window_at || offset + need > end) {
        size_t size = need > READ_AHEAD_BYTES ? need : READ_AHEAD_BYTES, got = 0;
        self->window.size = 0;
        status = pbase_buffer_reserve(&self->window, size, err);
        if (status == PBASE_OK) {
            status = pbase_storage_segment_read(self->storage, self->what->call, log_id, offset,
                                                self->window.data, size, &got, err);
        }
        self->window_at = offset;
        self->window.size = status == PBASE_OK ? got : 0;
    }
    if (status != PBASE_OK) { /* there may be no window at all */
        return status;
    }
    size_t skip = (size_t)(offset - self->window_at);
    *out = pbase_bytes_of(self->window.data + skip, self->window.size - skip);
    return PBASE_OK;
}

/* The whole atom at `offset`, its checksum checked. */
static pbase_status read_atom(taking *self, uint32_t log_id, uint64_t offset, pbase_bytes *out,
                              pbase_error *err)
{
    atom_header header;
    pbase_bytes seen;
    pbase_status status = look(self, log_id, offset, ATOM_HEADER_BYTES, &seen, err);
    if (status == PBASE_OK) {
        status = atom_header_read(seen.data, seen.size, &header, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    size_t whole = ATOM_HEADER_BYTES + (size_t)header.stored_size;
    status = look(self, log_id, offset, whole, &seen, err);
    if (status == PBASE_OK && seen.size < whole) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an atom of %zu bytes is cut after %zu", whole,
                            seen.size);
    }
    if (status == PBASE_OK) {
        status = atom_checksum_verify(self->host, seen.data, &header, err);
    }
    *out = pbase_bytes_of(seen.data, whole);
    return status;
}

/* Continues the open run, or begins another. */
static pbase_status put_atom(taking *self, uint32_t log_id, uint64_t offset, pbase_bytes atom,
                             pbase_error *err)
{
    pbase_buffer *block = &self->out.block;
    size_t padded = (atom.size + PBASE_ATOM_ALIGN - 1) / PBASE_ATOM_ALIGN * PBASE_ATOM_ALIGN;
    bool begins =
        block->size == 0 || backup_writer_filled(&self->out) + padded > BACKUP_BLOCK_BYTES;
    pbase_status status = make_room(self, BACKUP_ATOMS, begins ? SIZE_MAX / 2 : 0, err);
    if (status == PBASE_OK && begins) {
        status = backup_atoms_begin(log_id, block, err);
    }
    if (status == PBASE_OK && (self->run_at == 0 || self->run_next != offset)) {
        self->run_at = block->size;
        status = pbase_buffer_append_zeros(block, BACKUP_RUN_HEAD_BYTES, err);
        if (status == PBASE_OK) {
            pbase_put_u64(block->data + self->run_at, offset);
        }
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(block, atom, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_zeros(block, padded - atom.size, err);
    }
    if (status == PBASE_OK) {
        uint64_t before = pbase_get_u64(block->data + self->run_at + 8);
        pbase_put_u64(block->data + self->run_at + 8, before + padded);
        self->run_next = offset + padded;
        self->out.sums.atoms++;
        self->out.sums.atom_bytes += padded;
    }
    return status;
}

static pbase_status copy_atom(taking *self, uint32_t log_id, uint64_t offset, pbase_error *err)
{
    bool has = false;
    pbase_bytes atom;
    pbase_status status = backup_index_part_add(&self->part, offset, err);
    if (status == PBASE_OK && self->what->base != NULL) {
        status = backup_index_has(self->what->index, log_id, offset, &has, err);
    }
    if (status != PBASE_OK || has) {
        return status;
    }
    status = read_atom(self, log_id, offset, &atom, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "atom at segment %" PRIu32 " byte %" PRIu64, log_id, offset);
        return status;
    }
    return put_atom(self, log_id, offset, atom, err);
}

static pbase_status copy_segment(taking *self, const segment_marks *segment, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    size_t words = (size_t)(segment->bytes / PBASE_ATOM_ALIGN / 64 + 1);
    self->window.size = 0;
    self->out.block.size = 0;
    self->run_at = 0;
    for (size_t i = 0; i < words && segment->begins != NULL && status == PBASE_OK; i++) {
        uint64_t word = segment->begins[i];
        while (word != 0 && status == PBASE_OK) {
            uint64_t bit = (uint64_t)i * 64 + (uint64_t)__builtin_ctzll(word);
            word &= word - 1;
            status = copy_atom(self, segment->log_id, bit * PBASE_ATOM_ALIGN, err);
        }
    }
    if (status == PBASE_OK) {
        status = finish_block(self, BACKUP_ATOMS, err);
    }
    return status == PBASE_OK
               ? backup_index_part_put(&self->part, segment->log_id, &self->index, err)
               : status;
}

/* ---------------------------------------------------------------------------------- index ----- */

/* Cut anywhere: the payloads one behind the other are the index. */
static pbase_status write_index(taking *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t at = 0; at < self->index.size && status == PBASE_OK; at += BACKUP_BLOCK_BYTES) {
        size_t left = self->index.size - at;
        size_t size = left < BACKUP_BLOCK_BYTES ? left : BACKUP_BLOCK_BYTES;
        status = backup_writer_open(&self->out, BACKUP_INDEX, err);
        if (status == PBASE_OK) {
            status = pbase_buffer_append(&self->out.block, self->index.data + at, size, err);
        }
        status = status == PBASE_OK ? flush(self, err) : status;
    }
    return status;
}

static uint64_t live_bytes(const engine_hold *hold)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < hold->marks.count; i++) {
        bytes += hold->marks.items[i].live_bytes;
    }
    return bytes;
}

static pbase_status write_all(taking *self, pbase_error *err)
{
    pbase_status status = write_head(self, err);
    if (status == PBASE_OK) {
        status = write_records(self, err);
    }
    if (status == PBASE_OK) {
        self->total =
            self->out.sums.bytes + (self->what->base == NULL ? live_bytes(&self->hold) : 0);
    }
    for (size_t i = 0; i < self->hold.marks.count && status == PBASE_OK; i++) {
        status = copy_segment(self, &self->hold.marks.items[i], err);
    }
    if (status == PBASE_OK) {
        status = write_index(self, err);
    }
    return status == PBASE_OK ? backup_writer_end(&self->out, err) : status;
}

static void report(const taking *self, pbase_backup_report *out)
{
    *out = (pbase_backup_report){.struct_size = sizeof *out,
                                 .is_increment = self->what->base != NULL,
                                 .oldest_sequence = self->head.kept.items[0].sequence,
                                 .newest_sequence = self->head.newest,
                                 .oldest_ns = self->head.kept.items[0].timestamp_ns,
                                 .newest_ns = self->head.newest_ns,
                                 .records = self->out.sums.records,
                                 .atoms = self->out.sums.atoms,
                                 .atom_bytes = self->out.sums.atom_bytes,
                                 .bytes = self->out.sums.bytes};
}

pbase_status backup_take_run(const backup_take *take, pbase_backup_report *out, pbase_error *err)
{
    taking self = {
        .what = take, .host = engine_host(take->engine), .storage = engine_storage(take->engine)};
    if ((self.storage->vtable->capabilities & PBASE_STORAGE_SEGMENT_IO) == 0) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_UNSUPPORTED, "the storage does not give its segments out");
        pbase_error_hint(err, "`protobase dump` writes everything as text");
        return status;
    }
    backup_writer_init(&self.out, self.host, take->sink);
    backup_head_init(&self.head, self.host->alloc);
    pbase_arena_init(&self.arena, self.host->alloc);
    pbase_buffer_init(&self.window, self.host->alloc);
    pbase_buffer_init(&self.index, self.host->alloc);
    pbase_buffer_init(&self.spool, self.host->alloc);
    backup_index_part_init(&self.part, self.host->alloc);
    pbase_status status = engine_hold_begin(take->engine, take->call, &self.hold, err);
    if (status == PBASE_OK) {
        status = write_all(&self, err);
    }
    if (status == PBASE_OK) {
        report(&self, out);
    }
    engine_hold_end(&self.hold);
    backup_index_part_fini(&self.part);
    pbase_buffer_fini(&self.spool);
    pbase_buffer_fini(&self.index);
    pbase_buffer_fini(&self.window);
    pbase_arena_fini(&self.arena);
    backup_head_fini(&self.head);
    backup_writer_fini(&self.out);
    return status;
}
