/* places.c - the segments of a journal: their names, the table of those with frames, the spares.
 *
 * A spare is a segment that reads as zeros, or of frames that are no longer needed; it becomes a journal
 * segment by a rename, which is atomic and durable, so a segment has all of its room before it has a
 * frame. */
#include "journal/journal_state.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HEX_DIGITS 16u
#define GROW_FIRST 16u
#define SPARE_TRIES 8u

void journal_segment_name(pbase_position base, char out[JOURNAL_NAME_BYTES])
{
    (void)snprintf(out, JOURNAL_NAME_BYTES, JOURNAL_PREFIX "%016" PRIx64, base); /* it fits */
}

void journal_spare_name(uint32_t number, char out[JOURNAL_NAME_BYTES])
{
    (void)snprintf(out, JOURNAL_NAME_BYTES, JOURNAL_SPARE_PREFIX "%" PRIu32, number); /* it fits */
}

/* Makes room for one more entry of `entry_bytes`. */
static pbase_status table_grow(const pbase_alloc *alloc, void **table, size_t count,
                               size_t *capacity, size_t entry_bytes, pbase_error *err)
{
    size_t grown = *capacity == 0 ? GROW_FIRST : *capacity * 2;
    void *moved;
    if (count < *capacity) {
        return PBASE_OK;
    }
    moved = alloc->resize(alloc, *table, *capacity * entry_bytes, grown * entry_bytes);
    if (moved == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the journal's list of segments");
    }
    *table = moved;
    *capacity = grown;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------ table --- */

/* The number of places whose base is below `position`. With state_lock. */
static size_t places_below(const journal *self, pbase_position position)
{
    size_t low = 0;
    size_t high = self->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->places[middle].base < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool journal_place_find(journal *self, pbase_position position, journal_place *out)
{
    bool found = false;
    journal_lock(self, self->state_lock);
    size_t below = position == UINT64_MAX ? self->place_count : places_below(self, position + 1);
    if (below > 0) {
        *out = self->places[below - 1];
        found = position - out->base < out->bytes;
    }
    journal_unlock(self, self->state_lock);
    return found;
}

bool journal_place_from(journal *self, pbase_position position, journal_place *out)
{
    journal_lock(self, self->state_lock);
    size_t at = places_below(self, position);
    bool found = at < self->place_count;
    if (found) {
        *out = self->places[at];
    }
    journal_unlock(self, self->state_lock);
    return found;
}

pbase_status journal_place_add(journal *self, journal_place place, pbase_error *err)
{
    void *table;
    journal_lock(self, self->state_lock);
    table = self->places;
    pbase_status status = table_grow(self->host->alloc, &table, self->place_count,
                                     &self->place_capacity, sizeof(journal_place), err);
    if (status == PBASE_OK) {
        self->places = table;
        size_t at = places_below(self, place.base);
        memmove(self->places + at + 1, self->places + at,
                (self->place_count - at) * sizeof(journal_place));
        self->places[at] = place;
        self->place_count++;
    }
    journal_unlock(self, self->state_lock);
    return status;
}

void journal_place_drop_first(journal *self)
{
    journal_lock(self, self->state_lock);
    PBASE_ASSERT(self->place_count > 0);
    self->place_count--;
    memmove(self->places, self->places + 1, self->place_count * sizeof(journal_place));
    journal_unlock(self, self->state_lock);
}

void journal_place_drop_last(journal *self)
{
    journal_lock(self, self->state_lock);
    PBASE_ASSERT(self->place_count > 0);
    self->place_count--;
    journal_unlock(self, self->state_lock);
}

/* ----------------------------------------------------------------------------------- spares --- */

static pbase_status spare_add(journal *self, journal_spare spare, pbase_error *err)
{
    void *table;
    journal_lock(self, self->state_lock);
    table = self->spares;
    pbase_status status = table_grow(self->host->alloc, &table, self->spare_count,
                                     &self->spare_capacity, sizeof(journal_spare), err);
    if (status == PBASE_OK) {
        self->spares = table;
        self->spares[self->spare_count++] = spare;
    }
    journal_unlock(self, self->state_lock);
    return status;
}

/* Of several participants each draws its numbers, so that two do not make the same name. */
static uint32_t spare_number_new(journal *self)
{
    if (self->is_shared) {
        uint32_t drawn = 0;
        self->os->system->random(self->os, &drawn, sizeof(drawn));
        return drawn % (UINT32_MAX - 1);
    }
    journal_lock(self, self->state_lock);
    uint32_t number = self->spare_next++;
    journal_unlock(self, self->state_lock);
    return number;
}

bool journal_spare_take(journal *self, journal_spare *out)
{
    journal_lock(self, self->state_lock);
    bool found = false;
    for (size_t i = self->spare_count; i-- > 0 && !found;) {
        if (self->spares[i].is_whole) { /* others may be making one */
            *out = self->spares[i];
            self->spares[i] = self->spares[--self->spare_count];
            found = true;
        }
    }
    journal_unlock(self, self->state_lock);
    return found;
}

/* Makes an empty segment under a new name. */
static pbase_status spare_open(journal *self, uint32_t *out_number, pbase_segment **out,
                               pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    pbase_error why;
    pbase_status status = PBASE_EXISTS;
    for (unsigned i = 0; status == PBASE_EXISTS && i < SPARE_TRIES; i++) {
        *out_number = spare_number_new(self);
        journal_spare_name(*out_number, name);
        pbase_error_init(&why);
        status = pbase_blocks_open(self->blocks, NULL, name,
                                   PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, out, &why);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* Gives an empty segment its size and all of its room, durably. */
static pbase_status spare_fill(journal *self, pbase_segment *segment, uint64_t *out_written,
                               pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    *out_written = 0;
    pbase_status status = pbase_segment_reserve(segment, NULL, self->segment_bytes, &why);
    if (status == PBASE_UNSUPPORTED) {
        *out_written = self->segment_bytes;
        status = pbase_segment_preallocate(segment, NULL, self->segment_bytes, &why);
    }
    if (status == PBASE_OK && !PBASE_PLANT(16)) {
        status = pbase_segment_sync(segment, NULL, &why);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

pbase_status journal_spare_create(journal *self, pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    pbase_segment *segment = NULL;
    journal_spare spare = {.is_whole = true};
    pbase_status status = spare_open(self, &spare.number, &segment, err);
    journal_spare_name(spare.number, name);
    if (status != PBASE_OK) {
        return status;
    }
    status = spare_fill(self, segment, &spare.written_bytes, err);
    pbase_segment_close(segment);
    if (status == PBASE_OK) {
        status = spare_add(self, spare, err);
    }
    if (status != PBASE_OK) {
        /* What stays behind is removed after the next open; the first failure is what counts. */
        pbase_status removed = pbase_blocks_remove(self->blocks, NULL, name, NULL);
        (void)removed;
    }
    return status;
}

/* With state_lock. Where a spare that is not whole stands; `spare_count` when there is none. */
static size_t broken_spare_find(const journal *self)
{
    size_t at = 0;
    while (at < self->spare_count && self->spares[at].is_whole) {
        at++;
    }
    return at;
}

bool journal_has_broken_spare(journal *self)
{
    journal_lock(self, self->state_lock);
    bool found = broken_spare_find(self) < self->spare_count;
    journal_unlock(self, self->state_lock);
    return found;
}

/* The number of a spare that is not whole, taken out of the list. */
static bool broken_spare_take(journal *self, uint32_t *out_number)
{
    journal_lock(self, self->state_lock);
    size_t at = broken_spare_find(self);
    bool found = at < self->spare_count;
    if (found) {
        *out_number = self->spares[at].number;
        self->spares[at] = self->spares[--self->spare_count];
    }
    journal_unlock(self, self->state_lock);
    return found;
}

pbase_status journal_spares_clean(journal *self, pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    uint32_t number;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && broken_spare_take(self, &number)) {
        journal_spare_name(number, name);
        status = pbase_blocks_remove(self->blocks, NULL, name, err);
    }
    return status;
}

pbase_status journal_spares_remove(journal *self, pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    journal_spare spare;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && journal_spare_take(self, &spare)) {
        journal_spare_name(spare.number, name);
        status = pbase_blocks_remove(self->blocks, NULL, name, err);
    }
    return status;
}

pbase_status journal_place_cut(journal *self, pbase_position end, pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    pbase_segment *segment = NULL;
    journal_lock(self, self->state_lock);
    bool is_longer = self->place_count > 0;
    journal_place place = {0};
    if (is_longer) {
        place = self->places[self->place_count - 1];
        is_longer = end > place.base && end - place.base < place.bytes;
    }
    journal_unlock(self, self->state_lock);
    if (!is_longer) {
        return PBASE_OK;
    }
    journal_segment_name(place.base, name);
    pbase_status status =
        pbase_blocks_open(self->blocks, NULL, name, PBASE_SEGMENT_WRITE, &segment, err);
    if (status == PBASE_OK) {
        pbase_error why;
        pbase_error_init(&why);
        status = pbase_segment_cut(segment, NULL, end - place.base, &why);
        if (status != PBASE_OK && status != PBASE_UNSUPPORTED) { /* how long it is is not known */
            journal_poison(self, status, &why);
        }
        if (status != PBASE_OK && err != NULL) {
            *err = why;
        }
    }
    pbase_segment_close(segment);
    if (status == PBASE_OK) {
        journal_lock(self, self->state_lock);
        self->places[self->place_count - 1].bytes = end - place.base;
        self->layout++;
        journal_unlock(self, self->state_lock);
    }
    return status;
}

void journal_place_thin(journal *self, pbase_position upto)
{
    char name[JOURNAL_NAME_BYTES];
    pbase_segment *segment = NULL;
    journal_place place = {0};
    journal_lock(self, self->state_lock);
    if (self->place_count > 0) {
        place = self->places[0];
    }
    journal_unlock(self, self->state_lock);
    if (place.bytes == self->segment_bytes || upto < place.base + FRAME_UNIT_MAX ||
        upto >= place.base + place.bytes) {
        return;
    }
    uint64_t bytes = (upto - place.base) / FRAME_UNIT_MAX * FRAME_UNIT_MAX;
    journal_segment_name(place.base, name);
    pbase_status status =
        pbase_blocks_open(self->blocks, NULL, name, PBASE_SEGMENT_WRITE, &segment, NULL);
    if (status == PBASE_OK) {
        status = pbase_segment_punch(segment, NULL, 0, bytes, NULL);
    }
    (void)status; /* then its space stays taken */
    pbase_segment_close(segment);
}

void journal_place_keep_written(journal *self)
{
    journal_lock(self, self->state_lock);
    for (size_t i = self->place_count; i-- > 0;) {
        if (self->places[i].base == self->ahead.base) {
            self->places[i].written_bytes = self->ahead.written_bytes;
        }
    }
    journal_unlock(self, self->state_lock);
}

static bool wants_spare(journal *self)
{
    journal_lock(self, self->state_lock);
    bool wants = self->spare_count < self->spares_max;
    journal_unlock(self, self->state_lock);
    return wants;
}

pbase_status journal_place_recycle(journal *self, journal_place place, pbase_error *err)
{
    char from[JOURNAL_NAME_BYTES];
    char to[JOURNAL_NAME_BYTES];
    pbase_status status;
    journal_segment_name(place.base, from);
    if (place.bytes != self->segment_bytes || !wants_spare(self)) {
        status = pbase_blocks_remove(self->blocks, NULL, from, err);
        return status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    journal_spare spare = {spare_number_new(self), true, place.written_bytes};
    journal_spare_name(spare.number, to);
    status = pbase_blocks_rename(self->blocks, NULL, from, to, err);
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK; /* an earlier attempt failed only after the name was gone */
    }
    if (status == PBASE_OK && spare_add(self, spare, NULL) != PBASE_OK) {
        return PBASE_OK; /* the place is free all the same; the next opening finds the spare */
    }
    return status;
}

/* ------------------------------------------------------------------------------------- load --- */

/* Sixteen lower-case hexadecimal digits. */
static bool base_parse(const char *text, pbase_position *out)
{
    char again[JOURNAL_NAME_BYTES];
    if (strlen(text) != HEX_DIGITS) {
        return false;
    }
    *out = strtoull(text, NULL, 16);
    journal_segment_name(*out, again);
    return strcmp(again + strlen(JOURNAL_PREFIX), text) == 0;
}

static bool number_parse(const char *text, uint32_t *out)
{
    char again[JOURNAL_NAME_BYTES];
    *out = (uint32_t)strtoul(text, NULL, 10);
    journal_spare_name(*out, again);
    return strcmp(again + strlen(JOURNAL_SPARE_PREFIX), text) == 0 && *out < UINT32_MAX;
}

/* One name of the provider; names that are not ours are left alone. */
static pbase_status name_load(void *state, const pbase_block_info *info, pbase_error *err)
{
    journal *self = state;
    uint32_t number;
    pbase_position base;
    if (strncmp(info->name, JOURNAL_SPARE_PREFIX, strlen(JOURNAL_SPARE_PREFIX)) == 0) {
        if (!number_parse(info->name + strlen(JOURNAL_SPARE_PREFIX), &number)) {
            return PBASE_OK;
        }
        self->spare_next = number >= self->spare_next ? number + 1 : self->spare_next;
        journal_spare spare = {number, info->size_bytes == self->segment_bytes, 0};
        return spare_add(self, spare, err);
    }
    if (!base_parse(info->name + strlen(JOURNAL_PREFIX), &base) || base > UINT64_MAX / 2 ||
        info->size_bytes > UINT64_MAX / 4) {
        return PBASE_OK;
    }
    return journal_place_add(self, (journal_place){base, info->size_bytes, 0}, err);
}

pbase_status journal_places_load(journal *self, const pbase_call *call, pbase_error *err)
{
    return pbase_blocks_list(self->blocks, call, JOURNAL_PREFIX, name_load, self, err);
}

/* Takes over how far segments were written that are in the tables still. A wrong guess, of a name that was
 * given anew, costs time alone. With state_lock. */
static void written_carry(const journal *from, journal *to)
{
    for (size_t i = 0; i < to->place_count; i++) {
        size_t at = places_below(from, to->places[i].base);
        if (at < from->place_count && from->places[at].base == to->places[i].base) {
            to->places[i].written_bytes = from->places[at].written_bytes;
        }
    }
    for (size_t i = 0; i < to->spare_count; i++) {
        for (size_t at = 0; at < from->spare_count; at++) {
            if (from->spares[at].number == to->spares[i].number) {
                to->spares[i].written_bytes = from->spares[at].written_bytes;
            }
        }
    }
}

pbase_status journal_places_reload(journal *self, pbase_error *err)
{
    const pbase_alloc *alloc = self->host->alloc;
    journal fresh = {.host = self->host,
                     .os = self->os,
                     .blocks = self->blocks,
                     .segment_bytes = self->segment_bytes,
                     .state_lock = self->state_lock,
                     .spare_next = self->spare_next};
    pbase_status status = journal_places_load(&fresh, NULL, err);
    if (status == PBASE_OK) {
        journal_place_keep_written(self);
        journal_lock(self, self->state_lock);
        written_carry(self, &fresh);
        journal old = {.places = self->places,
                       .place_capacity = self->place_capacity,
                       .spares = self->spares,
                       .spare_capacity = self->spare_capacity};
        self->places = fresh.places;
        self->place_count = fresh.place_count;
        self->place_capacity = fresh.place_capacity;
        self->spares = fresh.spares;
        self->spare_count = fresh.spare_count;
        self->spare_capacity = fresh.spare_capacity;
        self->spare_next = fresh.spare_next;
        self->may_clean = false; /* the list may name what others are making */
        journal_unlock(self, self->state_lock);
        fresh = old;
    }
    journal_rest_end(self);
    pbase_alloc_free(alloc, fresh.places, fresh.place_capacity * sizeof(journal_place));
    pbase_alloc_free(alloc, fresh.spares, fresh.spare_capacity * sizeof(journal_spare));
    return status;
}
