/* scripted_storage.h - a storage that says what it is told to say, to test who calls storages.
 *
 * Every slot answers `status` and, when that is OK, hands out the results below. Threads: confined. */
#ifndef PBASE_TEST_SCRIPTED_STORAGE_H
#define PBASE_TEST_SCRIPTED_STORAGE_H
#include <protobase/plugin/storage.h>

typedef struct {
    pbase_storage base;
    pbase_status status;
    bool is_silent; /* fails without filling err */
    unsigned calls;
    pbase_bytes document;
    uint64_t version;
    char written[1024]; /* the document of the last cas, cut to the room, NUL-ended */
    pbase_journal_head head;
    pbase_journal_appended appended;
    int32_t outcome;
    pbase_journal_scan *scan;
    pbase_journal_record record;
    pbase_atom_pointer pointer;
    size_t read;
    pbase_atom_map map;
    uint32_t log_id;
    pbase_segment_info segment;
} scripted_storage;

/* The whole contract, and the same without anything optional. Both are what a check accepts; a test
 * that needs a broken one changes a copy. */
extern const pbase_storage_vtable scripted_storage_full;
extern const pbase_storage_vtable scripted_storage_bare;

/* Answers OK with zeros. */
void scripted_storage_init(scripted_storage *storage, const pbase_storage_vtable *vtable);

#endif
