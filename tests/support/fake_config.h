/* fake_config.h - the options of a component under test, without YAML.
 *
 *     static const fake_option options[] = {{.key = "level", .integer = 3}};
 *     fake_config config;
 *     fake_config_init(&config, options, 1);
 *     ... .config = &config.base ...
 *
 * Asking for a key that is not there fails the test. */
#ifndef PBASE_TEST_FAKE_CONFIG_H
#define PBASE_TEST_FAKE_CONFIG_H
#include <protobase/plugin/config.h>

typedef struct {
    const char *key;
    int64_t integer; /* INT, SIZE, DURATION; BOOL when not 0 */
    double real;
    const char *text;         /* STRING, ENUM, PATH; the item of a LIST of one */
    const char *const *items; /* LIST of `item_count` */
    size_t item_count;
} fake_option;

typedef struct {
    pbase_config base;
    const fake_option *options; /* borrowed */
    size_t count;
} fake_config;

void fake_config_init(fake_config *config, const fake_option *options, size_t count);

#endif
