/* field_order.c - heapsort of pointers to fields: in place, and never slower than n log n, however
 * a stranger ordered them. Names that ascend already, and small maps, need no sorting to be found
 * unique. */
#include "field_order.h"

#define NAME_SHOWN_MAX 64u /* bytes of a name in a message */

static bool is_below(const pbase_field *a, const pbase_field *b)
{
    return pbase_bytes_compare(a->name, b->name) < 0;
}

static void swap(const pbase_field **a, const pbase_field **b)
{
    const pbase_field *held = *a;
    *a = *b;
    *b = held;
}

/* Lets order[root] sink until it is no smaller than its children. */
static void sink(const pbase_field **order, size_t root, size_t count)
{
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && is_below(order[child], order[child + 1])) {
            child++;
        }
        if (!is_below(order[root], order[child])) {
            return;
        }
        swap(&order[root], &order[child]);
        root = child;
    }
}

static void sort(const pbase_field **order, size_t count)
{
    for (size_t root = count / 2; root > 0; root--) {
        sink(order, root - 1, count);
    }
    for (size_t last = count; last > 1; last--) {
        swap(&order[0], &order[last - 1]);
        sink(order, 0, last - 1);
    }
}

const pbase_field **field_order_new(const pbase_value *map)
{
    size_t count = map->as.map.count;
    if (count > SIZE_MAX / sizeof(pbase_field *)) {
        return NULL;
    }
    const pbase_field **order =
        (const pbase_field **)pbase_alloc_new(pbase_alloc_default(), count * sizeof *order);
    if (order == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = &map->as.map.fields[i];
    }
    sort(order, count);
    return order;
}

void field_order_free(const pbase_field **order, size_t count)
{
    pbase_alloc_free(pbase_alloc_default(), (void *)order, count * sizeof *order);
}

/* ---------------------------------------------------------------------------------- uniqueness --- */

static bool names_ascend(const pbase_value *map)
{
    const pbase_field *fields = map->as.map.fields;
    for (size_t i = 1; i < map->as.map.count; i++) {
        if (!is_below(&fields[i - 1], &fields[i])) {
            return false;
        }
    }
    return true;
}

/* The first field that repeats the name of an earlier one; NULL when there is none. */
static const pbase_field *repeated_by_pairs(const pbase_value *map)
{
    const pbase_field *fields = map->as.map.fields;
    for (size_t i = 1; i < map->as.map.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (pbase_bytes_equal(fields[i].name, fields[k].name)) {
                return &fields[i];
            }
        }
    }
    return NULL;
}

static const pbase_field *repeated_by_order(const pbase_field *const *order, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (pbase_bytes_equal(order[i - 1]->name, order[i]->name)) {
            return order[i - 1] > order[i] ? order[i - 1] : order[i];
        }
    }
    return NULL;
}

static pbase_status find_repeated(const pbase_value *map, const pbase_field **out, pbase_error *err)
{
    size_t count = map->as.map.count;
    if (count <= FIELD_ORDER_PAIRS_MAX) {
        *out = repeated_by_pairs(map);
        return PBASE_OK;
    }
    if (names_ascend(map)) {
        return PBASE_OK;
    }
    const pbase_field **order = field_order_new(map);
    if (order == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to check a map of %zu fields", count);
    }
    *out = repeated_by_order(order, count);
    field_order_free(order, count);
    return PBASE_OK;
}

pbase_status field_order_check_unique(const pbase_value *map, const pbase_field **out_later,
                                      pbase_error *err)
{
    const pbase_field *later = NULL;
    pbase_status status = find_repeated(map, &later, err);
    if (status != PBASE_OK || later == NULL) {
        return status;
    }
    if (out_later != NULL) {
        *out_later = later;
    }
    return PBASE_FAIL(err, PBASE_INVALID, "the field '%.*s' is given twice",
                      later->name.size > NAME_SHOWN_MAX ? (int)NAME_SHOWN_MAX
                                                        : (int)later->name.size,
                      later->name.size == 0 ? "" : (const char *)later->name.data);
}
