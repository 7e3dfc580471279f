/* dump_reader.c - lines of a dump out of lines of a file. */
#include "dump_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void dump_reader_init(dump_reader *self, cli *run, rows *input)
{
    memset(self, 0, sizeof *self);
    self->run = run;
    self->input = input;
    pbase_arena_init(&self->arena, pbase_alloc_default());
}

void dump_reader_fini(dump_reader *self)
{
    pbase_arena_fini(&self->arena);
}

/* "line 1 column C" of the parser as the place in the file. */
static void place(const dump_reader *self, pbase_error *err)
{
    uint64_t line = 1, column = 1;
    (void)cli_parse_place(err->where, &line, &column); /* without one it is the first column */
    pbase_error_where(err, "%s: line %" PRIu64 " column %" PRIu64, self->input->name, self->line,
                      column);
}

pbase_status dump_reader_refuse(const dump_reader *self, pbase_status code, pbase_error *err,
                                const char *format, ...)
{
    char message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments); /* cut at worst */
    va_end(arguments);
    pbase_status status = PBASE_FAIL(err, code, "%s", message);
    place(self, err);
    return status;
}

static bool is_text(const pbase_value *value, const char *text)
{
    return value != NULL && value->kind == PBASE_STRING &&
           pbase_bytes_equal(value->as.string, pbase_bytes_text(text));
}

static const pbase_value *field(const pbase_value *map, const char *name)
{
    return pbase_value_field(map, pbase_bytes_text(name));
}

/* A map of exactly the fields "a|b|c", in this order. */
static bool has_exactly(const pbase_value *map, const char *names)
{
    size_t count = 0;
    for (const char *at = names; *at != '\0'; count++) {
        size_t length = strcspn(at, "|");
        if (count >= map->as.map.count ||
            !pbase_bytes_equal(map->as.map.fields[count].name, pbase_bytes_of(at, length))) {
            return false;
        }
        at += length + (at[length] == '|');
    }
    return count == map->as.map.count;
}

static bool read_count(const pbase_value *value, uint64_t *out)
{
    bool is_count = value != NULL && value->kind == PBASE_INT && value->as.integer >= 0;
    *out = is_count ? (uint64_t)value->as.integer : 0;
    return is_count;
}

/* A name of a line, NUL-ended. */
static pbase_status read_name(dump_reader *self, const pbase_value *value, const char **out,
                              pbase_error *err)
{
    if (value->kind != PBASE_STRING || value->as.string.size == 0 ||
        value->as.string.size > PBASE_NAME_BYTES_MAX ||
        memchr(value->as.string.data, '\0', value->as.string.size) != NULL) {
        return dump_reader_refuse(self, PBASE_INVALID, err, "a name of 1..%u bytes is expected",
                                  PBASE_NAME_BYTES_MAX);
    }
    *out = pbase_arena_text(&self->arena, value->as.string);
    return *out == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a name") : PBASE_OK;
}

/* The paths of an index; what they mean is judged when it is made. */
static pbase_status read_paths(dump_reader *self, const pbase_value *list, dump_line *out,
                               pbase_error *err)
{
    if (list->kind != PBASE_LIST || list->as.list.count > PBASE_INDEX_FIELDS_MAX) {
        return dump_reader_refuse(self, PBASE_INVALID, err,
                                  "a list of at most %u paths is expected", PBASE_INDEX_FIELDS_MAX);
    }
    out->fields = pbase_arena_array(&self->arena, list->as.list.count + 1, sizeof *out->fields);
    if (out->fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an index");
    }
    for (; out->field_count < list->as.list.count; out->field_count++) {
        const pbase_value *path = &list->as.list.items[out->field_count];
        if (path->kind != PBASE_STRING) {
            return dump_reader_refuse(self, PBASE_INVALID, err, "a path is a string");
        }
        out->fields[out->field_count] = pbase_arena_text(&self->arena, path->as.string);
        if (out->fields[out->field_count] == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a path");
        }
    }
    return PBASE_OK;
}

static pbase_status read_index(dump_reader *self, const pbase_value *map, dump_line *out,
                               pbase_error *err)
{
    const pbase_field *fields = map->as.map.fields;
    out->kind = DUMP_INDEX;
    out->is_unique = fields[3].value.kind == PBASE_BOOL && fields[3].value.as.boolean;
    pbase_status status = read_name(self, &fields[0].value, &out->name, err);
    status = status == PBASE_OK ? read_name(self, &fields[1].value, &out->root, err) : status;
    return status == PBASE_OK ? read_paths(self, &fields[2].value, out, err) : status;
}

static pbase_status read_header(const dump_reader *self, const pbase_value *map, dump_line *out,
                                pbase_error *err)
{
    out->kind = DUMP_HEADER;
    if (!is_text(field(map, "dump"), "protobase") ||
        !read_count(field(map, "version"), &out->count)) {
        return dump_reader_refuse(self, PBASE_FORMAT, err, "this is not the header of a dump");
    }
    if (out->count != DUMP_VERSION) {
        pbase_status status = dump_reader_refuse(
            self, PBASE_FORMAT, err, "a dump of version %" PRIu64 "; this release reads version %d",
            out->count, DUMP_VERSION);
        pbase_error_hint(err, "load it with the release that wrote it, or a newer one");
        return status;
    }
    return PBASE_OK;
}

static pbase_status read_end(const dump_reader *self, const pbase_value *map, dump_line *out,
                             pbase_error *err)
{
    const pbase_value *what = field(map, "end");
    bool is_right = false;
    if (is_text(what, "child") && has_exactly(map, "end")) {
        out->kind = DUMP_CHILD_END;
        is_right = true;
    } else if (is_text(what, "root") && has_exactly(map, "end|entries|xxh3")) {
        const pbase_value *sum = field(map, "xxh3");
        out->kind = DUMP_ROOT_END;
        out->sum = sum->as.string;
        is_right = sum->kind == PBASE_STRING && read_count(field(map, "entries"), &out->count);
    } else if (is_text(what, "database") && has_exactly(map, "end|roots|indexes")) {
        out->kind = DUMP_DATABASE_END;
        is_right = read_count(field(map, "roots"), &out->count) &&
                   read_count(field(map, "indexes"), &out->indexes);
    } else if (is_text(what, "dump") && has_exactly(map, "end|databases")) {
        out->kind = DUMP_END;
        is_right = read_count(field(map, "databases"), &out->count);
    }
    return is_right ? PBASE_OK
                    : dump_reader_refuse(self, PBASE_INVALID, err, "this ends nothing of a dump");
}

static pbase_status read_map(dump_reader *self, const pbase_value *map, dump_line *out,
                             pbase_error *err)
{
    if (has_exactly(map, "key|value") || has_exactly(map, "value") ||
        has_exactly(map, "value|count") || has_exactly(map, "key|value|count")) {
        out->kind = DUMP_ENTRY;
        out->key = field(map, "key");
        out->value = field(map, "value");
        out->times = field(map, "count");
        return PBASE_OK;
    }
    if (has_exactly(map, "child|kind")) {
        const pbase_value *kind = field(map, "kind");
        out->kind = DUMP_CHILD;
        out->collection = kind->kind == PBASE_STRING ? kind->as.string : pbase_bytes_text("");
        return read_count(field(map, "child"), &out->count)
                   ? PBASE_OK
                   : dump_reader_refuse(self, PBASE_INVALID, err,
                                        "a number of a child is expected");
    }
    if (has_exactly(map, "object|class|value")) {
        const pbase_value *id = field(map, "object");
        out->kind = DUMP_OBJECT;
        out->id = id->as.reference;
        out->value = field(map, "value");
        return id->kind == PBASE_REFERENCE ? read_name(self, field(map, "class"), &out->name, err)
                                           : dump_reader_refuse(self, PBASE_INVALID, err,
                                                                "the id of an object is expected");
    }
    if (has_exactly(map, "database")) {
        out->kind = DUMP_DATABASE;
        return read_name(self, &map->as.map.fields[0].value, &out->name, err);
    }
    if (has_exactly(map, "root|kind")) {
        const pbase_value *kind = field(map, "kind");
        out->kind = DUMP_ROOT;
        out->collection = kind->kind == PBASE_STRING ? kind->as.string : pbase_bytes_text("");
        return read_name(self, &map->as.map.fields[0].value, &out->name, err);
    }
    if (has_exactly(map, "index|root|fields|unique")) {
        return read_index(self, map, out, err);
    }
    if (field(map, "end") != NULL) {
        return read_end(self, map, out, err);
    }
    return field(map, "dump") != NULL
               ? read_header(self, map, out, err)
               : dump_reader_refuse(self, PBASE_INVALID, err, "this is no line of a dump");
}

pbase_status dump_reader_next(dump_reader *self, dump_line *out, pbase_error *err)
{
    row one;
    pbase_value *parsed = NULL;
    pbase_status status = rows_next(self->input, &one, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->line = one.line;
    memset(out, 0, sizeof *out);
    out->text = one.text;
    pbase_arena_reset(&self->arena);
    parsed = pbase_arena_array(&self->arena, 1, sizeof *parsed); /* entries point into it */
    if (parsed == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a line");
    }
    status = pbase_json_parse(self->run->space, one.text, &self->arena, parsed, err);
    if (status != PBASE_OK) {
        place(self, err);
        return status;
    }
    return parsed->kind == PBASE_MAP
               ? read_map(self, parsed, out, err)
               : dump_reader_refuse(self, PBASE_INVALID, err, "this is no line of a dump");
}
