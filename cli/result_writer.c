/* result_writer.c - four ways to write rows. */
#include "result_writer.h"
#include "csv_columns.h"

#include <libsmartcols.h>
#include <string.h>

result_format result_format_of(const char *text, bool prefers_table)
{
    return text == NULL                 ? prefers_table ? RESULT_TABLE : RESULT_JSONL
           : strcmp(text, "table") == 0 ? RESULT_TABLE
           : strcmp(text, "json") == 0  ? RESULT_JSON
           : strcmp(text, "csv") == 0   ? RESULT_CSV
                                        : RESULT_JSONL;
}

static pbase_status run(cli *self, const result_source *source, pbase_result **out,
                        pbase_error *err)
{
    pbase_query_options options = {.struct_size = sizeof options, .call = &self->call};
    return source->txn != NULL
               ? pbase_query_run_in(source->query, source->txn, &options, out, err)
               : pbase_query_run(source->query, source->snapshot, &options, out, err);
}

/* The columns that a result names by itself; none where rows are whole documents. */
static pbase_status named_columns(const pbase_result *result, csv_columns *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < pbase_result_column_count(result) && status == PBASE_OK; i++) {
        status = csv_columns_add_name(out, pbase_result_column_name(result, i), err);
    }
    return status;
}

/* -------------------------------------------------------------------------------------- JSON ---- */

static pbase_status write_json(cli *self, const result_source *source, bool is_array,
                               pbase_error *err)
{
    pbase_result *result = NULL;
    pbase_buffer text;
    pbase_value row;
    const char *before = is_array ? "[\n" : "";
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = run(self, source, &result, err);
    status = status == PBASE_OK ? pbase_result_next(result, &row, err) : status;
    while (status == PBASE_OK) {
        text.size = 0;
        status = pbase_buffer_append_text(&text, err, "%s", before);
        status = status == PBASE_OK ? pbase_json_format(self->space, &row, &text, err) : status;
        status =
            status == PBASE_OK && !is_array ? pbase_buffer_append_u8(&text, '\n', err) : status;
        status = status == PBASE_OK ? cli_write(pbase_buffer_view(&text), err) : status;
        before = is_array ? ",\n" : "";
        status = status == PBASE_OK ? pbase_result_next(result, &row, err) : status;
    }
    pbase_result_close(result);
    pbase_buffer_fini(&text);
    if (status == PBASE_END && is_array) {
        return cli_print(err, "%s\n]\n", before[0] == '[' ? "[" : "");
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* --------------------------------------------------------------------------------------- CSV ---- */

/* Whole documents may differ: their fields are found in a run of their own, so that none is left out
 * and nothing need be held. */
static pbase_status find_columns(cli *self, const result_source *source, csv_columns *out,
                                 pbase_error *err)
{
    pbase_result *result = NULL;
    pbase_value row;
    pbase_status status = run(self, source, &result, err);
    status = status == PBASE_OK ? named_columns(result, out, err) : status;
    bool is_named = status == PBASE_OK && out->count > 0;
    while (status == PBASE_OK && !is_named) {
        status = pbase_result_next(result, &row, err);
        status = status == PBASE_OK ? csv_columns_add(out, &row, err) : status;
    }
    pbase_result_close(result);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status write_csv(cli *self, const result_source *source, pbase_error *err)
{
    pbase_result *result = NULL;
    pbase_value row;
    pbase_buffer line;
    csv_columns columns = {.arena = &self->arena};
    pbase_buffer_init(&line, pbase_alloc_default());
    pbase_status status = find_columns(self, source, &columns, err);
    status = status == PBASE_OK ? run(self, source, &result, err) : status;
    status = status == PBASE_OK ? pbase_result_next(result, &row, err) : status;
    if (status == PBASE_OK) {
        status = csv_columns_header(&columns, false, &line, err);
    }
    while (status == PBASE_OK) {
        status = csv_columns_row(self, &columns, CSV_TEXT, NULL, &row, &line, err);
        status = status == PBASE_OK ? cli_write(pbase_buffer_view(&line), err) : status;
        line.size = 0;
        status = status == PBASE_OK ? pbase_result_next(result, &row, err) : status;
    }
    pbase_result_close(result);
    pbase_buffer_fini(&line);
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------------------- table ---- */

/* A table is aligned once all of its rows are known: they are held here. */
typedef struct held_row held_row;
struct held_row {
    held_row *next;
    pbase_value value;
};
typedef struct {
    pbase_arena arena;
    held_row *first, *last;
    csv_columns columns;
} held_rows;

static pbase_status table_failed(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table");
}

static pbase_status hold(held_rows *self, const pbase_value *row, bool is_named, pbase_error *err)
{
    held_row *added = pbase_arena_array(&self->arena, 1, sizeof *added);
    if (added == NULL) {
        return table_failed(err);
    }
    added->next = NULL;
    pbase_status status = pbase_value_copy(row, &self->arena, &added->value, err);
    if (status == PBASE_OK) {
        *(self->last == NULL ? &self->first : &self->last->next) = added;
        self->last = added;
    }
    return status == PBASE_OK && !is_named ? csv_columns_add(&self->columns, row, err) : status;
}

static pbase_status hold_all(cli *self, const result_source *source, held_rows *out,
                             pbase_error *err)
{
    pbase_result *result = NULL;
    pbase_value row;
    pbase_status status = run(self, source, &result, err);
    status = status == PBASE_OK ? named_columns(result, &out->columns, err) : status;
    bool is_named = out->columns.count > 0;
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, err);
        status = status == PBASE_OK ? hold(out, &row, is_named, err) : status;
    }
    pbase_result_close(result);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Numbers stand at the right, by the first row that has something there. */
static bool is_number_column(const held_rows *rows, pbase_bytes name)
{
    const pbase_value *cell = NULL;
    for (const held_row *at = rows->first; at != NULL && cell == NULL; at = at->next) {
        cell = csv_columns_cell(&at->value, name);
    }
    return cell != NULL && (cell->kind == PBASE_INT || cell->kind == PBASE_FLOAT);
}

static pbase_status table_columns(struct libscols_table *table, held_rows *rows, pbase_error *err)
{
    for (size_t i = 0; i < rows->columns.count; i++) {
        pbase_bytes column = rows->columns.names[i];
        char *name = pbase_arena_text(&rows->arena, column);
        int flags = is_number_column(rows, column) ? SCOLS_FL_RIGHT : 0;
        if (name == NULL || scols_table_new_column(table, name, 0, flags) == NULL) {
            return table_failed(err);
        }
    }
    return PBASE_OK;
}

/* As people read it: strings without quotes, null as nothing, the rest as JSON. */
static pbase_status append_cell(cli *self, const pbase_value *cell, pbase_buffer *out,
                                pbase_error *err)
{
    if (cell == NULL || cell->kind == PBASE_NULL) {
        return PBASE_OK;
    }
    return cell->kind == PBASE_STRING ? pbase_buffer_append_bytes(out, cell->as.string, err)
                                      : pbase_json_format(self->space, cell, out, err);
}

static pbase_status table_row(struct libscols_table *table, cli *self, const held_rows *rows,
                              const pbase_value *row, pbase_error *err)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    pbase_buffer cell;
    pbase_buffer_init(&cell, pbase_alloc_default());
    pbase_status status = line == NULL ? table_failed(err) : PBASE_OK;
    for (size_t i = 0; i < rows->columns.count && status == PBASE_OK; i++) {
        cell.size = 0;
        status = append_cell(self, csv_columns_cell(row, rows->columns.names[i]), &cell, err);
        status = status == PBASE_OK ? pbase_buffer_append_u8(&cell, '\0', err) : status;
        if (status == PBASE_OK && scols_line_set_data(line, i, (const char *)cell.data) != 0) {
            status = table_failed(err);
        }
    }
    pbase_buffer_fini(&cell);
    return status;
}

static pbase_status print_table(cli *self, held_rows *rows, pbase_error *err)
{
    struct libscols_table *table = scols_new_table();
    pbase_status status = table == NULL ? table_failed(err) : table_columns(table, rows, err);
    for (const held_row *at = rows->first; at != NULL && status == PBASE_OK; at = at->next) {
        status = table_row(table, self, rows, &at->value, err);
    }
    if (status == PBASE_OK && scols_print_table(table) != 0) {
        status = PBASE_FAIL(err, PBASE_IO, "cannot write to standard output");
    }
    scols_unref_table(table);
    return status;
}

static pbase_status write_table(cli *self, const result_source *source, pbase_error *err)
{
    held_rows rows = {.first = NULL};
    pbase_arena_init(&rows.arena, pbase_alloc_default());
    rows.columns.arena = &rows.arena;
    pbase_status status = hold_all(self, source, &rows, err);
    if (status == PBASE_OK) {
        status = rows.first == NULL ? cli_print(err, "no rows\n") : print_table(self, &rows, err);
    }
    pbase_arena_fini(&rows.arena);
    return status;
}

pbase_status result_write(cli *self, const result_source *source, result_format format,
                          pbase_error *err)
{
    switch (format) {
    case RESULT_TABLE:
        return write_table(self, source, err);
    case RESULT_CSV:
        return write_csv(self, source, err);
    case RESULT_JSONL:
    case RESULT_JSON:
        break;
    }
    return write_json(self, source, format == RESULT_JSON, err);
}
