/* test_storage_memory.c - storage/memory keeps the storage contract. */
#include "storage_suite.h"

static const test_wiring *memory(const char *folder)
{
    static const char *const settings[] = {"segment_size", "256KiB", NULL};
    static const test_wiring wiring = {"storage-memory", PBASE_KIND_STORAGE, "memory", settings,
                                       NULL};
    (void)folder;
    return &wiring;
}

int main(void)
{
    static const storage_subject subject = {"storage/memory", memory};
    return storage_suite_run(&subject);
}
