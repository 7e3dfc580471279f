/* verify.c - the entries that each row should have are looked up; then, unless there are exactly as
 * many as were found, each entry's row is asked whether it gives that entry. */
#include "index/verify.h"

#include "collection/tree_cursor.h"
#include "index/entry.h"
#include "index/row_entries.h"

#include <stdio.h>

typedef struct {
    const index_verification *of;
    index_verified *out;
    pbase_path *paths;
    pbase_value *values;
    size_t path_count;
    pbase_arena lasting, row;
    pbase_buffer scratch;
    index_entries entries; /* of one row */
    uint64_t found;        /* entries that rows give and that are there */
    uint64_t cut;          /* of the entries that rows give */
    pbase_buffer last;     /* elements of the entry before */
} verifier;

static pbase_status tell(verifier *v, pbase_error *err, const char *message)
{
    v->out->findings++;
    return v->out->findings > INDEX_FINDINGS_MAX
               ? PBASE_OK
               : v->of->each(v->of->each_state, PBASE_CORRUPT, v->of->place, message, err);
}

static pbase_status tell_entry(verifier *v, pbase_bytes entry, const char *what, pbase_error *err)
{
    char key[96], row[96] = "?", message[320];
    size_t fields = v->of->index.definition->field_count;
    pbase_bytes row_key;
    entry_describe(entry, fields, key, sizeof key);
    if (entry_row(entry, fields, &row_key)) {
        index_row_describe(v->of->kind, row_key, row, sizeof row);
    }
    (void)snprintf(message, sizeof message, "%s: key %s of row %s", what, key, row);
    return tell(v, err, message);
}

static pbase_status verifier_init(verifier *v, pbase_error *err)
{
    const index_definition *definition = v->of->index.definition;
    v->path_count = definition->field_count;
    pbase_arena_init(&v->lasting, v->of->alloc);
    pbase_arena_init(&v->row, v->of->alloc);
    pbase_buffer_init(&v->scratch, v->of->alloc);
    pbase_buffer_init(&v->last, v->of->alloc);
    index_entries_init(&v->entries, v->of->alloc);
    v->paths = pbase_arena_array(&v->lasting, v->path_count, sizeof *v->paths);
    v->values = pbase_arena_array(&v->lasting, v->path_count, sizeof *v->values);
    if (v->paths == NULL || v->values == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to check an index");
    }
    for (size_t i = 0; i < v->path_count; i++) {
        v->paths[i] = definition->fields[i].path;
    }
    return PBASE_OK;
}

static void verifier_fini(verifier *v)
{
    index_entries_fini(&v->entries);
    pbase_buffer_fini(&v->last);
    pbase_buffer_fini(&v->scratch);
    pbase_arena_fini(&v->row);
    pbase_arena_fini(&v->lasting);
}

/* ------------------------------------------------------------------------ rows to entries ------ */

static pbase_status entries_of(verifier *v, pbase_bytes row, pbase_bytes stored, pbase_error *err)
{
    value_coder *coder = v->of->coder;
    pbase_arena_reset(&v->row);
    v->entries.count = 0;
    pbase_status status =
        coder->vtable->extract(coder, stored, v->paths, v->path_count, &v->row, v->values, err);
    return status == PBASE_OK ? index_row_entries(v->of->index.definition, v->values, row,
                                                  &v->scratch, &v->row, &v->entries, err)
                              : status;
}

static pbase_status verify_row(verifier *v, pbase_bytes row, pbase_bytes stored, pbase_error *err)
{
    pbase_status status = entries_of(v, row, stored, err);
    for (size_t i = 0; i < v->entries.count && status == PBASE_OK; i++) {
        bool found = false;
        status = tree_has(&v->of->index.entries, v->entries.items[i].key, &found, err);
        v->found += found;
        v->cut += v->entries.items[i].is_cut;
        if (status == PBASE_OK && !found) {
            status = tell_entry(v, v->entries.items[i].key, "an entry is missing", err);
        }
    }
    v->out->rows++;
    return status;
}

static pbase_status verify_rows(verifier *v, pbase_error *err)
{
    tree_cursor cursor;
    uint8_t bytes[KEY_INDEX_BYTES];
    bool is_positional = tree_kind_positional(v->of->kind);
    tree_cursor_init(&cursor, &v->of->content, v->of->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        encoded_key key = {.bytes = key_of_index(v->out->rows, bytes)};
        tree_value value;
        status = is_positional ? PBASE_OK : tree_cursor_key(&cursor, &key, err);
        status = status == PBASE_OK ? tree_cursor_value(&cursor, &value, err) : status;
        status = status == PBASE_OK ? verify_row(v, key.bytes, value.bytes, err) : status;
        status = status == PBASE_OK ? pbase_call_check(v->of->call, v->of->os, err) : status;
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------ entries to rows ------ */

static uint64_t place_of(pbase_bytes row)
{
    uint64_t place = 0;
    for (size_t i = 0; i < row.size; i++) {
        place = place << 8 | row.data[i];
    }
    return place;
}

/* Whether the row that an entry names gives that entry. */
static pbase_status row_gives(verifier *v, pbase_bytes row, pbase_bytes entry, bool *out,
                              pbase_error *err)
{
    tree_item item;
    bool found = false;
    const tree *content = &v->of->content;
    *out = false;
    if (content->positional && row.size != KEY_INDEX_BYTES) {
        return PBASE_OK;
    }
    pbase_status status = content->positional ? tree_at(content, place_of(row), &item, &found, err)
                                              : tree_get(content, row, &item, &found, err);
    if (status != PBASE_OK || !found) {
        return status;
    }
    status = entries_of(v, row, item.value.bytes, err);
    for (size_t i = 0; i < v->entries.count && status == PBASE_OK; i++) {
        *out = *out || pbase_bytes_equal(v->entries.items[i].key, entry);
    }
    tree_item_release(content->source, &item);
    return status;
}

static pbase_status verify_origin(verifier *v, pbase_bytes entry, pbase_error *err)
{
    pbase_bytes row;
    bool gives = false;
    pbase_status status = PBASE_OK;
    if (entry_row(entry, v->path_count, &row)) {
        status = row_gives(v, row, entry, &gives, err);
    }
    return status == PBASE_OK && !gives ? tell_entry(v, entry, "no row gives an entry", err)
                                        : status;
}

/* Equal elements one after another in a unique index. */
static pbase_status verify_alone(verifier *v, pbase_bytes entry, pbase_error *err)
{
    size_t size = entry_prefix_size(entry, v->path_count);
    pbase_bytes prefix = pbase_bytes_of(entry.data, size);
    pbase_status status = PBASE_OK;
    if (size == 0 || entry_has_null(entry, v->path_count)) {
        return PBASE_OK;
    }
    if (pbase_bytes_equal(prefix, pbase_buffer_view(&v->last))) {
        status = tell_entry(v, entry, "a unique key is there again", err);
    }
    v->last.size = 0;
    return status == PBASE_OK ? pbase_buffer_append_bytes(&v->last, prefix, err) : status;
}

static pbase_status verify_entries(verifier *v, bool has_strangers, pbase_error *err)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, &v->of->index.entries, v->of->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK && tree_cursor_compare(&cursor, INDEX_CUT_MARK) < 0) {
        encoded_key key;
        status = tree_cursor_key(&cursor, &key, err);
        if (status == PBASE_OK && has_strangers) {
            status = verify_origin(v, key.bytes, err);
        }
        if (status == PBASE_OK && v->of->index.definition->is_unique) {
            status = verify_alone(v, key.bytes, err);
        }
        status = status == PBASE_OK ? pbase_call_check(v->of->call, v->of->os, err) : status;
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status verify_all(verifier *v, pbase_error *err)
{
    uint64_t cut = 0;
    pbase_status status = index_entries_count(&v->of->index.entries, &v->out->entries, &cut, err);
    status = status == PBASE_OK ? verify_rows(v, err) : status;
    bool has_strangers = v->found != v->out->entries;
    if (status == PBASE_OK && (has_strangers || v->of->index.definition->is_unique)) {
        status = verify_entries(v, has_strangers, err);
    }
    if (status == PBASE_OK && cut != v->cut) {
        status = tell(v, err, "the count of cut entries is wrong");
    }
    return status;
}

pbase_status index_verify(const index_verification *self, index_verified *out, pbase_error *err)
{
    verifier v;
    memset(&v, 0, sizeof v);
    memset(out, 0, sizeof *out);
    v.of = self;
    v.out = out;
    pbase_status status = verifier_init(&v, err);
    if (status == PBASE_OK) {
        status = verify_all(&v, err);
    }
    verifier_fini(&v);
    return status;
}
