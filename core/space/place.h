/* place.h - where a damaged atom belongs, in words: the way from a root to the collection it serves,
 * and the keys or elements that lie behind it.
 *
 * What cannot be read on the way is left out; a place is a text for people, and never fails.
 * Threads: pure reads of immutable trees. */
#ifndef PROTOBASE_SPACE_PLACE_H
#define PROTOBASE_SPACE_PLACE_H
#include "txn/catalog.h"

#define PLACE_TEXT_BYTES 512u

/* "root 'people'", "root 'people', in 'smith', in element 3", "index 'by_age' of root 'people'",
 * "the objects", "the list of roots". `collections`: the table of its database. */
void place_of_collection(atom_source *atoms, atom_ref collections, pbase_collection_id id,
                         uint8_t kind, char out[PLACE_TEXT_BYTES]);
/* "keys from 'a' up to 'f'", "key 'a'", "elements 0 to 99", "all entries". `kind` is that of the collection. */
void place_of_entries(uint8_t kind, const tree_walk_atom *atom, char out[PLACE_TEXT_BYTES]);

#endif
