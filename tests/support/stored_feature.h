/* stored_feature.h - the feature level of a space as its storage has it (docs/formats/meta.md). */
#ifndef PBASE_TEST_STORED_FEATURE_H
#define PBASE_TEST_STORED_FEATURE_H
#include "space/space_private.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A digit. */
static inline char stored_feature(const pbase_space *space)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    char text[512] = "";
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_storage_meta_get(wiring_storage(space->graph), NULL, &arena, &document,
                                            &version, NULL),
                     PBASE_OK);
    assert_true(document.size < sizeof text);
    memcpy(text, document.data, document.size);
    const char *line = strstr(text, "\nfeature ");
    assert_non_null(line);
    pbase_arena_fini(&arena);
    return line[sizeof "\nfeature " - 1];
}

#endif
