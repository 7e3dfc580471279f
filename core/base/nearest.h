/* nearest.h - the known name nearest to one that is not known, for hints.
 *
 *     nearest found;
 *     nearest_init(&found, wanted);
 *     for (...) nearest_offer(&found, pbase_bytes_text(names[i]));
 *     if (found.best.size > 0) pbase_error_hint(err, "did you mean '%.*s'?", ...);
 *
 * The distance counts inserted, removed, replaced and swapped characters, letter case for free
 * (optimal string alignment). Names further away than a third of their length are not near.
 * Threads: confined. */
#ifndef PROTOBASE_CORE_BASE_NEAREST_H
#define PROTOBASE_CORE_BASE_NEAREST_H
#include <protobase/base/bytes.h>

#define NEAREST_BYTES_MAX 64u /* longer names are never near */

typedef struct {
    pbase_bytes wanted; /* borrowed */
    pbase_bytes best;   /* points into `text`; empty: none is near */
    size_t distance;    /* of best */
    char text[NEAREST_BYTES_MAX];
} nearest;

void nearest_init(nearest *self, pbase_bytes wanted);
/* Copies `name` if it is nearer than the best so far. */
void nearest_offer(nearest *self, pbase_bytes name);
/* Puts "did you mean '<best>'?" into err->hint if there is one. */
void nearest_hint(const nearest *self, pbase_error *err);

#endif
