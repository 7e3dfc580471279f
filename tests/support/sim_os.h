/* sim_os.h - a whole operating system from a seed, for tests.
 *
 * Disk: in memory, see sim_disk.h for what a crash may do to it. Clock: moves only by sleeps, by
 * waits that nobody ends, and a little with every call. Randomness: from the seed. Threads and
 * locks: of a machine in a world (sim_world.h) scheduled by the seed, so that every run can be
 * replayed; of one that stands alone those of the real os, and a timed wait that no other thread ends
 * within a millisecond of real time moves the clock to its deadline. Sockets: between the machines of
 * a world; alone every call is UNSUPPORTED. Files: as the contract says; a write with PBASE_OS_DIRECT
 * that is not aligned is INVALID, and one with PBASE_OS_DSYNC makes nothing durable but itself. Memory:
 * counted, so that a test can ask for leaks.
 *
 * Faults: the n-th call of a kind fails with a code; a failed write leaves some of its sectors, a
 * failed sync loses what it should have kept, a later sync succeeds all the same. Crash: from the
 * n-th call on nothing works any more; that call itself is left half done. Then sim_crash builds,
 * one by one, the machines that could come up afterwards.
 *
 * Threads: synchronized by one lock. Aborts when the process has no memory. */
#ifndef TESTS_SUPPORT_SIM_OS_H
#define TESTS_SUPPORT_SIM_OS_H
#include "os_calls.h"
#include "sim_disk.h"

#define SIM_PROCESS_ID 4711u

typedef struct sim_os sim_os;

sim_os *sim_os_create(uint64_t seed);
/* All its files are closed already. NULL is fine. */
void sim_os_destroy(sim_os *sim);
/* Lent until destroy. */
const pbase_os *sim_os_interface(sim_os *sim);

/* The disk may hold so much and no more; 0: no limit. */
void sim_os_disk_limit(sim_os *sim, uint64_t bytes);
/* What counts for the limit now. */
uint64_t sim_os_disk_used(sim_os *sim);
/* Flips bits of one byte of a file, durably. The file and the byte exist. */
void sim_os_flip(sim_os *sim, const char *path, uint64_t offset, uint8_t mask);
/* From now on every flush, and every write with PBASE_OS_DSYNC, ends well and makes nothing durable: for
 * tests of what has to find that. */
void sim_os_flushes_lie(sim_os *sim);
/* The disk is reached over a network by this type of file system; NULL: it is local, as at first. */
void sim_os_network_set(sim_os *sim, const char *type);
/* In what pieces the disk takes writes, and those with PBASE_OS_DIRECT: sectors of 512 bytes, as at
 * first, or larger; direct_bytes 0: it has no direct I/O. */
void sim_os_pieces_set(sim_os *sim, uint32_t direct_bytes, uint32_t whole_bytes);
/* Bytes of memory that were taken through `memory` and not given back. */
size_t sim_os_memory_used(sim_os *sim);
/* Calls of a kind so far, failed ones included. */
uint64_t sim_os_calls(sim_os *sim, os_call kind);

/* From now on the n-th call of `kind` (1 is the next) fails with `code`, and so do the later ones
 * when `forever`. n = 0 turns it off. */
void sim_os_fail_at(sim_os *sim, os_call kind, uint64_t n, pbase_status code, bool forever);
/* The n-th call on files and directories from now (1 is the next) begins and never ends well, and
 * every later one fails without effect. n = 0 turns it off. */
void sim_os_crash_at(sim_os *sim, uint64_t n);
bool sim_os_has_crashed(sim_os *sim);
/* Calls on files and directories so far: those that crash_at counts. */
uint64_t sim_os_disk_calls(sim_os *sim);

/* sim_disk_version of its disk. */
uint64_t sim_os_disk_version(sim_os *sim);
/* An orderly shutdown: everything pending becomes durable. */
void sim_os_settle(sim_os *sim);

/* The machine after a power cut now: a legal disk chosen by `seed`, nothing open, nothing pending,
 * no faults. `sim` stays as it is, so that more futures of it can be made. */
sim_os *sim_os_crash(sim_os *sim, uint64_t seed);
/* The same where nothing that was pending lasts. */
sim_os *sim_os_crash_bare(sim_os *sim);

/* The futures of one machine: all subsets of its pending items when there are at most
 * SIM_CRASH_EXHAUSTIVE_MAX, else nothing, everything, every prefix and every suffix; in both cases
 * then `samples` random ones with torn sectors among them. */
#define SIM_CRASH_EXHAUSTIVE_MAX 12u
typedef struct {
    sim_os *sim;
    size_t pending;
    uint64_t next;    /* number of the next future */
    uint64_t ordered; /* futures that are not sampled */
    uint64_t samples;
    uint64_t seed;
} sim_crash;

void sim_crash_begin(sim_crash *crash, sim_os *sim, uint64_t samples, uint64_t seed);
/* The next machine, which the caller destroys; NULL after the last. */
sim_os *sim_crash_next(sim_crash *crash);

#endif
