/* pressure.h - how far commits are slowed while checkpoints fall behind.
 *
 * A checkpoint has a budget, checkpoint_bytes: so much journal starts one. While it runs, commits go
 * on, and what it has not settled grows: journal, and atoms in memory. From PRESSURE_START times the
 * budget of either a pause follows each group of commits; at PRESSURE_STOP times it commits wait until
 * there is room. With l the part of the way from the one to the other that is gone,
 *
 *     pause = bytes of the group * time that a checkpoint takes for a byte * 2 l / (1 - l)
 *
 * so at a third of the way commits come as fast as checkpoints go. However fast they would come, a
 * checkpoint that takes as long as those before it ends before l = 0.7 when the way is what it settles
 * (the integral of 2 l / (1 - l) is 1 there), and one that takes longer holds them at less and less,
 * not at once: the pole keeps them off the end. A pause is PRESSURE_PAUSE_MAX_NS at most, so only
 * commits of megabytes get there.
 *
 * Threads: confined; the engine's is guarded by its queue lock. */
#ifndef PROTOBASE_TXN_PRESSURE_H
#define PROTOBASE_TXN_PRESSURE_H
#include <stdbool.h>
#include <stdint.h>

#define PRESSURE_START 4u /* times the budget */
#define PRESSURE_STOP 8u
#define PRESSURE_PAUSE_MAX_NS (UINT64_C(50) * 1000 * 1000)

/* What is committed and not settled. */
typedef struct {
    uint64_t journal_bytes; /* since the base of the newest checkpoint that began */
    uint64_t
        memory_bytes; /* of atoms, those that commits which wait to be applied will take included */
} pressure_backlog;

/* l: 0 below the start, 1 from the stop on, of whichever is further. */
double pressure_level(const pressure_backlog *backlog, uint64_t budget_bytes);
/* What follows a group of so many bytes of journal. `ns_per_byte` 0: nothing is known, no pause. */
uint64_t pressure_pause_ns(double level, uint64_t bytes, double ns_per_byte);

/* How fast checkpoints are. Zeroed: none was seen. */
typedef struct {
    double past_ns, past_bytes; /* of those that ended, each counting half as much as the next */
    double memory_per_byte;     /* atoms in memory for a byte of journal, lately */
    uint64_t running_bytes;     /* of the one under way */
    uint64_t running_since_ns;  /* 0: none is */
    bool running_counts;        /* it is not a small one */
} pressure_pace;

/* A checkpoint begins that settles so much journal. Those of less than a sixteenth of the budget tell
 * nothing of what a byte costs, and are taken for so much while they run. */
void pressure_checkpoint_begin(pressure_pace *self, uint64_t journal_bytes, uint64_t budget_bytes,
                               uint64_t now_ns);
/* So much journal took so much memory; little is not looked at. */
void pressure_memory_grew(pressure_pace *self, uint64_t journal_bytes, uint64_t memory_bytes,
                          uint64_t budget_bytes);
/* It has ended, with everything that goes with it; one that failed tells nothing. */
void pressure_checkpoint_end(pressure_pace *self, bool is_done, uint64_t now_ns);
/* What a byte of journal takes: as those before it, or as the one under way if that is longer already.
 * 0: not known. */
double pressure_ns_per_byte(const pressure_pace *self, uint64_t now_ns);

#endif
