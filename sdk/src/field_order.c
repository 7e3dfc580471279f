/* field_order.c - heapsort of pointers to fields: in place, and never slower than n log n, however
 * a stranger ordered them. */
#include "field_order.h"

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
