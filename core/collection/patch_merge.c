/* patch_merge.c - from a patch and its base to the leaf they stand for.
 *
 * Nearly always the base lies in a row and what was put since is as its entries are: then the leaf is laid out as
 * it would be stored, in one go through both. Else the entries of the patch are put into a copy of the base one
 * by one, in a piece of memory that has room for all of them; where one does not fit the form of the leaf, that
 * is written anew. */
#include "collection/node_change.h"
#include "collection/patch.h"
#include "collection/search.h"

#include <inttypes.h>

/* ------------------------------------------------------------------------------ in a row ------ */

#define ROW_TAIL_MAX 64u /* of a key; longer ones are put one by one */

/* A leaf in a row, as far as it is laid out. */
typedef struct {
    const node *base;
    uint8_t *heads, *rows; /* where the next entry goes */
    uint32_t next;         /* entry of the base that comes next */
    uint32_t left;         /* entries that may come beside those of the base */
} row_merge;

/* Begins a leaf of `total` entries that lie as those of the base do. */
static row_merge row_begin(const node *base, uint32_t total, uint8_t *payload)
{
    uint32_t start = NODE_HEADER_BYTES + node_prefix_room(base->prefix_size);
    uint32_t rows = start + total * 4;
    memcpy(payload, base->payload, start);
    pbase_put_u32(payload + NODE_AT_COUNT, total);
    pbase_put_u64(payload + NODE_AT_TOTAL, total);
    pbase_put_u32(payload + NODE_AT_HEAP, rows);
    row_merge self = {base, payload + start, payload + rows, 0, total - base->count};
    return self;
}

/* Takes the entries of the base up to `end`. */
static void row_take(row_merge *self, uint32_t end)
{
    size_t count = end - self->next, stride = self->base->stride;
    memcpy(self->heads, self->base->heads + (size_t)self->next * 4, count * 4);
    memcpy(self->rows, node_entry_at(self->base, self->next), count * stride);
    self->heads += count * 4;
    self->rows += count * stride;
    self->next = end;
}

/* The tail of an entry of a patch behind the prefix of the base. False: it does not lie in a row there. */
static bool row_tail(const node *base, const node *patch, pbase_bytes tail, uint8_t *out)
{
    uint32_t prefix = base->prefix_size, more = 0; /* bytes of the patch's prefix in the tail */
    if (patch->prefix_size >= prefix) {
        more = patch->prefix_size - prefix;
    } else {
        uint32_t less = prefix - patch->prefix_size;
        if (tail.size < less ||
            memcmp(tail.data, node_prefix(base).data + patch->prefix_size, less) != 0) {
            return false;
        }
        tail = pbase_bytes_of(tail.data + less, tail.size - less);
    }
    if (more + tail.size != base->tail_size) {
        return false;
    }
    memcpy(out, node_prefix(patch).data + prefix, more);
    memcpy(out + more, tail.data, tail.size);
    return true;
}

/* Where in the base, from `from` on, an entry with such a tail is, or would be. */
static uint32_t row_find(const node *base, uint32_t from, const uint8_t *tail, bool *out_found)
{
    uint32_t head = node_head_of(tail, base->tail_size);
    uint32_t at = node_head_bound(base, from, base->count, head);
    int order = -1;
    while (at < base->count && node_head(base, at) == head) {
        order = memcmp(node_entry_at(base, at), tail, base->tail_size);
        if (order >= 0) {
            break;
        }
        at++;
    }
    *out_found = order == 0;
    return at;
}

/* Puts entry `index` of the patch. False: it does not lie in a row, or is one too many. */
static bool row_put(row_merge *self, const node *patch, uint32_t index)
{
    const node *base = self->base;
    uint8_t tail[ROW_TAIL_MAX];
    pbase_bytes given, value;
    bool found = false;
    if (!node_plain_entry(patch, index, &given, &value) || value.size != base->value_size ||
        !row_tail(base, patch, given, tail)) {
        return false;
    }
    uint32_t at = row_find(base, self->next, tail, &found);
    if (!found && self->left == 0) {
        return false;
    }
    row_take(self, at);
    pbase_put_u32(self->heads, node_head_of(tail, base->tail_size));
    memcpy(self->rows, tail, base->tail_size);
    memcpy(self->rows + base->tail_size, value.data, value.size);
    self->heads += 4;
    self->rows += base->stride;
    self->next += found ? 1u : 0u;
    self->left -= found ? 0u : 1u;
    return true;
}

/* Whether it may be tried at all. */
static bool row_possible(const node *base, const node *patch)
{
    uint32_t both = base->prefix_size < patch->prefix_size ? base->prefix_size : patch->prefix_size;
    return base->stride != 0 && base->tail_size <= ROW_TAIL_MAX &&
           node_total(patch) >= base->count && node_total(patch) - base->count <= patch->count &&
           memcmp(node_prefix(base).data, node_prefix(patch).data, both) == 0;
}

static uint32_t row_size(const node *base, uint32_t total)
{
    return base->size + (total - base->count) * (base->stride + 4);
}

/* False: something does not lie in a row, or the patch and its base do not go together. */
static bool row_run(const node *base, const node *patch, uint8_t *payload)
{
    row_merge run = row_begin(base, (uint32_t)node_total(patch), payload);
    for (uint32_t i = 0; i < patch->count; i++) {
        if (!row_put(&run, patch, i)) {
            return false;
        }
    }
    row_take(&run, base->count);
    return run.left == 0;
}

/* ----------------------------------------------------------------------------- one by one ----- */

typedef struct {
    atom_source *source;
    atom_memory *memory; /* the leaf so far */
    atom_memory **spare; /* may be taken; NULL: there is none */
    node leaf;
    uint32_t room; /* that the entries which are still to be put may take */
    pbase_buffer key;
} merge;

static pbase_status merge_refuse(uint32_t count, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a leaf of %" PRIu32 " entries", count);
}

static atom_memory *merge_memory(atom_source *source, uint32_t size)
{
    atom_memory *memory = atom_memory_create(source, ATOM_NODE, (size + 15u) & ~15u);
    if (memory != NULL) {
        memory->size = memory->capacity;
    }
    return memory;
}

static pbase_status merge_begin(merge *self, const node *base, const node *patch, pbase_error *err)
{
    self->room = 2u * node_live_size(patch); /* behind a shorter prefix each may be longer */
    self->memory = merge_memory(self->source, node_live_size(base) + self->room);
    if (self->memory == NULL) {
        return merge_refuse(base->count, err);
    }
    node_copy(base, self->memory->payload, self->memory->size);
    self->leaf = node_of(self->memory->payload, self->memory->size);
    return PBASE_OK;
}

/* Writes the leaf anew, with the change. */
static pbase_status merge_anew(merge *self, const node_change *change, pbase_error *err)
{
    node_plan plan;
    node_plan_init(&plan, 0, false);
    node_plan_changed(&plan, &self->leaf, change);
    atom_memory *memory =
        merge_memory(self->source, node_plan_size(&plan, 0, plan.count) + self->room);
    if (memory == NULL) {
        return merge_refuse(plan.count, err);
    }
    node_plan_write(&plan, 0, plan.count, memory->payload, memory->size);
    atom_memory_destroy(self->source, self->memory);
    self->memory = memory;
    self->leaf = node_of(memory->payload, memory->size);
    return PBASE_OK;
}

static pbase_status merge_put(merge *self, const node *patch, uint32_t index, pbase_error *err)
{
    node_change change;
    bool found = false;
    memset(&change, 0, sizeof change);
    self->key.size = 0;
    pbase_status status = node_key_append(patch, index, &self->key, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_entry_read(patch, index, &change.item);
    change.has_item = true;
    change.from = node_search(&self->leaf, pbase_buffer_view(&self->key), &found);
    change.to = change.from + (found ? 1u : 0u);
    if (!node_change_has_room(&self->leaf, &change, self->memory->size)) {
        return merge_anew(self, &change, err);
    }
    self->leaf = node_change_apply(&self->leaf, self->memory->payload, &change);
    return PBASE_OK;
}

static pbase_status put_each(merge *self, atom_ref ref, const node *base, const node *patch,
                             pbase_error *err)
{
    pbase_status status = merge_begin(self, base, patch, err);
    for (uint32_t i = 0; status == PBASE_OK && i < patch->count; i++) {
        status = merge_put(self, patch, i, err);
    }
    if (status == PBASE_OK && self->leaf.count != node_total(patch)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the patch at %#" PRIx64 " and its leaf have %" PRIu32
                            " entries together, and not the %" PRIu64 " it says",
                            patch_pointer_of(ref), self->leaf.count, node_total(patch));
    }
    return status;
}

/* -------------------------------------------------------------------------------- merging ----- */

#define MERGE_AHEAD                                                                                \
    1024u /* of a base: what comes behind is read in order, which a processor sees */

#define SPARE_PART 8u /* of a leaf: room for a larger one in the same memory */

/* Memory for a leaf of `size` bytes. */
static atom_memory *row_memory(const merge *self, uint32_t size)
{
    atom_memory *spare = self->spare == NULL ? NULL : *self->spare;
    if (spare != NULL && spare->capacity >= size) {
        *self->spare = NULL;
        return spare;
    }
    uint32_t room = self->spare == NULL ? 0 : size / SPARE_PART;
    return atom_memory_create(self->source, ATOM_NODE, size + room);
}

/* Lays the leaf out in a row, in memory of its own, if it can: else there is none. */
static pbase_status merge_row(merge *self, const node *base, const node *patch, pbase_error *err)
{
    if (!row_possible(base, patch)) {
        return PBASE_OK;
    }
    uint32_t size = row_size(base, (uint32_t)node_total(patch));
    atom_memory *memory = row_memory(self, size);
    if (memory == NULL) {
        return merge_refuse(base->count, err);
    }
    if (!row_run(base, patch, memory->payload)) {
        atom_memory_destroy(self->source, memory);
        return PBASE_OK;
    }
    memory->size = size;
    self->memory = memory;
    self->leaf = node_of(memory->payload, size);
    return PBASE_OK;
}

static pbase_status merge_run(merge *self, atom_ref ref, const node *base, const node *patch,
                              pbase_error *err)
{
    pbase_status status = merge_row(self, base, patch, err);
    if (status != PBASE_OK || self->memory != NULL) {
        return status;
    }
    pbase_buffer_init(&self->key, self->source->alloc);
    status = put_each(self, ref, base, patch, err);
    pbase_buffer_fini(&self->key);
    return status;
}

pbase_status patch_merge(atom_source *source, atom_ref ref, atom_view *view, node *out,
                         pbase_error *err)
{
    return patch_merge_into(source, ref, view, out, NULL, err);
}

pbase_status patch_merge_into(atom_source *source, atom_ref ref, atom_view *view, node *out,
                              atom_memory **spare, pbase_error *err)
{
    merge run = {.source = source, .memory = NULL, .spare = spare};
    node patch = node_of(view->payload, view->size), base;
    atom_view base_view;
    atom_prefetch(source, patch_base_of(&patch).ref, MERGE_AHEAD);
    pbase_status status = patch_base_acquire(source, ref, &patch, &base_view, &base, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = merge_run(&run, ref, &base, &patch, err);
    atom_release(source, &base_view);
    if (status == PBASE_OK) {
        atom_release(source, view);
        view->payload = run.memory->payload;
        view->size = run.memory->size;
        view->type = ATOM_NODE;
        view->pin = (void *)((uintptr_t)run.memory | ATOM_PIN_MEMORY);
        *out = run.leaf;
    } else if (run.memory != NULL) {
        atom_memory_destroy(source, run.memory);
    }
    return status;
}
