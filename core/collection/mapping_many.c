/* mapping_many.c - the values of many keys of a mapping at once, a batch of keys after another. */
#include "collection/collection_private.h"

typedef struct {
    const collection *from;
    pbase_reader *reader;
    key_scratch scratch[TREE_MANY_MAX];
    pbase_bytes keys[TREE_MANY_MAX];
    tree_item items[TREE_MANY_MAX];
    bool found[TREE_MANY_MAX];
} batch;

/* Encodes keys and tells that they are read; `*out_encoded` have a scratch to end, also on failure. */
static pbase_status encode(batch *self, const pbase_value *keys, size_t count, size_t *out_encoded,
                           pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        encoded_key encoded;
        status = collection_key(self->from, &keys[i], &self->scratch[i], &encoded, err);
        *out_encoded = i + 1;
        if (status == PBASE_OK) {
            self->keys[i] = encoded.bytes;
            status = collection_read_key(self->from, encoded.bytes, err);
        }
    }
    return status;
}

/* The codec's bytes of each item; the reader takes over what they pin. */
static pbase_status lend(batch *self, size_t count, pbase_bytes *out, pbase_error *err)
{
    atom_source *source = self->from->context->source;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count; i++) {
        if (!self->found[i]) {
            out[i] = pbase_bytes_of(NULL, 0);
            continue;
        }
        if (status == PBASE_OK) {
            status = collection_payload(self->from, &self->items[i], &out[i], err);
        }
        if (self->items[i].node.pin == NULL && self->items[i].large.pin == NULL) {
            continue; /* in memory or in a map: the version keeps it */
        }
        if (status == PBASE_OK) {
            status = reader_take(self->reader, source, &self->items[i], err);
        }
        tree_item_release(source, &self->items[i]); /* nothing, once it was taken over */
    }
    return status;
}

static pbase_status get_batch(batch *self, const pbase_value *keys, size_t count, pbase_bytes *out,
                              pbase_error *err)
{
    size_t encoded = 0;
    pbase_status status = encode(self, keys, count, &encoded, err);
    if (status == PBASE_OK) {
        status = tree_get_many(&self->from->tree, self->keys, count, self->items, self->found, err);
    }
    if (status == PBASE_OK) {
        status = lend(self, count, out, err);
    }
    for (size_t i = 0; i < encoded; i++) {
        key_scratch_fini(&self->scratch[i]);
    }
    return collection_noted(self->from, status, err);
}

pbase_status mapping_get_many(const collection *self, const pbase_value *keys, size_t count,
                              pbase_reader *reader, pbase_bytes *out, pbase_error *err)
{
    batch run; /* not zeroed: its parts are filled before they are looked at */
    pbase_status status = PBASE_OK;
    run.from = self;
    run.reader = reader;
    pbase_reader_reset(reader);
    for (size_t done = 0; done < count && status == PBASE_OK; done += TREE_MANY_MAX) {
        size_t more = count - done < TREE_MANY_MAX ? count - done : TREE_MANY_MAX;
        status = get_batch(&run, keys + done, more, out + done, err);
    }
    if (status != PBASE_OK) {
        pbase_reader_reset(reader);
    }
    return status;
}
