/* file_storage_private.h - what the parts of storage/file share: its state.
 *
 * Its members have their own locks; none is held across a call into another one, but a turn. */
#ifndef PBASE_FILE_STORAGE_PRIVATE_H
#define PBASE_FILE_STORAGE_PRIVATE_H
#include "file_flusher.h"
#include "file_reserve.h"
#include "file_storage.h"
#include "file_store.h"
#include "file_super.h"
#include "file_turn.h"
#include "journal/journal.h"

#define META_KEY "meta"

typedef struct {
    pbase_storage base;
    pbase_storage_vtable vtable; /* of this instance: its capabilities depend on the options */
    pbase_storage_atom_ops atom_ops;
    const pbase_host *host; /* borrowed until close */
    pbase_blocks *blocks;   /* borrowed until close */
    journal *journal;
    file_store *store;
    file_turn turn;
    file_flusher *flusher;
    bool large_pages;       /* the option */
    uint64_t prepare_bytes; /* after so much journal, a segment is made ahead */
    file_super super;
    file_reserve reserve;
} file_storage;

static inline file_storage *file_storage_from(pbase_storage *self)
{
    PBASE_ASSERT(self->vtable->admin == file_storage_vtable.admin);
    return (file_storage *)self;
}

static inline const pbase_os *file_storage_os(const file_storage *self)
{
    return self->host->os;
}

#endif
