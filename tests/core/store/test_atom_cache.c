/* test_atom_cache.c - what is kept, what is evicted, and what never is. */
#include "store/atom_cache.h"

#include "os/os.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT (64u << 10)
#define ATOM 1000u

static test_host host;
static atom_cache *cache;

static int begin(void **unused)
{
    (void)unused;
    test_host_init(&host, pbase_os_real());
    return (int)atom_cache_create(&host.base, LIMIT, &cache, NULL);
}

static int end(void **unused)
{
    (void)unused;
    atom_cache_destroy(cache);
    assert_int_equal(fault_alloc_live_blocks(&host.memory), 0);
    return 0;
}

/* Puts an atom in, pinned. */
static atom_cache_entry *put(uint64_t number)
{
    pbase_atom_pointer pointer = pbase_atom_pointer_of(1, number * 64);
    atom_cache_entry *entry = atom_cache_prepare(cache, pointer, 1, ATOM);
    assert_non_null(entry);
    memset(entry->payload, (int)number, ATOM);
    return atom_cache_insert(cache, entry);
}

static atom_cache_entry *find(uint64_t number)
{
    return atom_cache_find(cache, pbase_atom_pointer_of(1, number * 64));
}

static void what_was_put_in_is_found(void **unused)
{
    (void)unused;
    assert_null(find(1));
    atom_cache_release(cache, put(1));
    atom_cache_entry *entry = find(1);
    assert_non_null(entry);
    assert_int_equal(entry->payload[ATOM - 1], 1);
    atom_cache_release(cache, entry);
}

static void the_second_of_two_loaders_gets_what_the_first_put_in(void **unused)
{
    (void)unused;
    atom_cache_entry *first = put(1);
    assert_ptr_equal(put(1), first);
    atom_cache_release(cache, first);
    atom_cache_release(cache, first);
}

static void an_entry_that_was_only_prepared_is_freed_at_its_release(void **unused)
{
    (void)unused;
    uint64_t before = fault_alloc_live_blocks(&host.memory);
    atom_cache_release(cache, atom_cache_prepare(cache, 8, 1, ATOM));
    assert_int_equal(fault_alloc_live_blocks(&host.memory), before);
    assert_null(atom_cache_find(cache, 8));
}

static void the_limit_is_kept_by_eviction(void **unused)
{
    (void)unused;
    atom_cache_stats stats;
    for (uint64_t i = 0; i < 1000; i++) {
        atom_cache_release(cache, put(i));
    }
    atom_cache_stats_get(cache, &stats);
    assert_true(stats.evictions > 800);
    assert_true(stats.entries == 1000 - stats.evictions);
    /* an entry that comes in is pinned: each of 16 stripes may be over by one */
    assert_true(stats.bytes <= LIMIT + 16 * (ATOM + sizeof(atom_cache_entry)));
}

static void what_is_pinned_stays_whatever_comes(void **unused)
{
    (void)unused;
    atom_cache_entry *pinned = put(5000);
    for (uint64_t i = 0; i < 1000; i++) {
        atom_cache_release(cache, put(i));
    }
    assert_int_equal(pinned->payload[0], (uint8_t)5000);
    atom_cache_entry *again = find(5000);
    assert_ptr_equal(again, pinned);
    atom_cache_release(cache, again);
    atom_cache_release(cache, pinned);
}

static void lack_of_memory_leaves_the_cache_as_it_was(void **unused)
{
    (void)unused;
    fault_alloc_fail_at(&host.memory, 1);
    assert_null(atom_cache_prepare(cache, 64, 1, ATOM));
    fault_alloc_fail_at(&host.memory, 0);
    atom_cache_release(cache, put(1));
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(what_was_put_in_is_found),
        SENTENCE(the_second_of_two_loaders_gets_what_the_first_put_in),
        SENTENCE(an_entry_that_was_only_prepared_is_freed_at_its_release),
        SENTENCE(the_limit_is_kept_by_eviction),
        SENTENCE(what_is_pinned_stays_whatever_comes),
        SENTENCE(lack_of_memory_leaves_the_cache_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
