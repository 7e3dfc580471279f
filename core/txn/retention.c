/* retention.c - the list of kept checkpoints, as bytes, and the rule that shortens it. */
#include "txn/retention.h"

#include <string.h>

void retained_list_init(retained_list *list, const pbase_alloc *alloc)
{
    *list = (retained_list){.alloc = alloc};
}

void retained_list_fini(retained_list *list)
{
    pbase_alloc_free(list->alloc, list->items, list->capacity * sizeof *list->items);
    retained_list_init(list, list->alloc);
}

pbase_status retained_list_reserve(retained_list *list, size_t wanted, pbase_error *err)
{
    size_t capacity = list->capacity == 0 ? 8 : list->capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    if (capacity == list->capacity) {
        return PBASE_OK;
    }
    retained_checkpoint *items = list->alloc->resize(
        list->alloc, list->items, list->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the list of kept checkpoints");
    }
    list->items = items;
    list->capacity = capacity;
    return PBASE_OK;
}

pbase_status retained_list_add(retained_list *list, const retained_checkpoint *item,
                               pbase_error *err)
{
    pbase_status status = retained_list_reserve(list, list->count + 1, err);
    if (status == PBASE_OK) {
        list->items[list->count++] = *item;
    }
    return status;
}

pbase_status retained_list_copy(const retained_list *list, retained_list *out, pbase_error *err)
{
    pbase_status status = retained_list_reserve(out, list->count, err);
    if (status == PBASE_OK && list->count > 0) {
        memcpy(out->items, list->items, list->count * sizeof *list->items);
        out->count = list->count;
    }
    return status;
}

/* ------------------------------------------------------------------------------- finding ------ */

/* The last item at or before a sequence or a time. */
static size_t last_of_prefix(const retained_list *list, uint64_t sequence, int64_t time_ns,
                             bool by_time)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const retained_checkpoint *item = &list->items[middle];
        if (by_time ? item->timestamp_ns <= time_ns : item->sequence <= sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? list->count : low - 1;
}

size_t retained_list_find(const retained_list *list, uint64_t sequence)
{
    return last_of_prefix(list, sequence, 0, false);
}

size_t retained_list_find_time(const retained_list *list, int64_t time_ns)
{
    return last_of_prefix(list, 0, time_ns, true);
}

/* --------------------------------------------------------------------------------- bytes ------ */

#define ITEM_BYTES 32u

pbase_status retained_list_write(const retained_list *list, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, list->count, err);
    for (size_t i = 0; i < list->count && status == PBASE_OK; i++) {
        const retained_checkpoint *item = &list->items[i];
        uint8_t bytes[ITEM_BYTES];
        pbase_put_u64(bytes, item->sequence);
        pbase_put_u64(bytes + 8, (uint64_t)item->timestamp_ns);
        pbase_put_u64(bytes + 16, item->root);
        pbase_put_u64(bytes + 24, item->replay);
        status = pbase_buffer_append(out, bytes, sizeof bytes, err);
    }
    return status;
}

static bool read_item(pbase_reader_bytes *reader, const retained_list *list,
                      retained_checkpoint *out)
{
    pbase_bytes bytes;
    if (!pbase_read_bytes(reader, ITEM_BYTES, &bytes)) {
        return false;
    }
    out->sequence = pbase_get_u64(bytes.data);
    out->timestamp_ns = (int64_t)pbase_get_u64(bytes.data + 8);
    out->root = pbase_get_u64(bytes.data + 16);
    out->replay = pbase_get_u64(bytes.data + 24);
    const retained_checkpoint *last = list->count == 0 ? NULL : &list->items[list->count - 1];
    return last == NULL || (out->sequence > last->sequence && out->replay >= last->replay &&
                            out->timestamp_ns >= last->timestamp_ns);
}

pbase_status retained_list_read(pbase_reader_bytes *reader, retained_list *list, pbase_error *err)
{
    uint64_t count = 0;
    if (pbase_reader_bytes_left(reader) == 0) {
        return PBASE_OK;
    }
    bool ok = pbase_read_varint(reader, &count) && count <= RETAINED_MAX;
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; ok && i < count && status == PBASE_OK; i++) {
        retained_checkpoint item;
        ok = read_item(reader, list, &item);
        status = ok ? retained_list_add(list, &item, err) : status;
    }
    return ok ? status
              : PBASE_FAIL(err, PBASE_CORRUPT,
                           "the list of kept checkpoints in a checkpoint record makes no sense");
}

/* -------------------------------------------------------------------------------- policy ------ */

static void remove_at(retained_list *list, size_t at)
{
    list->count--;
    memmove(&list->items[at], &list->items[at + 1], (list->count - at) * sizeof *list->items);
}

/* True when the oldest goes; there is a younger one. A state of `age_ns` ago is reached from the
 * newest checkpoint before it, so that one has to stay. */
static bool oldest_goes(const retention_policy *policy, int64_t now_ns, pbase_position head,
                        const retained_list *list)
{
    if (policy->age_ns == 0 && policy->count == 0 && policy->bytes == 0) {
        return true;
    }
    uint64_t next_age_ns = now_ns > list->items[1].timestamp_ns
                               ? (uint64_t)now_ns - (uint64_t)list->items[1].timestamp_ns
                               : 0;
    return (policy->count > 0 && list->count > policy->count) ||
           (policy->bytes > 0 && head - list->items[0].replay > policy->bytes) ||
           (policy->age_ns > 0 && next_age_ns >= policy->age_ns);
}

/* The one between others whose neighbours would be closest without it. */
static size_t closest(const retained_list *list)
{
    size_t found = 1;
    uint64_t smallest = UINT64_MAX;
    for (size_t i = 1; i + 1 < list->count; i++) {
        uint64_t gap = list->items[i + 1].replay - list->items[i - 1].replay;
        if (gap < smallest) {
            smallest = gap;
            found = i;
        }
    }
    return found;
}

void retention_apply(const retention_policy *policy, int64_t now_ns, pbase_position head,
                     retained_list *list)
{
    size_t drops = 0;
    retained_list rest = *list; /* a window on the same items */
    while (rest.count > 1 && oldest_goes(policy, now_ns, head, &rest)) {
        rest.items++;
        rest.count--;
        drops++;
    }
    memmove(list->items, list->items + drops, rest.count * sizeof *list->items);
    list->count = rest.count;
    while (list->count > RETAINED_MAX) {
        remove_at(list, closest(list));
    }
}
