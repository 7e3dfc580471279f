/* join_lookup.c - from keys of a join to what is read of a collection: ranges of entries, or keys. */
#include "query/join_access.h"

#include "index/entry.h"
#include <stdlib.h>

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to look up the keys of a join");
}

typedef struct {
    const join_lookup *by;
    pbase_arena *arena;
    pbase_buffer scratch;
    pbase_error *err;
} maker;

/* The elements of a tuple, in the order of the fields of the index, then a byte above them all. */
static pbase_status prefix_make(maker *m, const pbase_value *tuple, pbase_bytes *out)
{
    pbase_status status = PBASE_OK;
    m->scratch.size = 0;
    for (size_t i = 0; i < m->by->field_count && status == PBASE_OK; i++) {
        const join_field *field = &m->by->fields[i];
        bool is_cut = false; /* whoever is cut alike is in the range, and compared */
        status = field->pair == JOIN_FIELD_CONSTANT
                     ? pbase_buffer_append_bytes(&m->scratch, field->constant, m->err)
                     : entry_element(&tuple[field->pair], &m->scratch, &is_cut, m->err);
    }
    status = status == PBASE_OK ? pbase_buffer_append_u8(&m->scratch, ENTRY_ABOVE, m->err) : status;
    return status == PBASE_OK
               ? pbase_arena_copy(m->arena, pbase_buffer_view(&m->scratch), out, m->err)
               : status;
}

static int compare_ends(const void *a, const void *b)
{
    return pbase_bytes_compare(((const index_range *)a)->to, ((const index_range *)b)->to);
}

/* In order and each once; no prefix is the beginning of another. */
static size_t sort_apart(index_range *ranges, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(ranges, count, sizeof *ranges, compare_ends);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !pbase_bytes_equal(ranges[kept - 1].to, ranges[i].to)) {
            ranges[kept++] = ranges[i];
        }
    }
    return kept;
}

static pbase_status ranges_make(maker *m, const pbase_value *tuples, size_t count, size_t key_count,
                                query_access *out)
{
    index_range *ranges = pbase_arena_array(m->arena, count, sizeof *ranges);
    pbase_status status = ranges == NULL ? no_memory(m->err) : PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = prefix_make(m, &tuples[i * key_count], &ranges[i].to);
        ranges[i].from = pbase_bytes_of(ranges[i].to.data, ranges[i].to.size - 1);
    }
    if (status == PBASE_OK) {
        out->index = m->by->index;
        out->ranges = ranges;
        out->range_count = sort_apart(ranges, count);
    }
    return status;
}

static pbase_status keys_make(maker *m, const pbase_value *tuples, size_t count, size_t key_count,
                              query_access *out)
{
    pbase_value *keys = pbase_arena_array(m->arena, count, sizeof *keys);
    if (keys == NULL) {
        return no_memory(m->err);
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = tuples[i * key_count + m->by->fields[0].pair];
    }
    out->is_by_key = true;
    out->keys = keys;
    out->key_count = count;
    return PBASE_OK;
}

pbase_status join_lookup_access(const join_lookup *self, const pbase_value *tuples, size_t count,
                                size_t key_count, pbase_arena *arena, query_access *out,
                                pbase_error *err)
{
    maker m = {self, arena, {0}, err};
    query_access made;
    memset(&made, 0, sizeof made);
    made.wanted = UINT64_MAX;
    pbase_buffer_init(&m.scratch, arena->alloc);
    pbase_status status = self->index.size > 0 ? ranges_make(&m, tuples, count, key_count, &made)
                                               : keys_make(&m, tuples, count, key_count, &made);
    pbase_buffer_fini(&m.scratch);
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}
