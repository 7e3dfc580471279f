/* fuzz_index.c - any bytes as the definition of an index, as operations on definitions, as a field
 * text, or as an entry: refused, or read to what is written back the same. The first byte says which;
 * of a definition the second is the size of its key. */
#include "index/definition.h"
#include "index/entry.h"
#include <protobase/base/arena.h>
#include <stdlib.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void read_definition(pbase_bytes bytes, pbase_arena *arena)
{
    index_definition definition, again;
    pbase_buffer key, value;
    size_t size = bytes.size == 0 || bytes.data[0] >= bytes.size ? 0 : bytes.data[0];
    pbase_bytes rest = bytes.size == 0 ? bytes : pbase_bytes_of(bytes.data + 1, bytes.size - 1);
    pbase_bytes head = pbase_bytes_of(rest.data, size < rest.size ? size : rest.size);
    pbase_bytes tail = pbase_bytes_of(rest.data + head.size, rest.size - head.size);
    if (index_definition_read(head, tail, arena, &definition, NULL) != PBASE_OK) {
        return;
    }
    pbase_buffer_init(&key, arena->alloc);
    pbase_buffer_init(&value, arena->alloc);
    must(index_definition_key(definition.collection, definition.name, &key, NULL) == PBASE_OK);
    must(index_definition_write(&definition, &value, NULL) == PBASE_OK);
    must(pbase_bytes_equal(pbase_buffer_view(&key), head));
    must(index_definition_read(pbase_buffer_view(&key), pbase_buffer_view(&value), arena, &again,
                               NULL) == PBASE_OK);
    must(again.field_count == definition.field_count);
    pbase_buffer_fini(&key);
    pbase_buffer_fini(&value);
}

static void read_operations(pbase_bytes bytes, pbase_arena *arena)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(bytes);
    index_operation operation;
    while (index_operation_read(&reader, &operation, NULL) == PBASE_OK) {
        index_definition definition;
        (void)index_definition_read(operation.key, operation.value, arena, &definition, NULL);
    }
}

static void read_field(pbase_bytes bytes, pbase_arena *arena)
{
    index_field field, again;
    pbase_buffer text;
    if (index_field_parse(bytes, arena, &field, NULL) != PBASE_OK) {
        return;
    }
    pbase_buffer_init(&text, arena->alloc);
    must(index_field_format(&field, &text, NULL) == PBASE_OK);
    must(index_field_parse(pbase_buffer_view(&text), arena, &again, NULL) == PBASE_OK);
    must(again.is_each == field.is_each && again.path.count == field.path.count);
    pbase_buffer_fini(&text);
}

static void read_entry(pbase_bytes bytes)
{
    char text[64];
    pbase_bytes row;
    for (size_t count = 1; count <= 3; count++) {
        size_t size = entry_prefix_size(bytes, count);
        must(size <= bytes.size);
        if (entry_row(bytes, count, &row)) {
            must(row.size > 0 && row.data + row.size == bytes.data + bytes.size);
        }
        (void)entry_has_null(bytes, count);
        entry_describe(bytes, count, text, sizeof text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pbase_arena arena;
    if (size < 1 || size > 1u << 16) {
        return 0;
    }
    pbase_bytes rest = pbase_bytes_of(data + 1, size - 1);
    pbase_arena_init(&arena, pbase_alloc_default());
    switch (data[0] % 4) {
    case 0:
        read_definition(rest, &arena);
        break;
    case 1:
        read_operations(rest, &arena);
        break;
    case 2:
        read_field(rest, &arena);
        break;
    default:
        read_entry(rest);
        break;
    }
    pbase_arena_fini(&arena);
    return 0;
}
