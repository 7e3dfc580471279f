/* blocks_fixture.c - opening, closing, and short ways to use a provider. */
#include "blocks_fixture.h"

#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

void blocks_open(blocks_fixture *f)
{
    const test_wiring *wiring = f->subject->wiring(f->folder.path);
    assert_ok(f, test_wiring_open(wiring, &f->host, &f->graph, &f->err));
    f->blocks = test_graph_object(f->graph);
}

void blocks_close(blocks_fixture *f)
{
    test_wiring_close(f->graph);
    f->graph = NULL;
    f->blocks = NULL;
}

int blocks_setup(void **state)
{
    blocks_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->subject = *state;
    temp_dir_create(&f->folder);
    test_host_init(&f->host, pbase_os_real());
    pbase_arena_init(&f->arena, &f->host.memory.alloc);
    pbase_error_init(&f->err);
    blocks_open(f);
    *state = f;
    return 0;
}

int blocks_teardown(void **state)
{
    blocks_fixture *f = *state;
    *state = (void *)(uintptr_t)f->subject;
    blocks_close(f);
    pbase_arena_fini(&f->arena);
    uint64_t left = fault_alloc_live_bytes(&f->host.memory);
    temp_dir_remove(&f->folder);
    free(f);
    assert_int_equal(left, 0);
    return 0;
}

bool blocks_has(const blocks_fixture *f, uint32_t capability)
{
    return (f->blocks->vtable->capabilities & capability) != 0;
}

pbase_segment *blocks_create(blocks_fixture *f, const char *name)
{
    pbase_segment *segment = NULL;
    assert_ok(f, pbase_blocks_open(f->blocks, NULL, name,
                                   PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment, &f->err));
    return segment;
}

pbase_status blocks_try_open(blocks_fixture *f, const char *name, uint32_t flags)
{
    pbase_segment *segment = NULL;
    pbase_status status = pbase_blocks_open(f->blocks, NULL, name, flags, &segment, &f->err);
    pbase_segment_close(segment);
    return status;
}

pbase_status blocks_try_write(blocks_fixture *f, pbase_segment *segment, uint64_t offset,
                              const char *text, uint32_t flags)
{
    return pbase_segment_write(segment, NULL, offset, pbase_bytes_text(text), flags, &f->err);
}

void blocks_assert_reads(blocks_fixture *f, pbase_segment *segment, uint64_t offset,
                         const char *text)
{
    char bytes[64];
    size_t read = 0;
    assert_true(strlen(text) < sizeof bytes);
    assert_ok(f, pbase_segment_read(segment, NULL, offset, bytes, strlen(text), &read, &f->err));
    assert_int_equal(read, strlen(text));
    assert_memory_equal(bytes, text, read);
}

uint64_t blocks_size_of(blocks_fixture *f, pbase_segment *segment)
{
    uint64_t size = UINT64_MAX;
    assert_ok(f, pbase_segment_size(segment, &size, &f->err));
    return size;
}

void blocks_assert_key(blocks_fixture *f, const char *key, const char *text, uint64_t version)
{
    pbase_bytes document;
    uint64_t found = 99;
    assert_ok(f, pbase_blocks_key_get(f->blocks, NULL, key, &f->arena, &document, &found, &f->err));
    assert_int_equal(found, version);
    assert_true(pbase_bytes_equal(document, pbase_bytes_text(text)));
}

pbase_status blocks_key_cas(blocks_fixture *f, const char *key, uint64_t expected, const char *text)
{
    return pbase_blocks_key_cas(f->blocks, NULL, key, expected, pbase_bytes_text(text), &f->err);
}

static pbase_status list_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    blocks_listing *l = state;
    (void)err;
    size_t used = strlen(l->names);
    assert_true(strlen(info->name) + 30 < sizeof l->names - used);
    snprintf(l->names + used, sizeof l->names - used, "%s:%llu%s ", info->name,
             (unsigned long long)info->size_bytes, info->sealed ? "s" : "");
    l->count++;
    return PBASE_OK;
}

blocks_listing blocks_list(blocks_fixture *f, const char *prefix)
{
    blocks_listing l = {.count = 0};
    assert_ok(f, pbase_blocks_list(f->blocks, NULL, prefix, list_each, &l, &f->err));
    return l;
}
