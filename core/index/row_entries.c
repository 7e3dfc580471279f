/* row_entries.c - from the values of a row's fields to the keys of its entries. */
#include "index/row_entries.h"

#include "collection/key_element.h"
#include "collection/kind.h"
#include "index/entry.h"
#include "index/upkeep.h"

#include <inttypes.h>
#include <protobase/base/limits.h>
#include <stdio.h>
#include <stdlib.h>

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep indexes");
}

/* --------------------------------------------------------------------------------- lists ------- */

void index_entries_init(index_entries *self, const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
}

void index_entries_fini(index_entries *self)
{
    pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
    index_entries_init(self, self->alloc);
}

pbase_status index_entries_add(index_entries *self, const index_entry *entry, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 8 : self->capacity * 2;
        index_entry *grown = self->alloc->resize(
            self->alloc, self->items, self->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        self->items = grown;
        self->capacity = capacity;
    }
    self->items[self->count++] = *entry;
    return PBASE_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const index_entry *x = a, *y = b;
    return x->head != y->head ? (x->head > y->head) - (x->head < y->head)
                              : pbase_bytes_compare(x->key, y->key);
}

void index_entries_sort(index_entries *self)
{
    if (self->count > 1) {
        qsort(self->items, self->count, sizeof *self->items, compare_entries);
    }
}

/* The first bytes as a number that compares like them; zeros stand for those that are not there. */
static uint64_t head_of(pbase_bytes key)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++) {
        head = head << 8 | (i < key.size ? key.data[i] : 0u);
    }
    return head;
}

/* --------------------------------------------------------------------------------- a row ------- */

typedef struct {
    const index_definition *definition;
    const pbase_value *values;
    pbase_bytes row;
    size_t each; /* the field that gives several entries */
    pbase_buffer *scratch;
    pbase_arena *arena;
    index_entries *out;
} composer;

static bool is_null(const pbase_value *value)
{
    return value->kind == PBASE_NULL || value->kind == PBASE_VALUE_MISSING;
}

/* The elements; `element` stands for the field that gives several (NULL: a text to look into). */
static pbase_status compose_elements(const composer *c, const pbase_value *element,
                                     index_entry *entry, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    c->scratch->size = 0;
    for (size_t i = 0; i < c->definition->field_count && status == PBASE_OK; i++) {
        const pbase_value *value = i == c->each ? element : &c->values[i];
        if (value == NULL) {
            status = pbase_buffer_append_u8(c->scratch, ENTRY_LOOSE_TEXT, err);
        } else {
            entry->has_null = entry->has_null || is_null(value);
            status = entry_element(value, c->scratch, &entry->is_cut, err);
        }
    }
    entry->prefix = (uint32_t)c->scratch->size; /* INDEX_FIELDS_MAX elements at most */
    return status;
}

static pbase_status compose(const composer *c, const pbase_value *element, pbase_error *err)
{
    index_entry entry;
    memset(&entry, 0, sizeof entry);
    pbase_status status = compose_elements(c, element, &entry, err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(c->scratch, ENTRY_ROW, err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_bytes(c->scratch, c->row, err) : status;
    if (status == PBASE_OK && c->scratch->size > PBASE_KEY_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "an entry of %zu bytes; the limit is %u",
                            c->scratch->size, PBASE_KEY_BYTES_MAX);
    }
    if (status == PBASE_OK && entry.is_cut && c->definition->is_unique && !entry.has_null) {
        status = PBASE_FAIL(err, PBASE_LIMIT,
                            "a value takes more than %u bytes, and the index is unique",
                            INDEX_ELEMENT_BYTES_MAX);
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(c->arena, pbase_buffer_view(c->scratch), &entry.key, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    entry.head = head_of(entry.key);
    return index_entries_add(c->out, &entry, err);
}

/* One entry for each element; an empty list has one of null, so that no row is missing. */
static pbase_status compose_list(const composer *c, const pbase_value *list, pbase_error *err)
{
    static const pbase_value nothing = {.kind = PBASE_NULL};
    if (list->as.list.count > INDEX_ELEMENTS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a list of %zu elements; the limit of an index is %u",
                          (size_t)list->as.list.count, INDEX_ELEMENTS_MAX);
    }
    if (list->as.list.count == 0) {
        return compose(c, &nothing, err);
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < list->as.list.count && status == PBASE_OK; i++) {
        status = compose(c, &list->as.list.items[i], err);
    }
    return status;
}

/* Sorts what was added behind `first` and leaves each once. */
static void sort_out(index_entries *out, size_t first)
{
    size_t kept = first;
    qsort(out->items + first, out->count - first, sizeof *out->items, compare_entries);
    for (size_t i = first; i < out->count; i++) {
        if (kept == first || !pbase_bytes_equal(out->items[kept - 1].key, out->items[i].key)) {
            out->items[kept++] = out->items[i];
        }
    }
    out->count = kept;
}

pbase_status index_row_entries(const index_definition *definition, const pbase_value *values,
                               pbase_bytes row, pbase_buffer *scratch, pbase_arena *arena,
                               index_entries *out, pbase_error *err)
{
    composer c = {definition, values, row, index_multikey_field(definition), scratch, arena, out};
    size_t first = out->count;
    const pbase_value *several = c.each < definition->field_count ? &values[c.each] : NULL;
    pbase_status status;
    if (several == NULL) {
        status = compose(&c, NULL, err); /* no field is the one that gives several */
    } else if (several->kind == PBASE_LIST) {
        status = compose_list(&c, several, err);
    } else {
        status = compose(&c, several->kind == PBASE_STRING ? NULL : several, err);
    }
    if (status == PBASE_OK && out->count > first + 1) {
        sort_out(out, first);
    }
    if (status != PBASE_OK) {
        pbase_error_note(err, "index '%.*s'", (int)definition->name.size,
                         (const char *)definition->name.data);
    }
    return status;
}

/* ------------------------------------------------------------------------------- in words ------- */

static void describe_hashed(pbase_bytes row, char *out, size_t out_size)
{
    pbase_arena arena;
    pbase_value value;
    encoded_key key = {.bytes = row, .spelling = pbase_bytes_of(NULL, 0)};
    pbase_arena_init(&arena, pbase_alloc_default());
    if (key_decode_hashed(&key, &arena, &value, NULL) == PBASE_OK) {
        key_describe_value(&value, out, out_size);
    } else {
        (void)snprintf(out, out_size, "?");
    }
    pbase_arena_fini(&arena);
}

void index_row_describe(uint8_t kind, pbase_bytes row, char *out, size_t out_size)
{
    const kind_facts *facts = kind_find(kind);
    uint64_t position = 0;
    if (facts != NULL && facts->shape == KEY_SHAPE_HASHED) {
        describe_hashed(row, out, out_size);
        return;
    }
    if (!tree_kind_positional(kind)) {
        key_describe(row, out, out_size);
        return;
    }
    for (size_t i = 0; i < row.size; i++) {
        position = position << 8 | row.data[i];
    }
    (void)snprintf(out, out_size, "%" PRIu64, position);
}
