/* Any bytes as a raw value: refused with a place, or a value that survives being written again. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pbase_serializer *serializer;
    if (serializer == NULL) {
        serializer = (pbase_serializer *)fuzz_codec_open(PBASE_PLUGIN_DIR "/codec-raw.so", NULL);
    }
    fuzz_serializer(serializer, pbase_bytes_of(data, size));
    return 0;
}
