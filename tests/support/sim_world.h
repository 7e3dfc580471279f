/* sim_world.h - several simulated machines, their threads and the network between them, from one
 * seed: whatever runs in it runs again exactly so.
 *
 * Threads take turns: one runs at a time, and only a call of the os lets another go on. Which one, the
 * seed decides. When all wait, the clock jumps to the first deadline; when there is none, they wait
 * for each other, and the program ends with the names of all.
 *
 * Network: connections between machines of one world, named by their endpoints ("a:7000"; the name
 * of the machine is its host). What is sent arrives in order, after a delay from the seed. A cut holds
 * everything back until it is healed; a reset breaks the connections there are.
 *
 * The thread that makes the world is its first. Threads: as the os of each machine; the functions
 * here are called by a thread of the world. Aborts when the process has no memory. */
#ifndef TESTS_SUPPORT_SIM_WORLD_H
#define TESTS_SUPPORT_SIM_WORLD_H
#include "sim_os.h"

typedef struct sim_world sim_world;

sim_world *sim_world_create(uint64_t seed);
/* Its machines are destroyed and its threads joined already. NULL is fine. */
void sim_world_destroy(sim_world *world);
/* A machine, to be destroyed with sim_os_destroy before the world. What comes up after its crash
 * (sim_os_crash) stands outside the world. */
sim_os *sim_world_machine(sim_world *world, const char *name);

/* A number over every switch of threads so far, and how many there were: equal for equal runs. */
uint64_t sim_world_trace(const sim_world *world);
uint64_t sim_world_switches(const sim_world *world);

/* Time from send to arrival, at random between the two. At first 50 us to 2 ms. */
void sim_network_delay(sim_world *world, uint64_t min_ns, uint64_t max_ns);
/* From now on nothing gets from one machine to the other, either way; `heals` ends it. */
void sim_network_cut(sim_world *world, const char *one, const char *other);
void sim_network_heal(sim_world *world, const char *one, const char *other);
/* Breaks every connection between the two: NETWORK for who uses it next. */
void sim_network_reset(sim_world *world, const char *one, const char *other);

#endif
