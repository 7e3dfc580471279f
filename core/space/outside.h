/* outside.h - what is made beside a space does not lie within it.
 *
 * Threads: pure functions over an immutable graph. */
#ifndef PROTOBASE_SPACE_OUTSIDE_H
#define PROTOBASE_SPACE_OUTSIDE_H
#include "host/wiring.h"

/* INVALID when `path`, which need not be there yet, is a folder that the storage of `graph` keeps its bytes in,
 * or lies within one. Links are followed. */
PBASE_MUST_CHECK pbase_status outside_require(const wiring *graph, const char *path,
                                              pbase_error *err);

#endif
