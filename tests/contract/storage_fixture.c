/* storage_fixture.c */
#include "storage_fixture.h"

#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

int storage_setup(void **state)
{
    storage_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->subject = *state;
    temp_dir_create(&f->folder);
    test_host_init(&f->host, pbase_os_real());
    pbase_arena_init(&f->arena, &f->host.memory.alloc);
    pbase_error_init(&f->err);
    storage_open(f);
    *state = f;
    return 0;
}

int storage_teardown(void **state)
{
    storage_fixture *f = *state;
    *state = (void *)(uintptr_t)f->subject;
    storage_close(f);
    pbase_arena_fini(&f->arena);
    uint64_t left = fault_alloc_live_bytes(&f->host.memory);
    temp_dir_remove(&f->folder);
    free(f);
    assert_int_equal(left, 0);
    return 0;
}

storage_fixture *storage_of(void **state)
{
    return *state;
}

void storage_open(storage_fixture *f)
{
    const test_wiring *wiring = f->subject->wiring(f->folder.path);
    assert_ok(f, test_wiring_open(wiring, &f->host, &f->graph, &f->err));
    f->storage = test_graph_object(f->graph);
}

void storage_close(storage_fixture *f)
{
    test_wiring_close(f->graph);
    f->graph = NULL;
    f->storage = NULL;
}

bool storage_has(const storage_fixture *f, uint32_t capability)
{
    return (f->storage->vtable->capabilities & capability) != 0;
}

pbase_journal_head storage_head(storage_fixture *f)
{
    pbase_journal_head head = {0};
    assert_ok(f, pbase_storage_journal_head(f->storage, NULL, PBASE_HEAD_LATEST, &head, &f->err));
    return head;
}

pbase_token storage_token(uint64_t number)
{
    pbase_token token = {{0xab}};
    pbase_put_u64(token.bytes + 8, number);
    return token;
}

pbase_status storage_try_append(storage_fixture *f, const char *text, size_t count,
                                pbase_position expected, pbase_token token, uint64_t fence,
                                pbase_journal_appended *out)
{
    char texts[16][64];
    pbase_bytes records[16];
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], count == 1 ? "%s" : "%s%zu", text, i);
        records[i] = pbase_bytes_text(texts[i]);
    }
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = records,
                                   .record_count = count,
                                   .expected = expected,
                                   .token = token,
                                   .fence = fence};
    return pbase_storage_append(f->storage, NULL, &append, out, &f->err);
}

pbase_journal_appended storage_append(storage_fixture *f, const char *text)
{
    pbase_journal_appended appended = {0};
    assert_ok(f, storage_try_append(f, text, 1, PBASE_POSITION_ANY, storage_token(0), UINT64_MAX,
                                    &appended));
    return appended;
}

const char *storage_texts(storage_fixture *f, pbase_position from)
{
    static char joined[4096];
    size_t size = 0;
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    joined[0] = '\0';
    assert_ok(f, pbase_storage_scan_open(f->storage, NULL, from, &scan, &f->err));
    pbase_status status;
    while ((status = pbase_storage_scan_next(f->storage, NULL, scan, &record, &f->err)) ==
           PBASE_OK) {
        assert_true(size + record.bytes.size + 2 < sizeof joined);
        size +=
            (size_t)snprintf(joined + size, sizeof joined - size, "%s%.*s", size == 0 ? "" : "|",
                             (int)record.bytes.size, (const char *)record.bytes.data);
    }
    pbase_storage_scan_close(f->storage, scan);
    assert_int_equal(status, PBASE_END);
    return joined;
}

/* Byte `i` of the atom made from `seed`. */
static uint8_t atom_byte(uint64_t seed, size_t i)
{
    return (uint8_t)((seed * 2654435761u + i * 40503u) >> 7);
}

pbase_atom_pointer storage_write_atom(storage_fixture *f, uint64_t seed, size_t size, uint32_t mode)
{
    pbase_atom_pointer pointer = PBASE_ATOM_NONE;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = atom_byte(seed, i);
    }
    pbase_bytes atom = pbase_bytes_of(bytes, size);
    assert_ok(f, pbase_storage_atoms_write(f->storage, NULL, &atom, 1, mode, &pointer, &f->err));
    free(bytes);
    return pointer;
}

void storage_assert_atom(storage_fixture *f, pbase_atom_pointer pointer, uint64_t seed, size_t size)
{
    uint8_t *bytes = malloc(size);
    size_t read = 0;
    assert_non_null(bytes);
    assert_ok(f, pbase_storage_atoms_read(f->storage, NULL, pointer, bytes, size, &read, &f->err));
    assert_int_equal(read, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], atom_byte(seed, i));
    }
    free(bytes);
}

pbase_call storage_call_over(storage_fixture *f)
{
    const pbase_os *os = f->host.base.os;
    return (pbase_call){.deadline_ns = os->system->monotonic_ns(os) - 1};
}

pbase_call storage_call_in(storage_fixture *f, uint64_t ms)
{
    return (pbase_call){.deadline_ns = pbase_os_deadline(f->host.base.os, ms)};
}
