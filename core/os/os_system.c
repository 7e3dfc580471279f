/* os_system.c - clock, randomness and the facts about the process. */
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
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

#define GROUP_FILE "/proc/self/cgroup"
#define GROUP_ROOT "/sys/fs/cgroup"

/* The beginning of a small file of the kernel's, NUL-ended; empty when it cannot be read. */
static void read_text(const char *path, char *out, size_t out_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, out_size - 1);
    out[got > 0 ? got : 0] = '\0';
    if (fd >= 0) {
        (void)close(fd); /* read only: nothing can be lost */
    }
}

/* What the group may take (cgroup v2: its line begins with "0::"); UINT64_MAX: as much as there is. */
static uint64_t group_memory_bytes(void)
{
    char groups[4096] = "\n", path[sizeof GROUP_ROOT + sizeof groups + 16], limit[32];
    read_text(GROUP_FILE, groups + 1, sizeof groups - 1);
    const char *line = strstr(groups, "\n0::");
    if (line == NULL) {
        return UINT64_MAX;
    }
    line += strlen("\n0::");
    (void)snprintf(path, sizeof path, GROUP_ROOT "%.*s/memory.max", (int)strcspn(line, "\n"),
                   line); /* it fits */
    read_text(path, limit, sizeof limit);
    return limit[0] >= '0' && limit[0] <= '9' ? strtoull(limit, NULL, 10) : UINT64_MAX; /* "max" */
}

static uint64_t system_memory_bytes(const pbase_os *os)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    (void)os; /* the real one has no state */
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    uint64_t group = group_memory_bytes();
    return group < machine ? group : machine;
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
    .memory_bytes = system_memory_bytes,
};
