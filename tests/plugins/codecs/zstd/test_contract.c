/* The transform zstd keeps the contract, at every kind of setting, with a dictionary and without. */
#include "dictionary_fixture.h"
#include "transform_suite.h"

static int suite_run(const char *name, int64_t level, int64_t size_min, const char *dictionary)
{
    const fake_option options[] = {{.key = "level", .integer = level},
                                   {.key = "min_size", .integer = size_min},
                                   {.key = "dictionary", .text = dictionary},
                                   {.key = "dictionary_folder"}};
    fake_config config;
    fake_config_init(&config, options, 4);
    transform_subject subject = {
        .name = name,
        .open = zstd_transform_open,
        .config = &config.base,
        .stage = PBASE_TRANSFORM_COMPRESS,
        .overhead_max = 1,
        .is_deterministic = true,
    };
    return transform_suite_run(&subject);
}

int main(void)
{
    temp_dir dir;
    temp_dir_create(&dir);
    dictionary_train(temp_dir_path(&dir, "orders.dict"), 1);
    int failures = suite_run("zstd", 3, 256, NULL) + suite_run("zstd of everything", 1, 0, NULL) +
                   suite_run("zstd with effort", 9, 64, NULL) +
                   suite_run("zstd with a dictionary", 3, 0, temp_dir_path(&dir, "orders.dict"));
    temp_dir_remove(&dir);
    return failures;
}
