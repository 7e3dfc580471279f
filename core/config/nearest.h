/* nearest.h - the known word that a misspelt one was probably meant to be.
 *
 * Damerau's distance in its restricted form (insert, delete, replace, swap neighbours; "A technique
 * for computer detection and correction of spelling errors", 1964). A word is near when at most a
 * third of it differs. Threads: confined. */
#ifndef PROTOBASE_CONFIG_NEAREST_H
#define PROTOBASE_CONFIG_NEAREST_H
#include <stdbool.h>
#include <stddef.h>

#define NEAREST_WORD_MAX 63u /* longer words are near to nothing */

typedef struct {
    const char *word; /* borrowed */
    size_t distance;  /* of best; an equally near one offered later does not replace it */
    char best[NEAREST_WORD_MAX + 1]; /* the nearest word offered so far; "": none is near */
} nearest;

nearest nearest_to(const char *word);
void nearest_offer(nearest *search, const char *candidate);
static inline bool nearest_found(const nearest *search)
{
    return search->best[0] != '\0';
}

#endif
