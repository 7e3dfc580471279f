/* entry.h - the entries of an index as keys of its tree.
 *
 * An entry is its elements, one for each field, then 00, then the key of the row: what its
 * collection's tree calls it (of a list: the position, 8 bytes). An element is the value in the
 * order-preserving encoding of keys inside a list (collection/key_encoding.h), carried on to what
 * keys refuse: lists in lists, maps, vectors. So the entries stand in the total order of their
 * values, then of their rows, and every element tells where it ends (docs/formats/index.md).
 *
 * An element longer than INDEX_ELEMENT_BYTES_MAX is cut there and marked: two that are cut alike
 * stand in the order of their rows, so whoever reads must look at the values again. The tree counts
 * such entries under the key INDEX_CUT_MARK, above all others.
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_INDEX_ENTRY_H
#define PROTOBASE_INDEX_ENTRY_H
#include "collection/key_encoding.h"

#define INDEX_ELEMENT_BYTES_MAX 512u
/* Bytes that are not the class of a value. */
enum {
    ENTRY_ROW = 0x00,        /* ends the elements */
    ENTRY_LOOSE_TEXT = 0xfd, /* tags[*] where tags is a string: `contains` looks inside it */
    ENTRY_CUT = 0xfe,        /* ends an element that was cut */
    ENTRY_ABOVE = 0xff       /* above everything that begins alike; also the key INDEX_CUT_MARK */
};

/* Appends the element of a value; MISSING is null. `*out_cut` is set when it was cut, else left. */
PBASE_MUST_CHECK pbase_status entry_element(const pbase_value *value, pbase_buffer *out,
                                            bool *out_cut, pbase_error *err);
/* Bytes of the element at the start of `bytes`; 0: there is none. `out_cut` may be NULL. */
size_t entry_element_size(pbase_bytes bytes, bool *out_cut);
/* Bytes of the first `count` elements of an entry; 0: it has not so many. */
size_t entry_prefix_size(pbase_bytes entry, size_t count);
/* The row of an entry of `count` elements. False: it is not one. */
bool entry_row(pbase_bytes entry, size_t count, pbase_bytes *out);
/* True when one of the `count` elements is null. */
bool entry_has_null(pbase_bytes entry, size_t count);
/* A short text of the first `count` elements for messages ("'paris'", "['paris', 42]"). */
void entry_describe(pbase_bytes entry, size_t count, char *out, size_t out_size);

#endif
