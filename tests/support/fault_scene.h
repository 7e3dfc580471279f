/* fault_scene.h - scenarios of the public interface, each run with every call below it made to fail.
 *
 *     static pbase_status put(fault_scene *s, pbase_error *err)
 *     {
 *         pbase_dict *dict = fault_dict(s, 0);
 *         pbase_status status = pbase_dict_put(&dict, &key, &value, NULL, err);
 *         fault_hold(s, 0, pbase_dict_as_collection(dict));
 *         return status;
 *     }
 *     static const fault_scenario scenarios[] = {
 *         {.name = "dict_put", .functions = "pbase_dict_put", .place = FAULT_IN_TXN,
 *          .roots = {"dict"}, .when = put, .edits = true},
 *     };
 *     int main(int argc, char **argv) { return fault_main(argc, argv, scenarios, 1); }
 *
 * A scenario is run on a copy of one prepared space (fault_space.h), on the simulated machine, with
 * the n-th request for memory refused, for every n until `when` makes no more; then with all from
 * the n-th on refused; then the same two ways with every other call of the operating system. After
 * each failure: the status is one that may be, the error is filled, the handles given are the same
 * and hold the same, nothing was made, the whole space holds what it did; then `when` is run again
 * without faults and must succeed, with the same result as when nothing ever failed (`then`). At the
 * end nothing that was taken from the machine is left, and the space is checked.
 *
 * `program --functions` prints what its scenarios cover; tests/integration/test_fault_coverage.sh
 * compares that with what the library exports. Short form: every n up to 200, then every 7th. */
#ifndef PBASE_TEST_FAULT_SCENE_H
#define PBASE_TEST_FAULT_SCENE_H
#include "sim_os.h"
#include "space_fixture.h"

#define FAULT_HANDLES 2u

typedef struct {
    sim_os *sim;
    space_fixture fixture;     /* its database is "main" */
    const pbase_alloc *memory; /* of the machine: fails like the rest */
    pbase_arena arena;         /* in that memory; empty when `when` begins */
    uint64_t round;            /* of one sweep, from 1: for content that differs each time */
    bool is_disk;              /* other calls than those for memory fail */
    pbase_txn *txn;
    pbase_snapshot *snapshot;
    pbase_collection *held[FAULT_HANDLES]; /* given; a failure leaves them and what they hold */
    pbase_collection *made[FAULT_HANDLES]; /* results; a failure leaves them NULL */
    uint64_t digest;  /* of what `when` read: must be the same each time. 0 when it begins */
    const void *with; /* the scenario's */
    void *given;      /* the scenario's own: what its `given` and `end` agree upon */
} fault_scene;

typedef enum {
    FAULT_IN_TXN,      /* with a transaction, and handles of `roots` from it */
    FAULT_IN_SNAPSHOT, /* with a snapshot, and handles of `roots` from it */
    FAULT_IN_SPACE,    /* with the space open */
    FAULT_OUTSIDE      /* with the space closed */
} fault_place;

typedef struct {
    const char *name;
    const char *functions; /* that `when` calls, separated by spaces */
    fault_place place;
    const char *roots[FAULT_HANDLES];
    /* More to begin with; everything it calls works. NULL: nothing. */
    void (*given)(fault_scene *s);
    /* What is swept. Without a failure it is OK. */
    pbase_status (*when)(fault_scene *s, pbase_error *err);
    /* Asserts the result, once `when` was OK. NULL: nothing to see. */
    void (*then)(fault_scene *s);
    /* Ends what `given` began and `when` left; also after a failure. NULL: nothing. */
    void (*end)(fault_scene *s);
    bool edits; /* held[0] is changed: what it then holds is committed now and then, and compared */
    bool commits;       /* the space may hold something else after `when` was OK */
    bool commits_parts; /* some of it may be committed before the whole fails */
    bool ends; /* a failure uses up what was given: it is given anew before `when` is run again */
    bool
        is_cold; /* the space is opened anew for each round, so that what is read has to be loaded */
    bool is_quiet;       /* takes no memory at all, which is asserted */
    bool is_memory_only; /* calls of the operating system are no matter of this one */
    const void *with;    /* for the functions of a scenario that share them with others */
    const char *sets[3]; /* of the configuration */
} fault_scenario;

/* held[i] under the type of its kind. */
pbase_dict *fault_dict(fault_scene *s, size_t i);
pbase_list *fault_list(fault_scene *s, size_t i);
pbase_set *fault_set(fault_scene *s, size_t i);
pbase_counted_set *fault_counted_set(fault_scene *s, size_t i);
pbase_hash_dict *fault_hash_dict(fault_scene *s, size_t i);
pbase_multi_dict *fault_multi_dict(fault_scene *s, size_t i);
/* What an edit made of held[i]. */
void fault_hold(fault_scene *s, size_t i, const pbase_collection *collection);
/* What `when` made: closed by the sweep. NULL is fine. */
void fault_make(fault_scene *s, size_t i, const pbase_collection *collection);

int fault_main(int argc, char **argv, const fault_scenario *scenarios, size_t count);

#endif
