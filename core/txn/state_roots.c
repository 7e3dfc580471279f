/* state_roots.c - numbers of roots, and the states that need them. */
#include "txn/state_roots.h"

#include <string.h>

struct state_root {
    pbase_atom_pointer root; /* PBASE_ATOM_NONE: not written yet, or nothing came of it */
    bool is_wanted;          /* for a moment */
};

static void lock(const state_list *self)
{
    self->os->lock->mutex_lock(self->lock);
}

static void unlock(const state_list *self)
{
    self->os->lock->mutex_unlock(self->lock);
}

/* ------------------------------------------------------------------------------- numbers ------ */

static bool has_number(const state_roots *self, uint32_t number)
{
    for (uint8_t i = 0; i < self->count; i++) {
        if (self->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

void state_roots_add(state_roots *self, uint32_t number)
{
    if (number == 0 || has_number(self, number)) {
        return;
    }
    if (self->count < STATE_ROOTS_MAX) {
        self->numbers[self->count++] = number;
    } else {
        self->is_tainted = true;
    }
}

/* --------------------------------------------------------------------------------- roots ------ */

/* With the lock. */
static pbase_status reserve(state_list *self, pbase_error *err)
{
    const pbase_alloc *alloc = self->os->memory;
    if (self->root_count < self->root_capacity) {
        return PBASE_OK;
    }
    size_t capacity = self->root_capacity == 0 ? 16 : self->root_capacity * 2;
    state_root *grown = alloc->resize(alloc, self->roots, self->root_capacity * sizeof *grown,
                                      capacity * sizeof *grown);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the roots that are needed");
    }
    self->roots = grown;
    self->root_capacity = capacity;
    return PBASE_OK;
}

void state_list_roots_free(state_list *self)
{
    pbase_alloc_free(self->os->memory, self->roots, self->root_capacity * sizeof *self->roots);
    self->roots = NULL;
    self->root_count = self->root_capacity = 0;
}

/* With the lock: the number it has already, 0: none. */
static uint32_t root_find(const state_list *self, pbase_atom_pointer root)
{
    for (size_t i = 0; i < self->root_count && root != PBASE_ATOM_NONE; i++) {
        if (self->roots[i].root == root) {
            return self->roots_first + (uint32_t)i;
        }
    }
    return 0;
}

pbase_status state_list_root_add(state_list *self, pbase_atom_pointer root, uint32_t *out_number,
                                 pbase_error *err)
{
    *out_number = 0;
    if (!self->has_roots) {
        return PBASE_OK;
    }
    lock(self);
    *out_number = root_find(self, root);
    pbase_status status = *out_number != 0 ? PBASE_OK : reserve(self, err);
    if (status == PBASE_OK && *out_number == 0) {
        *out_number = self->roots_first + (uint32_t)self->root_count;
        self->roots[self->root_count++] = (state_root){.root = root};
    }
    unlock(self);
    return status;
}

void state_list_root_set(state_list *self, uint32_t number, pbase_atom_pointer root)
{
    lock(self);
    if (number >= self->roots_first && number - self->roots_first < self->root_count) {
        self->roots[number - self->roots_first].root = root;
    }
    unlock(self);
}

/* With the lock. */
static void taint_who_needs(state_list *self, uint32_t number)
{
    for (space_state *state = self->newest; state != NULL; state = state->older) {
        state->roots.is_tainted = state->roots.is_tainted || has_number(&state->roots, number);
    }
}

void state_list_root_lose(state_list *self, pbase_atom_pointer root)
{
    lock(self);
    for (size_t i = 0; i < self->root_count; i++) {
        if (self->roots[i].root == root) {
            self->roots[i].root = PBASE_ATOM_NONE;
            taint_who_needs(self, self->roots_first + (uint32_t)i);
        }
    }
    unlock(self);
}

uint32_t state_list_root_next(state_list *self)
{
    lock(self);
    uint32_t next = self->roots_first + (uint32_t)self->root_count;
    unlock(self);
    return next;
}

/* ------------------------------------------------------------------------------ one state ----- */

/* With the lock. One that was forgotten, since nobody needed it for a moment, is not told any more. */
static void need_number(space_state *self, uint32_t number)
{
    if (number != 0 && number < self->list->roots_first) {
        self->roots.is_tainted = true;
    } else {
        state_roots_add(&self->roots, number);
    }
}

static void need_all(space_state *self, const state_roots *others)
{
    for (uint8_t i = 0; i < others->count; i++) {
        need_number(self, others->numbers[i]);
    }
    self->roots.is_tainted = self->roots.is_tainted || others->is_tainted;
}

static bool has_roots(const space_state *self)
{
    return self->list != NULL && self->list->has_roots;
}

void space_state_need(space_state *self, uint32_t number)
{
    if (has_roots(self)) {
        lock(self->list);
        need_number(self, number);
        unlock(self->list);
    }
}

void space_state_need_as(space_state *self, const space_state *base, const state_roots *also)
{
    if (has_roots(self)) {
        lock(self->list);
        need_all(self, &base->roots);
        if (also != NULL) {
            need_all(self, also);
        }
        unlock(self->list);
    }
}

void space_state_need_since(space_state *self, const space_state *before, uint32_t from)
{
    if (has_roots(self)) {
        lock(self->list);
        for (uint8_t i = 0; i < before->roots.count; i++) {
            if (before->roots.numbers[i] >= from) {
                state_roots_add(&self->roots, before->roots.numbers[i]);
            }
        }
        unlock(self->list);
    }
}

bool space_state_needs_more(const space_state *self, const space_state *base)
{
    bool more = false;
    if (has_roots(self)) {
        lock(self->list);
        for (uint8_t i = 0; i < self->roots.count && !more; i++) {
            more = !has_number(&base->roots, self->roots.numbers[i]);
        }
        more = more || self->roots.is_tainted;
        unlock(self->list);
    }
    return more;
}

/* --------------------------------------------------------------------------------- needs ------ */

/* With the lock: marks what states want. The lowest number of it, 0: nothing. */
static uint32_t want(state_list *self, state_needs *out)
{
    uint32_t first = 0;
    for (const space_state *state = self->newest; state != NULL; state = state->older) {
        out->is_tainted = out->is_tainted || state->roots.is_tainted;
        for (uint8_t i = 0; i < state->roots.count; i++) {
            uint32_t number = state->roots.numbers[i];
            PBASE_ASSERT(number >= self->roots_first &&
                         number - self->roots_first < self->root_count);
            self->roots[number - self->roots_first].is_wanted = true;
            first = first == 0 || number < first ? number : first;
        }
    }
    return first;
}

/* With the lock: what is older than all that is wanted. */
static void forget_before(state_list *self, uint32_t first)
{
    size_t gone = first == 0 ? 0 : first - self->roots_first;
    if (gone > 0) {
        self->root_count -= gone;
        memmove(self->roots, self->roots + gone, self->root_count * sizeof *self->roots);
        self->roots_first = first;
    }
}

static void needs_add(state_needs *needs, const state_root *root)
{
    size_t known = needs->count < needs->capacity ? needs->count : needs->capacity;
    if (root->root == PBASE_ATOM_NONE) {
        return;
    }
    for (size_t i = 0; i < known; i++) {
        if (needs->roots[i] == root->root) {
            return;
        }
    }
    if (needs->count < needs->capacity) {
        needs->roots[needs->count] = root->root;
    }
    needs->count++;
}

void state_list_needs(state_list *self, state_needs *out)
{
    out->count = 0;
    out->is_tainted = false;
    lock(self);
    forget_before(self, want(self, out));
    for (size_t i = 0; i < self->root_count; i++) {
        if (self->roots[i].is_wanted) {
            needs_add(out, &self->roots[i]);
        }
        self->roots[i].is_wanted = false;
    }
    unlock(self);
}
