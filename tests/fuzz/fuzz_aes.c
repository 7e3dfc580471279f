/* Any bytes as encrypted data: refused, whatever they are, since no key sealed them. The same bytes
 * as input come back. */
#include "fake_config.h"
#include "fuzz_codec.h"
#include "os/os.h"
#include <stdlib.h>

#define SIZE_MAX_DECODED 1048576u
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static pbase_transform *open_transform(void)
{
    static const char *const keys[] = {"k"};
    static const fake_option options[] = {{.key = "keys", .items = keys, .item_count = 1},
                                          {.key = "active"},
                                          {.key = "key_file"},
                                          {.key = "key_env", .text = "PBASE_FUZZ_KEY"},
                                          {.key = "credential", .text = "none"}};
    static fake_config config;
    PBASE_ASSERT(setenv("PBASE_FUZZ_KEY", KEY, 1) == 0);
    fake_config_init(&config, options, sizeof options / sizeof options[0]);
    return (pbase_transform *)fuzz_codec_open(PBASE_PLUGIN_DIR "/codec-aes-256-gcm.so",
                                              &config.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pbase_transform *aes;
    aes = aes != NULL ? aes : open_transform();
    const pbase_bytes in = pbase_bytes_of(data, size), context = pbase_bytes_text("fuzz");
    pbase_buffer coded, back;
    pbase_buffer_init(&coded, pbase_alloc_default());
    pbase_buffer_init(&back, pbase_alloc_default());
    pbase_status status = pbase_transform_decode(aes, in, context, SIZE_MAX_DECODED, &back, NULL);
    PBASE_ASSERT(status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_AUTH ||
                 status == PBASE_LIMIT);
    PBASE_ASSERT(back.size == 0);
    PBASE_ASSERT(pbase_transform_encode(aes, in, context, &coded, NULL) == PBASE_OK);
    PBASE_ASSERT(pbase_transform_decode(aes, pbase_buffer_view(&coded), context, size, &back,
                                        NULL) == PBASE_OK);
    PBASE_ASSERT(pbase_bytes_equal(pbase_buffer_view(&back), in));
    pbase_buffer_fini(&coded);
    pbase_buffer_fini(&back);
    return 0;
}
