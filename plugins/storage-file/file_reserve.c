/* file_reserve.c - the file lies beside the segments of the journal, under a name that is none of theirs. */
#include "file_reserve.h"

#define NAME "journal/reserve"

static pbase_status make(file_reserve *self)
{
    pbase_segment *segment = NULL;
    pbase_status status = pbase_blocks_open(
        self->blocks, NULL, NAME, PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment, NULL);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_segment_preallocate(segment, NULL, FILE_RESERVE_BYTES, NULL);
    if (status == PBASE_OK) {
        status = pbase_segment_sync(segment, NULL, NULL);
    }
    pbase_segment_close(segment);
    if (status != PBASE_OK) { /* a part of it would be taken for the whole */
        pbase_status removed = pbase_blocks_remove(self->blocks, NULL, NAME, NULL);
        (void)removed; /* then it is a smaller one */
    }
    return status;
}

void file_reserve_make(file_reserve *self)
{
    if (atomic_load(&self->is_made) || atomic_exchange(&self->is_busy, true)) {
        return;
    }
    pbase_status status = make(self);
    atomic_store(&self->is_made, status == PBASE_OK || status == PBASE_EXISTS);
    atomic_store(&self->is_busy, false);
}

pbase_status file_reserve_release(file_reserve *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_blocks_remove(self->blocks, call, NAME, err);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        atomic_store(&self->is_made, false);
        return PBASE_OK;
    }
    return status;
}
