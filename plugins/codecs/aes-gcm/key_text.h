/* key_text.h - how a key is written. Threads: pure functions. */
#ifndef PBASE_AES_GCM_KEY_TEXT_H
#define PBASE_AES_GCM_KEY_TEXT_H
#include <protobase/base/bytes.h>

/* Reads a key of 32 bytes: 64 hexadecimal digits, 44 digits of base64 (RFC 4648, padded), white
 * space behind them ignored; or, `may_be_raw`, the 32 bytes themselves. CONFIG: neither, or 32 times
 * the same byte. No message shows any of `text`. */
PBASE_MUST_CHECK pbase_status key_text_read(pbase_bytes text, bool may_be_raw, uint8_t *out,
                                            pbase_error *err);

#endif
