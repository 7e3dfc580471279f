/* tree_stream.c - one row of entries for each level: of them a node that is full, which waits until
 * the next one is half full (or takes a part of it, at the end), and the one being filled.
 *
 * Nodes that were laid out wait in a batch; where they were stored goes into the entries of the row
 * above, the last ones of which are always those of the batch, behind those of the batch before that is
 * being written. So a batch has landed before a node of the row above is laid out of its entries. */
#include "collection/tree_stream.h"

#include "collection/node_build.h"
#include "collection/node_entry.h"
#include "collection/tree_batch.h"
#include "collection/tree_private.h"

#include <inttypes.h>

/* Leaves that are written once and together may be twice as large as those that edits leave: a third
 * less of them is headers and room at the end, and they are split when they are edited. */
#define STREAM_LEAF_BYTES (2 * NODE_LEAF_BYTES)

typedef struct {
    node_entry *items; /* entries: `full` of them make a node, those behind are being gathered */
    size_t count, capacity, full;
    uint64_t seen;          /* entries that ever were here */
    node_gauge gauge;       /* of those being gathered */
    entry_form full_form;   /* even: those that are full are */
    size_t separator_bytes; /* of a leaf's first key: enough to tell it from the one before */
    pbase_buffer full_bytes, gathered; /* what the entries point to */
    tree_batch nodes;                  /* of this level */
} row;

struct tree_stream {
    atom_source *source;
    atom_writer writer;
    bool positional;
    bool borrows;      /* what entries of leaves point to */
    size_t alike_room; /* entries like the last one that need nothing but to be added */
    row *rows[NODE_LEVEL_MAX + 2u]; /* from the leaves up; NULL: not yet */
};

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to write a tree");
}

/* ------------------------------------------------------------------------------ life ---------- */

static pbase_status row_create(tree_stream *self, uint32_t level, pbase_error *err)
{
    const pbase_alloc *alloc = self->source->alloc;
    if (level > NODE_LEVEL_MAX + 1u) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a tree of more than %u levels", NODE_LEVEL_MAX + 1u);
    }
    row *made = pbase_alloc_zeroed(alloc, 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    node_gauge_init(&made->gauge, (uint8_t)level, self->positional);
    pbase_buffer_init(&made->full_bytes, alloc);
    pbase_buffer_init(&made->gathered, alloc);
    tree_batch_init(&made->nodes, alloc);
    self->rows[level] = made;
    return PBASE_OK;
}

static void row_destroy(const tree_stream *stream, row *self)
{
    const pbase_alloc *alloc = stream->source->alloc;
    if (self != NULL) {
        pbase_alloc_free(alloc, self->items, self->capacity * sizeof *self->items);
        pbase_buffer_fini(&self->full_bytes);
        pbase_buffer_fini(&self->gathered);
        tree_batch_fini(&self->nodes, &stream->writer);
        pbase_alloc_free(alloc, self, sizeof *self);
    }
}

pbase_status tree_stream_create(atom_source *source, const atom_writer *writer, bool positional,
                                tree_stream **out, pbase_error *err)
{
    tree_stream *self = pbase_alloc_zeroed(source->alloc, 1, sizeof *self);
    if (self == NULL) {
        return no_memory(err);
    }
    self->source = source;
    self->writer = *writer;
    self->positional = positional;
    pbase_status status = row_create(self, 0, err);
    if (status != PBASE_OK) {
        tree_stream_destroy(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void tree_stream_destroy(tree_stream *self)
{
    if (self != NULL) {
        for (uint32_t i = 0; i < sizeof self->rows / sizeof self->rows[0]; i++) {
            row_destroy(self, self->rows[i]);
        }
        pbase_alloc_free(self->source->alloc, self, sizeof *self);
    }
}

void tree_stream_borrow(tree_stream *self)
{
    self->borrows = true;
}

uint64_t tree_stream_count(const tree_stream *self)
{
    return self->rows[0]->seen;
}

pbase_bytes tree_stream_last(const tree_stream *self)
{
    const row *leaves = self->rows[0];
    return leaves->count == 0 ? pbase_bytes_of(NULL, 0) : leaves->items[leaves->count - 1].tail;
}

/* ------------------------------------------------------------------------------ writing ------- */

/* Lets the nodes of a level land that are being written, and tells the row above where they are. */
static pbase_status nodes_land(tree_stream *self, uint32_t level, pbase_error *err)
{
    tree_batch *nodes = &self->rows[level]->nodes;
    row *above = self->rows[level + 1];
    uint32_t count = 0;
    pbase_status status = tree_batch_land(nodes, &self->writer, &count, err);
    for (uint32_t i = 0; i < count && status == PBASE_OK; i++) {
        above->items[above->count - nodes->laid.count - count + i].child.ref =
            atom_ref_of_pointer(nodes->places[i]);
    }
    return status;
}

/* Lets the nodes of a level that are laid out be written. */
static pbase_status nodes_leave(tree_stream *self, uint32_t level, pbase_error *err)
{
    tree_batch *nodes = &self->rows[level]->nodes;
    pbase_status status = nodes_land(self, level, err);
    if (status == PBASE_OK && nodes->laid.count > 0) {
        tree_batch_leave(nodes, &self->writer);
        status = nodes->has_begun ? PBASE_OK : nodes_land(self, level, err);
    }
    return status;
}

/* Has the first `count` entries of a row tell where their nodes are. */
static pbase_status places_require(tree_stream *self, uint32_t level, size_t count,
                                   pbase_error *err)
{
    const row *at = self->rows[level];
    const tree_batch *below = &self->rows[level - 1]->nodes;
    pbase_status status = PBASE_OK;
    if (count + below->laid.count > at->count) {
        status = nodes_leave(self, level - 1, err);
    }
    if (status == PBASE_OK && count + below->laid.count + below->leaving.count > at->count) {
        status = nodes_land(self, level - 1, err);
    }
    return status;
}

#define VALUES_MAX 64u             /* written in one call */
#define VALUE_WAITS_MAX (1u << 16) /* a larger one is written at once */

/* Writes the large values among the first `count` entries of the leaves' row. */
static pbase_status values_write(tree_stream *self, size_t count, pbase_error *err)
{
    node_entry *items = self->rows[0]->items;
    uint32_t types[VALUES_MAX];
    pbase_bytes payloads[VALUES_MAX];
    pbase_atom_pointer pointers[VALUES_MAX];
    size_t places[VALUES_MAX], waiting = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind == NODE_VALUE_LARGE && items[i].ref == ATOM_REF_NONE) {
            types[waiting] = ATOM_VALUE;
            payloads[waiting] = items[i].bytes;
            places[waiting++] = i;
        }
        if (waiting == 0 || (waiting < VALUES_MAX && i + 1 < count)) {
            continue;
        }
        pbase_status status =
            self->writer.write(self->writer.state, types, payloads, waiting, pointers, err);
        if (status != PBASE_OK) {
            return status;
        }
        for (size_t j = 0; j < waiting; j++) {
            items[places[j]].ref = atom_ref_of_pointer(pointers[j]);
        }
        waiting = 0;
    }
    return PBASE_OK;
}

/* ----------------------------------------------------------------------------- gathering ------ */

/* True when a node of what is being gathered and `entry` would be more than full. */
static bool would_overflow(const tree_stream *self, const row *at, uint32_t level,
                           const node_entry *entry)
{
    size_t gathered = at->count - at->full;
    if (gathered == 0) {
        return false;
    }
    uint64_t size = node_gauge_with(&at->gauge, entry);
    if (size <= NODE_LEAF_BYTES) {
        return level != 0 && gathered >= NODE_INNER_ENTRIES;
    }
    uint32_t shared = 0;
    if (!self->positional && (level == 0 || gathered > 1)) {
        shared = entry_key_common(&at->items[at->full + (level == 0 ? 0u : 1u)], entry);
    }
    uint64_t saved = (uint64_t)shared * gathered;
    uint64_t needed = size > saved ? size - saved : 0;
    return level == 0 ? needed > STREAM_LEAF_BYTES && gathered >= NODE_ENTRIES_MIN
                      : node_overfull((uint8_t)level, (uint32_t)needed, (uint32_t)gathered + 1u);
}

static void bytes_move(pbase_bytes *bytes, ptrdiff_t by)
{
    if (bytes->size != 0) {
        bytes->data += by;
    }
}

/* Makes room for one more entry. */
static pbase_status items_reserve(const tree_stream *self, row *at, pbase_error *err)
{
    const pbase_alloc *alloc = self->source->alloc;
    if (at->count < at->capacity) {
        return PBASE_OK;
    }
    size_t capacity = at->capacity == 0 ? 64 : at->capacity * 2;
    node_entry *items =
        alloc->resize(alloc, at->items, at->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return no_memory(err);
    }
    at->items = items;
    at->capacity = capacity;
    return PBASE_OK;
}

/* Makes room for one more entry, and for what it points to. */
static pbase_status row_reserve(const tree_stream *self, row *at, const node_entry *entry,
                                pbase_error *err)
{
    size_t more = entry->tail.size + entry->spelling.size + entry->bytes.size;
    pbase_status status = items_reserve(self, at, err);
    if (status != PBASE_OK || more <= at->gathered.capacity - at->gathered.size) {
        return status;
    }
    const uint8_t *before = at->gathered.data;
    status = pbase_buffer_reserve(&at->gathered, more, err);
    if (status == PBASE_OK && at->gathered.data != before && before != NULL) {
        ptrdiff_t by = at->gathered.data - before;
        for (size_t i = at->full; i < at->count; i++) {
            bytes_move(&at->items[i].tail, by);
            bytes_move(&at->items[i].spelling, by);
            bytes_move(&at->items[i].bytes, by);
        }
    }
    return status;
}

/* A copy in the row's bytes, for which there is room. */
static pbase_bytes row_copy(row *at, pbase_bytes bytes)
{
    if (bytes.size == 0) {
        return pbase_bytes_of(NULL, 0);
    }
    uint8_t *to = at->gathered.data + at->gathered.size;
    memcpy(to, bytes.data, bytes.size);
    at->gathered.size += bytes.size;
    return pbase_bytes_of(to, bytes.size);
}

/* What is gathered is full; nothing else is. */
static void row_close(row *at)
{
    pbase_buffer emptied = at->full_bytes;
    PBASE_ASSERT(at->full == 0);
    at->full_bytes = at->gathered;
    at->gathered = emptied;
    at->gathered.size = 0;
    at->full_form = at->gauge.even;
    node_gauge_init(&at->gauge, at->gauge.whole.level, at->gauge.whole.positional);
    at->full = at->count;
}

/* Adds an entry, for which there is room, and which may lie there already; what it points to stays where it
 * is. */
static node_entry *row_add_borrowed(row *at, const node_entry *entry)
{
    node_entry *item = &at->items[at->count++];
    if (item != entry) {
        *item = *entry;
    }
    node_gauge_add(&at->gauge, item);
    at->seen++;
    return item;
}

/* The same, with a copy of what it points to. */
static void row_add(row *at, const node_entry *entry)
{
    node_entry *item = row_add_borrowed(at, entry);
    item->tail = row_copy(at, item->tail);
    item->spelling = row_copy(at, item->spelling);
    item->bytes = row_copy(at, item->bytes);
}

/* Forgets the first `count` entries, which went into a node. */
static void row_forget(row *at, size_t count)
{
    at->count -= count;
    at->full = at->full > count ? at->full - count : 0;
    memmove(at->items, at->items + count, at->count * sizeof *at->items);
}

/* --------------------------------------------------------------------------------- nodes ------ */

static pbase_status row_make_way(tree_stream *self, uint32_t level, const node_entry *entry,
                                 pbase_error *err);

/* The entry of a node that is to be laid out of the first entries of a row, but for what only the
 * node itself tells. */
static node_entry entry_above(const tree_stream *self, uint32_t level)
{
    const row *at = self->rows[level], *above = self->rows[level + 1];
    node_entry entry;
    memset(&entry, 0, sizeof entry);
    if (!self->positional && above->seen > 0) { /* the first one needs no key */
        entry.tail = at->items[0].tail;
        entry.tail.size = level == 0 ? at->separator_bytes : entry.tail.size;
    }
    return entry;
}

/* A node that is to be made of the first entries of a row. */
typedef struct {
    node_plan plan;
    entry_form form; /* even: known to be, without looking at each; else the plan finds out */
    uint32_t size;
} node_design;

static void design(const row *at, uint32_t level, size_t count, bool positional, node_design *out)
{
    node_plan_init(&out->plan, (uint8_t)level, positional);
    node_plan_add_entries(&out->plan, at->items, (uint32_t)count);
    out->form = at->full_form;
    out->form.even = out->form.even && count == at->full && count >= NODE_EVEN_MIN;
    if (out->form.even && !positional) {
        out->form.prefix_size = entry_key_common(&at->items[0], &at->items[count - 1]);
        out->form.tail_size = (uint16_t)(out->form.tail_size - out->form.prefix_size);
    }
    out->size = out->form.even ? node_even_stored_size(&out->form, (uint32_t)count)
                               : node_plan_stored_size(&out->plan, 0, (uint32_t)count);
}

/* Lays a node out in the batch, where there is room for it. */
static void node_lay(tree_stream *self, uint32_t level, const node_design *made_of,
                     node_entry *entry)
{
    row *at = self->rows[level];
    const node_plan *plan = &made_of->plan;
    uint32_t size = made_of->size;
    uint8_t *payload = tree_batch_add(&at->nodes, size);
    if (made_of->form.even) {
        node_even_store(at->items, plan->count, &made_of->form, payload);
    } else {
        node_plan_store(plan, payload, size);
    }
    node made = node_of(payload, size);
    entry->child = node_child_of(ATOM_REF_NONE, &made);
    entry->child.size = size;
    if (plan->count < at->count && level == 0 && !self->positional) {
        at->separator_bytes =
            entry_key_common(&at->items[plan->count - 1], &at->items[plan->count]) + 1u;
    }
}

/* Everything that may fail before the first `count` entries of a row become a node. */
static pbase_status node_prepare(tree_stream *self, uint32_t level, uint32_t size, pbase_error *err)
{
    row *at = self->rows[level];
    pbase_status status = PBASE_OK;
    if (self->rows[level + 1] == NULL) {
        status = row_create(self, level + 1, err);
    }
    if (status == PBASE_OK && tree_batch_full(&at->nodes, size)) {
        status = nodes_leave(self, level, err);
    }
    if (status == PBASE_OK) {
        node_entry entry = entry_above(self, level);
        status = row_make_way(self, level + 1, &entry, err);
        if (status == PBASE_OK) {
            status = row_reserve(self, self->rows[level + 1], &entry, err);
        }
    }
    /* last: making way above may have let those laid out leave */
    return status == PBASE_OK ? tree_batch_reserve(&at->nodes, size, err) : status;
}

/* Makes a node of the first `count` entries of a row. */
static pbase_status node_make(tree_stream *self, uint32_t level, size_t count, pbase_error *err)
{
    node_design next;
    const row *at = self->rows[level];
    bool is_even = at->full_form.even && count == at->full; /* then no value is large */
    pbase_status status = level > 0 ? places_require(self, level, count, err)
                          : is_even ? PBASE_OK
                                    : values_write(self, count, err);
    if (status != PBASE_OK) {
        return status;
    }
    design(self->rows[level], level, count, self->positional, &next);
    status = node_prepare(self, level, next.size, err);
    if (status == PBASE_OK) {
        node_entry entry = entry_above(self, level);
        node_lay(self, level, &next, &entry);
        row_add(self->rows[level + 1], &entry);
        row_forget(self->rows[level], count);
    }
    return status;
}

/* True when a node of what is full need not wait for the nodes below. */
static bool row_is_ready(const tree_stream *self, uint32_t level)
{
    return level == 0 || tree_batch_ready(&self->rows[level - 1]->nodes);
}

/* Lets a row take `entry`: a full node is made when the next one needs nothing of it any more, and what
 * is gathered becomes full when the entry does not fit. */
static pbase_status row_make_way(tree_stream *self, uint32_t level, const node_entry *entry,
                                 pbase_error *err)
{
    row *at = self->rows[level];
    size_t gathered = at->count - at->full;
    bool overflows = would_overflow(self, at, level, entry);
    pbase_status status = PBASE_OK;
    bool suffices = gathered >= at->full / 2 && row_is_ready(self, level);
    if (at->full > 0 && gathered > 0 && (overflows || suffices)) {
        status = node_make(self, level, at->full, err);
    }
    if (status == PBASE_OK && overflows && level > 0) {
        status = nodes_leave(self, level - 1, err); /* they land before a node names them */
    }
    if (status == PBASE_OK && overflows) {
        row_close(at);
    }
    return status;
}

/* ------------------------------------------------------------------------------- alike -------- */

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many entries like those gathered need nothing but to be added: no node is made before, none of them is too
 * much, whatever their keys have in common, and there is memory. */
static size_t alike_room(const tree_stream *self)
{
    const row *at = self->rows[0];
    size_t gathered = at->count - at->full;
    if (self->borrows || self->positional || gathered == 0 || !at->gauge.even.even ||
        (at->full > 0 && gathered >= at->full / 2)) {
        return 0;
    }
    size_t each = (size_t)at->gauge.even.tail_size + at->gauge.even.value_size;
    size_t most = node_gauge_even_most(&at->gauge, STREAM_LEAF_BYTES);
    size_t room = most > gathered ? most - gathered : 0;
    room = at->full > 0 ? lesser(room, at->full / 2 - gathered) : room;
    room = lesser(room, at->capacity - at->count);
    return lesser(room, (at->gathered.capacity - at->gathered.size) / each);
}

bool tree_stream_add_like(tree_stream *self, pbase_bytes key, uint8_t lead, pbase_bytes rest)
{
    row *at = self->rows[0];
    const entry_form *form = &at->gauge.even;
    if (self->alike_room == 0 || key.size != form->tail_size || rest.size + 1 != form->value_size ||
        memcmp(at->items[at->count - 1].tail.data, key.data, key.size) >= 0) {
        return false;
    }
    self->alike_room--;
    uint8_t *to = at->gathered.data + at->gathered.size;
    node_entry *item = &at->items[at->count++];
    memset(item, 0, sizeof *item);
    item->kind = NODE_VALUE_INLINE;
    item->tail = pbase_bytes_of(to, key.size);
    item->bytes = pbase_bytes_of(to + key.size, form->value_size);
    memcpy(to, key.data, key.size);
    to[key.size] = lead;
    if (rest.size != 0) {
        memcpy(to + key.size + 1, rest.data, rest.size);
    }
    at->gathered.size += key.size + form->value_size;
    node_gauge_add_like(&at->gauge);
    at->seen++;
    return true;
}

/* ----------------------------------------------------------------------------------- use ------ */

static pbase_status entry_check(const tree_stream *self, const encoded_key *key,
                                const tree_value *value, pbase_error *err)
{
    PBASE_ASSERT(value->kind == TREE_VALUE_BYTES);
    if (!self->positional) {
        pbase_bytes last = tree_stream_last(self);
        pbase_status status = tree_key_check(key, err);
        if (status != PBASE_OK) {
            return status;
        }
        if (last.size != 0 && pbase_bytes_compare(last, key->bytes) >= 0) {
            return PBASE_FAIL(err, PBASE_INVALID, "keys to be built from must ascend");
        }
    }
    if (value->bytes.size > PBASE_VALUE_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a value of %zu bytes; the limit is %zu",
                          value->bytes.size, (size_t)PBASE_VALUE_BYTES_MAX);
    }
    return PBASE_OK;
}

/* Begins an entry where it is going to lie, behind those of the leaves' row: to copy it there costs more than
 * all else that is done for it here. */
static pbase_status entry_begin(const tree_stream *self, const encoded_key *key,
                                const tree_value *value, node_entry **out, pbase_error *err)
{
    row *leaves = self->rows[0];
    pbase_status status = entry_check(self, key, value, err);
    if (status == PBASE_OK) {
        status = items_reserve(self, leaves, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    node_entry *entry = &leaves->items[leaves->count];
    memset(entry, 0, sizeof *entry);
    if (!self->positional) {
        entry->tail = key->bytes;
        entry->spelling = key->spelling;
    }
    entry->kind = value->bytes.size > NODE_INLINE_MAX ? NODE_VALUE_LARGE : NODE_VALUE_INLINE;
    entry->length = entry->kind == NODE_VALUE_LARGE ? (uint32_t)value->bytes.size : 0;
    entry->bytes = value->bytes;
    *out = entry;
    return PBASE_OK;
}

/* Writes a value that is too large to wait for its leaf. */
static pbase_status value_write_now(tree_stream *self, node_entry *entry, pbase_error *err)
{
    const uint32_t type = ATOM_VALUE;
    pbase_atom_pointer pointer;
    if (entry->kind != NODE_VALUE_LARGE || entry->bytes.size <= VALUE_WAITS_MAX) {
        return PBASE_OK;
    }
    pbase_status status =
        self->writer.write(self->writer.state, &type, &entry->bytes, 1, &pointer, err);
    if (status == PBASE_OK) {
        entry->ref = atom_ref_of_pointer(pointer);
        entry->bytes = pbase_bytes_of(NULL, 0);
    }
    return status;
}

pbase_status tree_stream_add(tree_stream *self, const encoded_key *key, const tree_value *value,
                             pbase_error *err)
{
    node_entry *entry = NULL;
    self->alike_room = 0;
    pbase_status status = entry_begin(self, key, value, &entry, err);
    if (status == PBASE_OK) {
        status =
            row_make_way(self, 0, entry, err); /* it stays, though others before it may leave */
    }
    if (status == PBASE_OK && !self->borrows) {
        status = row_reserve(self, self->rows[0], entry, err);
    }
    if (status == PBASE_OK) {
        status = value_write_now(self, entry, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (self->borrows) {
        (void)row_add_borrowed(self->rows[0], entry); /* nothing is to be changed in it */
    } else {
        row_add(self->rows[0], entry);
    }
    self->alike_room = alike_room(self);
    return PBASE_OK;
}

/* Makes nodes of all that is left of a row; the last one is not too small beside the one before. */
static pbase_status row_finish(tree_stream *self, uint32_t level, pbase_error *err)
{
    row *at = self->rows[level];
    pbase_status status = PBASE_OK;
    while (at->count > 0 && status == PBASE_OK) {
        size_t gathered = at->count - at->full;
        size_t next = at->full == 0 || gathered == 0 ? at->count
                      : gathered < at->full / 2      ? at->count / 2
                                                     : at->full;
        status = node_make(self, level, next, err);
        if (status == PBASE_OK && next != at->full) {
            at->full = 0;
        }
    }
    return status;
}

pbase_status tree_stream_finish(tree_stream *self, tree *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    uint32_t level = 0;
    self->alike_room = 0;
    for (; status == PBASE_OK && (level == 0 || self->rows[level]->seen > 1); level++) {
        if (self->rows[0]->seen == 0) {
            *out = tree_of(self->source, ATOM_REF_NONE, self->positional);
            return PBASE_OK;
        }
        status = row_finish(self, level, err);
    }
    if (status == PBASE_OK) {
        status = places_require(self, level, 1, err);
    }
    if (status == PBASE_OK) {
        *out = tree_of(self->source, self->rows[level]->items[0].child.ref, self->positional);
    }
    return status;
}
