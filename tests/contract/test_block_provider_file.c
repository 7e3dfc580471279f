/* test_block_provider_file.c - block_provider/file keeps the block provider contract, with and
 * without direct I/O. */
#include "block_provider_suite.h"

static const char *settings[] = {"path", NULL, "direct_io", "auto", NULL};

static const test_wiring *files(const char *folder)
{
    static const test_wiring wiring = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", settings,
                                       NULL};
    settings[1] = folder;
    return &wiring;
}

int main(void)
{
    static const blocks_subject direct = {"block_provider/file", files};
    static const blocks_subject cached = {"block_provider/file without direct I/O", files};
    int failed = blocks_suite_run(&direct);
    settings[3] = "never";
    return failed + blocks_suite_run(&cached);
}
