/* dump_sum.c - XXH3 of the library xxHash, streaming. */
#include "dump_sum.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

/* A dump_sum is the library's state under our name: only the library can allocate it. */
static XXH3_state_t *state_of(dump_sum *self)
{
    return (XXH3_state_t *)(void *)self;
}

pbase_status dump_sum_create(dump_sum **out, pbase_error *err)
{
    *out = (dump_sum *)(void *)XXH3_createState();
    if (*out == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a checksum");
    }
    dump_sum_begin(*out);
    return PBASE_OK;
}

void dump_sum_begin(dump_sum *self)
{
    (void)XXH3_64bits_reset(state_of(self)); /* fails for NULL only */
}

void dump_sum_add(dump_sum *self, pbase_bytes line)
{
    (void)XXH3_64bits_update(state_of(self), line.data, line.size); /* likewise */
}

void dump_sum_text(const dump_sum *self, char out[DUMP_SUM_TEXT_BYTES])
{
    (void)snprintf(out, DUMP_SUM_TEXT_BYTES, "%016" PRIx64,
                   XXH3_64bits_digest((const XXH3_state_t *)(const void *)self));
}

void dump_sum_destroy(dump_sum *self)
{
    (void)XXH3_freeState(state_of(self)); /* NULL is fine; always succeeds */
}
