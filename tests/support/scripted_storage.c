#include "scripted_storage.h"

static pbase_status answer(pbase_storage *self, pbase_error *err)
{
    scripted_storage *f = (scripted_storage *)self;
    f->calls++;
    if (f->status == PBASE_OK || f->status == PBASE_END || f->is_silent) {
        return f->status;
    }
    return PBASE_FAIL(err, f->status, "as told");
}

static pbase_status scripted_get(pbase_storage *self, const pbase_call *call, pbase_arena *arena,
                                 pbase_bytes *out, uint64_t *out_version, pbase_error *err)
{
    (void)call;
    (void)arena;
    *out = ((scripted_storage *)self)->document;
    *out_version = ((scripted_storage *)self)->version;
    return answer(self, err);
}

static pbase_status scripted_cas(pbase_storage *self, const pbase_call *call, uint64_t expected,
                                 pbase_bytes document, pbase_error *err)
{
    (void)call;
    (void)expected;
    char *written = ((scripted_storage *)self)->written;
    size_t room = sizeof((scripted_storage *)self)->written - 1;
    size_t size = document.size < room ? document.size : room;
    memcpy(written, document.data, size);
    written[size] = '\0';
    return answer(self, err);
}

static const pbase_storage_meta_ops meta = {
    .struct_size = sizeof meta, .get = scripted_get, .cas = scripted_cas};

static pbase_status scripted_head(pbase_storage *self, const pbase_call *call, uint32_t consistency,
                                  pbase_journal_head *out, pbase_error *err)
{
    (void)call;
    (void)consistency;
    *out = ((scripted_storage *)self)->head;
    return answer(self, err);
}

static pbase_status scripted_append(pbase_storage *self, const pbase_call *call,
                                    const pbase_journal_append *append, pbase_journal_appended *out,
                                    pbase_error *err)
{
    (void)call;
    (void)append;
    *out = ((scripted_storage *)self)->appended;
    return answer(self, err);
}

static pbase_status scripted_outcome(pbase_storage *self, const pbase_call *call, pbase_token token,
                                     int32_t *out_outcome, pbase_position *out_position,
                                     pbase_error *err)
{
    (void)call;
    (void)token;
    *out_outcome = ((scripted_storage *)self)->outcome;
    *out_position = 77;
    return answer(self, err);
}

static pbase_status scripted_sync(pbase_storage *self, const pbase_call *call, pbase_position upto,
                                  int32_t durability, pbase_error *err)
{
    (void)call;
    (void)upto;
    (void)durability;
    return answer(self, err);
}

static pbase_status scripted_scan_open(pbase_storage *self, const pbase_call *call,
                                       pbase_position from, pbase_journal_scan **out,
                                       pbase_error *err)
{
    (void)call;
    (void)from;
    *out = ((scripted_storage *)self)->scan;
    return answer(self, err);
}

static pbase_status scripted_scan_next(pbase_storage *self, const pbase_call *call,
                                       pbase_journal_scan *scan, pbase_journal_record *out,
                                       pbase_error *err)
{
    (void)call;
    (void)scan;
    *out = ((scripted_storage *)self)->record;
    return answer(self, err);
}

static void scripted_scan_close(pbase_storage *self, pbase_journal_scan *scan)
{
    (void)scan;
    ((scripted_storage *)self)->calls++;
}

static pbase_status scripted_wait(pbase_storage *self, const pbase_call *call, pbase_position seen,
                                  pbase_error *err)
{
    (void)call;
    (void)seen;
    return answer(self, err);
}

static pbase_status scripted_trim(pbase_storage *self, const pbase_call *call, pbase_position upto,
                                  pbase_position anchor, pbase_error *err)
{
    (void)call;
    (void)upto;
    (void)anchor;
    return answer(self, err);
}

static pbase_status scripted_tail(pbase_storage *self, pbase_journal_tail *out, pbase_error *err)
{
    out->torn_bytes = 5;
    return answer(self, err);
}

static const pbase_storage_journal_ops journal = {
    .struct_size = sizeof journal,
    .head = scripted_head,
    .append = scripted_append,
    .outcome = scripted_outcome,
    .sync = scripted_sync,
    .scan_open = scripted_scan_open,
    .scan_next = scripted_scan_next,
    .scan_close = scripted_scan_close,
    .wait = scripted_wait,
    .trim = scripted_trim,
    .tail = scripted_tail,
};

static pbase_status scripted_write(pbase_storage *self, const pbase_call *call,
                                   const pbase_bytes *atoms, size_t count, uint32_t mode,
                                   pbase_atom_pointer *out, pbase_error *err)
{
    (void)call;
    (void)atoms;
    (void)mode;
    for (size_t i = 0; i < count; i++) {
        out[i] = ((scripted_storage *)self)->pointer;
    }
    return answer(self, err);
}

static pbase_status scripted_read(pbase_storage *self, const pbase_call *call,
                                  pbase_atom_pointer pointer, void *out, size_t size,
                                  size_t *out_read, pbase_error *err)
{
    (void)call;
    (void)pointer;
    (void)out;
    (void)size;
    *out_read = ((scripted_storage *)self)->read;
    return answer(self, err);
}

static pbase_status scripted_map(pbase_storage *self, uint32_t log_id, pbase_atom_map *out,
                                 pbase_error *err)
{
    (void)log_id;
    *out = ((scripted_storage *)self)->map;
    return answer(self, err);
}

static pbase_status scripted_punch(pbase_storage *self, const pbase_call *call,
                                   pbase_atom_pointer pointer, uint64_t size, pbase_error *err)
{
    (void)call;
    (void)pointer;
    (void)size;
    return answer(self, err);
}

static pbase_status scripted_reserve(pbase_storage *self, const pbase_call *call,
                                     uint32_t *out_log_id, pbase_error *err)
{
    (void)call;
    *out_log_id = ((scripted_storage *)self)->log_id;
    return answer(self, err);
}

static const pbase_storage_atom_ops atoms = {
    .struct_size = sizeof atoms,
    .write = scripted_write,
    .read = scripted_read,
    .map = scripted_map,
    .punch = scripted_punch,
    .reserve = scripted_reserve,
};

static pbase_status scripted_list(pbase_storage *self, const pbase_call *call,
                                  pbase_status (*each)(void *state,
                                                       const pbase_segment_info *segment,
                                                       pbase_error *err),
                                  void *state, pbase_error *err)
{
    (void)call;
    ((scripted_storage *)self)->calls++;
    return each(state, &((scripted_storage *)self)->segment, err);
}

static pbase_status scripted_retire(pbase_storage *self, const pbase_call *call, uint32_t log_id,
                                    pbase_error *err)
{
    (void)call;
    (void)log_id;
    return answer(self, err);
}

static pbase_status scripted_pin(pbase_storage *self, const pbase_call *call, uint64_t sequence,
                                 uint64_t lease_ms, pbase_error *err)
{
    (void)call;
    (void)sequence;
    (void)lease_ms;
    return answer(self, err);
}

static pbase_status scripted_unpin(pbase_storage *self, const pbase_call *call, uint64_t sequence,
                                   pbase_error *err)
{
    (void)call;
    (void)sequence;
    return answer(self, err);
}

static pbase_status scripted_segment_read(pbase_storage *self, const pbase_call *call,
                                          uint32_t log_id, uint64_t offset, void *out, size_t size,
                                          size_t *out_read, pbase_error *err)
{
    (void)call;
    (void)log_id;
    (void)offset;
    (void)out;
    (void)size;
    *out_read = ((scripted_storage *)self)->read;
    return answer(self, err);
}

static pbase_status scripted_segment_put(pbase_storage *self, const pbase_call *call,
                                         const pbase_segment_info *segment, pbase_bytes bytes,
                                         pbase_error *err)
{
    (void)call;
    (void)segment;
    (void)bytes;
    return answer(self, err);
}

static const pbase_storage_segment_ops segments = {
    .struct_size = sizeof segments,
    .list = scripted_list,
    .retire = scripted_retire,
    .pin = scripted_pin,
    .unpin = scripted_unpin,
    .segment_read = scripted_segment_read,
    .segment_put = scripted_segment_put,
};

static pbase_status scripted_acquire(pbase_storage *self, const pbase_call *call, const char *name,
                                     uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                     pbase_error *err)
{
    (void)call;
    (void)name;
    (void)mode;
    (void)lease_ms;
    *out_fence = 9;
    return answer(self, err);
}

static pbase_status scripted_renew(pbase_storage *self, const pbase_call *call, const char *name,
                                   uint64_t fence, uint64_t lease_ms, pbase_error *err)
{
    (void)call;
    (void)name;
    (void)fence;
    (void)lease_ms;
    return answer(self, err);
}

static void scripted_release(pbase_storage *self, const char *name, uint64_t fence)
{
    (void)name;
    (void)fence;
    ((scripted_storage *)self)->calls++;
}

static const pbase_storage_lock_ops locks = {.struct_size = sizeof locks,
                                             .acquire = scripted_acquire,
                                             .renew = scripted_renew,
                                             .release = scripted_release};

static pbase_status scripted_stats(pbase_storage *self, const pbase_call *call,
                                   pbase_stat_each each, void *state, pbase_error *err)
{
    (void)call;
    pbase_status status = each(state, "journal_bytes", 5, "bytes", err);
    return status == PBASE_OK ? answer(self, err) : status;
}

static pbase_status scripted_verify(pbase_storage *self, const pbase_call *call,
                                    pbase_verify_each each, void *state, pbase_error *err)
{
    (void)call;
    pbase_status status = each(state, PBASE_CORRUPT, "segment 1", "the sum differs", err);
    return status == PBASE_OK ? answer(self, err) : status;
}

static pbase_status scripted_control(pbase_storage *self, const pbase_call *call, const char *verb,
                                     pbase_bytes value, pbase_buffer *out, pbase_error *err)
{
    (void)call;
    (void)verb;
    (void)value;
    pbase_status status = pbase_buffer_append(out, "half", 4, err);
    return status == PBASE_OK ? answer(self, err) : status;
}

static void scripted_close(pbase_storage *self)
{
    ((scripted_storage *)self)->calls++;
}

static const pbase_storage_admin_ops admin = {.struct_size = sizeof admin,
                                              .stats = scripted_stats,
                                              .verify = scripted_verify,
                                              .control = scripted_control,
                                              .close = scripted_close};

#define ALL_CAPABILITIES                                                                           \
    (PBASE_STORAGE_MAP | PBASE_STORAGE_PUNCH | PBASE_STORAGE_RESERVE | PBASE_STORAGE_PIN |         \
     PBASE_STORAGE_SEGMENT_IO | PBASE_STORAGE_PERSISTENT)

const pbase_storage_vtable scripted_storage_full = {
    .struct_size = sizeof scripted_storage_full,
    .capabilities = ALL_CAPABILITIES,
    .durability_mask = 1u << PBASE_DURABILITY_NONE | 1u << PBASE_DURABILITY_SYNC,
    .meta = &meta,
    .journal = &journal,
    .atoms = &atoms,
    .segments = &segments,
    .locks = &locks,
    .admin = &admin,
};

/* The same without anything optional. */
static const pbase_storage_atom_ops atoms_bare = {
    .struct_size = sizeof atoms_bare, .write = scripted_write, .read = scripted_read};
static const pbase_storage_segment_ops segments_bare = {
    .struct_size = sizeof segments_bare, .list = scripted_list, .retire = scripted_retire};
static const pbase_storage_admin_ops admin_bare = {.struct_size = sizeof admin_bare,
                                                   .stats = scripted_stats,
                                                   .verify = scripted_verify,
                                                   .close = scripted_close};
const pbase_storage_vtable scripted_storage_bare = {
    .struct_size = sizeof scripted_storage_bare,
    .durability_mask = 1u << PBASE_DURABILITY_NONE,
    .meta = &meta,
    .journal = &journal,
    .atoms = &atoms_bare,
    .segments = &segments_bare,
    .locks = &locks,
    .admin = &admin_bare,
};

void scripted_storage_init(scripted_storage *storage, const pbase_storage_vtable *vtable)
{
    memset(storage, 0, sizeof *storage);
    storage->base.vtable = vtable;
}
