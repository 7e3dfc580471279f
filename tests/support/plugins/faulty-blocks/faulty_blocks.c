/* faulty_blocks.c - block_provider/faulty: any block provider, failing where a test says.
 *
 * Which call fails comes from the host's fault plan (fault_plan.h), or, in a configuration, from
 * the options. Without either it passes everything on. */
#include "fault_plan.h"

#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/plugin.h>

#define ALL_CAPABILITIES                                                                           \
    (PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PUNCH |                      \
     PBASE_BLOCKS_EXCLUSIVE_SEAL | PBASE_BLOCKS_RANGE_READ | PBASE_BLOCKS_MAP |                    \
     PBASE_BLOCKS_PERSISTENT | PBASE_BLOCKS_LOCK | PBASE_BLOCKS_SHARED)

typedef struct {
    pbase_blocks base;
    pbase_blocks_vtable vtable; /* of this instance: what the inner provider can do */
    pbase_blocks_name_ops names;
    pbase_blocks *inner; /* borrowed until close */
    const pbase_alloc *alloc;
    fault_plan *plan; /* the host's, or `own` */
    fault_plan own;   /* made from the options */
} faulty;

typedef struct {
    pbase_segment base;
    pbase_segment *inner;
    _Atomic bool failed; /* a flush failed: only reads from now on */
} faulty_segment;

static faulty *from(pbase_blocks *self)
{
    return (faulty *)self;
}

static faulty_segment *segment_from(pbase_segment *segment)
{
    return (faulty_segment *)segment;
}

static faulty *owner(const pbase_segment *segment)
{
    return from(segment->blocks);
}

static pbase_status blame(faulty *self, const char *slot, bool happened, pbase_error *err)
{
    pbase_status status = PBASE_FAIL(err, self->plan->code, "%s fails as planned", slot);
    if (err != NULL && happened) {
        err->outcome = PBASE_OUTCOME_UNKNOWN;
    }
    return status;
}

/* `happens` is the call on the inner provider; it runs once at most. */
#define FAULTY_CALL(self, slot, err, happens)                                                      \
    bool hit = fault_plan_hits((self)->plan, (slot));                                              \
    if (hit && (self)->plan->when == FAULT_BEFORE) {                                               \
        return blame((self), (slot), false, (err));                                                \
    }                                                                                              \
    pbase_status status = (happens);                                                               \
    return hit && status == PBASE_OK ? blame((self), (slot), true, (err)) : status

/* --------------------------------------------------------------------------------- segment --- */

static pbase_status geometry(pbase_blocks *base, pbase_blocks_geometry *out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "geometry", err, pbase_blocks_geometry_get(self->inner, out, err));
}

static pbase_status segment_open(pbase_blocks *base, const pbase_call *call, const char *name,
                                 uint32_t flags, pbase_segment **out, pbase_error *err)
{
    faulty *self = from(base);
    if (fault_plan_hits(self->plan, "open")) {
        return blame(self, "open", false, err);
    }
    faulty_segment *segment = pbase_alloc_zeroed(self->alloc, 1, sizeof *segment);
    if (segment == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a segment");
    }
    segment->base.blocks = base;
    pbase_status status = pbase_blocks_open(self->inner, call, name, flags, &segment->inner, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(self->alloc, segment, sizeof *segment);
        return status;
    }
    *out = &segment->base;
    return PBASE_OK;
}

static pbase_status failed_check(const faulty_segment *segment, pbase_error *err)
{
    return atomic_load(&segment->failed)
               ? PBASE_FAIL(err, PBASE_READ_ONLY, "a flush of the segment failed")
               : PBASE_OK;
}

static pbase_status preallocate_inner(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                      pbase_error *err)
{
    FAULTY_CALL(owner(segment), "preallocate", err,
                pbase_segment_preallocate(segment_from(segment)->inner, call, size, err));
}

static pbase_status preallocate(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                pbase_error *err)
{
    pbase_status status = failed_check(segment_from(segment), err);
    return status == PBASE_OK ? preallocate_inner(segment, call, size, err) : status;
}

static pbase_status reserve_inner(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                  pbase_error *err)
{
    FAULTY_CALL(owner(segment), "reserve", err,
                pbase_segment_reserve(segment_from(segment)->inner, call, size, err));
}

static pbase_status reserve(pbase_segment *segment, const pbase_call *call, uint64_t size,
                            pbase_error *err)
{
    pbase_status status = failed_check(segment_from(segment), err);
    return status == PBASE_OK ? reserve_inner(segment, call, size, err) : status;
}

static pbase_status write_inner(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                pbase_bytes data, uint32_t flags, pbase_error *err)
{
    FAULTY_CALL(owner(segment), "write", err,
                pbase_segment_write(segment_from(segment)->inner, call, offset, data, flags, err));
}

static pbase_status write(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                          pbase_bytes data, uint32_t flags, pbase_error *err)
{
    pbase_status status = failed_check(segment_from(segment), err);
    if (status != PBASE_OK) {
        return status;
    }
    status = write_inner(segment, call, offset, data, flags, err);
    if (status == PBASE_IO && (flags & PBASE_WRITE_SYNC) != 0) {
        atomic_store(&segment_from(segment)->failed, true);
    }
    return status;
}

static pbase_status sync_inner(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    FAULTY_CALL(owner(segment), "sync", err,
                pbase_segment_sync(segment_from(segment)->inner, call, err));
}

static pbase_status sync(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    pbase_status status = failed_check(segment_from(segment), err);
    if (status != PBASE_OK) {
        return status;
    }
    status = sync_inner(segment, call, err);
    if (status == PBASE_IO) {
        atomic_store(&segment_from(segment)->failed, true);
    }
    return status;
}

static pbase_status read(pbase_segment *segment, const pbase_call *call, uint64_t offset, void *out,
                         size_t size, size_t *out_read, pbase_error *err)
{
    FAULTY_CALL(
        owner(segment), "read", err,
        pbase_segment_read(segment_from(segment)->inner, call, offset, out, size, out_read, err));
}

static pbase_status size(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err)
{
    FAULTY_CALL(owner(segment), "size", err,
                pbase_segment_size(segment_from(segment)->inner, out_bytes, err));
}

static pbase_status seal(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                         pbase_error *err)
{
    FAULTY_CALL(owner(segment), "seal", err,
                pbase_segment_seal(segment_from(segment)->inner, call, size_bytes, err));
}

static pbase_status cut(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                        pbase_error *err)
{
    FAULTY_CALL(owner(segment), "cut", err,
                pbase_segment_cut(segment_from(segment)->inner, call, size_bytes, err));
}

static void segment_close(pbase_segment *segment)
{
    pbase_segment_close(segment_from(segment)->inner);
    pbase_alloc_free(owner(segment)->alloc, segment, sizeof(faulty_segment));
}

static const pbase_blocks_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_blocks_segment_ops),
    .geometry = geometry,
    .open = segment_open,
    .preallocate = preallocate,
    .write = write,
    .sync = sync,
    .read = read,
    .size = size,
    .seal = seal,
    .close = segment_close,
    .cut = cut,
    .reserve = reserve,
};

/* ----------------------------------------------------------------------------------- names --- */

static pbase_status name_remove(pbase_blocks *base, const pbase_call *call, const char *name,
                                pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "remove", err, pbase_blocks_remove(self->inner, call, name, err));
}

static pbase_status name_rename(pbase_blocks *base, const pbase_call *call, const char *old_name,
                                const char *new_name, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "rename", err,
                pbase_blocks_rename(self->inner, call, old_name, new_name, err));
}

static pbase_status name_list(pbase_blocks *base, const pbase_call *call, const char *prefix,
                              pbase_status (*each)(void *state, const pbase_block_info *info,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "list", err, pbase_blocks_list(self->inner, call, prefix, each, state, err));
}

static pbase_status key_get(pbase_blocks *base, const pbase_call *call, const char *key,
                            pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                            pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "key_get", err,
                pbase_blocks_key_get(self->inner, call, key, arena, out, out_version, err));
}

static pbase_status key_cas(pbase_blocks *base, const pbase_call *call, const char *key,
                            uint64_t expected, pbase_bytes document, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "key_cas", err,
                pbase_blocks_key_cas(self->inner, call, key, expected, document, err));
}

static pbase_status exclusive_lock(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "lock", err, pbase_blocks_lock(self->inner, call, err));
}

static pbase_status map(pbase_segment *segment, uint64_t size_bytes, const uint8_t **out,
                        pbase_error *err)
{
    FAULTY_CALL(owner(segment), "map", err,
                pbase_segment_map(segment_from(segment)->inner, size_bytes, out, err));
}

static void unmap(pbase_segment *segment, const uint8_t *data, uint64_t size_bytes)
{
    pbase_segment_unmap(segment_from(segment)->inner, data, size_bytes);
}

static pbase_status punch(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                          uint64_t size_bytes, pbase_error *err)
{
    FAULTY_CALL(owner(segment), "punch", err,
                pbase_segment_punch(segment_from(segment)->inner, call, offset, size_bytes, err));
}

static void provider_close(pbase_blocks *base)
{
    faulty *self = from(base);
    pbase_alloc_free(self->alloc, self, sizeof *self);
}

static const pbase_blocks_name_ops name_ops = {
    .struct_size = sizeof(pbase_blocks_name_ops),
    .remove = name_remove,
    .rename = name_rename,
    .list = name_list,
    .key_get = key_get,
    .key_cas = key_cas,
    .lock = exclusive_lock,
    .map = map,
    .unmap = unmap,
    .punch = punch,
    .close = provider_close,
};

static pbase_status attach(pbase_blocks *base, const pbase_call *call, bool *out_alone,
                           pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "attach", err, pbase_blocks_attach(self->inner, call, out_alone, err));
}

static bool leave(pbase_blocks *base)
{
    return pbase_blocks_leave(from(base)->inner);
}

static pbase_status acquire(pbase_blocks *base, const pbase_call *call, const char *name,
                            bool shared, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "acquire", err, pbase_blocks_acquire(self->inner, call, name, shared, err));
}

static void release(pbase_blocks *base, const char *name)
{
    pbase_blocks_release(from(base)->inner, name);
}

static pbase_status board(pbase_blocks *base, const pbase_call *call, const char *name, size_t size,
                          uint8_t **out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "board", err, pbase_blocks_board(self->inner, call, name, size, out, err));
}

static pbase_status names_sync(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "names_sync", err, pbase_blocks_names_sync(self->inner, call, err));
}

static pbase_status slot_take(pbase_blocks *base, const pbase_call *call, const char *name,
                              size_t size, uint8_t **out, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "slot_take", err,
                pbase_blocks_slot_take(self->inner, call, name, size, out, err));
}

static pbase_status slots_each(pbase_blocks *base, const pbase_call *call, const char *name,
                               size_t size,
                               pbase_status (*each)(void *state, const uint8_t *slot,
                                                    pbase_error *err),
                               void *state, pbase_error *err)
{
    faulty *self = from(base);
    FAULTY_CALL(self, "slots_each", err,
                pbase_blocks_slots_each(self->inner, call, name, size, each, state, err));
}

static const pbase_blocks_share_ops share_ops = {
    .struct_size = sizeof(pbase_blocks_share_ops),
    .attach = attach,
    .leave = leave,
    .acquire = acquire,
    .release = release,
    .board = board,
    .names_sync = names_sync,
    .slot_take = slot_take,
    .slots_each = slots_each,
};

static const pbase_blocks_vtable faulty_vtable = {
    .struct_size = sizeof(pbase_blocks_vtable),
    .capabilities = ALL_CAPABILITIES,
    .segment = &segment_ops,
    .name = &name_ops,
    .share = &share_ops,
};

/* ------------------------------------------------------------------------------------ open --- */

/* Takes away the slots that the inner provider lacks. */
static void tables_init(faulty *self)
{
    uint32_t capabilities = self->inner->vtable->capabilities;
    self->vtable = faulty_vtable;
    self->names = name_ops;
    self->vtable.capabilities = capabilities;
    self->vtable.name = &self->names;
    if ((capabilities & PBASE_BLOCKS_LOCK) == 0) {
        self->names.lock = NULL;
    }
    if ((capabilities & PBASE_BLOCKS_SHARED) == 0) {
        self->vtable.share = NULL;
    }
    if ((capabilities & PBASE_BLOCKS_MAP) == 0) {
        self->names.map = NULL;
        self->names.unmap = NULL;
    }
    if ((capabilities & PBASE_BLOCKS_PUNCH) == 0) {
        self->names.punch = NULL;
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
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a block provider");
    }
    self->alloc = open->host->alloc;
    self->inner = open->children[0];
    tables_init(self);
    plan_init(self, open);
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
     .kind = PBASE_KIND_BLOCK_PROVIDER,
     .count_min = 1,
     .count_max = 1,
     .default_type = "memory",
     .doc = "The provider that does the work."},
};

static const pbase_component components[] = {
    {
        .kind = PBASE_KIND_BLOCK_PROVIDER,
        .name = "faulty",
        .doc = "Any block provider, failing where a test says.",
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
    .name = "faulty-blocks",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "A block provider for tests that fails where it is told to.",
    PBASE_COMPONENTS(components),
};

PBASE_PLUGIN_ENTRY(plugin)
