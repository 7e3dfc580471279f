/* roll.c - going on in another segment: a spare, a new one, one for a single frame, or, on a disk that
 * has no room for a whole segment, one as small as the frame; and having it remembered.
 *
 * The old segment is flushed before, so only the newest one ever holds bytes that are not durable, and
 * the storage remembers the new one before it has a frame. */
#include "journal/journal_state.h"
#include <inttypes.h>

/* ---------------------------------------------------------------------------------- segment --- */

pbase_status journal_segment_open(journal *self, pbase_position base, pbase_segment **out,
                                  pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    journal_segment_name(base, name);
    return pbase_blocks_open(self->blocks, NULL, name, PBASE_SEGMENT_WRITE, out, err);
}

void journal_segment_replace(journal *self, pbase_segment *segment)
{
    journal_lock(self, self->sync_lock);
    journal_lock(self, self->state_lock);
    pbase_segment *old = self->segment;
    self->segment = segment;
    journal_unlock(self, self->state_lock);
    journal_unlock(self, self->sync_lock);
    pbase_segment_close(old);
    journal_rest_end(self);
}

/* --------------------------------------------------------------------------------- entering --- */

pbase_status journal_enter(journal *self, const journal_entered *entered, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = self->enter == NULL ? PBASE_OK : self->enter(self->state, entered, &why);
    if (status == PBASE_OK) {
        self->entered_base = entered->base;
        return PBASE_OK;
    }
    if (why.outcome != PBASE_OUTCOME_NOT_APPLIED) { /* what is remembered is not known */
        journal_poison(self, status, &why);
        why.outcome = PBASE_OUTCOME_NOT_APPLIED;
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

/* A segment for one frame may owe its size to a flush that failed: of it only the name is sure. */
uint64_t journal_sure_bytes(const journal *self, journal_place place)
{
    return place.bytes <= self->segment_bytes ? place.bytes : 0;
}

bool journal_head_place(journal *self, journal_place *out)
{
    return journal_place_find(self, self->head - 1, out) ||
           journal_place_find(self, self->head, out);
}

pbase_status journal_entered_back(journal *self, pbase_error *err)
{
    journal_place holder = {0};
    bool is_held = journal_head_place(self, &holder);
    journal_lock(self, self->state_lock);
    journal_entered entered = {.head = self->synced};
    journal_unlock(self, self->state_lock);
    if (is_held) {
        entered.base = holder.base;
        entered.bytes = journal_sure_bytes(self, holder);
    }
    return journal_enter(self, &entered, err);
}

/* ------------------------------------------------------------------------------------- roll --- */

/* The end of the newest segment, where the next one begins. With append_lock. */
static pbase_position places_end(journal *self)
{
    journal_lock(self, self->state_lock);
    const journal_place *newest =
        self->place_count == 0 ? NULL : &self->places[self->place_count - 1];
    pbase_position end = newest == NULL ? self->head : newest->base + newest->bytes;
    journal_unlock(self, self->state_lock);
    return end;
}

/* Takes a spare, making one if need be. */
static pbase_status spare_obtain(journal *self, journal_spare *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && !journal_spare_take(self, out)) {
        status = journal_spare_create(self, err);
    }
    return status;
}

/* Another participant may take the spare that was seen; so many in a row are taken by nobody. */
#define SPARE_TRIES_MAX 100u

/* Opens a spare, under the name it has as one. */
static pbase_status spare_take_open(journal *self, char *out_name, journal_place *place,
                                    pbase_segment **out, pbase_error *err)
{
    journal_spare spare = {0};
    pbase_status status = spare_obtain(self, &spare, err);
    if (status != PBASE_OK) {
        return status;
    }
    place->written_bytes = spare.written_bytes;
    journal_spare_name(spare.number, out_name);
    return pbase_blocks_open(self->blocks, NULL, out_name, PBASE_SEGMENT_WRITE, out, err);
}

/* Gives a spare the name of `place`. It is open before it gets that name, so that nothing can fail afterwards
 * and leave a segment in the way of the next one. NOT_FOUND: somebody else has it. */
static pbase_status spare_turn_into(journal *self, journal_place *place, pbase_segment **out,
                                    pbase_error *err)
{
    char from[JOURNAL_NAME_BYTES];
    char to[JOURNAL_NAME_BYTES];
    pbase_segment *spare = NULL;
    journal_segment_name(place->base, to);
    pbase_status status = spare_take_open(self, from, place, &spare, err);
    if (status != PBASE_OK) { /* the spare has its name still; the next opening finds it */
        return status;
    }
    status = pbase_blocks_rename(self->blocks, NULL, from, to, err);
    if (status == PBASE_OK) {
        *out = spare;
        return PBASE_OK;
    }
    pbase_segment_close(spare);
    if (status != PBASE_NO_MEMORY && status != PBASE_NOT_FOUND) { /* its name is not known */
        journal_poison(self, status, err);
    }
    return status;
}

/* A new or recycled segment under the name of `place`. */
static pbase_status segment_take(journal *self, journal_place *place, pbase_segment **out,
                                 pbase_error *err)
{
    pbase_status status = PBASE_NOT_FOUND;
    for (uint32_t i = 0; i < SPARE_TRIES_MAX && status == PBASE_NOT_FOUND; i++) {
        status = spare_turn_into(self, place, out, err);
        if (!self->is_shared && status == PBASE_NOT_FOUND) {
            break;
        }
    }
    if (status == PBASE_NOT_FOUND) {
        status = PBASE_FAIL(err, PBASE_IO, "the segments made for the journal's next one vanish");
        pbase_error_hint(err, "see who removes files of the journal");
    }
    return status;
}

/* A segment for one frame that is larger than a segment: it grows as the frame is written. */
static pbase_status segment_create_large(journal *self, pbase_position base, pbase_segment **out,
                                         pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    journal_segment_name(base, name);
    return pbase_blocks_open(self->blocks, NULL, name, PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE,
                             out, err);
}

void journal_segment_remove(journal *self, pbase_position base, pbase_status cause,
                            const pbase_error *why)
{
    char name[JOURNAL_NAME_BYTES];
    journal_segment_name(base, name);
    if (pbase_blocks_remove(self->blocks, NULL, name, NULL) != PBASE_OK) {
        journal_poison(self, cause, why);
    }
}

/* A segment of just these bytes, zeroed and durable, where there is no room for a whole one. */
static pbase_status segment_create_tight(journal *self, journal_place place, pbase_segment **out,
                                         pbase_error *err)
{
    pbase_segment *segment = NULL;
    pbase_status status = segment_create_large(self, place.base, &segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_segment_preallocate(segment, NULL, place.bytes, err);
    if (status == PBASE_OK) {
        status = pbase_segment_sync(segment, NULL, err);
    }
    if (status != PBASE_OK) {
        pbase_segment_close(segment);
        journal_segment_remove(self, place.base, status, err);
        return status;
    }
    *out = segment;
    return PBASE_OK;
}

/* Says in `place` how far it has been written. */
static pbase_status segment_make(journal *self, journal_place *place, pbase_segment **out,
                                 pbase_error *err)
{
    place->written_bytes = place->bytes;
    if (place->bytes > self->segment_bytes) {
        return segment_create_large(self, place->base, out, err);
    }
    return place->bytes < self->segment_bytes ? segment_create_tight(self, *place, out, err)
                                              : segment_take(self, place, out, err);
}

/* Before another segment gets a frame. */
static pbase_status old_flush(journal *self, pbase_error *err)
{
    journal_lock(self, self->state_lock);
    bool is_synced = self->synced >= self->head;
    journal_unlock(self, self->state_lock);
    return is_synced || PBASE_PLANT(9) ? PBASE_OK : journal_flush(self, err);
}

/* Goes on in a new segment of `bytes`; the old one is flushed. With append_lock. */
static pbase_status roll(journal *self, uint64_t bytes, pbase_error *err)
{
    journal_place place = {.base = places_end(self), .bytes = bytes};
    pbase_segment *segment = NULL;
    pbase_status status = journal_place_add(self, place, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = segment_make(self, &place, &segment, err);
    if (status != PBASE_OK) {
        journal_place_drop_last(self);
        return status;
    }
    journal_place_keep_written(self);
    journal_ahead_enter(self, place);
    journal_segment_replace(self, segment);
    journal_lock(self, self->state_lock);
    self->layout++;
    journal_unlock(self, self->state_lock);
    return PBASE_OK;
}

/* Goes on in the newest segment, if that has no frame because the storage refused to remember it;
 * it goes if the frame does not fit. With append_lock. */
static pbase_status empty_take(journal *self, uint64_t frame_bytes, bool *out_taken,
                               pbase_error *err)
{
    char name[JOURNAL_NAME_BYTES];
    journal_place empty = {0};
    journal_lock(self, self->state_lock);
    if (self->place_count > 0 && self->places[self->place_count - 1].base >= self->head) {
        empty = self->places[self->place_count - 1];
    }
    journal_unlock(self, self->state_lock);
    *out_taken = empty.base != 0 && frame_bytes <= empty.bytes;
    if (empty.base == 0) {
        return PBASE_OK;
    }
    journal_segment_replace(self, NULL);
    if (*out_taken) {
        return PBASE_OK;
    }
    journal_segment_name(empty.base, name);
    pbase_status status = pbase_blocks_remove(self->blocks, NULL, name, err);
    if (status == PBASE_OK) {
        journal_place_drop_last(self);
    }
    return status;
}

pbase_status journal_roll(journal *self, uint64_t frame_bytes, pbase_error *err)
{
    uint64_t tight = frame_round(frame_bytes, FRAME_UNIT_MAX);
    bool is_taken = false;
    pbase_status status = old_flush(self, err);
    if (status == PBASE_OK) {
        status = empty_take(self, frame_bytes, &is_taken, err);
    }
    if (status != PBASE_OK || is_taken) {
        return status;
    }
    if (frame_bytes > self->segment_bytes) {
        return roll(self, frame_bytes, err);
    }
    status = roll(self, self->segment_bytes, err);
    bool may_be_tight = status == PBASE_NO_SPACE && tight < self->segment_bytes &&
                        journal_poison_check(self, NULL) == PBASE_OK;
    return may_be_tight ? roll(self, tight, err) : status;
}
