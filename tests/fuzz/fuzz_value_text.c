/* fuzz_value_text.c - texts of timestamps and object ids, and UTF-8.
 *
 * Whatever the bytes: no crash; what is accepted comes back the same from its canonical text; what
 * is refused leaves the result untouched and says why in UTF-8; a cut or cleaned text is UTF-8. */
#include "utf8.h"
#include <protobase/base/ref.h>
#include <protobase/base/value.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_time(pbase_bytes text)
{
    int64_t time_ns = 42;
    pbase_error err;
    pbase_error_init(&err);
    if (pbase_time_parse(text, &time_ns, &err) != PBASE_OK) {
        PBASE_ASSERT(time_ns == 42);
        PBASE_ASSERT(err.message[0] != '\0');
        PBASE_ASSERT(pbase_utf8_valid(pbase_bytes_text(err.message)));
        return;
    }
    char canonical[PBASE_TIME_TEXT_BYTES];
    int64_t again = 42;
    pbase_time_format(time_ns, canonical);
    PBASE_ASSERT(pbase_time_parse(pbase_bytes_text(canonical), &again, NULL) == PBASE_OK);
    PBASE_ASSERT(again == time_ns);
}

static void fuzz_object_id(pbase_bytes text)
{
    pbase_object_id id;
    if (pbase_object_id_parse(text, &id, NULL) != PBASE_OK) {
        return;
    }
    char canonical[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    pbase_object_id again;
    pbase_object_id_format(id, canonical);
    PBASE_ASSERT(pbase_object_id_parse(pbase_bytes_text(canonical), &again, NULL) == PBASE_OK);
    PBASE_ASSERT(memcmp(id.bytes, again.bytes, sizeof id.bytes) == 0);
}

static void fuzz_utf8(pbase_bytes text)
{
    bool is_valid = pbase_utf8_valid(text);
    char *copy = (char *)malloc(text.size + 1);
    PBASE_ASSERT(copy != NULL);
    if (text.size != 0) {
        memcpy(copy, text.data, text.size);
    }
    for (size_t cut = 0; is_valid && cut <= text.size; cut++) {
        PBASE_ASSERT(pbase_utf8_valid(pbase_bytes_of(copy, utf8_border(copy, cut))));
    }
    utf8_clean(copy, text.size);
    PBASE_ASSERT(pbase_utf8_valid(pbase_bytes_of(copy, text.size)));
    PBASE_ASSERT(!is_valid || text.size == 0 || memcmp(copy, text.data, text.size) == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pbase_bytes text = pbase_bytes_of(data, size > 4096 ? 4096 : size);
    fuzz_time(text);
    fuzz_object_id(text);
    fuzz_utf8(text);
    return 0;
}
