/* test_storage_faulty.c - storage/faulty without faults is the storage inside it. */
#include "storage_suite.h"

static const char *file_settings[] = {"path", NULL, "segment_size", "256KiB", NULL};

static const test_wiring *over_memory(const char *folder)
{
    static const char *const settings[] = {"segment_size", "256KiB", NULL};
    static const test_wiring memory = {"storage-memory", PBASE_KIND_STORAGE, "memory", settings,
                                       NULL};
    static const test_wiring wiring = {"faulty-storage", PBASE_KIND_STORAGE, "faulty", NULL,
                                       &memory};
    (void)folder;
    return &wiring;
}

static const test_wiring *over_file(const char *folder)
{
    static const char *const settings[] = {"journal_segment_size", "128KiB", NULL};
    static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file",
                                      file_settings, NULL};
    static const test_wiring blocks = {"faulty-blocks", PBASE_KIND_BLOCK_PROVIDER, "faulty", NULL,
                                       &files};
    static const test_wiring file = {"storage-file", PBASE_KIND_STORAGE, "file", settings, &blocks};
    static const test_wiring wiring = {"faulty-storage", PBASE_KIND_STORAGE, "faulty", NULL, &file};
    file_settings[1] = folder;
    return &wiring;
}

int main(void)
{
    static const storage_subject memory = {"storage/faulty over storage/memory", over_memory};
    static const storage_subject file = {"storage/faulty over storage/file over block_provider/"
                                         "faulty",
                                         over_file};
    return storage_suite_run(&memory) + storage_suite_run(&file);
}
