/* sim_os_internal.h - the state behind a simulated os, shared by its files. */
#ifndef TESTS_SUPPORT_SIM_OS_INTERNAL_H
#define TESTS_SUPPORT_SIM_OS_INTERNAL_H
#include "seed.h"
#include "sim_os.h"
#include <pthread.h>

typedef struct {
    uint64_t at; /* fails when the count of its kind reaches it; 0: never */
    pbase_status code;
    bool forever;
} sim_fault;

struct sim_world;

struct sim_os {
    pbase_os os;             /* its `state` points back here */
    struct sim_world *world; /* whose threads take turns; NULL: it stands alone */
    char name[32];           /* in the world */
    pbase_alloc memory;
    pthread_mutex_t lock; /* of everything below */
    sim_disk *disk;
    seed_random random;
    uint64_t clock_ns;
    int64_t wall_offset_ns;
    uint64_t calls[OS_CALL_KINDS];
    sim_fault faults[OS_CALL_KINDS];
    uint64_t disk_calls; /* on files and directories */
    uint64_t crash_at;   /* of disk_calls; 0: never */
    bool crashed;
    bool lies; /* about flushes */
    size_t memory_used;
    pbase_os_pieces pieces;
    struct pbase_os_file *locks;            /* files that are locked */
    char network_type[PBASE_OS_TYPE_BYTES]; /* of the file system; empty: local */
};

extern const pbase_os_file_ops sim_file_ops;
extern const pbase_os_directory_ops sim_directory_ops;
extern const pbase_os_system_ops sim_system_ops;
extern const pbase_os_thread_ops sim_thread_ops;
extern const pbase_os_lock_ops sim_lock_ops;
extern const pbase_os_rwlock_ops sim_rwlock_ops;
extern const pbase_os_socket_ops sim_socket_ops;

static inline sim_os *sim_of(const pbase_os *os)
{
    return os->state;
}

/* What becomes of one call on a file or directory. */
typedef enum {
    SIM_GOES,  /* it works */
    SIM_FAILS, /* it fails with the status returned */
    SIM_DIES   /* its effect begins, then the machine stops */
} sim_turn;

/* Counts a call and says what becomes of it; with the lock held. OK unless it fails or dies. */
pbase_status sim_turn_take(sim_os *sim, os_call kind, sim_turn *out, pbase_error *err);
/* The same for a call that does not touch the disk: it goes or fails. Takes the lock itself. */
pbase_status sim_call_check(sim_os *sim, os_call kind, pbase_error *err);

/* Takes the lock; in a world another thread may go first. */
void sim_enter(sim_os *sim);
static inline void sim_leave(sim_os *sim)
{
    pthread_mutex_unlock(&sim->lock);
}
/* The clock that this machine goes by; with the lock held. */
uint64_t *sim_clock(sim_os *sim);

/* The simulated os around a disk, which it takes. */
sim_os *sim_os_around(sim_disk *disk, uint64_t seed);

#endif
