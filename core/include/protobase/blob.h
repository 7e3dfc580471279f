/* blob.h - bytes of any length with a name and a media type, written and read as streams.
 *
 * A blob is a document {"name", "media_type", "size", "content"} whose content is a collection of
 * chunks: it is put wherever a document can be, and its content ends with it. Bytes that are appended
 * go to the storage as they come, so a blob of gigabytes takes a few megabytes of memory; nobody sees
 * them before the transaction commits, and an abort leaves nothing to be seen.
 *
 *     pbase_blob_create(txn, "film.mp4", "video/mp4", &blob, err);
 *     while (...) { pbase_blob_append(blob, bytes, err); }
 *     pbase_blob_value(blob, &document, err);
 *     pbase_dict_put(&films, &key, &document, NULL, err);           // where it shall be
 *     pbase_blob_close(blob);
 *
 * To read, open the child of the entry: with a path of the entry's key and "content",
 *     pbase_snapshot_at(snapshot, "films", path, 2, &content, err);
 *     pbase_blob_open(NULL, &content, &blob, err);
 *     pbase_blob_read(blob, offset, buffer, sizeof buffer, &got, err);
 *
 * Threads: confined. A blob is closed before its transaction or snapshot ends. */
#ifndef PROTOBASE_BLOB_H
#define PROTOBASE_BLOB_H
#include <protobase/nesting.h>
#include <protobase/txn.h>
PBASE_BEGIN_DECLS

typedef struct pbase_blob pbase_blob;

/* A new, empty blob that belongs to nothing until its value is put. Copies both texts. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_blob_create(pbase_txn *txn, const char *name,
                                                          const char *media_type, pbase_blob **out,
                                                          pbase_error *err);
/* A blob on the content of a stored one; takes the handle, also on failure. `document` (NULL: none)
 * gives name and media type; they are copied. INVALID: the collection is no content of a blob. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_blob_open(const pbase_value *document,
                                                        pbase_collection **content,
                                                        pbase_blob **out, pbase_error *err);

/* Adds bytes at the end. In a transaction a stored blob can be continued too: put its value again
 * where it is. LIMIT: PBASE_BLOB_BYTES_MAX. READ_ONLY: it is a snapshot's. After a failure the bytes
 * up to some point have been added; pbase_blob_size tells how many. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_blob_append(pbase_blob *blob, pbase_bytes bytes,
                                                          pbase_error *err);
/* The document to be put: name, media type, size and content as they are now. Lent until the next
 * append or the close. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_blob_value(pbase_blob *blob, pbase_value *out,
                                                         pbase_error *err);

PBASE_API uint64_t pbase_blob_size(const pbase_blob *blob);
/* Lent by the blob; empty when nobody gave one. */
PBASE_API pbase_bytes pbase_blob_name(const pbase_blob *blob);
PBASE_API pbase_bytes pbase_blob_media_type(const pbase_blob *blob);

/* Copies up to `size` bytes from `offset` on. *out_got is less than asked for at the end only, and 0
 * behind it. Reads the whole content as far as conflicts are concerned. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_blob_read(pbase_blob *blob, uint64_t offset,
                                                        void *buffer, size_t size, size_t *out_got,
                                                        pbase_error *err);
/* NULL is fine. What was put stays. */
PBASE_API void pbase_blob_close(pbase_blob *blob);

PBASE_END_DECLS
#endif
