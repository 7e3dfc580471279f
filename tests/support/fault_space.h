/* fault_space.h - the space that fault scenarios (fault_scene.h) begin with, settled on a disk.
 *
 * Database "main", with trees of several levels under most roots:
 *   dict, dict2      300 and 100 documents {n, text} by integer; 50 keys in common
 *   list, list2      300 and 40 texts
 *   long             5,000 integers: more than is copied when it is put behind another list
 *   set, set2        300 and 100 texts; 50 in common
 *   counted, counted2  the same as elements, 1 to 3 times each
 *   hash, hash2      as dict, with keys that are maps
 *   multi            100 keys with 3 records each
 *   nested           a dictionary: 1 is {name, list, set}, 2 a list, 3 a dictionary
 *   value            {n, list}, a plain value with a collection in it
 *   files            a dictionary: 1 is a blob of 100,000 bytes "notes.txt"
 *   people           a dictionary of 200 documents {name, city, age, boss, tags}, with indexes by_city
 *                    (city, age), by_tag (tags[*]) and by_name (name, unique)
 * and 60 objects of the classes Person and Company, the persons with a reference `employer`.
 * Then the databases "other" (dict), "frozen" (a snapshot of main) and "branch" (a branch of it). */
#ifndef PBASE_TEST_FAULT_SPACE_H
#define PBASE_TEST_FAULT_SPACE_H
#include "space_fixture.h"

#define FAULT_BLOB_BYTES 100000u

/* Fills the open, empty space of a fixture and settles it. */
void fault_space_fill(space_fixture *fixture);
/* The id of the n-th object: the first 30 are persons, the others companies. */
pbase_object_id fault_object_id(uint64_t n);

#endif
