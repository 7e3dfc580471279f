/* fault_sweep.h - the two halves of sweeping scenarios (fault_scene.h): what a round begins with, and
 * what is done in it. Only for these two. */
#ifndef PBASE_TEST_FAULT_SWEEP_H
#define PBASE_TEST_FAULT_SWEEP_H
#include "fault_scene.h"

/* One way of failing. */
typedef struct {
    const char *name;
    os_call kind;
    pbase_status code;
    bool forever;
} fault_mode;

/* What there is to compare. */
typedef struct {
    uint64_t held[FAULT_HANDLES], made[FAULT_HANDLES];
} fault_outcome;

typedef struct {
    fault_scene scene;
    const fault_mode *mode;
    const fault_scenario *scenario;
    fault_outcome given, result; /* when nothing fails */
    uint64_t digest;             /* of what is read then */
    uint64_t space[2];  /* what is committed in a fresh copy: in "main", in all databases */
    bool is_whole;      /* this round looks at all databases */
    bool is_compared;   /* this round compares what is committed; opening anew costs much */
    bool is_spent;      /* the last round changed the space: the next one takes another copy */
    size_t memory_used; /* between two rounds */
    uint64_t struck;    /* rounds that met their fault */
} fault_sweep;

/* Before and after all sweeps of a program. */
void fault_space_prepare(void);
void fault_space_forget(void);

/* A fresh copy of the prepared space, opened unless the scenario is outside of it. The end finds out
 * about memory that was not given back. */
void fault_situation_begin(fault_sweep *w);
void fault_situation_end(fault_sweep *w);
/* The space is closed and opened, as the scenario wants it. */
void fault_situation_reopen(fault_sweep *w);
/* What a scenario begins with: transaction, handles, its own. */
void fault_give(fault_sweep *w);
void fault_take_back(fault_sweep *w);
/* Digest of what is committed. */
uint64_t fault_committed(fault_sweep *w, bool whole);

#endif
