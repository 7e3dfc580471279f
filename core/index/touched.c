/* touched.c - operations read for the rows they name, sorted.
 *
 * Of a list: an append touches what lies behind the old end, inserting and removing move everything
 * behind them, so all of that is touched. */
#include "index/touched.h"

#include <protobase/base/arena.h>
#include <protobase/collection.h>
#include <stdlib.h>

typedef struct {
    pbase_arena *arena;
    index_touched *out;
    size_t capacity;
    uint64_t count; /* of the list now */
    uint64_t base_count;
} touch_reader;

static pbase_status grow(touch_reader *r, pbase_error *err)
{
    size_t size = r->out->is_positional ? sizeof *r->out->places : sizeof *r->out->keys;
    size_t capacity = r->capacity == 0 ? 8 : r->capacity * 2;
    void *grown = pbase_arena_array(r->arena, capacity, size);
    const void *old =
        r->out->is_positional ? (const void *)r->out->places : (const void *)r->out->keys;
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep indexes");
    }
    if (r->out->count > 0) {
        memcpy(grown, old, r->out->count * size);
    }
    if (r->out->is_positional) {
        r->out->places = grown;
    } else {
        r->out->keys = grown;
    }
    r->capacity = capacity;
    return PBASE_OK;
}

static pbase_status add_key(touch_reader *r, pbase_bytes key, pbase_error *err)
{
    pbase_status status = r->out->count == r->capacity ? grow(r, err) : PBASE_OK;
    if (status == PBASE_OK) {
        r->out->keys[r->out->count++] = key;
    }
    return status;
}

static pbase_status add_place(touch_reader *r, uint64_t place, pbase_error *err)
{
    pbase_status status = r->out->count == r->capacity ? grow(r, err) : PBASE_OK;
    if (status == PBASE_OK) {
        r->out->places[r->out->count++] = place;
    }
    return status;
}

static void add_from(touch_reader *r, uint64_t place)
{
    r->out->from = place < r->out->from ? place : r->out->from;
}

static pbase_status read_list_change(touch_reader *r, const change *operation, pbase_error *err)
{
    switch (operation->op) {
    case CHANGE_LIST_APPEND:
        r->count++;
        return PBASE_OK; /* `from` is the old end at most */
    case CHANGE_LIST_SET:
        return add_place(r, operation->index, err);
    case CHANGE_LIST_INSERT:
        r->count++;
        add_from(r, operation->index);
        return PBASE_OK;
    case CHANGE_LIST_REMOVE:
        r->count -= r->count > 0;
        add_from(r, operation->index);
        return PBASE_OK;
    default: /* an operation on a run of elements */
        add_from(r, 0);
        return PBASE_OK;
    }
}

static pbase_status read_keyed_change(touch_reader *r, const change *operation, pbase_error *err)
{
    change_touch touch;
    change_touches(operation, r->base_count, &touch);
    return add_key(r, touch.key, err);
}

static int compare_keys(const void *a, const void *b)
{
    return pbase_bytes_compare(*(const pbase_bytes *)a, *(const pbase_bytes *)b);
}

static int compare_places(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_keys(index_touched *out)
{
    size_t kept = 0;
    qsort(out->keys, out->count, sizeof *out->keys, compare_keys);
    for (size_t i = 0; i < out->count; i++) {
        if (kept == 0 || !pbase_bytes_equal(out->keys[kept - 1], out->keys[i])) {
            out->keys[kept++] = out->keys[i];
        }
    }
    out->count = kept;
}

/* What lies at or behind `from` is touched anyway. */
static void sort_places(index_touched *out)
{
    size_t kept = 0;
    qsort(out->places, out->count, sizeof *out->places, compare_places);
    for (size_t i = 0; i < out->count && out->places[i] < out->from; i++) {
        if (kept == 0 || out->places[kept - 1] != out->places[i]) {
            out->places[kept++] = out->places[i];
        }
    }
    out->count = kept;
}

pbase_status index_touched_read(pbase_bytes operations, uint8_t kind, uint64_t base_count,
                                pbase_arena *arena, index_touched *out, pbase_error *err)
{
    index_touched made = {.is_positional = tree_kind_positional(kind), .from = base_count};
    touch_reader r = {arena, &made, 0, base_count, base_count};
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    change operation;
    pbase_status status = change_read(&reader, &operation, err);
    while (status == PBASE_OK) {
        status = made.is_positional ? read_list_change(&r, &operation, err)
                                    : read_keyed_change(&r, &operation, err);
        if (status == PBASE_OK) {
            status = change_read(&reader, &operation, err);
        }
    }
    if (status != PBASE_END) {
        return status;
    }
    if (made.count > 0 && made.is_positional) {
        sort_places(&made);
    } else if (made.count > 0) {
        sort_keys(&made);
    }
    *out = made;
    return PBASE_OK;
}

index_touched index_touched_all(uint8_t kind)
{
    index_touched all = {.is_positional = tree_kind_positional(kind), .is_all = true};
    return all;
}
