/* needs.c - the words between processes, as bytes, and when they are said. */
#include "txn/engine_private.h"

#include <inttypes.h>

/* Offsets (docs/formats/slot.md). */
enum { AT_VERSION = 0, AT_FLAGS = 2, AT_COUNT = 4, AT_ZERO = 8, AT_ROOTS = 16 };
#define NEEDS_VERSION 1u
#define FLAG_EVERYTHING 1u
#define ROOTS_MAX ((PBASE_NEEDS_BYTES_MAX - AT_ROOTS) / 8u)

pbase_status engine_needs_init(engine *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    return os->lock->mutex_create(os, &self->needs.mutex, err);
}

void engine_needs_fini(engine *self)
{
    if (self->needs.mutex != NULL) {
        self->host->os->lock->mutex_destroy(self->needs.mutex);
        self->needs.mutex = NULL;
    }
}

/* --------------------------------------------------------------------------------- saying ----- */

typedef struct {
    pbase_atom_pointer roots[ROOTS_MAX];
    size_t count; /* more than ROOTS_MAX: they do not fit */
    bool everything;
} needs_now;

/* Pins first: who lets go of a root there has a state by then. */
static void pins_collect(engine *self, needs_now *now)
{
    engine_lock(self, self->queue_mutex);
    now->everything = self->unnamed > 0;
    for (const engine_pin *pin = self->history.pins; pin != NULL; pin = pin->next) {
        if (pin->root != PBASE_ATOM_NONE && now->count < ROOTS_MAX) {
            now->roots[now->count] = pin->root;
        }
        now->count += pin->root != PBASE_ATOM_NONE;
    }
    engine_unlock(self, self->queue_mutex);
}

static void needs_collect(engine *self, needs_now *now)
{
    now->count = 0;
    pins_collect(self, now);
    size_t pinned = now->count < ROOTS_MAX ? now->count : ROOTS_MAX;
    state_needs states = {.roots = now->roots + pinned, .capacity = ROOTS_MAX - pinned};
    state_list_needs(&self->states, &states);
    now->count += states.count;
    now->everything = now->everything || states.is_tainted || now->count > ROOTS_MAX;
}

static size_t needs_write(const needs_now *now, uint8_t out[PBASE_NEEDS_BYTES_MAX])
{
    size_t count = now->everything ? 0 : now->count;
    pbase_put_u16(out + AT_VERSION, NEEDS_VERSION);
    pbase_put_u16(out + AT_FLAGS, now->everything ? FLAG_EVERYTHING : 0);
    pbase_put_u32(out + AT_COUNT, (uint32_t)count);
    pbase_put_u64(out + AT_ZERO, 0);
    for (size_t i = 0; i < count; i++) {
        pbase_put_u64(out + AT_ROOTS + 8 * i, now->roots[i]);
    }
    return AT_ROOTS + 8 * count;
}

void engine_needs_say(engine *self)
{
    engine_needs *needs = &self->needs;
    needs_now now;
    uint8_t bytes[PBASE_NEEDS_BYTES_MAX];
    if (!self->is_shared) {
        return;
    }
    engine_lock(self, needs->mutex);
    needs_collect(self, &now);
    size_t size = needs_write(&now, bytes);
    if (size != needs->said_bytes || memcmp(bytes, needs->said, size) != 0) {
        /* A storage that cannot tell is asked in vain by who would let go of something. */
        if (pbase_storage_need(self->storage, pbase_bytes_of(bytes, size), NULL) == PBASE_OK) {
            memcpy(needs->said, bytes, size);
            needs->said_bytes = size;
        }
    }
    engine_unlock(self, needs->mutex);
}

/* ------------------------------------------------------------------------------ confirming ---- */

/* An anchor that is not there yet will be: nothing is let go of for a checkpoint before. */
static pbase_status anchor_is(engine *self, pbase_position anchor, pbase_error *err)
{
    pbase_journal_head head;
    pbase_status status =
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, err);
    return status == PBASE_OK && head.anchor > anchor
               ? PBASE_FAIL(err, PBASE_TRIMMED, "another process has made a checkpoint meanwhile")
               : status;
}

pbase_status engine_needs_root(engine *self, engine_pin *pin, pbase_atom_pointer root,
                               pbase_position anchor, pbase_error *err)
{
    if (!self->is_shared) {
        return PBASE_OK;
    }
    history_pin_root(self, pin, root);
    engine_needs_say(self);
    pbase_status status = anchor_is(self, anchor, err);
    if (status != PBASE_OK) {
        history_unpin(self, pin);
    }
    return status;
}

pbase_status engine_needs_kept(engine *self, pbase_error *err)
{
    if (!self->is_shared) {
        return PBASE_OK;
    }
    engine_lock(self, self->queue_mutex);
    pbase_position anchor = self->kept_anchor;
    engine_unlock(self, self->queue_mutex);
    return anchor_is(self, anchor, err);
}

bool engine_needs_anchored(engine *self)
{
    pbase_journal_head head = {0};
    if (!self->is_shared) {
        return true;
    }
    engine_lock(self, self->queue_mutex);
    pbase_position anchor = self->kept_anchor;
    engine_unlock(self, self->queue_mutex);
    return pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, NULL) ==
               PBASE_OK &&
           head.anchor == anchor;
}

pbase_status engine_needs_adopted(engine *self, const space_state *base, const space_state *next,
                                  pbase_position from, pbase_error *err)
{
    pbase_journal_head head;
    if (!self->is_shared || !space_state_needs_more(next, base)) {
        return PBASE_OK;
    }
    engine_needs_say(self);
    pbase_status status =
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, err);
    return status == PBASE_OK && head.first > from
               ? PBASE_FAIL(err, PBASE_TRIMMED, "the journal was let go of meanwhile")
               : status;
}

pbase_status engine_needs_explain(engine *self, pbase_status status, pbase_position from,
                                  pbase_error *err)
{
    pbase_journal_head head;
    bool is_damage = status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_LOST;
    if (!self->is_shared || !is_damage ||
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, NULL) !=
            PBASE_OK ||
        head.first <= from) {
        return status;
    }
    return PBASE_FAIL(err, PBASE_TRIMMED, "the journal was let go of meanwhile");
}

/* --------------------------------------------------------------------------------- others ----- */

void others_needs_init(others_needs *self, const pbase_alloc *alloc)
{
    *self = (others_needs){.alloc = alloc};
}

void others_needs_fini(others_needs *self)
{
    pbase_alloc_free(self->alloc, self->roots, self->capacity * sizeof *self->roots);
    others_needs_init(self, self->alloc);
}

static pbase_status others_reserve(others_needs *self, size_t more, pbase_error *err)
{
    size_t capacity = self->capacity == 0 ? ROOTS_MAX : self->capacity;
    while (capacity < self->count + more) {
        capacity *= 2;
    }
    if (capacity == self->capacity) {
        return PBASE_OK;
    }
    pbase_atom_pointer *roots = self->alloc->resize(
        self->alloc, self->roots, self->capacity * sizeof *roots, capacity * sizeof *roots);
    if (roots == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for what other processes need");
    }
    self->roots = roots;
    self->capacity = capacity;
    return PBASE_OK;
}

static pbase_status others_add(void *state, pbase_bytes said, pbase_error *err)
{
    others_needs *self = state;
    self->users++;
    if (said.size == 0) {
        return PBASE_OK; /* it is only about to open */
    }
    size_t count = said.size < AT_ROOTS ? 0 : pbase_get_u32(said.data + AT_COUNT);
    if (said.size < AT_ROOTS || pbase_get_u16(said.data + AT_VERSION) != NEEDS_VERSION ||
        count > ROOTS_MAX || said.size != AT_ROOTS + 8 * count) {
        self->everything = true; /* of another version: who knows */
        return PBASE_OK;
    }
    self->everything =
        self->everything || (pbase_get_u16(said.data + AT_FLAGS) & FLAG_EVERYTHING) != 0;
    pbase_status status = others_reserve(self, count, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        self->roots[self->count++] = pbase_get_u64(said.data + AT_ROOTS + 8 * i);
    }
    return status;
}

pbase_status others_needs_read(engine *self, const pbase_call *call, others_needs *out,
                               pbase_error *err)
{
    return self->is_shared ? pbase_storage_others_need(self->storage, call, others_add, out, err)
                           : PBASE_OK;
}

bool others_need_root(engine *self, const pbase_call *call, pbase_atom_pointer root)
{
    others_needs now;
    others_needs_init(&now, self->host->alloc);
    pbase_status status = others_needs_read(self, call, &now, NULL);
    bool is_needed = status != PBASE_OK || now.everything;
    for (size_t i = 0; i < now.count && !is_needed; i++) {
        is_needed = now.roots[i] == root;
    }
    others_needs_fini(&now);
    return is_needed;
}
