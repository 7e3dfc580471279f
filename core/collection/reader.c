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
    pbase_buffer_init(&reader->pins, from);
    *out = reader;
    return PBASE_OK;
}

void pbase_reader_reset(pbase_reader *reader)
{
    if (reader->source != NULL) {
        tree_item_release(reader->source, &reader->item);
        reader->source = NULL;
    }
    void *const *pins = (void *)reader->pins.data;
    for (size_t i = 0; i < reader->pins.size / sizeof *pins; i++) {
        atom_unpin(reader->many_source, pins[i]);
    }
    reader->pins.size = 0;
}

pbase_status reader_take(pbase_reader *reader, atom_source *source, tree_item *item,
                         pbase_error *err)
{
    if (item->node.pin == NULL && item->large.pin == NULL) {
        return PBASE_OK; /* in memory or in a map: the version keeps it */
    }
    pbase_status status = pbase_buffer_reserve(&reader->pins, 2 * sizeof(void *), err);
    if (status != PBASE_OK) {
        return status;
    }
    void *const pins[] = {item->node.pin, item->large.pin};
    for (size_t i = 0; i < 2; i++) {
        if (pins[i] != NULL) { /* reserved */
            memcpy(reader->pins.data + reader->pins.size, &pins[i], sizeof pins[i]);
            reader->pins.size += sizeof pins[i];
        }
    }
    item->node.pin = item->large.pin = NULL;
    reader->many_source = source;
    return PBASE_OK;
}

void pbase_reader_close(pbase_reader *reader)
{
    if (reader != NULL) {
        pbase_reader_reset(reader);
        pbase_buffer_fini(&reader->pins);
        pbase_alloc_free(reader->alloc, reader, sizeof *reader);
    }
}
