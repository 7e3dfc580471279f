/* elf_file.h - what a shared object says about itself, read without mapping or running it.
 *
 * The file is input: every offset and size is checked against its length before it is followed.
 * (Sources: System V ABI, chapters 4 and 5; ELF-64 object file format, version 1.5.) */
#ifndef PROTOBASE_HOST_ELF_FILE_H
#define PROTOBASE_HOST_ELF_FILE_H
#include <protobase/base/arena.h>
#include <protobase/base/os.h>

typedef struct {
    bool has_note;
    pbase_bytes note; /* text of the ProtoBase note, in the arena */
    bool has_entry;   /* exports pbase_plugin_entry */
    size_t export_count;
    const char *other_export; /* one of the exports that is not the entry, NULL: none */
} elf_facts;

/* Reads the facts of the file at `path`. PLUGIN: not a whole 64-bit shared object of this machine,
 * saying in what. */
pbase_status elf_file_read(const pbase_os *os, const char *path, pbase_arena *arena, elf_facts *out,
                           pbase_error *err);

#endif
