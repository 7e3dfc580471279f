/* aes_fixture.h - keys in the environment of the test, and a transform that takes them there.
 *
 * Each key is given as PBASE_TEST_KEY_<ID> by aes_give_key. */
#ifndef PBASE_TEST_AES_FIXTURE_H
#define PBASE_TEST_AES_FIXTURE_H
#include "aes_transform.h"
#include "fake_config.h"
#include "os/os.h"
#include <stdio.h>
#include <stdlib.h>

#define AES_OPTIONS 5u

/* The key `id` (upper case in the variable) is 64 times the digit, but for its first. */
static inline void aes_give_key(const char *variable, char digit)
{
    char text[65], name[64];
    memset(text, digit, 64);
    text[0] = digit == '1' ? '2' : '1';
    text[64] = '\0';
    (void)snprintf(name, sizeof name, "PBASE_TEST_KEY_%s", variable);
    (void)setenv(name, text, 1); /* NOLINT(concurrency-mt-unsafe): no thread has begun */
}

/* Options that list `keys`, looked for in the environment. Borrows them. */
static inline void aes_options(fake_option *options, const char *const *keys, size_t count,
                               const char *active)
{
    options[0] = (fake_option){.key = "keys", .items = keys, .item_count = count};
    options[1] = (fake_option){.key = "active", .text = active};
    options[2] = (fake_option){.key = "key_file"};
    options[3] = (fake_option){.key = "key_env", .text = "PBASE_TEST_KEY_{id}"};
    options[4] = (fake_option){.key = "credential", .text = "protobase-{id}"};
}

#endif
