/* nearby.h - "did you mean ...?" for names that are bytes, over config/nearest.h. */
#ifndef PROTOBASE_EXPR_NEARBY_H
#define PROTOBASE_EXPR_NEARBY_H
#include "config/nearest.h"
#include <protobase/base/bytes.h>

typedef struct {
    char word[NEAREST_WORD_MAX + 1]; /* "": nothing is near to it */
    nearest search;                  /* of `word` */
} nearby;

/* `self` must not move afterwards. */
void nearby_init(nearby *self, pbase_bytes wanted);
void nearby_offer(nearby *self, pbase_bytes name);
/* Puts "did you mean '<nearest>'?" into err->hint if there is one. */
void nearby_hint(const nearby *self, pbase_error *err);

#endif
