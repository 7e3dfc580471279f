/* msgpack_fixture.h - an opened serializer msgpack and the memory of one test program. */
#ifndef PBASE_TEST_MSGPACK_FIXTURE_H
#define PBASE_TEST_MSGPACK_FIXTURE_H
#include "msgpack_serializer.h"
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static pbase_serializer *msgpack;
static pbase_arena arena;
static pbase_buffer bytes;
static pbase_error err;

static int msgpack_set_up(void **state)
{
    (void)state;
    static pbase_host host;
    host = (pbase_host){.struct_size = sizeof host, .alloc = pbase_alloc_default()};
    pbase_component_open open = {.struct_size = sizeof open, .host = &host};
    void *made = NULL;
    pbase_error_init(&err);
    assert_int_equal(msgpack_serializer_open(&open, &made, &err), PBASE_OK);
    msgpack = (pbase_serializer *)made;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&bytes, pbase_alloc_default());
    return 0;
}

static int msgpack_tear_down(void **state)
{
    (void)state;
    pbase_buffer_fini(&bytes);
    pbase_arena_fini(&arena);
    pbase_serializer_close(msgpack);
    return 0;
}

/* A literal with NUL bytes in it. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

#endif
