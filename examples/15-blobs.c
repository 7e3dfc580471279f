/* 15-blobs.c - a file streamed into a blob and out again, in pieces.
 *
 *     15-blobs [FILE]       everything in memory, gone at the end; without FILE: this program */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status file_fault(FILE *file, const char *path, pbase_error *err)
{
    return ferror(file) != 0 ? PBASE_FAIL(err, PBASE_IO, "cannot read '%s'", path) : PBASE_OK;
}

/* Everything in the file goes to the blob, a piece at a time. */
static pbase_status stream_in(FILE *file, const char *path, pbase_blob *blob, pbase_error *err)
{
    uint8_t piece[65536];
    pbase_status status = PBASE_OK;
    for (size_t got = sizeof piece; status == PBASE_OK && got == sizeof piece;) {
        got = fread(piece, 1, sizeof piece, file);
        status = file_fault(file, path, err);
        if (status == PBASE_OK) {
            status = pbase_blob_append(blob, pbase_bytes_of(piece, got), err);
        }
    }
    return status;
}

static pbase_status store_file(pbase_txn *txn, const char *path, FILE *file, pbase_error *err)
{
    pbase_blob *blob = NULL;
    pbase_dict *files = NULL;
    pbase_value key = pbase_value_text("one"), document;
    pbase_status status = pbase_blob_create(txn, path, "application/octet-stream", &blob, err);
    if (status == PBASE_OK) {
        status = stream_in(file, path, blob, err);
    }
    if (status == PBASE_OK) {
        status = pbase_blob_value(blob, &document, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_new_dict(txn, &files, err);
    }
    if (status == PBASE_OK) {
        status = pbase_dict_put(&files, &key, &document, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "files", files, err);
    }
    pbase_dict_close(files);
    pbase_blob_close(blob);
    return status;
}

/* FNV-1a of what comes out. */
static pbase_status stream_out(pbase_blob *blob, uint64_t *out_hash, pbase_error *err)
{
    uint8_t piece[65536];
    uint64_t at = 0, hash = 0xcbf29ce484222325u;
    size_t got = sizeof piece;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && got > 0) {
        status = pbase_blob_read(blob, at, piece, sizeof piece, &got, err);
        for (size_t i = 0; i < got; i++) {
            hash = (hash ^ piece[i]) * 0x100000001b3u;
        }
        at += got;
    }
    *out_hash = hash;
    return status;
}

static pbase_status show(pbase_database *database, pbase_error *err)
{
    pbase_value path[] = {pbase_value_text("one"), pbase_value_text("content")};
    pbase_snapshot *snapshot = NULL;
    pbase_collection *content = NULL;
    pbase_blob *blob = NULL;
    uint64_t hash = 0;
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_at(snapshot, "files", path, 2, &content, err);
    }
    if (status == PBASE_OK) {
        status = pbase_blob_open(NULL, &content, &blob, err);
    }
    if (status == PBASE_OK) {
        status = stream_out(blob, &hash, err);
    }
    if (status == PBASE_OK) {
        printf("%" PRIu64 " bytes, fnv1a %016" PRIx64 "\n", pbase_blob_size(blob), hash);
    }
    pbase_blob_close(blob);
    pbase_snapshot_close(snapshot);
    return status;
}

static pbase_status run(pbase_database *database, const char *path, pbase_error *err)
{
    pbase_txn *txn = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "cannot open '%s'", path);
    }
    pbase_status status = pbase_txn_begin(database, NULL, &txn, err);
    if (status == PBASE_OK) {
        status = store_file(txn, path, file, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_commit(&txn, NULL, NULL, err);
    }
    pbase_txn_abort(&txn); /* NULL is fine */
    fclose(file);
    return status == PBASE_OK ? show(database, err) : status;
}

int main(int argc, char **argv)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, &err) : status;
    status = status == PBASE_OK ? run(database, argc > 1 ? argv[1] : argv[0], &err) : status;
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
    }
    pbase_database_close(database);
    pbase_space_close(space);
    return status != PBASE_OK;
}
