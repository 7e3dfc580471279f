/* test_atom_cache.c - what is kept, what gives way, who loads, and what is never found again. */
#include "store/atom_cache.h"

#include "os/os.h"
#include "store/cache_stripe.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT (64u << 10)
#define ATOM 1000u
#define WHOLE (ATOM + sizeof(atom_cache_entry))

static test_host host;
static atom_cache *cache;

static void create(uint64_t bytes_max, uint64_t entries_max, uint32_t stripes)
{
    const atom_cache_options options = {bytes_max, entries_max, stripes};
    assert_int_equal(atom_cache_create(&host.base, &options, &cache, NULL), PBASE_OK);
}

static int begin(void **unused)
{
    (void)unused;
    test_host_init(&host, pbase_os_real());
    create(LIMIT, 0, 16);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    atom_cache_destroy(cache);
    assert_int_equal(fault_alloc_live_blocks(&host.memory), 0);
    return 0;
}

static void use_instead(uint64_t bytes_max, uint64_t entries_max, uint32_t stripes)
{
    atom_cache_destroy(cache);
    create(bytes_max, entries_max, stripes);
}

static pbase_atom_pointer pointer_of(uint64_t number)
{
    return pbase_atom_pointer_of(1, number * 64);
}

/* Asks for an atom, loading it if it is not there; pinned. */
static atom_cache_entry *ask(uint64_t number)
{
    atom_cache_flight flight;
    atom_cache_entry *entry = atom_cache_acquire(cache, pointer_of(number), &flight);
    if (entry == NULL) {
        entry = atom_cache_prepare(cache, pointer_of(number), 1, ATOM);
        assert_non_null(entry);
        memset(entry->payload, (int)(number & 0xff), ATOM);
        atom_cache_land(cache, &flight, entry);
    }
    assert_int_equal(entry->payload[ATOM - 1], number & 0xff);
    return entry;
}

static void touch(uint64_t number)
{
    atom_cache_release(cache, ask(number));
}

static bool is_there(uint64_t number)
{
    atom_cache_entry *entry = atom_cache_find(cache, pointer_of(number));
    if (entry != NULL) {
        atom_cache_release(cache, entry);
    }
    return entry != NULL;
}

static atom_cache_stats stats_now(void)
{
    atom_cache_stats stats;
    atom_cache_stats_get(cache, &stats);
    return stats;
}

static void what_was_loaded_is_found(void **unused)
{
    (void)unused;
    assert_false(is_there(1));
    touch(1);
    touch(1);
    atom_cache_stats stats = stats_now();
    assert_int_equal(stats.insertions, 1);
    assert_int_equal(stats.hits, 1);
    assert_int_equal(latency_count(atom_cache_load_latency(cache)), 1);
}

static void an_entry_that_was_only_prepared_is_freed_at_its_release(void **unused)
{
    (void)unused;
    uint64_t before = fault_alloc_live_blocks(&host.memory);
    atom_cache_release(cache, atom_cache_prepare(cache, 8, 1, ATOM));
    assert_int_equal(fault_alloc_live_blocks(&host.memory), before);
    assert_null(atom_cache_find(cache, 8));
}

static void a_load_that_failed_leaves_nothing_and_the_next_loads_again(void **unused)
{
    (void)unused;
    atom_cache_flight flight;
    assert_null(atom_cache_acquire(cache, pointer_of(1), &flight));
    atom_cache_land(cache, &flight, NULL);
    assert_int_equal(stats_now().entries, 0);
    touch(1);
    assert_int_equal(stats_now().misses, 2);
}

static void what_is_written_through_is_found_without_a_load(void **unused)
{
    (void)unused;
    uint8_t payload[ATOM];
    memset(payload, 7, sizeof payload);
    atom_cache_insert(cache, pointer_of(7), 1, pbase_bytes_of(payload, sizeof payload));
    atom_cache_insert(cache, pointer_of(7), 1, pbase_bytes_of(payload, sizeof payload));
    touch(7);
    assert_int_equal(stats_now().misses, 0);
    assert_int_equal(stats_now().entries, 1);
}

/* ----------------------------------------------------------------------------- limits ---- */

static void the_limit_by_bytes_is_kept(void **unused)
{
    (void)unused;
    for (uint64_t i = 0; i < 1000; i++) {
        touch(i);
    }
    atom_cache_stats stats = stats_now();
    assert_true(stats.bytes <= LIMIT);
    assert_true(stats.entries > 0);
    assert_int_equal(stats.entries, 1000 - stats.evictions);
}

static void the_limit_by_entries_is_kept(void **unused)
{
    (void)unused;
    use_instead(1u << 30, 10, 1);
    for (uint64_t i = 0; i < 1000; i++) {
        touch(i);
    }
    assert_int_equal(stats_now().entries, 10);
}

static void a_cache_of_no_bytes_keeps_nothing_that_is_not_pinned(void **unused)
{
    (void)unused;
    use_instead(0, 0, 4);
    assert_false(atom_cache_keeps(cache));
    atom_cache_entry *pinned = ask(1);
    atom_cache_entry *again = ask(1);
    assert_ptr_equal(again, pinned);
    atom_cache_release(cache, again);
    atom_cache_release(cache, pinned);
    assert_int_equal(stats_now().entries, 0);
}

static void what_is_pinned_stays_whatever_comes(void **unused)
{
    (void)unused;
    atom_cache_entry *pinned = ask(5000);
    for (uint64_t i = 0; i < 1000; i++) {
        touch(i);
    }
    atom_cache_entry *again = atom_cache_find(cache, pointer_of(5000));
    assert_ptr_equal(again, pinned);
    atom_cache_release(cache, again);
    atom_cache_release(cache, pinned);
}

static void pins_over_the_limit_give_way_when_they_are_released(void **unused)
{
    (void)unused;
    atom_cache_entry *pinned[100];
    use_instead(10 * WHOLE, 0, 1);
    for (uint64_t i = 0; i < 100; i++) {
        pinned[i] = ask(i);
    }
    assert_int_equal(stats_now().entries, 100);
    for (uint64_t i = 0; i < 100; i++) {
        atom_cache_release(cache, pinned[i]);
    }
    assert_true(stats_now().bytes <= 10 * WHOLE);
}

static void stripes_out_of_range_are_refused(void **unused)
{
    (void)unused;
    atom_cache *other = NULL;
    atom_cache_options options = {LIMIT, 0, 0};
    assert_int_equal(atom_cache_create(&host.base, &options, &other, NULL), PBASE_LIMIT);
    options.stripes = ATOM_CACHE_STRIPES_MAX + 1;
    assert_int_equal(atom_cache_create(&host.base, &options, &other, NULL), PBASE_LIMIT);
}

/* -------------------------------------------------------------------------- replacement ---- */

/* Ten atoms are asked for again and again, until they have come in a second time. */
static void warm(uint64_t count)
{
    for (uint64_t round = 0; round < 8; round++) {
        for (uint64_t i = 0; i < count; i++) {
            touch(i);
        }
        for (uint64_t i = 0; i < 100; i++) {
            touch(100000 + round * 1000 + i);
        }
    }
}

static void a_scan_does_not_push_out_what_is_used_again(void **unused)
{
    (void)unused;
    use_instead(100 * WHOLE, 0, 1);
    warm(40);
    for (uint64_t i = 0; i < 10000; i++) {
        touch(1000000 + i);
    }
    uint64_t kept = 0;
    for (uint64_t i = 0; i < 40; i++) {
        kept += is_there(i);
    }
    assert_true(kept >= 36); /* of a plain clock or LRU: none; a few were forgotten in the table */
}

static void what_is_used_no_more_gives_way_to_what_is(void **unused)
{
    (void)unused;
    use_instead(100 * WHOLE, 0, 1);
    warm(40);
    for (uint64_t round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 90; i++) {
            touch(500000 + i);
        }
    }
    uint64_t old = 0;
    for (uint64_t i = 0; i < 40; i++) {
        old += is_there(i);
    }
    assert_true(old <= 10); /* the new ones and ten old ones fill it */
}

static void a_new_epoch_hides_what_was_decoded_before(void **unused)
{
    (void)unused;
    atom_cache_entry *pinned = ask(1);
    touch(2);
    atom_cache_advance_epoch(cache);
    assert_false(is_there(2));
    assert_false(is_there(1));
    touch(1);
    assert_true(is_there(1));
    assert_int_equal(pinned->payload[0], 1); /* still lent */
    atom_cache_release(cache, pinned);
    assert_true(is_there(1));
}

/* ------------------------------------------------------------------------ single flight ---- */

#define THREADS 8u
static _Atomic uint32_t loads;

static void ask_slowly(void *unused)
{
    (void)unused;
    const pbase_os *os = host.base.os;
    for (uint64_t i = 0; i < 20; i++) {
        atom_cache_flight flight;
        atom_cache_entry *entry = atom_cache_acquire(cache, pointer_of(i), &flight);
        if (entry == NULL) {
            atomic_fetch_add(&loads, 1);
            os->system->sleep_ns(os, 2000000); /* the others come meanwhile */
            entry = atom_cache_prepare(cache, pointer_of(i), 1, ATOM);
            memset(entry->payload, (int)i, ATOM);
            atom_cache_land(cache, &flight, entry);
        }
        assert_int_equal(entry->payload[0], i);
        atom_cache_release(cache, entry);
    }
}

static void of_many_that_miss_one_atom_at_once_one_loads_it(void **unused)
{
    (void)unused;
    const pbase_os *os = host.base.os;
    pbase_os_thread *threads[THREADS];
    atomic_store(&loads, 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(os->thread->start(os, "asker", ask_slowly, NULL, &threads[i], NULL),
                         PBASE_OK);
    }
    for (size_t i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
    assert_int_equal(atomic_load(&loads), 20);
    atom_cache_stats stats = stats_now();
    assert_int_equal(stats.misses, 20);
    assert_int_equal(stats.hits + stats.shared, THREADS * 20 - 20);
}

/* ------------------------------------------------------------------------------- faults ---- */

static void creation_fails_cleanly_at_every_allocation(void **unused)
{
    (void)unused;
    const atom_cache_options options = {LIMIT, 0, 4};
    pbase_status status = PBASE_NO_MEMORY;
    for (uint64_t n = 1; status == PBASE_NO_MEMORY; n++) {
        atom_cache *other = NULL;
        uint64_t before = fault_alloc_live_blocks(&host.memory);
        fault_alloc_fail_at(&host.memory, n);
        status = atom_cache_create(&host.base, &options, &other, NULL);
        fault_alloc_fail_at(&host.memory, 0);
        atom_cache_destroy(status == PBASE_OK ? other : NULL);
        assert_int_equal(fault_alloc_live_blocks(&host.memory), before);
    }
    assert_int_equal(status, PBASE_OK);
}

static void lack_of_memory_leaves_the_cache_as_it_was(void **unused)
{
    (void)unused;
    fault_alloc_fail_at(&host.memory, 1);
    assert_null(atom_cache_prepare(cache, 64, 1, ATOM));
    fault_alloc_fail_at(&host.memory, 1);
    atom_cache_insert(cache, pointer_of(3), 1, pbase_bytes_text("left out"));
    fault_alloc_fail_at(&host.memory, 0);
    assert_false(is_there(3));
    touch(1);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(what_was_loaded_is_found),
        SENTENCE(an_entry_that_was_only_prepared_is_freed_at_its_release),
        SENTENCE(a_load_that_failed_leaves_nothing_and_the_next_loads_again),
        SENTENCE(what_is_written_through_is_found_without_a_load),
        SENTENCE(the_limit_by_bytes_is_kept),
        SENTENCE(the_limit_by_entries_is_kept),
        SENTENCE(a_cache_of_no_bytes_keeps_nothing_that_is_not_pinned),
        SENTENCE(what_is_pinned_stays_whatever_comes),
        SENTENCE(pins_over_the_limit_give_way_when_they_are_released),
        SENTENCE(stripes_out_of_range_are_refused),
        SENTENCE(a_scan_does_not_push_out_what_is_used_again),
        SENTENCE(what_is_used_no_more_gives_way_to_what_is),
        SENTENCE(a_new_epoch_hides_what_was_decoded_before),
        SENTENCE(of_many_that_miss_one_atom_at_once_one_loads_it),
        SENTENCE(creation_fails_cleanly_at_every_allocation),
        SENTENCE(lack_of_memory_leaves_the_cache_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
