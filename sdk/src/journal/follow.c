/* follow.c - a journal that several participants append to in turn.
 *
 * Whoever has the right to append stands where the last one stopped: its mark says so. Following
 * takes over head and bounds, and looks for segments anew when somebody added one. What lies behind
 * the head of somebody who died is found by recovery, run beside the journal on tables of its own,
 * so that scans go on meanwhile. */
#include "journal/journal_state.h"
#include "journal/recover.h"

void journal_mark_get(journal *self, journal_mark *out)
{
    journal_lock(self, self->append_lock);
    journal_lock(self, self->state_lock);
    *out = (journal_mark){.head = self->head,
                          .first = self->first,
                          .synced = self->synced,
                          .head_crc32c = self->head_crc32c,
                          .layout = self->layout};
    self->layout_told = self->layout;
    journal_unlock(self, self->state_lock);
    journal_unlock(self, self->append_lock);
}

void journal_first_set(journal *self, pbase_position first)
{
    journal_lock(self, self->state_lock);
    self->first = first > self->first ? first : self->first;
    journal_unlock(self, self->state_lock);
    journal_rest_end(self);
}

bool journal_is_ready(journal *self)
{
    journal_lock(self, self->state_lock);
    bool is_ready = self->is_ready;
    journal_unlock(self, self->state_lock);
    return is_ready;
}

void journal_mark_take(journal *self, const journal_mark *mark)
{
    bool is_foreign = mark->head != self->head && mark->synced < mark->head;
    self->has_foreign = self->has_foreign || is_foreign;
    self->head = mark->head;
    self->head_crc32c = mark->head_crc32c;
    self->first = mark->first > self->first ? mark->first : self->first;
    self->synced = mark->synced > self->synced ? mark->synced : self->synced;
    self->synced = self->synced < self->head ? self->synced : self->head;
    self->layout = self->layout_told = mark->layout;
}

/* With trim_lock and append_lock. */
static pbase_status follow(journal *self, const journal_mark *mark, bool in_order, pbase_error *err)
{
    if (mark->layout != self->layout || self->layout != self->layout_told) {
        pbase_status status = journal_places_reload(self, err);
        if (status != PBASE_OK) {
            return status;
        }
        journal_segment_replace(self, NULL);
        self->entered_base = 0; /* another one may be remembered, under the same name even */
    }
    journal_lock(self, self->state_lock);
    bool has_moved = mark->head != self->head;
    journal_mark_take(self, mark);
    if (in_order) {
        self->is_ready = true;
        self->tail_end = 0;
    }
    if (has_moved) {
        self->os->lock->cond_broadcast(self->head_moved);
    }
    journal_unlock(self, self->state_lock);
    return PBASE_OK;
}

pbase_status journal_follow(journal *self, const journal_mark *mark, bool in_order,
                            pbase_error *err)
{
    journal_lock(self, self->trim_lock);
    journal_lock(self, self->append_lock);
    pbase_status status = follow(self, mark, in_order, err);
    journal_unlock(self, self->append_lock);
    journal_unlock(self, self->trim_lock);
    return status;
}

/* ----------------------------------------------------------------------------------- repair --- */

/* Recovery from the mark on, on a copy. With trim_lock and append_lock, and fresh tables. */
static pbase_status recover_aside(journal *self, const journal_mark *mark, journal *out,
                                  pbase_error *err)
{
    *out = (journal){.host = self->host,
                     .os = self->os,
                     .blocks = self->blocks,
                     .id = self->id,
                     .segment_bytes = self->segment_bytes,
                     .unit = self->unit,
                     .state_lock = self->state_lock,
                     .first = mark->first,
                     .places = self->places,
                     .place_count = self->place_count};
    journal_options from = {.start = mark->head};
    pbase_status status = journal_recover(out, &from, NULL, err);
    journal_rest_end(out);
    return status;
}

static pbase_status repair(journal *self, const journal_mark *mark, pbase_error *err)
{
    journal found;
    pbase_status status = journal_poison_check(self, err);
    if (status == PBASE_OK) {
        status = pbase_blocks_names_sync(self->blocks, NULL, err);
    }
    if (status == PBASE_OK) {
        status = journal_places_reload(self, err);
    }
    if (status == PBASE_OK) {
        status = recover_aside(self, mark, &found, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    journal_segment_replace(self, NULL);
    self->entered_base = 0;
    journal_mark there = {.head = found.head,
                          .first = mark->first,
                          .synced = mark->synced, /* of what is found now nothing is known */
                          .head_crc32c = found.head_crc32c,
                          .layout = mark->layout + 1};
    journal_lock(self, self->state_lock);
    journal_mark_take(self, &there);
    self->tail_end = found.tail_end;
    self->is_ready = false;
    self->os->lock->cond_broadcast(self->head_moved);
    journal_unlock(self, self->state_lock);
    return journal_ready(self, err);
}

pbase_status journal_repair(journal *self, const journal_mark *mark, pbase_error *err)
{
    journal_lock(self, self->trim_lock);
    journal_lock(self, self->append_lock);
    pbase_status status = repair(self, mark, err);
    journal_unlock(self, self->append_lock);
    journal_unlock(self, self->trim_lock);
    return status;
}
