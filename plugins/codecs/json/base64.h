/* base64.h - RFC 4648 section 4, padded; strict when reading. Threads: pure functions. */
#ifndef PBASE_JSON_BASE64_H
#define PBASE_JSON_BASE64_H
#include <protobase/base/bytes.h>

static inline size_t base64_encoded_bytes(size_t size)
{
    return size / 3 * 4 + (size % 3 != 0 ? 4 : 0);
}
/* Writes exactly base64_encoded_bytes(in.size). */
void base64_encode(pbase_bytes in, uint8_t *out);
/* At most this many bytes come out of `size` digits. */
static inline size_t base64_decoded_bytes_max(size_t size)
{
    return size / 4 * 3;
}
/* False for foreign digits, missing padding or unused bits that are not 0: of all texts exactly
 * one stands for given bytes. */
bool base64_decode(pbase_bytes in, uint8_t *out, size_t *out_size);

#endif
