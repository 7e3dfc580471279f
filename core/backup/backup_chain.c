/* backup_chain.c - heads compared, from the newest to the oldest. */
#include "backup/backup_chain.h"

#include <inttypes.h>

bool backup_head_continues(const backup_head *head, const backup_head *base)
{
    return memcmp(head->base, base->id, BACKUP_ID_BYTES) == 0 && head->number == base->number + 1 &&
           head->newest >= base->newest && memcmp(head->space, base->space, BACKUP_ID_BYTES) == 0 &&
           memcmp(head->lineage, base->lineage, BACKUP_ID_BYTES) == 0;
}

/* What is wrong between file `at` and the one before it, which it does not continue or which is not there. */
static pbase_status refuse_gap(const backup_files *files, size_t at, const backup_head *head,
                               pbase_error *err)
{
    char name[BACKUP_NAME_BYTES], before[BACKUP_NAME_BYTES];
    const backup_file *file = &files->items[at], *base = at == 0 ? NULL : file - 1;
    backup_file_name(file, name);
    if (file->number > (base == NULL ? 0 : base->number) + 1) { /* a number was left out */
        const backup_file missing = {.number = file->number - 1, .is_full = head->number == 1};
        backup_file_name(&missing, before);
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' is missing: '%s' continues it", before, name);
    }
    if (base == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "'%s' is increment %" PRIu32 " of a chain that begins elsewhere", name,
                          head->number);
    }
    backup_file_name(base, before);
    return PBASE_FAIL(err, PBASE_INVALID, "'%s' does not continue '%s', the backup before it", name,
                      before);
}

/* Opens file `at` as `source`, which may be that of another. */
static pbase_status open_file(const backup_files *files, const char *folder, size_t at,
                              backup_source *source, pbase_error *err)
{
    const pbase_host *host = source->host;
    pbase_buffer path;
    backup_source_close(source);
    backup_source_init(source, host);
    pbase_buffer_init(&path, host->alloc);
    pbase_status status = backup_file_path(folder, &files->items[at], &path, err);
    if (status == PBASE_OK) {
        status = backup_source_open_file(source, (char *)path.data, err);
    }
    pbase_buffer_fini(&path);
    return status;
}

pbase_status backup_chain_look(const backup_files *files, const pbase_host *host,
                               const char *folder, pbase_error *err)
{
    backup_source pair[2]; /* of file `at` and of the one before it */
    backup_source_init(&pair[0], host);
    backup_source_init(&pair[1], host);
    size_t at = files->count - 1;
    pbase_status status = open_file(files, folder, at, &pair[at % 2], err);
    while (status == PBASE_OK && !backup_head_is_full(&pair[at % 2].head)) {
        const backup_head *head = &pair[at % 2].head;
        backup_source *base = &pair[(at + 1) % 2];
        status = at == 0 ? PBASE_OK : open_file(files, folder, at - 1, base, err);
        if (status == PBASE_OK && (at == 0 || !backup_head_continues(head, &base->head))) {
            status = refuse_gap(files, at, head, err);
        }
        at--; /* at 0 the loop has ended */
    }
    if (status == PBASE_INVALID) {
        pbase_error_note(err, "the chain in '%s'", folder);
    }
    if (status == PBASE_INVALID || status == PBASE_CORRUPT || status == PBASE_FORMAT) {
        pbase_error_hint(err, "it could not be restored: begin with a full backup, or name the "
                              "file to continue as the base");
    }
    backup_source_close(&pair[0]);
    backup_source_close(&pair[1]);
    return status;
}
