/* result_writer.c - four ways to write rows. */
#include "result_writer.h"
#include "csv.h"

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

/* ----------------------------------------------------------------------------------- columns ---- */

/* Columns of a result, or of its first row when rows are whole documents. */
typedef struct {
    pbase_bytes *names;
    size_t count;
} columns;

static pbase_status columns_of(cli *self, const pbase_result *result, const pbase_value *first,
                               columns *out, pbase_error *err)
{
    size_t named = pbase_result_column_count(result);
    bool is_map = first != NULL && first->kind == PBASE_MAP;
    out->count = named > 0 ? named : is_map ? first->as.map.count : 1;
    out->names = pbase_arena_array(&self->arena, out->count, sizeof *out->names);
    if (out->names == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the columns");
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < out->count && status == PBASE_OK; i++) {
        pbase_bytes name = named > 0 ? pbase_result_column_name(result, i)
                           : is_map  ? first->as.map.fields[i].name
                                     : pbase_bytes_text("value");
        status = pbase_arena_copy(&self->arena, name, &out->names[i], err);
    }
    return status;
}

/* The cell as people read it: strings without quotes, null as nothing, the rest as JSON. */
static pbase_status cell_text(cli *self, const pbase_value *row, pbase_bytes name,
                              pbase_buffer *out, pbase_error *err)
{
    const pbase_value *cell = row->kind == PBASE_MAP ? pbase_value_field(row, name) : row;
    if (cell == NULL || cell->kind == PBASE_NULL) {
        return PBASE_OK;
    }
    return cell->kind == PBASE_STRING ? pbase_buffer_append_bytes(out, cell->as.string, err)
                                      : pbase_json_format(self->space, cell, out, err);
}

/* -------------------------------------------------------------------------------------- JSON ---- */

static pbase_status write_json(cli *self, pbase_result *result, bool is_array, pbase_error *err)
{
    pbase_buffer text;
    pbase_value row;
    const char *before = is_array ? "[\n" : "";
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_result_next(result, &row, err);
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
    pbase_buffer_fini(&text);
    if (status == PBASE_END && is_array) {
        return cli_print(err, "%s\n]\n", before[0] == '[' ? "[" : "");
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* --------------------------------------------------------------------------------------- CSV ---- */

/* One line: the row's cells, or the names when `row` is NULL. */
static pbase_status csv_line(cli *self, const columns *all, const pbase_value *row,
                             pbase_error *err)
{
    pbase_buffer line, cell;
    pbase_buffer_init(&line, pbase_alloc_default());
    pbase_buffer_init(&cell, pbase_alloc_default());
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < all->count && status == PBASE_OK; i++) {
        cell.size = 0;
        status = i > 0 ? pbase_buffer_append_u8(&line, ',', err) : PBASE_OK;
        if (status == PBASE_OK && row != NULL) {
            status = cell_text(self, row, all->names[i], &cell, err);
        } else if (status == PBASE_OK) {
            status = pbase_buffer_append_bytes(&cell, all->names[i], err);
        }
        status =
            status == PBASE_OK ? csv_append(pbase_buffer_view(&cell), false, &line, err) : status;
    }
    status = status == PBASE_OK ? pbase_buffer_append(&line, "\r\n", 2, err) : status;
    status = status == PBASE_OK ? cli_write(pbase_buffer_view(&line), err) : status;
    pbase_buffer_fini(&cell);
    pbase_buffer_fini(&line);
    return status;
}

static pbase_status write_csv(cli *self, pbase_result *result, pbase_error *err)
{
    pbase_value row;
    columns all = {NULL, 0};
    pbase_status status = pbase_result_next(result, &row, err);
    while (status == PBASE_OK) {
        if (all.names == NULL) {
            status = columns_of(self, result, &row, &all, err);
            status = status == PBASE_OK ? csv_line(self, &all, NULL, err) : status;
        }
        status = status == PBASE_OK ? csv_line(self, &all, &row, err) : status;
        status = status == PBASE_OK ? pbase_result_next(result, &row, err) : status;
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------------------- table ---- */

static pbase_status table_failed(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table");
}

static pbase_status table_columns(struct libscols_table *table, cli *self,
                                  const pbase_result *result, const pbase_value *first,
                                  columns *out, pbase_error *err)
{
    pbase_status status = columns_of(self, result, first, out, err);
    for (size_t i = 0; i < out->count && status == PBASE_OK; i++) {
        char *name = pbase_arena_text(&self->arena, out->names[i]);
        const pbase_value *cell = first != NULL && first->kind == PBASE_MAP
                                      ? pbase_value_field(first, out->names[i])
                                      : first;
        bool is_number = cell != NULL && (cell->kind == PBASE_INT || cell->kind == PBASE_FLOAT);
        if (name == NULL ||
            scols_table_new_column(table, name, 0, is_number ? SCOLS_FL_RIGHT : 0) == NULL) {
            status = table_failed(err);
        }
    }
    return status;
}

static pbase_status table_row(struct libscols_table *table, cli *self, const columns *all,
                              const pbase_value *row, pbase_error *err)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    pbase_buffer cell;
    pbase_buffer_init(&cell, pbase_alloc_default());
    pbase_status status = line == NULL ? table_failed(err) : PBASE_OK;
    for (size_t i = 0; i < all->count && status == PBASE_OK; i++) {
        cell.size = 0;
        status = cell_text(self, row, all->names[i], &cell, err);
        status = status == PBASE_OK ? pbase_buffer_append_u8(&cell, '\0', err) : status;
        if (status == PBASE_OK && scols_line_set_data(line, i, (const char *)cell.data) != 0) {
            status = table_failed(err);
        }
    }
    pbase_buffer_fini(&cell);
    return status;
}

static pbase_status write_table(cli *self, pbase_result *result, pbase_error *err)
{
    struct libscols_table *table = scols_new_table();
    pbase_value row;
    columns all = {NULL, 0};
    if (table == NULL) {
        return table_failed(err);
    }
    pbase_status status = pbase_result_next(result, &row, err);
    while (status == PBASE_OK) {
        if (all.names == NULL) {
            status = table_columns(table, self, result, &row, &all, err);
        }
        status = status == PBASE_OK ? table_row(table, self, &all, &row, err) : status;
        status = status == PBASE_OK ? pbase_result_next(result, &row, err) : status;
    }
    if (status == PBASE_END) {
        status = PBASE_OK;
        if (all.names == NULL) {
            status = cli_print(err, "no rows\n");
        } else if (scols_print_table(table) != 0) {
            status = PBASE_FAIL(err, PBASE_IO, "cannot write to standard output");
        }
    }
    scols_unref_table(table);
    return status;
}

pbase_status result_write(cli *self, pbase_result *result, result_format format, pbase_error *err)
{
    switch (format) {
    case RESULT_TABLE:
        return write_table(self, result, err);
    case RESULT_CSV:
        return write_csv(self, result, err);
    case RESULT_JSONL:
    case RESULT_JSON:
        break;
    }
    return write_json(self, result, format == RESULT_JSON, err);
}
