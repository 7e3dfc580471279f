/* test_access.c - who wins: validation of reads and writes against the window of commits. */
#include "txn/access.h"

#include "fault_alloc.h"
#include "seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t fnv(const void *data, size_t size, uint64_t seed)
{
    const uint8_t *bytes = data;
    uint64_t hash = 0xcbf29ce484222325u ^ seed * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash ^ hash >> 29;
}

static pbase_host host_of_test(void)
{
    pbase_host host = {.struct_size = sizeof host, .alloc = pbase_alloc_default(), .hash64 = fnv};
    return host;
}

static access_place place_of(uint64_t collection)
{
    access_place place = {.database = 1, .collection = {collection, 0}};
    return place;
}

static void add_key(access_set *set, access_kind kind, uint64_t collection, const char *key)
{
    access item = {.kind = kind, .place = place_of(collection), .from = pbase_bytes_text(key)};
    item.hash = access_hash(set->host, &item.place, item.from);
    assert_int_equal(access_set_add(set, &item, NULL), PBASE_OK);
}

static void add_whole(access_set *set, access_kind kind, uint64_t collection)
{
    access item = {.kind = kind, .place = place_of(collection)};
    assert_int_equal(access_set_add(set, &item, NULL), PBASE_OK);
}

static void add_range(access_set *set, uint64_t collection, const char *from, const char *to)
{
    size_t index = 0;
    pbase_bytes upper = pbase_bytes_text(to);
    access item = {.kind = ACCESS_RANGE,
                   .place = place_of(collection),
                   .from = pbase_bytes_text(from),
                   .from_inclusive = true};
    assert_int_equal(access_set_range_begin(set, &item, &index, NULL), PBASE_OK);
    assert_int_equal(access_set_range_extend(set, index, true, &upper, true, NULL), PBASE_OK);
}

/* One commit at sequence 5 and one transaction that began at 4. */
typedef struct {
    pbase_host host;
    write_window *window;
    access_set committed, reads, writes;
} contest;

static void contest_begin(contest *c)
{
    c->host = host_of_test();
    assert_int_equal(write_window_create(&c->host, &c->window, NULL), PBASE_OK);
    access_set_init(&c->committed, &c->host);
    access_set_init(&c->reads, &c->host);
    access_set_init(&c->writes, &c->host);
}

static pbase_status contest_end(contest *c)
{
    write_window_add(c->window, 5, &c->committed);
    pbase_status status = write_window_validate(c->window, 4, &c->reads, &c->writes, NULL);
    assert_int_equal(write_window_validate(c->window, 5, &c->reads, &c->writes, NULL), PBASE_OK);
    access_set_fini(&c->committed);
    access_set_fini(&c->reads);
    access_set_fini(&c->writes);
    write_window_destroy(c->window);
    return status;
}

static void writes_of_different_keys_merge(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    add_key(&c.committed, ACCESS_POINT, 7, "a");
    add_key(&c.writes, ACCESS_POINT, 7, "b");
    assert_int_equal(contest_end(&c), PBASE_OK);
}

static void writes_of_the_same_key_conflict(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    add_key(&c.committed, ACCESS_POINT, 7, "a");
    add_key(&c.writes, ACCESS_POINT, 7, "a");
    assert_int_equal(contest_end(&c), PBASE_CONFLICT);
}

static void the_same_key_of_another_collection_is_another_key(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    add_key(&c.committed, ACCESS_POINT, 7, "a");
    add_key(&c.writes, ACCESS_POINT, 8, "a");
    assert_int_equal(contest_end(&c), PBASE_OK);
}

static void a_read_key_that_was_written_conflicts(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    add_key(&c.committed, ACCESS_POINT, 7, "a");
    add_key(&c.reads, ACCESS_POINT, 7, "a");
    add_key(&c.writes, ACCESS_POINT, 7, "b");
    assert_int_equal(contest_end(&c), PBASE_CONFLICT);
}

static void adds_to_a_set_merge_with_each_other_and_not_with_a_removal(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    add_key(&c.committed, ACCESS_ADD, 7, "a");
    add_key(&c.writes, ACCESS_ADD, 7, "a");
    assert_int_equal(contest_end(&c), PBASE_OK);

    contest_begin(&c);
    add_key(&c.committed, ACCESS_POINT, 7, "a");
    add_key(&c.writes, ACCESS_ADD, 7, "a");
    assert_int_equal(contest_end(&c), PBASE_CONFLICT);

    contest_begin(&c);
    add_key(&c.committed, ACCESS_ADD, 7, "a");
    add_key(&c.writes, ACCESS_POINT, 7, "a");
    assert_int_equal(contest_end(&c), PBASE_CONFLICT);
}

static void appends_merge_and_a_structural_change_conflicts_with_all(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    add_whole(&c.committed, ACCESS_TAIL, 7);
    add_whole(&c.writes, ACCESS_TAIL, 7);
    assert_int_equal(contest_end(&c), PBASE_OK);

    contest_begin(&c);
    add_whole(&c.committed, ACCESS_TAIL, 7);
    add_whole(&c.writes, ACCESS_WHOLE, 7);
    assert_int_equal(contest_end(&c), PBASE_CONFLICT);

    contest_begin(&c);
    add_whole(&c.committed, ACCESS_WHOLE, 7);
    add_whole(&c.writes, ACCESS_TAIL, 7);
    assert_int_equal(contest_end(&c), PBASE_CONFLICT);
}

static void a_range_sees_what_was_written_inside_it_only(void **unused)
{
    (void)unused;
    static const struct {
        const char *key;
        pbase_status expected;
    } cases[] = {{"b", PBASE_OK},       {"c", PBASE_CONFLICT}, {"d", PBASE_CONFLICT},
                 {"e", PBASE_CONFLICT}, {"ea", PBASE_OK},      {"", PBASE_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        contest c;
        contest_begin(&c);
        add_key(&c.committed, ACCESS_POINT, 7, cases[i].key);
        add_range(&c.reads, 7, "c", "e");
        assert_int_equal(contest_end(&c), cases[i].expected);
    }
}

static void a_range_that_was_never_extended_conflicts_with_nothing(void **unused)
{
    (void)unused;
    contest c;
    contest_begin(&c);
    size_t index = 0;
    access item = {.kind = ACCESS_RANGE, .place = place_of(7), .to_open = true};
    assert_int_equal(access_set_range_begin(&c.reads, &item, &index, NULL), PBASE_OK);
    add_key(&c.committed, ACCESS_POINT, 7, "a");
    assert_int_equal(contest_end(&c), PBASE_OK);
}

static void a_base_older_than_the_window_is_too_old(void **unused)
{
    (void)unused;
    pbase_host host = host_of_test();
    write_window *window = NULL;
    access_set none;
    pbase_error err;
    pbase_error_init(&err);
    access_set_init(&none, &host);
    assert_int_equal(write_window_create(&host, &window, NULL), PBASE_OK);

    write_window_add(window, 9, NULL);

    assert_int_equal(write_window_validate(window, 8, NULL, &none, &err), PBASE_CONFLICT);
    assert_non_null(strstr(err.message, "too old"));
    assert_int_equal(write_window_validate(window, 9, NULL, &none, NULL), PBASE_OK);
    access_set_fini(&none);
    write_window_destroy(window);
}

/* ------------------------------------------------------------------ against a plain reference */

#define KEYS 12u
#define COMMITS 40u

typedef struct {
    bool whole;
    bool keys[KEYS];
} plain_commit;

static void key_text(unsigned key, char out[3])
{
    out[0] = 'k';
    out[1] = (char)('a' + key);
    out[2] = '\0';
}

static void random_commit(seed_random *random, access_set *set, plain_commit *plain)
{
    memset(plain, 0, sizeof *plain);
    if (seed_next(random) % 10 == 0) {
        plain->whole = true;
        add_whole(set, ACCESS_WHOLE, 7);
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        char text[3];
        unsigned key = (unsigned)(seed_next(random) % KEYS);
        key_text(key, text);
        plain->keys[key] = true;
        add_key(set, ACCESS_POINT, 7, text);
    }
}

static bool plain_hits(const plain_commit *plain, unsigned from, unsigned to)
{
    for (unsigned key = from; key <= to; key++) {
        if (plain->keys[key]) {
            return true;
        }
    }
    return plain->whole;
}

static void random_windows_agree_with_a_plain_reference(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("random_windows_agree_with_a_plain_reference"));
    pbase_host host = host_of_test();
    for (unsigned round = 0; round < 200; round++) {
        write_window *window = NULL;
        plain_commit plain[COMMITS + 1];
        assert_int_equal(write_window_create(&host, &window, NULL), PBASE_OK);
        for (uint64_t sequence = 1; sequence <= COMMITS; sequence++) {
            access_set writes;
            access_set_init(&writes, &host);
            random_commit(&random, &writes, &plain[sequence]);
            write_window_add(window, sequence, &writes);
            access_set_fini(&writes);
        }
        uint64_t oldest = seed_next(&random) % (COMMITS / 2);
        write_window_trim(window, oldest);
        for (unsigned question = 0; question < 20; question++) {
            char from_text[3], to_text[3];
            uint64_t base = oldest + seed_next(&random) % (COMMITS - oldest + 1);
            unsigned from = (unsigned)(seed_next(&random) % KEYS);
            unsigned to = from + (unsigned)(seed_next(&random) % (KEYS - from));
            access_set reads, none;
            access_set_init(&reads, &host);
            access_set_init(&none, &host);
            key_text(from, from_text);
            key_text(to, to_text);
            add_range(&reads, 7, from_text, to_text);
            bool hit = false;
            for (uint64_t sequence = base + 1; sequence <= COMMITS; sequence++) {
                hit = hit || plain_hits(&plain[sequence], from, to);
            }
            assert_int_equal(write_window_validate(window, base, &reads, &none, NULL),
                             hit ? PBASE_CONFLICT : PBASE_OK);
            access_set_fini(&reads);
            access_set_fini(&none);
        }
        write_window_destroy(window);
    }
}

static void who_began_before_everything_was_forgotten_stays_too_old(void **unused)
{
    (void)unused;
    pbase_host host = host_of_test();
    write_window *window = NULL;
    access_set none;
    access_set_init(&none, &host);
    assert_int_equal(write_window_create(&host, &window, NULL), PBASE_OK);
    write_window_add(window, 10, NULL); /* forgets, though somebody who began at 4 is open */
    write_window_trim(window, 4);
    assert_int_equal(write_window_validate(window, 4, &none, &none, NULL), PBASE_CONFLICT);
    assert_int_equal(write_window_validate(window, 10, &none, &none, NULL), PBASE_OK);
    write_window_destroy(window);
    access_set_fini(&none);
}

static void a_window_that_is_never_empty_does_not_grow(void **unused)
{
    (void)unused;
    fault_alloc memory;
    fault_alloc_init(&memory);
    pbase_host host = host_of_test();
    host.alloc = &memory.alloc;
    write_window *window = NULL;
    assert_int_equal(write_window_create(&host, &window, NULL), PBASE_OK);
    for (uint64_t sequence = 1; sequence <= 50000; sequence++) {
        char key[24];
        access_set writes;
        access_set_init(&writes, &host);
        (void)snprintf(key, sizeof key, "%llu", (unsigned long long)sequence);
        add_key(&writes, ACCESS_POINT, 1, key);
        write_window_add(window, sequence, &writes);
        write_window_trim(window, sequence - 1); /* somebody is always open */
        access_set_fini(&writes);
    }
    assert_true(fault_alloc_live_bytes(&memory) < 1u << 20);
    write_window_destroy(window);
    assert_int_equal(fault_alloc_live_blocks(&memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_of_different_keys_merge),
        cmocka_unit_test(writes_of_the_same_key_conflict),
        cmocka_unit_test(the_same_key_of_another_collection_is_another_key),
        cmocka_unit_test(a_read_key_that_was_written_conflicts),
        cmocka_unit_test(adds_to_a_set_merge_with_each_other_and_not_with_a_removal),
        cmocka_unit_test(appends_merge_and_a_structural_change_conflicts_with_all),
        cmocka_unit_test(a_range_sees_what_was_written_inside_it_only),
        cmocka_unit_test(a_range_that_was_never_extended_conflicts_with_nothing),
        cmocka_unit_test(a_base_older_than_the_window_is_too_old),
        cmocka_unit_test(who_began_before_everything_was_forgotten_stays_too_old),
        cmocka_unit_test(a_window_that_is_never_empty_does_not_grow),
        cmocka_unit_test(random_windows_agree_with_a_plain_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
