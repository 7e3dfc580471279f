/* value_compare.c - the total order of values, and identity.
 *
 * Ints and floats are compared by exact value, never by rounding one to the other. Two maps are
 * decided by the smallest name on which they differ, which needs no sorted copy; only large maps
 * whose fields stand in different orders are sorted, and without memory for that they are compared
 * slowly rather than not at all. Recursion stops at PBASE_DEPTH_MAX. */
#include "field_order.h"
#include <math.h>

static int compare_at(const pbase_value *a, const pbase_value *b, unsigned depth);

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* NaN equals itself and is the greatest; -0.0 equals 0.0. */
static int compare_double(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (isnan(a) != 0) - (isnan(b) != 0);
    }
    return (a > b) - (a < b);
}

static int compare_int_with_double(int64_t a, double b)
{
    if (isnan(b) || b >= 0x1p63) {
        return -1;
    }
    if (b < -0x1p63) {
        return 1;
    }
    double whole = trunc(b); /* within int64 */
    int order = compare_i64(a, (int64_t)whole);
    return order != 0 ? order : compare_double(whole, b);
}

static int compare_numbers(const pbase_value *a, const pbase_value *b)
{
    if (a->kind == PBASE_INT) {
        return b->kind == PBASE_INT ? compare_i64(a->as.integer, b->as.integer)
                                    : compare_int_with_double(a->as.integer, b->as.real);
    }
    return b->kind == PBASE_FLOAT ? compare_double(a->as.real, b->as.real)
                                  : -compare_int_with_double(b->as.integer, a->as.real);
}

static int compare_lists(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    size_t shared = a->as.list.count < b->as.list.count ? a->as.list.count : b->as.list.count;
    for (size_t i = 0; i < shared; i++) {
        int order = compare_at(&a->as.list.items[i], &b->as.list.items[i], depth + 1);
        if (order != 0) {
            return order;
        }
    }
    return compare_u64(a->as.list.count, b->as.list.count);
}

static int compare_vectors(const pbase_value *a, const pbase_value *b)
{
    size_t shared =
        a->as.vector.count < b->as.vector.count ? a->as.vector.count : b->as.vector.count;
    for (size_t i = 0; i < shared; i++) {
        int order = compare_double((double)a->as.vector.items[i], (double)b->as.vector.items[i]);
        if (order != 0) {
            return order;
        }
    }
    return compare_u64(a->as.vector.count, b->as.vector.count);
}

/* -------------------------------------------------------------------------------------- maps --- */

/* Finds `name`, trying index `hint` first: maps of one shape have it at the same place. */
static const pbase_field *find(const pbase_value *map, pbase_bytes name, size_t hint)
{
    const pbase_field *fields = map->as.map.fields;
    if (hint < map->as.map.count && pbase_bytes_equal(fields[hint].name, name)) {
        return &fields[hint];
    }
    for (size_t i = 0; i < map->as.map.count; i++) {
        if (pbase_bytes_equal(fields[i].name, name)) {
            return &fields[i];
        }
    }
    return NULL;
}

static bool has_name_above(const pbase_value *map, pbase_bytes name)
{
    for (size_t i = 0; i < map->as.map.count; i++) {
        if (pbase_bytes_compare(map->as.map.fields[i].name, name) > 0) {
            return true;
        }
    }
    return false;
}

/* Order of a map that has `name` against `other` that lacks it, equal in all smaller names: in its
 * place `other` has a greater name, or nothing more. */
static int order_of_holder(const pbase_value *other, pbase_bytes name)
{
    return has_name_above(other, name) ? -1 : 1;
}

/* Keeps in `smallest` the smallest name so far on which `a` and `b` differ, and in `order` the
 * order of a and b that it decides; looks at the fields of `a`. */
static void compare_fields(const pbase_value *a, const pbase_value *b, unsigned depth,
                           const pbase_bytes **smallest, int *order)
{
    for (size_t i = 0; i < a->as.map.count; i++) {
        const pbase_field *field = &a->as.map.fields[i];
        if (*smallest != NULL && pbase_bytes_compare(field->name, **smallest) >= 0) {
            continue;
        }
        const pbase_field *match = find(b, field->name, i);
        int here = match == NULL ? order_of_holder(b, field->name)
                                 : compare_at(&field->value, &match->value, depth + 1);
        if (here != 0) {
            *smallest = &field->name;
            *order = here;
        }
    }
}

/* Keeps the smallest name that only `b` has, as above. */
static void compare_missing(const pbase_value *a, const pbase_value *b,
                            const pbase_bytes **smallest, int *order)
{
    for (size_t i = 0; i < b->as.map.count; i++) {
        const pbase_bytes *name = &b->as.map.fields[i].name;
        if (*smallest != NULL && pbase_bytes_compare(*name, **smallest) >= 0) {
            continue;
        }
        if (find(a, *name, i) == NULL) {
            *smallest = name;
            *order = -order_of_holder(a, *name);
        }
    }
}

static int compare_maps_by_search(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    const pbase_bytes *smallest = NULL;
    int order = 0;
    compare_fields(a, b, depth, &smallest, &order);
    compare_missing(a, b, &smallest, &order);
    return order;
}

static int compare_ordered(const pbase_field *const *a, size_t a_count, const pbase_field *const *b,
                           size_t b_count, unsigned depth)
{
    size_t shared = a_count < b_count ? a_count : b_count;
    for (size_t i = 0; i < shared; i++) {
        int order = pbase_bytes_compare(a[i]->name, b[i]->name);
        if (order == 0) {
            order = compare_at(&a[i]->value, &b[i]->value, depth + 1);
        }
        if (order != 0) {
            return order;
        }
    }
    return compare_u64(a_count, b_count);
}

static bool have_one_shape(const pbase_value *a, const pbase_value *b)
{
    if (a->as.map.count != b->as.map.count) {
        return false;
    }
    for (size_t i = 0; i < a->as.map.count; i++) {
        if (!pbase_bytes_equal(a->as.map.fields[i].name, b->as.map.fields[i].name)) {
            return false;
        }
    }
    return true;
}

static int compare_maps_by_order(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    const pbase_field **a_order = field_order_new(a);
    const pbase_field **b_order = field_order_new(b);
    int order;
    if (a_order != NULL && b_order != NULL) {
        order = compare_ordered(a_order, a->as.map.count, b_order, b->as.map.count, depth);
    } else {
        order = compare_maps_by_search(a, b, depth);
    }
    field_order_free(b_order, b->as.map.count);
    field_order_free(a_order, a->as.map.count);
    return order;
}

static int compare_maps(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    if (a->as.map.count == 0 || b->as.map.count == 0) {
        return compare_u64(a->as.map.count, b->as.map.count);
    }
    bool is_small =
        a->as.map.count <= FIELD_ORDER_PAIRS_MAX && b->as.map.count <= FIELD_ORDER_PAIRS_MAX;
    return is_small || have_one_shape(a, b) ? compare_maps_by_search(a, b, depth)
                                            : compare_maps_by_order(a, b, depth);
}

/* ---------------------------------------------------------------------------------- all kinds --- */

/* Ints and floats are one class: numbers. */
static int class_of(const pbase_value *value)
{
    return value->kind == PBASE_FLOAT ? PBASE_INT : value->kind;
}

static int compare_at(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    if (class_of(a) != class_of(b)) {
        return class_of(a) < class_of(b) ? -1 : 1;
    }
    switch (a->kind) {
    case PBASE_BOOL:
        return (int)a->as.boolean - (int)b->as.boolean;
    case PBASE_INT:
    case PBASE_FLOAT:
        return compare_numbers(a, b);
    case PBASE_STRING:
    case PBASE_BYTES:
        return pbase_bytes_compare(a->as.string, b->as.string);
    case PBASE_TIMESTAMP:
        return compare_i64(a->as.time_ns, b->as.time_ns);
    case PBASE_LIST:
        return depth == PBASE_DEPTH_MAX ? 0 : compare_lists(a, b, depth);
    case PBASE_MAP:
        return depth == PBASE_DEPTH_MAX ? 0 : compare_maps(a, b, depth);
    case PBASE_VECTOR:
        return compare_vectors(a, b);
    case PBASE_REFERENCE:
        return memcmp(a->as.reference.bytes, b->as.reference.bytes, sizeof a->as.reference.bytes);
    case PBASE_CHILD:
        return compare_u64(a->as.child, b->as.child);
    default: /* null, and kinds that pbase_value_check refuses */
        return 0;
    }
}

int pbase_value_compare(const pbase_value *a, const pbase_value *b)
{
    return compare_at(a, b, 0);
}

/* ---------------------------------------------------------------------------------- identity --- */

static bool identical_at(const pbase_value *a, const pbase_value *b, unsigned depth);

static bool identical_double(double a, double b)
{
    return isnan(a) ? isnan(b) != 0 : memcmp(&a, &b, sizeof a) == 0;
}

static bool identical_lists(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    bool same = a->as.list.count == b->as.list.count;
    for (size_t i = 0; i < a->as.list.count && same; i++) {
        same = identical_at(&a->as.list.items[i], &b->as.list.items[i], depth + 1);
    }
    return same;
}

static bool identical_maps(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    bool same = have_one_shape(a, b);
    for (size_t i = 0; i < a->as.map.count && same; i++) {
        same = identical_at(&a->as.map.fields[i].value, &b->as.map.fields[i].value, depth + 1);
    }
    return same;
}

static bool identical_vectors(const pbase_value *a, const pbase_value *b)
{
    bool same = a->as.vector.count == b->as.vector.count;
    for (size_t i = 0; i < a->as.vector.count && same; i++) {
        same = identical_double((double)a->as.vector.items[i], (double)b->as.vector.items[i]);
    }
    return same;
}

static bool identical_at(const pbase_value *a, const pbase_value *b, unsigned depth)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case PBASE_FLOAT:
        return identical_double(a->as.real, b->as.real);
    case PBASE_LIST:
        return depth < PBASE_DEPTH_MAX && identical_lists(a, b, depth);
    case PBASE_MAP:
        return depth < PBASE_DEPTH_MAX && identical_maps(a, b, depth);
    case PBASE_VECTOR:
        return identical_vectors(a, b);
    default:
        return compare_at(a, b, depth) == 0;
    }
}

bool pbase_value_identical(const pbase_value *a, const pbase_value *b)
{
    return identical_at(a, b, 0);
}
