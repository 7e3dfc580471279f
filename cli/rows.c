/* rows.c - cutting an input file into texts. */
#include "rows.h"
#include "csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define READ_BYTES ((size_t)1 << 20)

pbase_status rows_open(const char *path, rows_format format, const pbase_call *call, rows *out,
                       pbase_error *err)
{
    memset(out, 0, sizeof *out);
    bool is_stdin = strcmp(path, "-") == 0;
    out->name = is_stdin ? "standard input" : path;
    out->file = is_stdin ? stdin : fopen(path, "rb");
    out->format = format;
    out->call = call;
    out->line = out->line_column = 1;
    if (out->file == NULL) {
        return PBASE_FAIL_ERRNO(err, errno, "cannot read '%s'", path);
    }
    out->capacity = 2 * READ_BYTES;
    out->buffer = malloc(out->capacity);
    return out->buffer == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to read '%s'", path)
                               : PBASE_OK;
}

void rows_close(rows *self)
{
    if (self->file != NULL && self->file != stdin) {
        (void)fclose(self->file); /* only read from */
    }
    free(self->buffer);
    self->file = NULL;
    self->buffer = NULL;
}

void rows_mark_here(rows *self)
{
    self->has_mark = true;
    self->marked = (rows_mark){.start = self->start,
                               .in_array = self->in_array,
                               .array_ended = self->array_ended,
                               .line = self->line,
                               .line_column = self->line_column,
                               .bytes_given = self->bytes_given};
}

bool rows_go_back(rows *self)
{
    if (self->has_mark) {
        self->start = self->marked.start;
        self->in_array = self->marked.in_array;
        self->array_ended = self->marked.array_ended;
        self->line = self->marked.line;
        self->line_column = self->marked.line_column;
        self->bytes_given = self->marked.bytes_given;
    }
    return self->has_mark;
}

uint64_t rows_file_bytes(const rows *self)
{
    struct stat facts;
    return fstat(fileno(self->file), &facts) == 0 && S_ISREG(facts.st_mode)
               ? (uint64_t)facts.st_size
               : 0;
}

/* Doubles the buffer, for a row that does not fit. */
static pbase_status grow(rows *self, pbase_error *err)
{
    if (self->capacity >= ROWS_BYTES_MAX) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_LIMIT, "a row is longer than %zu bytes", (size_t)ROWS_BYTES_MAX);
        pbase_error_where(err, "%s: line %" PRIu64, self->name, self->line);
        return status;
    }
    uint8_t *larger = realloc(self->buffer, self->capacity * 2);
    if (larger == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a row");
    }
    self->buffer = larger;
    self->capacity *= 2;
    return PBASE_OK;
}

/* Moves what is still wanted to the beginning: what was not given, and what may be given again. */
static void drop_given(rows *self)
{
    self->has_mark = self->has_mark && self->end - self->marked.start <= ROWS_MARKED_BYTES_MAX;
    size_t wanted = self->has_mark ? self->marked.start : self->start;
    if (wanted > 0) {
        memmove(self->buffer, self->buffer + wanted, self->end - wanted);
        self->end -= wanted;
        self->start -= wanted;
        self->marked.start = 0;
    }
}

/* Makes room behind `end`, moving or growing, and reads more. */
static pbase_status fill(rows *self, pbase_error *err)
{
    pbase_status status = cli_check_cancelled(self->call, err);
    if (status != PBASE_OK) {
        return status;
    }
    drop_given(self);
    if (self->capacity - self->end < READ_BYTES) {
        status = grow(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    size_t got = fread(self->buffer + self->end, 1, READ_BYTES, self->file);
    self->end += got;
    if (got < READ_BYTES) {
        self->at_end = true;
        if (ferror(self->file) != 0) {
            int number = errno;
            status = cli_check_cancelled(self->call, err); /* a signal ends a read, too */
            return status != PBASE_OK
                       ? status
                       : PBASE_FAIL_ERRNO(err, number, "cannot read '%s'", self->name);
        }
    }
    return PBASE_OK;
}

/* ----------------------------------------------------------------------------------- lines ---- */

static bool is_blank(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != ' ' && at[i] != '\t' && at[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* The next line, blank or not; END at the end. */
static pbase_status next_line(rows *self, row *out, pbase_error *err)
{
    size_t searched = 0;
    PBASE_ASSERT(self->buffer != NULL);
    for (;;) {
        const uint8_t *from = self->buffer + self->start;
        size_t left = self->end - self->start;
        const uint8_t *newline =
            left == searched ? NULL : memchr(from + searched, '\n', left - searched);
        if (newline != NULL || (self->at_end && left > 0)) {
            size_t length = newline != NULL ? (size_t)(newline - from) : left;
            out->text = pbase_bytes_of(from, length);
            out->line = self->line++;
            out->column = 1;
            size_t used = newline != NULL ? length + 1 : length;
            self->start += used;
            self->bytes_given += used;
            return PBASE_OK;
        }
        if (self->at_end) {
            return PBASE_END;
        }
        searched = left;
        pbase_status status = fill(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
}

/* ----------------------------------------------------------------------------------- array ---- */

static pbase_status malformed(const rows *self, const char *what, pbase_error *err)
{
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "%s", what);
    pbase_error_where(err, "%s: line %" PRIu64 " column %" PRIu64, self->name, self->line,
                      self->line_column);
    return status;
}

/* Passes `count` bytes, counting lines and characters. */
static void pass(rows *self, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = self->buffer[self->start + i];
        if (byte == '\n') {
            self->line++;
            self->line_column = 1;
        } else if ((byte & 0xc0u) != 0x80u) {
            self->line_column++;
        }
    }
    self->start += count;
    self->bytes_given += count;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Passes white space; the next byte is then at `start`. END when there is none. */
static pbase_status pass_space(rows *self, pbase_error *err)
{
    for (;;) {
        while (self->start < self->end && is_space(self->buffer[self->start])) {
            pass(self, 1);
        }
        if (self->start < self->end) {
            return PBASE_OK;
        }
        if (self->at_end) {
            return PBASE_END;
        }
        pbase_status status = fill(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
}

/* Where an element ends: a comma or bracket outside strings and nesting. */
typedef struct {
    size_t offset; /* looked at so far, from `start` */
    uint64_t depth;
    bool in_string, escaped;
} element_scan;

/* True when the end was found within what is read. */
static bool scan_element(const rows *self, element_scan *scan)
{
    for (; self->start + scan->offset < self->end; scan->offset++) {
        uint8_t byte = self->buffer[self->start + scan->offset];
        if (scan->in_string) {
            scan->in_string = scan->escaped || byte != '"';
            scan->escaped = !scan->escaped && byte == '\\';
        } else if (byte == '"') {
            scan->in_string = true;
        } else if (byte == '{' || byte == '[') {
            scan->depth++;
        } else if (scan->depth == 0 && (byte == ',' || byte == ']')) {
            return true;
        } else if (byte == '}' || byte == ']') {
            scan->depth -= scan->depth > 0;
        }
    }
    return false;
}

static pbase_status find_element(rows *self, size_t *out_length, pbase_error *err)
{
    element_scan scan = {.offset = 0};
    while (!scan_element(self, &scan)) {
        if (self->at_end) {
            return malformed(self, "the array is cut inside an element that begins here", err);
        }
        pbase_status status = fill(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    *out_length = scan.offset;
    return PBASE_OK;
}

static pbase_status begin_array(rows *self, pbase_error *err)
{
    pbase_status status = pass_space(self, err);
    if (status == PBASE_END || (status == PBASE_OK && self->buffer[self->start] != '[')) {
        return malformed(self, "the file is not a JSON array", err);
    }
    if (status == PBASE_OK) {
        pass(self, 1);
        self->in_array = true;
        status = pass_space(self, err);
    }
    if (status == PBASE_OK && self->buffer[self->start] == ']') {
        pass(self, 1);
        self->array_ended = true;
    }
    return status == PBASE_END ? malformed(self, "the array is cut", err) : status;
}

static pbase_status end_array(rows *self, pbase_error *err)
{
    pbase_status status = pass_space(self, err);
    return status == PBASE_OK ? malformed(self, "something follows the array", err) : status;
}

/* The comma or bracket behind an element. */
static void pass_border(rows *self)
{
    self->array_ended = self->buffer[self->start] == ']';
    pass(self, 1);
}

static pbase_status next_element(rows *self, row *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    size_t length = 0;
    if (!self->in_array) {
        status = begin_array(self, err);
    } else if (!self->array_ended) {
        pass_border(self);
    }
    if (status != PBASE_OK || self->array_ended) {
        return status != PBASE_OK ? status : end_array(self, err);
    }
    status = pass_space(self, err);
    if (status == PBASE_END) {
        return malformed(self, "the array is cut", err);
    }
    if (status == PBASE_OK) {
        status = find_element(self, &length, err);
    }
    if (status == PBASE_OK && length == 0) {
        return malformed(self, "an element is missing", err);
    }
    if (status == PBASE_OK) {
        out->line = self->line;
        out->column = self->line_column;
        pass(self, length);
        out->text = pbase_bytes_of(self->buffer + self->start - length, length);
    }
    return status;
}

/* ----------------------------------------------------------------------------------- records -- */

static pbase_status pass_byte_order_mark(rows *self, pbase_error *err)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    pbase_status status = self->at_end ? PBASE_OK : fill(self, err); /* three bytes, if there are */
    if (status == PBASE_OK && self->end - self->start >= sizeof mark &&
        memcmp(self->buffer + self->start, mark, sizeof mark) == 0) {
        self->start += sizeof mark;
        self->bytes_given += sizeof mark;
    }
    return status;
}

static pbase_status next_record(rows *self, row *out, pbase_error *err)
{
    csv_scan scan = {0, 0};
    pbase_status status = self->bytes_given == 0 ? pass_byte_order_mark(self, err) : PBASE_OK;
    while (status == PBASE_OK) {
        size_t left = self->end - self->start;
        bool ended = csv_scan_record(pbase_bytes_of(self->buffer + self->start, left), &scan);
        if (ended || (self->at_end && left > 0)) {
            size_t length = ended ? scan.offset : left;
            out->line = self->line;
            out->column = self->line_column;
            pass(self, length + ended);
            out->text = pbase_bytes_of(self->buffer + self->start - length - ended, length);
            return PBASE_OK;
        }
        status = self->at_end ? PBASE_END : fill(self, err);
    }
    return status;
}

pbase_status rows_next(rows *self, row *out, pbase_error *err)
{
    if (self->format == ROWS_CSV) {
        return next_record(self, out, err);
    }
    if (self->format == ROWS_ARRAY) {
        return next_element(self, out, err);
    }
    pbase_status status = next_line(self, out, err);
    while (status == PBASE_OK && is_blank(out->text.data, out->text.size)) {
        status = next_line(self, out, err);
    }
    return status;
}
