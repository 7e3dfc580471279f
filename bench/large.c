/* large.c - `./dev bench large`: one transaction of ten million puts, in bounded memory.
 *
 * large [--json] [--records N] [--folder DIR]. 16-byte keys, hashed and ascending, values of 100 bytes;
 * begin, puts, store and a durable commit in a process of its own, which then reopens and looks.
 * Memory is the greatest of what /proc/self/status tells every 50,000 puts: `anonymous` is the
 * process's own, `resident` counts pages of mapped files too, which the kernel takes back at will. */
#include "bench.h"

#include <inttypes.h>
#include <limits.h>
#include <protobase/protobase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_BYTES 16u
#define VALUE_BYTES 100u
#define LOOK_EVERY 50000u
#define SAMPLES 1000u

typedef struct {
    bool json;
    uint64_t records;
    const char *folder;
} options;

typedef struct {
    double put_seconds, commit_seconds;
    uint64_t anonymous_kib, resident_kib, disk_kib;
} figures;

static void must(pbase_status status, const pbase_error *err, const char *what)
{
    if (status != PBASE_OK) {
        bench_fail("%s: %s: %s", what, pbase_status_name(status), err->message);
    }
}

/* ---------------------------------------------------------------------------------- memory ---- */

static uint64_t status_kib(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

static void look(figures *seen)
{
    char text[4096];
    FILE *in = fopen("/proc/self/status", "r");
    size_t size = in == NULL ? 0 : fread(text, 1, sizeof text - 1, in);
    text[size] = '\0';
    if (in != NULL) {
        (void)fclose(in);
    }
    uint64_t anonymous = status_kib(text, "RssAnon:"), resident = status_kib(text, "VmRSS:");
    seen->anonymous_kib = anonymous > seen->anonymous_kib ? anonymous : seen->anonymous_kib;
    seen->resident_kib = resident > seen->resident_kib ? resident : seen->resident_kib;
}

static uint64_t disk_kib(const char *folder)
{
    char command[PATH_MAX + 32], line[64] = "0";
    (void)snprintf(command, sizeof command, "du -sk '%s'", folder);
    FILE *in = popen(command, "r");
    if (in == NULL || fgets(line, sizeof line, in) == NULL) {
        bench_fail("du does not tell the size of %s", folder);
    }
    (void)pclose(in);
    return strtoull(line, NULL, 10);
}

/* ------------------------------------------------------------------------------------ work ---- */

static pbase_value record_key(uint64_t number, bool hashed, uint8_t out[KEY_BYTES])
{
    uint64_t halves[2] = {hashed ? bench_hash(number) : number, bench_hash(number + 1)};
    for (unsigned i = 0; i < KEY_BYTES; i++) { /* big-endian: numbers in order are keys in order */
        out[i] = (uint8_t)(halves[i / 8] >> (56 - 8 * (i % 8)));
    }
    return pbase_value_bytes(pbase_bytes_of(out, KEY_BYTES));
}

static void put_all(pbase_dict **dict, const options *wanted, bool hashed, figures *seen)
{
    pbase_error err;
    pbase_error_init(&err);
    for (uint64_t i = 0; i < wanted->records; i++) {
        uint8_t key_bytes[KEY_BYTES], value[VALUE_BYTES];
        pbase_value key = record_key(i, hashed, key_bytes);
        bench_fill(i, value, sizeof value);
        must(pbase_dict_put_bytes(dict, &key, pbase_bytes_of(value, sizeof value), NULL, &err),
             &err, "put");
        if (i % LOOK_EVERY == 0) {
            look(seen);
        }
    }
}

static void write_all(pbase_database *database, const options *wanted, bool hashed, figures *seen)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    double began = bench_seconds();
    must(pbase_txn_begin(database, NULL, &txn, &err), &err, "begin");
    must(pbase_txn_new_dict(txn, &dict, &err), &err, "dictionary");
    put_all(&dict, wanted, hashed, seen);
    must(pbase_txn_store_dict(txn, "large", dict, &err), &err, "store");
    pbase_dict_close(dict);
    seen->put_seconds = bench_seconds() - began;
    began = bench_seconds();
    must(pbase_txn_commit(&txn, NULL, NULL, &err), &err, "commit");
    seen->commit_seconds = bench_seconds() - began;
    look(seen);
}

static void check_all(pbase_database *database, const options *wanted, bool hashed)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_reader *reader = NULL;
    uint64_t count = 0;
    must(pbase_snapshot_open(database, &snapshot, &err), &err, "snapshot");
    must(pbase_snapshot_dict(snapshot, "large", &dict, &err), &err, "dictionary");
    must(pbase_reader_create(NULL, &reader, &err), &err, "reader");
    must(pbase_dict_count(dict, &count, &err), &err, "count");
    for (uint64_t i = 0; i < SAMPLES; i++) {
        uint64_t number = bench_hash(i) % wanted->records;
        uint8_t key_bytes[KEY_BYTES], value[VALUE_BYTES];
        pbase_bytes found;
        pbase_value key = record_key(number, hashed, key_bytes);
        bench_fill(number, value, sizeof value);
        must(pbase_dict_get_bytes(dict, &key, reader, &found, &err), &err, "get");
        if (!pbase_bytes_equal(found, pbase_bytes_of(value, sizeof value))) {
            bench_fail("record %" PRIu64 " has another value", number);
        }
    }
    if (count != wanted->records) {
        bench_fail("%" PRIu64 " records are there", count);
    }
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

static void run_in(const char *data, const options *wanted, bool hashed, figures *seen)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.data = data;
    for (int round = 0; round < 2; round++) { /* write, then reopen and look */
        pbase_space *space = NULL;
        pbase_database *database = NULL;
        must(pbase_space_open(&place, NULL, &space, &err), &err, "open");
        must(pbase_database_ensure(space, "main", &database, &err), &err, "database");
        if (round == 0) {
            write_all(database, wanted, hashed, seen);
        } else {
            check_all(database, wanted, hashed);
        }
        pbase_database_close(database);
        pbase_space_close(space);
    }
    seen->disk_kib = disk_kib(data);
}

static void report(const options *wanted, bool hashed, const figures *seen)
{
    double n = (double)wanted->records;
    const struct {
        const char *what;
        double value;
        const char *unit;
        bool higher;
    } lines[] = {
        {"rate", n / (seen->put_seconds + seen->commit_seconds), "1/s", true},
        {"commit", seen->commit_seconds, "s", false},
        {"anonymous", (double)seen->anonymous_kib / 1024, "MiB", false},
        {"resident", (double)seen->resident_kib / 1024, "MiB", false},
        {"disk", (double)seen->disk_kib / 1024, "MiB", false},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char workload[64];
        (void)snprintf(workload, sizeof workload, "%s_1txn_%s", hashed ? "hashed" : "sorted",
                       lines[i].what);
        bench_figure figure = {"large",       workload,        "protobase",    lines[i].value,
                               lines[i].unit, lines[i].higher, wanted->records};
        bench_print(&figure, wanted->json);
    }
    (void)fflush(stdout);
}

static void run(const options *wanted, bool hashed)
{
    char data[PATH_MAX];
    int status = 0;
    (void)snprintf(data, sizeof data, "%s/data", wanted->folder);
    bench_remove_folder(data);
    pid_t child = fork();
    if (child == 0) {
        figures seen = {.put_seconds = 0};
        run_in(data, wanted, hashed, &seen);
        report(wanted, hashed, &seen);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        bench_fail("the process that writes ended with status %d", status);
    }
    bench_remove_folder(data);
}

static options parse(int argc, char **argv)
{
    options wanted = {.records = 10000000};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            wanted.json = true;
        } else if (strcmp(argv[i], "--records") == 0 && has_value) {
            wanted.records = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--folder") == 0 && has_value) {
            wanted.folder = argv[++i];
        } else {
            bench_fail("usage: large [--json] [--records N] [--folder DIR]");
        }
    }
    return wanted;
}

int main(int argc, char **argv)
{
    options wanted = parse(argc, argv);
    wanted.folder = bench_work_folder(wanted.folder, "large");
    run(&wanted, false);
    run(&wanted, true);
    bench_remove_folder(wanted.folder);
    return 0;
}
