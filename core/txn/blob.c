/* blob.c - a stream of bytes cut into the chunks of a rope.
 *
 * The bytes of the last chunk wait in `tail` until it is full, or until somebody asks for the value;
 * a short chunk that was stored so is replaced when it grows. Full chunks are let go to the storage
 * every RELIEF_CHUNKS. */
#include "collection/rope.h"
#include "txn/txn.h"
#include <protobase/base/limits.h>
#include <protobase/blob.h>

#include <inttypes.h>

#define RELIEF_CHUNKS 32u /* 8 MiB */

struct pbase_blob {
    const pbase_alloc *alloc;
    collection *content;
    pbase_buffer name, media_type;
    pbase_field fields[4];  /* of the value that is lent */
    uint64_t stored_chunks; /* in `content`, a short one included */
    uint64_t size;          /* with the tail */
    uint8_t *tail;          /* ROPE_CHUNK_BYTES; NULL until something is appended */
    size_t tail_size;
    bool tail_is_stored; /* the last chunk of `content` is a beginning of the tail */
    bool tail_is_dirty;  /* the tail has more than that */
    uint32_t chunks_since_relief;
};

/* ----------------------------------------------------------------------------------- life ---- */

/* Takes `content`, also on failure. */
static pbase_status blob_new(const pbase_alloc *alloc, collection *content, pbase_bytes name,
                             pbase_bytes media_type, pbase_blob **out, pbase_error *err)
{
    pbase_blob *self = pbase_alloc_zeroed(alloc, 1, sizeof *self);
    if (self == NULL) {
        collection_close(content);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a blob");
    }
    self->alloc = alloc;
    self->content = content;
    pbase_buffer_init(&self->name, alloc);
    pbase_buffer_init(&self->media_type, alloc);
    pbase_status status = pbase_buffer_append_bytes(&self->name, name, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(&self->media_type, media_type, err);
    }
    if (status == PBASE_OK) {
        status = rope_size(content, &self->size, err);
    }
    if (status == PBASE_OK) {
        status = tree_count(collection_tree(content), &self->stored_chunks, err);
    }
    if (status != PBASE_OK) {
        pbase_blob_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

pbase_status pbase_blob_create(pbase_txn *txn, const char *name, const char *media_type,
                               pbase_blob **out, pbase_error *err)
{
    collection *content = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_ROPE, &content, err);
    return status == PBASE_OK ? blob_new(txn_context(txn)->alloc, content, pbase_bytes_text(name),
                                         pbase_bytes_text(media_type), out, err)
                              : status;
}

static pbase_bytes text_of(const pbase_value *document, const char *field)
{
    const pbase_value *text =
        document == NULL ? NULL : pbase_value_field(document, pbase_bytes_text(field));
    return text != NULL && text->kind == PBASE_STRING ? text->as.string : pbase_bytes_of(NULL, 0);
}

pbase_status pbase_blob_open(const pbase_value *document, pbase_collection **content,
                             pbase_blob **out, pbase_error *err)
{
    collection *handle = (collection *)*content;
    *content = NULL;
    if (collection_kind(handle) != PBASE_COLLECTION_ROPE) {
        pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "a %s is not the content of a blob",
                                         pbase_collection_kind_name(collection_kind(handle)));
        collection_close(handle);
        return status;
    }
    return blob_new(collection_alloc(handle), handle, text_of(document, "name"),
                    text_of(document, "media_type"), out, err);
}

void pbase_blob_close(pbase_blob *blob)
{
    if (blob == NULL) {
        return;
    }
    collection_close(blob->content);
    pbase_buffer_fini(&blob->name);
    pbase_buffer_fini(&blob->media_type);
    pbase_alloc_free(blob->alloc, blob->tail, ROPE_CHUNK_BYTES);
    pbase_alloc_free(blob->alloc, blob, sizeof *blob);
}

/* -------------------------------------------------------------------------------- writing ---- */

/* Room for the tail, with the short chunk in it that the content ends with. */
static pbase_status tail_open(pbase_blob *self, pbase_error *err)
{
    if (self->tail != NULL) {
        return PBASE_OK;
    }
    uint8_t *tail = pbase_alloc_new(self->alloc, ROPE_CHUNK_BYTES);
    if (tail == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %u bytes of a blob",
                          ROPE_CHUNK_BYTES);
    }
    size_t size = (size_t)(self->size % ROPE_CHUNK_BYTES), got = 0;
    pbase_status status = rope_read(self->content, self->size - size, tail, size, &got, err);
    if (status == PBASE_OK && got < size) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the last chunk of a blob is short");
    }
    if (status != PBASE_OK) {
        pbase_alloc_free(self->alloc, tail, ROPE_CHUNK_BYTES);
        return status;
    }
    self->tail = tail;
    self->tail_size = size;
    self->tail_is_stored = size > 0;
    return PBASE_OK;
}

/* Puts the tail into the content. */
static pbase_status tail_store(pbase_blob *self, pbase_error *err)
{
    pbase_bytes chunk = pbase_bytes_of(self->tail, self->tail_size);
    if (!self->tail_is_dirty) {
        return PBASE_OK;
    }
    if (self->stored_chunks > 0) {
        collection_go_bulk(self->content); /* its operations would hold it a second time */
    }
    pbase_status status = self->tail_is_stored ? rope_replace_last(self->content, chunk, err)
                                               : rope_append(self->content, chunk, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->stored_chunks += !self->tail_is_stored;
    self->tail_is_stored = true;
    self->tail_is_dirty = false;
    if (++self->chunks_since_relief >= RELIEF_CHUNKS) {
        status = collection_relieve(self->content, err);
        self->chunks_since_relief = status == PBASE_OK ? 0 : self->chunks_since_relief;
    }
    return status;
}

/* A full tail makes room for the next chunk. */
static pbase_status tail_make_room(pbase_blob *self, pbase_error *err)
{
    if (self->tail_size < ROPE_CHUNK_BYTES) {
        return PBASE_OK;
    }
    pbase_status status = tail_store(self, err);
    if (status == PBASE_OK) {
        self->tail_size = 0;
        self->tail_is_stored = false;
    }
    return status;
}

pbase_status pbase_blob_append(pbase_blob *blob, pbase_bytes bytes, pbase_error *err)
{
    pbase_status status = collection_writable(blob->content, err);
    if (status == PBASE_OK && bytes.size > PBASE_BLOB_BYTES_MAX - blob->size) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "a blob of more than %" PRIu64 " bytes",
                            (uint64_t)PBASE_BLOB_BYTES_MAX);
    }
    if (status == PBASE_OK) {
        status = tail_open(blob, err);
    }
    while (status == PBASE_OK && bytes.size > 0) {
        status = tail_make_room(blob, err);
        if (status != PBASE_OK) {
            break;
        }
        size_t room = ROPE_CHUNK_BYTES - blob->tail_size;
        size_t part = bytes.size < room ? bytes.size : room;
        memcpy(blob->tail + blob->tail_size, bytes.data, part);
        blob->tail_size += part;
        blob->size += part;
        blob->tail_is_dirty = true;
        bytes = pbase_bytes_of(bytes.data + part, bytes.size - part);
    }
    return status;
}

pbase_status pbase_blob_value(pbase_blob *blob, pbase_value *out, pbase_error *err)
{
    pbase_status status = tail_store(blob, err);
    if (status != PBASE_OK) {
        return status;
    }
    blob->fields[0] =
        (pbase_field){pbase_bytes_text("name"), pbase_value_string(pbase_blob_name(blob))};
    blob->fields[1] = (pbase_field){pbase_bytes_text("media_type"),
                                    pbase_value_string(pbase_blob_media_type(blob))};
    blob->fields[2] = (pbase_field){pbase_bytes_text("size"), pbase_value_int((int64_t)blob->size)};
    blob->fields[3] = (pbase_field){pbase_bytes_text("content"),
                                    pbase_value_handle(collection_any(blob->content))};
    *out = pbase_value_map(blob->fields, 4);
    return PBASE_OK;
}

/* -------------------------------------------------------------------------------- reading ---- */

uint64_t pbase_blob_size(const pbase_blob *blob)
{
    return blob->size;
}

pbase_bytes pbase_blob_name(const pbase_blob *blob)
{
    return pbase_buffer_view(&blob->name);
}

pbase_bytes pbase_blob_media_type(const pbase_blob *blob)
{
    return pbase_buffer_view(&blob->media_type);
}

pbase_status pbase_blob_read(pbase_blob *blob, uint64_t offset, void *buffer, size_t size,
                             size_t *out_got, pbase_error *err)
{
    pbase_status status = tail_store(blob, err);
    *out_got = 0;
    return status == PBASE_OK && offset < blob->size
               ? rope_read(blob->content, offset, buffer, size, out_got, err)
               : status;
}
