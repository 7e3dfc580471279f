/* csv_columns.c - columns found, rows written. */
#include "csv_columns.h"

#include <string.h>

static const char no_document[] = "value";

static bool has(const csv_columns *self, pbase_bytes name, size_t guess)
{
    if (guess < self->count && pbase_bytes_equal(self->names[guess], name)) {
        return true; /* documents of one shape have their fields at the same place */
    }
    for (size_t i = 0; i < self->count; i++) {
        if (pbase_bytes_equal(self->names[i], name)) {
            return true;
        }
    }
    return false;
}

static pbase_status grow(csv_columns *self, pbase_error *err)
{
    size_t room = self->room == 0 ? 32 : self->room * 2;
    pbase_bytes *names = pbase_arena_array(self->arena, room, sizeof *names);
    if (names == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the columns");
    }
    if (self->count > 0) {
        memcpy(names, self->names, self->count * sizeof *names);
    }
    self->names = names;
    self->room = room;
    return PBASE_OK;
}

static pbase_status add(csv_columns *self, pbase_bytes name, size_t guess, pbase_error *err)
{
    if (has(self, name, guess)) {
        return PBASE_OK;
    }
    if (self->count == CSV_CELLS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u columns", CSV_CELLS_MAX);
    }
    pbase_status status = self->count == self->room ? grow(self, err) : PBASE_OK;
    status = status == PBASE_OK
                 ? pbase_arena_copy(self->arena, name, &self->names[self->count], err)
                 : status;
    self->count += status == PBASE_OK;
    return status;
}

pbase_status csv_columns_add(csv_columns *self, const pbase_value *value, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (value->kind != PBASE_MAP) {
        return add(self, pbase_bytes_text(no_document), 0, err);
    }
    for (size_t i = 0; i < value->as.map.count && status == PBASE_OK; i++) {
        status = add(self, value->as.map.fields[i].name, i, err);
    }
    return status;
}

pbase_status csv_columns_add_name(csv_columns *self, pbase_bytes name, pbase_error *err)
{
    return add(self, name, self->count, err);
}

pbase_status csv_columns_choose(csv_columns *self, const char *text, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (const char *at = text; status == PBASE_OK;) {
        size_t length = strcspn(at, ",");
        status = add(self, pbase_bytes_of(at, length), self->count, err);
        if (at[length] == '\0') {
            break;
        }
        at += length + 1;
    }
    return status;
}

pbase_status csv_columns_header(const csv_columns *self, bool with_key, pbase_buffer *out,
                                pbase_error *err)
{
    static const char key[] = "key";
    pbase_status status = with_key ? pbase_buffer_append(out, key, 3, err) : PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        if (with_key && pbase_bytes_equal(self->names[i], pbase_bytes_text(key))) {
            status = PBASE_FAIL(err, PBASE_INVALID, "a document has a field 'key', too");
            pbase_error_hint(err, "leave --keys out, or export as jsonl");
            return status;
        }
        status = i > 0 || with_key ? pbase_buffer_append_u8(out, ',', err) : PBASE_OK;
        status = status == PBASE_OK ? csv_append(self->names[i], false, out, err) : status;
    }
    return status == PBASE_OK ? pbase_buffer_append(out, "\r\n", 2, err) : status;
}

const pbase_value *csv_columns_cell(const pbase_value *value, pbase_bytes name)
{
    if (value->kind == PBASE_MAP) {
        return pbase_value_field(value, name);
    }
    return pbase_bytes_equal(name, pbase_bytes_text(no_document)) ? value : NULL;
}

pbase_status csv_columns_row(cli *run, const csv_columns *self, csv_types types,
                             const pbase_value *key, const pbase_value *value, pbase_buffer *out,
                             pbase_error *err)
{
    pbase_buffer scratch;
    pbase_buffer_init(&scratch, pbase_alloc_default());
    pbase_status status =
        key != NULL ? csv_append_value(run, types, key, &scratch, out, err) : PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        status = i > 0 || key != NULL ? pbase_buffer_append_u8(out, ',', err) : PBASE_OK;
        status = status == PBASE_OK
                     ? csv_append_value(run, types, csv_columns_cell(value, self->names[i]),
                                        &scratch, out, err)
                     : status;
    }
    pbase_buffer_fini(&scratch);
    return status == PBASE_OK ? pbase_buffer_append(out, "\r\n", 2, err) : status;
}
