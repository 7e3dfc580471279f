/* sim_os.c - the simulated os itself: life, memory, faults, crash points and futures. */
#include "sim_world_internal.h"
#include <stdio.h>
#include <stdlib.h>

#define CALL_NS 1000u /* what every call costs */
#define CLOCK_FIRST_NS 1000000000u
#define WALL_FIRST_NS 1700000000000000000 /* 2023-11-14 */

/* ----------------------------------------------------------------------------------- memory --- */

static void *memory_resize(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size)
{
    sim_os *sim = self->state;
    void *result = NULL;
    if (new_size > old_size && sim_call_check(sim, OS_CALL_MEMORY, NULL) != PBASE_OK) {
        return NULL;
    }
    if (new_size == 0) {
        free(memory);
    } else {
        result = realloc(memory, new_size);
        if (result == NULL) {
            return NULL;
        }
    }
    pthread_mutex_lock(&sim->lock);
    sim->memory_used += new_size - old_size;
    pthread_mutex_unlock(&sim->lock);
    return result;
}

/* ------------------------------------------------------------------------------------- life --- */

sim_os *sim_os_around(sim_disk *disk, uint64_t seed)
{
    sim_os *sim = calloc(1, sizeof(*sim));
    if (sim == NULL || pthread_mutex_init(&sim->lock, NULL) != 0) {
        abort(); /* a test without memory cannot go on */
    }
    sim->disk = disk;
    sim->pieces = (pbase_os_pieces){SIM_SECTOR_BYTES, SIM_SECTOR_BYTES};
    sim->random.state = seed;
    sim->clock_ns = CLOCK_FIRST_NS;
    sim->wall_offset_ns = WALL_FIRST_NS;
    sim->memory = (pbase_alloc){.resize = memory_resize, .state = sim};
    sim->os = (pbase_os){
        .struct_size = sizeof(pbase_os),
        .file = &sim_file_ops,
        .directory = &sim_directory_ops,
        .system = &sim_system_ops,
        .thread = &sim_thread_ops,
        .lock = &sim_lock_ops,
        .rwlock = &sim_rwlock_ops,
        .socket = &sim_socket_ops,
        .memory = &sim->memory,
        .state = sim,
    };
    return sim;
}

sim_os *sim_os_create(uint64_t seed)
{
    return sim_os_around(sim_disk_create(), seed);
}

void sim_os_destroy(sim_os *sim)
{
    if (sim != NULL) {
        sim_disk_destroy(sim->disk);
        pthread_mutex_destroy(&sim->lock);
        free(sim);
    }
}

const pbase_os *sim_os_interface(sim_os *sim)
{
    return &sim->os;
}

void sim_os_disk_limit(sim_os *sim, uint64_t bytes)
{
    pthread_mutex_lock(&sim->lock);
    sim_disk_limit(sim->disk, bytes);
    pthread_mutex_unlock(&sim->lock);
}

uint64_t sim_os_disk_used(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    uint64_t used = sim_disk_used(sim->disk);
    pthread_mutex_unlock(&sim->lock);
    return used;
}

void sim_os_flip(sim_os *sim, const char *path, uint64_t offset, uint8_t mask)
{
    sim_node node;
    pthread_mutex_lock(&sim->lock);
    if (sim_disk_find(sim->disk, path, &node, NULL) != PBASE_OK ||
        offset >= sim_disk_size(sim->disk, node)) {
        abort(); /* the test is wrong */
    }
    sim_disk_flip(sim->disk, node, offset, mask);
    pthread_mutex_unlock(&sim->lock);
}

void sim_os_flushes_lie(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    sim->lies = true;
    pthread_mutex_unlock(&sim->lock);
}

void sim_os_network_set(sim_os *sim, const char *type)
{
    pthread_mutex_lock(&sim->lock);
    (void)snprintf(sim->network_type, sizeof(sim->network_type), "%s", type == NULL ? "" : type);
    pthread_mutex_unlock(&sim->lock);
}

void sim_os_pieces_set(sim_os *sim, uint32_t direct_bytes, uint32_t whole_bytes)
{
    pthread_mutex_lock(&sim->lock);
    sim->pieces = (pbase_os_pieces){direct_bytes, whole_bytes};
    pthread_mutex_unlock(&sim->lock);
}

size_t sim_os_memory_used(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    size_t used = sim->memory_used;
    pthread_mutex_unlock(&sim->lock);
    return used;
}

uint64_t sim_os_calls(sim_os *sim, os_call kind)
{
    pthread_mutex_lock(&sim->lock);
    uint64_t calls = sim->calls[kind];
    pthread_mutex_unlock(&sim->lock);
    return calls;
}

void sim_enter(sim_os *sim)
{
    if (sim->world != NULL) {
        sim_world_pass(sim->world);
    }
    pthread_mutex_lock(&sim->lock);
}

uint64_t *sim_clock(sim_os *sim)
{
    return sim->world != NULL ? &sim->world->clock_ns : &sim->clock_ns;
}

/* ----------------------------------------------------------------------------------- faults --- */

void sim_os_fail_at(sim_os *sim, os_call kind, uint64_t n, pbase_status code, bool forever)
{
    pthread_mutex_lock(&sim->lock);
    sim->faults[kind] = (sim_fault){n == 0 ? 0 : sim->calls[kind] + n, code, forever};
    pthread_mutex_unlock(&sim->lock);
}

void sim_os_crash_at(sim_os *sim, uint64_t n)
{
    pthread_mutex_lock(&sim->lock);
    sim->crash_at = n == 0 ? 0 : sim->disk_calls + n;
    pthread_mutex_unlock(&sim->lock);
}

bool sim_os_has_crashed(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    bool crashed = sim->crashed;
    pthread_mutex_unlock(&sim->lock);
    return crashed;
}

uint64_t sim_os_disk_calls(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    uint64_t calls = sim->disk_calls;
    pthread_mutex_unlock(&sim->lock);
    return calls;
}

static bool fault_strikes(const sim_os *sim, os_call kind)
{
    const sim_fault *fault = &sim->faults[kind];
    return fault->at != 0 &&
           (fault->forever ? sim->calls[kind] >= fault->at : sim->calls[kind] == fault->at);
}

/* Counts; says which kind's fault strikes, or OS_CALL_KINDS. */
static os_call call_count(sim_os *sim, os_call kind)
{
    *sim_clock(sim) += CALL_NS;
    sim->calls[kind]++;
    if (kind != OS_CALL_MEMORY) {
        sim->calls[OS_CALL_ANY]++;
        if (fault_strikes(sim, OS_CALL_ANY)) {
            return OS_CALL_ANY;
        }
    }
    return fault_strikes(sim, kind) ? kind : OS_CALL_KINDS;
}

static pbase_status fault_report(const sim_os *sim, os_call kind, pbase_error *err)
{
    return PBASE_FAIL(err, sim->faults[kind].code, "injected fault");
}

pbase_status sim_turn_take(sim_os *sim, os_call kind, sim_turn *out, pbase_error *err)
{
    os_call struck;
    *out = SIM_FAILS;
    if (sim->crashed) {
        return PBASE_FAIL(err, PBASE_IO, "the simulated machine has crashed");
    }
    struck = call_count(sim, kind);
    sim->disk_calls++;
    if (sim->disk_calls == sim->crash_at) {
        sim->crashed = true;
        *out = SIM_DIES;
        return PBASE_FAIL(err, PBASE_IO, "the simulated machine crashes here");
    }
    if (struck != OS_CALL_KINDS) {
        return fault_report(sim, struck, err);
    }
    *out = SIM_GOES;
    return PBASE_OK;
}

pbase_status sim_call_check(sim_os *sim, os_call kind, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    pthread_mutex_lock(&sim->lock);
    os_call struck = call_count(sim, kind);
    if (struck != OS_CALL_KINDS) {
        status = fault_report(sim, struck, err);
    }
    pthread_mutex_unlock(&sim->lock);
    return status;
}

/* ---------------------------------------------------------------------------------- futures --- */

/* With the lock held: threads of the machine that went down may still run. */
static sim_os *future_of(sim_os *sim, const sim_fate *fates, uint64_t seed)
{
    sim_os *after = sim_os_around(sim_disk_after_crash(sim->disk, fates, seed), seed);
    after->pieces = sim->pieces;
    after->clock_ns = *sim_clock(sim); /* time goes on */
    after->wall_offset_ns = sim->wall_offset_ns;
    return after;
}

static sim_fate *fates_new(size_t count)
{
    sim_fate *fates = calloc(count + 1, sizeof(*fates));
    if (fates == NULL) {
        abort(); /* a test without memory cannot go on */
    }
    return fates;
}

/* Each item by itself: lost or kept, seldom torn; how many are kept differs from case to case. */
static void fates_sample(sim_fate *fates, size_t count, uint64_t seed)
{
    seed_random random = {seed};
    uint64_t kept_of_16 = seed_below(&random, 17);
    for (size_t i = 0; i < count; i++) {
        bool kept = seed_below(&random, 16) < kept_of_16;
        bool torn = seed_below(&random, 8) == 0;
        fates[i] = torn ? SIM_TORN : kept ? SIM_KEPT : SIM_LOST;
    }
}

uint64_t sim_os_disk_version(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    uint64_t version = sim_disk_version(sim->disk);
    pthread_mutex_unlock(&sim->lock);
    return version;
}

void sim_os_settle(sim_os *sim)
{
    pthread_mutex_lock(&sim->lock);
    sim_disk_settle(sim->disk);
    pthread_mutex_unlock(&sim->lock);
}

sim_os *sim_os_crash(sim_os *sim, uint64_t seed)
{
    pthread_mutex_lock(&sim->lock);
    size_t count = sim_disk_pending(sim->disk);
    sim_fate *fates = fates_new(count);
    fates_sample(fates, count, seed);
    sim_os *after = future_of(sim, fates, seed);
    pthread_mutex_unlock(&sim->lock);
    free(fates);
    return after;
}

void sim_crash_begin(sim_crash *crash, sim_os *sim, uint64_t samples, uint64_t seed)
{
    pthread_mutex_lock(&sim->lock);
    size_t pending = sim_disk_pending(sim->disk);
    pthread_mutex_unlock(&sim->lock);
    *crash = (sim_crash){
        .sim = sim,
        .pending = pending,
        .ordered = pending <= SIM_CRASH_EXHAUSTIVE_MAX ? (uint64_t)1 << pending : 2 * pending,
        .samples = pending == 0 ? 0 : samples,
        .seed = seed,
    };
}

/* Below the exhaustive limit `number` is the subset itself; above, the first half are prefixes kept
 * and the second half suffixes kept. */
static void fates_ordered(sim_fate *fates, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        bool kept = count <= SIM_CRASH_EXHAUSTIVE_MAX ? (number >> i & 1) != 0
                    : number < count                  ? i < number
                                                      : i >= number - count;
        fates[i] = kept ? SIM_KEPT : SIM_LOST;
    }
}

sim_os *sim_crash_next(sim_crash *crash)
{
    if (crash->next >= crash->ordered + crash->samples) {
        return NULL;
    }
    sim_fate *fates = fates_new(crash->pending);
    uint64_t seed = crash->seed + crash->next;
    if (crash->next < crash->ordered) {
        fates_ordered(fates, crash->pending, crash->next);
    } else {
        fates_sample(fates, crash->pending, seed);
    }
    crash->next++;
    pthread_mutex_lock(&crash->sim->lock);
    sim_os *after = future_of(crash->sim, fates, seed);
    pthread_mutex_unlock(&crash->sim->lock);
    free(fates);
    return after;
}

sim_os *sim_os_crash_bare(sim_os *sim)
{
    sim_crash crash;
    sim_crash_begin(&crash, sim, 0, 1);
    return sim_crash_next(&crash);
}
