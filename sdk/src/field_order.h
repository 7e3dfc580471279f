/* field_order.h - the fields of a map in the order of their names, for comparing and checking. */
#ifndef PBASE_SDK_FIELD_ORDER_H
#define PBASE_SDK_FIELD_ORDER_H
#include <protobase/base/value.h>

/* Maps of at most this many fields are looked through pair by pair, without memory. */
#define FIELD_ORDER_PAIRS_MAX 24u

/* Pointers to the fields of `map`, ascending by name. Returns an array of map->as.map.count that
 * the caller ends with field_order_free; NULL means no memory. */
const pbase_field **field_order_new(const pbase_value *map);
void field_order_free(const pbase_field **order, size_t count); /* NULL is fine */

/* INVALID when two fields of `map` have one name; `out_later` (may be NULL) is then the later of
 * them. NO_MEMORY: a large map could not be looked through. */
PBASE_MUST_CHECK pbase_status field_order_check_unique(const pbase_value *map,
                                                       const pbase_field **out_later,
                                                       pbase_error *err);

#endif
