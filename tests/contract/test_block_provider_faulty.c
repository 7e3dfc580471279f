/* test_block_provider_faulty.c - block_provider/faulty without faults is the provider inside it. */
#include "block_provider_suite.h"

static const char *file_settings[] = {"path", NULL, NULL};

static const test_wiring *over_memory(const char *folder)
{
    static const test_wiring memory = {"storage-memory", PBASE_KIND_BLOCK_PROVIDER, "memory", NULL,
                                       NULL};
    static const test_wiring wiring = {"faulty-blocks", PBASE_KIND_BLOCK_PROVIDER, "faulty", NULL,
                                       &memory};
    (void)folder;
    return &wiring;
}

static const test_wiring *over_file(const char *folder)
{
    static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file",
                                      file_settings, NULL};
    static const test_wiring wiring = {"faulty-blocks", PBASE_KIND_BLOCK_PROVIDER, "faulty", NULL,
                                       &files};
    file_settings[1] = folder;
    return &wiring;
}

int main(void)
{
    static const blocks_subject memory = {"block_provider/faulty over memory", over_memory};
    static const blocks_subject file = {"block_provider/faulty over file", over_file};
    return blocks_suite_run(&memory) + blocks_suite_run(&file);
}
