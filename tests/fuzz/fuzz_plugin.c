/* Any bytes as a plugin file: refused or accepted, never a crash. Nothing is loaded. */
#include "host/elf_file.h"
#include "os/os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The one file there is. */
static pbase_bytes content;

static pbase_status open_content(const pbase_os *os, const char *path, uint32_t flags,
                                 pbase_os_file **out, pbase_error *err)
{
    (void)os;
    (void)path;
    (void)flags;
    (void)err;
    *out = (pbase_os_file *)(void *)&content;
    return PBASE_OK;
}

static pbase_status read_content(pbase_os_file *file, uint64_t offset, void *data, size_t size,
                                 size_t *out_read, pbase_error *err)
{
    (void)file;
    (void)err;
    size_t left = offset < content.size ? content.size - (size_t)offset : 0;
    *out_read = size < left ? size : left;
    if (*out_read > 0) {
        memcpy(data, content.data + offset, *out_read);
    }
    return PBASE_OK;
}

static pbase_status size_of_content(pbase_os_file *file, uint64_t *out_bytes, pbase_error *err)
{
    (void)file;
    (void)err;
    *out_bytes = content.size;
    return PBASE_OK;
}

static void close_content(pbase_os_file *file)
{
    (void)file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    elf_facts facts;
    pbase_arena arena;
    pbase_os os = *pbase_os_real();
    pbase_os_file_ops file = *os.file;
    file.open = open_content;
    file.read = read_content;
    file.size = size_of_content;
    file.close = close_content;
    os.file = &file;
    content = pbase_bytes_of(data, size);
    pbase_arena_init(&arena, pbase_alloc_default());
    if (elf_file_read(&os, "fuzzed.so", &arena, &facts, NULL) == PBASE_OK) {
        PBASE_ASSERT(!facts.has_note || facts.note.size <= size);
        PBASE_ASSERT(facts.export_count > 0 || !facts.has_entry);
    }
    pbase_arena_fini(&arena);
    return 0;
}
