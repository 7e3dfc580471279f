/* spares.h - a few idle objects kept for whoever needs one next.
 *
 * Parsers and compression contexts are dear to make and cheap to reuse. A thread takes an idle one,
 * uses it alone and gives it back; when none is idle it makes its own, and one that finds no room
 * on its return is ended. Nothing ever waits: a place is one atomic exchange.
 * Threads: synchronized, but for init. */
#ifndef PBASE_SDK_SPARES_H
#define PBASE_SDK_SPARES_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define SPARES_MAX 16u
#define SPARES_LINE_BYTES 64u /* each place on a cache line of its own: neighbours do not disturb */

typedef struct {
    _Atomic(void *) object; /* NULL: empty */
    char rest_of_line[SPARES_LINE_BYTES - sizeof(void *)];
} spares_place;
typedef struct {
    spares_place places[SPARES_MAX];
} spares;

void spares_init(spares *idle);
/* An idle object, now the caller's; NULL when there is none. */
void *spares_take(spares *idle);
/* Takes `object` back. False: all places are full, and the caller ends it. */
bool spares_give(spares *idle, void *object);

#endif
