/* faulty_storage.c - storage/faulty: any storage, failing where a test says.
 *
 * Which call fails comes from the host's fault plan (fault_plan.h), or, in a configuration, from
 * the options. Without either it passes everything on. As the contract demands, it is poisoned by
 * an append or sync that failed with IO. */
#include "fault_plan.h"

#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>

#define ALL_LEVELS                                                                                 \
    (1u << PBASE_DURABILITY_NONE | 1u << PBASE_DURABILITY_ASYNC | 1u << PBASE_DURABILITY_SYNC |    \
     1u << PBASE_DURABILITY_REMOTE)
#define ALL_CAPABILITIES                                                                           \
    (PBASE_STORAGE_MAP | PBASE_STORAGE_PUNCH | PBASE_STORAGE_RESERVE | PBASE_STORAGE_PIN |         \
     PBASE_STORAGE_SEGMENT_IO | PBASE_STORAGE_PERSISTENT | PBASE_STORAGE_SHARED)

typedef struct {
    pbase_storage base;
    pbase_storage_vtable vtable; /* of this instance: what the inner storage can do */
    pbase_storage_atom_ops atoms;
    pbase_storage_segment_ops segments;
    pbase_storage *inner; /* borrowed until close */
    const pbase_alloc *alloc;
    fault_plan *plan; /* the host's, or `own` */
    fault_plan own;   /* made from the options */
    _Atomic bool poisoned;
} faulty;

static faulty *from(pbase_storage *self)
{
    return (faulty *)self;
}

static pbase_status blame(faulty *self, const char *slot, bool happened, pbase_error *err)
{
    pbase_status status = PBASE_FAIL(err, self->plan->code, "%s fails as planned", slot);
    if (err != NULL && happened) {
        err->outcome = PBASE_OUTCOME_UNKNOWN;
    }
    return status;
}

/* `happens` is the call on the inner storage; it runs once at most. */
#define FAULTY_CALL(self, slot, err, happens)                                                      \
    bool hit = fault_plan_hits((self)->plan, (slot));                                              \
    if (hit && (self)->plan->when == FAULT_BEFORE) {                                               \
        return blame((self), (slot), false, (err));                                                \
    }                                                                                              \
    pbase_status status = (happens);                                                               \
    return hit && status == PBASE_OK ? blame((self), (slot), true, (err)) : status

/* ------------------------------------------------------------------------------------ meta --- */

static pbase_status meta_get(pbase_storage *base, const pbase_call *call, pbase_arena *arena,
                             pbase_bytes *out, uint64_t *out_version, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "meta_get", err,
                pbase_storage_meta_get(self->inner, call, arena, out, out_version, err));
}

static pbase_status meta_cas(pbase_storage *base, const pbase_call *call, uint64_t expected,
                             pbase_bytes document, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "meta_cas", err,
                pbase_storage_meta_cas(self->inner, call, expected, document, err));
}

static const pbase_storage_meta_ops meta_ops = {
    .struct_size = sizeof(pbase_storage_meta_ops),
    .get = meta_get,
    .cas = meta_cas,
};

/* --------------------------------------------------------------------------------- journal --- */

static pbase_status journal_head(pbase_storage *base, const pbase_call *call, uint32_t consistency,
                                 pbase_journal_head *out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "head", err,
                pbase_storage_journal_head(self->inner, call, consistency, out, err));
}

static pbase_status poisoned_check(faulty *self, pbase_error *err)
{
    return atomic_load(&self->poisoned)
               ? PBASE_FAIL(err, PBASE_READ_ONLY, "an append or sync failed: open it again")
               : PBASE_OK;
}

/* An IO failure of an append or sync poisons. */
static pbase_status poison(faulty *self, pbase_status status)
{
    if (status == PBASE_IO) {
        atomic_store(&self->poisoned, true);
    }
    return status;
}

static pbase_status append_inner(faulty *self, const pbase_call *call,
                                 const pbase_journal_append *append, pbase_journal_appended *out,
                                 pbase_error *err)
{
    FAULTY_CALL(self, "append", err, pbase_storage_append(self->inner, call, append, out, err));
}

static pbase_status journal_append(pbase_storage *base, const pbase_call *call,
                                   const pbase_journal_append *append, pbase_journal_appended *out,
                                   pbase_error *err)
{
    faulty *self = from(base);
    pbase_status status = poisoned_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = poison(self, append_inner(self, call, append, out, err));
    if (status != PBASE_OK && err != NULL && err->outcome == PBASE_OUTCOME_UNKNOWN) {
        err->token = append->token;
    }
    return status;
}

static pbase_status journal_outcome(pbase_storage *base, const pbase_call *call, pbase_token token,
                                    int32_t *out_outcome, pbase_position *out_position,
                                    pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "outcome", err,
                pbase_storage_outcome(self->inner, call, token, out_outcome, out_position, err));
}

static pbase_status sync_inner(faulty *self, const pbase_call *call, pbase_position upto,
                               int32_t durability, pbase_error *err)
{
    FAULTY_CALL(self, "sync", err, pbase_storage_sync(self->inner, call, upto, durability, err));
}

static pbase_status journal_sync(pbase_storage *base, const pbase_call *call, pbase_position upto,
                                 int32_t durability, pbase_error *err)
{
    faulty *self = from(base);
    pbase_status status = poisoned_check(self, err);
    return status == PBASE_OK ? poison(self, sync_inner(self, call, upto, durability, err))
                              : status;
}

static pbase_status scan_open(pbase_storage *base, const pbase_call *call, pbase_position position,
                              pbase_journal_scan **out, pbase_error *err)
{
    faulty *self = from(base);
    if (fault_plan_hits(self->plan, "scan_open")) {
        return blame(self, "scan_open", false, err);
    }
    return pbase_storage_scan_open(self->inner, call, position, out, err);
}

static pbase_status scan_next(pbase_storage *base, const pbase_call *call, pbase_journal_scan *scan,
                              pbase_journal_record *out, pbase_error *err)
{
    faulty *self = from(base);
    if (fault_plan_hits(self->plan, "scan_next")) {
        return blame(self, "scan_next", false, err);
    }
    return pbase_storage_scan_next(self->inner, call, scan, out, err);
}

static void scan_close(pbase_storage *base, pbase_journal_scan *scan)
{
    pbase_storage_scan_close(from(base)->inner, scan);
}

static pbase_status journal_wait(pbase_storage *base, const pbase_call *call, pbase_position seen,
                                 pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "wait", err, pbase_storage_wait(self->inner, call, seen, err));
}

static pbase_status journal_trim(pbase_storage *base, const pbase_call *call, pbase_position upto,
                                 pbase_position anchor, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "trim", err, pbase_storage_trim(self->inner, call, upto, anchor, err));
}

static pbase_status journal_tail(pbase_storage *base, pbase_journal_tail *out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "tail", err, pbase_storage_tail(self->inner, out, err));
}

static const pbase_storage_journal_ops journal_ops = {
    .struct_size = sizeof(pbase_storage_journal_ops),
    .head = journal_head,
    .append = journal_append,
    .outcome = journal_outcome,
    .sync = journal_sync,
    .scan_open = scan_open,
    .scan_next = scan_next,
    .scan_close = scan_close,
    .wait = journal_wait,
    .trim = journal_trim,
    .tail = journal_tail,
};

/* ----------------------------------------------------------------------------------- atoms --- */

static pbase_status atoms_write(pbase_storage *base, const pbase_call *call,
                                const pbase_bytes *atoms, size_t count, uint32_t mode,
                                pbase_atom_pointer *out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "atoms_write", err,
                pbase_storage_atoms_write(self->inner, call, atoms, count, mode, out, err));
}

static pbase_status atoms_read(pbase_storage *base, const pbase_call *call,
                               pbase_atom_pointer pointer, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "atoms_read", err,
                pbase_storage_atoms_read(self->inner, call, pointer, out, size, out_read, err));
}

static pbase_status atoms_map(pbase_storage *base, uint32_t log_id, pbase_atom_map *out,
                              pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "atoms_map", err, pbase_storage_atoms_map(self->inner, log_id, out, err));
}

static pbase_status atoms_punch(pbase_storage *base, const pbase_call *call,
                                pbase_atom_pointer pointer, uint64_t size, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "atoms_punch", err,
                pbase_storage_atoms_punch(self->inner, call, pointer, size, err));
}

static pbase_status atoms_reserve(pbase_storage *base, const pbase_call *call, uint32_t *out_log_id,
                                  pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "atoms_reserve", err,
                pbase_storage_atoms_reserve(self->inner, call, out_log_id, err));
}

static const pbase_storage_atom_ops atom_ops = {
    .struct_size = sizeof(pbase_storage_atom_ops),
    .write = atoms_write,
    .read = atoms_read,
    .map = atoms_map,
    .punch = atoms_punch,
    .reserve = atoms_reserve,
};

/* -------------------------------------------------------------------------------- segments --- */

static pbase_status segments_list(pbase_storage *base, const pbase_call *call,
                                  pbase_status (*each)(void *state,
                                                       const pbase_segment_info *segment,
                                                       pbase_error *err),
                                  void *state, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "segments_list", err,
                pbase_storage_segments_list(self->inner, call, each, state, err));
}

static pbase_status segment_retire(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                   pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "segment_retire", err,
                pbase_storage_segment_retire(self->inner, call, log_id, err));
}

static pbase_status pin(pbase_storage *base, const pbase_call *call, uint64_t sequence,
                        uint64_t lease_ms, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "pin", err, pbase_storage_pin(self->inner, call, sequence, lease_ms, err));
}

static pbase_status unpin(pbase_storage *base, const pbase_call *call, uint64_t sequence,
                          pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "unpin", err, pbase_storage_unpin(self->inner, call, sequence, err));
}

static pbase_status segment_read(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, void *out, size_t size, size_t *out_read,
                                 pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(
        self, "segment_read", err,
        pbase_storage_segment_read(self->inner, call, log_id, offset, out, size, out_read, err));
}

static pbase_status segment_put(pbase_storage *base, const pbase_call *call,
                                const pbase_segment_info *segment, pbase_bytes bytes,
                                pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "segment_put", err,
                pbase_storage_segment_put(self->inner, call, segment, bytes, err));
}

static pbase_status is_alone(pbase_storage *base, const pbase_call *call, bool *out,
                             pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "is_alone", err, pbase_storage_is_alone(self->inner, call, out, err));
}

static pbase_status need(pbase_storage *base, pbase_bytes needs, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "need", err, pbase_storage_need(self->inner, needs, err));
}

static pbase_status others_need(pbase_storage *base, const pbase_call *call,
                                pbase_status (*each)(void *state, pbase_bytes needs,
                                                     pbase_error *err),
                                void *state, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "others_need", err,
                pbase_storage_others_need(self->inner, call, each, state, err));
}

static const pbase_storage_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_storage_segment_ops),
    .is_alone = is_alone,
    .need = need,
    .others_need = others_need,
    .list = segments_list,
    .retire = segment_retire,
    .pin = pin,
    .unpin = unpin,
    .segment_read = segment_read,
    .segment_put = segment_put,
};

/* ------------------------------------------------------------------------- locks and admin --- */

static pbase_status lock_acquire(pbase_storage *base, const pbase_call *call, const char *name,
                                 uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                 pbase_error *err)
{
    faulty *self = from(base);
    if (fault_plan_hits(self->plan, "lock_acquire")) { /* a lock nobody knows of would stay held */
        return blame(self, "lock_acquire", false, err);
    }
    return pbase_storage_lock_acquire(self->inner, call, name, mode, lease_ms, out_fence, err);
}

static pbase_status lock_renew(pbase_storage *base, const pbase_call *call, const char *name,
                               uint64_t fence, uint64_t lease_ms, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "lock_renew", err,
                pbase_storage_lock_renew(self->inner, call, name, fence, lease_ms, err));
}

static void lock_release(pbase_storage *base, const char *name, uint64_t fence)
{
    pbase_storage_lock_release(from(base)->inner, name, fence);
}

static const pbase_storage_lock_ops lock_ops = {
    .struct_size = sizeof(pbase_storage_lock_ops),
    .acquire = lock_acquire,
    .renew = lock_renew,
    .release = lock_release,
};

static pbase_status admin_stats(pbase_storage *base, const pbase_call *call, pbase_stat_each each,
                                void *state, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "stats", err, pbase_storage_stats(self->inner, call, each, state, err));
}

static pbase_status admin_verify(pbase_storage *base, const pbase_call *call,
                                 pbase_verify_each each, void *state, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "verify", err, pbase_storage_verify(self->inner, call, each, state, err));
}

static pbase_status admin_control(pbase_storage *base, const pbase_call *call, const char *verb,
                                  pbase_bytes value, pbase_buffer *out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "control", err,
                pbase_storage_control(self->inner, call, verb, value, out, err));
}

static void admin_close(pbase_storage *base)
{
    faulty *self = from(base);
    pbase_alloc_free(self->alloc, self, sizeof *self);
}

static const pbase_storage_admin_ops admin_ops = {
    .struct_size = sizeof(pbase_storage_admin_ops),
    .stats = admin_stats,
    .verify = admin_verify,
    .control = admin_control,
    .close = admin_close,
};

static const pbase_storage_vtable faulty_vtable = {
    .struct_size = sizeof(pbase_storage_vtable),
    .capabilities = ALL_CAPABILITIES,
    .durability_mask = ALL_LEVELS,
    .meta = &meta_ops,
    .journal = &journal_ops,
    .atoms = &atom_ops,
    .segments = &segment_ops,
    .locks = &lock_ops,
    .admin = &admin_ops,
};

/* ------------------------------------------------------------------------------------ open --- */

/* Takes away the slots that the inner storage lacks. */
static void tables_init(faulty *self)
{
    uint32_t capabilities = self->inner->vtable->capabilities;
    self->vtable = faulty_vtable;
    self->atoms = atom_ops;
    self->segments = segment_ops;
    self->vtable.capabilities = capabilities;
    self->vtable.durability_mask = self->inner->vtable->durability_mask;
    self->vtable.atoms = &self->atoms;
    self->vtable.segments = &self->segments;
    if ((capabilities & PBASE_STORAGE_MAP) == 0) {
        self->atoms.map = NULL;
    }
    if ((capabilities & PBASE_STORAGE_PUNCH) == 0) {
        self->atoms.punch = NULL;
    }
    if ((capabilities & PBASE_STORAGE_RESERVE) == 0) {
        self->atoms.reserve = NULL;
    }
    if ((capabilities & PBASE_STORAGE_PIN) == 0) {
        self->segments.pin = NULL;
        self->segments.unpin = NULL;
    }
    if ((capabilities & PBASE_STORAGE_SEGMENT_IO) == 0) {
        self->segments.segment_read = NULL;
        self->segments.segment_put = NULL;
    }
    self->base.vtable = &self->vtable;
}

static void plan_init(faulty *self, const pbase_component_open *open)
{
    const void *lent = open->host->service(open->host, FAULT_PLAN_SERVICE);
    self->plan = (fault_plan *)(uintptr_t)lent;
    if (self->plan == NULL) {
        const char *slot = pbase_config_text(open->config, "fail_slot");
        bool after = strcmp(pbase_config_text(open->config, "fail_when"), "after") == 0;
        fault_plan_init(&self->own);
        fault_plan_fail_at(&self->own, slot[0] == '\0' ? NULL : slot,
                           (uint64_t)pbase_config_int(open->config, "fail_at"),
                           (pbase_status)pbase_config_int(open->config, "fail_code"),
                           after ? FAULT_AFTER : FAULT_BEFORE);
        self->plan = &self->own;
    }
}

static pbase_status faulty_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    faulty *self = pbase_alloc_zeroed(open->host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a storage");
    }
    self->alloc = open->host->alloc;
    self->inner = open->children[0];
    tables_init(self);
    plan_init(self, open);
    if (fault_plan_hits(self->plan, "open")) {
        pbase_status status = blame(self, "open", false, err);
        pbase_alloc_free(self->alloc, self, sizeof *self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

static const pbase_option options[] = {
    {"fail_at", PBASE_OPTION_INT, 0, "0", "0..", "Number of the call that fails; 0: none."},
    {"fail_slot", PBASE_OPTION_STRING, 0, "", NULL, "Slot whose calls are counted; empty: all."},
    {"fail_code", PBASE_OPTION_INT, 0, "62", "1..99", "PBASE_* number of the failure."},
    {"fail_when", PBASE_OPTION_ENUM, 0, "before", "before|after", "Without or with its effect."},
};

static const pbase_slot slots[] = {
    {.name = "inner",
     .kind = PBASE_KIND_STORAGE,
     .count_min = 1,
     .count_max = 1,
     .default_type = "memory",
     .doc = "The storage that does the work."},
};

static const pbase_component components[] = {
    {
        .kind = PBASE_KIND_STORAGE,
        .name = "faulty",
        .doc = "Any storage, failing where a test says.",
        .capabilities = ALL_CAPABILITIES,
        .format_version = 1,
        .open = faulty_open,
        .vtable = &faulty_vtable,
        PBASE_OPTIONS(options),
        PBASE_SLOTS(slots),
    },
};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "faulty-storage",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "A storage for tests that fails where it is told to.",
    PBASE_COMPONENTS(components),
};

PBASE_PLUGIN_ENTRY(plugin)
