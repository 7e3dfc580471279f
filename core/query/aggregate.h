/* aggregate.h - the aggregate functions of group: one running state each.
 *
 * All skip null but count of rows and collect. Sums of ints are exact (128 bits); floats are added
 * with a running correction (Neumaier 1974), so that the order of rows hardly matters. sum, avg and
 * variance ignore what is not a number; min and max follow the total order; variance is that of a
 * sample (divided by n - 1), updated by Welford's rule. */
#ifndef PROTOBASE_QUERY_AGGREGATE_H
#define PROTOBASE_QUERY_AGGREGATE_H
#include <protobase/base/value.h>

typedef enum {
    AGGREGATE_COUNT,
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_COLLECT,
    AGGREGATE_FIRST,
    AGGREGATE_LAST,
    AGGREGATE_VARIANCE
} aggregate_kind;

/* False when there is no such function; the hint then gets the nearest if err is not NULL. */
bool aggregate_find(pbase_bytes name, aggregate_kind *out, pbase_error *err);
const char *aggregate_name(aggregate_kind kind);

__extension__ typedef __int128 aggregate_int;

typedef struct {
    uint64_t count;        /* values taken */
    aggregate_int int_sum; /* of ints */
    double sum;            /* of floats */
    double correction;     /* of sum; of variance: the mean */
    double squares;        /* of variance: sum of squared distances */
    bool has_float;
    pbase_value kept;   /* of min, max, first, last */
    uint8_t *place;     /* where a string in `kept` lies */
    pbase_value *items; /* of collect */
    size_t room;        /* bytes at `place`, or room for items */
} aggregate_state;

void aggregate_init(aggregate_state *state);
/* Takes one value; what it keeps is copied to `arena`. */
PBASE_MUST_CHECK pbase_status aggregate_add(aggregate_kind kind, aggregate_state *state,
                                            const pbase_value *value, pbase_arena *arena,
                                            pbase_error *err);
/* What it came to; points into the state's arena. INVALID: a sum of ints outside int64. */
PBASE_MUST_CHECK pbase_status aggregate_result(aggregate_kind kind, const aggregate_state *state,
                                               pbase_value *out, pbase_error *err);

#endif
