/* test_needs.c - what is told to other processes reaches all that this one has of the store.
 *
 * Two openings of one space live a random life: small and large transactions, aborted ones, conflicts,
 * snapshots that stay open, states of the past, checkpoints, compactions, each by one or the other. After
 * every step, of each opening: the roots that its slot is told are followed, and then all its states;
 * whatever they name on the storage was met before; of the newest state, which the next checkpoint begins with,
 * also where atoms in memory were settled. */
#include "atom/ref_set.h"
#include "collection/node.h"
#include "collection/tree.h"
#include "seed.h"
#include "space/space_private.h"
#include "space_fixture.h"
#include "txn/engine_private.h"
#include <inttypes.h>
#include <protobase/history.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 300u
#define STEPS 400u
#define STEPS_LONG 20000u
#define HELD_MAX 4u
#define ROOTS_MAX 256u
#define STATES_MAX 256u

/* ------------------------------------------------------------------------------- following ---- */

typedef struct {
    ref_set told;        /* reached from what is told */
    ref_set seen;        /* of memory, walked already */
    bool is_checking;    /* else: collecting */
    bool minds_settled;  /* where atoms in memory were settled, too */
    uint64_t met, found; /* of the storage, while checking */
} reach;

static pbase_status met_stored(reach *self, atom_ref ref, pbase_error *err)
{
    bool first = false;
    self->met++;
    pbase_status status = ref_set_add(&self->told, ref, &first, err);
    if (status == PBASE_OK && first && self->is_checking) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "nobody is told of atom %" PRIx64, ref);
    }
    return status == PBASE_OK && !first ? PBASE_END : status;
}

static pbase_status meet(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    reach *self = state;
    bool first = false;
    if (atom_ref_is_stored(atom->ref)) {
        return met_stored(self, atom->ref, err);
    }
    pbase_status status = ref_set_add(&self->seen, atom->ref, &first, err);
    if (status != PBASE_OK || !first) {
        return status == PBASE_OK ? PBASE_END : status;
    }
    pbase_atom_pointer settled =
        atomic_load_explicit(&atom_ref_memory(atom->ref)->settled, memory_order_acquire);
    status = settled == PBASE_ATOM_NONE || !self->minds_settled
                 ? PBASE_OK
                 : met_stored(self, atom_ref_of_pointer(settled), err);
    return status == PBASE_END ? PBASE_OK : status;
}

static void follow(engine *of, reach *self, atom_ref root)
{
    pbase_error err;
    atom_view view;
    atom_source *atoms = store_atoms(of->bytes);
    const tree_visitor visitor = {.state = self, .atom = meet};
    pbase_error_init(&err);
    if (root == ATOM_REF_NONE) {
        return;
    }
    assert_ok(atom_acquire(atoms, root, &view, &err), &err);
    bool positional =
        view.type == ATOM_NODE && (view.payload[NODE_AT_FLAGS] & NODE_POSITIONAL) != 0;
    atom_release(atoms, &view);
    assert_ok(tree_walk(atoms, root, positional, &visitor, &err), &err);
}

/* What the slot has, byte for byte (docs/formats/slot.md). True: everything is needed. */
static bool told_roots(engine *of, pbase_atom_pointer roots[ROOTS_MAX], size_t *out_count)
{
    engine_needs *needs = &of->needs;
    engine_lock(of, needs->mutex);
    bool everything = (pbase_get_u16(needs->said + 2) & 1u) != 0;
    *out_count = pbase_get_u32(needs->said + 4);
    assert_true(*out_count <= ROOTS_MAX && needs->said_bytes == 16 + 8 * *out_count);
    for (size_t i = 0; i < *out_count; i++) {
        roots[i] = pbase_get_u64(needs->said + 16 + 8 * i);
    }
    engine_unlock(of, needs->mutex);
    return everything;
}

/* True when it could be checked. */
static bool check_needs(engine *of)
{
    reach all = {.is_checking = false};
    pbase_atom_pointer roots[ROOTS_MAX];
    space_state *states[STATES_MAX];
    size_t count = 0, held = 0;
    for (space_state *at = state_list_newest(&of->states); at != NULL;
         at = state_list_older(&of->states, at)) { /* the background may make more */
        assert_true(held < STATES_MAX);
        states[held++] = space_state_ref(at);
    }
    space_state *newest = engine_state(of);
    engine_needs_say(of);
    bool everything = told_roots(of, roots, &count);
    ref_set_init(&all.told, pbase_alloc_default());
    ref_set_init(&all.seen, pbase_alloc_default());
    for (size_t i = 0; i < count; i++) {
        follow(of, &all, atom_ref_of_pointer(roots[i]));
    }
    all.is_checking = true;
    while (held > 0) {
        ref_set_fini(&all.seen);
        ref_set_init(&all.seen, pbase_alloc_default());
        all.minds_settled = states[held - 1] == newest;
        if (!everything) {
            follow(of, &all, states[held - 1]->catalog);
        }
        space_state_unref(states[--held]);
    }
    space_state_unref(newest);
    ref_set_fini(&all.told);
    ref_set_fini(&all.seen);
    return !everything;
}

/* ---------------------------------------------------------------------------------- the life -- */

typedef struct {
    space_fixture f;
    pbase_snapshot *held[HELD_MAX];
    pbase_txn *open; /* begun some steps ago; NULL: none */
} opening;

typedef struct {
    temp_dir dir;
    opening sides[2];
    seed_random random;
    uint64_t checked, passed_by;
} life;

static void fill(life *self, pbase_dict **dict, uint64_t count)
{
    pbase_error err;
    pbase_error_init(&err);
    for (uint64_t i = 0; i < count; i++) {
        char text[600];
        memset(text, 'a' + (int)seed_below(&self->random, 26), sizeof text);
        pbase_value key = pbase_value_int((int64_t)seed_below(&self->random, KEYS));
        pbase_value value =
            pbase_value_string(pbase_bytes_of(text, 20 + seed_below(&self->random, 500)));
        assert_ok(pbase_dict_put(dict, &key, &value, NULL, &err), &err);
    }
}

static pbase_txn *begin(opening *side, bool is_large)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    pbase_error_init(&err);
    options.memory_bytes_max = is_large ? 1 << 16 : 0;
    options.log_bytes_max = is_large ? 1 << 14 : 0;
    assert_ok(pbase_txn_begin(side->f.database, &options, &txn, &err), &err);
    return txn;
}

/* Puts into one or both dictionaries, and ends the transaction. */
static void change(life *self, pbase_txn *txn, bool is_large)
{
    static const char *const roots[] = {"a", "b"};
    uint64_t which = 1 + seed_below(&self->random, 3);
    for (unsigned i = 0; i < 2; i++) {
        if ((which >> i & 1u) != 0) {
            pbase_dict *dict = fixture_dict(txn, roots[i]);
            fill(self, &dict, is_large && i == 0 ? 2 * KEYS : 1 + seed_below(&self->random, 8));
            assert_int_equal(pbase_txn_store_dict(txn, roots[i], dict, NULL), PBASE_OK);
            pbase_dict_close(dict);
        }
    }
    if (seed_below(&self->random, 5) == 0) {
        pbase_txn_abort(&txn);
    } else {
        pbase_status status = fixture_commit(&txn);
        assert_true(status == PBASE_OK || status == PBASE_CONFLICT);
        pbase_txn_abort(&txn);
    }
}

static void turn_snapshot(life *self, opening *side)
{
    pbase_error err;
    pbase_snapshot **place = &side->held[seed_below(&self->random, HELD_MAX)];
    pbase_error_init(&err);
    pbase_snapshot_close(*place);
    *place = NULL;
    if (seed_below(&self->random, 3) != 0) {
        assert_ok(pbase_snapshot_open(side->f.database, place, &err), &err);
    }
}

static void hold_the_past(life *self, opening *side)
{
    pbase_error err;
    pbase_snapshot **place = &side->held[seed_below(&self->random, HELD_MAX)], *now = NULL;
    pbase_error_init(&err);
    pbase_snapshot_close(*place);
    *place = NULL;
    assert_ok(pbase_snapshot_open(side->f.database, &now, &err), &err);
    uint64_t sequence = pbase_snapshot_sequence(now), back = seed_below(&self->random, 30);
    pbase_moment moment = pbase_moment_of_sequence(sequence > back ? sequence - back : 0);
    pbase_snapshot_close(now);
    pbase_status status = pbase_snapshot_open_at(side->f.database, &moment, NULL, place, &err);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
}

static void step(life *self)
{
    opening *side = &self->sides[seed_below(&self->random, 2)];
    uint64_t dice = seed_below(&self->random, 100);
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    if (dice < 35) {
        change(self, begin(side, false), false);
    } else if (dice < 43) {
        change(self, begin(side, true), true);
    } else if (dice < 50 && side->open == NULL) {
        side->open = begin(side, true);
    } else if (dice < 55 && side->open != NULL) {
        change(self, side->open, seed_below(&self->random, 2) == 0);
        side->open = NULL;
    } else if (dice < 70) {
        turn_snapshot(self, side);
    } else if (dice < 76) {
        hold_the_past(self, side);
    } else if (dice < 90) {
        assert_ok(pbase_space_checkpoint(side->f.space, NULL, &err), &err);
    } else {
        pbase_status status = pbase_space_compact(side->f.space, NULL, &report, &err);
        if (status != PBASE_BUSY) {
            assert_ok(status, &err);
        }
    }
}

static void side_open(life *self, opening *side)
{
    *side = (opening){.open = NULL};
    fixture_prepare(&side->f, temp_dir_path(&self->dir, "space"), NULL);
    fixture_set(&side->f, "storage.checkpoint_bytes=4MiB");
    fixture_set(&side->f, "storage.blocks.segment_size=256KiB");
    fixture_set(&side->f, "storage.retention_count=2");
    fixture_open(&side->f);
}

static void side_close(opening *side)
{
    pbase_txn_abort(&side->open);
    for (size_t i = 0; i < HELD_MAX; i++) {
        pbase_snapshot_close(side->held[i]);
    }
    fixture_close(&side->f);
}

static void what_is_told_reaches_all_that_states_have_on_the_storage(void **unused)
{
    (void)unused;
    life l = {.checked = 0};
    seed_random_init(&l.random,
                     seed_for("what_is_told_reaches_all_that_states_have_on_the_storage"));
    temp_dir_create(&l.dir);
    side_open(&l, &l.sides[0]);
    side_open(&l, &l.sides[1]);
    uint64_t steps = seed_is_long_run() ? STEPS_LONG : STEPS;
    for (uint64_t i = 0; i < steps; i++) {
        step(&l);
        for (unsigned at = 0; at < 2; at++) {
            bool was_checked = check_needs(l.sides[at].f.space->engine);
            l.checked += was_checked;
            l.passed_by += !was_checked;
        }
    }
    print_message("%" PRIu64 " times all of it, %" PRIu64 " times everything was needed\n",
                  l.checked, l.passed_by);
    assert_true(l.checked > l.passed_by);
    side_close(&l.sides[0]);
    fixture_assert_clean(&l.sides[1].f);
    side_close(&l.sides[1]);
    temp_dir_remove(&l.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_reaches_all_that_states_have_on_the_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
