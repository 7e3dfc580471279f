/* random_value.h - random values of every kind, rich in the cases that break codecs: int64
 * extremes, 2^53+1, NaN, -0.0, empty and NUL-holding strings, 4-byte UTF-8, empty containers, maps
 * whose names look like JSON escapes ("$bytes"). All of them pass pbase_value_check. */
#ifndef PBASE_TEST_RANDOM_VALUE_H
#define PBASE_TEST_RANDOM_VALUE_H
#include "seed.h"
#include <protobase/base/value.h>

typedef struct {
    unsigned depth_max; /* 0: scalars only */
    unsigned items_max; /* of a list, map or vector; bytes of a string */
    bool with_child;    /* also PBASE_CHILD, which only stored values may hold */
} random_value_options;

/* What it points to is in `arena`. Asserts that there is memory. */
pbase_value random_value(seed_random *random, const random_value_options *options,
                         pbase_arena *arena);
/* A scalar that may be a key: null, bool, number, string, bytes, timestamp, reference. */
pbase_value random_scalar(seed_random *random, unsigned bytes_max, pbase_arena *arena);

#endif
