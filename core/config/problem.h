/* problem.h - collects what is wrong with a configuration, so that all of it is told at once.
 *
 * Adding cannot fail: past PBASE_CONFIG_PROBLEMS_MAX problems are only counted, and lack of memory
 * is remembered and becomes the result. Threads: confined. */
#ifndef PROTOBASE_CONFIG_PROBLEM_H
#define PROTOBASE_CONFIG_PROBLEM_H
#include "base/nearest.h"
#include "config/node.h"
#include <protobase/base/arena.h>
#include <protobase/config.h>

typedef struct {
    pbase_arena *arena; /* of the texts; borrowed */
    pbase_config_problem items[PBASE_CONFIG_PROBLEMS_MAX];
    size_t count;
    size_t dropped; /* past the limit */
    pbase_config_problem *last;
    bool no_memory;
} problem_list;

void problem_list_init(problem_list *list, pbase_arena *arena);

/* Adds a problem at the place of `node`. */
void problem_add(problem_list *list, pbase_status code, const config_node *node, const char *format,
                 ...) PBASE_PRINTF(4, 5);
/* Adds one at a place that is no node; line 0: the whole of `origin`. */
void problem_add_at(problem_list *list, pbase_status code, const config_origin *origin,
                    uint32_t line, uint32_t column, const char *format, ...) PBASE_PRINTF(6, 7);
/* Says what to do about the problem just added. */
void problem_hint(problem_list *list, const char *format, ...) PBASE_PRINTF(2, 3);

/* Asks "did you mean '...'?" if some word was near; yields whether it was. */
bool problem_hint_nearest(problem_list *list, const nearest *search);

/* True while nothing is wrong. */
static inline bool problem_list_empty(const problem_list *list)
{
    return list->count == 0 && !list->no_memory;
}

/* Reports all in the order of the text; OK when there is none, else the code of the first, which
 * `err` describes. */
pbase_status problem_list_finish(problem_list *list, pbase_config_problem_each each, void *state,
                                 pbase_error *err);

/* "file:line:column" of a node, in the arena; NULL means no memory. */
const char *config_place(const config_node *node, pbase_arena *arena);

#endif
