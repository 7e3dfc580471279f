/* sim_random.h - numbers from a seed: splitmix64 (Steele, Lea, Flood: "Fast Splittable
 * Pseudorandom Number Generators", 2014). Every 64-bit seed is good. Threads: confined. */
#ifndef TESTS_SUPPORT_SIM_RANDOM_H
#define TESTS_SUPPORT_SIM_RANDOM_H
#include <stdint.h>

typedef struct {
    uint64_t state;
} sim_random;

static inline uint64_t sim_random_next(sim_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
/* Below `limit`, which is above 0. The bias of the remainder does not matter to a test. */
static inline uint64_t sim_random_below(sim_random *random, uint64_t limit)
{
    return sim_random_next(random) % limit;
}

#endif
