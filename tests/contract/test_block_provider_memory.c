/* test_block_provider_memory.c - block_provider/memory keeps the block provider contract. */
#include "block_provider_suite.h"

static const test_wiring *memory(const char *folder)
{
    static const test_wiring wiring = {"storage-memory", PBASE_KIND_BLOCK_PROVIDER, "memory", NULL,
                                       NULL};
    (void)folder;
    return &wiring;
}

int main(void)
{
    static const blocks_subject subject = {"block_provider/memory", memory};
    return blocks_suite_run(&subject);
}
