/* sim_world.c - the scheduler: real threads that hand one baton around.
 *
 * Every thread sleeps on a condition of its own until `running` names it. Whoever gives the baton
 * away chooses the next by the seed, under the world's lock, which is what makes each thread see
 * everything the one before it did. */
#include "sim_world_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_NS 100u /* what a turn costs at least: a loop that asks for the time gets on */
#define CLOCK_FIRST_NS 1000000000u
#define NAME_BYTES 16u

typedef enum { THREAD_READY, THREAD_WAITS, THREAD_ENDED } thread_state;

struct sim_thread {
    sim_world *world;
    uint64_t number;
    char name[NAME_BYTES];
    thread_state state;
    const void *waits_for;
    uint64_t deadline_ns;
    bool woken; /* not by the clock */
    pthread_t real;
    pthread_cond_t goes;
    void (*run)(void *state);
    void *run_state;
};

static void check(bool holds)
{
    if (!holds) {
        abort(); /* a test without memory or threads cannot go on */
    }
}

/* ------------------------------------------------------------------------------ choosing ---- */

static void note_switch(sim_world *world, const sim_thread *next)
{
    world->switches++;
    world->trace = (world->trace ^ (next->number + 1)) * 0x100000001b3u; /* FNV-1a */
}

/* Those whose time has come are ready; yields the first deadline of the others. */
static uint64_t wake_by_clock(sim_world *world)
{
    uint64_t first = SIM_NO_DEADLINE;
    for (size_t i = 0; i < world->thread_count; i++) {
        sim_thread *thread = world->threads[i];
        if (thread->state == THREAD_WAITS && thread->deadline_ns <= world->clock_ns) {
            thread->state = THREAD_READY;
            thread->woken = false;
        } else if (thread->state == THREAD_WAITS && thread->deadline_ns < first) {
            first = thread->deadline_ns;
        }
    }
    return first;
}

static size_t count_ready(const sim_world *world)
{
    size_t ready = 0;
    for (size_t i = 0; i < world->thread_count; i++) {
        ready += world->threads[i]->state == THREAD_READY;
    }
    return ready;
}

static void everybody_waits(const sim_world *world)
{
    (void)fprintf(stderr, "simulated threads wait for each other:");
    for (size_t i = 0; i < world->thread_count; i++) {
        if (world->threads[i]->state == THREAD_WAITS) {
            (void)fprintf(stderr, " %s(%llu)", world->threads[i]->name,
                          (unsigned long long)world->threads[i]->number);
        }
    }
    (void)fprintf(stderr, "\n");
    abort();
}

static sim_thread *choose(sim_world *world)
{
    world->clock_ns += TICK_NS;
    uint64_t first = wake_by_clock(world);
    while (count_ready(world) == 0) { /* time passes */
        if (first == SIM_NO_DEADLINE) {
            everybody_waits(world);
        }
        world->clock_ns = first;
        first = wake_by_clock(world);
    }
    uint64_t pick = seed_below(&world->random, count_ready(world));
    size_t i = 0;
    while (world->threads[i]->state != THREAD_READY || pick-- > 0) {
        i++;
    }
    return world->threads[i];
}

/* Gives the baton to a chosen thread; with the lock held. */
static void hand_over(sim_world *world)
{
    sim_thread *next = choose(world);
    if (next != world->running) {
        note_switch(world, next);
        world->running = next;
        pthread_cond_signal(&next->goes);
    }
}

static void wait_for_turn(sim_world *world, sim_thread *self)
{
    while (world->running != self) {
        pthread_cond_wait(&self->goes, &world->lock);
    }
}

void sim_world_pass(sim_world *world)
{
    pthread_mutex_lock(&world->lock);
    sim_thread *self = world->running;
    hand_over(world);
    wait_for_turn(world, self);
    pthread_mutex_unlock(&world->lock);
}

bool sim_world_wait(sim_world *world, const void *what, uint64_t deadline_ns)
{
    pthread_mutex_lock(&world->lock);
    sim_thread *self = world->running;
    self->state = THREAD_WAITS;
    self->waits_for = what;
    self->deadline_ns = deadline_ns;
    self->woken = true;
    hand_over(world);
    wait_for_turn(world, self);
    bool woken = self->woken;
    pthread_mutex_unlock(&world->lock);
    return woken;
}

/* With the lock held. */
static void wake(sim_world *world, const void *what, bool everybody)
{
    size_t waiting = 0;
    for (size_t i = 0; i < world->thread_count; i++) {
        const sim_thread *thread = world->threads[i];
        waiting += thread->state == THREAD_WAITS && thread->waits_for == what;
    }
    uint64_t pick = waiting == 0 ? 0 : seed_below(&world->random, waiting);
    for (size_t i = 0; i < world->thread_count && waiting > 0; i++) {
        sim_thread *thread = world->threads[i];
        if (thread->state == THREAD_WAITS && thread->waits_for == what &&
            (everybody || pick-- == 0)) {
            thread->state = THREAD_READY;
        }
    }
}

void sim_world_wake(sim_world *world, const void *what, bool everybody)
{
    pthread_mutex_lock(&world->lock);
    wake(world, what, everybody);
    pthread_mutex_unlock(&world->lock);
}

/* ------------------------------------------------------------------------------- threads ---- */

static sim_thread *thread_add(sim_world *world, const char *name)
{
    if (world->thread_count == world->thread_capacity) {
        world->thread_capacity = world->thread_capacity == 0 ? 8 : world->thread_capacity * 2;
        world->threads = realloc(world->threads, world->thread_capacity * sizeof(sim_thread *));
        check(world->threads != NULL);
    }
    sim_thread *thread = calloc(1, sizeof *thread);
    check(thread != NULL && pthread_cond_init(&thread->goes, NULL) == 0);
    thread->world = world;
    thread->number = world->thread_count;
    (void)snprintf(thread->name, sizeof thread->name, "%s", name);
    world->threads[world->thread_count++] = thread;
    return thread;
}

static void *thread_body(void *state)
{
    sim_thread *self = state;
    sim_world *world = self->world;
    pthread_mutex_lock(&world->lock);
    wait_for_turn(world, self);
    pthread_mutex_unlock(&world->lock);
    self->run(self->run_state);
    pthread_mutex_lock(&world->lock);
    self->state = THREAD_ENDED;
    wake(world, self, true); /* who joins it */
    hand_over(world);
    pthread_mutex_unlock(&world->lock);
    return NULL;
}

sim_thread *sim_world_thread_start(sim_world *world, const char *name, void (*run)(void *state),
                                   void *state)
{
    pthread_mutex_lock(&world->lock);
    sim_thread *thread = thread_add(world, name);
    thread->run = run;
    thread->run_state = state;
    check(pthread_create(&thread->real, NULL, thread_body, thread) == 0);
    pthread_mutex_unlock(&world->lock);
    sim_world_pass(world);
    return thread;
}

void sim_world_thread_join(sim_world *world, sim_thread *thread)
{
    while (thread->state != THREAD_ENDED) {
        (void)sim_world_wait(world, thread, SIM_NO_DEADLINE);
    }
    check(pthread_join(thread->real, NULL) == 0);
}

uint64_t sim_world_thread_id(const sim_world *world)
{
    return world->running->number + 1;
}

/* -------------------------------------------------------------------------- life of it ---- */

sim_world *sim_world_create(uint64_t seed)
{
    sim_world *world = calloc(1, sizeof *world);
    check(world != NULL && pthread_mutex_init(&world->lock, NULL) == 0);
    seed_random_init(&world->random, seed);
    world->clock_ns = CLOCK_FIRST_NS;
    world->trace = 0xcbf29ce484222325u;
    world->network = sim_network_create();
    world->running = thread_add(world, "first");
    return world;
}

void sim_world_destroy(sim_world *world)
{
    if (world == NULL) {
        return;
    }
    sim_network_destroy(world->network);
    for (size_t i = 0; i < world->thread_count; i++) {
        pthread_cond_destroy(&world->threads[i]->goes);
        free(world->threads[i]);
    }
    free(world->threads);
    pthread_mutex_destroy(&world->lock);
    free(world);
}

sim_os *sim_world_machine(sim_world *world, const char *name)
{
    sim_os *sim = sim_os_create(seed_next(&world->random));
    sim->world = world;
    (void)snprintf(sim->name, sizeof sim->name, "%s", name);
    return sim;
}

uint64_t sim_world_trace(const sim_world *world)
{
    return world->trace;
}

uint64_t sim_world_switches(const sim_world *world)
{
    return world->switches;
}
