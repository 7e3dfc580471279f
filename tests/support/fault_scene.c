/* fault_scene.c - what fault scenarios begin with: copies of one prepared space, and handles in it.
 *
 * The space is filled once for a program and settled; each copy is the disk that a power cut of the
 * settled machine leaves. */
#include "fault_space.h"
#include "fault_sweep.h"
#include "space_digest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static sim_os *prepared;

/* ------------------------------------------------------------------------------- the handles ---- */

pbase_dict *fault_dict(fault_scene *s, size_t i)
{
    return pbase_collection_dict(s->held[i]);
}

pbase_list *fault_list(fault_scene *s, size_t i)
{
    return pbase_collection_list(s->held[i]);
}

pbase_set *fault_set(fault_scene *s, size_t i)
{
    return pbase_collection_set(s->held[i]);
}

pbase_counted_set *fault_counted_set(fault_scene *s, size_t i)
{
    return pbase_collection_counted_set(s->held[i]);
}

pbase_hash_dict *fault_hash_dict(fault_scene *s, size_t i)
{
    return pbase_collection_hash_dict(s->held[i]);
}

pbase_multi_dict *fault_multi_dict(fault_scene *s, size_t i)
{
    return pbase_collection_multi_dict(s->held[i]);
}

void fault_hold(fault_scene *s, size_t i, const pbase_collection *collection)
{
    s->held[i] = (pbase_collection *)(uintptr_t)collection; /* it is ours to edit and close */
}

void fault_make(fault_scene *s, size_t i, const pbase_collection *collection)
{
    s->made[i] = (pbase_collection *)(uintptr_t)collection;
}

/* ---------------------------------------------------------------------------- the situation ---- */

static void fixture_on(space_fixture *fixture, sim_os *sim, const char *const *sets, size_t count)
{
    fixture_prepare(fixture, "/space", sim_os_interface(sim));
    fixture_set(fixture, "storage.blocks.segment_size=256KiB");
    fixture_set(fixture, "storage.journal_segment_size=256KiB");
    fixture_set(fixture, "storage.map=never"); /* so that a failed read is an error */
    for (size_t i = 0; i < count && sets[i] != NULL; i++) {
        fixture_set(fixture, sets[i]);
    }
}

void fault_space_prepare(void)
{
    space_fixture fixture;
    prepared = sim_os_create(1);
    fixture_on(&fixture, prepared, NULL, 0);
    fixture_open(&fixture);
    fault_space_fill(&fixture);
    fixture_close(&fixture);
    assert_int_equal(sim_os_memory_used(prepared), 0);
    sim_os_settle(prepared);
}

void fault_space_forget(void)
{
    sim_os_destroy(prepared);
    prepared = NULL;
}

static void open_space(fault_sweep *w)
{
    if (w->scenario->place != FAULT_OUTSIDE) {
        fixture_open(&w->scene.fixture);
    }
}

void fault_situation_begin(fault_sweep *w)
{
    fault_scene *s = &w->scene;
    s->sim = sim_os_crash(prepared, 1);
    s->memory = sim_os_interface(s->sim)->memory;
    s->is_disk = w->mode->kind == OS_CALL_ANY;
    fixture_on(&s->fixture, s->sim, w->scenario->sets,
               sizeof w->scenario->sets / sizeof *w->scenario->sets);
    open_space(w);
    pbase_arena_init(&s->arena, s->memory);
}

void fault_situation_end(fault_sweep *w)
{
    fault_scene *s = &w->scene;
    pbase_arena_fini(&s->arena);
    fixture_close(&s->fixture);
    assert_int_equal(sim_os_memory_used(s->sim), 0);
    sim_os_destroy(s->sim);
    s->sim = NULL;
}

void fault_situation_reopen(fault_sweep *w)
{
    fixture_close(&w->scene.fixture);
    open_space(w);
}

static void handles_open(fault_sweep *w)
{
    fault_scene *s = &w->scene;
    fault_place place = w->scenario->place;
    if (place == FAULT_IN_TXN) {
        s->txn = fixture_begin(&s->fixture, PBASE_SERIALIZABLE);
    } else if (place == FAULT_IN_SNAPSHOT) {
        assert_int_equal(pbase_snapshot_open(s->fixture.database, &s->snapshot, NULL), PBASE_OK);
    }
    for (size_t i = 0; i < FAULT_HANDLES && w->scenario->roots[i] != NULL; i++) {
        const char *root = w->scenario->roots[i];
        pbase_status status =
            place == FAULT_IN_TXN
                ? pbase_txn_at(s->txn, root, NULL, 0, &s->held[i], NULL)
                : pbase_snapshot_at(s->snapshot, root, NULL, 0, &s->held[i], NULL);
        assert_int_equal(status, PBASE_OK);
    }
}

void fault_give(fault_sweep *w)
{
    handles_open(w);
    if (w->scenario->given != NULL) {
        w->scenario->given(&w->scene);
    }
}

void fault_take_back(fault_sweep *w)
{
    fault_scene *s = &w->scene;
    if (w->scenario->end != NULL) {
        w->scenario->end(s);
    }
    for (size_t i = 0; i < FAULT_HANDLES; i++) {
        pbase_collection_close(s->held[i]);
        pbase_collection_close(s->made[i]);
        s->held[i] = s->made[i] = NULL;
    }
    pbase_snapshot_close(s->snapshot);
    s->snapshot = NULL;
    pbase_txn_abort(&s->txn);
    pbase_arena_fini(&s->arena); /* not reset: the next one has to take memory again */
    pbase_arena_init(&s->arena, s->memory);
}

static uint64_t digest_main(pbase_database *database)
{
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(database, &snapshot, NULL), PBASE_OK);
    uint64_t digest = digest_snapshot(snapshot);
    pbase_snapshot_close(snapshot);
    return digest;
}

/* Of a space that is closed, on a copy of its disk: opening it would settle what is in the journal. */
static uint64_t digest_closed(fault_sweep *w, bool whole)
{
    space_fixture fixture;
    sim_os_settle(w->scene.sim);
    sim_os *copy = sim_os_crash(w->scene.sim, 1);
    fixture_on(&fixture, copy, NULL, 0);
    fixture_open(&fixture);
    uint64_t digest = whole ? digest_space(fixture.space) : digest_main(fixture.database);
    fixture_close(&fixture);
    sim_os_destroy(copy);
    return digest;
}

uint64_t fault_committed(fault_sweep *w, bool whole)
{
    fault_scene *s = &w->scene;
    if (s->fixture.space == NULL) {
        return digest_closed(w, whole);
    }
    return whole ? digest_space(s->fixture.space) : digest_main(s->fixture.database);
}
