/* reader.c - what holds lent bytes. */
#include "collection/collection_private.h"

pbase_status pbase_reader_create(const pbase_alloc *alloc, pbase_reader **out, pbase_error *err)
{
    const pbase_alloc *from = alloc == NULL ? pbase_alloc_default() : alloc;
    pbase_reader *reader = pbase_alloc_zeroed(from, 1, sizeof *reader);
    if (reader == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a reader");
    }
    reader->alloc = from;
    *out = reader;
    return PBASE_OK;
}

void pbase_reader_reset(pbase_reader *reader)
{
    if (reader->source != NULL) {
        tree_item_release(reader->source, &reader->item);
        reader->source = NULL;
    }
}

void pbase_reader_close(pbase_reader *reader)
{
    if (reader != NULL) {
        pbase_reader_reset(reader);
        pbase_alloc_free(reader->alloc, reader, sizeof *reader);
    }
}
