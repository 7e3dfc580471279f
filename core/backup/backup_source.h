/* backup_source.h - where backups come from: a file, a folder of them, whatever a caller reads.
 *
 * In a folder the backups are numbered files: "000001-full.backup", "000002-increment.backup". An
 * increment continues the one before it, whatever its number.
 *
 * Threads: confined. */
#ifndef PROTOBASE_BACKUP_BACKUP_SOURCE_H
#define PROTOBASE_BACKUP_BACKUP_SOURCE_H
#include "backup/backup_reader.h"

/* ------------------------------------------------------------------------------- a folder ----- */

#define BACKUP_NAME_BYTES 32u
typedef struct {
    uint32_t number;
    bool is_full;
} backup_file;
typedef struct {
    const pbase_alloc *alloc;
    backup_file *items; /* by number */
    size_t count, capacity;
} backup_files;
void backup_files_init(backup_files *files, const pbase_alloc *alloc);
void backup_files_fini(backup_files *files);
/* Which are there; other names are left alone. */
PBASE_MUST_CHECK pbase_status backup_files_list(backup_files *files, const pbase_os *os,
                                                const char *folder, pbase_error *err);
void backup_file_name(const backup_file *file, char out[BACKUP_NAME_BYTES]);
/* The path of one, ended by NUL. */
PBASE_MUST_CHECK pbase_status backup_file_path(const char *folder, const backup_file *file,
                                               pbase_buffer *out, pbase_error *err);
/* Whether `path` is a folder. NOT_FOUND. */
PBASE_MUST_CHECK pbase_status backup_is_folder(const pbase_os *os, const char *path, bool *out,
                                               pbase_error *err);

/* ---------------------------------------------------------------------------- one backup ------ */

/* A backup that is being read. */
typedef struct {
    const pbase_host *host; /* borrowed until close */
    pbase_buffer label;     /* what it is called in messages, ended by NUL */
    pbase_os_file *file;    /* NULL: `input` is the caller's */
    uint64_t offset;
    backup_reader reader;
    backup_block block; /* the last one read */
    pbase_buffer meta;  /* a copy, which the head points to */
    backup_head head;
    bool is_over; /* it was read to its end, and its sum is right */
} backup_source;

void backup_source_init(backup_source *self, const pbase_host *host);
void backup_source_close(backup_source *self);
/* Opens it and reads its head. */
PBASE_MUST_CHECK pbase_status backup_source_open_file(backup_source *self, const char *path,
                                                      pbase_error *err);
PBASE_MUST_CHECK pbase_status backup_source_open_input(backup_source *self, backup_input input,
                                                       pbase_error *err);
/* The next block into `block`, of type 0 after a failure; at the end `is_over`. */
PBASE_MUST_CHECK pbase_status backup_source_next(backup_source *self, pbase_error *err);
/* Adds which backup it was to an error. */
pbase_status backup_source_note(const backup_source *self, pbase_status status, pbase_error *err);

#endif
