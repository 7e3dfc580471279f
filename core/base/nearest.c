/* nearest.c - optimal string alignment over three rows of the usual table. */
#include "base/nearest.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

static size_t distance(pbase_bytes a, pbase_bytes b)
{
    size_t rows[3][NEAREST_BYTES_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.size; j++) {
        above[j] = before[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            uint8_t x = lower(a.data[i - 1]), y = lower(b.data[j - 1]);
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b.data[j - 2]) && y == lower(a.data[i - 2]) &&
                before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.size];
}

void nearest_init(nearest *self, pbase_bytes wanted)
{
    self->wanted = wanted;
    self->best = pbase_bytes_of(self->text, 0);
    self->distance = 0;
}

void nearest_offer(nearest *self, pbase_bytes name)
{
    if (self->wanted.size > NEAREST_BYTES_MAX || name.size > NEAREST_BYTES_MAX || name.size == 0) {
        return;
    }
    size_t apart = distance(self->wanted, name);
    size_t longer = self->wanted.size > name.size ? self->wanted.size : name.size;
    if (apart * 3 > longer + 2 || apart >= longer) {
        return;
    }
    if (self->best.size == 0 || apart < self->distance) {
        memcpy(self->text, name.data, name.size);
        self->best = pbase_bytes_of(self->text, name.size);
        self->distance = apart;
    }
}

void nearest_hint(const nearest *self, pbase_error *err)
{
    if (self->best.size > 0) {
        pbase_error_hint(err, "did you mean '%.*s'?", (int)self->best.size, self->text);
    }
}
