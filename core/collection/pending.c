/* pending.c - waiting puts: collected, sorted, written as runs, merged. */
#include "collection/pending.h"

#include "collection/head_sort.h"
#include "collection/tree_cursor.h"
#include "collection/tree_stream.h"

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

/* --------------------------------------------------------------------------------- writing ---- */

static pbase_status write_atoms(void *state, const uint32_t *types, const pbase_bytes *payloads,
                                size_t count, pbase_atom_pointer *out, pbase_error *err)
{
    change_budget *budget = state;
    return budget->vtable->write(budget, types, payloads, count, out, err);
}

static bool write_begin(void *state, atom_writing *writing)
{
    change_budget *budget = state;
    return budget->vtable->write_begin(budget, writing);
}

static void write_wait(void *state, atom_writing *writing)
{
    change_budget *budget = state;
    budget->vtable->write_wait(budget, writing);
}

atom_writer budget_writer(change_budget *budget)
{
    bool is_beside = budget->vtable->write_begin != NULL;
    return (atom_writer){.write = write_atoms,
                         .begin = is_beside ? write_begin : NULL,
                         .wait = is_beside ? write_wait : NULL,
                         .state = budget};
}

/* --------------------------------------------------------------------------------- waiting ---- */

/* A put in `bytes`: three sizes, then key, spelling and value. */
#define PUT_HEAD_BYTES 12u

#define ADVANCE_BYTES (64u << 10) /* written at once: they are in the cache still */

struct pending {
    const collection_context *context;
    pbase_buffer bytes; /* of all puts that lie in memory */
    head_item *puts;    /* of each its head, and where it lies in `bytes` */
    size_t count, capacity;
    bool ascends;                /* their keys do, each above the one before */
    tree_stream *stream;         /* older ones, all of which ascend; NULL: none */
    size_t advances_from;        /* bytes that lie in memory: then those behind it are written */
    tree runs[PENDING_RUNS_MAX]; /* oldest first, all older than `stream` */
    uint32_t run_count;
};

pbase_status pending_create(const collection_context *context, pending **out, pbase_error *err)
{
    pending *self = pbase_alloc_zeroed(context->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for changes that wait");
    }
    self->context = context;
    self->ascends = true;
    self->advances_from = ADVANCE_BYTES;
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
    self->ascends = true;
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
        tree_stream_destroy(self->stream);
        pbase_alloc_free(self->context->alloc, self, sizeof *self);
    }
}

bool pending_any(const pending *self)
{
    return self != NULL && (self->count > 0 || self->run_count > 0 || self->stream != NULL);
}

uint64_t pending_bytes(const pending *self)
{
    return self->bytes.size;
}

static pbase_bytes key_at(const pending *self, uint64_t place)
{
    const uint8_t *at = self->bytes.data + place;
    return pbase_bytes_of(at + PUT_HEAD_BYTES, pbase_get_u32(at));
}

static void put_read(const pending *self, const head_item *put, encoded_key *key,
                     pbase_bytes *value)
{
    const uint8_t *at = self->bytes.data + put->place;
    key->bytes = key_at(self, put->place);
    key->spelling = pbase_bytes_of(key->bytes.data + key->bytes.size, pbase_get_u32(at + 4));
    *value = pbase_bytes_of(key->spelling.data + key->spelling.size, pbase_get_u32(at + 8));
}

static pbase_status puts_reserve(pending *self, pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    if (self->count < self->capacity) {
        return PBASE_OK;
    }
    size_t capacity = self->capacity == 0 ? 256 : self->capacity + self->capacity / 2;
    head_item *puts =
        alloc->resize(alloc, self->puts, self->capacity * sizeof *puts, capacity * sizeof *puts);
    if (puts == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for changes that wait");
    }
    self->puts = puts;
    self->capacity = capacity;
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------- sorting ---- */

static bool key_precedes(const void *state, uint64_t a, uint64_t b)
{
    const pending *self = state;
    return pbase_bytes_compare(key_at(self, a), key_at(self, b)) < 0;
}

/* Equal keys stay in the order they came. */
static pbase_status sort_puts(pending *self, pbase_error *err)
{
    size_t bytes = self->count * sizeof(head_item);
    if (self->count < 2 || self->ascends) {
        return PBASE_OK;
    }
    head_item *scratch = pbase_alloc_new(self->context->alloc, bytes);
    if (scratch == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to sort changes");
    }
    head_sort(self->puts, scratch, self->count, key_precedes, self);
    pbase_alloc_free(self->context->alloc, scratch, bytes);
    return PBASE_OK;
}

#define AHEAD 16u /* puts whose bytes are asked for before they are needed */

/* Asks for the bytes of the puts from `first` on. They lie anywhere in more memory than addresses are at hand
 * for, and asking was in vain, as if a request without an address at hand were dropped (docs/decisions/0040):
 * so the first byte of each is read, all of them together, before the rest is asked for. */
static void puts_ask(const pending *self, size_t first)
{
    size_t end = first + AHEAD < self->count ? first + AHEAD : self->count;
    for (size_t i = first; i < end; i++) {
        const volatile uint8_t *touched = self->bytes.data + self->puts[i].place;
        (void)*touched;
    }
    for (size_t i = first; i < end; i++) {
        const uint8_t *coming = self->bytes.data + self->puts[i].place;
        __builtin_prefetch(coming + 64);
        __builtin_prefetch(coming + 128);
    }
}

/* Of sorted puts from `*at` on those of one key as one: the first spelling, the last value. Leaves
 * `*at` behind them. */
static void next_key(const pending *self, size_t *at, encoded_key *key, pbase_bytes *value)
{
    encoded_key next;
    pbase_bytes next_value;
    if (*at % AHEAD == 0) {
        puts_ask(self, *at + AHEAD);
    }
    put_read(self, &self->puts[(*at)++], key, value);
    while (*at < self->count && !self->ascends &&
           self->puts[*at].head == self->puts[*at - 1].head) {
        put_read(self, &self->puts[*at], &next, &next_value);
        if (!pbase_bytes_equal(next.bytes, key->bytes)) {
            return;
        }
        *value = next_value;
        (*at)++;
    }
}

/* ------------------------------------------------------------------------------------ runs ---- */

static pbase_status stream_begin(const pending *self, tree_stream **out, pbase_error *err)
{
    const atom_writer writer = budget_writer(self->context->budget);
    return tree_stream_create(self->context->source, &writer, false, out, err);
}

/* What is being written in order becomes a run. */
static pbase_status stream_end(pending *self, pbase_error *err)
{
    tree run;
    if (self->stream == NULL) {
        return PBASE_OK;
    }
    PBASE_ASSERT(self->run_count < PENDING_RUNS_MAX);
    pbase_status status = tree_stream_finish(self->stream, &run, err);
    if (status == PBASE_OK) {
        self->runs[self->run_count++] = run;
        tree_stream_destroy(self->stream);
        self->stream = NULL;
    }
    return status;
}

/* Adds sorted puts to a stream, those of one key as one. `*done` of them are in it: also after a
 * failure, when it ends at a key. */
static pbase_status stream_puts(const pending *self, tree_stream *stream, size_t *done,
                                pbase_error *err)
{
    pbase_status status = PBASE_OK;
    *done = 0;
    for (size_t next = 0; next < self->count && status == PBASE_OK;) {
        encoded_key key;
        pbase_bytes bytes;
        next_key(self, &next, &key, &bytes);
        tree_value value = tree_value_of(bytes);
        status = tree_stream_add(stream, &key, &value, err);
        *done = status == PBASE_OK ? next : *done;
    }
    return status;
}

/* Sorts what lies in memory and writes it as a run. */
static pbase_status spill(pending *self, pbase_error *err)
{
    tree_stream *stream = NULL;
    tree run;
    size_t done = 0;
    pbase_status status = stream_end(self, err);
    if (status == PBASE_OK) {
        status = sort_puts(self, err);
    }
    if (status == PBASE_OK) {
        status = stream_begin(self, &stream, err);
    }
    if (status == PBASE_OK) {
        tree_stream_borrow(stream); /* they are forgotten only once all are written */
        status = stream_puts(self, stream, &done, err);
    }
    if (status == PBASE_OK) {
        status = tree_stream_finish(stream, &run, err);
    }
    tree_stream_destroy(stream);
    if (status == PBASE_OK) {
        PBASE_ASSERT(self->run_count < PENDING_RUNS_MAX);
        self->runs[self->run_count++] = run;
        forget_puts(self);
    }
    return status;
}

/* What waits in memory, with what sorting it takes, is as much as may; an eighth is left for nodes that are
 * written. */
static bool memory_is_full(const pending *self)
{
    uint64_t most = self->context->budget->memory_bytes_max;
    return self->bytes.size + 2 * self->count * sizeof *self->puts >= most - most / 8;
}

bool pending_is_full(const pending *self)
{
    return self->run_count + 1u >= PENDING_RUNS_MAX && memory_is_full(self);
}

/* -------------------------------------------------------------------------------- taking ------ */

/* True when the key, whose head is given, is above that of the put before. */
static bool follows(const pending *self, uint64_t head, pbase_bytes key)
{
    if (self->count == 0) {
        return true;
    }
    const head_item *last = &self->puts[self->count - 1];
    return head != last->head ? head > last->head
                              : pbase_bytes_compare(key_at(self, last->place), key) < 0;
}

pbase_status pending_take(pending *self, const change *operation, pbase_error *err)
{
    const pbase_bytes parts[] = {operation->key.bytes, operation->key.spelling, operation->value};
    size_t place = self->bytes.size;
    size_t size = PUT_HEAD_BYTES + parts[0].size + parts[1].size + parts[2].size;
    pbase_status status = puts_reserve(self, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(&self->bytes, size, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t head = head_of_key(parts[0]);
    self->ascends = self->ascends && follows(self, head, parts[0]);
    uint8_t *at = self->bytes.data + place;
    for (size_t i = 0; i < 3; i++) {
        pbase_put_u32(at + 4 * i, (uint32_t)parts[i].size);
    }
    at += PUT_HEAD_BYTES;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].size != 0) {
            memcpy(at, parts[i].data, parts[i].size);
            at += parts[i].size;
        }
    }
    self->bytes.size += size;
    self->puts[self->count++] = (head_item){head, place};
    return PBASE_OK;
}

/* Adds a put to what is written in order, if it is the next one there. False: it has to wait. */
static bool stream_takes(pending *self, const change *operation)
{
    if (self->stream == NULL || self->count > 0) {
        return false;
    }
    tree_value value = tree_value_of(operation->value);
    return tree_stream_add(self->stream, &operation->key, &value, NULL) == PBASE_OK;
}

bool pending_is_row(const pending *self)
{
    return self->stream != NULL && self->count == 0;
}

bool pending_goes_on(pending *self, const encoded_key *key, uint8_t lead, pbase_bytes rest)
{
    return key->spelling.size == 0 && tree_stream_add_like(self->stream, key->bytes, lead, rest);
}

pbase_status pending_put(pending *self, const change *operation, pbase_error *err)
{
    PBASE_ASSERT(!pending_is_full(self));
    if (stream_takes(self, operation)) {
        return PBASE_OK;
    }
    pbase_status status = memory_is_full(self) ? spill(self, err) : PBASE_OK;
    return status == PBASE_OK ? pending_take(self, operation, err) : status;
}

pending_mark pending_mark_of(const pending *self)
{
    return (pending_mark){self->count, self->bytes.size, self->ascends};
}

void pending_forget_since(pending *self, const pending_mark *mark)
{
    self->count = mark->count;
    self->bytes.size = mark->size;
    self->ascends = mark->ascends;
}

/* ------------------------------------------------------------------------------ in order ------ */

/* True when the puts in memory can be written behind what is written in order. */
static bool continues(const pending *self)
{
    return self->ascends && self->count > 0 && self->run_count == 0 &&
           (self->stream == NULL || pbase_bytes_compare(tree_stream_last(self->stream),
                                                        key_at(self, self->puts[0].place)) < 0);
}

/* Writes the puts in memory behind what is written in order. */
static pbase_status continue_stream(pending *self, pbase_error *err)
{
    size_t done = 0;
    pbase_status status = self->stream == NULL ? stream_begin(self, &self->stream, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = stream_puts(self, self->stream, &done, err);
    }
    self->count -= done;
    if (self->count > 0) {
        memmove(self->puts, self->puts + done, self->count * sizeof *self->puts);
    } else {
        self->bytes.size = 0; /* its memory serves the next ones */
    }
    return status;
}

void pending_advance(pending *self)
{
    if (self->bytes.size >= self->advances_from && continues(self)) {
        /* what is left after a failure is written when it is looked for, which tells; not with each put */
        bool has_advanced = continue_stream(self, NULL) == PBASE_OK;
        self->advances_from = has_advanced ? ADVANCE_BYTES : 2 * self->bytes.size;
    }
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
static pbase_status merger_step(merger *self, uint32_t oldest, uint32_t newest, tree_stream *merged,
                                pbase_error *err)
{
    tree_value value;
    pbase_bytes lowest = self->keys[oldest].bytes;
    pbase_status status = tree_cursor_value(&self->cursors[newest], &value, err);
    if (status == PBASE_OK) {
        status = tree_stream_add(merged, &self->keys[oldest], &value, err);
    }
    for (uint32_t i = self->count; i-- > oldest && status == PBASE_OK;) { /* `lowest` is lent by */
        bool stands = pbase_bytes_equal(self->keys[i].bytes, lowest);     /* the last to move */
        if (stands) {
            status = merger_arrive(self, i, tree_cursor_next(&self->cursors[i], err), err);
        }
    }
    return status;
}

static pbase_status merge_into(pending *self, merger *all, const tree *target, tree_stream *merged,
                               tree *out, pbase_error *err)
{
    uint32_t oldest = 0, newest = 0;
    pbase_status status = merger_begin(all, self, target, err);
    while (status == PBASE_OK && merger_lowest(all, &oldest, &newest)) {
        status = merger_step(all, oldest, newest, merged, err);
    }
    merger_end(all);
    return status == PBASE_OK ? tree_stream_finish(merged, out, err) : status;
}

/* A new tree of everything, in the place of `target`. */
static pbase_status merge_all(pending *self, tree *target, pbase_error *err)
{
    merger *all = pbase_alloc_zeroed(self->context->alloc, 1, sizeof *all);
    tree_stream *stream = NULL;
    tree merged;
    if (all == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to merge changes");
    }
    pbase_status status = stream_begin(self, &stream, err);
    if (status == PBASE_OK) {
        status = merge_into(self, all, target, stream, &merged, err);
    }
    tree_stream_destroy(stream);
    pbase_alloc_free(self->context->alloc, all, sizeof *all);
    if (status == PBASE_OK) {
        tree_fini(target);
        *target = merged;
    }
    return status;
}

/* -------------------------------------------------------------------------------- together ---- */

#define MERGE_FACTOR 4u      /* a tree up to so many times larger than what waits is made anew */
#define SPILL_PUTS_MIN 1024u /* fewer are put into a tree that is there */

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

/* What is written in order, and what lies in memory, becomes a run or two: unless that is so little beside a
 * tree that it goes into it. */
static pbase_status make_runs(pending *self, uint64_t there, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->stream != NULL && continues(self)) {
        status = continue_stream(self, err);
    }
    if (status == PBASE_OK) {
        status = stream_end(self, err);
    }
    bool is_much = self->run_count > 0 || there == 0 ||
                   (self->count >= SPILL_PUTS_MIN && there / MERGE_FACTOR <= self->count);
    if (status == PBASE_OK && self->count > 0 && is_much && self->run_count < PENDING_RUNS_MAX) {
        status = spill(self, err);
    }
    return status;
}

/* The only run takes the place of an empty tree. */
static void take_run(pending *self, tree *target)
{
    tree_fini(target);
    *target = self->runs[0];
    self->run_count = 0;
}

pbase_status pending_drain(pending *self, tree *target, pbase_error *err)
{
    uint64_t waits = 0, there = 0;
    pbase_status status = tree_count(target, &there, err);
    if (status == PBASE_OK) {
        status = make_runs(self, there, err);
    }
    if (status == PBASE_OK) {
        status = runs_count(self, &waits, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    bool merges = self->run_count > 0 && self->count == 0 && there / MERGE_FACTOR <= waits;
    if (merges && self->run_count == 1 && there == 0) {
        take_run(self, target);
    } else {
        status = merges ? merge_all(self, target, err) : put_all(self, target, err);
    }
    if (status == PBASE_OK) {
        forget_puts(self);
        forget_runs(self);
    }
    return status;
}

/* ------------------------------------------------------------------------- into a log ---------- */

static pbase_status log_put(change_log *log, uint8_t op, const tree_entry *entry, pbase_error *err)
{
    const change operation = {.op = op, .key = entry->key, .value = entry->value.bytes};
    pbase_status status = change_log_reserve(log, &operation, err);
    if (status == PBASE_OK) {
        change_log_append(log, &operation);
    }
    return status;
}

pbase_status pending_apply(pending *self, uint8_t op, tree *target, change_log *log,
                           pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    change_log all;
    tree built;
    size_t entry_count = 0;
    PBASE_ASSERT(self->run_count == 0 && self->stream == NULL && target->root == ATOM_REF_NONE);
    change_log_init(&all, alloc);
    tree_entry *entries = pbase_alloc_new(alloc, self->count * sizeof *entries);
    pbase_status status = entries == NULL
                              ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to build a collection")
                              : sort_puts(self, err);
    for (size_t next = 0; next < self->count && status == PBASE_OK; entry_count++) {
        pbase_bytes bytes;
        next_key(self, &next, &entries[entry_count].key, &bytes);
        entries[entry_count].value = tree_value_of(bytes);
        status = log_put(&all, op, &entries[entry_count], err);
    }
    if (status == PBASE_OK) {
        status = tree_build(self->context->source, false, entries, entry_count, &built, err);
    }
    pbase_alloc_free(alloc, entries, self->count * sizeof *entries);
    if (status != PBASE_OK) {
        change_log_fini(&all);
        return status;
    }
    change_log_fini(log);
    *log = all;
    tree_fini(target);
    *target = built;
    forget_puts(self);
    return PBASE_OK;
}
