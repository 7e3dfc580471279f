/* nearby.c - words too long to be near, or with a zero byte, are left out. */
#include "expr/nearby.h"

/* A NUL-ended copy; false when it is no word that could be near. */
static bool copy_word(pbase_bytes name, char out[NEAREST_WORD_MAX + 1])
{
    if (name.size == 0 || name.size > NEAREST_WORD_MAX || memchr(name.data, 0, name.size) != NULL) {
        return false;
    }
    memcpy(out, name.data, name.size);
    out[name.size] = '\0';
    return true;
}

void nearby_init(nearby *self, pbase_bytes wanted)
{
    if (!copy_word(wanted, self->word)) {
        self->word[0] = '\0';
    }
    self->search = nearest_to(self->word);
}

void nearby_offer(nearby *self, pbase_bytes name)
{
    char candidate[NEAREST_WORD_MAX + 1];
    if (self->word[0] != '\0' && copy_word(name, candidate)) {
        nearest_offer(&self->search, candidate);
    }
}

void nearby_hint(const nearby *self, pbase_error *err)
{
    if (nearest_found(&self->search)) {
        pbase_error_hint(err, "did you mean '%s'?", self->search.best);
    }
}
