/* fuzz_backup.c - any bytes as a backup: refused, or read to its end, without harm.
 *
 * The first byte says how the rest is taken: even as it is, which is how files come that were cut or
 * changed; odd with numbers and checksums of its blocks made right first, and the sums of its end, so that
 * what is inside them is reached. What is inside an index is walked as an increment would. */
#include "backup/backup_index.h"
#include "host/services.h"
#include "os/os.h"
#include <protobase/backup.h>
#include <stdlib.h>

typedef struct {
    const uint8_t *at;
    size_t left;
} input;

static pbase_status read_input(void *state, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    input *self = state;
    (void)err;
    *out_read = size < self->left ? size : self->left;
    if (*out_read > 0) {
        memcpy(out, self->at, *out_read);
    }
    self->at += *out_read;
    self->left -= *out_read;
    return PBASE_OK;
}

/* Makes right what a changed byte makes wrong first. */
static void mend(const pbase_host *host, uint8_t *data, size_t size)
{
    uint32_t number = 0;
    if (size < BACKUP_PREFIX_BYTES) {
        return;
    }
    uint64_t digest = host->hash64(data, BACKUP_PREFIX_BYTES, 0);
    for (size_t at = BACKUP_PREFIX_BYTES; size - at >= BACKUP_BLOCK_HEAD_BYTES;) {
        size_t payload = pbase_get_u32(data + at + 4), rest = size - at - BACKUP_BLOCK_HEAD_BYTES;
        payload = payload < rest ? payload : rest;
        pbase_put_u32(data + at + 4, (uint32_t)payload);
        pbase_put_u32(data + at + 8, number++);
        data[at + 12] = (uint8_t)(1 + (data[at + 12] - 1u) % 5);
        data[at + 13] = data[at + 14] = data[at + 15] = 0;
        if (data[at + 12] == BACKUP_END && payload == BACKUP_END_BYTES) {
            pbase_put_u64(data + at + BACKUP_BLOCK_HEAD_BYTES, digest);
            pbase_put_u64(data + at + BACKUP_BLOCK_HEAD_BYTES + 8, at);
        }
        size_t whole = BACKUP_BLOCK_HEAD_BYTES + payload;
        pbase_put_u32(data + at, host->crc32c(0, data + at + 4, whole - 4));
        digest = host->hash64(data + at, whole, digest);
        at += whole;
    }
}

/* As an increment asks its base, atom after atom. */
static void walk_index(pbase_bytes payload)
{
    backup_index index;
    backup_index_init(&index, pbase_alloc_default());
    if (backup_index_check(payload, NULL) == PBASE_OK &&
        pbase_buffer_append_bytes(&index.bytes, payload, NULL) == PBASE_OK) {
        index.rest = pbase_reader_bytes_of(pbase_buffer_view(&index.bytes));
        for (uint32_t log_id = 1; log_id < 40; log_id++) {
            for (uint64_t offset = 64; offset < 65536; offset += 192) {
                bool has = false;
                if (backup_index_has(&index, log_id, offset, &has, NULL) != PBASE_OK) {
                    abort(); /* it was checked */
                }
            }
        }
    }
    backup_index_fini(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pbase_host host;
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    if (size < 1 || size > 1u << 18) {
        return 0;
    }
    services_init(&host, pbase_os_real(), NULL);
    uint8_t *copy = malloc(size);
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, data, size);
    if (copy[0] % 2 != 0) {
        mend(&host, copy + 1, size - 1);
    }
    input from = {copy + 1, size - 1};
    pbase_backup_source source = {.read = read_input, .read_state = &from};
    pbase_moment at = pbase_moment_of_sequence(copy[0] / 2);
    options.check_only = true;
    options.as_of = copy[0] < 128 ? NULL : &at;
    pbase_status status = pbase_restore(NULL, &source, 1, &options, NULL, &report, NULL);
    if (status == PBASE_OK && options.as_of != NULL && report.sequence != at.sequence) {
        abort(); /* something else than what was asked for */
    }
    walk_index(pbase_bytes_of(copy + 1, size - 1));
    free(copy);
    return 0;
}
