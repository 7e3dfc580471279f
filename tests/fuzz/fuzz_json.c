/* Any bytes as JSON text: refused with a place, or a value that survives being written again. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pbase_serializer *serializer;
    if (serializer == NULL) {
        serializer = (pbase_serializer *)fuzz_codec_open(PBASE_PLUGIN_DIR "/codec-json.so", NULL);
    }
    pbase_bytes text = pbase_bytes_of(data, size);
    pbase_arena arena;
    pbase_value value;
    pbase_error err;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_error_init(&err);
    if (pbase_serializer_decode(serializer, text, NULL, &arena, &value, &err) == PBASE_INVALID) {
        PBASE_ASSERT(strcmp(err.message, "not JSON") != 0); /* scanner and parser agree */
    }
    pbase_arena_fini(&arena);
    fuzz_serializer(serializer, text);
    return 0;
}
