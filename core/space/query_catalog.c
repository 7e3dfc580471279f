/* query_catalog.c - rows of a query from collection cursors: keys and still encoded values.
 *
 * Reading goes through the public cursors, so a transaction learns exactly what was read. */
#include "space/query_catalog.h"

#include "collection/kind.h"
#include "query/child_cell.h"
#include "space/index_rows.h"
#include "space/query_children.h"

/* One collection and its indexes, loaded when the query first asks for them. Whatever the query reads
 * of it, however late, is of this version: a transaction may go on changing it. */
typedef struct source_indexes source_indexes;
struct source_indexes {
    source_indexes *next;
    pbase_bytes name;
    collection *handle;
    index_view view;
    query_index *indexes; /* [view.count] */
    uint64_t rows;
    bool finds_keys;
};

typedef struct {
    query_catalog base; /* first member: the contract */
    query_catalog_base on;
    pbase_arena arena; /* what follows */
    source_indexes *sources;
    pbase_row_reader reader; /* of encoded values */
    query_children children;
} collection_catalog;

typedef struct {
    query_rows base;
    collection_catalog *catalog;
    collection *handle;
    pbase_cursor *cursor;
    pbase_range range;
    uint64_t repeats; /* of the entry the cursor stands on: rows it gives again */
    bool wants_keys;
    bool wants_values;
} collection_rows;

/* ------------------------------------------------------------------------- encoded values ---- */

static const collection_catalog *catalog_of_reader(const pbase_row_reader *reader)
{
    return (const collection_catalog *)(const void *)((const char *)reader -
                                                      offsetof(collection_catalog, reader));
}

static pbase_status reader_decode(const pbase_row_reader *self, pbase_bytes encoded,
                                  pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    value_coder *coder = catalog_of_reader(self)->on.context->coder;
    pbase_status status = coder->vtable->decode(coder, encoded, arena, out, err);
    return status == PBASE_OK ? query_children_note(encoded, out, 1, arena, err) : status;
}

static pbase_status reader_extract(const pbase_row_reader *self, pbase_bytes encoded,
                                   const pbase_path *paths, size_t count, pbase_arena *arena,
                                   pbase_value *out, pbase_error *err)
{
    value_coder *coder = catalog_of_reader(self)->on.context->coder;
    pbase_status status = coder->vtable->extract(coder, encoded, paths, count, arena, out, err);
    return status == PBASE_OK ? query_children_note(encoded, out, count, arena, err) : status;
}

static const pbase_row_reader_vtable reader_vtable = {
    .struct_size = sizeof(pbase_row_reader_vtable),
    .decode = reader_decode,
    .extract = reader_extract,
};

/* ------------------------------------------------------------------------------------ rows ---- */

static collection_rows *rows_from(query_rows *self)
{
    return (collection_rows *)self;
}

static pbase_status read_key(pbase_cursor *cursor, query_batch *batch, pbase_error *err)
{
    pbase_value key;
    pbase_status status = pbase_cursor_key(cursor, &key, err);
    return status == PBASE_OK
               ? pbase_value_copy(&key, batch->arena, &batch->keys[batch->count], err)
               : status;
}

/* A value that is not stored as one: the elements of a set are its keys. */
static pbase_status read_decoded(pbase_cursor *cursor, query_batch *batch, pbase_value *out,
                                 pbase_error *err)
{
    pbase_value element;
    pbase_status status = pbase_cursor_value(cursor, &element, err);
    return status == PBASE_OK ? pbase_value_copy(&element, batch->arena, out, err) : status;
}

/* An element of a counted set is the row {value, count}. */
static pbase_status read_counted(pbase_cursor *cursor, query_batch *batch, pbase_value *out,
                                 pbase_error *err)
{
    pbase_field *fields = pbase_arena_array(batch->arena, 2, sizeof *fields);
    uint64_t count = 0;
    if (fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a row");
    }
    fields[0].name = pbase_bytes_text("value");
    fields[1].name = pbase_bytes_text("count");
    pbase_status status = pbase_cursor_count(cursor, &count, err);
    if (status == PBASE_OK) {
        status = read_decoded(cursor, batch, &fields[0].value, err);
    }
    if (status == PBASE_OK) {
        fields[1].value = pbase_value_int((int64_t)count); /* at most PBASE_COUNT_MAX */
        *out = pbase_value_map(fields, 2);
    }
    return status;
}

/* A stored value stays encoded. */
static pbase_status read_value(const collection_rows *rows, query_batch *batch, pbase_error *err)
{
    pbase_value *out = &batch->values[batch->count];
    uint8_t kind = collection_kind(rows->handle);
    if (!kind_has_values(kind)) {
        return kind == PBASE_COLLECTION_COUNTED_SET ? read_counted(rows->cursor, batch, out, err)
                                                    : read_decoded(rows->cursor, batch, out, err);
    }
    pbase_bytes lent, kept;
    pbase_status status = cursor_stored(rows->cursor, &lent, err);
    if (status == PBASE_OK) {
        status = pbase_arena_copy(batch->arena, lent, &kept, err);
    }
    if (status == PBASE_OK) {
        *out = pbase_value_bytes(kept);
        out->kind = PBASE_CELL_ENCODED;
    }
    return status;
}

/* To the next row: a record of a multi-dictionary gives one for each time that it is there. */
static pbase_status move_on(collection_rows *rows, pbase_error *err)
{
    if (rows->repeats > 0) {
        rows->repeats--;
        return PBASE_OK;
    }
    pbase_status status = pbase_cursor_next(rows->cursor, err);
    if (status == PBASE_OK && collection_kind(rows->handle) == PBASE_COLLECTION_MULTI_DICT) {
        uint64_t count = 0;
        status = pbase_cursor_count(rows->cursor, &count, err);
        rows->repeats = status == PBASE_OK ? count - 1 : 0;
    }
    return status;
}

static pbase_status rows_next(query_rows *self, query_batch *batch, pbase_error *err)
{
    collection_rows *rows = rows_from(self);
    pbase_status status = PBASE_OK;
    batch->count = 0;
    while (status == PBASE_OK && batch->count < batch->capacity) {
        status = move_on(rows, err);
        if (status == PBASE_OK && batch->keys != NULL) {
            status = read_key(rows->cursor, batch, err);
        }
        if (status == PBASE_OK && batch->values != NULL) {
            status = read_value(rows, batch, err);
        }
        batch->count += status == PBASE_OK;
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* Of a part only the distinct records are counted without reading them. */
static pbase_status multi_count(const collection_rows *rows, bool *out_exact, uint64_t *out_count,
                                pbase_error *err)
{
    const pbase_multi_dict *dict = collection_multi_dict(rows->handle);
    *out_exact = rows->range.from == NULL && rows->range.to == NULL;
    return *out_exact ? pbase_multi_dict_total(dict, out_count, err)
                      : pbase_multi_dict_count_range(dict, &rows->range, out_count, err);
}

static pbase_status rows_count(query_rows *self, bool *out_exact, uint64_t *out_count,
                               pbase_error *err)
{
    collection_rows *rows = rows_from(self);
    *out_exact = true;
    switch (collection_kind(rows->handle)) {
    case PBASE_COLLECTION_DICT:
        return pbase_dict_count_range(collection_dict(rows->handle), &rows->range, out_count, err);
    case PBASE_COLLECTION_SET:
        return pbase_set_count_range(collection_set(rows->handle), &rows->range, out_count, err);
    case PBASE_COLLECTION_HASH_DICT: /* bounds are checked again by the query */
        return pbase_hash_dict_count(collection_hash_dict(rows->handle), out_count, err);
    case PBASE_COLLECTION_MULTI_DICT:
        return multi_count(rows, out_exact, out_count, err);
    case PBASE_COLLECTION_COUNTED_SET:
        return pbase_counted_set_count_range(collection_counted_set(rows->handle), &rows->range,
                                             out_count, err);
    default:
        return pbase_list_count(collection_list(rows->handle), out_count, err);
    }
}

static void rows_close(query_rows *self)
{
    collection_rows *rows = rows_from(self);
    pbase_cursor_close(rows->cursor);
    collection_close(rows->handle);
    pbase_alloc_free(rows->catalog->on.context->alloc, rows, sizeof *rows);
}

static const query_rows_vtable rows_vtable = {
    .next = rows_next, .count = rows_count, .close = rows_close};

static pbase_status open_cursor(collection_rows *rows, pbase_error *err)
{
    switch (collection_kind(rows->handle)) {
    case PBASE_COLLECTION_DICT:
        return pbase_dict_cursor(collection_dict(rows->handle), &rows->range, &rows->cursor, err);
    case PBASE_COLLECTION_SET:
        return pbase_set_cursor(collection_set(rows->handle), &rows->range, &rows->cursor, err);
    case PBASE_COLLECTION_HASH_DICT: /* hashes have another order than keys */
        return pbase_hash_dict_cursor(collection_hash_dict(rows->handle), &rows->cursor, err);
    case PBASE_COLLECTION_MULTI_DICT:
        return pbase_multi_dict_cursor(collection_multi_dict(rows->handle), &rows->range,
                                       &rows->cursor, err);
    case PBASE_COLLECTION_COUNTED_SET:
        return pbase_counted_set_cursor(collection_counted_set(rows->handle), &rows->range,
                                        &rows->cursor, err);
    default: /* positions are not keys: bounds are checked again by the query */
        return pbase_list_cursor(collection_list(rows->handle), NULL, &rows->cursor, err);
    }
}

static pbase_status open_rows(collection_catalog *catalog, collection *handle,
                              const query_scan *scan, query_rows **out, pbase_error *err)
{
    const pbase_alloc *alloc = catalog->on.context->alloc;
    if (collection_kind(handle) == PBASE_COLLECTION_ROPE) {
        collection_close(handle);
        return PBASE_FAIL(err, PBASE_INVALID, "the content of a blob has no rows");
    }
    collection_rows *rows = pbase_alloc_zeroed(alloc, 1, sizeof *rows);
    if (rows == NULL) {
        collection_close(handle);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to read a collection");
    }
    rows->base.vtable = &rows_vtable;
    rows->base.reader = &catalog->reader;
    rows->catalog = catalog;
    rows->handle = handle;
    rows->range = (pbase_range){.struct_size = sizeof rows->range,
                                .from = scan->low,
                                .to = scan->high,
                                .from_exclusive = scan->low_open,
                                .to_exclusive = scan->high_open};
    pbase_status status = open_cursor(rows, err);
    if (status != PBASE_OK) {
        rows_close(&rows->base);
        return status;
    }
    *out = &rows->base;
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------- catalog ---- */

static collection_catalog *catalog_from(query_catalog *self)
{
    return (collection_catalog *)self;
}

static pbase_status open_handle(collection_catalog *catalog, pbase_bytes name, collection **out,
                                pbase_error *err)
{
    char text[PBASE_NAME_BYTES_MAX + 1];
    if (name.size == 0 || name.size > PBASE_NAME_BYTES_MAX ||
        memchr(name.data, 0, name.size) != NULL) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no root of that name");
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    collection *handle = NULL;
    pbase_status status = catalog->on.open(catalog->on.state, text, &handle, err);
    if (status == PBASE_OK) {
        status = collection_drain(handle, err);
    }
    if (status != PBASE_OK) {
        collection_close(handle);
        return status;
    }
    *out = handle;
    return PBASE_OK;
}

static source_indexes *find_source(const collection_catalog *catalog, pbase_bytes name)
{
    source_indexes *source = catalog->sources;
    while (source != NULL && !pbase_bytes_equal(source->name, name)) {
        source = source->next;
    }
    return source;
}

static const index_live *find_index(const source_indexes *source, pbase_bytes name)
{
    for (size_t i = 0; source != NULL && i < source->view.count; i++) {
        if (pbase_bytes_equal(source->view.items[i].definition->name, name)) {
            return &source->view.items[i];
        }
    }
    return NULL;
}

static pbase_status open_by_index(collection_catalog *catalog, collection *handle, pbase_bytes name,
                                  const query_scan *scan, query_rows **out, pbase_error *err)
{
    index_rows_options options = {
        .context = catalog->on.context,
        .reader = &catalog->reader,
        .index = scan->access->is_by_key
                     ? NULL
                     : find_index(find_source(catalog, name), scan->access->index),
        .access = scan->access,
        .alloc = scan->alloc == NULL ? catalog->on.context->alloc : scan->alloc,
        .handle = handle};
    PBASE_ASSERT(scan->access->is_by_key || options.index != NULL); /* the catalog offered it */
    return index_rows_open(&options, out, err);
}

static pbase_status catalog_open(query_catalog *self, pbase_bytes name, const query_scan *scan,
                                 query_rows **out, pbase_error *err)
{
    collection_catalog *catalog = catalog_from(self);
    const source_indexes *source = find_source(catalog, name);
    collection *handle = NULL;
    pbase_status status = source != NULL ? collection_keep(source->handle, &handle, err)
                                         : open_handle(catalog, name, &handle, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = query_children_keep(&catalog->children, handle, err);
    if (status != PBASE_OK) {
        collection_close(handle);
        return status;
    }
    return scan->access == NULL ? open_rows(catalog, handle, scan, out, err)
                                : open_by_index(catalog, handle, name, scan, out, err);
}

static pbase_status catalog_open_child(query_catalog *self, const pbase_value *marker,
                                       query_rows **out, pbase_error *err)
{
    const query_scan whole = {.wants_values = true, .limit = UINT64_MAX};
    collection_catalog *catalog = catalog_from(self);
    pbase_collection_id id;
    collection *handle = NULL;
    if (!child_cell_id(marker, &id)) {
        return PBASE_FAIL(err, PBASE_INVALID, "the collection in the row cannot be told");
    }
    pbase_status status = query_children_open(&catalog->children, id, &handle, err);
    return status == PBASE_OK ? open_rows(catalog, handle, &whole, out, err) : status;
}

static pbase_status describe_indexes(collection_catalog *catalog, source_indexes *source,
                                     pbase_error *err)
{
    const index_view *view = &source->view;
    source->indexes = pbase_arena_array(&catalog->arena, view->count, sizeof *source->indexes);
    pbase_status status = source->indexes == NULL
                              ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a query")
                              : PBASE_OK;
    for (size_t i = 0; i < view->count && status == PBASE_OK; i++) {
        uint64_t entries = 0;
        query_index *index = &source->indexes[i];
        index->definition = view->items[i].definition;
        index->entries = &view->items[i].entries;
        status = index_entries_count(index->entries, &entries, &index->cut, err);
    }
    return status;
}

static pbase_status load_source(collection_catalog *catalog, pbase_bytes name, source_indexes **out,
                                pbase_error *err)
{
    source_indexes *source = pbase_arena_alloc(&catalog->arena, sizeof *source);
    if (source == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a query");
    }
    memset(source, 0, sizeof *source);
    pbase_status status = pbase_arena_copy(&catalog->arena, name, &source->name, err);
    status = status == PBASE_OK ? open_handle(catalog, name, &source->handle, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t kind = collection_kind(source->handle);
    source->finds_keys = kind == PBASE_COLLECTION_DICT || kind == PBASE_COLLECTION_HASH_DICT;
    status = tree_count(collection_tree(source->handle), &source->rows, err);
    if (status == PBASE_OK) {
        status = catalog->on.indexes(catalog->on.state, source->handle, &source->view, err);
    }
    if (status != PBASE_OK) {
        collection_close(source->handle);
        return status;
    }
    source->next = catalog->sources; /* ended with the catalog from here on */
    catalog->sources = source;
    *out = source;
    return describe_indexes(catalog, source, err);
}

static pbase_status catalog_facts(query_catalog *self, pbase_bytes name, query_facts *out,
                                  pbase_error *err)
{
    collection_catalog *catalog = catalog_from(self);
    source_indexes *source = find_source(catalog, name);
    pbase_status status = source == NULL ? load_source(catalog, name, &source, err) : PBASE_OK;
    if (status == PBASE_OK) {
        *out = (query_facts){source->indexes, source->view.count, source->rows, source->finds_keys};
    }
    return status;
}

static pbase_status catalog_list(query_catalog *self,
                                 pbase_status (*each)(void *state, pbase_bytes name,
                                                      pbase_error *err),
                                 void *state, pbase_error *err)
{
    collection_catalog *catalog = catalog_from(self);
    return catalog->on.list(catalog->on.state, each, state, err);
}

static void catalog_close(query_catalog *self)
{
    collection_catalog *catalog = catalog_from(self);
    for (source_indexes *source = catalog->sources; source != NULL; source = source->next) {
        index_view_fini(&source->view);
        collection_close(source->handle);
    }
    query_children_fini(&catalog->children);
    pbase_arena_fini(&catalog->arena);
    pbase_alloc_free(catalog->on.context->alloc, catalog, sizeof *catalog);
}

static const query_catalog_vtable catalog_vtable = {.open = catalog_open,
                                                    .list = catalog_list,
                                                    .close = catalog_close,
                                                    .facts = catalog_facts,
                                                    .open_child = catalog_open_child};

pbase_status query_catalog_create(const query_catalog_base *base, query_catalog **out,
                                  pbase_error *err)
{
    collection_catalog *catalog = pbase_alloc_zeroed(base->context->alloc, 1, sizeof *catalog);
    if (catalog == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a query");
    }
    catalog->base.vtable = &catalog_vtable;
    catalog->on = *base;
    query_children_init(&catalog->children, base->context);
    pbase_arena_init(&catalog->arena, base->context->alloc);
    catalog->reader.vtable = &reader_vtable;
    *out = &catalog->base;
    return PBASE_OK;
}
