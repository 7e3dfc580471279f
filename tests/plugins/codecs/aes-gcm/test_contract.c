/* The transform aes-256-gcm keeps the contract, with short and long ids of its key. */
#include "aes_fixture.h"
#include "transform_suite.h"

#define LONGEST_ID "k123456789.123456789.123456789.1"

static int suite_run(const char *name, const char *const *keys, size_t count)
{
    fake_option options[AES_OPTIONS];
    fake_config config;
    aes_options(options, keys, count, NULL);
    fake_config_init(&config, options, AES_OPTIONS);
    transform_subject subject = {
        .name = name,
        .open = aes_transform_open,
        .config = &config.base,
        .stage = PBASE_TRANSFORM_ENCRYPT,
        .overhead_max = 2 + strlen(keys[0]) + 24 + 16,
        .is_authenticating = true,
    };
    return transform_suite_run(&subject);
}

int main(void)
{
    static const char *const one[] = {"a"};
    static const char *const several[] = {LONGEST_ID, "a", "b"};
    aes_give_key("A", 'a');
    aes_give_key("B", 'b');
    aes_give_key("K123456789_123456789_123456789_1", 'c');
    return suite_run("aes-256-gcm", one, 1) + suite_run("aes-256-gcm of three keys", several, 3);
}
