/* csv_cells.c - typed cells. */
#include "csv_cells.h"

#include <inttypes.h>
#include <string.h>

csv_types csv_types_of(const char *text)
{
    return text == NULL                ? CSV_AUTO
           : strcmp(text, "text") == 0 ? CSV_TEXT
           : strcmp(text, "json") == 0 ? CSV_JSON
                                       : CSV_AUTO;
}

static void place_at(pbase_bytes record, size_t offset, pbase_error *err)
{
    uint64_t line, column;
    csv_place(record, offset, &line, &column);
    pbase_error_where(err, "line %" PRIu64 " column %" PRIu64, line, column);
}

static pbase_status check_utf8(pbase_bytes record, const csv_cell *cell, pbase_error *err)
{
    if (pbase_utf8_valid(cell->text)) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "the cell is not UTF-8");
    place_at(record, cell->offset, err);
    return status;
}

/* ------------------------------------------------------------------------------------ reading -- */

pbase_status csv_header_read(pbase_bytes record, pbase_arena *arena, csv_header *out,
                             pbase_error *err)
{
    csv_cell *cells = NULL;
    size_t count = 0;
    pbase_status status = csv_split(record, arena, &cells, &count, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_bytes *names = pbase_arena_array(arena, count, sizeof *names);
    if (names == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the header");
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = check_utf8(record, &cells[i], err);
        for (size_t j = 0; j < i && status == PBASE_OK; j++) {
            if (pbase_bytes_equal(names[j], cells[i].text)) {
                status = PBASE_FAIL(err, PBASE_INVALID, "the header has '%.*s' twice",
                                    (int)names[j].size, (const char *)names[j].data);
                place_at(record, cells[i].offset, err);
            }
        }
        status =
            status == PBASE_OK ? pbase_arena_copy(arena, cells[i].text, &names[i], err) : status;
    }
    if (status == PBASE_OK) {
        out->names = names;
        out->count = count;
    }
    return status;
}

/* Whether a text may be a scalar of JSON that is no string: only then it is worth parsing. */
static bool looks_scalar(pbase_bytes text)
{
    return text.size > 0 && strchr("-0123456789tfn", text.data[0]) != NULL &&
           text.data[0] != '\0' && text.data[text.size - 1] > ' ';
}

static bool looks_nested(pbase_bytes text)
{
    return text.size > 1 && ((text.data[0] == '{' && text.data[text.size - 1] == '}') ||
                             (text.data[0] == '[' && text.data[text.size - 1] == ']'));
}

/* Whether a cell of this text and quoting is, under `auto`, something other than a string. */
static pbase_status parse_auto(cli *run, pbase_bytes text, bool quoted, pbase_arena *arena,
                               bool *out_parsed, pbase_value *out, pbase_error *err)
{
    *out_parsed = false;
    if (!looks_nested(text) && (quoted || !looks_scalar(text))) {
        return PBASE_OK;
    }
    pbase_status status = pbase_json_parse(run->space, text, arena, out, NULL);
    if (status == PBASE_NO_MEMORY) {
        return PBASE_FAIL(err, status, "no memory for a cell");
    }
    *out_parsed = status == PBASE_OK;
    return PBASE_OK;
}

static pbase_status read_cell(cli *run, csv_types types, pbase_bytes record, const csv_cell *cell,
                              pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    bool parsed = false;
    pbase_status status = check_utf8(record, cell, err);
    if (status == PBASE_OK && types == CSV_JSON) {
        status = pbase_json_parse(run->space, cell->text, arena, out, err);
        parsed = true;
        if (status == PBASE_INVALID || status == PBASE_LIMIT) {
            place_at(record, cell->offset, err);
        }
    } else if (status == PBASE_OK && types == CSV_AUTO) {
        status = parse_auto(run, cell->text, cell->quoted, arena, &parsed, out, err);
    }
    if (status == PBASE_OK && !parsed) {
        *out = pbase_value_string(cell->text);
    }
    return status;
}

static pbase_status check_count(const csv_header *header, pbase_bytes record, const csv_cell *cells,
                                size_t count, pbase_error *err)
{
    if (count == header->count) {
        return PBASE_OK;
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_INVALID, "%zu cells, where the header has %zu", count, header->count);
    place_at(record, cells[count < header->count ? count - 1 : header->count].offset, err);
    return status;
}

pbase_status csv_read_document(cli *run, const csv_header *header, csv_types types,
                               pbase_bytes record, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    csv_cell *cells = NULL;
    size_t count = 0, used = 0;
    pbase_status status = csv_split(record, arena, &cells, &count, err);
    status = status == PBASE_OK ? check_count(header, record, cells, count, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    pbase_field *fields = pbase_arena_array(arena, count, sizeof *fields);
    if (fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a document");
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        bool is_absent = cells[i].text.size == 0 && !cells[i].quoted && types != CSV_TEXT;
        if (!is_absent) {
            fields[used].name = header->names[i];
            status = read_cell(run, types, record, &cells[i], arena, &fields[used++].value, err);
        }
    }
    *out = pbase_value_map(fields, used);
    return status;
}

/* ------------------------------------------------------------------------------------ writing -- */

/* A string goes without quotes only where it would come back as a string. */
static pbase_status append_string(cli *run, pbase_bytes text, pbase_buffer *out, pbase_error *err)
{
    bool parsed = false;
    pbase_value value;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status =
        looks_scalar(text) ? parse_auto(run, text, false, &arena, &parsed, &value, err) : PBASE_OK;
    pbase_arena_fini(&arena);
    return status == PBASE_OK ? csv_append(text, parsed || text.size == 0, out, err) : status;
}

pbase_status csv_append_value(cli *run, csv_types types, const pbase_value *value,
                              pbase_buffer *scratch, pbase_buffer *out, pbase_error *err)
{
    if (value == NULL || (value->kind == PBASE_NULL && types == CSV_TEXT)) {
        return PBASE_OK;
    }
    if (value->kind == PBASE_STRING && types == CSV_AUTO) {
        return append_string(run, value->as.string, out, err);
    }
    if (value->kind == PBASE_STRING && types == CSV_TEXT) {
        return csv_append(value->as.string, false, out, err);
    }
    scratch->size = 0;
    pbase_status status = pbase_json_format(run->space, value, scratch, err);
    return status == PBASE_OK ? csv_append(pbase_buffer_view(scratch), false, out, err) : status;
}
