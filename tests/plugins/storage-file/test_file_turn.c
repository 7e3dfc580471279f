/* test_file_turn.c - what goes on when somebody dies while writing the board of a shared space. */
#include "sim_os.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#define BOARD "/data/BOARD.space"
#define BOARD_CRC_AT 4 /* docs/formats/board.md */

static const char *const block_settings[] = {"path", "/data", "segment_size", "64KiB", NULL};
static const char *const storage_settings[] = {"journal_segment_size", "64KiB", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", block_settings,
                                  NULL};
static const test_wiring wiring = {"storage-file", PBASE_KIND_STORAGE, "file", storage_settings,
                                   &files};

typedef struct {
    test_host host;
    test_graph *graph;
    pbase_storage *storage;
    pbase_error err;
} user;

static void user_come(user *self, sim_os *sim)
{
    test_host_init(&self->host, sim_os_interface(sim));
    pbase_error_init(&self->err);
    if (test_wiring_open(&wiring, &self->host, &self->graph, &self->err) != PBASE_OK) {
        fail_msg("%s", self->err.message);
    }
    self->storage = test_graph_object(self->graph);
}

static void user_go(user *self)
{
    test_wiring_close(self->graph);
    assert_int_equal(fault_alloc_live_bytes(&self->host.memory), 0);
}

/* A token for the lock `name`, given back at once. */
static uint64_t token_of(user *self, const char *name)
{
    uint64_t fence = 0;
    assert_int_equal(pbase_storage_lock_acquire(self->storage, NULL, name, PBASE_LOCK_EXCLUSIVE, 0,
                                                &fence, &self->err),
                     PBASE_OK);
    pbase_storage_lock_release(self->storage, name, fence);
    return fence;
}

static void append(user *self, size_t bytes)
{
    uint8_t *data = calloc(1, bytes);
    assert_non_null(data);
    pbase_bytes record = pbase_bytes_of(data, bytes);
    pbase_journal_appended appended;
    uint64_t fence = 0;
    assert_int_equal(pbase_storage_lock_acquire(self->storage, NULL, "writer", PBASE_LOCK_EXCLUSIVE,
                                                0, &fence, &self->err),
                     PBASE_OK);
    pbase_journal_append wanted = {.struct_size = sizeof wanted,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY,
                                   .fence = fence};
    pbase_status status = pbase_storage_append(self->storage, NULL, &wanted, &appended, &self->err);
    free(data);
    pbase_storage_lock_release(self->storage, "writer", fence);
    if (status != PBASE_OK) {
        fail_msg("%s", self->err.message);
    }
}

/* Records from `from` on, and where the last one ends. */
static uint64_t records_from(user *self, pbase_position from, pbase_position *out_next)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_journal_head head;
    uint64_t count = 0;
    assert_int_equal(
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, &self->err),
        PBASE_OK);
    pbase_status status = pbase_storage_scan_open(self->storage, NULL, from, &scan, &self->err);
    if (status != PBASE_OK) {
        fail_msg("%s", self->err.message);
    }
    while ((status = pbase_storage_scan_next(self->storage, NULL, scan, &record, &self->err)) ==
           PBASE_OK) {
        count++;
        *out_next = record.next;
    }
    pbase_storage_scan_close(self->storage, scan);
    assert_int_equal(status, PBASE_END);
    return count;
}

/* The board as somebody leaves it who dies halfway through a write of it. */
static void board_tear(sim_os *sim)
{
    sim_os_flip(sim, BOARD, BOARD_CRC_AT, 1);
}

static void tokens_grow_past_a_board(bool has_change)
{
    sim_os *sim = sim_os_create(1);
    user users[3];
    user_come(&users[0], sim);
    user_come(&users[1], sim);
    if (has_change) {
        append(&users[0], 10);
    }
    uint64_t before = token_of(&users[0], "writer");
    uint64_t other = token_of(&users[1], "writer");
    assert_true(other > before);
    user_go(&users[1]);

    board_tear(sim);

    user_come(&users[2], sim); /* finds it, and makes it whole */
    uint64_t after = token_of(&users[2], "writer");
    assert_true(after > other);
    assert_true(token_of(&users[0], "writer") > after);
    after = token_of(&users[2], "checkpoint");
    append(&users[2], 10);
    user_go(&users[2]);
    user_go(&users[0]);
    user_come(&users[0], sim); /* alone, and anew */
    assert_true(token_of(&users[0], "writer") > after);
    user_go(&users[0]);
    sim_os_destroy(sim);
}

static void tokens_never_go_back_when_somebody_dies_writing_the_board(void **state)
{
    (void)state;
    tokens_grow_past_a_board(true);
}

static void tokens_never_go_back_where_nothing_was_changed_either(void **state)
{
    (void)state;
    tokens_grow_past_a_board(false);
}

/* Whoever missed a segment must see that it did, whatever became of the count of them. */
static void a_segment_made_before_somebody_died_writing_the_board_is_found(void **state)
{
    (void)state;
    sim_os *sim = sim_os_create(1);
    user users[3];
    pbase_position next = 0;
    user_come(&users[0], sim);
    user_come(&users[1], sim);
    assert_int_equal(records_from(&users[0], 0, &next), 0);
    append(&users[1], 10); /* makes a segment, of which the first user is not told */

    board_tear(sim);
    user_come(&users[2], sim);

    assert_int_equal(records_from(&users[0], 0, &next), 1);
    append(&users[2], 10);
    assert_int_equal(records_from(&users[0], next, &next), 1);
    for (size_t i = 0; i < 3; i++) {
        user_go(&users[i]);
    }
    sim_os_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_never_go_back_when_somebody_dies_writing_the_board),
        cmocka_unit_test(tokens_never_go_back_where_nothing_was_changed_either),
        cmocka_unit_test(a_segment_made_before_somebody_died_writing_the_board_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
