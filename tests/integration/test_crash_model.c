/* test_crash_model.c - random operations with random power cuts beside a plain reference: arrays.
 *
 * Transactions of one to some hundred operations on a dictionary, a list, a set and a counted set, each
 * answer compared with the reference's; some are aborted, some commit asynchronously; checkpoints and
 * compactions come between. At a random call of the simulated disk the power goes. What comes up is the
 * reference after the last durable commit, or after one of those behind it, whole; the random walk goes
 * on from there. A million operations in the short form, a hundred million with PBASE_TEST_LONG. */
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define OPERATIONS_SHORT UINT64_C(1000000)
#define OPERATIONS_LONG UINT64_C(100000000)
#define KEYS 400u
#define LIST_MAX 300u
#define ELEMENTS 200u
#define COUNTED 64u
#define SMALL_OPERATIONS 12u  /* of most transactions; */
#define LARGE_OPERATIONS 500u /* of some */
#define PENDING_MAX 8u        /* commits that may be lost; the next one is durable */
#define CALLS_MAX 1200u       /* of the disk, before the power goes */
#define CHECK_EVERY 50u       /* power cuts */
#define CUTS_OF_A_SPACE                                                                            \
    5000u /* then another one begins: each opening takes some of its 65,535 segments */
#define TEXT_BYTES 600u

typedef struct {
    uint32_t values[KEYS]; /* 0: not there */
    uint32_t items[LIST_MAX];
    uint32_t item_count;
    uint32_t counts[COUNTED];
    bool elements[ELEMENTS];
} content;

/* The collections of one transaction. */
typedef struct {
    pbase_txn *txn;
    pbase_dict *dict;
    pbase_list *list;
    pbase_set *set;
    pbase_counted_set *counted;
} handles;

typedef struct {
    sim_os *sim;
    space_fixture fixture;
    seed_random random;
    uint64_t seed;
    content
        states[PENDING_MAX + 2]; /* [0]: durable; then those that may be; then the present one */
    size_t state_count;          /* without the present one */
    pbase_arena arena;
    uint64_t operations, commits, cuts, survivors;
    bool is_lazy; /* the bug that is planted: nothing is flushed */
} walk;

static content *present(walk *w)
{
    return &w->states[w->state_count];
}

static uint32_t below(walk *w, uint32_t bound)
{
    return (uint32_t)seed_below(&w->random, bound);
}

/* What fails, fails because the power is gone. */
static bool holds(const walk *w, pbase_status status)
{
    if (status != PBASE_OK && !sim_os_has_crashed(w->sim)) {
        fail_msg("seed %" PRIu64 ", operation %" PRIu64 ": %s", w->seed, w->operations,
                 pbase_status_name(status));
    }
    return status == PBASE_OK;
}

static void same(const walk *w, const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) {
        fail_msg("seed %" PRIu64 ", operation %" PRIu64 ": %s is %" PRIu64 ", not %" PRIu64,
                 w->seed, w->operations, what, found, expected);
    }
}

/* ------------------------------------------------------------------------------- values ---- */

/* Every 16th is a text, so that leaves split; its first bytes are the number. */
static pbase_value value_of(uint32_t number)
{
    static char text[TEXT_BYTES];
    if (number % 16 != 0) {
        return pbase_value_int(number);
    }
    memset(text, 'a' + (int)(number % 26), sizeof text);
    (void)snprintf(text, sizeof text, "%" PRIu32, number);
    return pbase_value_string(pbase_bytes_of(text, 12 + number % (TEXT_BYTES - 12)));
}

static uint64_t number_in(const pbase_value *value)
{
    return value->kind == PBASE_INT      ? (uint64_t)value->as.integer
           : value->kind == PBASE_STRING ? strtoull((const char *)value->as.string.data, NULL, 10)
                                         : UINT64_MAX;
}

/* --------------------------------------------------------------------------- operations ---- */

static pbase_status in_dict(walk *w, handles *h)
{
    content *now = present(w);
    uint32_t key = below(w, KEYS), kind = below(w, 8);
    pbase_value name = pbase_value_int(key), value;
    bool had = false;
    if (kind < 4) {
        uint32_t number = 1 + below(w, UINT32_MAX - 1);
        value = value_of(number);
        pbase_status status = pbase_dict_put(&h->dict, &name, &value, &had, NULL);
        if (status == PBASE_OK) {
            same(w, "replaced", had, now->values[key] != 0);
            now->values[key] = number;
        }
        return status;
    }
    if (kind < 6) {
        pbase_status status = pbase_dict_remove(&h->dict, &name, &had, NULL);
        if (status == PBASE_OK) {
            same(w, "removed", had, now->values[key] != 0);
            now->values[key] = 0;
        }
        return status;
    }
    pbase_arena_reset(&w->arena);
    pbase_status status = pbase_dict_get(h->dict, &name, &w->arena, &value, NULL);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        same(w, "value", status == PBASE_OK ? number_in(&value) : 0, now->values[key]);
    }
    return status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

static pbase_status change_list(content *now, handles *h, uint32_t kind, uint32_t at,
                                uint32_t number)
{
    pbase_value value = pbase_value_int(number);
    pbase_status status;
    size_t behind = (now->item_count - at) * sizeof now->items[0];
    if (kind == 0) {
        status = pbase_list_insert(&h->list, at, &value, NULL);
        if (status == PBASE_OK) {
            memmove(&now->items[at + 1], &now->items[at], behind);
            now->items[at] = number;
            now->item_count++;
        }
        return status;
    }
    if (kind == 1) {
        status = pbase_list_remove(&h->list, at, NULL, NULL);
        if (status == PBASE_OK) {
            memmove(&now->items[at], &now->items[at + 1], behind - sizeof now->items[0]);
            now->item_count--;
        }
        return status;
    }
    status = pbase_list_set(&h->list, at, &value, NULL);
    if (status == PBASE_OK) {
        now->items[at] = number;
    }
    return status;
}

static pbase_status in_list(walk *w, handles *h)
{
    content *now = present(w);
    uint32_t kind = below(w, 6), number = below(w, UINT32_MAX), count = now->item_count;
    if (count == 0 || (kind < 2 && count < LIST_MAX)) {
        return change_list(now, h, 0, kind == 0 ? count : below(w, count + 1), number);
    }
    uint32_t at = below(w, count);
    if (kind < 4) {
        return change_list(now, h, 1 + kind % 2, at, number);
    }
    pbase_value value;
    pbase_arena_reset(&w->arena);
    pbase_status status = pbase_list_get(h->list, at, &w->arena, &value, NULL);
    if (status == PBASE_OK) {
        same(w, "item", number_in(&value), now->items[at]);
    }
    return status;
}

static pbase_status in_set(walk *w, handles *h)
{
    bool *is_in = &present(w)->elements[0] + below(w, ELEMENTS);
    pbase_value element = pbase_value_int(is_in - present(w)->elements);
    bool was = false;
    uint32_t kind = below(w, 3);
    pbase_status status = kind == 0   ? pbase_set_add(&h->set, &element, &was, NULL)
                          : kind == 1 ? pbase_set_remove(&h->set, &element, &was, NULL)
                                      : pbase_set_has(h->set, &element, &was, NULL);
    if (status == PBASE_OK) {
        same(w, "element", was, kind == 0 ? !*is_in : *is_in);
        *is_in = kind == 0 || (kind == 2 && *is_in);
    }
    return status;
}

static pbase_status in_counted_set(walk *w, handles *h)
{
    uint32_t at = below(w, COUNTED), times = 1 + below(w, 5);
    uint32_t *count = &present(w)->counts[at];
    pbase_value element = pbase_value_int(at);
    uint64_t told = 0;
    if (below(w, 2) == 0) {
        pbase_status status = pbase_counted_set_add(&h->counted, &element, times, &told, NULL);
        if (status == PBASE_OK) {
            *count += times;
            same(w, "count", told, *count);
        }
        return status;
    }
    pbase_status status = pbase_counted_set_remove(&h->counted, &element, times, &told, NULL);
    if (status == PBASE_OK) {
        same(w, "taken", told, *count < times ? *count : times);
        *count -= *count < times ? *count : times;
    }
    return status;
}

static pbase_status operate(walk *w, handles *h)
{
    uint32_t kind = below(w, 10);
    w->operations++;
    return kind < 5   ? in_dict(w, h)
           : kind < 8 ? in_list(w, h)
           : kind < 9 ? in_set(w, h)
                      : in_counted_set(w, h);
}

/* ------------------------------------------------------------------------- transactions ---- */

static pbase_status open_handles(walk *w, handles *h, int32_t durability)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = durability;
    memset(h, 0, sizeof *h);
    pbase_status status = pbase_txn_begin(w->fixture.database, &options, &h->txn, NULL);
    status = status == PBASE_OK ? pbase_txn_dict(h->txn, "dict", &h->dict, NULL) : status;
    if (status == PBASE_NOT_FOUND) { /* the first time */
        status = pbase_txn_new_dict(h->txn, &h->dict, NULL);
        status = status == PBASE_OK ? pbase_txn_new_list(h->txn, &h->list, NULL) : status;
        status = status == PBASE_OK ? pbase_txn_new_set(h->txn, &h->set, NULL) : status;
        return status == PBASE_OK ? pbase_txn_new_counted_set(h->txn, &h->counted, NULL) : status;
    }
    status = status == PBASE_OK ? pbase_txn_list(h->txn, "list", &h->list, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_set(h->txn, "set", &h->set, NULL) : status;
    return status == PBASE_OK ? pbase_txn_counted_set(h->txn, "counted", &h->counted, NULL)
                              : status;
}

static pbase_status store_handles(handles *h)
{
    pbase_status status = pbase_txn_store_dict(h->txn, "dict", h->dict, NULL);
    status = status == PBASE_OK ? pbase_txn_store_list(h->txn, "list", h->list, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_store_set(h->txn, "set", h->set, NULL) : status;
    return status == PBASE_OK ? pbase_txn_store_counted_set(h->txn, "counted", h->counted, NULL)
                              : status;
}

static void close_handles(handles *h)
{
    pbase_dict_close(h->dict);
    pbase_list_close(h->list);
    pbase_set_close(h->set);
    pbase_counted_set_close(h->counted);
}

/* The present state is committed: durable, or one of those that may be. A commit that changed nothing
 * has nothing to flush, and says nothing of those before it. */
static void keep_state(walk *w, bool is_durable)
{
    w->commits++;
    if (memcmp(present(w), &w->states[w->state_count - 1], sizeof(content)) == 0) {
        return;
    }
    if (is_durable) {
        w->states[0] = *present(w);
        w->state_count = 1;
    } else {
        w->state_count++;
    }
    w->states[w->state_count] = w->states[w->state_count - 1];
}

/* False when the power went. */
static bool transact(walk *w)
{
    handles h;
    bool is_durable = w->state_count >= PENDING_MAX || below(w, 3) != 0;
    uint32_t count = 1 + below(w, below(w, 8) == 0 ? LARGE_OPERATIONS : SMALL_OPERATIONS);
    pbase_status status =
        open_handles(w, &h, is_durable ? PBASE_DURABILITY_SYNC : PBASE_DURABILITY_ASYNC);
    for (uint32_t i = 0; i < count && status == PBASE_OK; i++) {
        status = operate(w, &h);
    }
    bool is_aborted = below(w, 10) == 0;
    status = status == PBASE_OK && !is_aborted ? store_handles(&h) : status;
    close_handles(&h);
    if (status == PBASE_OK && !is_aborted) {
        status = pbase_txn_commit(&h.txn, NULL, NULL, NULL);
        if (holds(w, status)) {
            keep_state(w, is_durable);
            return true;
        }
        w->state_count++; /* it may be there */
        return false;
    }
    pbase_txn_abort(&h.txn);
    *present(w) = w->states[w->state_count - 1];
    return holds(w, status);
}

static bool settle(walk *w)
{
    pbase_compact_report report;
    pbase_status status = below(w, 4) == 0
                              ? pbase_space_compact(w->fixture.space, NULL, &report, NULL)
                              : pbase_space_checkpoint(w->fixture.space, NULL, NULL);
    return holds(w, status);
}

/* ---------------------------------------------------------------------------- recovery ---- */

static bool is_at(walk *w, const handles *h, const content *expected)
{
    pbase_value name, value;
    uint64_t counts[3] = {0, 0, 0}, expected_count = 0, told;
    assert_int_equal(pbase_dict_count(h->dict, &counts[0], NULL), PBASE_OK);
    assert_int_equal(pbase_list_count(h->list, &counts[1], NULL), PBASE_OK);
    for (uint32_t key = 0; key < KEYS; key++) {
        name = pbase_value_int(key);
        pbase_arena_reset(&w->arena);
        pbase_status status = pbase_dict_get(h->dict, &name, &w->arena, &value, NULL);
        if ((status == PBASE_OK ? number_in(&value) : 0) != expected->values[key]) {
            return false;
        }
        expected_count += expected->values[key] != 0;
    }
    bool is_same = counts[0] == expected_count && counts[1] == expected->item_count;
    for (uint32_t at = 0; at < expected->item_count && is_same; at++) {
        is_same = pbase_list_get(h->list, at, &w->arena, &value, NULL) == PBASE_OK &&
                  number_in(&value) == expected->items[at];
    }
    for (uint32_t at = 0; at < ELEMENTS && is_same; at++) {
        bool is_in = false;
        name = pbase_value_int(at);
        is_same = pbase_set_has(h->set, &name, &is_in, NULL) == PBASE_OK &&
                  is_in == expected->elements[at];
    }
    for (uint32_t at = 0; at < COUNTED && is_same; at++) {
        name = pbase_value_int(at);
        is_same = pbase_counted_set_get(h->counted, &name, &told, NULL) == PBASE_OK &&
                  told == expected->counts[at];
    }
    return is_same;
}

/* The newest of the states that may be there which is there; it is the durable one now. False: none. */
static bool find_state(walk *w)
{
    handles h;
    pbase_status status = open_handles(w, &h, PBASE_DURABILITY_SYNC);
    assert_true(status == PBASE_OK || w->is_lazy); /* damage is a way to find that out, too */
    size_t n = status == PBASE_OK ? w->state_count : 0;
    while (n > 0 && !is_at(w, &h, &w->states[n - 1])) {
        n--;
    }
    close_handles(&h);
    pbase_txn_abort(&h.txn);
    if (n == 0) {
        return false;
    }
    w->survivors += n - 1;
    w->states[0] = w->states[n - 1];
    w->states[1] = w->states[0];
    w->state_count = 1;
    return true;
}

static pbase_status sync_nothing(pbase_os_file *file, pbase_error *err)
{
    (void)file;
    (void)err;
    return PBASE_OK; /* the bug */
}

/* What the machine lends, or, lazily, nearly that. */
static const pbase_os *os_of(walk *w)
{
    static pbase_os lazy;
    static pbase_os_file_ops files;
    const pbase_os *os = sim_os_interface(w->sim);
    if (!w->is_lazy) {
        return os;
    }
    lazy = *os;
    files = *os->file;
    files.sync = sync_nothing;
    lazy.file = &files;
    return &lazy;
}

static bool open_space(walk *w, sim_os *sim)
{
    pbase_error err;
    pbase_error_init(&err);
    w->sim = sim;
    fixture_prepare(&w->fixture, "/space", os_of(w));
    fixture_set(&w->fixture, w->is_lazy || w->cuts % 2 == 1 ? "storage.blocks.direct_io=never"
                                                            : "storage.blocks.direct_io=auto");
    fixture_set(&w->fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&w->fixture, "storage.journal_segment_size=128KiB");
    fixture_set(&w->fixture, "storage.checkpoint_bytes=64KiB");
    pbase_status status = fixture_try_open(&w->fixture, &err);
    if (status != PBASE_OK) {
        print_message("opening: %s\n", err.message);
    }
    return status == PBASE_OK;
}

/* The power goes, now or where the walk met its end. */
static bool come_up_again(walk *w)
{
    sim_os *before = w->sim;
    sim_os *after = sim_os_crash(before, seed_next(&w->random));
    fixture_close(&w->fixture);
    sim_os_destroy(before);
    w->cuts++;
    if (!open_space(w, after) || !find_state(w)) {
        return false;
    }
    if (w->cuts % CHECK_EVERY == 0) {
        fixture_assert_clean(&w->fixture);
    }
    return true;
}

/* An empty space on another machine. */
static void begin_anew(walk *w)
{
    fixture_assert_clean(&w->fixture);
    fixture_close(&w->fixture);
    sim_os_destroy(w->sim);
    memset(w->states, 0, sizeof w->states);
    w->state_count = 1;
    assert_true(open_space(w, sim_os_create(seed_next(&w->random))));
}

static void run_until_cut(walk *w)
{
    sim_os_crash_at(w->sim, 1 + below(w, CALLS_MAX));
    bool has_power = true;
    for (unsigned i = 0; i < CALLS_MAX && has_power; i++) {
        has_power = transact(w) && (below(w, 20) != 0 || settle(w));
    }
    if (has_power && below(w, 2) == 0) { /* a clean close, which needs the power */
        sim_os_crash_at(w->sim, 0);
        fixture_reopen(&w->fixture);
        w->states[0] = w->states[w->state_count - 1];
        w->state_count = 1;
        assert_true(find_state(w));
    }
}

static void begin(walk *w, const char *name)
{
    memset(w, 0, sizeof *w);
    w->seed = seed_for(name);
    w->state_count = 1;
    seed_random_init(&w->random, w->seed);
    pbase_arena_init(&w->arena, pbase_alloc_default());
}

static void end(walk *w)
{
    fixture_close(&w->fixture);
    assert_int_equal(sim_os_memory_used(w->sim), 0);
    sim_os_destroy(w->sim);
    pbase_arena_fini(&w->arena);
}

static void random_operations_survive_random_power_cuts(void **unused)
{
    (void)unused;
    static walk w;
    struct timespec first, last;
    uint64_t wanted = seed_is_long_run() ? OPERATIONS_LONG : OPERATIONS_SHORT;
    begin(&w, "model");
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &first);
    assert_true(open_space(&w, sim_os_create(w.seed)));
    while (w.operations < wanted) {
        run_until_cut(&w);
        if (!come_up_again(&w)) {
            fail_msg("seed %" PRIu64 ", after %" PRIu64 " operations and %" PRIu64
                     " power cuts: the content is that of no commit that may be there",
                     w.seed, w.operations, w.cuts);
        }
        if (w.cuts % CUTS_OF_A_SPACE == 0) {
            begin_anew(&w);
        }
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &last);
    fixture_assert_clean(&w.fixture);
    end(&w);
    double seconds =
        (double)(last.tv_sec - first.tv_sec) + 1e-9 * (double)(last.tv_nsec - first.tv_nsec);
    print_message("%" PRIu64 " operations, %" PRIu64 " commits, %" PRIu64 " power cuts, %" PRIu64
                  " commits survived that need not have; %.0f operations a second of processor\n",
                  w.operations, w.commits, w.cuts, w.survivors, (double)w.operations / seconds);
    assert_true(w.cuts > 20 && w.survivors > 0);
}

/* The harness itself, on an os that never flushes. */
static void a_flush_that_is_not_made_is_found_out(void **unused)
{
    (void)unused;
    static walk w;
    begin(&w, "lazy model");
    w.is_lazy = true;
    bool is_well = open_space(&w, sim_os_create(w.seed));
    while (is_well && w.cuts < 20) {
        run_until_cut(&w);
        is_well = come_up_again(&w);
    }
    assert_false(is_well);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_survive_random_power_cuts),
        cmocka_unit_test(a_flush_that_is_not_made_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
