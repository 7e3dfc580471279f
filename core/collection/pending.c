/* pending.c - waiting puts: collected, sorted, written as runs, merged. */
#include "collection/pending.h"

#include "collection/tree_cursor.h"

/* ---------------------------------------------------------------------------------- memory ---- */

static uint64_t memory_held(const atom_source *source)
{
    return atomic_load_explicit(&source->memory_bytes, memory_order_relaxed);
}

void memory_growth_init(memory_growth *self, const atom_source *source)
{
    self->floor = memory_held(source);
}

pbase_status memory_growth_bound(memory_growth *self, change_budget *budget, uint64_t most,
                                 tree *content, pbase_error *err)
{
    uint64_t held = memory_held(content->source);
    if (held < self->floor) {
        self->floor = held;
    }
    if (budget == NULL || held - self->floor < most) {
        return PBASE_OK;
    }
    pbase_status status = budget->vtable->relieve(budget, content, err);
    if (status == PBASE_OK) {
        self->floor = memory_held(content->source);
    }
    return status;
}

/* --------------------------------------------------------------------------------- waiting ---- */

/* A put in `bytes`: three sizes, then key, spelling and value. */
#define PUT_HEAD_BYTES 12u

/* Where a put lies, and what orders it: the first bytes of its key as a number. */
typedef struct {
    uint64_t head;
    uint64_t at;
} waiting_put;

struct pending {
    const collection_context *context;
    pbase_buffer bytes; /* of all waiting puts */
    waiting_put *puts;
    size_t count, capacity;
    tree runs[PENDING_RUNS_MAX]; /* oldest first */
    uint32_t run_count;
};

pbase_status pending_create(const collection_context *context, pending **out, pbase_error *err)
{
    pending *self = pbase_alloc_zeroed(context->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for changes that wait");
    }
    self->context = context;
    pbase_buffer_init(&self->bytes, context->alloc);
    *out = self;
    return PBASE_OK;
}

static void forget_puts(pending *self)
{
    pbase_buffer_fini(&self->bytes);
    pbase_buffer_init(&self->bytes, self->context->alloc);
    pbase_alloc_free(self->context->alloc, self->puts, self->capacity * sizeof *self->puts);
    self->puts = NULL;
    self->count = self->capacity = 0;
}

static void forget_runs(pending *self)
{
    for (uint32_t i = 0; i < self->run_count; i++) {
        tree_fini(&self->runs[i]);
    }
    self->run_count = 0;
}

void pending_destroy(pending *self)
{
    if (self != NULL) {
        forget_puts(self);
        forget_runs(self);
        pbase_alloc_free(self->context->alloc, self, sizeof *self);
    }
}

bool pending_any(const pending *self)
{
    return self != NULL && (self->count > 0 || self->run_count > 0);
}

static uint64_t head_of(pbase_bytes key)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8 && i < key.size; i++) {
        head |= (uint64_t)key.data[i] << (56 - 8 * i);
    }
    return head;
}

static void put_read(const pending *self, const waiting_put *put, encoded_key *key,
                     pbase_bytes *value)
{
    const uint8_t *at = self->bytes.data + put->at;
    uint32_t key_size = pbase_get_u32(at), spelling_size = pbase_get_u32(at + 4);
    key->bytes = pbase_bytes_of(at + PUT_HEAD_BYTES, key_size);
    key->spelling = pbase_bytes_of(key->bytes.data + key_size, spelling_size);
    *value = pbase_bytes_of(key->spelling.data + spelling_size, pbase_get_u32(at + 8));
}

static pbase_status puts_reserve(pending *self, pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    if (self->count < self->capacity) {
        return PBASE_OK;
    }
    size_t capacity = self->capacity == 0 ? 256 : self->capacity + self->capacity / 2;
    waiting_put *puts =
        alloc->resize(alloc, self->puts, self->capacity * sizeof *puts, capacity * sizeof *puts);
    if (puts == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for changes that wait");
    }
    self->puts = puts;
    self->capacity = capacity;
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------- sorting ---- */

/* Equal keys in the order they came. */
static bool put_precedes(const pending *self, const waiting_put *a, const waiting_put *b)
{
    encoded_key key_a, key_b;
    pbase_bytes unused;
    if (a->head != b->head) {
        return a->head < b->head;
    }
    put_read(self, a, &key_a, &unused);
    put_read(self, b, &key_b, &unused);
    int order = pbase_bytes_compare(key_a.bytes, key_b.bytes);
    return order != 0 ? order < 0 : a->at < b->at;
}

/* Merges from[first..middle) and from[middle..last) to the same places of `to`. */
static void merge_halves(const pending *self, const waiting_put *from, size_t first, size_t middle,
                         size_t last, waiting_put *to)
{
    size_t left = first, right = middle;
    for (size_t i = first; i < last; i++) {
        bool takes_left =
            left < middle && (right >= last || !put_precedes(self, &from[right], &from[left]));
        to[i] = takes_left ? from[left++] : from[right++];
    }
}

/* Bottom-up merge sort; one array of scratch. */
static pbase_status sort_puts(pending *self, pbase_error *err)
{
    size_t bytes = self->count * sizeof(waiting_put);
    waiting_put *scratch = pbase_alloc_new(self->context->alloc, bytes);
    if (scratch == NULL) {
        return self->count == 0 ? PBASE_OK
                                : PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to sort changes");
    }
    for (size_t width = 1; width < self->count; width *= 2) {
        for (size_t first = 0; first < self->count; first += 2 * width) {
            size_t middle = first + width < self->count ? first + width : self->count;
            size_t last = middle + width < self->count ? middle + width : self->count;
            merge_halves(self, self->puts, first, middle, last, scratch);
        }
        memcpy(self->puts, scratch, bytes);
    }
    pbase_alloc_free(self->context->alloc, scratch, bytes);
    return PBASE_OK;
}

/* Of sorted puts from `*at` on those of one key as one: the first spelling, the last value. Leaves
 * `*at` behind them. */
static void next_key(const pending *self, size_t *at, encoded_key *key, pbase_bytes *value)
{
    encoded_key next;
    pbase_bytes next_value;
    put_read(self, &self->puts[(*at)++], key, value);
    while (*at < self->count && self->puts[*at].head == self->puts[*at - 1].head) {
        put_read(self, &self->puts[*at], &next, &next_value);
        if (!pbase_bytes_equal(next.bytes, key->bytes)) {
            return;
        }
        *value = next_value;
        (*at)++;
    }
}

/* ------------------------------------------------------------------------------------ runs ---- */

static uint64_t most_in_memory(const pending *self)
{
    return self->context->budget->memory_bytes_max / 2;
}

/* Sorts what waits in memory and writes it as a run. */
static pbase_status spill(pending *self, pbase_error *err)
{
    change_budget *budget = self->context->budget;
    tree run = tree_of(self->context->source, ATOM_REF_NONE, false);
    memory_growth growth;
    memory_growth_init(&growth, run.source);
    pbase_status status = sort_puts(self, err);
    for (size_t i = 0; i < self->count && status == PBASE_OK;) {
        encoded_key key;
        pbase_bytes bytes;
        next_key(self, &i, &key, &bytes);
        tree_value value = tree_value_of(bytes);
        status = tree_append_key(&run, &key, &value, err);
        if (status == PBASE_OK) {
            status = memory_growth_bound(&growth, budget, most_in_memory(self) / 4, &run, err);
        }
    }
    if (status == PBASE_OK) {
        status = budget->vtable->relieve(budget, &run, err);
    }
    if (status != PBASE_OK) {
        tree_fini(&run);
        return status;
    }
    self->runs[self->run_count++] = run;
    forget_puts(self);
    return PBASE_OK;
}

/* What waits in memory, with what sorting it takes, is as much as may. */
static bool memory_is_full(const pending *self)
{
    return self->bytes.size + 2 * self->count * sizeof *self->puts >= most_in_memory(self);
}

bool pending_is_full(const pending *self)
{
    return self->run_count == PENDING_RUNS_MAX && memory_is_full(self);
}

pbase_status pending_put(pending *self, const change *operation, pbase_error *err)
{
    uint8_t head[PUT_HEAD_BYTES];
    PBASE_ASSERT(!pending_is_full(self));
    pbase_status status = memory_is_full(self) ? spill(self, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = puts_reserve(self, err);
    }
    size_t size = self->bytes.size;
    if (status == PBASE_OK) {
        pbase_put_u32(head, (uint32_t)operation->key.bytes.size);
        pbase_put_u32(head + 4, (uint32_t)operation->key.spelling.size);
        pbase_put_u32(head + 8, (uint32_t)operation->value.size);
        status = pbase_buffer_append(&self->bytes, head, sizeof head, err);
    }
    const pbase_bytes parts[] = {operation->key.bytes, operation->key.spelling, operation->value};
    for (size_t i = 0; i < 3 && status == PBASE_OK; i++) {
        status = pbase_buffer_append_bytes(&self->bytes, parts[i], err);
    }
    if (status != PBASE_OK) {
        self->bytes.size = size;
        return status;
    }
    self->puts[self->count++] = (waiting_put){head_of(operation->key.bytes), size};
    return PBASE_OK;
}

/* ------------------------------------------------------------------------- few of them: put ---- */

static pbase_status put_waiting(pending *self, tree *target, memory_growth *growth,
                                pbase_error *err)
{
    change_budget *budget = self->context->budget;
    pbase_status status = sort_puts(self, err);
    for (size_t i = 0; i < self->count && status == PBASE_OK;) {
        encoded_key key;
        pbase_bytes bytes;
        next_key(self, &i, &key, &bytes);
        tree_value value = tree_value_of(bytes);
        status = tree_put(target, &key, &value, NULL, err);
        if (status == PBASE_OK) {
            status = memory_growth_bound(growth, budget, budget->memory_bytes_max / 2, target, err);
        }
    }
    return status;
}

static pbase_status put_run(const pending *self, const tree *run, tree *target,
                            memory_growth *growth, pbase_error *err)
{
    change_budget *budget = self->context->budget;
    tree_cursor cursor;
    tree_cursor_init(&cursor, run, self->context->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        encoded_key key;
        tree_value value;
        status = tree_cursor_key(&cursor, &key, err);
        status = status == PBASE_OK ? tree_cursor_value(&cursor, &value, err) : status;
        status = status == PBASE_OK ? tree_put(target, &key, &value, NULL, err) : status;
        if (status == PBASE_OK) {
            status = memory_growth_bound(growth, budget, budget->memory_bytes_max / 2, target, err);
        }
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status put_all(pending *self, tree *target, pbase_error *err)
{
    memory_growth growth;
    pbase_status status = PBASE_OK;
    memory_growth_init(&growth, target->source);
    for (uint32_t i = 0; i < self->run_count && status == PBASE_OK; i++) {
        status = put_run(self, &self->runs[i], target, &growth, err);
    }
    return status == PBASE_OK ? put_waiting(self, target, &growth, err) : status;
}

/* ------------------------------------------------------------------------ many of them: merge ---- */

/* The tree and the runs side by side, oldest first. */
typedef struct {
    tree_cursor cursors[PENDING_RUNS_MAX + 1u];
    encoded_key keys[PENDING_RUNS_MAX + 1u]; /* where they stand; no bytes: at the end */
    uint32_t count;
} merger;

/* Takes what the cursor's move said. */
static pbase_status merger_arrive(merger *self, uint32_t i, pbase_status moved, pbase_error *err)
{
    if (moved == PBASE_END) {
        self->keys[i].bytes = pbase_bytes_of(NULL, 0);
        return PBASE_OK;
    }
    return moved == PBASE_OK ? tree_cursor_key(&self->cursors[i], &self->keys[i], err) : moved;
}

static pbase_status merger_begin(merger *self, const pending *from, const tree *target,
                                 pbase_error *err)
{
    pbase_status status = PBASE_OK;
    self->count = from->run_count + 1;
    for (uint32_t i = 0; i < self->count; i++) { /* each, so that each can be ended */
        tree_cursor_init(&self->cursors[i], i == 0 ? target : &from->runs[i - 1],
                         from->context->alloc);
    }
    for (uint32_t i = 0; i < self->count && status == PBASE_OK; i++) {
        status = merger_arrive(self, i, tree_cursor_first(&self->cursors[i], err), err);
    }
    return status;
}

static void merger_end(merger *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        tree_cursor_fini(&self->cursors[i]);
    }
}

/* The oldest and the newest that stand on the lowest key. False: all are at their ends. */
static bool merger_lowest(const merger *self, uint32_t *out_oldest, uint32_t *out_newest)
{
    bool found = false;
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->keys[i].bytes.size == 0) {
            continue;
        }
        int order =
            found ? pbase_bytes_compare(self->keys[i].bytes, self->keys[*out_oldest].bytes) : -1;
        if (order < 0) {
            *out_oldest = i;
        }
        if (order <= 0) {
            *out_newest = i;
        }
        found = true;
    }
    return found;
}

/* Appends the entry of the lowest key, the first spelling with the last value, and moves on. */
static pbase_status merger_step(merger *self, uint32_t oldest, uint32_t newest, tree *merged,
                                pbase_error *err)
{
    tree_value value;
    pbase_bytes lowest = self->keys[oldest].bytes;
    pbase_status status = tree_cursor_value(&self->cursors[newest], &value, err);
    if (status == PBASE_OK) {
        status = tree_append_key(merged, &self->keys[oldest], &value, err);
    }
    for (uint32_t i = self->count; i-- > oldest && status == PBASE_OK;) { /* `lowest` is lent by */
        bool stands = pbase_bytes_equal(self->keys[i].bytes, lowest);     /* the last to move */
        if (stands) {
            status = merger_arrive(self, i, tree_cursor_next(&self->cursors[i], err), err);
        }
    }
    return status;
}

/* A new tree of everything, in the place of `target`. */
static pbase_status merge_all(pending *self, tree *target, pbase_error *err)
{
    change_budget *budget = self->context->budget;
    merger *all = pbase_alloc_zeroed(self->context->alloc, 1, sizeof *all);
    tree merged = tree_of(target->source, ATOM_REF_NONE, false);
    uint32_t oldest = 0, newest = 0;
    memory_growth growth;
    if (all == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to merge changes");
    }
    memory_growth_init(&growth, target->source);
    pbase_status status = merger_begin(all, self, target, err);
    while (status == PBASE_OK && merger_lowest(all, &oldest, &newest)) {
        status = merger_step(all, oldest, newest, &merged, err);
        if (status == PBASE_OK) {
            status =
                memory_growth_bound(&growth, budget, budget->memory_bytes_max / 2, &merged, err);
        }
    }
    merger_end(all);
    pbase_alloc_free(self->context->alloc, all, sizeof *all);
    if (status != PBASE_OK) {
        tree_fini(&merged);
        return status;
    }
    tree_fini(target);
    *target = merged;
    return PBASE_OK;
}

/* -------------------------------------------------------------------------------- together ---- */

#define MERGE_FACTOR 4u /* a tree up to so many times larger than what waits is made anew */

/* Entries of all runs: what waits, nearly. */
static pbase_status runs_count(const pending *self, uint64_t *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    *out = self->count;
    for (uint32_t i = 0; i < self->run_count && status == PBASE_OK; i++) {
        uint64_t count = 0;
        status = tree_count(&self->runs[i], &count, err);
        *out += count;
    }
    return status;
}

pbase_status pending_drain(pending *self, tree *target, pbase_error *err)
{
    uint64_t waits = 0, there = 0;
    pbase_status status = PBASE_OK;
    if (self->run_count > 0 && self->run_count < PENDING_RUNS_MAX && self->count > 0) {
        status = spill(self, err);
    }
    if (status == PBASE_OK) {
        status = runs_count(self, &waits, err);
    }
    if (status == PBASE_OK) {
        status = tree_count(target, &there, err);
    }
    if (status == PBASE_OK) {
        bool merges = self->run_count > 0 && self->count == 0 && there / MERGE_FACTOR <= waits;
        status = merges ? merge_all(self, target, err) : put_all(self, target, err);
    }
    if (status == PBASE_OK) {
        forget_puts(self);
        forget_runs(self);
    }
    return status;
}
