/* test_definition.c - definitions of indexes as text and as bytes; damage in them. */
#include "index/definition.h"

#include "heap_source.h"
#include "seed.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static pbase_arena arena;

static int begin(void **unused)
{
    (void)unused;
    pbase_arena_init(&arena, pbase_alloc_default());
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    pbase_arena_fini(&arena);
    return 0;
}

static index_definition make(const char *name, bool is_unique, const char *const *fields,
                             size_t count)
{
    index_definition made = {.collection = {7, 1},
                             .name = pbase_bytes_text(name),
                             .kind = INDEX_ORDERED,
                             .is_unique = is_unique,
                             .entries = {9, 2},
                             .field_count = count};
    made.fields = pbase_arena_array(&arena, count, sizeof *made.fields);
    assert_non_null(made.fields);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(
            index_field_parse(pbase_bytes_text(fields[i]), &arena, &made.fields[i], NULL),
            PBASE_OK);
    }
    return made;
}

static const char *field_text(const index_field *field)
{
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    assert_int_equal(index_field_format(field, &text, NULL), PBASE_OK);
    const char *out = pbase_arena_text(&arena, pbase_buffer_view(&text));
    pbase_buffer_fini(&text);
    return out;
}

static void write_both(const index_definition *definition, pbase_buffer *key, pbase_buffer *value)
{
    pbase_buffer_init(key, pbase_alloc_default());
    pbase_buffer_init(value, pbase_alloc_default());
    assert_int_equal(index_definition_key(definition->collection, definition->name, key, NULL),
                     PBASE_OK);
    assert_int_equal(index_definition_write(definition, value, NULL), PBASE_OK);
}

static void a_definition_reads_as_it_was_written(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"city", "address.zip", "items[-1].\"a b\"", "tags[*]"};
    index_definition before = make("by_city", true, fields, 4), after;
    pbase_buffer key, value;
    write_both(&before, &key, &value);

    assert_int_equal(index_definition_read(pbase_buffer_view(&key), pbase_buffer_view(&value),
                                           &arena, &after, NULL),
                     PBASE_OK);

    assert_int_equal(after.collection.sequence, 7);
    assert_int_equal(after.entries.ordinal, 2);
    assert_true(after.is_unique && index_is_multikey(&after));
    assert_int_equal(index_multikey_field(&after), 3);
    assert_int_equal(after.field_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(field_text(&after.fields[i]), fields[i]);
    }
    pbase_buffer_fini(&key);
    pbase_buffer_fini(&value);
}

static void fields_that_are_no_paths_are_refused(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {"", "[*]", "a..b", "a[*][*]", "a[*].b", "a[x]"};
    index_field field;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pbase_error err;
        pbase_error_init(&err);
        assert_int_equal(index_field_parse(pbase_bytes_text(wrong[i]), &arena, &field, &err),
                         PBASE_INVALID);
        assert_non_null(strstr(err.hint, "[*]"));
    }
}

static void two_lists_and_equal_fields_are_refused(void **unused)
{
    (void)unused;
    static const char *const lists[] = {"a[*]", "b[*]"}, *const twice[] = {"a", "b", "a"};
    index_definition two = make("two", false, lists, 2), again = make("again", false, twice, 3);
    index_definition none = make("none", false, lists, 0);

    assert_int_equal(index_definition_check(&two, NULL), PBASE_INVALID);
    assert_int_equal(index_definition_check(&again, NULL), PBASE_INVALID);
    assert_int_equal(index_definition_check(&none, NULL), PBASE_LIMIT);
}

static void any_cut_or_changed_byte_is_refused_or_read_as_something_whole(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"city", "tags[*]", "a[3].b"};
    index_definition before = make("by", false, fields, 3), after;
    pbase_buffer key, value;
    write_both(&before, &key, &value);
    for (size_t size = 0; size < value.size; size++) {
        assert_int_equal(index_definition_read(pbase_buffer_view(&key),
                                               pbase_bytes_of(value.data, size), &arena, &after,
                                               NULL),
                         PBASE_CORRUPT);
    }
    for (size_t at = 0; at < value.size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            value.data[at] ^= (uint8_t)(1u << bit);
            pbase_status status = index_definition_read(
                pbase_buffer_view(&key), pbase_buffer_view(&value), &arena, &after, NULL);
            assert_true(status == PBASE_OK || status == PBASE_CORRUPT || status == PBASE_FORMAT);
            value.data[at] ^= (uint8_t)(1u << bit);
        }
    }
    key.size = 16;
    assert_int_equal(index_definition_read(pbase_buffer_view(&key), pbase_buffer_view(&value),
                                           &arena, &after, NULL),
                     PBASE_CORRUPT);
    pbase_buffer_fini(&key);
    pbase_buffer_fini(&value);
}

static void a_newer_version_is_named(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"a"};
    index_definition before = make("by", false, fields, 1), after;
    pbase_buffer key, value;
    write_both(&before, &key, &value);
    value.data[0] = 2;
    assert_int_equal(index_definition_read(pbase_buffer_view(&key), pbase_buffer_view(&value),
                                           &arena, &after, NULL),
                     PBASE_FORMAT);
    pbase_buffer_fini(&key);
    pbase_buffer_fini(&value);
}

static void the_tree_gives_the_definitions_of_one_collection(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"a"};
    static const char *const names[] = {"z", "a"};
    heap_source heap;
    heap_source_init(&heap, pbase_alloc_default());
    tree definitions = tree_of(&heap.source, ATOM_REF_NONE, false);
    for (uint64_t ordinal = 1; ordinal <= 3; ordinal++) {
        for (size_t i = 0; i < 2; i++) {
            index_definition one = make(names[i], false, fields, 1);
            pbase_buffer key, value;
            one.collection.ordinal = ordinal;
            write_both(&one, &key, &value);
            encoded_key name = {.bytes = pbase_buffer_view(&key)};
            tree_value entry = tree_value_of(pbase_buffer_view(&value));
            assert_int_equal(tree_put(&definitions, &name, &entry, NULL, NULL), PBASE_OK);
            pbase_buffer_fini(&key);
            pbase_buffer_fini(&value);
        }
    }
    index_definition *found = NULL;
    size_t count = 0;
    pbase_collection_id second = {7, 2}, none = {8, 0};

    assert_int_equal(index_definitions_load(&definitions, &second, &arena, &found, &count, NULL),
                     PBASE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(found[0].collection.ordinal, 2);
    assert_true(pbase_bytes_equal(found[0].name, pbase_bytes_text("a")));
    assert_int_equal(index_definitions_load(&definitions, NULL, &arena, &found, &count, NULL),
                     PBASE_OK);
    assert_int_equal(count, 6);
    assert_int_equal(index_definitions_load(&definitions, &none, &arena, &found, &count, NULL),
                     PBASE_OK);
    assert_int_equal(count, 0);
    tree_fini(&definitions);
    heap_source_fini(&heap);
}

static void operations_read_as_they_were_written(void **unused)
{
    (void)unused;
    pbase_buffer bytes;
    pbase_buffer_init(&bytes, pbase_alloc_default());
    index_operation create = {INDEX_CREATE, pbase_bytes_text("key"), pbase_bytes_text("value")};
    index_operation drop = {INDEX_DROP, pbase_bytes_text("other"), pbase_bytes_of(NULL, 0)};
    assert_int_equal(index_operation_write(&create, &bytes, NULL), PBASE_OK);
    assert_int_equal(index_operation_write(&drop, &bytes, NULL), PBASE_OK);

    index_operation read;
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    assert_int_equal(index_operation_read(&reader, &read, NULL), PBASE_OK);
    assert_true(read.op == INDEX_CREATE && pbase_bytes_equal(read.value, create.value));
    assert_int_equal(index_operation_read(&reader, &read, NULL), PBASE_OK);
    assert_true(read.op == INDEX_DROP && pbase_bytes_equal(read.key, drop.key));
    assert_int_equal(index_operation_read(&reader, &read, NULL), PBASE_END);

    bytes.data[0] = 29;
    reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    assert_int_equal(index_operation_read(&reader, &read, NULL), PBASE_CORRUPT);
    pbase_buffer_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_definition_reads_as_it_was_written, begin, end),
        cmocka_unit_test_setup_teardown(fields_that_are_no_paths_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(two_lists_and_equal_fields_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(
            any_cut_or_changed_byte_is_refused_or_read_as_something_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_newer_version_is_named, begin, end),
        cmocka_unit_test_setup_teardown(the_tree_gives_the_definitions_of_one_collection, begin,
                                        end),
        cmocka_unit_test_setup_teardown(operations_read_as_they_were_written, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
