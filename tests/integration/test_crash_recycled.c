/* test_crash_recycled.c - recycled segments of the journal, full of old frames that are whole: recovery never
 * takes one for a new one.
 *
 * Transactions whose frames all have the same size go round a journal of a few small segments, so that
 * behind its head lies, at just the places where the next frames would begin, what earlier rounds wrote;
 * after a power cut also frames of a life that was cut off, with the very positions of those to come.
 * The power is cut at every write into such a segment, the space opened and used in another way, and the
 * power cut again, several lives deep. Every value names the life that wrote it, so that a frame of
 * another one is known when it comes back. What lies there is counted, to be sure that it does. */
#include "journal/frame.h"
#include "planted.h"
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 8u
#define LIVES 6u
#define ROUNDS_BEFORE 150u /* commits that go round the journal several times */
#define COMMITS_MAX 40u    /* of one life */
#define CHAINS_SHORT 60u
#define CHAINS_LONG 6000u
#define TEXT_BYTES 700u /* frames of two units */
#define PENDING_MAX 6u
#define SEGMENT_BYTES 65536u

/* Which commit of which life put each key. */
typedef struct {
    uint64_t stamps[KEYS];
} content;

typedef struct {
    sim_os *sim;
    space_fixture fixture;
    seed_random random;
    uint64_t seed, stamp;            /* of the last commit: never used again */
    content states[PENDING_MAX + 2]; /* [0]: durable; then those that may be there */
    size_t state_count;
    uint64_t old_frames, twin_frames, cuts;
} chain;

/* ------------------------------------------------------------------------------- the disk ---- */

typedef struct {
    chain *on;
    const pbase_os *os;
} folder;

/* Frames of an earlier round, and frames that stand at their own place but behind a gap: twins of those
 * to come. */
static void count_frames(chain *on, const uint8_t *data, size_t size, uint64_t base)
{
    bool has_gap = false;
    for (size_t at = 0; at + FRAME_HEADER_BYTES <= size; at += FRAME_ALIGN) {
        bool is_frame = pbase_get_u32(data + at) == FRAME_MAGIC;
        uint64_t position = is_frame ? pbase_get_u64(data + at + 24) : 0;
        bool is_here = is_frame && position == base + at;
        on->old_frames += is_frame && !is_here;
        on->twin_frames += is_here && has_gap;
        has_gap = has_gap || (is_frame && !is_here);
    }
}

static pbase_status count_file(void *state, const char *name, pbase_error *err)
{
    static uint8_t data[SEGMENT_BYTES];
    folder *in = state;
    char path[128];
    pbase_os_file *file = NULL;
    size_t size = 0;
    (void)snprintf(path, sizeof path, "/space/journal/%.64s", name);
    pbase_status status = in->os->file->open(in->os, path, PBASE_OS_READ, &file, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = in->os->file->read(file, 0, data, sizeof data, &size, err);
    in->os->file->close(file);
    count_frames(in->on, data, size, strtoull(name, NULL, 16));
    return status;
}

/* ------------------------------------------------------------------------------- a life ---- */

static void open_space(chain *on)
{
    fixture_prepare(&on->fixture, "/space", sim_os_interface(on->sim));
    fixture_set(&on->fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&on->fixture, "storage.journal_segment_size=64KiB");
    fixture_open(&on->fixture);
}

static pbase_status put(chain *on, uint64_t key, uint64_t stamp, int32_t durability)
{
    static char text[TEXT_BYTES];
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = durability;
    memset(text, 'x', sizeof text);
    (void)snprintf(text, sizeof text, "%020" PRIu64, stamp);
    pbase_value name = pbase_value_int((int64_t)key);
    pbase_value value = pbase_value_string(pbase_bytes_of(text, sizeof text));
    pbase_status status = pbase_txn_begin(on->fixture.database, &options, &txn, NULL);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_txn_dict(txn, "d", &dict, NULL);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &name, &value, NULL, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "d", dict, NULL) : status;
    pbase_dict_close(dict);
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

/* False when the power went. */
static bool commit_one(chain *on)
{
    content *now = &on->states[on->state_count];
    uint64_t key = seed_below(&on->random, KEYS);
    bool is_durable = on->state_count > PENDING_MAX || seed_below(&on->random, 4) == 0;
    *now = on->states[on->state_count - 1];
    now->stamps[key] = ++on->stamp;
    pbase_status status =
        put(on, key, on->stamp, is_durable ? PBASE_DURABILITY_SYNC : PBASE_DURABILITY_ASYNC);
    if (status != PBASE_OK && !sim_os_has_crashed(on->sim)) {
        fail_msg("seed %" PRIu64 ": committing: %s", on->seed, pbase_status_name(status));
    }
    if (status == PBASE_OK && is_durable) {
        on->states[0] = *now;
        on->state_count = 1;
    } else {
        on->state_count++; /* it may be there, whatever was said */
    }
    return status == PBASE_OK;
}

static bool live(chain *on, uint64_t commits)
{
    bool has_power = true;
    for (uint64_t i = 0; i < commits && has_power; i++) {
        has_power = commit_one(on);
        if (has_power && seed_below(&on->random, 30) == 0) {
            has_power = pbase_space_checkpoint(on->fixture.space, NULL, NULL) == PBASE_OK;
        }
    }
    return has_power;
}

/* ---------------------------------------------------------------------------- recovery ---- */

static uint64_t stamp_of(chain *on, uint64_t key)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value name = pbase_value_int((int64_t)key), value;
    uint64_t stamp = 0;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(on->fixture.database, &snapshot, NULL), PBASE_OK);
    pbase_status status = pbase_snapshot_dict(snapshot, "d", &dict, NULL);
    status = status == PBASE_OK ? pbase_dict_get(dict, &name, &arena, &value, NULL) : status;
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    if (status == PBASE_OK) {
        stamp = strtoull((const char *)value.as.string.data, NULL, 10);
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return stamp;
}

/* One of the states that may be there is; it is the durable one from now on. */
static void judge(chain *on)
{
    content found;
    for (uint64_t key = 0; key < KEYS; key++) {
        found.stamps[key] = stamp_of(on, key);
    }
    size_t n = on->state_count;
    while (n > 0 && memcmp(&found, &on->states[n - 1], sizeof found) != 0) {
        n--;
    }
    if (n == 0) {
        fail_msg("seed %" PRIu64 ", power cut %" PRIu64
                 ": the content is that of no commit of this life (stamp %" PRIu64 " of %" PRIu64
                 ")",
                 on->seed, on->cuts, found.stamps[0], on->stamp);
    }
    on->states[0] = found;
    on->state_count = 1;
}

/* The power goes at call `n` of a life, or at its end. */
static void live_and_die(chain *on, uint64_t n)
{
    sim_os_crash_at(on->sim, n);
    (void)live(on, 1 + seed_below(&on->random, COMMITS_MAX));
    sim_os *after = sim_os_crash(on->sim, seed_next(&on->random));
    fixture_close(&on->fixture);
    sim_os_destroy(on->sim);
    on->sim = after;
    folder in = {on, sim_os_interface(after)};
    assert_int_equal(in.os->directory->list(in.os, "/space/journal", count_file, &in, NULL),
                     PBASE_OK);
    on->cuts++;
    open_space(on);
    judge(on);
}

static void judge_planted(void **unused)
{
    (void)unused;
    static chain on;
    on.seed = 1;
    on.state_count = 1;
    on.sim = sim_os_create(on.seed);
    open_space(&on);
    assert_true(live(&on, ROUNDS_BEFORE));
    sim_os_flushes_lie(on.sim);
    assert_true(live(&on, ROUNDS_BEFORE));
    sim_os *after = sim_os_crash_bare(on.sim);
    fixture_close(&on.fixture);
    on.sim = after;
    open_space(&on);
    judge(&on);
}

static void a_disk_that_lies_about_flushes_is_found(void **unused)
{
    (void)unused;
    planted_is_found(judge_planted, "the content is that of no commit of this life");
}

static void old_frames_are_never_taken_for_new_ones(void **unused)
{
    (void)unused;
    static chain on;
    uint64_t chains = seed_is_long_run() ? CHAINS_LONG : CHAINS_SHORT;
    uint64_t old_frames = 0, twin_frames = 0, cuts = 0, first = seed_for("recycled");
    for (uint64_t i = 0; i < chains; i++) {
        memset(&on, 0, sizeof on);
        on.seed = first + i;
        on.state_count = 1;
        seed_random_init(&on.random, on.seed);
        on.sim = sim_os_create(on.seed);
        open_space(&on);
        assert_true(live(&on, ROUNDS_BEFORE));
        for (unsigned life = 0; life < LIVES; life++) {
            live_and_die(&on, 1 + (i + seed_below(&on.random, chains)) % (4 * COMMITS_MAX));
        }
        fixture_assert_clean(&on.fixture);
        fixture_close(&on.fixture);
        assert_int_equal(sim_os_memory_used(on.sim), 0);
        sim_os_destroy(on.sim);
        old_frames += on.old_frames;
        twin_frames += on.twin_frames;
        cuts += on.cuts;
    }
    print_message("%" PRIu64 " power cuts, %" PRIu64 " old frames lay there, %" PRIu64
                  " at their own place\n",
                  cuts, old_frames, twin_frames);
    assert_true(old_frames > cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_lies_about_flushes_is_found),
        cmocka_unit_test(old_frames_are_never_taken_for_new_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
