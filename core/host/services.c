/* services.c - checksums, counters, one-time set-ups. */
#include "host/services.h"
#include <isa-l/crc.h>
#include <limits.h>
#include <stdatomic.h>
#include <xxhash.h>

/* ------------------------------------------------------------------------------- checksums --- */
static uint32_t host_crc32c(uint32_t seed, const void *data, size_t size)
{
    /* ISA-L takes a mutable pointer it does not write through, and an int as length. */
    unsigned char *at = (unsigned char *)(uintptr_t)data;
    uint32_t crc = ~seed;
    while (size > 0) {
        int part = size > INT_MAX ? INT_MAX : (int)size;
        crc = crc32_iscsi(at, part, crc);
        at += part;
        size -= (size_t)part;
    }
    return ~crc;
}

static uint64_t host_hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

/* -------------------------------------------------------------------------------- counters --- */
/* A slot is taken by setting its name once; the names are static texts. */
typedef struct {
    _Atomic(const char *) name;
    _Atomic uint64_t value;
} metric;
static metric metrics[SERVICES_METRICS_MAX];

/* The slot of `name`, taking a free one; NULL when all are taken. */
static metric *metric_of(const char *name)
{
    for (size_t i = 0; i < SERVICES_METRICS_MAX; i++) {
        const char *found = atomic_load_explicit(&metrics[i].name, memory_order_acquire);
        if (found == NULL && atomic_compare_exchange_strong(&metrics[i].name, &found, name)) {
            return &metrics[i];
        }
        if (found == name || strcmp(found, name) == 0) {
            return &metrics[i];
        }
    }
    return NULL;
}

static void host_metric_add(const pbase_host *host, const char *name, uint64_t delta)
{
    (void)host;
    metric *found = metric_of(name);
    if (found != NULL) {
        atomic_fetch_add_explicit(&found->value, delta, memory_order_relaxed);
    }
}

void services_metrics(void (*each)(void *state, const char *name, uint64_t value), void *state)
{
    for (size_t i = 0; i < SERVICES_METRICS_MAX; i++) {
        const char *name = atomic_load_explicit(&metrics[i].name, memory_order_acquire);
        if (name == NULL) {
            return;
        }
        each(state, name, atomic_load_explicit(&metrics[i].value, memory_order_relaxed));
    }
}

/* ------------------------------------------------------------------------------ one-time set-ups --- */
#define ONCE_KEY_BYTES 64u
enum { ONCE_FREE = 0, ONCE_NAMING = 1, ONCE_IDLE = 2, ONCE_RUNNING = 3, ONCE_DONE = 4 };
typedef struct {
    _Atomic int state;        /* ONCE_* */
    char key[ONCE_KEY_BYTES]; /* written while NAMING, constant afterwards */
} once_slot;
static once_slot once_slots[SERVICES_ONCE_MAX];

/* The slot of `key`, taking a free one; NULL when all are taken. */
static once_slot *once_slot_of(const pbase_os *os, const char *key)
{
    for (size_t i = 0; i < SERVICES_ONCE_MAX; i++) {
        once_slot *slot = &once_slots[i];
        int expected = ONCE_FREE;
        if (atomic_compare_exchange_strong(&slot->state, &expected, ONCE_NAMING)) {
            memcpy(slot->key, key, strlen(key) + 1);
            atomic_store_explicit(&slot->state, ONCE_IDLE, memory_order_release);
        }
        while (atomic_load_explicit(&slot->state, memory_order_acquire) == ONCE_NAMING) {
            os->thread->yield(os);
        }
        if (strcmp(slot->key, key) == 0) {
            return slot;
        }
    }
    return NULL;
}

static pbase_status host_run_once(const pbase_host *host, const char *key,
                                  pbase_status (*once)(void *state, pbase_error *err), void *state,
                                  pbase_error *err)
{
    if (key[0] == '\0' || strlen(key) >= ONCE_KEY_BYTES) {
        return PBASE_FAIL(err, PBASE_INVALID, "run_once: a key has 1 to %u bytes",
                          ONCE_KEY_BYTES - 1);
    }
    once_slot *slot = once_slot_of(host->os, key);
    if (slot == NULL) {
        return PBASE_FAIL(err, PBASE_LIMIT, "run_once: more than %u keys", SERVICES_ONCE_MAX);
    }
    for (;;) {
        int seen = ONCE_IDLE;
        if (atomic_compare_exchange_strong(&slot->state, &seen, ONCE_RUNNING)) {
            pbase_status status = once(state, err);
            atomic_store_explicit(&slot->state, status == PBASE_OK ? ONCE_DONE : ONCE_IDLE,
                                  memory_order_release); /* a failure may be tried again */
            return status;
        }
        if (seen == ONCE_DONE) {
            return PBASE_OK;
        }
        host->os->thread->yield(host->os);
    }
}

static const void *host_service(const pbase_host *host, const char *name)
{
    (void)host;
    (void)name; /* none is offered yet beyond the table itself */
    return NULL;
}

void services_init(pbase_host *host, const pbase_os *os, const pbase_log *log)
{
    memset(host, 0, sizeof(*host));
    host->struct_size = sizeof(*host);
    host->abi_major = PBASE_ABI_MAJOR;
    host->abi_minor = PBASE_ABI_MINOR;
    host->os = os;
    host->alloc = os->memory;
    host->log = log;
    host->crc32c = host_crc32c;
    host->hash64 = host_hash64;
    host->metric_add = host_metric_add;
    host->run_once = host_run_once;
    host->service = host_service;
}
