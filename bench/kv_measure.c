/* kv_measure.c - loads, opening, reads, commits and updates, in this order on one database.
 *
 * Whatever is read later was loaded hashed in one transaction. Reads are warm: every record has been
 * read before. Commits of several threads change records at random; who loses a conflict tries again.
 */
#include "kv_measure.h"

#include "kv_disk.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GETS 1000000u
#define SCANS 3u
#define RANGES 20000u
#define RANGE_RECORDS 100u
#define OPENINGS 9u
#define UPDATES 300000u
#define UPDATE_SECONDS_MAX 6.0
#define UPDATE_BATCH 100u
#define SINGLE_BATCH 1000u /* of an engine that cannot load in one transaction */
#define THREADS_MAX 32u
#define LARGE_KEYS 1000u /* of `commit_large_1t` */

typedef struct {
    const kv_engine *engine;
    const kv_measure_options *options;
    char loaded[4096]; /* folder of the database that stays */
    uint64_t random;
    uint64_t sum; /* of what was looked at */
} measuring;

static void tell(const measuring *self, kv_workload workload, double value)
{
    if (self->options->wanted[workload]) {
        self->options->report(self->options->state, workload, value);
    }
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

static uint64_t any_record(const measuring *self, uint64_t *random)
{
    return bench_hash((*random)++) % self->options->records;
}

void kv_key(uint64_t number, bool ascending, uint8_t out[KV_KEY_BYTES])
{
    uint64_t hash = ascending ? 0 : bench_hash(number);
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(hash >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

static void put_record(const kv_engine *engine, void *session, uint64_t number, uint64_t version,
                       bool ascending)
{
    uint8_t key[KV_KEY_BYTES], value[KV_VALUE_BYTES];
    kv_key(number, ascending, key);
    bench_fill(number + version, value, sizeof value);
    engine->put(session, key, (kv_view){value, sizeof value});
}

/* --------------------------------------------------------------------------------- loading ---- */

static void put_all(measuring *self, void *database, uint64_t batch, bool ascending)
{
    const kv_engine *engine = self->engine;
    void *session = engine->session_open(database);
    uint64_t next = 0, records = self->options->records;
    while (next < records) {
        uint64_t end = at_most(next + batch, records);
        engine->write_begin(session);
        for (; next < end; next++) {
            put_record(engine, session, next, 0, ascending);
        }
        if (!engine->write_commit(session)) {
            bench_fail("%s: a conflict with nobody", engine->name);
        }
    }
    engine->session_close(session);
}

/* Loads into `folder`; `batch` 0: as many records in a transaction as the engine takes. */
static void load(measuring *self, const char *folder, kv_workload workload, uint64_t batch,
                 bool ascending)
{
    const kv_engine *engine = self->engine;
    kv_open_options options = {.ascending = ascending};
    uint64_t whole = engine->loads_in_one ? self->options->records : SINGLE_BATCH;
    bench_remove_folder(folder);
    double began = bench_seconds();
    void *database = engine->open(folder, &options);
    put_all(self, database, batch == 0 ? whole : batch, ascending);
    engine->sync(database);
    double loaded = bench_seconds();
    tell(self, workload, (double)self->options->records / (loaded - began));
    if (engine->settle != NULL) {
        engine->settle(database);
        if (workload == KV_LOAD_1TXN) {
            tell(self, KV_SETTLE, bench_seconds() - loaded);
        }
    }
    engine->close(database);
}

static void measure_loads(measuring *self)
{
    const bool *wanted = self->options->wanted;
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/other", self->options->folder);
    if (wanted[KV_LOAD_SORTED]) {
        load(self, folder, KV_LOAD_SORTED, 0, true);
    }
    if (wanted[KV_LOAD_1000]) {
        load(self, folder, KV_LOAD_1000, SINGLE_BATCH, false);
    }
    bench_remove_folder(folder);
}

/* -------------------------------------------------------------------------------- opening ----- */

static void measure_open(measuring *self)
{
    const kv_engine *engine = self->engine;
    const kv_open_options options = {.durable = true};
    double times[OPENINGS], parts[OPENINGS];
    for (uint64_t i = 0; i < OPENINGS; i++) {
        uint8_t key[KV_KEY_BYTES];
        kv_view value;
        double began = bench_seconds();
        void *database = engine->open(self->loaded, &options);
        void *session = engine->session_open(database);
        kv_key(i * 7 % self->options->records, false, key);
        engine->read_begin(session);
        if (!engine->get(session, key, &value)) {
            bench_fail("%s: a record is missing", engine->name);
        }
        times[i] = (bench_seconds() - began) * 1e3;
        parts[i] = engine->open_parts == NULL ? 0 : engine->open_parts(database) * 1e3;
        times[i] -= parts[i];
        engine->read_end(session);
        engine->session_close(session);
        engine->close(database);
    }
    tell(self, KV_OPEN, bench_median(times, OPENINGS));
    if (engine->open_parts != NULL) {
        tell(self, KV_OPEN_PARTS, bench_median(parts, OPENINGS));
    }
}

/* -------------------------------------------------------------------------------- reading ----- */

typedef struct {
    _Alignas(64) measuring *of; /* threads count in their own lines of the cache */
    void *database;
    uint64_t random, count, sum;
    bool fresh; /* a snapshot for each get */
} getter;

static void get_one(getter *self, void *session)
{
    const kv_engine *engine = self->of->engine;
    uint8_t key[KV_KEY_BYTES];
    kv_view value;
    kv_key(any_record(self->of, &self->random), false, key);
    if (!engine->get(session, key, &value)) {
        bench_fail("%s: a record is missing", engine->name);
    }
    self->sum += kv_touch(value.data, value.size);
}

static void *get_all(void *getter_pointer)
{
    getter *self = getter_pointer;
    const kv_engine *engine = self->of->engine;
    void *session = engine->session_open(self->database);
    if (!self->fresh) {
        engine->read_begin(session);
    }
    for (uint64_t i = 0; i < self->count; i++) {
        if (self->fresh) {
            engine->read_begin(session);
        }
        get_one(self, session);
        if (self->fresh) {
            engine->read_end(session);
        }
    }
    if (!self->fresh) {
        engine->read_end(session);
    }
    engine->session_close(session);
    return NULL;
}

/* Gets a second, of all threads together. */
static double gets(measuring *self, void *database, unsigned threads, uint64_t count, bool fresh)
{
    pthread_t running[2];
    getter getters[2];
    double began = bench_seconds();
    for (unsigned i = 0; i < threads; i++) {
        getters[i] = (getter){.of = self,
                              .database = database,
                              .random = self->random += GETS,
                              .count = count,
                              .fresh = fresh};
        if (threads > 1 && pthread_create(&running[i], NULL, get_all, &getters[i]) != 0) {
            bench_fail("cannot start a thread");
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        if (threads > 1) {
            (void)pthread_join(running[i], NULL); /* cannot fail for a thread of ours */
        } else {
            (void)get_all(&getters[i]);
        }
        self->sum += getters[i].sum;
    }
    return (double)count * threads / (bench_seconds() - began);
}

static double get_batches(measuring *self, void *session, uint64_t count)
{
    double began = bench_seconds();
    for (uint64_t done = 0; done < count; done += KV_MANY) {
        uint8_t keys[KV_MANY * KV_KEY_BYTES];
        kv_view values[KV_MANY];
        for (unsigned i = 0; i < KV_MANY; i++) {
            kv_key(any_record(self, &self->random), false, keys + (size_t)i * KV_KEY_BYTES);
        }
        if (self->engine->get_many != NULL) {
            self->engine->get_many(session, keys, values);
        }
        for (unsigned i = 0; i < KV_MANY; i++) {
            if (self->engine->get_many == NULL &&
                !self->engine->get(session, keys + (size_t)i * KV_KEY_BYTES, &values[i])) {
                bench_fail("%s: a record is missing", self->engine->name);
            }
            self->sum += kv_touch(values[i].data, values[i].size);
        }
    }
    return (double)count / (bench_seconds() - began);
}

static double full_scan(measuring *self, void *session)
{
    double best = 0;
    for (unsigned i = 0; i < SCANS; i++) {
        double began = bench_seconds();
        uint64_t count = self->engine->scan(session, NULL, self->options->records + 10, &self->sum);
        double rate = (double)count / (bench_seconds() - began);
        if (count != self->options->records) {
            bench_fail("%s: a scan saw %llu records", self->engine->name,
                       (unsigned long long)count);
        }
        best = rate > best ? rate : best;
    }
    return best;
}

static double ranges(measuring *self, void *session, uint64_t count)
{
    double began = bench_seconds();
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[KV_KEY_BYTES];
        kv_key(any_record(self, &self->random), false, key);
        if (self->engine->scan(session, key, RANGE_RECORDS, &self->sum) == 0) {
            bench_fail("%s: a range is empty", self->engine->name);
        }
    }
    return (double)count / (bench_seconds() - began);
}

static void measure_ordered(measuring *self, void *database, uint64_t count)
{
    const kv_engine *engine = self->engine;
    const bool *wanted = self->options->wanted;
    void *session = engine->session_open(database);
    engine->read_begin(session);
    if (wanted[KV_GET_MANY]) {
        tell(self, KV_GET_MANY, get_batches(self, session, count));
    }
    if (wanted[KV_SCAN]) {
        (void)full_scan(self, session); /* warm */
        tell(self, KV_SCAN, full_scan(self, session));
    }
    if (wanted[KV_RANGE]) {
        tell(self, KV_RANGE, ranges(self, session, at_most(count, RANGES)));
    }
    engine->read_end(session);
    engine->session_close(session);
}

static void measure_reads(measuring *self)
{
    const bool *wanted = self->options->wanted;
    const kv_open_options options = {.durable = false};
    void *database = self->engine->open(self->loaded, &options);
    uint64_t count = at_most(self->options->records, GETS);
    (void)gets(self, database, 1, at_most(self->options->records, 2 * GETS), false); /* warm */
    if (wanted[KV_GET]) {
        tell(self, KV_GET, gets(self, database, 1, count, false));
    }
    if (wanted[KV_GET_FRESH]) {
        tell(self, KV_GET_FRESH, gets(self, database, 1, count / 2 + 1, true));
    }
    if (wanted[KV_GET_2T]) {
        tell(self, KV_GET_2T, gets(self, database, 2, count, false));
    }
    measure_ordered(self, database, count);
    self->engine->close(database);
}

/* ------------------------------------------------------------------------------- committing --- */

typedef struct {
    measuring *of;
    void *database;
    atomic_bool stop;
    _Atomic uint64_t commits, threads;
} committers;

static void *commit_all(void *committers_pointer)
{
    committers *self = committers_pointer;
    const kv_engine *engine = self->of->engine;
    uint64_t random = self->of->random + (atomic_fetch_add(&self->threads, 1) << 40);
    uint64_t done = 0;
    void *session = engine->session_open(self->database);
    while (!atomic_load_explicit(&self->stop, memory_order_relaxed)) {
        uint64_t number = any_record(self->of, &random);
        do {
            engine->write_begin(session);
            put_record(engine, session, number, random, false);
        } while (!engine->write_commit(session));
        done++;
    }
    engine->session_close(session);
    atomic_fetch_add(&self->commits, done);
    return NULL;
}

static void nap(double seconds)
{
    double until = bench_seconds() + seconds;
    while (bench_seconds() < until) {
        (void)usleep(1000); /* the loop looks at the time */
    }
}

/* Commits of `threads` for a while; what the disk was given for each goes to the two other lines. */
static void commits(measuring *self, void *database, unsigned threads, double seconds,
                    kv_workload rate, kv_workload device, kv_workload written)
{
    committers all = {.of = self, .database = database};
    pthread_t running[THREADS_MAX];
    double device_before = kv_device_bytes(self->loaded), process_before = kv_process_bytes();
    double began = bench_seconds();
    self->random += (uint64_t)1 << 32;
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&running[i], NULL, commit_all, &all) != 0) {
            bench_fail("cannot start a thread");
        }
    }
    nap(seconds);
    atomic_store(&all.stop, true);
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(running[i], NULL); /* cannot fail for a thread of ours */
    }
    double count = (double)atomic_load(&all.commits);
    double device_bytes = kv_device_bytes(self->loaded) - device_before;
    double process_bytes = kv_process_bytes() - process_before;
    if (rate != KV_WORKLOADS) {
        tell(self, rate, count / (bench_seconds() - began));
    }
    if (device != KV_WORKLOADS && !isnan(device_bytes)) {
        tell(self, device, device_bytes / count);
    }
    if (written != KV_WORKLOADS && !isnan(process_bytes)) {
        tell(self, written, process_bytes / count);
    }
}

/* One thread, between two halves of what the disk itself can do: some disks change by the second. */
static void commits_of_one(measuring *self, void *database, double seconds)
{
    bool beside = self->options->wanted[KV_APPEND];
    double before = beside ? kv_append_rate(self->options->folder, seconds / 4) : 0;
    commits(self, database, 1, seconds, KV_COMMIT_1T, KV_DEVICE_1T, KV_WRITTEN_1T);
    if (beside) {
        tell(self, KV_APPEND, (before + kv_append_rate(self->options->folder, seconds / 4)) / 2);
    }
}

static void measure_commits(measuring *self)
{
    const bool *wanted = self->options->wanted;
    const kv_open_options options = {.durable = true};
    double seconds = self->options->seconds, brief = seconds * 0.6;
    void *database = self->engine->open(self->loaded, &options);
    if (wanted[KV_COMMIT_1T] || wanted[KV_APPEND] || wanted[KV_DEVICE_1T] ||
        wanted[KV_WRITTEN_1T]) {
        commits_of_one(self, database, seconds);
    }
    if (wanted[KV_COMMIT_4T]) {
        commits(self, database, 4, brief, KV_COMMIT_4T, KV_WORKLOADS, KV_WORKLOADS);
    }
    if (wanted[KV_COMMIT_16T]) {
        commits(self, database, 16, brief, KV_COMMIT_16T, KV_WORKLOADS, KV_WORKLOADS);
    }
    if (wanted[KV_DEVICE_32T] || wanted[KV_WRITTEN_32T]) {
        commits(self, database, 32, brief, KV_WORKLOADS, KV_DEVICE_32T, KV_WRITTEN_32T);
    }
    self->engine->close(database);
}

/* One large value per commit, into a database of its own: each key is new, then written again. */
static void measure_large(measuring *self)
{
    const kv_engine *engine = self->engine;
    const kv_open_options options = {.durable = true};
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/other", self->options->folder);
    bench_remove_folder(folder);
    void *database = engine->open(folder, &options);
    void *session = engine->session_open(database);
    uint8_t *value = bench_new(KV_LARGE_BYTES);
    uint64_t done = 0;
    bench_fill(self->random, value, KV_LARGE_BYTES);
    double began = bench_seconds();
    while (bench_seconds() - began < self->options->seconds) {
        uint8_t key[KV_KEY_BYTES];
        kv_key(done % LARGE_KEYS, false, key);
        memcpy(value, &done, sizeof done); /* filling it anew would be what is measured */
        engine->write_begin(session);
        engine->put(session, key, (kv_view){value, KV_LARGE_BYTES});
        if (!engine->write_commit(session)) {
            bench_fail("%s: a conflict with nobody", engine->name);
        }
        done++;
    }
    tell(self, KV_COMMIT_LARGE, (double)done / (bench_seconds() - began));
    free(value);
    engine->session_close(session);
    engine->close(database);
    bench_remove_folder(folder);
}

/* -------------------------------------------------------------------------------- updating ---- */

static void measure_updates(measuring *self)
{
    const kv_engine *engine = self->engine;
    const kv_open_options options = {.durable = false};
    uint64_t goal = at_most(UPDATES, self->options->records * 3 / 10 + UPDATE_BATCH), done = 0;
    void *database = engine->open(self->loaded, &options);
    void *session = engine->session_open(database);
    double began = bench_seconds();
    while (done < goal && bench_seconds() - began < UPDATE_SECONDS_MAX) {
        engine->write_begin(session);
        for (unsigned i = 0; i < UPDATE_BATCH; i++) {
            uint64_t number = any_record(self, &self->random);
            put_record(engine, session, number, self->random, false);
        }
        if (!engine->write_commit(session)) {
            bench_fail("%s: a conflict with nobody", engine->name);
        }
        done += UPDATE_BATCH;
    }
    tell(self, KV_UPDATE, (double)done / (bench_seconds() - began));
    engine->session_close(session);
    if (self->options->wanted[KV_SIZE_UPDATED] && engine->settle != NULL) {
        engine->settle(database); /* cleaned, by whoever knows how */
    }
    engine->close(database);
    tell(self, KV_SIZE_UPDATED, kv_folder_bytes(self->loaded));
}

/* --------------------------------------------------------------------------------- the run ---- */

static bool any_of(const measuring *self, kv_workload first, kv_workload last)
{
    bool any = false;
    for (kv_workload i = first; i <= last; i++) {
        any = any || self->options->wanted[i];
    }
    return any;
}

static void measure_loaded(measuring *self)
{
    load(self, self->loaded, KV_LOAD_1TXN, 0, false);
    tell(self, KV_SIZE_LOADED, kv_folder_bytes(self->loaded));
    if (any_of(self, KV_OPEN, KV_OPEN_PARTS)) {
        measure_open(self);
    }
    if (any_of(self, KV_GET, KV_RANGE)) {
        measure_reads(self);
    }
    if (any_of(self, KV_COMMIT_1T, KV_COMMIT_16T) || any_of(self, KV_DEVICE_1T, KV_WRITTEN_32T)) {
        measure_commits(self);
    }
    if (self->options->wanted[KV_UPDATE] || self->options->wanted[KV_SIZE_UPDATED]) {
        measure_updates(self);
    }
}

void kv_measure(const kv_engine *engine, const kv_measure_options *options)
{
    measuring self = {.engine = engine, .options = options};
    (void)snprintf(self.loaded, sizeof self.loaded, "%s/loaded", options->folder);
    bench_remove_folder(options->folder);
    (void)mkdir(options->folder, 0777); /* opening says what is wrong with it */
    measure_loads(&self);
    if (options->wanted[KV_COMMIT_LARGE]) {
        measure_large(&self);
    }
    bool needs_data = false;
    for (kv_workload i = 0; i < KV_WORKLOADS; i++) {
        needs_data =
            needs_data || (options->wanted[i] && i != KV_LOAD_SORTED && i != KV_LOAD_1000 &&
                           i != KV_COMMIT_LARGE && i != KV_OPEN_AFTER_CRASH);
    }
    if (needs_data) {
        measure_loaded(&self);
    }
    bench_remove_folder(options->folder);
    if (self.sum == 1) {
        bench_fail("%s: values of nothing", engine->name); /* so that nothing is optimised away */
    }
}
