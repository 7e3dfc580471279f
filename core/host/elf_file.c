/* elf_file.c - headers, notes and dynamic symbols. */
#include "host/elf_file.h"
#include "plugin_note.h"
#include <elf.h>
#include <inttypes.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define MACHINE_NAME "AArch64"
#elif defined(__riscv)
#define MACHINE EM_RISCV
#define MACHINE_NAME "RISC-V"
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#define MACHINE_NAME "PowerPC64"
#elif defined(__s390x__)
#define MACHINE EM_S390
#define MACHINE_NAME "s390x"
#else
#error "name this machine's ELF number here"
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_OURS ELFDATA2LSB
#else
#define BYTE_ORDER_OURS ELFDATA2MSB
#endif

#define SEGMENTS_MAX 64u
#define SECTIONS_MAX 4096u
#define PART_BYTES_MAX (4u << 20) /* a symbol or string table */
#define NOTE_SEGMENT_BYTES_MAX (PLUGIN_NOTE_BYTES_MAX + 4096u)
#define ENTRY_NAME "pbase_plugin_entry"

typedef struct {
    const pbase_os *os;
    pbase_os_file *file;
    uint64_t size;
    const char *path;
    pbase_arena *arena;
    Elf64_Ehdr header;
    pbase_status status; /* of the first part that could not be read */
} elf_file;

static pbase_status refuse(const elf_file *elf, const char *what, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_PLUGIN, "'%s' %s", elf->path, what);
}

/* Whether the file has `size` bytes at `offset`, and not too many to read. */
static pbase_status check_part(const elf_file *elf, uint64_t offset, uint64_t size,
                               pbase_error *err)
{
    if (offset > elf->size || size > elf->size - offset) {
        return refuse(elf, "is truncated: its headers point past its end", err);
    }
    return size > PART_BYTES_MAX ? refuse(elf, "has a table of more than 4 MiB", err) : PBASE_OK;
}

/* A copy of `size` bytes at `offset`, aligned to 16; NULL after a failure, kept in elf->status. */
static const uint8_t *read_part(elf_file *elf, uint64_t offset, uint64_t size, pbase_error *err)
{
    size_t read = 0;
    elf->status = check_part(elf, offset, size, err);
    if (elf->status != PBASE_OK) {
        return NULL;
    }
    uint8_t *part = pbase_arena_alloc(elf->arena, (size_t)size);
    if (part == NULL) {
        elf->status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to read '%s'", elf->path);
        return NULL;
    }
    elf->status = elf->os->file->read(elf->file, offset, part, (size_t)size, &read, err);
    if (elf->status == PBASE_OK && read != size) {
        elf->status = refuse(elf, "changed while it was read", err);
    }
    return elf->status == PBASE_OK ? part : NULL;
}

/* ---------------------------------------------------------------------------------- header --- */
static pbase_status check_header(const elf_file *elf, pbase_error *err)
{
    const Elf64_Ehdr *h = &elf->header;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0) {
        return refuse(elf, "is not an ELF file", err);
    }
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != BYTE_ORDER_OURS ||
        h->e_machine != MACHINE) {
        return PBASE_FAIL(err, PBASE_PLUGIN,
                          "'%s' was built for another machine (ELF class %u, machine %u); this one "
                          "is 64-bit " MACHINE_NAME,
                          elf->path, h->e_ident[EI_CLASS], h->e_machine);
    }
    if (h->e_type != ET_DYN) {
        return refuse(elf, "is not a shared object", err);
    }
    if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_shentsize != sizeof(Elf64_Shdr) ||
        h->e_phnum == 0 || h->e_phnum > SEGMENTS_MAX || h->e_shnum == 0 ||
        h->e_shnum > SECTIONS_MAX) {
        return refuse(elf, "has malformed ELF headers, or none of its sections", err);
    }
    return PBASE_OK;
}

static pbase_status read_header(elf_file *elf, pbase_error *err)
{
    if (elf->size < sizeof(elf->header)) {
        return refuse(elf, "is too short for an ELF file", err);
    }
    const uint8_t *bytes = read_part(elf, 0, sizeof(elf->header), err);
    if (bytes == NULL) {
        return elf->status;
    }
    memcpy(&elf->header, bytes, sizeof(elf->header));
    return check_header(elf, err);
}

/* ----------------------------------------------------------------------------------- notes --- */
static uint64_t padded(uint32_t size)
{
    return ((uint64_t)size + 3) / 4 * 4;
}

/* Looks for our note among those in `bytes`. */
static void find_note(const uint8_t *bytes, uint64_t size, elf_facts *out)
{
    while (size >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr head;
        memcpy(&head, bytes, sizeof(head));
        uint64_t name_at = sizeof(head);
        uint64_t text_at = name_at + padded(head.n_namesz);
        uint64_t end = text_at + padded(head.n_descsz);
        if (text_at > size || head.n_descsz > size - text_at) {
            return;
        }
        if (head.n_type == PLUGIN_NOTE_TYPE && head.n_namesz == sizeof(PLUGIN_NOTE_OWNER) &&
            memcmp(bytes + name_at, PLUGIN_NOTE_OWNER, sizeof(PLUGIN_NOTE_OWNER)) == 0) {
            out->has_note = true;
            out->note = pbase_bytes_of(bytes + text_at, head.n_descsz);
            return;
        }
        if (end >= size) {
            return;
        }
        bytes += end;
        size -= end;
    }
}

static pbase_status read_segment(elf_file *elf, const Elf64_Phdr *segment, elf_facts *out,
                                 pbase_error *err)
{
    if (segment->p_offset > elf->size || segment->p_filesz > elf->size - segment->p_offset) {
        return refuse(elf, "is truncated: its segments reach past its end", err);
    }
    if (segment->p_type != PT_NOTE || out->has_note || segment->p_filesz > NOTE_SEGMENT_BYTES_MAX) {
        return PBASE_OK;
    }
    const uint8_t *bytes = read_part(elf, segment->p_offset, segment->p_filesz, err);
    if (bytes != NULL) {
        find_note(bytes, segment->p_filesz, out);
    }
    return elf->status;
}

static pbase_status read_segments(elf_file *elf, elf_facts *out, pbase_error *err)
{
    const uint8_t *bytes = read_part(elf, elf->header.e_phoff,
                                     (uint64_t)elf->header.e_phnum * sizeof(Elf64_Phdr), err);
    if (bytes == NULL) {
        return elf->status;
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; status == PBASE_OK && i < elf->header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, bytes + i * sizeof(segment), sizeof(segment));
        status = read_segment(elf, &segment, out, err);
    }
    return status;
}

/* --------------------------------------------------------------------------------- symbols --- */
static bool is_export(const Elf64_Sym *symbol)
{
    unsigned binding = ELF64_ST_BIND(symbol->st_info);
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    return symbol->st_shndx != SHN_UNDEF && (binding == STB_GLOBAL || binding == STB_WEAK) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static void count_export(const char *name, elf_facts *out)
{
    out->export_count++;
    if (strcmp(name, ENTRY_NAME) == 0) {
        out->has_entry = true;
    } else if (out->other_export == NULL) {
        out->other_export = name;
    }
}

/* Reads the dynamic symbols in section `table`, whose names lie in section `names`. */
static pbase_status read_symbols(elf_file *elf, const Elf64_Shdr *table, const Elf64_Shdr *names,
                                 elf_facts *out, pbase_error *err)
{
    const uint8_t *symbols = read_part(elf, table->sh_offset, table->sh_size, err);
    const uint8_t *text =
        symbols == NULL ? NULL : read_part(elf, names->sh_offset, names->sh_size, err);
    if (symbols == NULL || text == NULL) {
        return elf->status;
    }
    if (names->sh_size == 0 || text[names->sh_size - 1] != '\0') {
        return refuse(elf, "has a malformed table of symbol names", err);
    }
    for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, symbols + i * sizeof(symbol), sizeof(symbol));
        if (symbol.st_name >= names->sh_size) {
            return refuse(elf, "has a symbol without a name", err);
        }
        if (is_export(&symbol)) {
            count_export((const char *)text + symbol.st_name, out);
        }
    }
    return PBASE_OK;
}

static pbase_status read_sections(elf_file *elf, elf_facts *out, pbase_error *err)
{
    uint16_t count = elf->header.e_shnum;
    const uint8_t *bytes =
        read_part(elf, elf->header.e_shoff, (uint64_t)count * sizeof(Elf64_Shdr), err);
    if (bytes == NULL) {
        return elf->status;
    }
    for (size_t i = 0; i < count; i++) {
        Elf64_Shdr section;
        Elf64_Shdr names;
        memcpy(&section, bytes + i * sizeof(section), sizeof(section));
        if (section.sh_type == SHT_DYNSYM && section.sh_link < count) {
            memcpy(&names, bytes + section.sh_link * sizeof(names), sizeof(names));
            return read_symbols(elf, &section, &names, out, err);
        }
    }
    return PBASE_OK; /* no dynamic symbols: exports nothing */
}

pbase_status elf_file_read(const pbase_os *os, const char *path, pbase_arena *arena, elf_facts *out,
                           pbase_error *err)
{
    elf_file elf = {.os = os, .path = path, .arena = arena};
    elf_facts facts = {false, {NULL, 0}, false, 0, NULL};
    pbase_status status = os->file->open(os, path, PBASE_OS_READ, &elf.file, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = os->file->size(elf.file, &elf.size, err);
    if (status == PBASE_OK) {
        status = read_header(&elf, err);
    }
    if (status == PBASE_OK) {
        status = read_segments(&elf, &facts, err);
    }
    if (status == PBASE_OK) {
        status = read_sections(&elf, &facts, err);
    }
    os->file->close(elf.file);
    if (status == PBASE_OK) {
        *out = facts;
    }
    return status;
}
