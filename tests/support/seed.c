#include "seed.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t seed_for(const char *test)
{
    const char *given = getenv("PBASE_TEST_SEED");
    uint64_t seed;
    if (given != NULL && given[0] != '\0') {
        seed = strtoull(given, NULL, 0);
    } else {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now); /* any value will do */
        seed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    (void)printf("%s: PBASE_TEST_SEED=%" PRIu64 "\n", test, seed);
    (void)fflush(stdout); /* before a crash */
    return seed;
}

bool seed_is_long_run(void)
{
    const char *given = getenv("PBASE_TEST_LONG");
    return given != NULL && given[0] != '\0' && strcmp(given, "0") != 0;
}

void seed_random_init(seed_random *random, uint64_t seed)
{
    random->state = seed;
}

uint64_t seed_next(seed_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    uint64_t z = random->state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t seed_below(seed_random *random, uint64_t bound)
{
    return seed_next(random) % bound;
}

void seed_fill(seed_random *random, void *out, size_t size)
{
    uint8_t *at = (uint8_t *)out;
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)seed_next(random);
    }
}
