/* key_text.c - hexadecimal, base64, raw. */
#include "key_text.h"

#include "xaes.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>

#define HEX_DIGITS (2u * XAES_KEY_BYTES)
#define BASE64_DIGITS 44u /* 43 and one of padding */
#define BASE64_BYTES 33   /* as EVP_DecodeBlock counts them: the padding as a byte */

static pbase_bytes without_space_behind(pbase_bytes text)
{
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL &&
           text.data[text.size - 1] != '\0') {
        text.size--;
    }
    return text;
}

/* 0 to 15, or 16 for what is no digit. */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - (unsigned)'0';
    }
    uint8_t lower = c | 0x20u;
    return lower >= 'a' && lower <= 'f' ? lower - (unsigned)'a' + 10 : 16;
}

static bool read_hex(pbase_bytes text, uint8_t *out)
{
    if (text.size != HEX_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < XAES_KEY_BYTES; i++) {
        unsigned high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high > 15 || low > 15) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_base64(pbase_bytes text, uint8_t *out)
{
    uint8_t decoded[BASE64_BYTES];
    bool ok = text.size == BASE64_DIGITS && text.data[BASE64_DIGITS - 1] == '=' &&
              memchr(text.data, '=', BASE64_DIGITS - 1) == NULL &&
              EVP_DecodeBlock(decoded, text.data, BASE64_DIGITS) == BASE64_BYTES;
    if (ok) {
        memcpy(out, decoded, XAES_KEY_BYTES);
    }
    OPENSSL_cleanse(decoded, sizeof decoded);
    return ok;
}

/* Zeros of an empty disk, a line of dashes: what somebody put there to fill in later. */
static bool is_one_byte_repeated(const uint8_t *key)
{
    return memcmp(key, key + 1, XAES_KEY_BYTES - 1) == 0;
}

pbase_status key_text_read(pbase_bytes text, bool may_be_raw, uint8_t *out, pbase_error *err)
{
    pbase_bytes digits = without_space_behind(text);
    if (may_be_raw && text.size == XAES_KEY_BYTES) {
        memcpy(out, text.data, XAES_KEY_BYTES);
    } else if (!read_hex(digits, out) && !read_base64(digits, out)) {
        pbase_status status = PBASE_FAIL(err, PBASE_CONFIG,
                                         "%zu bytes that are no key: it is %s64 hexadecimal "
                                         "digits or 44 of base64",
                                         text.size, may_be_raw ? "32 raw bytes, " : "");
        pbase_error_hint(err, "make a key with: openssl rand -hex 32");
        return status;
    }
    if (is_one_byte_repeated(out)) {
        pbase_status status = PBASE_FAIL(err, PBASE_CONFIG, "a key of 32 equal bytes is none");
        pbase_error_hint(err, "make a key with: openssl rand -hex 32");
        return status;
    }
    return PBASE_OK;
}
