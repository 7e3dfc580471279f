/* spares.c - a row of places, each searched from where the calling thread looked last time.
 *
 * The page of a local variable tells threads apart without a call: every thread begins its search
 * at a place of its own and so mostly finds the object it gave back, still in its cache. */
#include "spares.h"
#include <stdint.h>

#define STACK_BITS 16u /* threads' stacks lie at least this far apart */

static size_t first_place(void)
{
    char on_stack = 0;
    uintptr_t stack = (uintptr_t)&on_stack >> STACK_BITS;
    return (size_t)((stack * 0x9e3779b97f4a7c15u) >> 60) % SPARES_MAX;
}

void spares_init(spares *idle)
{
    for (size_t i = 0; i < SPARES_MAX; i++) {
        atomic_init(&idle->places[i].object, NULL);
    }
}

void *spares_take(spares *idle)
{
    size_t first = first_place();
    for (size_t i = 0; i < SPARES_MAX; i++) {
        spares_place *place = &idle->places[(first + i) % SPARES_MAX];
        if (atomic_load_explicit(&place->object, memory_order_relaxed) == NULL) {
            continue;
        }
        void *object = atomic_exchange_explicit(&place->object, NULL, memory_order_acquire);
        if (object != NULL) {
            return object;
        }
    }
    return NULL;
}

bool spares_give(spares *idle, void *object)
{
    size_t first = first_place();
    for (size_t i = 0; i < SPARES_MAX; i++) {
        void *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&idle->places[(first + i) % SPARES_MAX].object,
                                                    &empty, object, memory_order_release,
                                                    memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}
