/* seed.h - reproducible randomness for tests.
 *
 * Every random test takes its seed from here; it is printed, and PBASE_TEST_SEED=<number> repeats
 * the run. The generator is splitmix64 (Steele, Lea, Flood, 2014): the same everywhere. */
#ifndef PBASE_TEST_SEED_H
#define PBASE_TEST_SEED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state;
} seed_random;

/* The seed of this run: PBASE_TEST_SEED or the clock. Printed as "<test>: PBASE_TEST_SEED=...". */
uint64_t seed_for(const char *test);
/* True when PBASE_TEST_LONG is set: longer rounds are welcome. */
bool seed_is_long_run(void);

void seed_random_init(seed_random *random, uint64_t seed);
uint64_t seed_next(seed_random *random);
/* 0 .. bound - 1; bound is above 0. */
uint64_t seed_below(seed_random *random, uint64_t bound);
void seed_fill(seed_random *random, void *out, size_t size);

#endif
