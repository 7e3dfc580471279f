/* memory_catalog.c - a cursor over an array; an encoded document is the address of its value. */
#include "memory_catalog.h"
#include "expr/path.h"
#include <stdlib.h>

typedef struct {
    pbase_row_reader base;
    memory_catalog *catalog;
} memory_reader;

typedef struct {
    query_rows base;
    memory_reader reader;
    memory_catalog *catalog;
    const memory_collection *collection;
    query_scan scan;
    size_t at;
    size_t given;
} memory_rows;

static const pbase_value *opened(pbase_bytes encoded)
{
    const pbase_value *document = NULL;
    PBASE_ASSERT(encoded.size == sizeof document);
    memcpy(&document, encoded.data, sizeof document);
    return document;
}

static pbase_status memory_decode(const pbase_row_reader *self, pbase_bytes encoded,
                                  pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    ((const memory_reader *)self)->catalog->decoded++;
    return pbase_value_copy(opened(encoded), arena, out, err);
}

static pbase_status memory_extract(const pbase_row_reader *self, pbase_bytes encoded,
                                   const pbase_path *paths, size_t count, pbase_arena *arena,
                                   pbase_value *out, pbase_error *err)
{
    (void)arena;
    (void)err;
    ((const memory_reader *)self)->catalog->extracted++;
    for (size_t i = 0; i < count; i++) {
        const pbase_value *found = path_lookup(opened(encoded), &paths[i]);
        if (found == NULL) {
            out[i].kind = PBASE_VALUE_MISSING;
        } else {
            out[i] = *found;
        }
    }
    return PBASE_OK;
}

static pbase_value key_of(const memory_collection *collection, size_t at)
{
    return collection->keys == NULL ? pbase_value_int((int64_t)at) : collection->keys[at];
}

static bool is_inside(const memory_rows *self, const pbase_value *key)
{
    const query_scan *scan = &self->scan;
    int low = scan->low == NULL ? 1 : pbase_value_compare(key, scan->low);
    int high = scan->high == NULL ? -1 : pbase_value_compare(key, scan->high);
    return self->catalog->ignores_bounds || ((low > 0 || (low == 0 && !scan->low_open)) &&
                                             (high < 0 || (high == 0 && !scan->high_open)));
}

static pbase_status encode(memory_rows *self, query_batch *batch, pbase_value *out,
                           pbase_error *err)
{
    const pbase_value *document = &self->collection->documents[self->at];
    if (self->catalog->gives_values) {
        *out = *document;
        return PBASE_OK;
    }
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    pbase_status status =
        pbase_arena_copy(batch->arena, pbase_bytes_of(&document, sizeof document), &copy, err);
    *out = pbase_value_bytes(copy);
    out->kind = PBASE_CELL_ENCODED;
    return status;
}

static pbase_status memory_next(query_rows *rows, query_batch *batch, pbase_error *err)
{
    memory_rows *self = (memory_rows *)rows;
    memory_catalog *catalog = self->catalog;
    pbase_status status = PBASE_OK;
    batch->count = 0;
    for (; self->at < self->collection->count && batch->count < batch->capacity; self->at++) {
        pbase_value key = key_of(self->collection, self->at);
        if (!is_inside(self, &key)) {
            continue;
        }
        if (self->given == self->scan.limit && !catalog->ignores_bounds) {
            break;
        }
        if (catalog->fails_with != PBASE_OK && catalog->rows_read == catalog->fails_after) {
            return PBASE_FAIL(err, catalog->fails_with, "the source fails as asked");
        }
        if (batch->keys != NULL) {
            batch->keys[batch->count] = key;
        }
        status = batch->values == NULL ? PBASE_OK
                                       : encode(self, batch, &batch->values[batch->count], err);
        if (status != PBASE_OK) {
            return status;
        }
        batch->count++;
        self->given++;
        catalog->rows_read++;
        if (catalog->raises != NULL && catalog->rows_read == catalog->raises_after) {
            *catalog->raises = 1;
        }
    }
    return PBASE_OK;
}

static pbase_status memory_count(query_rows *rows, bool *out_exact, uint64_t *out_count,
                                 pbase_error *err)
{
    const memory_rows *self = (const memory_rows *)rows;
    (void)err;
    *out_count = 0;
    for (size_t i = 0; i < self->collection->count; i++) {
        pbase_value key = key_of(self->collection, i);
        *out_count += is_inside(self, &key);
    }
    *out_exact = !self->catalog->hides_count;
    return PBASE_OK;
}

static void memory_rows_close(query_rows *rows)
{
    memory_rows *self = (memory_rows *)rows;
    self->catalog->open_rows--;
    pbase_alloc_free(self->catalog->alloc, self, sizeof *self);
}

static const pbase_row_reader_vtable memory_reader_vtable = {
    .struct_size = sizeof(pbase_row_reader_vtable),
    .decode = memory_decode,
    .extract = memory_extract,
};
static const query_rows_vtable memory_rows_vtable = {
    .next = memory_next,
    .count = memory_count,
    .close = memory_rows_close,
};

static pbase_status memory_open(query_catalog *catalog, pbase_bytes name, const query_scan *scan,
                                query_rows **out, pbase_error *err)
{
    memory_catalog *self = (memory_catalog *)catalog;
    size_t i = 0;
    while (i < self->count &&
           !pbase_bytes_equal(name, pbase_bytes_text(self->collections[i].name))) {
        i++;
    }
    if (i == self->count) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no collection '%.*s'", (int)name.size,
                          (const char *)name.data);
    }
    memory_rows *rows = pbase_alloc_zeroed(self->alloc, 1, sizeof *rows);
    if (rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for rows");
    }
    rows->base.vtable = &memory_rows_vtable;
    rows->base.reader = &rows->reader.base;
    rows->reader.base.vtable = &memory_reader_vtable;
    rows->reader.catalog = self;
    rows->catalog = self;
    rows->collection = &self->collections[i];
    rows->scan = *scan;
    self->open_rows++;
    *out = &rows->base;
    return PBASE_OK;
}

static pbase_status memory_list(query_catalog *catalog,
                                pbase_status (*each)(void *state, pbase_bytes name,
                                                     pbase_error *err),
                                void *state, pbase_error *err)
{
    const memory_catalog *self = (const memory_catalog *)catalog;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        status = each(state, pbase_bytes_text(self->collections[i].name), err);
    }
    return status;
}

static void memory_close(query_catalog *catalog)
{
    ((memory_catalog *)catalog)->closed++;
}

static const query_catalog_vtable memory_catalog_vtable = {
    .open = memory_open,
    .list = memory_list,
    .close = memory_close,
};

void memory_catalog_init(memory_catalog *self)
{
    memset(self, 0, sizeof *self);
    self->base.vtable = &memory_catalog_vtable;
    self->alloc = pbase_alloc_default();
}

void memory_catalog_add(memory_catalog *self, const char *name, const pbase_value *documents,
                        const pbase_value *keys, size_t count)
{
    PBASE_ASSERT(self->count < MEMORY_COLLECTIONS_MAX);
    self->collections[self->count++] = (memory_collection){name, documents, keys, count};
}

query_catalog *memory_catalog_take(memory_catalog *self)
{
    return &self->base;
}
