/* The checked calls of the storage contract, over a storage that says what it is told to say. */
#include "scripted_storage.h"
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

/* ------------------------------------------------------------------------------- the tables --- */

static void whole_and_bare_tables_pass(void **state)
{
    (void)state;
    assert_int_equal(pbase_storage_check(&scripted_storage_full, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_check(&scripted_storage_bare, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_check(NULL, NULL), PBASE_PLUGIN);
}

/* Takes away, one after the other, every pointer of `table` (`slots` of them from `first` on), and
 * then shortens it: each time the check must name a table, a slot or a capability. */
static void sweep_slots(pbase_storage_vtable *whole, void *table, size_t size, size_t first)
{
    for (size_t at = first; at + sizeof(void *) <= size; at += sizeof(void *)) {
        void *held;
        memcpy(&held, (uint8_t *)table + at, sizeof held);
        memset((uint8_t *)table + at, 0, sizeof held);
        pbase_error err;
        pbase_error_init(&err);
        pbase_status status = pbase_storage_check(whole, &err);
        memcpy((uint8_t *)table + at, &held, sizeof held);
        assert_int_equal(status, PBASE_PLUGIN);
        assert_non_null(strstr(err.message, "storage"));
        uint32_t short_size = (uint32_t)at;
        uint32_t whole_size;
        memcpy(&whole_size, table, sizeof whole_size);
        memcpy(table, &short_size, sizeof short_size);
        status = pbase_storage_check(whole, &err);
        memcpy(table, &whole_size, sizeof whole_size);
        assert_int_equal(status, PBASE_PLUGIN);
    }
    assert_int_equal(pbase_storage_check(whole, NULL), PBASE_OK);
}

static void missing_slots_are_refused_one_by_one(void **state)
{
    (void)state;
    pbase_storage_vtable whole = scripted_storage_full;
    pbase_storage_meta_ops m = *scripted_storage_full.meta;
    pbase_storage_journal_ops j = *scripted_storage_full.journal;
    pbase_storage_atom_ops a = *scripted_storage_full.atoms;
    pbase_storage_segment_ops s = *scripted_storage_full.segments;
    pbase_storage_lock_ops l = *scripted_storage_full.locks;
    whole.meta = &m;
    whole.journal = &j;
    whole.atoms = &a;
    whole.segments = &s;
    whole.locks = &l;
    sweep_slots(&whole, &whole, sizeof whole, offsetof(pbase_storage_vtable, meta));
    sweep_slots(&whole, &m, sizeof m, offsetof(pbase_storage_meta_ops, get));
    j.pulse = NULL; /* may be missing */
    sweep_slots(&whole, &j, offsetof(pbase_storage_journal_ops, pulse),
                offsetof(pbase_storage_journal_ops, head));
    sweep_slots(&whole, &a, sizeof a, offsetof(pbase_storage_atom_ops, write));
    s.is_alone = NULL; /* may be missing */
    sweep_slots(&whole, &s, offsetof(pbase_storage_segment_ops, is_alone),
                offsetof(pbase_storage_segment_ops, list));
    sweep_slots(&whole, &l, sizeof l, offsetof(pbase_storage_lock_ops, acquire));
}

static void missing_slot_is_named(void **state)
{
    (void)state;
    pbase_storage_journal_ops j = *scripted_storage_full.journal;
    pbase_storage_vtable whole = scripted_storage_full;
    pbase_error err;
    whole.journal = &j;
    j.trim = NULL;
    assert_int_equal(pbase_storage_check(&whole, &err), PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "storage.journal"));
    assert_non_null(strstr(err.message, "'trim'"));
}

static void capabilities_and_slots_must_agree(void **state)
{
    (void)state;
    static const uint32_t tied[] = {PBASE_STORAGE_MAP, PBASE_STORAGE_PUNCH, PBASE_STORAGE_RESERVE,
                                    PBASE_STORAGE_PIN, PBASE_STORAGE_SEGMENT_IO};
    for (size_t i = 0; i < sizeof tied / sizeof tied[0]; i++) {
        pbase_storage_vtable too_modest = scripted_storage_full;
        pbase_storage_vtable too_proud = scripted_storage_bare;
        pbase_error err;
        too_modest.capabilities &= ~tied[i];
        too_proud.capabilities |= tied[i];
        assert_int_equal(pbase_storage_check(&too_modest, &err), PBASE_PLUGIN);
        assert_non_null(strstr(err.message, "capability"));
        assert_int_equal(pbase_storage_check(&too_proud, &err), PBASE_PLUGIN);
        assert_non_null(strstr(err.message, "capability"));
    }
}

static void durability_levels_must_be_known_and_some(void **state)
{
    (void)state;
    pbase_storage_vtable whole = scripted_storage_full;
    whole.durability_mask = 0;
    assert_int_equal(pbase_storage_check(&whole, NULL), PBASE_PLUGIN);
    whole.durability_mask = 0x10;
    assert_int_equal(pbase_storage_check(&whole, NULL), PBASE_PLUGIN);
}

/* ---------------------------------------------------------------------------------- results --- */

/* Expects that the call is refused as PLUGIN with a message naming `slot`. */
#define ASSERT_BROKEN(call, slot)                                                                  \
    do {                                                                                           \
        pbase_error err;                                                                           \
        pbase_error_init(&err);                                                                    \
        assert_int_equal((call), PBASE_PLUGIN);                                                    \
        assert_non_null(strstr(err.message, slot));                                                \
        assert_non_null(strstr(err.message, "contract"));                                          \
    } while (0)

static void failures_of_slots_pass_through(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    f.status = PBASE_NO_SPACE;
    pbase_error err;
    pbase_error_init(&err);
    pbase_bytes document = pbase_bytes_text("before");
    uint64_t version = 42;
    assert_int_equal(pbase_storage_meta_get(&f.base, NULL, NULL, &document, &version, &err),
                     PBASE_NO_SPACE);
    assert_string_equal(err.message, "as told");
    assert_int_equal(version, 42);
    assert_int_equal(document.size, 6);
}

static void silent_failure_is_given_words(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    f.status = PBASE_IO;
    f.is_silent = true;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_storage_wait(&f.base, NULL, 0, &err), PBASE_IO);
    assert_int_equal(err.code, PBASE_IO);
    assert_non_null(strstr(err.message, "storage.journal.wait"));
    assert_int_equal(pbase_storage_wait(&f.base, NULL, 0, NULL), PBASE_IO);
}

static void statuses_that_do_not_exist_break_the_contract(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    f.is_silent = true;
    static const pbase_status strange[] = {-1, 2, 9, 77, PBASE_END};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        f.status = strange[i];
        ASSERT_BROKEN(pbase_storage_wait(&f.base, NULL, 0, &err), "storage.journal.wait");
    }
}

static void impossible_documents_break_the_contract(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_bytes out = pbase_bytes_text("before");
    uint64_t version = 42;
    f.document = pbase_bytes_of("x", PBASE_META_BYTES_MAX + 1);
    f.version = 1;
    ASSERT_BROKEN(pbase_storage_meta_get(&f.base, NULL, NULL, &out, &version, &err),
                  "storage.meta.get");
    f.document = pbase_bytes_of("x", 1);
    f.version = 0;
    ASSERT_BROKEN(pbase_storage_meta_get(&f.base, NULL, NULL, &out, &version, &err),
                  "storage.meta.get");
    f.document = pbase_bytes_of(NULL, 1);
    f.version = 1;
    ASSERT_BROKEN(pbase_storage_meta_get(&f.base, NULL, NULL, &out, &version, &err),
                  "storage.meta.get");
    assert_int_equal(version, 42);
    f.document = pbase_bytes_of(NULL, 0);
    f.version = 0;
    assert_int_equal(pbase_storage_meta_get(&f.base, NULL, NULL, &out, &version, NULL), PBASE_OK);
    assert_int_equal(out.size, 0);
}

static void impossible_heads_break_the_contract(void **state)
{
    (void)state;
    static const pbase_journal_head impossible[] = {
        {.head = 10, .first = 11},
        {.head = 10, .first = 1, .synced = 11},
        {.head = 10, .first = 1, .anchor = 11},
        {.head = 10, .first = 5, .anchor = 4},
    };
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_journal_head out = {.head = 42};
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        f.head = impossible[i];
        ASSERT_BROKEN(pbase_storage_journal_head(&f.base, NULL, PBASE_HEAD_LOCAL, &out, &err),
                      "storage.journal.head");
        assert_int_equal(out.head, 42);
    }
    f.head = (pbase_journal_head){.head = 10, .first = 5, .anchor = 7, .synced = 10};
    assert_int_equal(pbase_storage_journal_head(&f.base, NULL, PBASE_HEAD_LATEST, &out, NULL),
                     PBASE_OK);
    assert_int_equal(out.anchor, 7);
}

static void impossible_appends_break_the_contract(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_bytes record = pbase_bytes_text("record");
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY};
    pbase_journal_appended out = {42, 43};
    f.appended = (pbase_journal_appended){.first = 10, .end = 10};
    ASSERT_BROKEN(pbase_storage_append(&f.base, NULL, &append, &out, &err),
                  "storage.journal.append");
    f.appended = (pbase_journal_appended){.first = 10, .end = 20};
    append.expected = 11;
    ASSERT_BROKEN(pbase_storage_append(&f.base, NULL, &append, &out, &err),
                  "storage.journal.append");
    assert_int_equal(out.first, 42);
    append.expected = 10;
    assert_int_equal(pbase_storage_append(&f.base, NULL, &append, &out, NULL), PBASE_OK);
    assert_int_equal(out.end, 20);
}

static void impossible_outcomes_break_the_contract(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_token token = {{0}};
    int32_t outcome = 42;
    pbase_position position = 42;
    f.outcome = 3;
    ASSERT_BROKEN(pbase_storage_outcome(&f.base, NULL, token, &outcome, &position, &err),
                  "storage.journal.outcome");
    f.outcome = PBASE_OUTCOME_ABSENT;
    assert_int_equal(pbase_storage_outcome(&f.base, NULL, token, &outcome, &position, NULL),
                     PBASE_OK);
    assert_int_equal(position, 42); /* only when found */
    f.outcome = PBASE_OUTCOME_FOUND;
    assert_int_equal(pbase_storage_outcome(&f.base, NULL, token, &outcome, &position, NULL),
                     PBASE_OK);
    assert_int_equal(position, 77);
}

static void impossible_scans_break_the_contract(void **state)
{
    (void)state;
    static const pbase_journal_record impossible[] = {
        {.position = 5, .next = 5, .count = 1},
        {.position = 5, .next = 6, .index = 1, .count = 1},
        {.position = 5, .next = 6, .count = 1, .bytes = {NULL, 1}},
        {.position = 5, .next = 6, .count = 1, .bytes = {(const uint8_t *)"", (size_t)1 << 31}},
    };
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    int place = 0;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record out = {.position = 42};
    ASSERT_BROKEN(pbase_storage_scan_open(&f.base, NULL, 0, &scan, &err),
                  "storage.journal.scan_open");
    f.scan = (pbase_journal_scan *)(void *)&place;
    assert_int_equal(pbase_storage_scan_open(&f.base, NULL, 0, &scan, NULL), PBASE_OK);
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        f.record = impossible[i];
        ASSERT_BROKEN(pbase_storage_scan_next(&f.base, NULL, scan, &out, &err),
                      "storage.journal.scan_next");
        assert_int_equal(out.position, 42);
    }
    f.status = PBASE_END;
    assert_int_equal(pbase_storage_scan_next(&f.base, NULL, scan, &out, NULL), PBASE_END);
    pbase_storage_scan_close(&f.base, scan);
    unsigned calls = f.calls;
    pbase_storage_scan_close(&f.base, NULL);
    assert_int_equal(f.calls, calls);
}

static void impossible_pointers_break_the_contract(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_bytes two[] = {pbase_bytes_text("one"), pbase_bytes_text("two")};
    pbase_atom_pointer out[2];
    const pbase_atom_pointer impossible[] = {
        PBASE_ATOM_NONE,
        pbase_atom_pointer_of(3, 0), /* the segment's header */
        pbase_atom_pointer_of(3, 72),
    };
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        f.pointer = impossible[i];
        ASSERT_BROKEN(
            pbase_storage_atoms_write(&f.base, NULL, two, 2, PBASE_ATOMS_DURABLE, out, &err),
            "storage.atoms.write");
    }
    f.pointer = pbase_atom_pointer_of(3, 128);
    assert_int_equal(
        pbase_storage_atoms_write(&f.base, NULL, two, 2, PBASE_ATOMS_DURABLE, out, NULL), PBASE_OK);
}

static void impossible_reads_and_maps_break_the_contract(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    static _Alignas(64) const uint8_t bytes[64] = {0};
    uint8_t buffer[8];
    size_t read = 42;
    pbase_atom_map map = {NULL, 42};
    uint32_t log_id = 42;
    f.read = 9;
    ASSERT_BROKEN(pbase_storage_atoms_read(&f.base, NULL, pbase_atom_pointer_of(1, 64), buffer, 8,
                                           &read, &err),
                  "storage.atoms.read");
    ASSERT_BROKEN(pbase_storage_segment_read(&f.base, NULL, 1, 0, buffer, 8, &read, &err),
                  "storage.segments.segment_read");
    assert_int_equal(read, 42);
    f.map = (pbase_atom_map){bytes + 1, 8};
    ASSERT_BROKEN(pbase_storage_atoms_map(&f.base, 1, &map, &err), "storage.atoms.map");
    f.map = (pbase_atom_map){NULL, 8};
    ASSERT_BROKEN(pbase_storage_atoms_map(&f.base, 1, &map, &err), "storage.atoms.map");
    assert_int_equal(map.size_bytes, 42);
    f.log_id = PBASE_ATOM_LOG_MAX + 1;
    ASSERT_BROKEN(pbase_storage_atoms_reserve(&f.base, NULL, &log_id, &err),
                  "storage.atoms.reserve");
    assert_int_equal(log_id, 42);
}

static pbase_status count_segment(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    (void)segment;
    (void)err;
    ++*(unsigned *)state;
    return PBASE_END; /* enough */
}

static void impossible_segments_are_not_shown(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    unsigned shown = 0;
    f.segment = (pbase_segment_info){.log_id = PBASE_ATOM_LOG_MAX + 1};
    ASSERT_BROKEN(pbase_storage_segments_list(&f.base, NULL, count_segment, &shown, &err),
                  "storage.segments.list");
    f.segment = (pbase_segment_info){.sealed = 4};
    ASSERT_BROKEN(pbase_storage_segments_list(&f.base, NULL, count_segment, &shown, &err),
                  "storage.segments.list");
    assert_int_equal(shown, 0);
    f.segment = (pbase_segment_info){.sealed = 1, .log_id = 3};
    assert_int_equal(pbase_storage_segments_list(&f.base, NULL, count_segment, &shown, NULL),
                     PBASE_END);
    assert_int_equal(shown, 1);
}

/* -------------------------------------------------------------------------------- arguments --- */

static void impossible_arguments_never_reach_the_storage(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_storage *s = &f.base;
    pbase_bytes huge = pbase_bytes_of("x", (size_t)PBASE_RECORD_BYTES_MAX + 1);
    pbase_bytes nothing = pbase_bytes_of(NULL, 0);
    pbase_atom_pointer pointer = 0;
    pbase_journal_append append = {.records = &huge, .record_count = 1};
    pbase_journal_appended appended;
    pbase_journal_head head;
    pbase_atom_map map;
    pbase_segment_info segment = {.log_id = 1, .size_bytes = 5};
    size_t read = 0;
    uint64_t fence = 0;
    char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';

    assert_int_equal(pbase_storage_meta_cas(s, NULL, 0, huge, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_storage_journal_head(s, NULL, 2, &head, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_append(s, NULL, &append, &appended, NULL), PBASE_LIMIT);
    append.record_count = 0;
    assert_int_equal(pbase_storage_append(s, NULL, &append, &appended, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_trim(s, NULL, 6, 5, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_write(s, NULL, &huge, 1, 0, &pointer, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_storage_atoms_write(s, NULL, &nothing, 1, 0, &pointer, NULL),
                     PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_write(s, NULL, &huge, 0, 0, &pointer, NULL),
                     PBASE_INVALID);
    pbase_bytes one = pbase_bytes_text("x");
    assert_int_equal(pbase_storage_atoms_write(s, NULL, &one, 1, 3, &pointer, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_read(s, NULL, PBASE_ATOM_NONE, &read, 8, &read, NULL),
                     PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_map(s, PBASE_ATOM_LOG_MAX + 1, &map, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_atoms_punch(s, NULL, 1, 8, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_segment_retire(s, NULL, UINT32_MAX, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_segment_put(s, NULL, &segment, one, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_lock_acquire(s, NULL, "", 0, 0, &fence, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_lock_acquire(s, NULL, NULL, 0, 0, &fence, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_lock_acquire(s, NULL, long_name, 0, 0, &fence, NULL),
                     PBASE_LIMIT);
    assert_int_equal(pbase_storage_lock_acquire(s, NULL, "writer", 2, 0, &fence, NULL),
                     PBASE_INVALID);
    assert_int_equal(pbase_storage_control(s, NULL, "", one, NULL, NULL), PBASE_INVALID);
    assert_int_equal(f.calls, 0);
}

static void durability_that_is_not_offered_is_unsupported(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_error err;
    assert_int_equal(pbase_storage_sync(&f.base, NULL, 0, PBASE_DURABILITY_REMOTE, &err),
                     PBASE_UNSUPPORTED);
    assert_non_null(strstr(err.message, "'remote'"));
    assert_int_equal(pbase_storage_sync(&f.base, NULL, 0, 4, NULL), PBASE_INVALID);
    assert_int_equal(pbase_storage_sync(&f.base, NULL, 0, -1, NULL), PBASE_INVALID);
    assert_int_equal(f.calls, 0);
    assert_int_equal(pbase_storage_sync(&f.base, NULL, 0, PBASE_DURABILITY_SYNC, NULL), PBASE_OK);
}

static void absent_slots_are_unsupported(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_bare);
    pbase_storage *s = &f.base;
    pbase_atom_map map;
    uint32_t log_id = 0;
    size_t read = 0;
    pbase_segment_info segment = {0};
    pbase_error err;
    assert_int_equal(pbase_storage_atoms_map(s, 0, &map, &err), PBASE_UNSUPPORTED);
    assert_non_null(strstr(err.message, "storage.atoms.map"));
    assert_int_equal(pbase_storage_atoms_punch(s, NULL, 64, 8, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_storage_atoms_reserve(s, NULL, &log_id, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_storage_pin(s, NULL, 1, 1, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_storage_unpin(s, NULL, 1, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_storage_segment_read(s, NULL, 0, 0, &read, 8, &read, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(pbase_storage_segment_put(s, NULL, &segment, pbase_bytes_text(""), NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(pbase_storage_control(s, NULL, "verb", pbase_bytes_text(""), NULL, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(f.calls, 0);
}

static pbase_status count_stat(void *state, const char *name, uint64_t value, const char *unit,
                               pbase_error *err)
{
    (void)name;
    (void)unit;
    (void)err;
    *(uint64_t *)state += value;
    return PBASE_OK;
}

static pbase_status count_finding(void *state, pbase_status code, const char *place,
                                  const char *message, pbase_error *err)
{
    (void)place;
    (void)message;
    (void)err;
    *(uint64_t *)state += (uint64_t)code;
    return PBASE_OK;
}

static void everything_else_reaches_the_storage(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_storage *s = &f.base;
    uint64_t fence = 0;
    uint64_t total = 0;
    pbase_journal_tail tail;
    pbase_segment_info segment = {.log_id = 1, .size_bytes = 1};
    assert_int_equal(pbase_storage_meta_cas(s, NULL, 0, pbase_bytes_text("x"), NULL), PBASE_OK);
    assert_int_equal(pbase_storage_wait(s, NULL, 0, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_trim(s, NULL, 5, 5, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_tail(s, &tail, NULL), PBASE_OK);
    assert_int_equal(tail.torn_bytes, 5);
    assert_int_equal(pbase_storage_atoms_punch(s, NULL, pbase_atom_pointer_of(1, 64), 8, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_storage_segment_retire(s, NULL, 1, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_pin(s, NULL, 1, 1, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_unpin(s, NULL, 1, NULL), PBASE_OK);
    assert_int_equal(pbase_storage_segment_put(s, NULL, &segment, pbase_bytes_text("x"), NULL),
                     PBASE_OK);
    assert_int_equal(
        pbase_storage_lock_acquire(s, NULL, "writer", PBASE_LOCK_EXCLUSIVE, 0, &fence, NULL),
        PBASE_OK);
    assert_int_equal(fence, 9);
    assert_int_equal(pbase_storage_lock_renew(s, NULL, "writer", fence, 5, NULL), PBASE_OK);
    pbase_storage_lock_release(s, "writer", fence);
    assert_int_equal(pbase_storage_stats(s, NULL, count_stat, &total, NULL), PBASE_OK);
    assert_int_equal(total, 5);
    assert_int_equal(pbase_storage_verify(s, NULL, count_finding, &total, NULL), PBASE_OK);
    assert_int_equal(total, 5 + PBASE_CORRUPT);
    pbase_storage_close(s);
    pbase_storage_close(NULL);
    assert_int_equal(f.calls, 15);
}

static void failed_control_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    scripted_storage f;
    scripted_storage_init(&f, &scripted_storage_full);
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());
    assert_int_equal(pbase_storage_control(&f.base, NULL, "verb", pbase_bytes_text(""), &out, NULL),
                     PBASE_OK);
    assert_int_equal(out.size, 4);
    f.status = PBASE_NETWORK;
    assert_int_equal(pbase_storage_control(&f.base, NULL, "verb", pbase_bytes_text(""), &out, NULL),
                     PBASE_NETWORK);
    assert_int_equal(out.size, 4);
    pbase_buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_bare_tables_pass),
        cmocka_unit_test(missing_slots_are_refused_one_by_one),
        cmocka_unit_test(missing_slot_is_named),
        cmocka_unit_test(capabilities_and_slots_must_agree),
        cmocka_unit_test(durability_levels_must_be_known_and_some),
        cmocka_unit_test(failures_of_slots_pass_through),
        cmocka_unit_test(silent_failure_is_given_words),
        cmocka_unit_test(statuses_that_do_not_exist_break_the_contract),
        cmocka_unit_test(impossible_documents_break_the_contract),
        cmocka_unit_test(impossible_heads_break_the_contract),
        cmocka_unit_test(impossible_appends_break_the_contract),
        cmocka_unit_test(impossible_outcomes_break_the_contract),
        cmocka_unit_test(impossible_scans_break_the_contract),
        cmocka_unit_test(impossible_pointers_break_the_contract),
        cmocka_unit_test(impossible_reads_and_maps_break_the_contract),
        cmocka_unit_test(impossible_segments_are_not_shown),
        cmocka_unit_test(impossible_arguments_never_reach_the_storage),
        cmocka_unit_test(durability_that_is_not_offered_is_unsupported),
        cmocka_unit_test(absent_slots_are_unsupported),
        cmocka_unit_test(everything_else_reaches_the_storage),
        cmocka_unit_test(failed_control_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
