/* test_storage_file.c - storage/file keeps the storage contract: over files, with and without maps
 * and direct I/O, and over block_provider/memory. */
#include "storage_suite.h"

static const char *file_settings[] = {"path", NULL, "segment_size", "256KiB", "direct_io",
                                      "auto", NULL};
static const char *storage_settings[] = {"journal_segment_size", "128KiB", "map", "auto", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", file_settings,
                                  NULL};

static const test_wiring *over_files(const char *folder)
{
    static const test_wiring wiring = {"storage-file", PBASE_KIND_STORAGE, "file", storage_settings,
                                       &files};
    file_settings[1] = folder;
    return &wiring;
}

static const test_wiring *over_memory(const char *folder)
{
    static const char *const settings[] = {"segment_size", "256KiB", NULL};
    static const test_wiring memory = {"storage-memory", PBASE_KIND_BLOCK_PROVIDER, "memory",
                                       settings, NULL};
    static const test_wiring wiring = {"storage-file", PBASE_KIND_STORAGE, "file", storage_settings,
                                       &memory};
    (void)folder;
    return &wiring;
}

int main(void)
{
    static const storage_subject mapped = {"storage/file", over_files};
    static const storage_subject unmapped = {"storage/file without maps and direct I/O",
                                             over_files};
    static const storage_subject memory = {"storage/file over block_provider/memory", over_memory};
    int failed = storage_suite_run(&mapped);
    failed += storage_shared_suite_run(&mapped);
    storage_settings[3] = "never";
    file_settings[5] = "never";
    failed += storage_suite_run(&unmapped);
    failed += storage_shared_suite_run(&unmapped);
    storage_settings[3] = "auto";
    return failed + storage_suite_run(&memory);
}
