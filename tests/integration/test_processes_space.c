/* test_processes_space.c - space is given back while several processes have it open, and never what one of
 * them can still see.
 *
 * "Here" and "there" are two openings of one space; where somebody has to die or to stop, "there" is a
 * child. What a snapshot sees is digested whole, key by key, when it is opened and again later. In the
 * last test several processes write, adopt, branch, read old snapshots and compact, at random, while
 * they are killed, stopped and continued; every value tells which key and version it is of, and the sum over
 * a snapshot is the same in every state. */
#include "seed.h"
#include "space_digest.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <protobase/history.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS 400u
#define TEXT_BYTES 700u

static void settings(space_fixture *fixture, const char *folder)
{
    fixture_prepare(fixture, folder, NULL);
    fixture_set(fixture, "storage.checkpoint_bytes=256KiB");
    fixture_set(fixture, "storage.blocks.segment_size=256KiB");
    fixture_set(fixture, "storage.journal_segment_size=256KiB");
}

static pbase_value text_value(uint32_t key, uint32_t version, char text[TEXT_BYTES])
{
    int size = snprintf(text, TEXT_BYTES, "%u.%u.", key, version);
    memset(text + size, 'a' + (int)((key + version) % 26), TEXT_BYTES - (size_t)size);
    return pbase_value_string(pbase_bytes_of(text, 100 + (key * 131 + version * 7) % 600));
}

static void write_all(space_fixture *f, uint32_t version)
{
    char text[TEXT_BYTES];
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = fixture_begin(f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (uint32_t key = 0; key < KEYS; key++) {
        pbase_value name = pbase_value_int(key), value = text_value(key, version, text);
        assert_ok(pbase_dict_put(&dict, &name, &value, NULL, &err), &err);
    }
    assert_ok(pbase_txn_store_dict(txn, "d", dict, &err), &err);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void write_rounds(space_fixture *f, uint32_t from, uint32_t count)
{
    pbase_error err;
    pbase_error_init(&err);
    for (uint32_t i = 0; i < count; i++) {
        write_all(f, from + i);
        assert_ok(pbase_space_checkpoint(f->space, NULL, &err), &err);
    }
}

static void compact(space_fixture *f, pbase_compact_report *out)
{
    pbase_error err;
    pbase_error_init(&err);
    assert_ok(pbase_space_compact(f->space, NULL, out, &err), &err);
}

/* What the store takes of the device, holes left out. */
static uint64_t store_bytes(const space_fixture *f)
{
    char command[PATH_MAX + 64], line[PATH_MAX + 64];
    (void)snprintf(command, sizeof command, "du -sk '%s/store'", f->data);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    assert_int_equal(pclose(pipe), 0);
    return strtoull(line, NULL, 10) * 1024;
}

static pbase_snapshot *snapshot_of(space_fixture *f)
{
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    pbase_error_init(&err);
    assert_ok(pbase_snapshot_open(f->database, &snapshot, &err), &err);
    return snapshot;
}

/* ----------------------------------------------------------------------------- two openings ---- */

typedef struct {
    temp_dir dir;
    space_fixture here, there;
} two;

static void two_open(two *w)
{
    temp_dir_create(&w->dir);
    settings(&w->here, temp_dir_path(&w->dir, "space"));
    settings(&w->there, temp_dir_path(&w->dir, "space"));
    fixture_open(&w->here);
    write_rounds(&w->here, 1, 1);
    fixture_open(&w->there);
}

static void two_close(two *w)
{
    fixture_assert_clean(&w->here);
    fixture_assert_clean(&w->there);
    fixture_close(&w->there);
    fixture_assert_clean(&w->here);
    fixture_end(&w->here);
    temp_dir_remove(&w->dir);
}

static void space_shrinks_beside_an_old_snapshot_which_stays_as_it_was(void **unused)
{
    (void)unused;
    two w;
    pbase_compact_report report;
    two_open(&w);
    pbase_snapshot *old = snapshot_of(&w.there);
    uint64_t seen = digest_snapshot(old);
    write_rounds(&w.here, 2, 20);
    uint64_t before = store_bytes(&w.here);
    compact(&w.here, &report);
    uint64_t pinned = store_bytes(&w.here);
    assert_true(report.freed_bytes > 0 && report.freed_segments > 0);
    assert_true(pinned < before / 3); /* two versions of 21 */
    assert_int_equal(digest_snapshot(old), seen);
    pbase_snapshot *fresh = snapshot_of(&w.there);
    assert_int_not_equal(digest_snapshot(fresh), seen);
    pbase_snapshot_close(fresh);
    assert_int_equal(digest_snapshot(old), seen);
    pbase_snapshot_close(old);

    (void)usleep(500000); /* there it is noticed in the background */
    write_rounds(&w.here, 22, 1);
    (void)usleep(500000);
    compact(&w.here, &report);
    assert_true(store_bytes(&w.here) < pinned);
    print_message("%" PRIu64 " KiB, %" PRIu64 " beside the snapshot, %" PRIu64 " after it\n",
                  before / 1024, pinned / 1024, store_bytes(&w.here) / 1024);
    two_close(&w);
}

/* What a snapshot sees in memory has taken the place of what its checkpoint stored: that is given back while
 * nobody else is there, and whoever comes then is told to wait for the snapshot. */
static void alone_an_old_snapshot_holds_no_second_generation(void **unused)
{
    (void)unused;
    two w;
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    two_open(&w);
    fixture_close(&w.there);
    fixture_close(&w.here);
    fixture_set(&w.here, "storage.checkpoint_bytes=64MiB");
    fixture_open(&w.here);
    write_all(&w.here, 2);
    pbase_snapshot *old = snapshot_of(&w.here);
    uint64_t seen = digest_snapshot(old);
    write_rounds(&w.here, 3, 3);
    compact(&w.here, &report);
    uint64_t generation = report.live_bytes / 2; /* what is old, and what is new */
    assert_true(store_bytes(&w.here) < generation * 5 / 2);
    assert_int_equal(digest_snapshot(old), seen);

    fixture_open(&w.there);
    assert_int_equal(pbase_space_compact(w.there.space, NULL, &report, &err), PBASE_BUSY);
    write_rounds(&w.here, 6, 2);
    compact(&w.here, &report); /* who has the snapshot knows what it sees */
    assert_int_equal(digest_snapshot(old), seen);
    pbase_snapshot_close(old);
    write_rounds(&w.here, 8, 1);
    compact(&w.there, &report);
    two_close(&w);
}

/* Whoever compacts need not be the one who writes. */
static void the_one_that_only_reads_can_compact(void **unused)
{
    (void)unused;
    two w;
    pbase_compact_report report;
    two_open(&w);
    pbase_snapshot *old = snapshot_of(&w.here);
    uint64_t seen = digest_snapshot(old);
    write_rounds(&w.here, 2, 12);
    uint64_t before = store_bytes(&w.here);
    compact(&w.there, &report);
    assert_true(store_bytes(&w.here) < before / 2);
    assert_int_equal(digest_snapshot(old), seen);
    write_rounds(&w.here, 14, 3); /* on what was moved by another one */
    compact(&w.there, &report);
    compact(&w.here, &report);
    assert_int_equal(digest_snapshot(old), seen);
    pbase_snapshot_close(old);
    two_close(&w);
}

/* Content that a record adopted is reached by no checkpoint while a snapshot sees it. */
static void what_an_old_snapshot_has_of_adopted_content_stays(void **unused)
{
    (void)unused;
    two w;
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    two_open(&w);
    pbase_snapshot *seen[6];
    uint64_t digests[6];
    for (uint32_t i = 0; i < 6; i++) {
        pbase_txn_options options = pbase_txn_options_default();
        pbase_txn *txn = NULL;
        char text[TEXT_BYTES];
        options.memory_bytes_max = 1 << 16;
        options.log_bytes_max = 1 << 12;
        space_fixture *by = i % 2 == 0 ? &w.here : &w.there;
        assert_ok(pbase_txn_begin(by->database, &options, &txn, &err), &err);
        pbase_dict *dict = fixture_dict(txn, "d");
        for (uint32_t key = 0; key < KEYS; key++) {
            pbase_value name = pbase_value_int(key), value = text_value(key, 1000 + i, text);
            assert_ok(pbase_dict_put(&dict, &name, &value, NULL, &err), &err);
        }
        assert_ok(pbase_txn_store_dict(txn, "d", dict, &err), &err);
        pbase_dict_close(dict);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        seen[i] = snapshot_of(i % 3 == 0 ? &w.here : &w.there);
        digests[i] = digest_snapshot(seen[i]);
    }
    write_rounds(&w.here, 2, 3);
    compact(&w.here, &report);
    write_rounds(&w.there, 5, 3);
    compact(&w.there, &report);
    compact(&w.here, &report);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(digest_snapshot(seen[i]), digests[i]);
        pbase_snapshot_close(seen[i]);
    }
    two_close(&w);
}

/* Reading the past elsewhere: what retention let go of here stays as long as somebody there reads it. */
static void a_state_of_the_past_that_is_read_elsewhere_stays(void **unused)
{
    (void)unused;
    two w;
    pbase_error err;
    pbase_compact_report report;
    pbase_snapshot *past = NULL;
    pbase_error_init(&err);
    two_open(&w);
    fixture_close(&w.here);
    fixture_set(&w.here, "storage.retention_count=4");
    fixture_open(&w.here);
    write_rounds(&w.here, 2, 3);
    pbase_snapshot *now = snapshot_of(&w.there);
    uint64_t sequence = pbase_snapshot_sequence(now), seen = digest_snapshot(now);
    pbase_snapshot_close(now);
    write_rounds(&w.here, 5, 2);
    pbase_moment moment = pbase_moment_of_sequence(sequence);
    assert_ok(pbase_snapshot_open_at(w.there.database, &moment, NULL, &past, &err), &err);
    assert_int_equal(digest_snapshot(past), seen);
    write_rounds(&w.here, 7, 12);
    compact(&w.here, &report);
    assert_true(report.freed_bytes > 0);
    assert_int_equal(digest_snapshot(past), seen);
    pbase_snapshot_close(past);
    two_close(&w);
}

static void many_old_snapshots_elsewhere_each_keep_their_state(void **unused)
{
    (void)unused;
    two w;
    enum { COUNT = 24 };
    pbase_compact_report report;
    pbase_snapshot *seen[COUNT];
    uint64_t digests[COUNT];
    two_open(&w);
    for (uint32_t i = 0; i < COUNT; i++) {
        write_rounds(i % 5 == 4 ? &w.there : &w.here, 2 + i, 1);
        seen[i] = snapshot_of(i % 2 == 0 ? &w.there : &w.here);
        digests[i] = digest_snapshot(seen[i]);
        if (i % 4 == 3) {
            compact(i % 8 == 3 ? &w.here : &w.there, &report);
        }
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t at = (i * 7) % COUNT;
        assert_int_equal(digest_snapshot(seen[at]), digests[at]);
        pbase_snapshot_close(seen[at]);
        if (i % 6 == 5) {
            compact(i % 4 == 1 ? &w.here : &w.there, &report);
        }
    }
    two_close(&w);
}

/* --------------------------------------------------------------------- those who die or stop --- */

typedef struct {
    _Atomic uint32_t is_open, go_on, done;
    _Atomic uint64_t before, after;
} told;

static told *told_create(void)
{
    void *memory =
        mmap(NULL, sizeof(told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memset(memory, 0, sizeof(told));
    return memory;
}

/* Opens a snapshot, says so, waits, reads it again, and ends. */
static pid_t reader_start(const char *folder, told *with)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) {
        while (atomic_load(&with->is_open) == 0) {
            (void)usleep(1000);
        }
        return child;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    space_fixture f;
    settings(&f, folder);
    fixture_open(&f);
    pbase_snapshot *snapshot = snapshot_of(&f);
    atomic_store(&with->before, digest_snapshot(snapshot));
    atomic_store(&with->is_open, 1);
    while (atomic_load(&with->go_on) == 0) {
        (void)usleep(1000);
    }
    atomic_store(&with->after, digest_snapshot(snapshot));
    atomic_store(&with->done, 1);
    pbase_snapshot_close(snapshot);
    fixture_close(&f);
    _exit(0);
}

static void a_stopped_reader_only_pins_and_a_killed_one_does_not(void **unused)
{
    (void)unused;
    temp_dir dir;
    space_fixture here;
    pbase_compact_report report;
    int status = 0;
    told *with = told_create();
    temp_dir_create(&dir);
    settings(&here, temp_dir_path(&dir, "space"));
    fixture_open(&here);
    write_rounds(&here, 1, 1);
    pid_t reader = reader_start(here.data, with);
    assert_int_equal(kill(reader, SIGSTOP), 0);
    write_rounds(&here, 2, 15);
    uint64_t before = store_bytes(&here);
    compact(&here, &report);
    uint64_t beside = store_bytes(&here);
    assert_true(beside < before / 3);
    assert_int_equal(kill(reader, SIGCONT), 0);
    atomic_store(&with->go_on, 1);
    while (atomic_load(&with->done) == 0 && waitpid(reader, &status, WNOHANG) == 0) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(&with->done), 1);
    assert_int_equal(atomic_load(&with->after), atomic_load(&with->before));
    (void)waitpid(reader, &status, 0);

    memset(with, 0, sizeof *with);
    reader = reader_start(here.data, with);
    write_rounds(&here, 20, 3);
    compact(&here, &report);
    beside = store_bytes(&here);
    assert_int_equal(kill(reader, SIGKILL), 0);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    compact(&here, &report);
    assert_true(store_bytes(&here) < beside);
    fixture_assert_clean(&here);
    fixture_end(&here);
    temp_dir_remove(&dir);
    (void)munmap(with, sizeof *with);
}

/* ------------------------------------------------------------------------ many, at random ----- */

#define WORKERS 4u
#define HELD_MAX 3u
#define RUN_MS 4000u
#define RUN_MS_LONG 300000u

typedef struct {
    _Atomic bool stop, has_failed;
    _Atomic uint64_t commits, large, compactions, freed, checked, past, opens;
    char why[600];
} ledger;

static void complain(ledger *book, const char *what, pbase_status status, const pbase_error *err)
{
    if (!atomic_exchange(&book->has_failed, true)) {
        (void)snprintf(book->why, sizeof book->why, "%s: %s: %s", what, pbase_status_name(status),
                       err == NULL ? "" : err->message);
    }
}

/* The version that a value tells of, if it is the value of that key and version. */
static bool version_of(const pbase_value *value, uint32_t key, uint32_t *out)
{
    char text[TEXT_BYTES], head[32], *end = NULL;
    size_t size = value->as.string.size < sizeof head - 1 ? value->as.string.size : sizeof head - 1;
    memcpy(head, value->as.string.data, size);
    head[size] = '\0';
    uint32_t told_key = (uint32_t)strtoul(head, &end, 10);
    uint32_t version = *end == '.' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
    if (told_key != key || version == 0) {
        return false;
    }
    pbase_value due = text_value(key, version, text);
    *out = version;
    return pbase_bytes_equal(due.as.string, value->as.string);
}

/* Raises `count` keys from `first` on by one version, and the total by as much. */
typedef struct {
    uint32_t first, count;
} raising;

static pbase_status raise_key(pbase_dict **dict, uint32_t key, pbase_arena *arena, pbase_error *err)
{
    char text[TEXT_BYTES];
    pbase_value name = pbase_value_int(key), value;
    uint32_t version = 0;
    pbase_arena_reset(arena);
    pbase_status status = pbase_dict_get(*dict, &name, arena, &value, err);
    if (status == PBASE_OK && !version_of(&value, key, &version)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the value of key %u is another one", key);
    }
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        value = text_value(key, version + 1, text);
        status = pbase_dict_put(dict, &name, &value, NULL, err);
    }
    return status;
}

static pbase_status raise_total(pbase_txn *txn, int64_t by, pbase_arena *arena, pbase_error *err)
{
    pbase_value name = pbase_value_int(0), value;
    pbase_dict *dict = NULL;
    int64_t before = 0;
    pbase_status status = pbase_txn_dict(txn, "total", &dict, err);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, err) : status;
    if (status == PBASE_OK) {
        status = pbase_dict_get(dict, &name, arena, &value, err);
        before = status == PBASE_OK ? value.as.integer : 0;
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    if (status == PBASE_OK) {
        value = pbase_value_int(before + by);
        status = pbase_dict_put(&dict, &name, &value, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "total", dict, err) : status;
    pbase_dict_close(dict);
    return status;
}

static pbase_status raise_body(pbase_txn *txn, void *state, pbase_error *err)
{
    const raising *self = state;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_txn_dict(txn, "d", &dict, err);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, err) : status;
    for (uint32_t i = 0; i < self->count && status == PBASE_OK; i++) {
        status = raise_key(&dict, (self->first + i) % KEYS, &arena, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "d", dict, err) : status;
    pbase_dict_close(dict);
    if (status == PBASE_OK) {
        status = raise_total(txn, self->count, &arena, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

static void raise_keys(space_fixture *f, ledger *book, const raising *what, bool is_large)
{
    pbase_error err;
    pbase_txn_options options = pbase_txn_options_default();
    raising of = *what;
    pbase_error_init(&err);
    options.retries_max = 100000;
    if (is_large) { /* what it writes goes to the store before its record */
        options.memory_bytes_max = 1 << 16;
        options.log_bytes_max = 1 << 12;
    }
    pbase_status status = pbase_txn_run(f->database, &options, NULL, raise_body, &of, &err);
    if (status != PBASE_OK) {
        complain(book, is_large ? "large commit" : "commit", status, &err);
    }
    atomic_fetch_add(is_large ? &book->large : &book->commits, 1);
}

/* Reads everything a snapshot sees: NOT_FOUND before the first commit. */
static pbase_status check_snapshot(const pbase_snapshot *snapshot, pbase_error *err)
{
    pbase_dict *dict = NULL, *totals = NULL;
    pbase_arena arena;
    pbase_value value, name = pbase_value_int(0);
    int64_t sum = 0, total = 0;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_dict(snapshot, "d", &dict, err);
    status = status == PBASE_OK ? pbase_snapshot_dict(snapshot, "total", &totals, err) : status;
    status = status == PBASE_OK ? pbase_dict_get(totals, &name, &arena, &value, err) : status;
    total = status == PBASE_OK ? value.as.integer : 0;
    for (uint32_t key = 0; key < KEYS && status == PBASE_OK; key++) {
        uint32_t version = 0;
        name = pbase_value_int(key);
        pbase_arena_reset(&arena);
        status = pbase_dict_get(dict, &name, &arena, &value, err);
        if (status == PBASE_OK && !version_of(&value, key, &version)) {
            status = PBASE_FAIL(err, PBASE_CORRUPT, "the value of key %u is another one", key);
        }
        sum += version;
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    if (status == PBASE_OK && sum != total) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the versions sum up to %" PRId64 ", not %" PRId64,
                            sum, total);
    }
    pbase_dict_close(dict);
    pbase_dict_close(totals);
    pbase_arena_fini(&arena);
    return status;
}

typedef struct {
    space_fixture f;
    seed_random random;
    ledger *book;
    pbase_snapshot *held[HELD_MAX];
} worker;

/* Closes an old snapshot, which is still whole, or opens one. */
static void turn_snapshot(worker *self)
{
    pbase_error err;
    pbase_snapshot **place = &self->held[seed_below(&self->random, HELD_MAX)];
    pbase_error_init(&err);
    pbase_status status = PBASE_OK;
    if (*place == NULL) {
        status = pbase_snapshot_open(self->f.database, place, &err);
    } else {
        status = check_snapshot(*place, &err);
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
        pbase_snapshot_close(*place);
        *place = NULL;
        atomic_fetch_add(&self->book->checked, 1);
    }
    if (status != PBASE_OK) {
        complain(self->book, "an old snapshot", status, &err);
    }
}

static void read_past(worker *self)
{
    pbase_error err;
    pbase_snapshot *now = NULL, *past = NULL;
    pbase_error_init(&err);
    pbase_status status = pbase_snapshot_open(self->f.database, &now, &err);
    if (status == PBASE_OK) {
        uint64_t sequence = pbase_snapshot_sequence(now);
        uint64_t back = seed_below(&self->random, 60);
        pbase_moment moment = pbase_moment_of_sequence(sequence > back ? sequence - back : 0);
        status = pbase_snapshot_open_at(self->f.database, &moment, NULL, &past, &err);
        if (status == PBASE_OK) {
            status = check_snapshot(past, &err);
            atomic_fetch_add(&self->book->past, 1);
        }
        pbase_snapshot_close(past);
    }
    pbase_snapshot_close(now);
    if (status != PBASE_OK && status != PBASE_NOT_FOUND) {
        complain(self->book, "the past", status, &err);
    }
}

static void give_back(worker *self)
{
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    pbase_status status = pbase_space_compact(self->f.space, NULL, &report, &err);
    if (status == PBASE_OK) {
        atomic_fetch_add(&self->book->compactions, 1);
        atomic_fetch_add(&self->book->freed, report.freed_bytes);
    } else if (status != PBASE_BUSY) {
        complain(self->book, "compacting", status, &err);
    }
}

static void worker_step(worker *self)
{
    raising what = {.first = (uint32_t)seed_below(&self->random, KEYS), .count = KEYS};
    uint64_t dice = seed_below(&self->random, 100);
    if (dice < 60) {
        what.count = 1 + (uint32_t)seed_below(&self->random, 12);
        raise_keys(&self->f, self->book, &what, false);
    } else if (dice < 64) {
        raise_keys(&self->f, self->book, &what, true);
    } else if (dice < 82) {
        turn_snapshot(self);
    } else if (dice < 88) {
        read_past(self);
    } else if (dice < 94) {
        give_back(self);
    } else {
        pbase_error err;
        pbase_error_init(&err);
        pbase_status status = pbase_space_checkpoint(self->f.space, NULL, &err);
        if (status != PBASE_OK) {
            complain(self->book, "checkpoint", status, &err);
        }
    }
}

static void worker_run(const char *folder, ledger *book, uint64_t seed)
{
    worker self = {.book = book};
    pbase_error err;
    pbase_error_init(&err);
    seed_random_init(&self.random, seed);
    while (!atomic_load(&book->stop) && !atomic_load(&book->has_failed)) {
        settings(&self.f, folder);
        fixture_set(&self.f, "storage.retention_count=2");
        pbase_status status = fixture_try_open(&self.f, &err);
        if (status != PBASE_OK) {
            complain(book, "opening", status, &err);
            return;
        }
        atomic_fetch_add(&book->opens, 1);
        uint64_t steps = 20 + seed_below(&self.random, 200);
        for (uint64_t i = 0; i < steps && !atomic_load(&book->stop); i++) {
            worker_step(&self);
        }
        for (size_t i = 0; i < HELD_MAX; i++) {
            pbase_snapshot_close(self.held[i]);
            self.held[i] = NULL;
        }
        fixture_close(&self.f);
    }
}

static pid_t worker_start(const char *folder, ledger *book, uint64_t seed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        worker_run(folder, book, seed);
        _exit(0);
    }
    return child;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Kills one and begins another in its place, or stops one for a while. */
static void strike(pid_t *child, const char *folder, ledger *book, seed_random *random)
{
    int status = 0;
    if (seed_below(random, 3) != 0) {
        (void)kill(*child, SIGKILL);
        (void)waitpid(*child, &status, 0);
        *child = worker_start(folder, book, seed_next(random));
    } else {
        (void)kill(*child, SIGSTOP);
        (void)usleep((useconds_t)seed_below(random, 200000));
        (void)kill(*child, SIGCONT);
    }
}

static void a_crowd_gives_space_back_and_nobody_loses_what_it_sees(void **unused)
{
    (void)unused;
    seed_random random;
    temp_dir dir;
    space_fixture last;
    pbase_error err;
    pbase_compact_report report;
    pid_t children[WORKERS];
    ledger *book =
        mmap(NULL, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)book != MAP_FAILED);
    pbase_error_init(&err);
    seed_random_init(&random, seed_for("a_crowd_gives_space_back_and_nobody_loses_what_it_sees"));
    temp_dir_create(&dir);
    const char *folder = strdup(temp_dir_path(&dir, "space"));
    for (uint32_t i = 0; i < WORKERS; i++) {
        children[i] = worker_start(folder, book, seed_next(&random));
    }
    uint64_t end_ms = now_ms() + (seed_is_long_run() ? RUN_MS_LONG : RUN_MS), strikes = 0;
    while (now_ms() < end_ms && !atomic_load(&book->has_failed)) {
        (void)usleep(30000 + (useconds_t)seed_below(&random, 120000));
        strike(&children[seed_below(&random, WORKERS)], folder, book, &random);
        strikes++;
    }
    atomic_store(&book->stop, true);
    for (uint32_t i = 0; i < WORKERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    }
    if (atomic_load(&book->has_failed)) {
        fail_msg("%s", book->why);
    }
    settings(&last, folder);
    fixture_open(&last);
    pbase_snapshot *snapshot = snapshot_of(&last);
    assert_ok(check_snapshot(snapshot, &err), &err);
    pbase_snapshot_close(snapshot);
    fixture_assert_clean(&last);
    compact(&last, &report);
    fixture_assert_clean(&last);
    print_message("%" PRIu64 " strikes, %" PRIu64 " openings, %" PRIu64 " + %" PRIu64
                  " commits, %" PRIu64 " compactions gave %" PRIu64 " KiB back, %" PRIu64
                  " old snapshots, %" PRIu64 " states of the past; %" PRIu64 " KiB are left\n",
                  strikes, atomic_load(&book->opens), atomic_load(&book->commits),
                  atomic_load(&book->large), atomic_load(&book->compactions),
                  atomic_load(&book->freed) / 1024, atomic_load(&book->checked),
                  atomic_load(&book->past), store_bytes(&last) / 1024);
    assert_true(atomic_load(&book->compactions) > 0 && atomic_load(&book->freed) > 0);
    assert_true(atomic_load(&book->checked) > 0);
    fixture_end(&last);
    temp_dir_remove(&dir);
    free((char *)(uintptr_t)folder);
    (void)munmap(book, sizeof *book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_shrinks_beside_an_old_snapshot_which_stays_as_it_was),
        cmocka_unit_test(alone_an_old_snapshot_holds_no_second_generation),
        cmocka_unit_test(the_one_that_only_reads_can_compact),
        cmocka_unit_test(what_an_old_snapshot_has_of_adopted_content_stays),
        cmocka_unit_test(a_state_of_the_past_that_is_read_elsewhere_stays),
        cmocka_unit_test(many_old_snapshots_elsewhere_each_keep_their_state),
        cmocka_unit_test(a_stopped_reader_only_pins_and_a_killed_one_does_not),
        cmocka_unit_test(a_crowd_gives_space_back_and_nobody_loses_what_it_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
