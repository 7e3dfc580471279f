/* os_system.c - clock, randomness and the facts about the process. */
#include "os/os.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

static uint64_t system_monotonic_ns(const pbase_os *os)
{
    struct timespec now;
    (void)os;                                   /* the real one has no state */
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails for wrong arguments only */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* As of the last tick of the kernel: nothing but a load. */
static uint64_t system_coarse_ns(const pbase_os *os)
{
    struct timespec now;
    (void)os;                                          /* the real one has no state */
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* fails for wrong arguments only */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int64_t system_wall_ns(const pbase_os *os)
{
    struct timespec now;
    (void)os;                                  /* the real one has no state */
    (void)clock_gettime(CLOCK_REALTIME, &now); /* fails for wrong arguments only */
    return (int64_t)now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec;
}

static void system_sleep_ns(const pbase_os *os, uint64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
    (void)os; /* the real one has no state */
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
        continue;
    }
}

static void system_random(const pbase_os *os, void *out, size_t size)
{
    size_t done = 0;
    (void)os; /* the real one has no state */
    while (done < size) {
        ssize_t got = getrandom((uint8_t *)out + done, size - done, 0);
        PBASE_ASSERT(got >= 0 || errno == EINTR); /* it can only be interrupted */
        done += got > 0 ? (size_t)got : 0;
    }
}

static uint64_t system_process_id(const pbase_os *os)
{
    (void)os; /* the real one has no state */
    return (uint64_t)getpid();
}

/* A page that the kernel hands to a child empty, whichever way the child was made. */
static pbase_status system_fork_mark_create(const pbase_os *os, const uint32_t **out,
                                            pbase_error *err)
{
    (void)os; /* the real one has no state */
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint32_t *mark = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mark == MAP_FAILED) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "mapping a page: %s", strerror(errno));
    }
    if (madvise(mark, bytes, MADV_WIPEONFORK) != 0) { /* before Linux 4.14 */
        (void)munmap(mark, bytes);                    /* a mapping of ours: cannot fail */
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "the system has no memory that a fork empties");
    }
    *mark = 1;
    *out = mark;
    return PBASE_OK;
}

static void system_fork_mark_destroy(const pbase_os *os, const uint32_t *mark)
{
    (void)os; /* the real one has no state */
    if (mark != NULL) {
        (void)munmap((void *)(uintptr_t)mark,
                     (size_t)sysconf(_SC_PAGESIZE)); /* ours: cannot fail */
    }
}

static uint32_t system_user_id(const pbase_os *os)
{
    (void)os; /* the real one has no state */
    return geteuid();
}

static bool system_is_privileged(const pbase_os *os)
{
    (void)os; /* the real one has no state */
    return getauxval(AT_SECURE) != 0;
}

/* Those this process may run on, which a container can lower. */
static uint32_t system_cpu_count(const pbase_os *os)
{
    cpu_set_t allowed;
    int count = 0;
    (void)os; /* the real one has no state */
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        count = CPU_COUNT(&allowed);
    }
    return count > 0 ? (uint32_t)count : 1;
}

static const char *system_environment(const pbase_os *os, const char *name)
{
    (void)os; /* the real one has no state */
    return getenv(name);
}

const pbase_os_system_ops os_system_real = {
    .struct_size = sizeof(pbase_os_system_ops),
    .monotonic_ns = system_monotonic_ns,
    .wall_ns = system_wall_ns,
    .sleep_ns = system_sleep_ns,
    .random = system_random,
    .process_id = system_process_id,
    .user_id = system_user_id,
    .is_privileged = system_is_privileged,
    .cpu_count = system_cpu_count,
    .environment = system_environment,
    .coarse_ns = system_coarse_ns,
    .fork_mark_create = system_fork_mark_create,
    .fork_mark_destroy = system_fork_mark_destroy,
};
