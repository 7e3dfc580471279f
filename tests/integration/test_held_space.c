/* test_held_space.c - random updates for as long as you like beside a snapshot that was opened before
 * them: what the store takes of the disk stays below 1.6 times what is live, and what the snapshot pins.
 *
 * Updates come in transactions of a hundred, at random keys, in as many threads as the background leaves
 * alone: one. Every so often everything is settled, and three figures are compared: blocks of the files
 * in the folder `store`, live bytes, bytes that nothing but snapshots need. The old snapshot is opened at
 * the beginning; younger ones come and go. At the end it still reads what it saw, and once it is closed
 * what it pinned is given back. */
#include "os/os.h"
#include "seed.h"
#include "space_fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define VALUE_BYTES 100u
#define UPDATES 100u /* in a transaction */
#define SECOND UINT64_C(1000000000)

static space_fixture f;
static seed_random randomness;
static uint64_t keys;

/* --------------------------------------------------------------------------------- content ---- */

/* What a key holds first says which key it is. */
static void put(pbase_dict **dict, uint64_t key, uint64_t version)
{
    char bytes[VALUE_BYTES];
    seed_random noise;
    pbase_error err;
    pbase_error_init(&err);
    seed_random_init(&noise, key * 31 + version);
    seed_fill(&noise, bytes, sizeof bytes);
    memcpy(bytes, &key, sizeof key);
    memcpy(bytes + sizeof key, &version, sizeof version);
    pbase_value name = pbase_value_int((int64_t)key);
    pbase_value value = pbase_value_bytes(pbase_bytes_of(bytes, sizeof bytes));
    assert_ok(pbase_dict_put(dict, &name, &value, NULL, &err), &err);
}

static void load(void)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (uint64_t key = 0; key < keys; key++) {
        put(&dict, key, 0);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void update_some(uint64_t version)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (unsigned i = 0; i < UPDATES; i++) {
        put(&dict, seed_below(&randomness, keys), version);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* Everything that the snapshot saw when it was opened, before any update. */
static void expect_first_versions(const pbase_snapshot *snapshot)
{
    pbase_dict *dict = NULL;
    pbase_error err;
    pbase_arena arena;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_ok(pbase_snapshot_dict(snapshot, "d", &dict, &err), &err);
    for (uint64_t key = 0; key < keys; key += 7) {
        uint64_t seen[2];
        pbase_value name = pbase_value_int((int64_t)key), value;
        pbase_arena_reset(&arena);
        assert_ok(pbase_dict_get(dict, &name, &arena, &value, &err), &err);
        memcpy(seen, value.as.string.data, sizeof seen);
        assert_true(seen[0] == key && seen[1] == 0);
    }
    pbase_arena_fini(&arena);
    pbase_dict_close(dict);
}

/* -------------------------------------------------------------------------------- measuring --- */

static uint64_t blocks_of_store(void)
{
    char path[PATH_MAX + 300];
    uint64_t bytes = 0;
    (void)snprintf(path, sizeof path, "%s/store", f.data);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat facts;
        (void)snprintf(path, sizeof path, "%s/store/%s", f.data, entry->d_name);
        if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode)) {
            bytes += (uint64_t)facts.st_blocks * 512;
        }
    }
    (void)closedir(folder);
    return bytes;
}

typedef struct {
    uint64_t takes, live, pinned;
    double ratio; /* of what is not pinned by what is live */
} measure;

static measure take_measure(void)
{
    pbase_space_usage_report usage;
    pbase_space_pinned_report pinned;
    pbase_error err;
    pbase_error_init(&err);
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    assert_ok(pbase_space_usage(f.space, NULL, &usage, &err), &err);
    assert_ok(pbase_space_pinned(f.space, NULL, &pinned, &err), &err);
    measure now = {
        .takes = blocks_of_store(), .live = usage.live_bytes, .pinned = pinned.snapshots_bytes};
    uint64_t own = now.takes > now.pinned ? now.takes - now.pinned : 0;
    now.ratio = (double)own / (double)now.live;
    return now;
}

static void expect_small(const measure *now, const char *when)
{
    if (now->ratio >= 1.6) {
        fail_msg("%s the store takes %" PRIu64 " bytes; %" PRIu64 " are live and %" PRIu64
                 " pinned: %.2f times what is live",
                 when, now->takes, now->live, now->pinned, now->ratio);
    }
}

/* ------------------------------------------------------------------------------------- life --- */

typedef struct {
    uint64_t updates, per_round, rounds, until_ns; /* until_ns 0: so many rounds */
    double worst;
} life;

static bool goes_on(const life *self, uint64_t round)
{
    const pbase_os *os = pbase_os_real();
    return self->until_ns == 0 ? round < self->rounds
                               : os->system->monotonic_ns(os) < self->until_ns;
}

static void live(life *self)
{
    pbase_snapshot *young = NULL;
    for (uint64_t round = 1; goes_on(self, round); round++) {
        for (uint64_t i = 0; i < self->per_round; i += UPDATES) {
            update_some(round);
            self->updates += UPDATES;
        }
        measure now = take_measure();
        expect_small(&now, "beside the old snapshot");
        self->worst = now.ratio > self->worst ? now.ratio : self->worst;
        pbase_snapshot_close(young);
        young = NULL;
        if (round % 3 == 0) {
            assert_int_equal(pbase_snapshot_open(f.database, &young, NULL), PBASE_OK);
        }
    }
    pbase_snapshot_close(young);
}

static void begin_space(void)
{
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.durability=none");
    if (!seed_is_long_run()) { /* the same in small: more rounds of what happens in a while */
        fixture_set(&f, "storage.checkpoint_bytes=8MiB");
        fixture_set(&f, "storage.blocks.segment_size=8MiB");
    }
    fixture_open(&f);
}

static void the_store_stays_small_beside_an_old_snapshot(void **unused)
{
    (void)unused;
    const pbase_os *os = pbase_os_real();
    life told = {.per_round = 60000, .rounds = 10};
    keys = 600000;
    if (seed_is_long_run()) {
        keys = 1000000;
        told.per_round = 400000;
        told.until_ns = os->system->monotonic_ns(os) + 3600 * SECOND;
    }
    seed_random_init(&randomness, seed_for(__func__));
    begin_space();
    load();
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    pbase_snapshot *old = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &old, NULL), PBASE_OK);

    live(&told);

    expect_first_versions(old);
    measure before = take_measure();
    print_message("%" PRIu64 " updates; at the worst %.2f times what is live, and what is pinned: "
                  "in the end %" PRIu64 " MB for %" PRIu64 " MB live and %" PRIu64 " MB pinned\n",
                  told.updates, told.worst, before.takes / 1000000, before.live / 1000000,
                  before.pinned / 1000000);
    assert_true(before.pinned > before.live / 2); /* most of what it saw was replaced */
    pbase_snapshot_close(old);
    pbase_compact_report compacted;
    assert_int_equal(pbase_space_compact(f.space, NULL, &compacted, NULL), PBASE_OK);
    measure after = take_measure();
    expect_small(&after, "after the old snapshot was closed");
    assert_true(after.takes < before.takes - before.pinned / 2 && after.pinned == 0);
    fixture_assert_clean(&f);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_stays_small_beside_an_old_snapshot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
