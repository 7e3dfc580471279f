/* Any bytes as zstd data: refused, or not more than allowed. The same bytes as input come back. */
#include "fake_config.h"
#include "fuzz_codec.h"

#define SIZE_MAX_DECODED 1048576u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fake_option options[] = {
        {.key = "level", .integer = 1},
        {.key = "min_size", .integer = 32},
        {.key = "dictionary", .text = PBASE_SOURCE_DIR "/tests/golden/codecs/v1_orders.dict"},
        {.key = "dictionary_folder"}};
    static fake_config config;
    static pbase_transform *zstd;
    if (zstd == NULL) {
        fake_config_init(&config, options, 4);
        zstd = (pbase_transform *)fuzz_codec_open(PBASE_PLUGIN_DIR "/codec-zstd.so", &config.base);
    }
    const pbase_bytes in = pbase_bytes_of(data, size), no_context = {NULL, 0};
    pbase_buffer coded, back;
    pbase_buffer_init(&coded, pbase_alloc_default());
    pbase_buffer_init(&back, pbase_alloc_default());
    pbase_status status =
        pbase_transform_decode(zstd, in, no_context, SIZE_MAX_DECODED, &back, NULL);
    PBASE_ASSERT(status == PBASE_OK || status == PBASE_CORRUPT || status == PBASE_LIMIT);
    PBASE_ASSERT(back.size <= SIZE_MAX_DECODED);
    back.size = 0;
    PBASE_ASSERT(pbase_transform_encode(zstd, in, no_context, &coded, NULL) == PBASE_OK);
    PBASE_ASSERT(coded.size <= size + 1);
    PBASE_ASSERT(pbase_transform_decode(zstd, pbase_buffer_view(&coded), no_context, size, &back,
                                        NULL) == PBASE_OK);
    PBASE_ASSERT(pbase_bytes_equal(pbase_buffer_view(&back), in));
    pbase_buffer_fini(&coded);
    pbase_buffer_fini(&back);
    return 0;
}
