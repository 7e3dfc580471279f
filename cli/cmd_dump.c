/* cmd_dump.c - everything in a space as text: one JSON object a line, in constant memory.
 * docs/dump.md is the format; cmd_load.c reads it. */
#include "any_collection.h"
#include "commands.h"
#include "dump_sum.h"
#include "rows.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define DUMP_PIECE_BYTES 49152u /* of a blob, in one line */

typedef struct {
    cli *run;
    FILE *out;
    const char *path;  /* NULL: standard output */
    const char *as_of; /* NULL: now */
    pbase_buffer line;
    dump_sum *sum;
    pbase_snapshot *snapshot; /* of the database at hand */
    uint64_t databases, roots, entries;
    uint64_t database_roots, database_indexes;
} dump_work;

/* The checksum of a root is that of every line between its first and its last. */
static pbase_status put_line(dump_work *self, const pbase_field *fields, size_t count,
                             pbase_error *err)
{
    pbase_value value = pbase_value_map(fields, count);
    self->line.size = 0;
    pbase_status status = pbase_json_format(self->run->space, &value, &self->line, err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&self->line, '\n', err) : status;
    if (status == PBASE_OK && self->line.size > ROWS_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "an entry of %zu bytes as text; the limit is %zu",
                            self->line.size, (size_t)ROWS_BYTES_MAX);
    }
    if (status == PBASE_OK &&
        fwrite(self->line.data, 1, self->line.size, self->out) != self->line.size) {
        status = PBASE_FAIL_ERRNO(err, errno, "cannot write the dump");
    }
    dump_sum_add(self->sum, pbase_buffer_view(&self->line));
    return status;
}

/* ------------------------------------------------------------------------------------ one root -- */

/* How many collections are in a value: PBASE_CHILD(n) from 0 on. */
static size_t children_of(const pbase_value *value)
{
    size_t count = 0;
    if (value->kind == PBASE_CHILD) {
        return value->as.child + 1;
    }
    size_t parts = value->kind == PBASE_LIST  ? value->as.list.count
                   : value->kind == PBASE_MAP ? value->as.map.count
                                              : 0;
    for (size_t i = 0; i < parts; i++) {
        size_t below = children_of(value->kind == PBASE_LIST ? &value->as.list.items[i]
                                                             : &value->as.map.fields[i].value);
        count = below > count ? below : count;
    }
    return count;
}

/* {"key", "value"} where the kind has keys, else {"value"}; of a counted kind its count, too. */
static pbase_status dump_entry(dump_work *self, uint32_t kind, pbase_cursor *cursor,
                               size_t *out_children, pbase_error *err)
{
    pbase_field fields[3];
    size_t count = 0;
    uint64_t times = 0;
    pbase_status status = PBASE_OK;
    if (any_kind_keyed(kind)) {
        fields[count].name = pbase_bytes_text("key");
        status = pbase_cursor_key(cursor, &fields[count++].value, err);
    }
    fields[count].name = pbase_bytes_text("value");
    status = status == PBASE_OK ? pbase_cursor_value(cursor, &fields[count].value, err) : status;
    *out_children = status == PBASE_OK ? children_of(&fields[count++].value) : 0;
    if (status == PBASE_OK && any_kind_counted(kind)) {
        status = pbase_cursor_count(cursor, &times, err);
        fields[count++] = (pbase_field){pbase_bytes_text("count"),
                                        pbase_value_int((int64_t)times)}; /* PBASE_COUNT_MAX fits */
    }
    status = status == PBASE_OK ? put_line(self, fields, count, err) : status;
    self->entries += status == PBASE_OK;
    return status;
}

static pbase_status dump_entries(dump_work *self, uint32_t kind, pbase_cursor *cursor,
                                 pbase_error *err);

/* The bytes of a blob, in pieces of one size: {"value": {"$bytes": ...}}. Closes the content. */
static pbase_status dump_rope(dump_work *self, pbase_collection *content, pbase_error *err)
{
    static uint8_t piece[DUMP_PIECE_BYTES];
    uint64_t offset = 0;
    size_t got = sizeof piece;
    pbase_blob *blob = NULL;
    pbase_status status = pbase_blob_open(NULL, &content, &blob, err);
    while (status == PBASE_OK && got == sizeof piece) {
        status = pbase_blob_read(blob, offset, piece, sizeof piece, &got, err);
        if (status == PBASE_OK && got > 0) {
            pbase_field entry = {pbase_bytes_text("value"),
                                 pbase_value_bytes(pbase_bytes_of(piece, got))};
            status = put_line(self, &entry, 1, err);
            self->entries++;
        }
        status = status == PBASE_OK ? cli_check_cancelled(&self->run->call, err) : status;
        offset += got;
    }
    pbase_blob_close(blob);
    return status;
}

/* What is in a collection; closes it. */
static pbase_status dump_content(dump_work *self, pbase_collection *child, uint32_t kind,
                                 pbase_error *err)
{
    pbase_cursor *cursor = NULL;
    if (kind == PBASE_COLLECTION_ROPE) {
        return dump_rope(self, child, err);
    }
    pbase_status status = pbase_collection_cursor(child, &cursor, err);
    status = status == PBASE_OK ? dump_entries(self, kind, cursor, err) : status;
    pbase_cursor_close(cursor);
    pbase_collection_close(child);
    return status;
}

/* One collection in an entry, with what is in it; closes it. */
static pbase_status dump_child(dump_work *self, pbase_collection *child, size_t n, pbase_error *err)
{
    uint32_t kind = (uint32_t)pbase_collection_kind(child);
    pbase_field begin[] = {
        {pbase_bytes_text("child"), pbase_value_int((int64_t)n)},
        {pbase_bytes_text("kind"), pbase_value_text(cli_root_kind_name(kind))},
    };
    pbase_field end = {pbase_bytes_text("end"), pbase_value_text("child")};
    pbase_status status = put_line(self, begin, 2, err);
    if (status == PBASE_OK) {
        status = dump_content(self, child, kind, err);
    } else {
        pbase_collection_close(child);
    }
    return status == PBASE_OK ? put_line(self, &end, 1, err) : status;
}

static pbase_status dump_children(dump_work *self, pbase_cursor *cursor, size_t count,
                                  pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t n = 0; n < count && status == PBASE_OK; n++) {
        pbase_collection *child = NULL;
        status = pbase_cursor_child(cursor, n, &child, err);
        status = status == PBASE_OK ? dump_child(self, child, n, err) : status;
    }
    return status;
}

/* Every entry of a cursor, each followed by the collections in it. */
static pbase_status dump_entries(dump_work *self, uint32_t kind, pbase_cursor *cursor,
                                 pbase_error *err)
{
    size_t children = 0;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
        status = status == PBASE_OK ? dump_entry(self, kind, cursor, &children, err) : status;
        status = status == PBASE_OK ? dump_children(self, cursor, children, err) : status;
        status = status == PBASE_OK ? cli_check_cancelled(&self->run->call, err) : status;
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* The line behind the entries of a root. */
static pbase_status end_root(dump_work *self, uint64_t entries, pbase_error *err)
{
    char sum[DUMP_SUM_TEXT_BYTES];
    dump_sum_text(self->sum, sum);
    pbase_field end[] = {
        {pbase_bytes_text("end"), pbase_value_text("root")},
        {pbase_bytes_text("entries"), pbase_value_int((int64_t)entries)},
        {pbase_bytes_text("xxh3"), pbase_value_text(sum)},
    };
    return put_line(self, end, 3, err);
}

static pbase_status begin_root(dump_work *self, const char *name, const char *kind,
                               pbase_error *err)
{
    pbase_field begin[] = {
        {pbase_bytes_text("root"), pbase_value_text(name)},
        {pbase_bytes_text("kind"), pbase_value_text(kind)},
    };
    pbase_status status = put_line(self, begin, 2, err);
    dump_sum_begin(self->sum);
    return status;
}

static pbase_status dump_collection(dump_work *self, const char *name, const any_collection *root,
                                    pbase_error *err)
{
    uint64_t before = self->entries;
    pbase_cursor *cursor = NULL;
    pbase_status status = begin_root(self, name, cli_root_kind_name(root->kind), err);
    status = status == PBASE_OK ? any_cursor(root, &cursor, err) : status;
    status = status == PBASE_OK ? dump_entries(self, root->kind, cursor, err) : status;
    pbase_cursor_close(cursor);
    return status == PBASE_OK ? end_root(self, self->entries - before, err) : status;
}

/* A root that holds a plain value: one entry without a key. */
static pbase_status dump_value(dump_work *self, const char *name, pbase_error *err)
{
    uint64_t before = self->entries++;
    size_t children = 0;
    pbase_field entry = {pbase_bytes_text("value"), pbase_value_null()};
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_value(self->snapshot, name, &arena, &entry.value, err);
    status = status == PBASE_OK ? begin_root(self, name, "value", err) : status;
    status = status == PBASE_OK ? put_line(self, &entry, 1, err) : status;
    children = status == PBASE_OK ? children_of(&entry.value) : 0;
    for (size_t n = 0; n < children && status == PBASE_OK; n++) {
        pbase_collection *child = NULL;
        status = pbase_snapshot_child(self->snapshot, name, n, &child, err);
        status = status == PBASE_OK ? dump_child(self, child, n, err) : status;
    }
    pbase_arena_fini(&arena);
    return status == PBASE_OK ? end_root(self, self->entries - before, err) : status;
}

/* {"object": ID, "class": NAME, "value": {...}}, followed by the collections in it. */
static pbase_status dump_object(void *state, const pbase_object *object, pbase_error *err)
{
    dump_work *self = state;
    size_t children = children_of(&object->attributes);
    pbase_field fields[] = {
        {pbase_bytes_text("object"), pbase_value_reference(object->id)},
        {pbase_bytes_text("class"), pbase_value_string(object->class_name)},
        {pbase_bytes_text("value"), object->attributes},
    };
    self->entries++;
    pbase_status status = put_line(self, fields, 3, err);
    for (size_t n = 0; n < children && status == PBASE_OK; n++) {
        pbase_collection *child = NULL;
        status = pbase_snapshot_object_child(self->snapshot, object->id, n, &child, err);
        status = status == PBASE_OK ? dump_child(self, child, n, err) : status;
    }
    return status == PBASE_OK ? cli_check_cancelled(&self->run->call, err) : status;
}

/* The objects of the database, as if they were a root; nothing when there are none. */
static pbase_status dump_objects(dump_work *self, pbase_error *err)
{
    uint64_t count = 0, before = self->entries;
    pbase_status status = pbase_snapshot_object_count(self->snapshot, &count, err);
    if (status != PBASE_OK || count == 0) {
        return status;
    }
    self->roots++;
    self->database_roots++;
    status = begin_root(self, DUMP_OBJECTS, DUMP_OBJECTS_KIND, err);
    status = status == PBASE_OK
                 ? pbase_snapshot_object_each(self->snapshot, NULL, dump_object, self, err)
                 : status;
    return status == PBASE_OK ? end_root(self, self->entries - before, err) : status;
}

static pbase_status dump_root(void *state, const pbase_root_info *info, pbase_error *err)
{
    dump_work *self = state;
    char name[PBASE_NAME_BYTES_MAX + 1];
    any_collection root = {.kind = PBASE_ROOT_VALUE};
    (void)snprintf(name, sizeof name, "%.*s", (int)info->name.size, (const char *)info->name.data);
    self->roots++;
    self->database_roots++;
    if (info->kind == PBASE_ROOT_VALUE) {
        return dump_value(self, name, err);
    }
    pbase_status status = any_of_snapshot(self->snapshot, name, &root, err);
    status = status == PBASE_OK ? dump_collection(self, name, &root, err) : status;
    any_close(&root);
    if (status != PBASE_OK) {
        pbase_error_note(err, "dumping root '%s'", name);
    }
    return status;
}

/* {"index": NAME, "root": ROOT, "fields": [...], "unique": BOOL}: what load makes it of. */
static pbase_status dump_index(void *state, const pbase_index_info *info, pbase_error *err)
{
    dump_work *self = state;
    pbase_value paths[PBASE_INDEX_FIELDS_MAX];
    for (size_t i = 0; i < info->field_count; i++) {
        paths[i] = pbase_value_string(info->fields[i]);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("index"), pbase_value_string(info->name)},
        {pbase_bytes_text("root"), pbase_value_string(info->root)},
        {pbase_bytes_text("fields"), pbase_value_list(paths, info->field_count)},
        {pbase_bytes_text("unique"), pbase_value_bool(info->unique)},
    };
    self->database_indexes++;
    return put_line(self, fields, 4, err);
}

/* ----------------------------------------------------------------------------------- databases -- */

/* As of now, or as of then the one that the run is about. */
static pbase_status open_state(dump_work *self, const char *name, pbase_database **out,
                               pbase_error *err)
{
    if (self->as_of != NULL) {
        return cli_open_snapshot(self->run, self->as_of, &self->snapshot, err);
    }
    pbase_status status = pbase_database_open(self->run->space, name, out, err);
    return status == PBASE_OK ? pbase_snapshot_open(*out, &self->snapshot, err) : status;
}

static pbase_status dump_database(void *state, const char *name, pbase_error *err)
{
    dump_work *self = state;
    pbase_database *database = NULL;
    pbase_field begin[] = {{pbase_bytes_text("database"), pbase_value_text(name)}};
    self->database_roots = self->database_indexes = 0;
    pbase_status status = open_state(self, name, &database, err);
    status = status == PBASE_OK ? put_line(self, begin, 1, err) : status;
    status =
        status == PBASE_OK ? pbase_snapshot_roots(self->snapshot, dump_root, self, err) : status;
    status = status == PBASE_OK ? dump_objects(self, err) : status;
    status =
        status == PBASE_OK ? pbase_index_list(self->snapshot, NULL, dump_index, self, err) : status;
    pbase_snapshot_close(self->snapshot);
    self->snapshot = NULL;
    pbase_database_close(database);
    if (status != PBASE_OK) {
        return status;
    }
    self->databases++;
    pbase_field end[] = {
        {pbase_bytes_text("end"), pbase_value_text("database")},
        {pbase_bytes_text("roots"), pbase_value_int((int64_t)self->database_roots)},
        {pbase_bytes_text("indexes"), pbase_value_int((int64_t)self->database_indexes)},
    };
    return put_line(self, end, 3, err);
}

static pbase_status dump_all(dump_work *self, pbase_error *err)
{
    pbase_field begin[] = {{pbase_bytes_text("dump"), pbase_value_text("protobase")},
                           {pbase_bytes_text("version"), pbase_value_int(DUMP_VERSION)}};
    pbase_status status = put_line(self, begin, 2, err);
    if (status == PBASE_OK) {
        status = self->run->database_given || self->as_of != NULL
                     ? dump_database(self, self->run->database_name, err)
                     : pbase_database_list(self->run->space, dump_database, self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_field end[] = {
        {pbase_bytes_text("end"), pbase_value_text("dump")},
        {pbase_bytes_text("databases"), pbase_value_int((int64_t)self->databases)},
    };
    return put_line(self, end, 2, err);
}

static pbase_status print_summary(const dump_work *self, pbase_error *err)
{
    if (self->path == NULL) {
        return PBASE_OK; /* standard output has the dump */
    }
    return cli_print(err,
                     self->run->json ? "{\"databases\":%" PRIu64 ",\"roots\":%" PRIu64
                                       ",\"entries\":%" PRIu64 "}\n"
                                     : "dumped %" PRIu64 " databases, %" PRIu64 " roots, %" PRIu64
                                       " entries\n",
                     self->databases, self->roots, self->entries);
}

CLI_COMMAND(cmd_dump)
{
    const char *path = arguments->operand_count == 0 ? "-" : arguments->operands[0];
    dump_work work = {.run = self, .out = stdout, .as_of = arguments->values[DUMP_AS_OF]};
    pbase_buffer_init(&work.line, pbase_alloc_default());
    self->must_exist = true;
    pbase_status status = cli_open_space(self, err);
    status = status == PBASE_OK ? dump_sum_create(&work.sum, err) : status;
    if (status == PBASE_OK && strcmp(path, "-") != 0) {
        work.path = path;
        work.out = fopen(path, "wb");
        status =
            work.out != NULL ? PBASE_OK : PBASE_FAIL_ERRNO(err, errno, "cannot write '%s'", path);
    }
    status = status == PBASE_OK ? dump_all(&work, err) : status;
    if (work.path != NULL && work.out != NULL && fclose(work.out) != 0 && status == PBASE_OK) {
        status = PBASE_FAIL_ERRNO(err, errno, "cannot write '%s'", path);
    }
    status = status == PBASE_OK ? print_summary(&work, err) : status;
    dump_sum_destroy(work.sum);
    pbase_buffer_fini(&work.line);
    return status;
}
