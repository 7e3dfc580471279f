/* memory_atoms.c - a sorted array of segments.
 *
 * Only the newest segment grows. Its capacity is fixed when it is made: the first is small and
 * each further one twice as large, up to `segment_bytes`, so that a small space stays small. The
 * first PBASE_ATOM_ALIGN bytes of a segment are the header that the contract leaves to us: zeros. */
#include "memory_atoms.h"

#include <inttypes.h>

#define SEGMENT_BYTES_FIRST 262144u

struct memory_segment {
    uint8_t *data; /* never moves */
    uint64_t size;
    uint64_t capacity;
    uint32_t log_id;
};

void memory_atoms_init(memory_atoms *atoms, memory_budget *budget, uint64_t segment_bytes)
{
    memset(atoms, 0, sizeof *atoms);
    atoms->budget = budget;
    atoms->segment_bytes = segment_bytes;
    atoms->next_log_id = 1;
}

void memory_atoms_fini(memory_atoms *atoms)
{
    for (size_t i = 0; i < atoms->segment_count; i++) {
        memory_budget_free(atoms->budget, atoms->segments[i].data, atoms->segments[i].capacity);
    }
    memory_budget_free(atoms->budget, atoms->segments,
                       atoms->segment_capacity * sizeof *atoms->segments);
}

/* Index of the first segment whose id is not below `log_id`. */
static size_t segment_lower(const memory_atoms *atoms, uint32_t log_id)
{
    size_t low = 0;
    size_t high = atoms->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (atoms->segments[middle].log_id < log_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static memory_segment *segment_find(const memory_atoms *atoms, uint32_t log_id)
{
    size_t index = segment_lower(atoms, log_id);
    return index < atoms->segment_count && atoms->segments[index].log_id == log_id
               ? &atoms->segments[index]
               : NULL;
}

static pbase_status segments_reserve(memory_atoms *atoms, pbase_error *err)
{
    if (atoms->segment_count < atoms->segment_capacity) {
        return PBASE_OK;
    }
    size_t capacity = atoms->segment_capacity == 0 ? 16 : atoms->segment_capacity * 2;
    void *larger = NULL;
    pbase_status status = memory_budget_new(atoms->budget, capacity * sizeof *atoms->segments,
                                            "the table of segments", &larger, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (atoms->segment_count != 0) {
        memcpy(larger, atoms->segments, atoms->segment_count * sizeof *atoms->segments);
    }
    memory_budget_free(atoms->budget, atoms->segments,
                       atoms->segment_capacity * sizeof *atoms->segments);
    atoms->segments = larger;
    atoms->segment_capacity = capacity;
    return PBASE_OK;
}

/* Adds an empty segment of `capacity` bytes under `log_id`, which is not in use. */
static pbase_status segment_add(memory_atoms *atoms, uint32_t log_id, uint64_t capacity,
                                memory_segment **out, pbase_error *err)
{
    pbase_status status = segments_reserve(atoms, err);
    void *data = NULL;
    if (status == PBASE_OK) {
        status = memory_budget_new(atoms->budget, capacity, "a segment", &data, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    size_t index = segment_lower(atoms, log_id);
    memory_segment *segment = &atoms->segments[index];
    memmove(segment + 1, segment, (atoms->segment_count - index) * sizeof *segment);
    memset(data, 0, PBASE_ATOM_ALIGN);
    *segment = (memory_segment){
        .data = data, .size = PBASE_ATOM_ALIGN, .capacity = capacity, .log_id = log_id};
    atoms->segment_count++;
    *out = segment;
    return PBASE_OK;
}

static uint64_t stored_size(pbase_bytes atom)
{
    return ((uint64_t)atom.size + PBASE_ATOM_ALIGN - 1) & ~(uint64_t)(PBASE_ATOM_ALIGN - 1);
}

/* Makes the segment being filled have room for `need` bytes, or begins another. */
static pbase_status active_ensure(memory_atoms *atoms, uint64_t need, memory_segment **out,
                                  pbase_error *err)
{
    memory_segment *active = segment_find(atoms, atoms->active);
    if (active != NULL && active->capacity - active->size >= need) {
        *out = active;
        return PBASE_OK;
    }
    uint64_t capacity = active == NULL ? SEGMENT_BYTES_FIRST : active->capacity * 2;
    capacity = capacity < atoms->segment_bytes ? capacity : atoms->segment_bytes;
    capacity = capacity < need + PBASE_ATOM_ALIGN ? need + PBASE_ATOM_ALIGN : capacity;
    uint32_t log_id = atoms->next_log_id;
    if (log_id > PBASE_ATOM_LOG_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "all %u log ids are used up", PBASE_ATOM_LOG_MAX);
    }
    pbase_status status = segment_add(atoms, log_id, capacity, out, err);
    if (status == PBASE_OK) {
        atoms->next_log_id++;
        atoms->active = log_id;
    }
    return status;
}

static void atom_copy(memory_segment *segment, pbase_bytes atom)
{
    uint64_t size = stored_size(atom);
    uint8_t *at = segment->data + segment->size;
    if (atom.size != 0) {
        memcpy(at, atom.data, atom.size);
        memset(at + atom.size, 0, (size_t)(size - atom.size));
    }
    segment->size += size;
}

/* Undoes a write that began when `active` held `size` bytes and `next_log_id` was the next one. */
static void write_undo(memory_atoms *atoms, uint32_t active, uint64_t size, uint32_t next_log_id)
{
    while (atoms->segment_count != 0 &&
           atoms->segments[atoms->segment_count - 1].log_id >= next_log_id) {
        memory_segment *last = &atoms->segments[--atoms->segment_count];
        memory_budget_free(atoms->budget, last->data, last->capacity);
    }
    atoms->active = active;
    atoms->next_log_id = next_log_id;
    memory_segment *segment = segment_find(atoms, active);
    if (segment != NULL) {
        segment->size = size;
    }
}

pbase_status memory_atoms_write(memory_atoms *atoms, const pbase_bytes *list, size_t count,
                                pbase_atom_pointer *out, pbase_error *err)
{
    const memory_segment *before = segment_find(atoms, atoms->active);
    uint64_t size_before = before == NULL ? 0 : before->size;
    uint32_t active_before = atoms->active;
    uint32_t next_before = atoms->next_log_id;
    uint64_t stored = 0;
    for (size_t i = 0; i < count; i++) {
        memory_segment *segment = NULL;
        pbase_status status = active_ensure(atoms, stored_size(list[i]), &segment, err);
        if (status != PBASE_OK) {
            write_undo(atoms, active_before, size_before, next_before);
            return status;
        }
        out[i] = pbase_atom_pointer_of(segment->log_id, segment->size);
        atom_copy(segment, list[i]);
        stored += stored_size(list[i]);
    }
    atoms->stored_bytes += stored;
    return PBASE_OK;
}

pbase_status memory_atoms_view(const memory_atoms *atoms, uint32_t log_id, pbase_atom_map *out,
                               pbase_error *err)
{
    const memory_segment *segment = segment_find(atoms, log_id);
    if (segment == NULL) {
        return log_id < atoms->next_log_id && log_id != 0
                   ? PBASE_FAIL(err, PBASE_LOST, "segment %" PRIu32 " was retired", log_id)
                   : PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment %" PRIu32, log_id);
    }
    out->data = segment->data;
    out->size_bytes = segment->size;
    return PBASE_OK;
}

pbase_status memory_atoms_reserve(memory_atoms *atoms, uint32_t *out_log_id, pbase_error *err)
{
    if (atoms->next_log_id > PBASE_ATOM_LOG_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "all %u log ids are used up", PBASE_ATOM_LOG_MAX);
    }
    *out_log_id = atoms->next_log_id++;
    return PBASE_OK;
}

pbase_status memory_atoms_put(memory_atoms *atoms, uint32_t log_id, pbase_bytes bytes,
                              pbase_error *err)
{
    if (log_id == 0 || log_id > PBASE_ATOM_LOG_MAX || bytes.size < PBASE_ATOM_ALIGN) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "segment %" PRIu32 " of %zu bytes is none: ids are 1 to %u and the "
                          "header has %u bytes",
                          log_id, bytes.size, PBASE_ATOM_LOG_MAX, PBASE_ATOM_ALIGN);
    }
    if (segment_find(atoms, log_id) != NULL) {
        return PBASE_FAIL(err, PBASE_EXISTS, "there is a segment %" PRIu32 " already", log_id);
    }
    memory_segment *segment = NULL;
    pbase_status status = segment_add(atoms, log_id, bytes.size, &segment, err);
    if (status != PBASE_OK) {
        return status;
    }
    memcpy(segment->data + PBASE_ATOM_ALIGN, bytes.data + PBASE_ATOM_ALIGN,
           bytes.size - PBASE_ATOM_ALIGN);
    segment->size = bytes.size;
    atoms->stored_bytes += bytes.size - PBASE_ATOM_ALIGN;
    atoms->next_log_id = log_id >= atoms->next_log_id ? log_id + 1 : atoms->next_log_id;
    return PBASE_OK;
}

pbase_status memory_atoms_retire(memory_atoms *atoms, uint32_t log_id, pbase_error *err)
{
    memory_segment *segment = segment_find(atoms, log_id);
    if (segment == NULL) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment %" PRIu32, log_id);
    }
    atoms->stored_bytes -= segment->size - PBASE_ATOM_ALIGN;
    memory_budget_free(atoms->budget, segment->data, segment->capacity);
    size_t index = (size_t)(segment - atoms->segments);
    atoms->segment_count--;
    memmove(segment, segment + 1, (atoms->segment_count - index) * sizeof *segment);
    atoms->active = atoms->active == log_id ? 0 : atoms->active;
    return PBASE_OK;
}

bool memory_atoms_next(const memory_atoms *atoms, uint32_t log_id, pbase_segment_info *out)
{
    size_t index = segment_lower(atoms, log_id + 1);
    if (index >= atoms->segment_count) {
        return false;
    }
    *out = (pbase_segment_info){.log_id = atoms->segments[index].log_id,
                                .sealed = atoms->segments[index].log_id != atoms->active,
                                .size_bytes = atoms->segments[index].size};
    return true;
}
