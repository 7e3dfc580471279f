/* file_blocks.c - the names and keys of a folder behind the block provider contract.
 *
 * Opening, closing, and the tables of slots; those are in blocks_names, blocks_segments, blocks_keys
 * and blocks_users. One mutex makes changes of names atomic within the process (an open segment
 * follows its rename) and serializes keys. Reads and writes of segments do not take it. Between
 * processes, LOCK is held exclusively by the only user or shared by each of several, and keys have a
 * lock of their own. */
#include "blocks_keys.h"
#include "blocks_names.h"
#include "blocks_segments.h"
#include "blocks_users.h"

pbase_status file_blocks_check_writes(const file_blocks *self, pbase_error *err)
{
    return self->only_reads
               ? PBASE_FAIL(err, PBASE_READ_ONLY, "the folder '%s' is opened for reading only",
                            (const char *)self->folder.root.data)
               : PBASE_OK;
}

pbase_status file_blocks_enter(file_blocks *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    file_blocks_lock(self);
    if (!self->names_durable) {
        status = file_folder_sync_all(&self->folder, err);
        self->names_durable = status == PBASE_OK;
    }
    if (status != PBASE_OK) {
        file_blocks_unlock(self);
    }
    return status;
}

static void provider_close(pbase_blocks *base)
{
    file_blocks *self = file_blocks_from(base);
    const pbase_host *host = self->host;
    PBASE_ASSERT(self->open_segments == NULL);
    if (self->lock_file != NULL) {
        if (!self->only_reads && (!self->attached || self->alone)) {
            blocks_users_leave_mark(self);
        }
        host->os->file->close(self->lock_file);
    }
    file_locks_destroy(self->locks);
    if (self->mutex != NULL) {
        host->os->lock->mutex_destroy(self->mutex);
    }
    file_folder_close(&self->folder);
    pbase_alloc_free(host->alloc, self, sizeof *self);
}

static const pbase_blocks_name_ops name_ops = {
    .struct_size = sizeof(pbase_blocks_name_ops),
    .remove = blocks_names_remove,
    .rename = blocks_names_rename,
    .list = blocks_names_list,
    .key_get = blocks_keys_get,
    .key_cas = blocks_keys_cas,
    .lock = blocks_users_lock,
    .map = blocks_segments_map,
    .unmap = blocks_segments_unmap,
    .punch = blocks_segments_punch,
    .close = provider_close,
    .key_verify = blocks_keys_verify,
    .key_read = blocks_keys_read,
};

const pbase_blocks_vtable file_blocks_vtable = {
    .struct_size = sizeof(pbase_blocks_vtable),
    .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PUNCH |
                    PBASE_BLOCKS_EXCLUSIVE_SEAL | PBASE_BLOCKS_RANGE_READ | PBASE_BLOCKS_MAP |
                    PBASE_BLOCKS_PERSISTENT | PBASE_BLOCKS_LOCK | PBASE_BLOCKS_SHARED,
    .segment = &blocks_segments_ops,
    .name = &name_ops,
    .share = &blocks_users_share_ops,
};

static file_direct_wish direct_wish(const pbase_config *config)
{
    const char *text = pbase_config_text(config, "direct_io");
    return strcmp(text, "never") == 0    ? FILE_DIRECT_REFUSED
           : strcmp(text, "always") == 0 ? FILE_DIRECT_ALWAYS
                                         : FILE_DIRECT_AUTO;
}

pbase_status file_blocks_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_host *host = open->host;
    const pbase_config *config = open->config;
    file_blocks *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a block provider");
    }
    self->base.vtable = &file_blocks_vtable;
    self->host = host;
    self->segment_bytes = (uint64_t)pbase_config_int(config, "segment_size");
    self->only_reads = pbase_config_bool(config, "read_only");
    self->names_durable = self->only_reads;
    bool allow_network = strcmp(pbase_config_text(config, "network"), "allow") == 0;
    pbase_status status = file_folder_open(&self->folder, host, pbase_config_text(config, "path"),
                                           allow_network, self->only_reads, err);
    if (status == PBASE_OK) {
        status = file_direct_init(&self->direct, &self->folder, direct_wish(config), err);
    }
    if (status == PBASE_OK) {
        status = host->os->lock->mutex_create(host->os, &self->mutex, err);
    }
    if (status == PBASE_OK) {
        status = file_locks_create(&self->folder, &self->locks, err);
    }
    if (status != PBASE_OK) {
        pbase_error_where(err, "%s", pbase_config_place(config, "path"));
        provider_close(&self->base);
        return status;
    }
    *out = self;
    return PBASE_OK;
}
