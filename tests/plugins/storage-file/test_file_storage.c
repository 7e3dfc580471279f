/* test_file_storage.c - what storage/file promises beyond the contract: how much it writes, when it
 * flushes, what it says about damage. On the simulated os, where calls can be counted. */
#include "sim_os.h"
#include "super.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

static const char *const block_settings[] = {"path", "/data", "segment_size", "64KiB", NULL};
static const char *const storage_settings[] = {"journal_segment_size", "256KiB", "async_interval",
                                               "1ms", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", block_settings,
                                  NULL};
static const test_wiring shared_wiring = {"storage-file", PBASE_KIND_STORAGE, "file",
                                          storage_settings, &files};
static const char *const exclusive_settings[] = {
    "journal_segment_size", "256KiB", "async_interval", "1ms", "exclusive", "true", NULL};
static const test_wiring exclusive_wiring = {"storage-file", PBASE_KIND_STORAGE, "file",
                                             exclusive_settings, &files};

static const char *const small_settings[] = {
    "journal_segment_size", "256KiB", "checkpoint_bytes", "1MiB", "exclusive", "true", NULL};
static const test_wiring small_wiring = {"storage-file", PBASE_KIND_STORAGE, "file", small_settings,
                                         &files};

#define SEGMENT_BYTES (256u << 10)
#define SLOT_STEP 69632u /* from one slot of a key to the other (docs/formats/blocks.md) */

typedef struct {
    const test_wiring *wiring;
    sim_os *sim;
    test_host host;
    test_graph *graph;
    pbase_storage *storage; /* NULL while closed */
    pbase_error err;
} fixture;

static pbase_status try_open(fixture *f)
{
    pbase_status status = test_wiring_open(f->wiring, &f->host, &f->graph, &f->err);
    f->storage = status == PBASE_OK ? test_graph_object(f->graph) : NULL;
    return status;
}

static void open_storage(fixture *f)
{
    if (try_open(f) != PBASE_OK) {
        fail_msg("%s", f->err.message);
    }
}

static void close_storage(fixture *f)
{
    test_wiring_close(f->graph);
    f->graph = NULL;
    f->storage = NULL;
}

static int setup_with(void **state, const test_wiring *wiring)
{
    static fixture f;
    f.wiring = wiring;
    f.sim = sim_os_create(1);
    test_host_init(&f.host, sim_os_interface(f.sim));
    pbase_error_init(&f.err);
    open_storage(&f);
    *state = &f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, &shared_wiring);
}

static int setup_exclusive(void **state)
{
    return setup_with(state, &exclusive_wiring);
}

static int setup_small(void **state)
{
    return setup_with(state, &small_wiring);
}

static int teardown(void **state)
{
    fixture *f = *state;
    close_storage(f);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
    assert_int_equal(sim_os_memory_used(f->sim), 0);
    sim_os_destroy(f->sim);
    return 0;
}

static pbase_status try_append_of(fixture *f, int32_t durability, bool names_atoms,
                                  pbase_journal_appended *out)
{
    pbase_bytes record = pbase_bytes_text("a record of some length");
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = durability,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY,
                                   .token = {{1}},
                                   .fence = UINT64_MAX,
                                   .names_no_atoms = !names_atoms};
    return pbase_storage_append(f->storage, NULL, &append, out, &f->err);
}

static pbase_status try_append(fixture *f, int32_t durability, pbase_journal_appended *out)
{
    return try_append_of(f, durability, true, out);
}

static pbase_journal_appended append(fixture *f, int32_t durability)
{
    pbase_journal_appended appended = {0};
    if (try_append(f, durability, &appended) != PBASE_OK) {
        fail_msg("%s", f->err.message);
    }
    return appended;
}

static pbase_status try_write_atom(fixture *f, uint32_t mode, pbase_atom_pointer *out)
{
    static const uint8_t bytes[5000] = {1, 2, 3};
    pbase_bytes atom = pbase_bytes_of(bytes, sizeof bytes);
    return pbase_storage_atoms_write(f->storage, NULL, &atom, 1, mode, out, &f->err);
}

static pbase_atom_pointer write_atom(fixture *f, uint32_t mode)
{
    pbase_atom_pointer pointer = 0;
    if (try_write_atom(f, mode, &pointer) != PBASE_OK) {
        fail_msg("%s", f->err.message);
    }
    return pointer;
}

static pbase_journal_head head(fixture *f)
{
    pbase_journal_head found = {0};
    assert_int_equal(
        pbase_storage_journal_head(f->storage, NULL, PBASE_HEAD_LATEST, &found, &f->err), PBASE_OK);
    return found;
}

/* ------------------------------------------------------------------------------ what it costs --- */

static void a_durable_append_is_one_write_and_no_other_call(void **state)
{
    fixture *f = *state;
    append(f, PBASE_DURABILITY_SYNC);
    uint64_t calls = sim_os_calls(f->sim, OS_CALL_ANY);
    uint64_t writes = sim_os_calls(f->sim, OS_CALL_WRITE);
    for (size_t i = 0; i < 10; i++) {
        append(f, PBASE_DURABILITY_SYNC);
    }
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_WRITE) - writes, 10);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_ANY) - calls, 10);
}

static void sharing_costs_an_append_one_lock_and_no_write(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < 5; i++) { /* after a few uses a lock has its second file */
        append(f, PBASE_DURABILITY_SYNC);
    }
    uint64_t writes = sim_os_calls(f->sim, OS_CALL_WRITE);
    uint64_t locks = sim_os_calls(f->sim, OS_CALL_LOCK);
    uint64_t calls = sim_os_calls(f->sim, OS_CALL_ANY);
    for (size_t i = 0; i < 10; i++) {
        append(f, PBASE_DURABILITY_SYNC);
    }
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_WRITE) - writes, 10);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_LOCK) - locks, 10);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_ANY) - calls, 20);
}

static void an_append_that_names_no_atoms_leaves_them_to_one_that_may(void **state)
{
    fixture *f = *state;
    append(f, PBASE_DURABILITY_SYNC);
    write_atom(f, PBASE_ATOMS_WITH_APPEND);
    uint64_t calls = sim_os_calls(f->sim, OS_CALL_ANY);
    pbase_journal_appended appended = {0};

    assert_int_equal(try_append_of(f, PBASE_DURABILITY_SYNC, false, &appended), PBASE_OK);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_ANY) - calls, 1);
    append(f, PBASE_DURABILITY_SYNC);

    assert_true(sim_os_calls(f->sim, OS_CALL_ANY) - calls > 2); /* the segment was flushed, too */
}

static void an_append_that_need_not_be_durable_flushes_nothing(void **state)
{
    fixture *f = *state;
    append(f, PBASE_DURABILITY_SYNC);
    uint64_t syncs = sim_os_calls(f->sim, OS_CALL_SYNC);
    append(f, PBASE_DURABILITY_NONE);
    append(f, PBASE_DURABILITY_NONE);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_SYNC), syncs);
    assert_true(head(f).synced < head(f).head);
}

/* Appends a mebibyte; the place of the last record. */
static pbase_position append_much(fixture *f)
{
    static const char bytes[16000];
    pbase_bytes record = pbase_bytes_of(bytes, sizeof bytes);
    pbase_journal_appended appended = {0};
    pbase_journal_append much = {.struct_size = sizeof much,
                                 .durability = PBASE_DURABILITY_SYNC,
                                 .records = &record,
                                 .record_count = 1,
                                 .expected = PBASE_POSITION_ANY,
                                 .token = {{1}},
                                 .fence = UINT64_MAX};
    for (size_t size = 0; size < 1u << 20; size += sizeof bytes) {
        assert_int_equal(pbase_storage_append(f->storage, NULL, &much, &appended, &f->err),
                         PBASE_OK);
    }
    return appended.first;
}

static void what_checkpoints_let_go_of_is_all_that_later_appends_need(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        pbase_position last = append_much(f);
        assert_int_equal(pbase_storage_trim(f->storage, NULL, last, last, &f->err), PBASE_OK);
    }
    uint64_t made = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t syncs = sim_os_calls(f->sim, OS_CALL_SYNC);
        pbase_position before = head(f).head, last = append_much(f);
        uint64_t entered = (last - 4096) / SEGMENT_BYTES - (before - 4097) / SEGMENT_BYTES;
        made += sim_os_calls(f->sim, OS_CALL_SYNC) - syncs - entered;
        assert_int_equal(pbase_storage_trim(f->storage, NULL, last, last, &f->err), PBASE_OK);
    }
    assert_true(made <= 1); /* ahead, in the background, which may be late */
}

static void opening_and_closing_without_a_change_writes_two_marks(void **state)
{
    fixture *f = *state;
    append(f, PBASE_DURABILITY_SYNC);
    write_atom(f, PBASE_ATOMS_DURABLE);
    close_storage(f);
    uint64_t writes = sim_os_calls(f->sim, OS_CALL_WRITE);
    uint64_t syncs = sim_os_calls(f->sim, OS_CALL_SYNC);
    uint64_t folder_syncs = sim_os_calls(f->sim, OS_CALL_DIRECTORY_SYNC);
    open_storage(f);
    close_storage(f);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_WRITE), writes + 2); /* in LOCK: open, clean */
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_SYNC), syncs);
    assert_int_equal(sim_os_calls(f->sim, OS_CALL_DIRECTORY_SYNC), folder_syncs);
    open_storage(f);
}

typedef struct {
    const char *name;
    uint64_t value;
} figure;

static pbase_status figure_hear(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    figure *wanted = state;
    (void)unit;
    (void)err;
    wanted->value = strcmp(name, wanted->name) == 0 ? value : wanted->value;
    return PBASE_OK;
}

static uint64_t figure_of(fixture *f, const char *name)
{
    figure wanted = {name, UINT64_MAX};
    assert_int_equal(pbase_storage_stats(f->storage, NULL, figure_hear, &wanted, &f->err),
                     PBASE_OK);
    return wanted.value;
}

/* The segments of 256 KiB made for appends are cut to a sixteenth of one behind the last record, and
 * no spare stays; what comes next makes what it needs. */
static void a_clean_close_gives_back_what_only_later_appends_need(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 200; i++) { /* a quarter of a segment: one is made ahead */
        append(f, PBASE_DURABILITY_SYNC);
    }
    uint64_t used = head(f).head - head(f).first;
    close_storage(f);
    open_storage(f);
    assert_int_equal(figure_of(f, "journal_spares"), 0);
    assert_true(figure_of(f, "journal_bytes") >= used + 16384);
    assert_true(figure_of(f, "journal_bytes") < used + 16384 + 4096);
    for (int i = 0; i < 200; i++) {
        append(f, PBASE_DURABILITY_SYNC);
    }
    close_storage(f);
    open_storage(f);
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    int found = 0;
    assert_int_equal(pbase_storage_scan_open(f->storage, NULL, 0, &scan, &f->err), PBASE_OK);
    while (pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err) == PBASE_OK) {
        found++;
    }
    pbase_storage_scan_close(f->storage, scan);
    assert_int_equal(found, 400);
}

/* Each record needs a segment of its own. A spare that has its new name but could not be opened would be
 * in the way of the next one, and to take it away needs memory, too. */
static void lack_of_memory_from_any_request_on_leaves_the_journal_usable(void **state)
{
    fixture *f = *state;
    static uint8_t bytes[200000];
    pbase_bytes record = pbase_bytes_of(bytes, sizeof bytes);
    pbase_journal_append wanted = {.struct_size = sizeof wanted,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY,
                                   .token = {{1}},
                                   .fence = UINT64_MAX};
    pbase_journal_appended done;
    assert_int_equal(pbase_storage_append(f->storage, NULL, &wanted, &done, &f->err), PBASE_OK);
    for (uint64_t round = 0; round < 60; round++) { /* with and without a spare that is ready */
        fault_alloc_fail_from(&f->host.memory, 1 + round % 20);
        pbase_status status = pbase_storage_append(f->storage, NULL, &wanted, &done, &f->err);
        fault_alloc_fail_at(&f->host.memory, 0);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_NO_MEMORY);
        }
        append(f, PBASE_DURABILITY_SYNC); /* says what is wrong if it fails */
    }
}

static void a_stream_is_flushed_before_a_record_that_may_name_it(void **state)
{
    fixture *f = *state;
    static uint8_t bytes[40][2000];
    pbase_bytes atoms[40];
    pbase_atom_pointer pointers[40];
    for (size_t i = 0; i < 40; i++) {
        memset(bytes[i], (int)i + 1, sizeof bytes[i]);
        atoms[i] = pbase_bytes_of(bytes[i], sizeof bytes[i]);
    }
    write_atom(f, PBASE_ATOMS_DURABLE);
    for (int round = 0; round < 3; round++) {
        size_t count = round == 1 ? 25 : 33; /* 50,000 bytes are not worth it */
        uint64_t syncs = sim_os_calls(f->sim, OS_CALL_SYNC);
        assert_int_equal(pbase_storage_atoms_write(f->storage, NULL, atoms, count,
                                                   PBASE_ATOMS_STREAMED, pointers, &f->err),
                         PBASE_OK);
        append(f, PBASE_DURABILITY_SYNC);
        assert_true(sim_os_calls(f->sim, OS_CALL_SYNC) > syncs);
        for (size_t i = 0; i < count; i++) {
            uint8_t read_back[2000];
            size_t read = 0;
            assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, pointers[i], read_back,
                                                      sizeof read_back, &read, &f->err),
                             PBASE_OK);
            assert_int_equal(read, sizeof read_back);
            assert_memory_equal(read_back, bytes[i], read);
        }
    }
}

#define INTERVAL_NS UINT64_C(1000000) /* async_interval above */
#define FLUSH_NS (INTERVAL_NS / 10)   /* for the flush itself: calls of a microsecond each */
#define LOOK_NS 3000u                 /* for looking once whether it came */
#define ARRIVAL_NS (INTERVAL_NS / 10) /* between two appends */
#define ARRIVALS 7u                   /* all of them before the first one's time is up */
#define BOUND_ROUNDS 20u

static uint64_t now_ns(fixture *f)
{
    return f->host.base.os->system->monotonic_ns(f->host.base.os);
}

/* Appends, and `arrivals` times more as time goes by, until the first one is durable. The clock is moved
 * no further than that: the thread that flushes does it when its own time has come. It may be quicker than
 * the appends: then the step that is under way comes on top. */
static void assert_flushed_in_time(fixture *f, unsigned arrivals)
{
    const pbase_os *os = f->host.base.os;
    uint64_t began = now_ns(f), looks = 0;
    pbase_position end = append(f, PBASE_DURABILITY_ASYNC).end;
    for (unsigned i = 0; i < arrivals && head(f).synced < end; i++) {
        os->system->sleep_ns(os, ARRIVAL_NS);
        (void)append(f, PBASE_DURABILITY_ASYNC);
    }
    for (; looks < 10000 && head(f).synced < end; looks++) {
        (void)usleep(1000); /* the thread needs a processor, which may be busy */
    }
    uint64_t took_ns = now_ns(f) - began;
    uint64_t bound_ns = INTERVAL_NS + FLUSH_NS + looks * LOOK_NS + (arrivals == 0 ? 0 : ARRIVAL_NS);
    assert_true(head(f).synced >= end);
    if (took_ns > bound_ns) {
        fail_msg("flushed after %llu ns, not %llu", (unsigned long long)took_ns,
                 (unsigned long long)bound_ns);
    }
}

static void an_asynchronous_append_is_flushed_within_the_interval(void **state)
{
    for (unsigned round = 0; round < BOUND_ROUNDS; round++) {
        assert_flushed_in_time(*state, 0);
    }
}

static void appends_that_keep_arriving_do_not_push_the_flush_back(void **state)
{
    for (unsigned round = 0; round < BOUND_ROUNDS; round++) {
        assert_flushed_in_time(*state, ARRIVALS);
    }
}

/* ------------------------------------------------------------------------------------ failure --- */

static void a_failed_flush_makes_it_read_only_until_it_is_opened_again(void **state)
{
    fixture *f = *state;
    pbase_journal_appended appended;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    append(f, PBASE_DURABILITY_SYNC);
    sim_os_fail_at(f->sim, OS_CALL_WRITE, 1, PBASE_IO, false);
    pbase_status status = try_append(f, PBASE_DURABILITY_SYNC, &appended);
    assert_true(status == PBASE_UNKNOWN || status == PBASE_IO);
    assert_int_equal(f->err.outcome, PBASE_OUTCOME_UNKNOWN);
    assert_int_equal(f->err.token.bytes[0], 1);
    assert_int_equal(try_append(f, PBASE_DURABILITY_SYNC, &appended), PBASE_READ_ONLY);
    assert_int_equal(try_append(f, PBASE_DURABILITY_NONE, &appended), PBASE_READ_ONLY);
    assert_int_equal(pbase_storage_scan_open(f->storage, NULL, 0, &scan, &f->err), PBASE_OK);
    assert_int_equal(pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err), PBASE_OK);
    pbase_storage_scan_close(f->storage, scan);
    close_storage(f);
    open_storage(f);
    append(f, PBASE_DURABILITY_SYNC);
}

static void a_failed_flush_of_atoms_makes_it_read_only_too(void **state)
{
    fixture *f = *state;
    pbase_journal_appended appended;
    pbase_atom_pointer pointer;
    append(f, PBASE_DURABILITY_SYNC);
    pbase_atom_pointer kept = write_atom(f, PBASE_ATOMS_DURABLE);
    sim_os_fail_at(f->sim, OS_CALL_SYNC, 1, PBASE_IO, false);
    assert_int_equal(try_write_atom(f, PBASE_ATOMS_DURABLE, &pointer), PBASE_IO);
    assert_int_equal(f->err.outcome, PBASE_OUTCOME_UNKNOWN);
    assert_int_equal(try_write_atom(f, PBASE_ATOMS_DURABLE, &pointer), PBASE_READ_ONLY);
    assert_int_equal(try_append(f, PBASE_DURABILITY_SYNC, &appended), PBASE_READ_ONLY);
    uint8_t byte = 0;
    size_t read = 0;
    assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, kept, &byte, 1, &read, &f->err),
                     PBASE_OK);
}

static void a_full_disk_is_no_reason_to_stop_for_ever(void **state)
{
    fixture *f = *state;
    pbase_journal_appended appended;
    pbase_atom_pointer pointer;
    append(f, PBASE_DURABILITY_SYNC);
    write_atom(f, PBASE_ATOMS_DURABLE);
    sim_os_disk_limit(f->sim, 1);
    assert_int_equal(try_write_atom(f, PBASE_ATOMS_DURABLE, &pointer), PBASE_NO_SPACE);
    assert_int_equal(f->err.outcome, PBASE_OUTCOME_NOT_APPLIED);
    assert_int_equal(try_append(f, PBASE_DURABILITY_SYNC, &appended), PBASE_OK); /* preallocated */
    sim_os_disk_limit(f->sim, 0);
    write_atom(f, PBASE_ATOMS_DURABLE);
    append(f, PBASE_DURABILITY_SYNC);
}

/* ------------------------------------------------------------------------------------- damage --- */

typedef struct {
    size_t count;
    pbase_status code;
    char place[64];
} findings;

static pbase_status finding(void *state, pbase_status code, const char *place, const char *message,
                            pbase_error *err)
{
    findings *found = state;
    (void)err;
    assert_true(message[0] != '\0');
    found->count++;
    found->code = code;
    snprintf(found->place, sizeof found->place, "%s", place);
    return PBASE_OK;
}

static findings verify(fixture *f)
{
    findings found = {0};
    if (pbase_storage_verify(f->storage, NULL, finding, &found, &f->err) != PBASE_OK) {
        fail_msg("%s", f->err.message);
    }
    return found;
}

/* The machine that comes up with nothing of what is pending on the other one. */
static void come_up(fixture *after, const fixture *before)
{
    sim_crash crash;
    sim_crash_begin(&crash, before->sim, 0, 1);
    after->wiring = before->wiring;
    after->sim = sim_crash_next(&crash);
    test_host_init(&after->host, sim_os_interface(after->sim));
    pbase_error_init(&after->err);
    open_storage(after);
}

static void go_down(fixture *f)
{
    close_storage(f);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
    sim_os_destroy(f->sim);
}

static void atoms_that_waited_survive_with_the_append_that_may_name_them(void **state)
{
    fixture *f = *state;
    fixture after = {.sim = NULL};
    pbase_journal_appended appended = {0};
    pbase_atom_pointer pointer = write_atom(f, PBASE_ATOMS_WITH_APPEND);
    assert_int_equal(try_append_of(f, PBASE_DURABILITY_SYNC, false, &appended), PBASE_OK);

    come_up(&after, f); /* the atom may be lost, the append may not */
    assert_true(head(&after).head == appended.end);
    write_atom(&after, PBASE_ATOMS_DURABLE);
    assert_int_equal(verify(&after).count, 0);
    go_down(&after);

    append(f, PBASE_DURABILITY_SYNC);
    come_up(&after, f);
    uint8_t byte = 0;
    size_t read = 0;
    assert_int_equal(
        pbase_storage_atoms_read(after.storage, NULL, pointer, &byte, 1, &read, &after.err),
        PBASE_OK);
    assert_int_equal(read, 1);
    assert_int_equal(verify(&after).count, 0);
    go_down(&after);
}

static void a_segment_that_was_swapped_or_damaged_is_found(void **state)
{
    fixture *f = *state;
    pbase_atom_pointer pointer = write_atom(f, PBASE_ATOMS_DURABLE);
    for (size_t i = 0; i < 30; i++) { /* fills and seals the first segment */
        write_atom(f, PBASE_ATOMS_DURABLE);
    }
    close_storage(f);
    sim_os_flip(f->sim, "/data/store/0001.SEALED", 13, 0x40); /* its log id */
    open_storage(f);
    findings found = verify(f);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.code, PBASE_CORRUPT);
    assert_string_equal(found.place, "segment 1");
    uint8_t byte = 0;
    size_t read = 0;
    assert_int_equal(pbase_storage_atoms_read(f->storage, NULL, pointer, &byte, 1, &read, &f->err),
                     PBASE_CORRUPT);
    sim_os_flip(f->sim, "/data/store/0001.SEALED", 13, 0x40);
    assert_int_equal(verify(f).count, 0);
}

static void damage_to_an_acknowledged_record_is_found(void **state)
{
    fixture *f = *state;
    pbase_position first = append(f, PBASE_DURABILITY_SYNC).first;
    uint64_t inside = append(f, PBASE_DURABILITY_SYNC).first - first + 60;
    close_storage(f);
    sim_os_flip(f->sim, "/data/journal/0000000000001000", inside, 1);
    pbase_status status = try_open(f);
    if (status == PBASE_OK) { /* after a clean close nothing is read at opening */
        findings found = verify(f);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.code, PBASE_CORRUPT);
        assert_string_equal(found.place, "journal");
    } else {
        assert_int_equal(status, PBASE_CORRUPT);
        sim_os_flip(f->sim, "/data/journal/0000000000001000", inside, 1);
        open_storage(f);
    }
}

static void a_segment_cut_short_after_a_clean_close_is_corrupt(void **state)
{
    fixture *f = *state;
    const pbase_os *os = f->host.base.os;
    pbase_os_file *file = NULL;
    write_atom(f, PBASE_ATOMS_DURABLE);
    close_storage(f);
    assert_int_equal(os->file->open(os, "/data/store/0001", PBASE_OS_WRITE, &file, &f->err),
                     PBASE_OK);
    assert_int_equal(os->file->truncate(file, 1000, &f->err), PBASE_OK);
    os->file->close(file);
    assert_int_equal(try_open(f), PBASE_CORRUPT);
    assert_non_null(strstr(f->err.message, "segment 1"));
}

/* The state after a power cut behind several segments of journal, not opened yet; `path` is that of the
 * newest one. */
static void cut_behind_segments(fixture *f, fixture *after, char path[64])
{
    sim_crash crash;
    pbase_position last = append_much(f);
    uint64_t base = (last - 4096) / SEGMENT_BYTES * SEGMENT_BYTES + 4096;
    (void)snprintf(path, 64, "/data/journal/%016llx", (unsigned long long)base);
    sim_crash_begin(&crash, f->sim, 0, 1);
    *after = (fixture){.wiring = f->wiring, .sim = sim_crash_next(&crash)};
    test_host_init(&after->host, sim_os_interface(after->sim));
    pbase_error_init(&after->err);
}

static void a_newest_journal_segment_lost_after_a_power_cut_is_corrupt_and_no_tail(void **state)
{
    fixture *f = *state;
    fixture after;
    char path[64];
    cut_behind_segments(f, &after, path);
    const pbase_os *os = after.host.base.os;
    assert_int_equal(os->directory->remove_file(os, path, &after.err), PBASE_OK);
    assert_int_equal(try_open(&after), PBASE_CORRUPT);
    assert_non_null(strstr(after.err.message, "newest segment of the journal"));
    sim_os_destroy(after.sim);
}

static void a_newest_journal_segment_cut_short_after_a_power_cut_is_corrupt_and_no_tail(
    void **state)
{
    fixture *f = *state;
    fixture after;
    char path[64];
    pbase_os_file *file = NULL;
    cut_behind_segments(f, &after, path);
    const pbase_os *os = after.host.base.os;
    assert_int_equal(os->file->open(os, path, PBASE_OS_WRITE, &file, NULL), PBASE_OK);
    assert_int_equal(os->file->truncate(file, 0, NULL), PBASE_OK);
    os->file->close(file);
    assert_int_equal(try_open(&after), PBASE_CORRUPT);
    assert_non_null(strstr(after.err.message, "it had 262144"));
    sim_os_destroy(after.sim);
}

/* The other slot of the super block knows nothing of what a clean close cuts off. */
static void a_shrunk_journal_opens_by_an_older_super_block_too(void **state)
{
    for (uint64_t at = 0; at < 2 * SLOT_STEP; at += SLOT_STEP) {
        (void)setup(state);
        fixture *f = *state;
        append(f, PBASE_DURABILITY_SYNC);
        pbase_position before = head(f).head;
        close_storage(f);
        sim_os_flip(f->sim, "/data/KEYS/super", at + 100, 1);
        open_storage(f);
        assert_int_equal(head(f).head, before);
        (void)teardown(state);
    }
}

static void a_space_that_lost_its_super_block_is_corrupt_not_new(void **state)
{
    fixture *f = *state;
    const pbase_os *os = f->host.base.os;
    append(f, PBASE_DURABILITY_SYNC);
    close_storage(f);
    assert_int_equal(os->directory->remove_file(os, "/data/KEYS/super", &f->err), PBASE_OK);
    assert_int_equal(try_open(f), PBASE_CORRUPT);
    assert_true(f->err.hint[0] != '\0');
}

static void a_super_block_of_a_newer_version_is_format(void **state)
{
    fixture *f = *state;
    uint8_t bytes[SUPER_BYTES];
    super_block block = {.next_log_id = 1};
    pbase_blocks *blocks = test_graph_object(test_graph_child(f->graph));
    super_encode(&f->host.base, &block, bytes);
    pbase_put_u32(bytes + 8, 9);
    pbase_put_u32(bytes + 4, f->host.base.crc32c(0, bytes + 8, SUPER_BYTES - 8));
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, SUPER_KEY, 1,
                                          pbase_bytes_of(bytes, sizeof bytes), &f->err),
                     PBASE_OK);
    close_storage(f);
    assert_int_equal(try_open(f), PBASE_FORMAT);
}

static void ids_that_are_used_up_are_a_limit(void **state)
{
    fixture *f = *state;
    uint8_t bytes[SUPER_BYTES];
    super_block block = {.next_log_id = PBASE_ATOM_LOG_MAX};
    pbase_blocks *blocks = test_graph_object(test_graph_child(f->graph));
    pbase_atom_pointer pointer = 0;
    super_encode(&f->host.base, &block, bytes);
    assert_int_equal(pbase_blocks_key_cas(blocks, NULL, SUPER_KEY, 1,
                                          pbase_bytes_of(bytes, sizeof bytes), &f->err),
                     PBASE_OK);
    close_storage(f); /* nothing was changed through it: it leaves the super block alone */
    open_storage(f);
    pbase_status status = PBASE_OK;
    size_t written = 0;
    while (status == PBASE_OK && written < 100) {
        status = try_write_atom(f, PBASE_ATOMS_DURABLE, &pointer);
        written += status == PBASE_OK;
    }
    assert_int_equal(status, PBASE_LIMIT);
    assert_true(written > 5);
    assert_int_equal(pbase_atom_pointer_log(pointer), PBASE_ATOM_LOG_MAX);
    append(f, PBASE_DURABILITY_SYNC);
    close_storage(f);
    open_storage(f);
    assert_int_equal(verify(f).count, 0);
}

static void a_torn_tail_is_cut_and_reported(void **state)
{
    fixture *f = *state;
    append(f, PBASE_DURABILITY_SYNC);
    pbase_position durable = head(f).head;
    append(f, PBASE_DURABILITY_NONE); /* may or may not survive */
    sim_os *future = NULL;
    bool found_torn = false;
    for (uint64_t seed = 1; seed < 600 && !found_torn; seed++) {
        fixture g = {.wiring = f->wiring, .sim = sim_os_crash(f->sim, seed)};
        future = g.sim;
        test_host_init(&g.host, sim_os_interface(future));
        pbase_error_init(&g.err);
        open_storage(&g);
        pbase_journal_tail tail = {0};
        assert_int_equal(pbase_storage_tail(g.storage, &tail, &g.err), PBASE_OK);
        assert_true(head(&g).head >= durable);
        found_torn = tail.torn_bytes != 0;
        assert_true(!found_torn || tail.torn_position == durable);
        close_storage(&g);
        sim_os_destroy(future);
    }
    assert_true(found_torn);
}

/* ------------------------------------------------------------------------------- two users ---- */

static uint64_t count_records(fixture *f)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    uint64_t count = 0;
    pbase_journal_head now = head(f);
    assert_true(now.head > 0);
    assert_int_equal(pbase_storage_scan_open(f->storage, NULL, 0, &scan, &f->err), PBASE_OK);
    pbase_status status = pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err);
    while (status == PBASE_OK) {
        count++;
        status = pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err);
    }
    pbase_storage_scan_close(f->storage, scan);
    assert_int_equal(status, PBASE_END);
    return count;
}

/* One round: an append of `first` fails halfway, `second` goes on, and both see the same. */
static uint64_t fail_and_go_on(fixture *first, fixture *second, int32_t durability)
{
    pbase_journal_appended appended;
    append(first, durability);
    sim_os_fail_at(first->sim, OS_CALL_WRITE, 1, PBASE_IO, false);
    pbase_status failed = try_append(first, durability, &appended);
    sim_os_fail_at(first->sim, OS_CALL_WRITE, 0, PBASE_OK, false);
    assert_true(failed != PBASE_OK);
    append(second, PBASE_DURABILITY_SYNC);
    append(second, durability);
    uint64_t count = count_records(second);
    assert_int_equal(count_records(first), count);
    assert_true(count == 3 || count == 4);
    assert_int_equal(try_append(first, durability, &appended), PBASE_READ_ONLY);
    return count;
}

static void the_next_user_puts_in_order_what_a_failed_append_left(void **state)
{
    (void)state;
    uint64_t kept = 0, cut = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        sim_os *sim = sim_os_create(seed);
        fixture users[2] = {{.wiring = &shared_wiring, .sim = sim},
                            {.wiring = &shared_wiring, .sim = sim}};
        for (size_t i = 0; i < 2; i++) {
            test_host_init(&users[i].host, sim_os_interface(sim));
            pbase_error_init(&users[i].err);
            open_storage(&users[i]);
        }
        int32_t durability = seed % 2 == 0 ? PBASE_DURABILITY_SYNC : PBASE_DURABILITY_NONE;
        uint64_t count = fail_and_go_on(&users[0], &users[1], durability);
        kept += count == 4;
        cut += count == 3;
        close_storage(&users[0]);
        close_storage(&users[1]);
        open_storage(&users[1]);
        assert_int_equal(count_records(&users[1]), count);
        assert_int_equal(verify(&users[1]).count, 0);
        close_storage(&users[1]);
        assert_int_equal(sim_os_memory_used(sim), 0);
        sim_os_destroy(sim);
    }
    print_message("%d kept, %d cut\n", (int)kept, (int)cut);
    assert_true(cut > 0);
}

/* On a device that takes 512 bytes as a whole; the first opening makes the space, later ones find it. */
static void the_first_frame_of_an_opening_has_the_unit_of_the_device(void **state)
{
    fixture *f = *state;
    for (int opening = 0; opening < 3; opening++) {
        uint64_t before = figure_of(f, "bytes_written");
        for (uint64_t i = 1; i <= 2; i++) {
            (void)append(f, PBASE_DURABILITY_SYNC);
            assert_int_equal(figure_of(f, "bytes_written") - before, i * 512);
        }
        assert_int_equal(figure_of(f, "journal_unit_bytes"), 512);
        close_storage(f);
        open_storage(f);
        assert_int_equal(figure_of(f, "journal_unit_bytes"), 4096); /* right everywhere */
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_EXCLUSIVE(name) cmocka_unit_test_setup_teardown(name, setup_exclusive, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_frame_of_an_opening_has_the_unit_of_the_device),
        TEST_EXCLUSIVE(a_durable_append_is_one_write_and_no_other_call),
        TEST(sharing_costs_an_append_one_lock_and_no_write),
        TEST_EXCLUSIVE(an_append_that_names_no_atoms_leaves_them_to_one_that_may),
        TEST(atoms_that_waited_survive_with_the_append_that_may_name_them),
        TEST(an_append_that_need_not_be_durable_flushes_nothing),
        cmocka_unit_test_setup_teardown(what_checkpoints_let_go_of_is_all_that_later_appends_need,
                                        setup_small, teardown),
        TEST_EXCLUSIVE(opening_and_closing_without_a_change_writes_two_marks),
        TEST(a_clean_close_gives_back_what_only_later_appends_need),
        TEST(lack_of_memory_from_any_request_on_leaves_the_journal_usable),
        TEST(a_stream_is_flushed_before_a_record_that_may_name_it),
        TEST(an_asynchronous_append_is_flushed_within_the_interval),
        TEST_EXCLUSIVE(an_asynchronous_append_is_flushed_within_the_interval),
        TEST(appends_that_keep_arriving_do_not_push_the_flush_back),
        TEST_EXCLUSIVE(appends_that_keep_arriving_do_not_push_the_flush_back),
        TEST_EXCLUSIVE(a_failed_flush_makes_it_read_only_until_it_is_opened_again),
        TEST(a_failed_flush_of_atoms_makes_it_read_only_too),
        TEST(a_full_disk_is_no_reason_to_stop_for_ever),
        TEST(a_segment_that_was_swapped_or_damaged_is_found),
        TEST(damage_to_an_acknowledged_record_is_found),
        TEST(a_segment_cut_short_after_a_clean_close_is_corrupt),
        TEST_EXCLUSIVE(a_newest_journal_segment_lost_after_a_power_cut_is_corrupt_and_no_tail),
        TEST_EXCLUSIVE(a_newest_journal_segment_cut_short_after_a_power_cut_is_corrupt_and_no_tail),
        cmocka_unit_test(a_shrunk_journal_opens_by_an_older_super_block_too),
        TEST(a_space_that_lost_its_super_block_is_corrupt_not_new),
        TEST(a_super_block_of_a_newer_version_is_format),
        TEST(ids_that_are_used_up_are_a_limit),
        TEST(a_torn_tail_is_cut_and_reported),
        cmocka_unit_test(the_next_user_puts_in_order_what_a_failed_append_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
