/* index_rows.c - entries of an index to rows of its collection.
 *
 * Where the entries come in the order that is wanted, rows are fetched as the walk goes. Otherwise the
 * rows of all ranges are gathered, sorted into collection order and freed of repetitions first, so that
 * the result is what reading the collection gives. Each row that is fetched is told to the observer as
 * one that was read; the walks tell it of the ranges. Rows by key are gathered from the keys instead,
 * and one that is not there has been read all the same. */
#include "space/index_rows.h"

#include "collection/key_element.h"
#include "collection/kind.h"
#include "index/lookup.h"

#include <stdlib.h>

typedef struct {
    query_rows base;
    index_rows_options of;
    index_walk walk;
    bool is_walking;
    size_t range; /* the next one to walk */
    bool is_gathered;
    pbase_arena arena; /* of gathered rows */
    pbase_bytes *rows;
    size_t count, capacity;
    size_t at; /* the next one to give */
} index_rows;

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to read by an index");
}

static index_rows *rows_from(query_rows *self)
{
    return (index_rows *)self;
}

/* --------------------------------------------------------------------------------- walking ----- */

/* The row of the next entry of any range; END after the last. */
static pbase_status walk_next(index_rows *self, pbase_bytes *out, pbase_error *err)
{
    const query_access *access = self->of.access;
    for (;;) {
        if (!self->is_walking && self->range == access->range_count) {
            return PBASE_END;
        }
        if (!self->is_walking) {
            index_walk_init(&self->walk, self->of.index->definition, &self->of.index->entries,
                            &access->ranges[self->range++], access->is_reverse,
                            self->of.context->reads, self->of.context->alloc);
            self->is_walking = true;
        }
        pbase_status status = index_walk_next(&self->walk, out, err);
        if (status != PBASE_END) {
            return status;
        }
        index_walk_fini(&self->walk);
        self->is_walking = false;
    }
}

/* ------------------------------------------------------------------------------- gathering ----- */

static pbase_status gather_row(index_rows *self, pbase_bytes row, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
        pbase_bytes *grown = self->of.alloc->resize(
            self->of.alloc, self->rows, self->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        self->rows = grown;
        self->capacity = capacity;
    }
    pbase_status status = pbase_arena_copy(&self->arena, row, &self->rows[self->count], err);
    self->count += status == PBASE_OK;
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    return pbase_bytes_compare(*(const pbase_bytes *)a, *(const pbase_bytes *)b);
}

static pbase_status gather_entries(index_rows *self, pbase_error *err)
{
    pbase_bytes row;
    pbase_status status = walk_next(self, &row, err);
    while (status == PBASE_OK) {
        status = gather_row(self, row, err);
        status = status == PBASE_OK ? walk_next(self, &row, err) : status;
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* A value that can be no key is that of no row. */
static pbase_status gather_key(index_rows *self, const pbase_value *key, bool is_hashed,
                               key_scratch *scratch, pbase_error *err)
{
    encoded_key encoded;
    pbase_error cause;
    pbase_error_init(&cause);
    pbase_status status = is_hashed ? key_encode_hashed(key, scratch, &encoded, &cause)
                                    : key_encode(key, scratch, &encoded, &cause);
    if (status == PBASE_INVALID || status == PBASE_LIMIT) {
        return PBASE_OK;
    }
    if (status != PBASE_OK) {
        return PBASE_FAIL(err, status, "%s", cause.message);
    }
    return gather_row(self, encoded.bytes, err);
}

static bool is_hashed(const index_rows *self)
{
    return kind_find(collection_kind(self->of.handle))->shape == KEY_SHAPE_HASHED;
}

static pbase_status gather_keys(index_rows *self, pbase_error *err)
{
    const query_access *access = self->of.access;
    key_scratch scratch;
    pbase_status status = PBASE_OK;
    key_scratch_init(&scratch, self->of.context->alloc);
    for (size_t i = 0; i < access->key_count && status == PBASE_OK; i++) {
        status = gather_key(self, &access->keys[i], is_hashed(self), &scratch, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

static pbase_status gather(index_rows *self, pbase_error *err)
{
    pbase_status status =
        self->of.access->is_by_key ? gather_keys(self, err) : gather_entries(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->count > 1) {
        qsort(self->rows, self->count, sizeof *self->rows, compare_rows);
    }
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (kept == 0 || !pbase_bytes_equal(self->rows[kept - 1], self->rows[i])) {
            self->rows[kept++] = self->rows[i];
        }
    }
    self->count = kept;
    self->is_gathered = true;
    return PBASE_OK;
}

static pbase_status next_row(index_rows *self, pbase_bytes *out, pbase_error *err)
{
    const query_access *access = self->of.access;
    if (access->is_ordered || access->is_by_row) {
        return walk_next(self, out, err);
    }
    pbase_status status = self->is_gathered ? PBASE_OK : gather(self, err);
    if (status == PBASE_OK && self->at == self->count) {
        return PBASE_END;
    }
    if (status == PBASE_OK) {
        *out = self->rows[self->at++];
    }
    return status;
}

/* ---------------------------------------------------------------------------------- rows ------- */

static uint64_t place_of(pbase_bytes row)
{
    uint64_t place = 0;
    for (size_t i = 0; i < row.size; i++) {
        place = place << 8 | row.data[i];
    }
    return place;
}

static pbase_status row_missing(const index_rows *self, pbase_error *err)
{
    const index_definition *definition = self->of.index->definition;
    pbase_status status =
        PBASE_FAIL(err, PBASE_CORRUPT, "index '%.*s' has an entry of a row that is not there",
                   (int)definition->name.size, (const char *)definition->name.data);
    pbase_error_hint(err, "drop the index and create it again; 'protobase index check' tells more");
    return status;
}

/* END: there is no row with that key. */
static pbase_status row_find(const index_rows *self, pbase_bytes row, tree_item *out,
                             pbase_error *err)
{
    const tree *content = collection_tree(self->of.handle);
    read_observer *reads = self->of.context->reads;
    bool found = false;
    pbase_status status = PBASE_OK;
    if (reads != NULL) {
        status = reads->vtable->key_read(reads, collection_id(self->of.handle), row, err);
    }
    if (status == PBASE_OK && content->positional && row.size == KEY_INDEX_BYTES) {
        status = tree_at(content, place_of(row), out, &found, err);
    } else if (status == PBASE_OK && !content->positional) {
        status = tree_get(content, row, out, &found, err);
    }
    if (status == PBASE_OK && !found) {
        status = self->of.access->is_by_key ? PBASE_END : row_missing(self, err);
    }
    return status;
}

static pbase_status key_fill(const index_rows *self, pbase_bytes row, const tree_item *item,
                             query_batch *batch, pbase_error *err)
{
    pbase_value *out = &batch->keys[batch->count];
    if (collection_tree(self->of.handle)->positional) {
        *out = pbase_value_int((int64_t)place_of(row));
        return PBASE_OK;
    }
    pbase_value key;
    encoded_key encoded = {.bytes = row, .spelling = item->spelling};
    pbase_status status = is_hashed(self) ? key_decode_hashed(&encoded, batch->arena, &key, err)
                                          : key_decode(&encoded, batch->arena, &key, err);
    return status == PBASE_OK ? pbase_value_copy(&key, batch->arena, out, err) : status;
}

/* END: there is no row with that key. */
static pbase_status row_fill(const index_rows *self, pbase_bytes row, query_batch *batch,
                             pbase_error *err)
{
    tree_item item;
    pbase_status status = row_find(self, row, &item, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (batch->keys != NULL) {
        status = key_fill(self, row, &item, batch, err);
    }
    if (status == PBASE_OK && batch->values != NULL) {
        pbase_bytes kept;
        status = pbase_arena_copy(batch->arena, item.value.bytes, &kept, err);
        batch->values[batch->count] = pbase_value_bytes(kept);
        batch->values[batch->count].kind = PBASE_CELL_ENCODED;
    }
    tree_item_release(collection_tree(self->of.handle)->source, &item);
    return status;
}

static pbase_status rows_next(query_rows *base, query_batch *batch, pbase_error *err)
{
    index_rows *self = rows_from(base);
    pbase_status status = PBASE_OK;
    batch->count = 0;
    while (status == PBASE_OK && batch->count < batch->capacity) {
        pbase_bytes row;
        status = next_row(self, &row, err);
        if (status == PBASE_END) {
            return PBASE_OK;
        }
        status = status == PBASE_OK ? row_fill(self, row, batch, err) : status;
        batch->count += status == PBASE_OK;
        status = status == PBASE_END ? PBASE_OK : status;
    }
    return status;
}

/* How many rows there are is known once they have been read. */
static pbase_status rows_count(query_rows *base, bool *out_exact, uint64_t *out_count,
                               pbase_error *err)
{
    (void)base;
    (void)err;
    *out_exact = false;
    *out_count = 0;
    return PBASE_OK;
}

static void rows_close(query_rows *base)
{
    index_rows *self = rows_from(base);
    if (self->is_walking) {
        index_walk_fini(&self->walk);
    }
    pbase_alloc_free(self->of.alloc, self->rows, self->capacity * sizeof *self->rows);
    pbase_arena_fini(&self->arena);
    collection_close(self->of.handle);
    pbase_alloc_free(self->of.context->alloc, self, sizeof *self);
}

static const query_rows_vtable index_rows_vtable = {
    .next = rows_next, .count = rows_count, .close = rows_close};

pbase_status index_rows_open(const index_rows_options *options, query_rows **out, pbase_error *err)
{
    index_rows *self = pbase_alloc_zeroed(options->context->alloc, 1, sizeof *self);
    if (self == NULL) {
        collection_close(options->handle);
        return no_memory(err);
    }
    self->base.vtable = &index_rows_vtable;
    self->base.reader = options->reader;
    self->of = *options;
    pbase_arena_init(&self->arena, options->alloc);
    *out = &self->base;
    return PBASE_OK;
}
