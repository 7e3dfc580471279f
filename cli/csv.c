/* csv.c - cutting and writing records; RFC 4180, October 2005, section 2. A library was weighed: the
 * one that Debian has (libcsv) tells neither which cells were quoted, which types depend on, nor
 * where in the text a record began, which rejects and messages need. */
#include "csv.h"

#include <inttypes.h>

enum { AT_START = 0, IN_PLAIN, IN_QUOTES, BEHIND_QUOTE };

bool csv_scan_record(pbase_bytes data, csv_scan *scan)
{
    for (; scan->offset < data.size; scan->offset++) {
        uint8_t byte = data.data[scan->offset];
        if (scan->state == IN_QUOTES) {
            scan->state = byte == '"' ? BEHIND_QUOTE : IN_QUOTES;
        } else if (byte == '\n') {
            return true;
        } else if (byte == ',') {
            scan->state = AT_START;
        } else if (byte == '"' && scan->state != IN_PLAIN) {
            scan->state = IN_QUOTES; /* opens a cell, or is the second of two */
        } else if (scan->state != BEHIND_QUOTE || byte != '\r') {
            scan->state = IN_PLAIN; /* behind a quote that is a fault, which csv_split tells */
        }
    }
    return false;
}

void csv_place(pbase_bytes record, size_t offset, uint64_t *out_line, uint64_t *out_column)
{
    *out_line = *out_column = 1;
    for (size_t i = 0; i < offset && i < record.size; i++) {
        if (record.data[i] == '\n') {
            ++*out_line;
            *out_column = 1;
        } else if (i + 1 < record.size && (record.data[i + 1] & 0xc0u) == 0x80u) {
            continue; /* inside a character */
        } else {
            ++*out_column;
        }
    }
}

static pbase_status fault(pbase_bytes record, size_t offset, const char *what, pbase_error *err)
{
    uint64_t line, column;
    csv_place(record, offset, &line, &column);
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "%s", what);
    pbase_error_where(err, "line %" PRIu64 " column %" PRIu64, line, column);
    return status;
}

/* The text between two quotes, with doubled ones halved. */
static pbase_status unquote(pbase_bytes record, size_t from, size_t to, size_t doubled,
                            pbase_arena *arena, pbase_bytes *out, pbase_error *err)
{
    if (doubled == 0) {
        *out = pbase_bytes_of(record.data + from, to - from);
        return PBASE_OK;
    }
    uint8_t *text = pbase_arena_alloc(arena, to - from);
    if (text == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a cell");
    }
    size_t size = 0;
    for (size_t i = from; i < to; i++) {
        text[size++] = record.data[i];
        i += record.data[i] == '"'; /* the second of the two */
    }
    *out = pbase_bytes_of(text, size);
    return PBASE_OK;
}

/* A cell that begins with the quote at `at`, which moves to the comma behind it or to the end. */
static pbase_status take_quoted(pbase_bytes record, size_t *at, pbase_arena *arena, csv_cell *out,
                                pbase_error *err)
{
    size_t from = *at + 1, to = from, doubled = 0;
    while (to < record.size &&
           (record.data[to] != '"' || (to + 1 < record.size && record.data[to + 1] == '"'))) {
        doubled += record.data[to] == '"';
        to += record.data[to] == '"' ? 2 : 1;
    }
    if (to >= record.size) {
        return fault(record, *at, "the cell that begins with this quote is never closed", err);
    }
    if (to + 1 < record.size && record.data[to + 1] != ',') {
        return fault(record, to + 1, "a comma or the end of the line is expected behind a quote",
                     err);
    }
    *at = to + 1;
    out->quoted = true;
    return unquote(record, from, to, doubled, arena, &out->text, err);
}

static pbase_status take_plain(pbase_bytes record, size_t *at, csv_cell *out, pbase_error *err)
{
    size_t from = *at;
    for (; *at < record.size && record.data[*at] != ','; ++*at) {
        uint8_t byte = record.data[*at];
        if (byte == '"') {
            return fault(record, *at, "a quote inside a cell that does not begin with one", err);
        }
        if (byte == '\r' || byte == '\n') {
            return fault(record, *at, "a line end that is neither CR LF nor in quotes", err);
        }
    }
    out->quoted = false;
    out->text = pbase_bytes_of(record.data + from, *at - from);
    return PBASE_OK;
}

/* No fewer than the cells there are: commas in quotes count, too. */
static size_t cells_at_most(pbase_bytes record)
{
    size_t count = 1;
    for (size_t i = 0; i < record.size; i++) {
        count += record.data[i] == ',';
    }
    return count < CSV_CELLS_MAX ? count : CSV_CELLS_MAX;
}

pbase_status csv_split(pbase_bytes record, pbase_arena *arena, csv_cell **out, size_t *out_count,
                       pbase_error *err)
{
    static const uint8_t nothing[1];
    size_t room = cells_at_most(record), count = 0, at = 0;
    record.data = record.data == NULL ? nothing : record.data; /* no arithmetic on NULL below */
    csv_cell *cells = pbase_arena_array(arena, room, sizeof *cells);
    if (cells == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a record");
    }
    for (;; at++) {
        if (count == room) {
            return PBASE_FAIL(err, PBASE_LIMIT, "a record of more than %u cells", CSV_CELLS_MAX);
        }
        cells[count].offset = at;
        pbase_status status = at < record.size && record.data[at] == '"'
                                  ? take_quoted(record, &at, arena, &cells[count], err)
                                  : take_plain(record, &at, &cells[count], err);
        if (status != PBASE_OK) {
            return status;
        }
        count++;
        if (at >= record.size) {
            break;
        }
    }
    *out = cells;
    *out_count = count;
    return PBASE_OK;
}

static bool needs_quotes(pbase_bytes cell)
{
    for (size_t i = 0; i < cell.size; i++) {
        uint8_t byte = cell.data[i];
        if (byte == ',' || byte == '"' || byte == '\r' || byte == '\n') {
            return true;
        }
    }
    return false;
}

pbase_status csv_append(pbase_bytes cell, bool must_quote, pbase_buffer *out, pbase_error *err)
{
    if (!must_quote && !needs_quotes(cell)) {
        return pbase_buffer_append_bytes(out, cell, err);
    }
    pbase_status status = pbase_buffer_append_u8(out, '"', err);
    for (size_t i = 0; i < cell.size && status == PBASE_OK; i++) {
        status = pbase_buffer_append_u8(out, cell.data[i], err);
        if (status == PBASE_OK && cell.data[i] == '"') {
            status = pbase_buffer_append_u8(out, '"', err);
        }
    }
    return status == PBASE_OK ? pbase_buffer_append_u8(out, '"', err) : status;
}
