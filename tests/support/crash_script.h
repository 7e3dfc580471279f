/* crash_script.h - power cuts at every call of a script, on the simulated disk: for each, every legal
 * state of the disk is opened again.
 *
 * Rules: what was acknowledged is there; a transaction is there whole or not at all, and never without
 * the one before it; check finds nothing; opening twice gives the same.
 *
 * A script is a row of steps: `p` puts a key into both roots in one transaction, `o` overwrites the
 * one that is there, `r` removes it, `d` drops a root, `a` puts asynchronously, `l` overwrites
 * in a transaction whose trees go to the storage before its record, which names them; `i` makes
 * an index on one root, or drops it; `c` is a checkpoint, `s` a compaction, `q` a clean close.
 * Threads: confined. */
#ifndef PBASE_TEST_CRASH_SCRIPT_H
#define PBASE_TEST_CRASH_SCRIPT_H
#include <stdbool.h>

/* Fails the test with the script and what went wrong. `is_new`: the space is made by the script;
 * otherwise it is there, with one key, everything settled. */
void crash_script_sweep(const char *script, bool is_new);
/* The same in a space that keeps two checkpoints: every state of the past that can be read is one the
 * script went through, in the order it did. */
void crash_script_sweep_past(const char *script);
/* On a disk whose flushes do nothing: the sweep has to find that an acknowledged transaction is lost. */
void crash_script_planted(void);
/* Every pair of transactions, with these steps between and behind them. */
void crash_script_sweep_pairs(const char *between, const char *behind);
/* Every script of up to three steps of any kind, at the calls of its last step: those before are the
 * last one's of a shorter script. In the short form each so-manieth of them, always the same. */
void crash_script_sweep_triples(void);

#endif
