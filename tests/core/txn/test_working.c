/* test_working.c - records applied to states: what they make, what they undo, what is refused.
 *
 * A record of a journal may have a valid checksum and still make no sense. */
#include "txn/working.h"

#include "collection/change.h"
#include "heap_source.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct {
    pbase_host host;
    heap_source heap;
    space_state *state;
    pbase_buffer body; /* of the record being built */
    pbase_buffer operations;
    pbase_buffer name; /* of the database looked at last */
} world;

static world w;

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    w.host = (pbase_host){.struct_size = sizeof w.host, .alloc = pbase_alloc_default()};
    heap_source_init(&w.heap, w.host.alloc);
    w.state = space_state_create(NULL, &w.heap.source, ATOM_REF_NONE, 0, 0);
    assert_non_null(w.state);
    pbase_buffer_init(&w.body, w.host.alloc);
    pbase_buffer_init(&w.operations, w.host.alloc);
    pbase_buffer_init(&w.name, w.host.alloc);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    space_state_unref(w.state);
    pbase_buffer_fini(&w.body);
    pbase_buffer_fini(&w.operations);
    pbase_buffer_fini(&w.name);
    heap_source_fini(&w.heap); /* asserts that every atom is gone */
    return 0;
}

/* ------------------------------------------------------------------------------- records ---- */

static void put_varint(uint64_t value)
{
    assert_int_equal(pbase_buffer_append_varint(&w.body, value, NULL), PBASE_OK);
}

/* An operation with the key `name` into w.operations. */
static void add_operation(uint8_t op, const char *name, pbase_bytes value)
{
    key_scratch scratch;
    change operation = {.op = op, .value = value};
    pbase_value text = pbase_value_string(pbase_bytes_text(name));
    key_scratch_init(&scratch, w.host.alloc);
    assert_int_equal(key_encode(&text, &scratch, &operation.key, NULL), PBASE_OK);
    assert_int_equal(change_write(&operation, &w.operations, NULL), PBASE_OK);
    key_scratch_fini(&scratch);
}

/* The stored value of a root that holds collection (sequence, ordinal). */
static pbase_bytes child_of(uint8_t kind, uint8_t sequence, uint8_t ordinal)
{
    static uint8_t bytes[5];
    const uint8_t child[5] = {1, 1, kind, sequence, ordinal};
    memcpy(bytes, child, sizeof bytes);
    return pbase_bytes_of(bytes, sizeof bytes);
}

static void begin_delta(uint64_t database, uint64_t groups)
{
    w.body.size = 0;
    put_varint(database);
    put_varint(groups);
}

/* Takes what add_operation gathered. */
static void add_group(uint8_t form, uint8_t kind, uint64_t sequence, uint64_t ordinal)
{
    delta_group group = {.id = {sequence, ordinal},
                         .form = form,
                         .kind = kind,
                         .operations = pbase_buffer_view(&w.operations)};
    assert_int_equal(delta_group_write(&group, &w.body, NULL), PBASE_OK);
    w.operations.size = 0;
}

/* Applies w.body as the next record; the state moves on success only. */
static pbase_status apply(uint8_t kind)
{
    working *trees = NULL;
    record_head head = {.kind = kind, .sequence = w.state->sequence + 1, .timestamp_ns = 1};
    assert_int_equal(working_begin(&w.host, w.state, NULL, &trees, NULL), PBASE_OK);
    pbase_status status = working_apply(trees, &head, pbase_buffer_view(&w.body), NULL, NULL);
    if (status == PBASE_OK) {
        space_state *next = NULL;
        status = working_finish(&trees, &next, NULL);
        assert_int_equal(status, PBASE_OK);
        space_state_unref(w.state);
        w.state = next;
    }
    working_abandon(&trees);
    return status;
}

static pbase_status create_database(const char *name)
{
    catalog_change wanted = {.operation = CATALOG_CREATE, .name = pbase_bytes_text(name)};
    w.body.size = 0;
    assert_int_equal(catalog_change_write(&wanted, &w.body, NULL), PBASE_OK);
    return apply(RECORD_CATALOG);
}

static pbase_status change_database(uint8_t operation, uint8_t kind, uint64_t id, const char *name)
{
    catalog_change wanted = {.operation = operation,
                             .kind = kind,
                             .database = id,
                             .source = pbase_bytes_text("main"),
                             .name = pbase_bytes_text(name)};
    w.body.size = 0;
    assert_int_equal(catalog_change_write(&wanted, &w.body, NULL), PBASE_OK);
    return apply(RECORD_CATALOG);
}

static pbase_status drop_database(uint64_t id)
{
    catalog_change wanted = {
        .operation = CATALOG_DROP, .database = id, .source = pbase_bytes_text("x")};
    w.body.size = 0;
    assert_int_equal(catalog_change_write(&wanted, &w.body, NULL), PBASE_OK);
    return apply(RECORD_CATALOG);
}

/* Database 1 with root "r": a dictionary made by record 2, with one key. */
static void make_root(void)
{
    assert_int_equal(create_database("main"), PBASE_OK);
    begin_delta(1, 2);
    add_operation(CHANGE_PUT, "key", pbase_bytes_text("\2v"));
    add_group(GROUP_CREATE, PBASE_COLLECTION_DICT, 0, 1);
    add_operation(CHANGE_PUT, "r", child_of(PBASE_COLLECTION_DICT, 0, 1));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
}

static catalog_entry database_of(uint64_t id)
{
    catalog_entry found;
    assert_int_equal(catalog_database(w.state, id, &found, &w.name, NULL), PBASE_OK);
    return found;
}

/* Entries of the collection that root "r" of a database holds; UINT64_MAX when there is none. */
static uint64_t count_of_root_in(uint64_t database)
{
    root_entry entry;
    pbase_buffer buffer;
    uint64_t count = UINT64_MAX;
    pbase_buffer_init(&buffer, w.host.alloc);
    pbase_status status = catalog_root(&w.heap.source, database_of(database).collections,
                                       pbase_bytes_text("r"), &entry, &buffer, NULL);
    if (status == PBASE_OK) {
        assert_true(entry.is_collection);
        tree content = tree_of(&w.heap.source, entry.slot.root, false);
        assert_int_equal(tree_count(&content, &count, NULL), PBASE_OK);
    }
    pbase_buffer_fini(&buffer);
    return count;
}

static uint64_t count_of_root(void)
{
    return count_of_root_in(1);
}

static uint64_t count_of_collections(void)
{
    uint64_t count = 0;
    tree table = tree_of(&w.heap.source, database_of(1).collections, false);
    assert_int_equal(tree_count(&table, &count, NULL), PBASE_OK);
    return count;
}

/* -------------------------------------------------------------------------------- sense ---- */

static void a_record_makes_a_collection_and_names_it(void **unused)
{
    (void)unused;
    make_root();
    assert_int_equal(w.state->sequence, 2);
    assert_int_equal(count_of_root(), 1);
    assert_int_equal(count_of_collections(), 2); /* with the roots themselves */
}

static void a_dropped_root_takes_its_collection_along(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 1);
    add_operation(CHANGE_REMOVE, "r", pbase_bytes_of(NULL, 0));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), UINT64_MAX);
    assert_int_equal(count_of_collections(), 1);
}

static void a_replaced_root_gives_its_old_collection_up(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 2);
    add_group(GROUP_CREATE, PBASE_COLLECTION_DICT, 0, 1);
    add_operation(CHANGE_PUT, "r", child_of(PBASE_COLLECTION_DICT, 0, 1));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), 0);
    assert_int_equal(count_of_collections(), 2);
}

static void a_root_dropped_and_made_again_in_one_record_holds_the_new_collection(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 2);
    add_group(GROUP_CREATE, PBASE_COLLECTION_DICT, 0, 1);
    add_operation(CHANGE_REMOVE, "r", pbase_bytes_of(NULL, 0));
    add_operation(CHANGE_PUT, "r", child_of(PBASE_COLLECTION_DICT, 0, 1));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), 0);
    assert_int_equal(count_of_collections(), 2);
}

static void a_dropped_database_takes_everything_along(void **unused)
{
    (void)unused;
    make_root();
    assert_int_equal(drop_database(1), PBASE_OK);
    assert_int_equal(w.state->catalog, ATOM_REF_NONE);
}

static void the_state_that_was_changed_from_stays_as_it_was(void **unused)
{
    (void)unused;
    make_root();
    space_state *before = space_state_ref(w.state);
    begin_delta(1, 1);
    add_operation(CHANGE_PUT, "second", pbase_bytes_text("\2v"));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 2, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), 2);
    space_state_unref(w.state);
    w.state = before;
    assert_int_equal(count_of_root(), 1);
}

/* Puts `key` into root "r", which record 2 made, of a database. */
static pbase_status put_in(uint64_t database, const char *key)
{
    begin_delta(database, 1);
    add_operation(CHANGE_PUT, key, pbase_bytes_text("\2v"));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 2, 1);
    return apply(RECORD_DELTA);
}

static void a_renamed_database_keeps_everything_but_its_name(void **unused)
{
    (void)unused;
    make_root();
    assert_int_equal(change_database(CATALOG_RENAME, 0, 1, "other"), PBASE_OK);
    assert_true(pbase_bytes_equal(database_of(1).name, pbase_bytes_text("other")));
    assert_int_equal(count_of_root(), 1);
    assert_int_equal(put_in(1, "second"), PBASE_OK);
    assert_true(pbase_bytes_equal(database_of(1).name, pbase_bytes_text("other")));
    assert_int_equal(count_of_root(), 2);
}

static void a_branch_shares_the_very_tree_and_then_both_go_on_alone(void **unused)
{
    (void)unused;
    make_root();
    assert_int_equal(change_database(CATALOG_COPY, DATABASE_BRANCH, 1, "fork"), PBASE_OK);
    catalog_entry fork = database_of(3);
    assert_int_equal(fork.kind, DATABASE_BRANCH);
    assert_int_equal(fork.origin, 1);
    assert_true(atom_ref_same(fork.collections, database_of(1).collections));
    assert_int_equal(put_in(3, "second"), PBASE_OK);
    assert_int_equal(put_in(3, "third"), PBASE_OK);
    assert_int_equal(put_in(1, "other"), PBASE_OK);
    assert_int_equal(count_of_root_in(3), 3);
    assert_int_equal(count_of_root_in(1), 2);
    assert_int_equal(drop_database(1), PBASE_OK);
    assert_int_equal(count_of_root_in(3), 3);
    assert_int_equal(database_of(3).origin, 1); /* it stays written there */
}

static void a_copy_has_what_records_before_it_did_in_the_same_working_state(void **unused)
{
    (void)unused;
    make_root();
    working *trees = NULL;
    record_head head = {.kind = RECORD_DELTA, .sequence = 3};
    assert_int_equal(working_begin(&w.host, w.state, NULL, &trees, NULL), PBASE_OK);
    for (unsigned i = 0; i < 3; i++, head.sequence++) { /* change, copy, change */
        catalog_change copy = {.operation = CATALOG_COPY,
                               .kind = DATABASE_SNAPSHOT,
                               .database = 1,
                               .source = pbase_bytes_text("main"),
                               .name = pbase_bytes_text("then")};
        head.kind = i == 1 ? RECORD_CATALOG : RECORD_DELTA;
        begin_delta(1, 1);
        add_operation(CHANGE_PUT, i == 0 ? "before" : "after", pbase_bytes_text("\2v"));
        add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 2, 1);
        w.body.size = i == 1 ? 0 : w.body.size;
        assert_int_equal(i == 1 ? catalog_change_write(&copy, &w.body, NULL) : PBASE_OK, PBASE_OK);
        assert_int_equal(working_apply(trees, &head, pbase_buffer_view(&w.body), NULL, NULL),
                         PBASE_OK);
    }
    space_state_unref(w.state);
    assert_int_equal(working_finish(&trees, &w.state, NULL), PBASE_OK);
    assert_int_equal(count_of_root_in(4), 2);
    assert_int_equal(count_of_root_in(1), 3);
}

/* Writes a tree of `entries` keys to the storage; its pointer. */
static pbase_atom_pointer stored_tree(uint64_t entries, bool positional)
{
    tree content = tree_of(&w.heap.source, ATOM_REF_NONE, positional);
    atom_ref settled = ATOM_REF_NONE;
    tree_value value = tree_value_of(pbase_bytes_text("\2v"));
    for (uint64_t i = 0; i < entries; i++) {
        key_scratch scratch;
        encoded_key key;
        pbase_value number = pbase_value_int((int64_t)i);
        key_scratch_init(&scratch, w.host.alloc);
        assert_int_equal(key_encode(&number, &scratch, &key, NULL), PBASE_OK);
        pbase_status status = positional ? tree_append(&content, &value, NULL)
                                         : tree_append_key(&content, &key, &value, NULL);
        assert_int_equal(status, PBASE_OK);
        key_scratch_fini(&scratch);
    }
    assert_int_equal(tree_settle(&w.heap.source, content.root, &settled, NULL), PBASE_OK);
    tree_fini(&content);
    return atom_ref_pointer(settled);
}

static void add_adopted(pbase_atom_pointer root, uint64_t count)
{
    adopted_content content = {.root = root, .count = count};
    assert_int_equal(adopted_content_write(&content, &w.operations, NULL), PBASE_OK);
}

static void adopted_content_replaces_what_a_collection_held(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 1);
    add_adopted(stored_tree(300, false), 300);
    add_group(GROUP_ADOPT, PBASE_COLLECTION_DICT, 2, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), 300);
    begin_delta(1, 1);
    add_adopted(PBASE_ATOM_NONE, 0);
    add_group(GROUP_ADOPT, PBASE_COLLECTION_DICT, 2, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), 0);
}

static void a_collection_is_created_by_adopting(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 2);
    add_adopted(stored_tree(300, false), 300);
    add_group(GROUP_ADOPT, PBASE_COLLECTION_DICT, 0, 3);
    add_operation(CHANGE_PUT, "r", child_of(PBASE_COLLECTION_DICT, 0, 3));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
    assert_int_equal(count_of_root(), 300);
    assert_int_equal(count_of_collections(), 2);
}

static void the_first_record_to_change_the_objects_makes_them(void **unused)
{
    (void)unused;
    make_root();
    for (uint64_t i = 0; i < 2; i++) {
        begin_delta(1, 1);
        add_operation(CHANGE_PUT, i == 0 ? "a" : "b", pbase_bytes_text("\2v"));
        add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 1);
        assert_int_equal(apply(RECORD_DELTA), PBASE_OK);
        assert_int_equal(count_of_collections(), 3);
    }
    assert_int_equal(count_of_root(), 1);
}

/* ------------------------------------------------------------------------------ nonsense ---- */

static void a_change_of_a_collection_of_no_record_is_refused(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 1);
    add_operation(CHANGE_PUT, "a", pbase_bytes_text("\2v"));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 9);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
}

static void a_record_that_changes_a_snapshot_is_damage(void **unused)
{
    (void)unused;
    make_root();
    assert_int_equal(change_database(CATALOG_COPY, DATABASE_SNAPSHOT, 1, "then"), PBASE_OK);
    assert_int_equal(put_in(3, "second"), PBASE_CORRUPT);
    assert_int_equal(count_of_root_in(3), 1);
}

static void a_copy_is_a_snapshot_or_a_branch_of_something(void **unused)
{
    (void)unused;
    make_root();
    assert_int_equal(change_database(CATALOG_COPY, DATABASE_PLAIN, 1, "x"), PBASE_CORRUPT);
    assert_int_equal(change_database(CATALOG_COPY, 3, 1, "x"), PBASE_CORRUPT);
    assert_int_equal(change_database(CATALOG_COPY, DATABASE_BRANCH, 7, "x"), PBASE_CONFLICT);
    assert_int_equal(change_database(CATALOG_RENAME, 0, 7, "x"), PBASE_CONFLICT);
}

static pbase_status adopt_as(pbase_atom_pointer root, uint64_t count, uint8_t kind,
                             uint64_t sequence, uint64_t ordinal)
{
    begin_delta(1, 1);
    add_adopted(root, count);
    add_group(GROUP_ADOPT, kind, sequence, ordinal);
    return apply(RECORD_DELTA);
}

static void adopted_sums_are_those_of_counted_kinds(void **unused)
{
    (void)unused;
    make_root();
    adopted_content content = {.root = stored_tree(300, false), .count = 300, .sum = 299};
    for (unsigned i = 0; i < 2; i++) {
        begin_delta(1, 1);
        w.operations.size = 0;
        assert_int_equal(adopted_content_write(&content, &w.operations, NULL), PBASE_OK);
        if (i == 0) { /* fewer than its elements */
            add_group(GROUP_ADOPT, PBASE_COLLECTION_COUNTED_SET, 0, 1);
        } else { /* of a kind without counts */
            add_group(GROUP_ADOPT, PBASE_COLLECTION_DICT, 2, 1);
        }
        assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
    }
}

static void adopting_what_is_not_there_is_refused(void **unused)
{
    (void)unused;
    make_root();
    pbase_atom_pointer keyed = stored_tree(300, false), positional = stored_tree(300, true);
    assert_int_equal(adopt_as(keyed, 299, PBASE_COLLECTION_DICT, 2, 1), PBASE_CORRUPT);
    assert_int_equal(adopt_as(positional, 300, PBASE_COLLECTION_DICT, 2, 1), PBASE_CORRUPT);
    assert_int_equal(adopt_as(keyed, 300, PBASE_COLLECTION_LIST, 0, 1), PBASE_CORRUPT);
    assert_int_equal(adopt_as(keyed, 300, PBASE_COLLECTION_DICT, 0, 0), PBASE_CORRUPT);
    assert_int_equal(adopt_as(keyed, 300, PBASE_COLLECTION_DICT, 9, 9), PBASE_CONFLICT);
    begin_delta(1, 1);
    w.operations.size = 0;
    add_group(GROUP_ADOPT, PBASE_COLLECTION_DICT, 2, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
    assert_int_equal(count_of_root(), 1);
}

static void what_is_gone_conflicts(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(7, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CONFLICT);
    begin_delta(1, 1);
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 9, 9);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CONFLICT);
    assert_int_equal(drop_database(7), PBASE_CONFLICT);
    assert_int_equal(count_of_root(), 1);
}

static void the_roots_cannot_be_created_again(void **unused)
{
    (void)unused;
    make_root();
    for (uint8_t kind = PBASE_COLLECTION_DICT; kind <= PBASE_COLLECTION_SET; kind++) {
        begin_delta(1, 1);
        add_operation(CHANGE_PUT, "x", pbase_bytes_text("\2v"));
        add_group(GROUP_CREATE, kind, 0, 0);
        assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
    }
    assert_int_equal(count_of_root(), 1);
}

static void a_collection_of_an_earlier_record_cannot_be_created_again(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 1);
    add_group(GROUP_CREATE, PBASE_COLLECTION_LIST, 2, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
    assert_int_equal(count_of_root(), 1);
}

static void one_record_cannot_create_a_collection_twice(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 2);
    add_group(GROUP_CREATE, PBASE_COLLECTION_DICT, 0, 1);
    add_group(GROUP_CREATE, PBASE_COLLECTION_DICT, 0, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
}

static void a_collection_of_another_kind_is_refused(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 1);
    add_group(GROUP_CHANGE, PBASE_COLLECTION_LIST, 2, 1);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
    begin_delta(1, 1);
    add_group(GROUP_CHANGE, PBASE_COLLECTION_SET, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
}

static void an_operation_of_a_list_on_the_roots_is_refused(void **unused)
{
    (void)unused;
    make_root();
    change operation = {.op = CHANGE_LIST_APPEND, .value = pbase_bytes_text("\2v")};
    begin_delta(1, 1);
    assert_int_equal(change_write(&operation, &w.operations, NULL), PBASE_OK);
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
}

static void a_root_whose_children_are_cut_is_refused(void **unused)
{
    (void)unused;
    make_root();
    const uint8_t cut[] = {1, 2, PBASE_COLLECTION_DICT, 0, 1}; /* says two, gives one */
    begin_delta(1, 1);
    add_operation(CHANGE_PUT, "cut", pbase_bytes_of(cut, sizeof cut));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
}

static void a_record_cut_anywhere_is_refused_and_changes_nothing(void **unused)
{
    (void)unused;
    make_root();
    begin_delta(1, 2);
    add_operation(CHANGE_PUT, "a", pbase_bytes_text("\2v"));
    add_group(GROUP_CREATE, PBASE_COLLECTION_DICT, 0, 1);
    add_operation(CHANGE_PUT, "r", child_of(PBASE_COLLECTION_DICT, 0, 1));
    add_group(GROUP_CHANGE, PBASE_COLLECTION_DICT, 0, 0);
    size_t whole = w.body.size;
    for (w.body.size = 0; w.body.size < whole; w.body.size++) {
        assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
    }
    assert_int_equal(count_of_root(), 1);
    assert_int_equal(pbase_buffer_append_u8(&w.body, 0, NULL), PBASE_OK);
    assert_int_equal(apply(RECORD_DELTA), PBASE_CORRUPT);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_record_makes_a_collection_and_names_it),
        SENTENCE(a_dropped_root_takes_its_collection_along),
        SENTENCE(a_replaced_root_gives_its_old_collection_up),
        SENTENCE(a_root_dropped_and_made_again_in_one_record_holds_the_new_collection),
        SENTENCE(a_dropped_database_takes_everything_along),
        SENTENCE(the_state_that_was_changed_from_stays_as_it_was),
        SENTENCE(a_renamed_database_keeps_everything_but_its_name),
        SENTENCE(a_branch_shares_the_very_tree_and_then_both_go_on_alone),
        SENTENCE(a_copy_has_what_records_before_it_did_in_the_same_working_state),
        SENTENCE(a_record_that_changes_a_snapshot_is_damage),
        SENTENCE(a_copy_is_a_snapshot_or_a_branch_of_something),
        SENTENCE(adopted_content_replaces_what_a_collection_held),
        SENTENCE(a_collection_is_created_by_adopting),
        SENTENCE(the_first_record_to_change_the_objects_makes_them),
        SENTENCE(a_change_of_a_collection_of_no_record_is_refused),
        SENTENCE(adopted_sums_are_those_of_counted_kinds),
        SENTENCE(adopting_what_is_not_there_is_refused),
        SENTENCE(what_is_gone_conflicts),
        SENTENCE(the_roots_cannot_be_created_again),
        SENTENCE(a_collection_of_an_earlier_record_cannot_be_created_again),
        SENTENCE(one_record_cannot_create_a_collection_twice),
        SENTENCE(a_collection_of_another_kind_is_refused),
        SENTENCE(an_operation_of_a_list_on_the_roots_is_refused),
        SENTENCE(a_root_whose_children_are_cut_is_refused),
        SENTENCE(a_record_cut_anywhere_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
