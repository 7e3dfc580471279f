/* segment_scan.c - a window over each segment, moved from atom to atom. */
#include "store/segment_scan.h"

#include "store/atom_format.h"

#include <inttypes.h>

#define WINDOW_BYTES 1048576u
#define PIECE_BYTES 4096u /* read at once where the device fails */
/* Bytes that look like atoms but are not may cost checksums over this many times what was read. */
#define CLAIMED_TIMES_MAX 4u
#define CLAIMED_FREE_BYTES 67108864u

typedef struct {
    segment_scan *scan;
    scanned_segment *segment;
    const segment_scan_options *options;
    pbase_buffer window;
    uint64_t from;       /* of the window in the segment */
    uint64_t done_bytes; /* of the segments before */
    uint64_t total_bytes;
    uint64_t claimed_bytes;
    uint64_t sound_end; /* of the last sound atom */
    bool in_pieces;     /* the device failed in this segment */
} pass;

/* ----------------------------------------------------------------------------- the table ------ */

void segment_scan_init(segment_scan *self, const pbase_host *host, pbase_storage *storage)
{
    *self = (segment_scan){.host = host, .storage = storage};
    ref_set_init(&self->elsewhere, host->alloc);
}

static size_t words_of(const scanned_segment *segment)
{
    return (size_t)(segment->bytes / PBASE_ATOM_ALIGN / 64 + 1);
}

void segment_scan_fini(segment_scan *self)
{
    const pbase_alloc *alloc = self->host->alloc;
    for (size_t i = 0; i < self->count; i++) {
        scanned_segment *segment = &self->items[i];
        pbase_alloc_free(alloc, segment->sound, words_of(segment) * sizeof(uint64_t));
        pbase_alloc_free(alloc, segment->reached, words_of(segment) * sizeof(uint64_t));
        pbase_alloc_free(alloc, segment->damages,
                         segment->damage_capacity * sizeof *segment->damages);
    }
    pbase_alloc_free(alloc, self->items, self->capacity * sizeof *self->items);
    ref_set_fini(&self->elsewhere);
    segment_scan_init(self, self->host, self->storage);
}

static pbase_status add_segment(void *state, const pbase_segment_info *info, pbase_error *err)
{
    segment_scan *self = state;
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
        scanned_segment *items =
            self->host->alloc->resize(self->host->alloc, self->items,
                                      self->capacity * sizeof *items, capacity * sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the list of segments");
        }
        self->items = items;
        self->capacity = capacity;
    }
    size_t at = self->count++;
    for (; at > 0 && self->items[at - 1].log_id > info->log_id; at--) {
        self->items[at] = self->items[at - 1];
    }
    self->items[at] = (scanned_segment){
        .log_id = info->log_id, .sealed = info->sealed, .bytes = info->size_bytes};
    return PBASE_OK;
}

pbase_status segment_scan_list(segment_scan *self, const pbase_call *call, pbase_error *err)
{
    return pbase_storage_segments_list(self->storage, call, add_segment, self, err);
}

static scanned_segment *find(const segment_scan *self, uint32_t log_id)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->items[middle].log_id < log_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && self->items[low].log_id == log_id ? &self->items[low] : NULL;
}

static bool bit_is_set(const uint64_t *bits, uint64_t offset)
{
    uint64_t bit = offset / PBASE_ATOM_ALIGN;
    return (bits[bit / 64] >> (bit % 64) & 1) != 0;
}

static void bit_set(uint64_t *bits, uint64_t offset)
{
    uint64_t bit = offset / PBASE_ATOM_ALIGN;
    bits[bit / 64] |= (uint64_t)1 << (bit % 64);
}

/* --------------------------------------------------------------------------------- damage ----- */

static pbase_status damages_room(const segment_scan *self, scanned_segment *segment,
                                 pbase_error *err)
{
    if (segment->damage_count < segment->damage_capacity) {
        return PBASE_OK;
    }
    size_t capacity = segment->damage_capacity == 0 ? 8 : segment->damage_capacity * 2;
    segment_damage *damages = self->host->alloc->resize(self->host->alloc, segment->damages,
                                                        segment->damage_capacity * sizeof *damages,
                                                        capacity * sizeof *damages);
    if (damages == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to note damage");
    }
    segment->damages = damages;
    segment->damage_capacity = capacity;
    return PBASE_OK;
}

/* What is between two sound atoms is one damage, zeros in it included. */
static pbase_status damage_add(pass *self, uint64_t from, uint64_t to, bool is_gap,
                               pbase_error *err)
{
    scanned_segment *segment = self->segment;
    segment_damage *last =
        segment->damage_count == 0 ? NULL : &segment->damages[segment->damage_count - 1];
    bool joins = last != NULL && !is_gap && !last->is_gap && last->from >= self->sound_end;
    if (joins || segment->damage_count == SEGMENT_DAMAGES_MAX) {
        last->to = to;
        last->is_gap = last->is_gap && is_gap;
        return PBASE_OK;
    }
    pbase_status status = damages_room(self->scan, segment, err);
    if (status == PBASE_OK) {
        segment->damages[segment->damage_count++] =
            (segment_damage){.from = from, .to = to, .is_gap = is_gap};
    }
    return status;
}

/* --------------------------------------------------------------------------------- window ----- */

static pbase_status window_read(pass *self, uint64_t at, size_t size, pbase_error *err)
{
    size_t got = 0;
    self->window.size = 0;
    pbase_status status = pbase_buffer_reserve(&self->window, size, err);
    if (status == PBASE_OK) {
        status = pbase_storage_segment_read(self->scan->storage, self->options->call,
                                            self->segment->log_id, at, self->window.data, size,
                                            &got, err);
    }
    if (status == PBASE_OK) {
        self->from = at;
        self->window.size = got;
    }
    return status;
}

/* The bytes of the segment from `at` on, at least `need` of them unless it ends before
 * (`*out_size`). IO: they cannot be read. */
static pbase_status window_at(pass *self, uint64_t at, size_t need, const uint8_t **out,
                              size_t *out_size, pbase_error *err)
{
    uint64_t left = self->segment->bytes - at;
    need = need < left ? need : (size_t)left;
    pbase_status status = PBASE_OK;
    if (at < self->from || at - self->from + need > self->window.size) {
        size_t wish = self->in_pieces ? PIECE_BYTES : WINDOW_BYTES;
        wish = need > wish ? need : wish;
        status = window_read(self, at, wish < left ? wish : (size_t)left, err);
        if (status == PBASE_IO && !self->in_pieces) {
            self->in_pieces = true;
            wish = need > PIECE_BYTES ? need : PIECE_BYTES;
            status = window_read(self, at, wish < left ? wish : (size_t)left, err);
        }
    }
    if (status == PBASE_OK) {
        *out = self->window.data + (at - self->from);
        *out_size = self->window.size - (size_t)(at - self->from);
    }
    return status;
}

static bool is_zero(const uint8_t *data, size_t size)
{
    while (size > 0 && *data == 0) {
        data++;
        size--;
    }
    return size == 0;
}

/* ---------------------------------------------------------------------------------- atoms ----- */

static uint64_t align_up(uint64_t size)
{
    return (size + PBASE_ATOM_ALIGN - 1) & ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
}

/* Whether a sound atom stands at `at`, whose first bytes are lent, and how long it is. */
static pbase_status atom_look(pass *self, uint64_t at, const uint8_t *data, size_t size,
                              uint64_t *out_whole, pbase_error *err)
{
    atom_header header;
    *out_whole = 0;
    if (atom_header_read(data, size, &header, NULL) != PBASE_OK) {
        return PBASE_OK;
    }
    uint64_t whole = ATOM_HEADER_BYTES + (uint64_t)header.stored_size;
    bool is_too_much =
        self->claimed_bytes / CLAIMED_TIMES_MAX > self->scan->bytes + at + CLAIMED_FREE_BYTES;
    if (whole > self->segment->bytes - at || (is_too_much && whole > PIECE_BYTES)) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_OK;
    if (size < whole) {
        status = window_at(self, at, (size_t)whole, &data, &size, err);
    }
    if (status == PBASE_OK && size >= whole &&
        atom_checksum_verify(self->scan->host, data, &header, NULL) == PBASE_OK) {
        *out_whole = whole;
    } else {
        self->claimed_bytes += whole;
    }
    return status;
}

/* The zeros behind an atom. */
static pbase_status gap_check(pass *self, uint64_t from, uint64_t to, pbase_error *err)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    to = to < self->segment->bytes ? to : self->segment->bytes;
    if (from >= to) {
        return PBASE_OK;
    }
    pbase_status status = window_at(self, from, (size_t)(to - from), &data, &size, err);
    if (status != PBASE_OK || is_zero(data, size < to - from ? size : (size_t)(to - from))) {
        return status;
    }
    return damage_add(self, from, to, true, err);
}

static pbase_status sound_add(pass *self, uint64_t at, uint64_t whole, pbase_error *err)
{
    bit_set(self->segment->sound, at);
    self->scan->atoms++;
    self->sound_end = at + whole;
    return gap_check(self, at + whole, align_up(at + whole), err);
}

/* Looks at one place; `*at` moves on. */
static pbase_status place_look(pass *self, uint64_t *at, pbase_error *err)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    uint64_t whole = 0, from = *at, step = PBASE_ATOM_ALIGN;
    pbase_status status = window_at(self, from, PBASE_ATOM_ALIGN, &data, &size, err);
    if (status == PBASE_OK && size == 0) { /* cut since it was listed */
        *at = self->segment->bytes;
        return damage_add(self, from, *at, false, err);
    }
    if (status == PBASE_OK && is_zero(data, size < PBASE_ATOM_ALIGN ? size : PBASE_ATOM_ALIGN)) {
        *at += PBASE_ATOM_ALIGN;
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = atom_look(self, from, data, size, &whole, err);
    } else if (status == PBASE_IO) {
        step = PIECE_BYTES - from % PIECE_BYTES;
    }
    *at = from + (whole > 0 ? align_up(whole) : step);
    if (status == PBASE_OK && whole > 0) {
        return sound_add(self, from, whole, err);
    }
    uint64_t to = *at < self->segment->bytes ? *at : self->segment->bytes;
    return status == PBASE_OK || status == PBASE_IO ? damage_add(self, from, to, false, err)
                                                    : status;
}

/* ------------------------------------------------------------------------------- segments ----- */

static pbase_status bits_create(const segment_scan *self, scanned_segment *segment,
                                pbase_error *err)
{
    segment->sound = pbase_alloc_zeroed(self->host->alloc, words_of(segment), sizeof(uint64_t));
    segment->reached = pbase_alloc_zeroed(self->host->alloc, words_of(segment), sizeof(uint64_t));
    return segment->sound != NULL && segment->reached != NULL
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to note what is sound");
}

static pbase_status tell_progress(const pass *self, uint64_t at, pbase_error *err)
{
    const segment_scan_options *options = self->options;
    pbase_status status = pbase_call_check(options->call, self->scan->host->os, err);
    return status == PBASE_OK && options->progress != NULL
               ? options->progress(options->state, self->done_bytes + at, self->total_bytes, err)
               : status;
}

static pbase_status segment_pass(pass *self, pbase_error *err)
{
    uint64_t at = PBASE_ATOM_ALIGN, told = 0;
    pbase_status status = PBASE_OK;
    self->from = self->sound_end = 0;
    self->window.size = 0;
    self->in_pieces = false;
    while (status == PBASE_OK && at < self->segment->bytes) {
        status = place_look(self, &at, err);
        if (status == PBASE_OK && at - told >= WINDOW_BYTES) {
            told = at;
            status = tell_progress(self, at, err);
        }
    }
    return status;
}

/* Of one segment: what says that it is gone, or damaged as a whole, ends nothing. */
static pbase_status segment_read(pass *self, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = bits_create(self->scan, self->segment, &why);
    if (status == PBASE_OK) {
        status = segment_pass(self, &why);
    }
    if (status == PBASE_UNSUPPORTED) {
        self->scan->is_blind = true;
        return PBASE_END;
    }
    if (status == PBASE_LOST || status == PBASE_NOT_FOUND) {
        self->segment->is_gone = true;
        status = PBASE_OK;
    } else if (status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_IO) {
        self->sound_end = UINT64_MAX; /* nothing before it is part of it */
        status = damage_add(self, PBASE_ATOM_ALIGN, self->segment->bytes, false, &why);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    self->scan->bytes += self->segment->bytes;
    return status;
}

pbase_status segment_scan_run(segment_scan *self, const segment_scan_options *options,
                              pbase_error *err)
{
    pass run = {.scan = self, .options = options};
    pbase_buffer_init(&run.window, self->host->alloc);
    for (size_t i = 0; i < self->count; i++) {
        run.total_bytes += self->items[i].bytes;
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        run.segment = &self->items[i];
        status = segment_read(&run, err);
        run.done_bytes += run.segment->bytes;
    }
    if (status == PBASE_OK) {
        status = tell_progress(&run, 0, err);
    }
    pbase_buffer_fini(&run.window);
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------------ questions ----- */

pbase_status segment_scan_sound(const segment_scan *self, pbase_atom_pointer pointer,
                                pbase_error *err)
{
    uint32_t log_id = pbase_atom_pointer_log(pointer);
    uint64_t offset = pbase_atom_pointer_offset(pointer);
    const scanned_segment *segment = find(self, log_id);
    if (self->is_blind) {
        return PBASE_OK;
    }
    if (segment == NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "segment %" PRIu32 " is missing", log_id);
    }
    if (offset >= segment->bytes) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "segment %" PRIu32 " ends at byte %" PRIu64
                          ", before its atom at %" PRIu64,
                          log_id, segment->bytes, offset);
    }
    if (segment->sound == NULL ||
        (offset % PBASE_ATOM_ALIGN == 0 && bit_is_set(segment->sound, offset))) {
        return PBASE_OK;
    }
    return PBASE_FAIL(err, PBASE_CORRUPT,
                      "no sound atom begins at byte %" PRIu64 " of segment %" PRIu32, offset,
                      log_id);
}

pbase_status segment_scan_reach(segment_scan *self, pbase_atom_pointer pointer, bool *out_first,
                                pbase_error *err)
{
    scanned_segment *segment = find(self, pbase_atom_pointer_log(pointer));
    uint64_t offset = pbase_atom_pointer_offset(pointer);
    if (segment == NULL || segment->reached == NULL || offset >= segment->bytes ||
        offset % PBASE_ATOM_ALIGN != 0) {
        return ref_set_add(&self->elsewhere, atom_ref_of_pointer(pointer), out_first, err);
    }
    *out_first = !bit_is_set(segment->reached, offset);
    bit_set(segment->reached, offset);
    return PBASE_OK;
}

bool segment_scan_is_reached(const scanned_segment *segment, uint64_t from, uint64_t to)
{
    for (; from < to; from += PBASE_ATOM_ALIGN) {
        if (bit_is_set(segment->reached, from)) {
            return true;
        }
    }
    return false;
}

uint64_t segment_scan_unreached(const scanned_segment *segment, uint64_t offset)
{
    for (; segment->sound != NULL && offset < segment->bytes; offset += PBASE_ATOM_ALIGN) {
        if (bit_is_set(segment->sound, offset) && !bit_is_set(segment->reached, offset)) {
            return offset;
        }
    }
    return UINT64_MAX;
}

/* One block of zeros. */
static pbase_status is_hole(const segment_scan *self, uint32_t log_id, uint64_t offset, bool *out,
                            pbase_error *err)
{
    uint8_t bytes[SEGMENT_HOLE_BYTES];
    size_t got = 0;
    pbase_status status = pbase_storage_segment_read(self->storage, NULL, log_id, offset, bytes,
                                                     sizeof bytes, &got, err);
    *out = status == PBASE_OK && got == sizeof bytes && is_zero(bytes, got);
    return status;
}

/* A dead atom that a hole has cut: beside the hole what is left of it is no sound atom. */
static pbase_status is_beside_hole(const segment_scan *self, uint32_t log_id,
                                   const segment_damage *damage, bool *out, pbase_error *err)
{
    uint64_t first = damage->from / SEGMENT_HOLE_BYTES;
    uint64_t past = (damage->to + SEGMENT_HOLE_BYTES - 1) / SEGMENT_HOLE_BYTES;
    pbase_status status = PBASE_OK;
    *out = false;
    for (uint64_t block = first > 0 ? first - 1 : 0; status == PBASE_OK && !*out && block <= past;
         block++) {
        status = is_hole(self, log_id, block * SEGMENT_HOLE_BYTES, out, err);
    }
    return status;
}

pbase_status segment_scan_given_back(const segment_scan *self, uint32_t log_id,
                                     const segment_damage *damage, bool *out, pbase_error *err)
{
    uint8_t bytes[PBASE_ATOM_ALIGN];
    size_t got = 0;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = pbase_storage_segment_read(self->storage, NULL, log_id, damage->from,
                                                     bytes, sizeof bytes, &got, &why);
    *out = status == PBASE_LOST || status == PBASE_NOT_FOUND ||
           (status == PBASE_OK && is_zero(bytes, got));
    if (status == PBASE_OK && !*out) {
        status = is_beside_hole(self, log_id, damage, out, &why);
    }
    if (status == PBASE_NO_MEMORY) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return PBASE_OK;
}
