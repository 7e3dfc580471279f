/* nearest.c - edit distance, three rows at a time. */
#include "config/nearest.h"
#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Distance of two words of at most NEAREST_WORD_MAX characters. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAREST_WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        const size_t *before = rows[(i + 1) % 3]; /* row i - 2 */
        const size_t *above = rows[(i - 1) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

nearest nearest_to(const char *word)
{
    size_t length = strlen(word);
    size_t allowed = length < 3 ? 1 : length / 3;
    nearest search = {word, length > NEAREST_WORD_MAX ? 0 : allowed + 1, ""};
    return search;
}

void nearest_offer(nearest *search, const char *candidate)
{
    size_t length = strlen(candidate);
    if (length > NEAREST_WORD_MAX || search->distance == 0) {
        return;
    }
    size_t found = distance(search->word, strlen(search->word), candidate, length);
    if (found < search->distance) {
        memcpy(search->best, candidate, length + 1);
        search->distance = found;
    }
}
