/* steady_load.h - a row of transactions whose result is known without a look at the space.
 *
 * Transaction n follows from the seed and n alone: it puts and removes documents of several sizes in
 * one dictionary with an index, puts numbers in another, which is dropped now and then, appends to a
 * list, now and then streams a blob, or goes to the storage before its record, and says n in a plain
 * value. So whatever a space holds after a crash is the content after transaction n for some n, or
 * something was lost, invented, torn or put out of order.
 *
 * A load_witness is what a test believes: it lies in memory that outlives the process which commits.
 * Threads: confined, but for the witness's numbers. */
#ifndef PBASE_TEST_STEADY_LOAD_H
#define PBASE_TEST_STEADY_LOAD_H
#include "space_fixture.h"
#include <stdatomic.h>

#define LOAD_KEYS 48u

typedef struct {
    uint64_t number;           /* of the last transaction; 0: none, and no root is there */
    uint64_t left[LOAD_KEYS];  /* the transaction that put the document of each key; 0: none */
    uint64_t right[LOAD_KEYS]; /* the same of the numbers */
    uint64_t list_from;        /* the list holds list_from..number */
    uint64_t blob;             /* the transaction that wrote it; 0: there is none */
} load_state;

typedef struct {
    uint64_t seed;
    int32_t durability;        /* PBASE_DURABILITY_* of every commit */
    uint32_t checkpoint_every; /* transactions; 0: never */
    uint32_t compact_every;
    bool is_slim; /* no blobs, nothing of more than 6 KiB */
} load_plan;

typedef struct {
    _Atomic uint64_t begun;        /* the number of the last transaction that began, */
    _Atomic uint64_t acknowledged; /* that was said to be committed, */
    _Atomic uint64_t durable;      /* that was said to be durable */
    char wrong[768];               /* what was found wrong; empty: nothing */
} load_witness;

/* The content one transaction later. */
void load_state_next(load_state *state, const load_plan *plan);
/* Commits transaction `number`, the one after what the database holds. */
pbase_status load_commit(pbase_database *database, const load_plan *plan, uint64_t number,
                         pbase_error *err);
/* The checkpoint or compaction due after that transaction, if any. */
pbase_status load_settle(pbase_space *space, const load_plan *plan, uint64_t number,
                         pbase_error *err);
/* Reads all of it. On entry `state` is content that was seen, or none; the database must hold that of a
 * transaction from `low` to `high`, none before it: then `state` becomes it. Otherwise `wrong` says what
 * is not so. The status is that of reading. */
pbase_status load_verify(pbase_database *database, const load_plan *plan, uint64_t low,
                         uint64_t high, load_state *state, char *wrong, size_t wrong_size,
                         pbase_error *err);

/* Fills `wrong` of a witness, unless it says something already. */
void load_wrong(load_witness *witness, const char *format, ...) PBASE_PRINTF(2, 3);
/* Makes the index, if its collection is there and it is not. */
pbase_status load_index(pbase_database *database, pbase_error *err);
/* Opens the space of a fixture, looks at it, commits `count` transactions and settles as planned, then
 * closes it. Everything has to succeed: false when something did not, or was wrong; the witness says
 * what. The space may hold any content from what was acknowledged to what was begun. */
bool load_play(space_fixture *fixture, const load_plan *plan, load_state *state,
               load_witness *witness, uint64_t count);

/* Zeroed memory that a process shares with those it forks. */
void *load_shared(size_t bytes);
void load_unshare(void *memory, size_t bytes);

#endif
