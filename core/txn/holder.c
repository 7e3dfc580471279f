/* holder.c - links to holders as bytes and back. */
#include "txn/holder.h"

static pbase_status write_key(pbase_bytes key, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, key.size, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, key, err) : status;
}

pbase_status holder_write(pbase_collection_id by, pbase_bytes key, uint64_t index,
                          pbase_buffer *out, pbase_error *err)
{
    bool is_list = key.size == 0, is_cut = key.size > HOLDER_KEY_BYTES_MAX;
    key.size = is_cut ? HOLDER_KEY_BYTES_MAX : key.size;
    uint8_t marks =
        (uint8_t)(HOLDER_SET | (is_list ? HOLDER_IN_LIST : 0u) | (is_cut ? HOLDER_KEY_CUT : 0u));
    pbase_status status = pbase_buffer_append_u8(out, marks, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, by.sequence, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, by.ordinal, err);
    }
    if (status == PBASE_OK) {
        status = is_list ? pbase_buffer_append_varint(out, index, err) : write_key(key, out, err);
    }
    return status;
}

bool holder_read(pbase_bytes link, holder *out)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(link);
    uint8_t marks = 0;
    *out = (holder){.in_list = false};
    if (!pbase_read_u8(&reader, &marks) || (marks & HOLDER_SET) == 0 ||
        (marks & ~HOLDER_MARKS) != 0 || !pbase_read_varint(&reader, &out->by.sequence) ||
        !pbase_read_varint(&reader, &out->by.ordinal)) {
        return false;
    }
    out->in_list = (marks & HOLDER_IN_LIST) != 0;
    out->is_cut = (marks & HOLDER_KEY_CUT) != 0;
    bool ok = out->in_list
                  ? !out->is_cut && pbase_read_varint(&reader, &out->index)
                  : pbase_read_sized(&reader, &out->key) && out->key.size <= HOLDER_KEY_BYTES_MAX &&
                        (out->is_cut ? out->key.size == HOLDER_KEY_BYTES_MAX : out->key.size > 0);
    return ok && pbase_reader_bytes_left(&reader) == 0;
}

bool holder_is(const holder *self, pbase_collection_id by, pbase_bytes key)
{
    if (!collection_id_same(self->by, by) || self->in_list != (key.size == 0)) {
        return false;
    }
    bool as_long = self->is_cut ? key.size > self->key.size : key.size == self->key.size;
    return self->in_list ||
           (as_long && pbase_bytes_equal(pbase_bytes_of(key.data, self->key.size), self->key));
}
