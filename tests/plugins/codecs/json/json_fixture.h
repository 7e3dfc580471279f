/* json_fixture.h - an opened serializer json and the memory of one test program. */
#ifndef PBASE_TEST_JSON_FIXTURE_H
#define PBASE_TEST_JSON_FIXTURE_H
#include "json_serializer.h"
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static pbase_serializer *json;
static pbase_arena arena;
static pbase_buffer text;
static pbase_error err;

static int json_set_up(void **state)
{
    (void)state;
    static pbase_host host;
    host = (pbase_host){.struct_size = sizeof host, .alloc = pbase_alloc_default()};
    pbase_component_open open = {.struct_size = sizeof open, .host = &host};
    void *made = NULL;
    pbase_error_init(&err);
    assert_int_equal(json_serializer_open(&open, &made, &err), PBASE_OK);
    json = (pbase_serializer *)made;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&text, pbase_alloc_default());
    return 0;
}

static int json_tear_down(void **state)
{
    (void)state;
    pbase_buffer_fini(&text);
    pbase_arena_fini(&arena);
    pbase_serializer_close(json);
    return 0;
}

static inline pbase_status json_read(const char *from, pbase_value *out)
{
    pbase_error_init(&err);
    return pbase_serializer_decode(json, pbase_bytes_text(from), NULL, &arena, out, &err);
}

/* The canonical text of `value`, NUL-ended, until the next call. */
static inline const char *json_written(const pbase_value *value)
{
    text.size = 0;
    assert_int_equal(pbase_serializer_encode(json, value, &text, &err), PBASE_OK);
    assert_int_equal(pbase_buffer_append_u8(&text, 0, &err), PBASE_OK);
    return (const char *)text.data;
}

#endif
