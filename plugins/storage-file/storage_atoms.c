/* storage_atoms.c - from the slots of atoms and segments to the store, with the super block first.
 *
 * What others need of the store, and whether there are any, is asked of the board (file_turn.h). */
#include "storage_atoms.h"

static pbase_status atoms_write(pbase_storage *base, const pbase_call *call,
                                const pbase_bytes *atoms, size_t count, uint32_t mode,
                                pbase_atom_pointer *out, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = file_super_change(&self->super, err);
    return status == PBASE_OK ? file_store_write(self->store, call, atoms, count, mode, out, err)
                              : status;
}

static pbase_status atoms_read(pbase_storage *base, const pbase_call *call,
                               pbase_atom_pointer pointer, void *out, size_t size, size_t *out_read,
                               pbase_error *err)
{
    return file_store_read(file_storage_from(base)->store, call, pbase_atom_pointer_log(pointer),
                           pbase_atom_pointer_offset(pointer), out, size, out_read, err);
}

static pbase_status atoms_map(pbase_storage *base, uint32_t log_id, pbase_atom_map *out,
                              pbase_error *err)
{
    return file_store_map(file_storage_from(base)->store, log_id, out, err);
}

static pbase_status atoms_reserve(pbase_storage *base, const pbase_call *call, uint32_t *out_log_id,
                                  pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
    return status == PBASE_OK ? file_store_reserve(self->store, out_log_id, err) : status;
}

static pbase_status atoms_punch(pbase_storage *base, const pbase_call *call,
                                pbase_atom_pointer pointer, uint64_t size, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
    if (status == PBASE_OK) {
        status = file_super_change(&self->super, err);
    }
    return status == PBASE_OK ? file_store_punch(self->store, call, pbase_atom_pointer_log(pointer),
                                                 pbase_atom_pointer_offset(pointer), size, err)
                              : status;
}

const pbase_storage_atom_ops storage_atoms_ops = {
    .struct_size = sizeof(pbase_storage_atom_ops),
    .write = atoms_write,
    .read = atoms_read,
    .map = atoms_map,
    .punch = atoms_punch,
    .reserve = atoms_reserve,
};

static pbase_status segments_list(pbase_storage *base, const pbase_call *call,
                                  pbase_status (*each)(void *state,
                                                       const pbase_segment_info *segment,
                                                       pbase_error *err),
                                  void *state, pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_segment_info info = {0};
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
    if (status == PBASE_OK) { /* others may have made some; and what each takes has changed */
        status = file_store_refresh(self->store, call, err);
    }
    while (status == PBASE_OK && file_store_next(self->store, info.log_id, &info)) {
        status = each(state, &info, err);
        if (status == PBASE_OK) {
            status = pbase_call_check(call, file_storage_os(self), err);
        }
    }
    return status;
}

static pbase_status segment_retire(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                   pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = pbase_call_check(call, file_storage_os(self), err);
    if (status == PBASE_OK) {
        status = file_super_change(&self->super, err);
    }
    uint32_t next = file_store_next_id(self->store);
    if (status == PBASE_OK && log_id < next) { /* its id must outlive its file */
        status = file_super_remember(&self->super, log_id, next, err);
    }
    return status == PBASE_OK ? file_store_retire(self->store, call, log_id, err) : status;
}

static pbase_status segment_read(pbase_storage *base, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, void *out, size_t size, size_t *out_read,
                                 pbase_error *err)
{
    return file_store_read(file_storage_from(base)->store, call, log_id, offset, out, size,
                           out_read, err);
}

static pbase_status segment_put(pbase_storage *base, const pbase_call *call,
                                const pbase_segment_info *segment, pbase_bytes bytes,
                                pbase_error *err)
{
    file_storage *self = file_storage_from(base);
    pbase_status status = file_super_change(&self->super, err);
    return status == PBASE_OK ? file_store_put(self->store, call, segment->log_id, bytes, err)
                              : status;
}

static pbase_status segments_need(pbase_storage *base, pbase_bytes needs, pbase_error *err)
{
    (void)err;
    file_storage *self = file_storage_from(base);
    if (self->turn.is_shared) {
        file_needs_say(&self->turn.needs, needs);
    }
    return PBASE_OK;
}

static pbase_status segments_others_need(pbase_storage *base, const pbase_call *call,
                                         pbase_status (*each)(void *state, pbase_bytes needs,
                                                              pbase_error *err),
                                         void *state, pbase_error *err)
{
    return file_turn_others(&file_storage_from(base)->turn, call, each, state, err);
}

static pbase_status somebody(void *state, pbase_bytes needs, pbase_error *err)
{
    (void)needs;
    (void)err;
    *(bool *)state = false;
    return PBASE_OK;
}

static pbase_status segments_is_alone(pbase_storage *base, const pbase_call *call, bool *out,
                                      pbase_error *err)
{
    bool is_alone = true;
    pbase_status status =
        file_turn_others(&file_storage_from(base)->turn, call, somebody, &is_alone, err);
    *out = is_alone;
    return status;
}

const pbase_storage_segment_ops storage_atoms_segment_ops = {
    .struct_size = sizeof(pbase_storage_segment_ops),
    .list = segments_list,
    .retire = segment_retire,
    .segment_read = segment_read,
    .segment_put = segment_put,
    .is_alone = segments_is_alone,
    .need = segments_need,
    .others_need = segments_others_need,
};
