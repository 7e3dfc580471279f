/* test_idle.c - closed handles of a read-only context: what is used again, and what never is. */
#include "fault_alloc.h"
#include "handle_fixture.h"

static fault_alloc memory;
static fixture f;
static collection_idle idle;
static atom_ref root; /* of a dictionary with one entry, in memory */

static atom_ref make_root(void)
{
    pbase_value key = pbase_value_int(1), value = pbase_value_int(10);
    pbase_dict *dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    assert_int_equal(collection_drain(collection_of_dict(dict), NULL), PBASE_OK);
    atom_ref made = atom_ref_keep(collection_tree(collection_of_dict(dict))->root);
    pbase_dict_close(dict);
    return made;
}

static int begin(void **unused)
{
    (void)unused;
    fault_alloc_init(&memory);
    fixture_init(&f, &memory.alloc, false);
    root = make_root();
    idle = (collection_idle){.age = 1};
    f.context.read_only = true;
    f.context.idle = &idle;
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    collection_idle_end(&idle);
    tree_drop(&f.store.source, root);
    fixture_fini(&f);
    return fault_alloc_live_bytes(&memory) == 0 ? 0 : -1; /* nothing has leaked */
}

static collection *open_as(const char *name, bool is_root)
{
    const uint64_t count = 1;
    collection_options options = {.context = &f.context,
                                  .kind = PBASE_COLLECTION_DICT,
                                  .id = {3, 1},
                                  .root = root,
                                  .name = pbase_bytes_text(name),
                                  .is_root = is_root,
                                  .count = &count};
    collection *out = NULL;
    assert_int_equal(collection_open(&options, &out, NULL), PBASE_OK);
    return out;
}

static collection *again(const char *name)
{
    return collection_again(&f.context, PBASE_COLLECTION_DICT, pbase_bytes_text(name));
}

static bool has_entry(collection *handle)
{
    pbase_value key = pbase_value_int(1);
    bool found = false;
    assert_int_equal(pbase_dict_has(collection_dict(handle), &key, &found, NULL), PBASE_OK);
    return found;
}

static void a_closed_handle_is_found_again_by_its_name_and_kind(void **unused)
{
    (void)unused;
    collection_close(open_as("people", true));
    assert_null(again("peoplf"));
    assert_null(collection_again(&f.context, PBASE_COLLECTION_SET, pbase_bytes_text("people")));
    collection *found = again("people");
    assert_non_null(found);
    assert_null(again("people")); /* while somebody has it */
    assert_true(has_entry(found));
    collection_close(found);
}

static void nothing_is_found_again_once_something_else_is_seen(void **unused)
{
    (void)unused;
    collection *first = open_as("people", true);
    collection_close(first);
    collection_idle_forget(&idle);
    assert_null(again("people"));
    collection *second = open_as("people", true); /* but its memory is used */
    assert_ptr_equal(second, first);
    assert_true(has_entry(second));
    collection_close(second);
    assert_ptr_equal(again("people"), first);
    collection_close(first);
}

static void a_child_is_not_found_by_the_name_it_has_from_its_root(void **unused)
{
    (void)unused;
    collection_close(open_as("people", false));
    assert_null(again("people"));
}

static void what_lies_ready_keeps_nothing_alive(void **unused)
{
    (void)unused;
    uint32_t before = atomic_load(&atom_ref_memory(root)->counts);
    collection_close(open_as("people", true));
    assert_int_equal(atomic_load(&atom_ref_memory(root)->counts), before);
    collection *found = again("people");
    assert_int_equal(atomic_load(&atom_ref_memory(root)->counts), before + 2);
    collection_close(found);
    assert_int_equal(atomic_load(&atom_ref_memory(root)->counts), before);
}

static void a_handle_that_others_hold_lies_ready_after_the_last_of_them(void **unused)
{
    (void)unused;
    collection *handle = open_as("people", true);
    (void)collection_ref(handle);
    collection_close(handle);
    assert_null(again("people"));
    assert_true(has_entry(handle));
    collection_close(handle);
    collection_close(again("people"));
}

static void a_version_of_its_own_is_given_back(void **unused)
{
    (void)unused;
    pbase_value key = pbase_value_int(2), value = pbase_value_int(20);
    f.context.read_only = false;
    pbase_dict *dict = collection_dict(open_as("people", true));
    assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_null(again("people"));
    assert_null(atomic_load(&idle.handle));
}

static void of_two_that_are_closed_one_lies_ready(void **unused)
{
    (void)unused;
    collection *people = open_as("people", true), *places = open_as("places", true);
    collection_close(people);
    collection_close(places);
    assert_null(again("people"));
    collection_close(again("places"));
    collection_close(open_as("pets", true)); /* what lay ready has another name */
    assert_null(again("places"));
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_closed_handle_is_found_again_by_its_name_and_kind),
        SENTENCE(nothing_is_found_again_once_something_else_is_seen),
        SENTENCE(a_child_is_not_found_by_the_name_it_has_from_its_root),
        SENTENCE(what_lies_ready_keeps_nothing_alive),
        SENTENCE(a_handle_that_others_hold_lies_ready_after_the_last_of_them),
        SENTENCE(a_version_of_its_own_is_given_back),
        SENTENCE(of_two_that_are_closed_one_lies_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
