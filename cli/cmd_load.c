/* cmd_load.c - a dump back into databases.
 *
 * Every database of the dump is filled under a name of its own, "~load-...", in transactions of
 * bounded size. Only when the whole file has been read and every count and checksum in it was right,
 * they get their names, one after the other: a dump that is damaged changes nothing. What was made on
 * the way is dropped again. */
#include "any_collection.h"
#include "commands.h"
#include "dump_reader.h"
#include "load_children.h"
#include "progress.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH_ENTRIES 10000u
#define BATCH_BYTES ((size_t)16 << 20)

/* A database that is being filled. */
typedef struct loading loading;
struct loading {
    loading *next;
    char *name;                             /* it will have */
    char working[PBASE_NAME_BYTES_MAX + 1]; /* it has */
};

typedef struct {
    cli *run;
    rows input;
    dump_reader reader;
    dump_line line;
    dump_sum *sum;
    progress progress;
    loading *first, *last;
    pbase_database *database;
    pbase_txn *txn; /* of the batch at hand */
    any_collection root;
    char root_name[PBASE_NAME_BYTES_MAX + 1];
    uint32_t root_kind;
    bool fills_root; /* `root` is filled: not for a plain value, and not for objects */
    uint32_t depth;  /* of collections in one another */
    uint64_t root_entries, database_roots, database_indexes;
    uint64_t batch_entries;
    size_t batch_bytes;
    uint64_t databases, roots, entries;
} load_work;

#define REFUSE(self, ...) dump_reader_refuse(&(self)->reader, PBASE_CORRUPT, err, __VA_ARGS__)

/* The next line, which must be there. */
static pbase_status next_line(load_work *self, pbase_error *err)
{
    pbase_status status = dump_reader_next(&self->reader, &self->line, err);
    if (status == PBASE_END) {
        return REFUSE(self, "the dump ends here, before its end");
    }
    if (status == PBASE_OK &&
        self->line.kind != DUMP_ROOT_END) { /* which tells the sum before it */
        dump_sum_add(self->sum, self->line.text);
        dump_sum_add(self->sum, pbase_bytes_text("\n"));
    }
    return status == PBASE_OK ? cli_check_cancelled(&self->run->call, err) : status;
}

/* --------------------------------------------------------------------------------------- batch -- */

static pbase_status open_batch(load_work *self, pbase_error *err)
{
    if (self->txn != NULL) {
        return PBASE_OK;
    }
    self->batch_entries = 0;
    self->batch_bytes = 0;
    pbase_status status = pbase_txn_begin(self->database, NULL, &self->txn, err);
    return status == PBASE_OK && self->fills_root
               ? any_of_txn(self->txn, self->root_name, self->root_kind, &self->root, err)
               : status;
}

static void abort_batch(load_work *self)
{
    any_close(&self->root);
    pbase_txn_abort(&self->txn);
}

static pbase_status commit_batch(load_work *self, pbase_error *err)
{
    pbase_status status = open_batch(self, err); /* a root without entries is stored, too */
    status = status == PBASE_OK && self->fills_root
                 ? any_store(&self->root, self->txn, self->root_name, err)
                 : status;
    any_close(&self->root);
    status = status == PBASE_OK ? pbase_txn_commit(&self->txn, NULL, NULL, err) : status;
    abort_batch(self);
    progress_update(&self->progress, self->entries, self->input.bytes_given);
    return status;
}

/* ---------------------------------------------------------------------------------------- root -- */

static void count_entry(load_work *self)
{
    self->batch_bytes += self->line.text.size;
    self->batch_entries++;
    self->root_entries++;
    self->entries++;
}

static pbase_status check_root_end(load_work *self, pbase_error *err)
{
    char sum[DUMP_SUM_TEXT_BYTES];
    dump_sum_text(self->sum, sum);
    if (self->line.count != self->root_entries) {
        return REFUSE(self, "root '%s' has %" PRIu64 " entries here, and %" PRIu64 " were dumped",
                      self->root_name, self->root_entries, self->line.count);
    }
    return pbase_bytes_equal(self->line.sum, pbase_bytes_text(sum))
               ? PBASE_OK
               : REFUSE(self, "the entries of root '%s' are not those that were dumped",
                        self->root_name);
}

/* PBASE_ROOT_* of "dict" and the like; false for what a newer release may know. */
static bool parse_kind(pbase_bytes text, uint32_t *out)
{
    char name[32] = "";
    bool fits = text.size < sizeof name;
    memcpy(name, text.data, fits ? text.size : 0);
    *out = any_kind(name);
    return *out != PBASE_ROOT_VALUE || strcmp(name, cli_root_kind_name(PBASE_ROOT_VALUE)) == 0;
}

static pbase_status load_entry(load_work *self, any_collection *into, pbase_error *err);

/* The bytes of a blob, piece by piece. */
static pbase_status read_rope(load_work *self, pbase_blob **out, pbase_error *err)
{
    pbase_status status = pbase_blob_create(self->txn, "", "", out, err);
    status = status == PBASE_OK ? next_line(self, err) : status;
    while (status == PBASE_OK && self->line.kind == DUMP_ENTRY) {
        const pbase_value *value = self->line.value;
        if (self->line.key != NULL || self->line.times != NULL || value->kind != PBASE_BYTES) {
            return REFUSE(self, "bytes of a blob are expected here");
        }
        count_entry(self);
        status = pbase_blob_append(*out, value->as.string, err);
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    return status;
}

static pbase_status read_collection(load_work *self, uint32_t kind, any_collection *out,
                                    pbase_error *err)
{
    if (++self->depth > PBASE_NESTING_MAX) {
        return dump_reader_refuse(&self->reader, PBASE_LIMIT, err,
                                  "more than %u collections in one another", PBASE_NESTING_MAX);
    }
    pbase_status status = any_new(self->txn, kind, out, err);
    status = status == PBASE_OK ? next_line(self, err) : status;
    while (status == PBASE_OK && self->line.kind == DUMP_ENTRY) {
        status = load_entry(self, out, err);
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    self->depth--;
    return status;
}

/* The collection that the line begins, up to the line that ends it. */
static pbase_status read_child(load_work *self, size_t n, load_child *out, pbase_error *err)
{
    uint32_t kind;
    const char *rope = cli_root_kind_name(PBASE_COLLECTION_ROPE);
    if (self->line.kind != DUMP_CHILD || self->line.count != n) {
        return REFUSE(self, "collection %zu of the entry is expected here", n);
    }
    bool is_rope = pbase_bytes_equal(self->line.collection, pbase_bytes_text(rope));
    if (!is_rope && (!parse_kind(self->line.collection, &kind) || kind == PBASE_ROOT_VALUE)) {
        return dump_reader_refuse(&self->reader, PBASE_FORMAT, err, "the kind '%.*s' is not known",
                                  (int)self->line.collection.size,
                                  (const char *)self->line.collection.data);
    }
    pbase_status status = is_rope ? read_rope(self, &out->blob, err)
                                  : read_collection(self, kind, &out->collection, err);
    return status == PBASE_OK && self->line.kind != DUMP_CHILD_END
               ? REFUSE(self, "an entry or the end of a collection is expected here")
               : status;
}

/* Reads the collections in the value of the line; `out` is the value with them in it. */
static pbase_status read_children(load_work *self, load_children *children, pbase_value *out,
                                  pbase_error *err)
{
    pbase_value value;
    pbase_status status = load_children_hold(children, self->line.value, &value, err);
    for (size_t n = 0; n < children->count && status == PBASE_OK; n++) {
        status = next_line(self, err);
        status = status == PBASE_OK ? read_child(self, n, &children->items[n], err) : status;
    }
    return status == PBASE_OK ? load_children_place(children, &value, out, err) : status;
}

/* An entry has what its kind of collection has. */
static pbase_status check_entry(load_work *self, uint32_t kind, pbase_error *err)
{
    bool has_key = any_kind_keyed(kind), has_count = any_kind_counted(kind);
    return (self->line.key != NULL) == has_key && (self->line.times != NULL) == has_count
               ? PBASE_OK
               : REFUSE(self, "this is no entry of a %s", cli_root_kind_name(kind));
}

static pbase_status add_entry(load_work *self, any_collection *into, const pbase_value *key,
                              const pbase_value *value, const pbase_value *times, pbase_error *err)
{
    pbase_status status = times != NULL ? any_add_times(into, key, value, times, err)
                                        : any_add(into, key, value, err);
    bool is_wrong = status == PBASE_INVALID || status == PBASE_LIMIT || status == PBASE_UNSUPPORTED;
    return is_wrong ? dump_reader_refuse(&self->reader, status, err, "%s", err->message) : status;
}

/* Puts one entry, with the collections in it, which are the lines behind it. */
static pbase_status load_entry(load_work *self, any_collection *into, pbase_error *err)
{
    load_children children;
    pbase_value key = pbase_value_null(), value, times = pbase_value_null();
    bool has_key = self->line.key != NULL, has_times = self->line.times != NULL;
    pbase_status status = check_entry(self, into->kind, err);
    if (status != PBASE_OK) {
        return status;
    }
    count_entry(self);
    if (load_children_count(self->line.value) == 0) {
        return add_entry(self, into, self->line.key, self->line.value, self->line.times, err);
    }
    load_children_init(&children);
    if (has_key) {
        status = pbase_value_copy(self->line.key, &children.arena, &key, err);
    }
    if (status == PBASE_OK && has_times) {
        status = pbase_value_copy(self->line.times, &children.arena, &times, err);
    }
    status = status == PBASE_OK ? read_children(self, &children, &value, err) : status;
    status = status == PBASE_OK ? add_entry(self, into, has_key ? &key : NULL, &value,
                                            has_times ? &times : NULL, err)
                                : status;
    load_children_fini(&children);
    return status;
}

/* Commits when a transaction has enough. */
static pbase_status settle_batch(load_work *self, pbase_error *err)
{
    bool is_full = self->batch_entries >= BATCH_ENTRIES || self->batch_bytes >= BATCH_BYTES;
    return is_full ? commit_batch(self, err) : PBASE_OK;
}

/* The value of a root, with the collections in it. */
static pbase_status store_value(load_work *self, pbase_error *err)
{
    load_children children;
    pbase_value value;
    count_entry(self);
    load_children_init(&children);
    pbase_status status = read_children(self, &children, &value, err);
    status = status == PBASE_OK ? pbase_txn_store_value(self->txn, self->root_name, &value, err)
                                : status;
    load_children_fini(&children);
    return status;
}

static pbase_status load_value(load_work *self, pbase_error *err)
{
    pbase_status status = next_line(self, err);
    if (status == PBASE_OK &&
        (self->line.kind != DUMP_ENTRY || self->line.key != NULL || self->line.times != NULL)) {
        return REFUSE(self, "the value of root '%s' is expected here", self->root_name);
    }
    status = status == PBASE_OK ? open_batch(self, err) : status;
    status = status == PBASE_OK ? store_value(self, err) : status;
    status = status == PBASE_OK ? commit_batch(self, err) : status;
    status = status == PBASE_OK ? next_line(self, err) : status;
    return status == PBASE_OK && self->line.kind != DUMP_ROOT_END
               ? REFUSE(self, "root '%s' holds a value, which is one entry", self->root_name)
               : status;
}

/* The entries up to the line that ends the root. */
static pbase_status load_entries(load_work *self, pbase_error *err)
{
    pbase_status status = next_line(self, err);
    while (status == PBASE_OK && self->line.kind == DUMP_ENTRY) {
        status = open_batch(self, err);
        status = status == PBASE_OK ? load_entry(self, &self->root, err) : status;
        status = status == PBASE_OK ? settle_batch(self, err) : status;
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    if (status == PBASE_OK && self->line.kind != DUMP_ROOT_END) {
        return REFUSE(self, "an entry or the end of root '%s' is expected here", self->root_name);
    }
    return status == PBASE_OK ? commit_batch(self, err) : status;
}

/* The objects up to the line that ends them. */
static pbase_status load_object(load_work *self, pbase_error *err)
{
    load_children children;
    pbase_value value;
    char class_name[PBASE_NAME_BYTES_MAX + 1];
    pbase_object_id id = self->line.id;
    (void)snprintf(class_name, sizeof class_name, "%s", self->line.name);
    count_entry(self);
    load_children_init(&children);
    pbase_status status = read_children(self, &children, &value, err);
    status = status == PBASE_OK ? pbase_object_put_as(self->txn, id, class_name, &value, NULL, err)
                                : status;
    if (status == PBASE_INVALID || status == PBASE_LIMIT) {
        status = dump_reader_refuse(&self->reader, status, err, "%s", err->message);
    }
    load_children_fini(&children);
    return status;
}

static pbase_status load_objects(load_work *self, pbase_error *err)
{
    pbase_status status = next_line(self, err);
    while (status == PBASE_OK && self->line.kind == DUMP_OBJECT) {
        status = open_batch(self, err);
        status = status == PBASE_OK ? load_object(self, err) : status;
        status = status == PBASE_OK ? settle_batch(self, err) : status;
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    if (status == PBASE_OK && self->line.kind != DUMP_ROOT_END) {
        return REFUSE(self, "an object or the end of the objects is expected here");
    }
    return status == PBASE_OK ? commit_batch(self, err) : status;
}

static pbase_status load_root(load_work *self, pbase_error *err)
{
    (void)snprintf(self->root_name, sizeof self->root_name, "%s", self->line.name);
    bool is_objects = pbase_bytes_equal(self->line.collection, pbase_bytes_text(DUMP_OBJECTS_KIND));
    if (!is_objects && !parse_kind(self->line.collection, &self->root_kind)) {
        return dump_reader_refuse(&self->reader, PBASE_FORMAT, err, "the kind '%.*s' is not known",
                                  (int)self->line.collection.size,
                                  (const char *)self->line.collection.data);
    }
    self->fills_root = !is_objects && self->root_kind != PBASE_ROOT_VALUE;
    self->root_entries = 0;
    dump_sum_begin(self->sum);
    pbase_status status = is_objects                            ? load_objects(self, err)
                          : self->root_kind == PBASE_ROOT_VALUE ? load_value(self, err)
                                                                : load_entries(self, err);
    status = status == PBASE_OK ? check_root_end(self, err) : status;
    self->database_roots += status == PBASE_OK;
    return status;
}

/* An index is built of what has been loaded. */
static pbase_status load_index(load_work *self, pbase_error *err)
{
    pbase_index_options options = {.struct_size = sizeof options,
                                   .unique = self->line.is_unique,
                                   .fields = self->line.fields,
                                   .field_count = self->line.field_count};
    pbase_status status = pbase_index_create(self->database, self->line.root, self->line.name,
                                             &options, &self->run->call, err);
    self->database_indexes += status == PBASE_OK;
    bool is_wrong = status == PBASE_INVALID || status == PBASE_NOT_FOUND ||
                    status == PBASE_EXISTS || status == PBASE_LIMIT;
    return is_wrong ? REFUSE(self, "%s", err->message) : status;
}

/* ----------------------------------------------------------------------------------- databases -- */

/* Remembers the database of the line, and makes the one that it is filled under. */
static pbase_status create_working(load_work *self, pbase_error *err)
{
    struct timespec now;
    loading *added = pbase_arena_array(&self->run->arena, 1, sizeof *added);
    char *name = pbase_arena_text(&self->run->arena, pbase_bytes_text(self->line.name));
    if (added == NULL || name == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a database");
    }
    for (const loading *at = self->first; at != NULL; at = at->next) {
        if (strcmp(at->name, name) == 0) {
            return REFUSE(self, "database '%s' comes twice", name);
        }
    }
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    added->next = NULL;
    added->name = name;
    (void)snprintf(added->working, sizeof added->working, "~load-%ld-%lld%09ld", (long)getpid(),
                   (long long)now.tv_sec, now.tv_nsec);
    pbase_status status = pbase_database_create(self->run->space, added->working, err);
    if (status != PBASE_OK) {
        return status;
    }
    *(self->last == NULL ? &self->first : &self->last->next) = added;
    self->last = added;
    return pbase_database_open(self->run->space, added->working, &self->database, err);
}

static pbase_status load_database(load_work *self, pbase_error *err)
{
    self->database_roots = self->database_indexes = 0;
    pbase_status status = create_working(self, err);
    status = status == PBASE_OK ? next_line(self, err) : status;
    while (status == PBASE_OK && self->line.kind == DUMP_ROOT) {
        status = load_root(self, err);
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    while (status == PBASE_OK && self->line.kind == DUMP_INDEX) {
        status = load_index(self, err);
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    abort_batch(self);
    pbase_database_close(self->database);
    self->database = NULL;
    if (status != PBASE_OK) {
        return status;
    }
    if (self->line.kind != DUMP_DATABASE_END) {
        return REFUSE(self, "a root, an index or the end of the database is expected here");
    }
    if (self->line.indexes != self->database_indexes) {
        return REFUSE(self,
                      "the database has %" PRIu64 " indexes here, and %" PRIu64 " were dumped",
                      self->database_indexes, self->line.indexes);
    }
    if (self->line.count != self->database_roots) {
        return REFUSE(self, "the database has %" PRIu64 " roots here, and %" PRIu64 " were dumped",
                      self->database_roots, self->line.count);
    }
    self->databases++;
    self->roots += self->database_roots;
    return PBASE_OK;
}

static pbase_status load_all(load_work *self, pbase_error *err)
{
    pbase_status status = next_line(self, err);
    if (status == PBASE_OK && self->line.kind != DUMP_HEADER) {
        return dump_reader_refuse(&self->reader, PBASE_FORMAT, err,
                                  "this is not the header of a dump");
    }
    status = status == PBASE_OK ? next_line(self, err) : status;
    while (status == PBASE_OK && self->line.kind == DUMP_DATABASE) {
        status = load_database(self, err);
        status = status == PBASE_OK ? next_line(self, err) : status;
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (self->line.kind != DUMP_END) {
        return REFUSE(self, "a database or the end of the dump is expected here");
    }
    if (self->line.count != self->databases) {
        return REFUSE(self, "the dump has %" PRIu64 " databases here, and %" PRIu64 " were dumped",
                      self->databases, self->line.count);
    }
    status = dump_reader_next(&self->reader, &self->line, err);
    return status == PBASE_END  ? PBASE_OK
           : status == PBASE_OK ? REFUSE(self, "something follows the end of the dump")
                                : status;
}

/* --------------------------------------------------------------------------------------- names -- */

static pbase_status count_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    uint64_t *count = state;
    (void)root;
    (void)err;
    ++*count;
    return PBASE_OK;
}

/* A database of the name may be there if nothing is in it. */
static pbase_status check_free(load_work *self, const char *name, bool *out_exists,
                               pbase_error *err)
{
    uint64_t count = 0;
    pbase_database *database = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_database_open(self->run->space, name, &database, err);
    *out_exists = status == PBASE_OK;
    if (status == PBASE_NOT_FOUND) {
        pbase_error_init(err);
        return PBASE_OK;
    }
    status = status == PBASE_OK ? pbase_snapshot_open(database, &snapshot, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_roots(snapshot, count_root, &count, err) : status;
    pbase_snapshot_close(snapshot);
    pbase_database_close(database);
    if (status == PBASE_OK && count > 0) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "database '%s' is there and is not empty", name);
        pbase_error_hint(err, "rename or drop it first, or load into another space");
    }
    return status;
}

static pbase_status check_all_free(load_work *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (const loading *at = self->first; at != NULL && status == PBASE_OK; at = at->next) {
        bool exists;
        status = check_free(self, at->name, &exists, err);
    }
    return status;
}

static pbase_status name_one(load_work *self, const loading *one, pbase_error *err)
{
    bool exists = false;
    pbase_status status = check_free(self, one->name, &exists, err);
    if (status == PBASE_OK && exists) {
        status = pbase_database_drop(self->run->space, one->name, err);
    }
    return status == PBASE_OK
               ? pbase_database_rename(self->run->space, one->working, one->name, err)
               : status;
}

/* Gives each its name; those that could not be named are dropped, as all are after a failure. */
static pbase_status finish(load_work *self, pbase_status status, pbase_error *err)
{
    pbase_error ignored;
    loading *at = self->first;
    status = status == PBASE_OK ? check_all_free(self, err) : status;
    for (; at != NULL && status == PBASE_OK; at = at->next) {
        status = name_one(self, at, err);
        if (status != PBASE_OK) {
            break;
        }
    }
    for (; at != NULL; at = at->next) {
        pbase_error_init(&ignored);
        if (pbase_database_drop(self->run->space, at->working, &ignored) != PBASE_OK) {
            break; /* the first failure counts; what is left can be dropped by name */
        }
    }
    return status;
}

static pbase_status print_summary(const load_work *self, pbase_error *err)
{
    double seconds = progress_seconds(&self->progress);
    return cli_print(err,
                     self->run->json ? "{\"databases\":%" PRIu64 ",\"roots\":%" PRIu64
                                       ",\"entries\":%" PRIu64 ",\"seconds\":%.3f}\n"
                                     : "loaded %" PRIu64 " databases, %" PRIu64 " roots, %" PRIu64
                                       " entries in %.2f s\n",
                     self->databases, self->roots, self->entries, seconds);
}

CLI_COMMAND(cmd_load)
{
    load_work work = {.run = self};
    dump_reader_init(&work.reader, self, &work.input);
    pbase_status status =
        cli_check_no_txn(self, "a load makes databases, which are commits of their own", err);
    status = status == PBASE_OK
                 ? rows_open(arguments->operands[0], ROWS_LINES, &self->call, &work.input, err)
                 : status;
    status = status == PBASE_OK ? cli_open_space(self, err) : status;
    status = status == PBASE_OK ? dump_sum_create(&work.sum, err) : status;
    if (status == PBASE_OK) {
        progress_begin(&work.progress, "loaded", rows_file_bytes(&work.input), !self->json);
        status = finish(&work, load_all(&work, err), err);
        progress_end(&work.progress);
    }
    status = status == PBASE_OK ? print_summary(&work, err) : status;
    dump_sum_destroy(work.sum);
    dump_reader_fini(&work.reader);
    rows_close(&work.input);
    return status;
}
