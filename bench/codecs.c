/* codecs.c - `./dev bench codecs`: what compression and encryption cost and save.
 *
 * codecs [--json] [--records N] [--folder DIR]. N orders of some 200 bytes each, written 1,000 to a
 * transaction on files, then settled by a checkpoint; read once after reopening, with caches empty;
 * then single durable commits. Times are the processor's, but for those commits. One line of figures for each list of codecs;
 * the dictionary of zstd is trained from a sample before. */
#include "bench.h"
#ifdef BENCH_HAS_zstd
#include "codecs_dictionary.h"
#endif

#include <inttypes.h>
#include <limits.h>
#include <protobase/protobase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PER_TRANSACTION 1000u
#define COMMITS 2000u
#define SAMPLE_RECORDS 50000u
#define TEXT_BYTES (PATH_MAX + 1024u)
#define DICTIONARY "{type: zstd, dictionary: '$DICT', min_size: 32}"
#define CIPHER "{type: aes-256-gcm, keys: [bench], key_env: PBASE_BENCH_KEY}"

typedef struct {
    bool json;
    uint64_t records;
    const char *folder;
    const char *engine; /* the list of codecs, as it is shown */
    char yaml[TEXT_BYTES];
} options;

typedef struct {
    pbase_space *space;
    pbase_database *database;
} opened;

static const struct {
    const char *name, *codecs;
} lists[] = {
    {"msgpack", "[msgpack]"},
    {"lz4", "[msgpack, lz4]"},
    {"zstd", "[msgpack, zstd]"},
#ifdef BENCH_HAS_zstd
    {"zstd+dict", "[msgpack, " DICTIONARY "]"},
#endif
    {"aes", "[msgpack, " CIPHER "]"},
    {"lz4+aes", "[msgpack, lz4, " CIPHER "]"},
    {"zstd+aes", "[msgpack, zstd, " CIPHER "]"},
};

static void must(pbase_status status, const pbase_error *err, const char *what)
{
    if (status != PBASE_OK) {
        bench_fail("%s: %s: %s", what, pbase_status_name(status), err->message);
    }
}

static void print(const options *wanted, const char *workload, double value, const char *unit,
                  bool higher_is_better)
{
    bench_figure figure = {.bench = "codecs",
                           .workload = workload,
                           .engine = wanted->engine,
                           .value = value,
                           .unit = unit,
                           .higher_is_better = higher_is_better,
                           .n = wanted->records};
    bench_print(&figure, wanted->json);
}

/* ------------------------------------------------------------------------------------ space ---- */

static void open_space(const options *wanted, opened *out)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    pbase_error err;
    pbase_error_init(&err);
    source.text = wanted->yaml;
    must(pbase_space_open(&source, NULL, &out->space, &err), &err, "open");
    must(pbase_database_ensure(out->space, "main", &out->database, &err), &err, "database");
}

static void close_space(opened *space)
{
    pbase_database_close(space->database);
    pbase_space_close(space->space);
}

/* What the settled records take on the disk; the journal is recycled and has always one size. */
static double store_bytes(const char *folder)
{
    char command[PATH_MAX + 96], line[64] = "0";
    (void)snprintf(
        command, sizeof command,
        "find '%s/store' -type f -printf '%%b\\n' | awk '{ n += $1 } END { print n * 512 }'",
        folder);
    FILE *in = popen(command, "r");
    if (in == NULL || fgets(line, sizeof line, in) == NULL) {
        bench_fail("find does not tell the size of %s", folder);
    }
    (void)pclose(in);
    return strtod(line, NULL);
}

/* Of the process, with its threads: other work of the machine does not count. */
static double cpu_seconds(void)
{
    clock_t ticks = clock();
    return (double)ticks / CLOCKS_PER_SEC;
}

/* ----------------------------------------------------------------------------------- orders ---- */

/* Fields as programs have them: names that repeat, words of a few, numbers and a token that do not. */
static void put_order(pbase_dict **orders, uint64_t number)
{
    static const char *const cities[] = {"Amsterdam", "Oslo", "Lisbon", "Vienna", "Montevideo"};
    static const char *const states[] = {"paid", "open", "cancelled", "returned"};
    static const char *const goods[] = {"garden chair, oak", "desk lamp", "bookshelf, 5 boards",
                                        "rain coat, yellow", "tea pot",   "bicycle bell"};
    uint64_t hash = bench_hash(number);
    char token[33], customer[32];
    (void)snprintf(token, sizeof token, "%016" PRIx64 "%016" PRIx64, hash, bench_hash(hash));
    (void)snprintf(customer, sizeof customer, "customer-%" PRIu64, hash % 10000);
    pbase_field fields[] = {
        {pbase_bytes_text("id"), pbase_value_int((int64_t)number)},
        {pbase_bytes_text("customer"), pbase_value_text(customer)},
        {pbase_bytes_text("city"), pbase_value_text(cities[hash % 5])},
        {pbase_bytes_text("status"), pbase_value_text(states[hash / 5 % 4])},
        {pbase_bytes_text("article"), pbase_value_text(goods[hash / 20 % 6])},
        {pbase_bytes_text("amount"), pbase_value_float((double)(hash % 100000) / 100)},
        {pbase_bytes_text("ordered"), pbase_value_timestamp(1700000000000000000 + (int64_t)number)},
        {pbase_bytes_text("token"), pbase_value_text(token)},
    };
    pbase_value key = pbase_value_int((int64_t)number);
    pbase_value order = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    pbase_error err;
    pbase_error_init(&err);
    must(pbase_dict_put(orders, &key, &order, NULL, &err), &err, "put");
}

static void write_orders(opened *space, uint64_t first, uint64_t count, int32_t durability)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_dict *orders = NULL;
    pbase_txn_options how = pbase_txn_options_default();
    how.durability = durability;
    pbase_error_init(&err);
    must(pbase_txn_begin(space->database, &how, &txn, &err), &err, "begin");
    pbase_status status = pbase_txn_dict(txn, "orders", &orders, &err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &orders, &err);
    }
    must(status, &err, "dictionary");
    for (uint64_t i = 0; i < count; i++) {
        put_order(&orders, first + i);
    }
    must(pbase_txn_store_dict(txn, "orders", orders, &err), &err, "store");
    pbase_dict_close(orders);
    must(pbase_txn_commit(&txn, NULL, NULL, &err), &err, "commit");
}

/* -------------------------------------------------------------------------------- workloads ---- */

static void load(const options *wanted, opened *space)
{
    pbase_error err;
    pbase_error_init(&err);
    double began = cpu_seconds();
    for (uint64_t n = 0; n < wanted->records; n += PER_TRANSACTION) {
        write_orders(space, n, PER_TRANSACTION, PBASE_DURABILITY_NONE);
    }
    must(pbase_space_checkpoint(space->space, NULL, &err), &err, "checkpoint");
    print(wanted, "load_1000", (cpu_seconds() - began) * 1e9 / (double)wanted->records,
          "ns of processor/record", false);
    print(wanted, "size_loaded", store_bytes(wanted->folder) / (double)wanted->records,
          "bytes/record", false);
}

static void scan(const options *wanted, opened *space)
{
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    pbase_dict *orders = NULL;
    pbase_cursor *cursor = NULL;
    uint64_t count = 0;
    pbase_error_init(&err);
    double began = cpu_seconds();
    must(pbase_snapshot_open(space->database, &snapshot, &err), &err, "snapshot");
    must(pbase_snapshot_dict(snapshot, "orders", &orders, &err), &err, "dictionary");
    must(pbase_dict_cursor(orders, NULL, &cursor, &err), &err, "cursor");
    pbase_status status;
    while ((status = pbase_cursor_next(cursor, &err)) == PBASE_OK) {
        count++;
    }
    if (status != PBASE_END || count != wanted->records) {
        bench_fail("%" PRIu64 " records are read: %s", count, err.message);
    }
    print(wanted, "scan_cold", (cpu_seconds() - began) * 1e9 / (double)count,
          "ns of processor/record", false);
    pbase_cursor_close(cursor);
    pbase_dict_close(orders);
    pbase_snapshot_close(snapshot);
}

static void commit(const options *wanted, opened *space)
{
    double began = bench_seconds();
    for (uint64_t i = 0; i < COMMITS; i++) {
        write_orders(space, wanted->records + i, 1, PBASE_DURABILITY_SYNC);
    }
    print(wanted, "commit_durable_1t", COMMITS / (bench_seconds() - began), "1/s", true);
}

/* The document over `folder` with these codecs; $DICT in them is the dictionary beside the folder. */
static void write_yaml(options *wanted, const char *codecs)
{
    const char *dict = strstr(codecs, "$DICT");
    (void)snprintf(wanted->yaml, sizeof wanted->yaml,
                   "version: 1\nstorage:\n  type: file\n  blocks: {type: file, path: "
                   "'%s'}\ncodecs: %.*s%s%s%s\n",
                   wanted->folder, dict == NULL ? INT_MAX : (int)(dict - codecs), codecs,
                   dict == NULL ? "" : wanted->folder, dict == NULL ? "" : ".dict",
                   dict == NULL ? "" : dict + strlen("$DICT"));
}

#ifdef BENCH_HAS_zstd
/* Orders as they are stored uncompressed, a few of them, give the dictionary, beside the folder. */
static void train(options *wanted)
{
    opened space = {NULL, NULL};
    pbase_error err;
    char path[PATH_MAX], store[PATH_MAX];
    pbase_error_init(&err);
    write_yaml(wanted, "[msgpack]");
    bench_remove_folder(wanted->folder);
    open_space(wanted, &space);
    for (uint64_t n = 0; n < SAMPLE_RECORDS; n += PER_TRANSACTION) {
        write_orders(&space, UINT64_C(1) << 40 | n, PER_TRANSACTION, PBASE_DURABILITY_NONE);
    }
    must(pbase_space_checkpoint(space.space, NULL, &err), &err, "checkpoint");
    close_space(&space);
    (void)snprintf(path, sizeof path, "%s.dict", wanted->folder);
    (void)snprintf(store, sizeof store, "%s/store", wanted->folder);
    codecs_dictionary_train(store, path);
    bench_remove_folder(wanted->folder);
}
#endif

static void run_list(options *wanted, const char *name, const char *codecs)
{
    opened space = {NULL, NULL};
    wanted->engine = name;
    write_yaml(wanted, codecs);
    bench_remove_folder(wanted->folder);
    open_space(wanted, &space);
    load(wanted, &space);
    close_space(&space);
    open_space(wanted, &space);
    scan(wanted, &space);
    commit(wanted, &space);
    close_space(&space);
    bench_remove_folder(wanted->folder);
}

int main(int argc, char **argv)
{
    char data[PATH_MAX];
    const char *parent = NULL;
    options wanted = {.records = 200000};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            wanted.json = true;
        } else if (strcmp(argv[i], "--records") == 0 && i + 1 < argc) {
            wanted.records = strtoull(argv[++i], NULL, 10) / PER_TRANSACTION * PER_TRANSACTION;
        } else if (strcmp(argv[i], "--folder") == 0 && i + 1 < argc) {
            parent = argv[++i];
        } else {
            bench_fail("usage: codecs [--json] [--records N] [--folder DIR]");
        }
    }
    if (wanted.records == 0 ||
        setenv("PBASE_BENCH_KEY",
               "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92", 1) != 0) {
        bench_fail("--records: 1000 or more");
    }
    const char *work = bench_work_folder(parent, "codecs");
    (void)snprintf(data, sizeof data, "%s/data", work);
    wanted.folder = data;
#ifdef BENCH_HAS_zstd
    train(&wanted);
#endif
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        run_list(&wanted, lists[i].name, lists[i].codecs);
    }
    bench_remove_folder(work);
    return 0;
}
