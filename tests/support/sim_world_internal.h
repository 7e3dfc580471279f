/* sim_world_internal.h - the state of a world, shared by its scheduler and its network. */
#ifndef TESTS_SUPPORT_SIM_WORLD_INTERNAL_H
#define TESTS_SUPPORT_SIM_WORLD_INTERNAL_H
#include "sim_os_internal.h"
#include "sim_world.h"

typedef struct sim_thread sim_thread;
typedef struct sim_network sim_network;

#define SIM_NO_DEADLINE UINT64_MAX

struct sim_world {
    pthread_mutex_t lock; /* guards who runs; its holder is the running thread, or nobody */
    seed_random random;
    uint64_t clock_ns;
    sim_thread **threads;
    size_t thread_count, thread_capacity;
    sim_thread *running;
    uint64_t trace, switches;
    sim_network *network;
};

/* Only the running thread calls these. */

/* Lets another thread go on, or not. */
void sim_world_pass(sim_world *world);
/* Waits for `what` until somebody wakes it or the clock reaches the deadline: false. */
bool sim_world_wait(sim_world *world, const void *what, uint64_t deadline_ns);
void sim_world_wake(sim_world *world, const void *what, bool everybody);
/* Starts a thread of the world, ready to run. */
sim_thread *sim_world_thread_start(sim_world *world, const char *name, void (*run)(void *state),
                                   void *state);
void sim_world_thread_join(sim_world *world, sim_thread *thread);
uint64_t sim_world_thread_id(const sim_world *world);

sim_network *sim_network_create(void);
void sim_network_destroy(sim_network *network); /* NULL is fine */
/* The first moment after now at which something arrives; SIM_NO_DEADLINE: nothing is under way. */
uint64_t sim_network_next_arrival(const sim_world *world);
/* Wakes those who wait for sockets. */
void sim_network_changed(sim_world *world);

#endif
