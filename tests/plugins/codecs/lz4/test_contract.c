/* The transform lz4 keeps the contract, at every kind of setting. */
#include "fake_config.h"
#include "lz4_transform.h"
#include "transform_suite.h"

static int suite_run(const char *name, int64_t level, int64_t size_min)
{
    const fake_option options[] = {{.key = "level", .integer = level},
                                   {.key = "min_size", .integer = size_min}};
    fake_config config;
    fake_config_init(&config, options, 2);
    transform_subject subject = {
        .name = name,
        .open = lz4_transform_open,
        .config = &config.base,
        .stage = PBASE_TRANSFORM_COMPRESS,
        .overhead_max = 1,
        .is_deterministic = true,
    };
    return transform_suite_run(&subject);
}

int main(void)
{
    return suite_run("lz4", 0, 256) + suite_run("lz4 of everything", 0, 0) +
           suite_run("lz4 with effort", 9, 64);
}
