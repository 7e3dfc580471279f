/* backup.c - pbase_backup: from options to a target, a base, and a stream. */
#include "backup/backup_chain.h"
#include "backup/backup_take.h"
#include "backup/backup_target.h"
#include "space/outside.h"
#include "space/space_private.h"

#include <protobase/backup.h>

/* One backup, from its beginning to its end. */
typedef struct {
    pbase_space *space;
    const pbase_backup_options *options;
    const pbase_host *host;
    backup_target target;
    backup_files files; /* in the folder it goes to, or of the base */
    pbase_buffer path;  /* of the file it goes to */
    pbase_buffer base;  /* of the one it continues; empty: none */
    backup_index index;
    backup_head head; /* of the base */
    pbase_buffer meta;
} backup_job;

static pbase_status check_options(const pbase_backup_options *options, pbase_error *err)
{
    int targets = (options->folder != NULL) + (options->file != NULL) + (options->write != NULL);
    if (targets != 1) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "a backup goes to a folder, to a file or to a function: one of them");
    }
    if (options->is_increment && options->folder == NULL && options->base == NULL) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_INVALID, "an increment needs to know which backup it continues");
        pbase_error_hint(err, "name it as the base: a file, or a folder of backups");
        return status;
    }
    return PBASE_OK;
}

/* The newest backup of a folder as the base, if it can be restored from there; nothing when there is none. */
static pbase_status newest_of(backup_job *job, const char *folder, pbase_error *err)
{
    pbase_status status = backup_files_list(&job->files, job->host->os, folder, err);
    if (status == PBASE_OK && job->files.count == 0) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no backup in '%s' to continue", folder);
        pbase_error_hint(err, "begin with a full backup");
    }
    if (status == PBASE_OK) {
        status = backup_chain_look(&job->files, job->host, folder, err);
    }
    return status == PBASE_OK
               ? backup_file_path(folder, &job->files.items[job->files.count - 1], &job->base, err)
               : status;
}

static pbase_status find_base(backup_job *job, pbase_error *err)
{
    const char *base = job->options->base;
    bool is_folder = false;
    if (base == NULL) {
        return job->options->is_increment ? newest_of(job, job->options->folder, err) : PBASE_OK;
    }
    pbase_status status = backup_is_folder(job->host->os, base, &is_folder, err);
    if (status == PBASE_OK && is_folder) {
        return newest_of(job, base, err);
    }
    return status == PBASE_OK ? pbase_buffer_append(&job->base, base, strlen(base) + 1, err)
                              : status;
}

/* The next number of the folder. */
static pbase_status name_file(backup_job *job, pbase_error *err)
{
    const char *folder = job->options->folder;
    pbase_status status = backup_files_list(&job->files, job->host->os, folder, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint32_t last = job->files.count == 0 ? 0 : job->files.items[job->files.count - 1].number;
    backup_file next = {.number = last + 1, .is_full = job->base.size == 0};
    if (next.number > 999999u) {
        return PBASE_FAIL(err, PBASE_LIMIT, "no number is left for another backup in '%s'", folder);
    }
    return backup_file_path(folder, &next, &job->path, err);
}

static pbase_status begin_target(backup_job *job, pbase_error *err)
{
    const pbase_backup_options *options = job->options;
    if (options->write != NULL) {
        return PBASE_OK;
    }
    if (options->file != NULL) {
        return backup_target_begin(&job->target, options->file, err);
    }
    pbase_status status = name_file(job, err);
    return status == PBASE_OK ? backup_target_begin(&job->target, (char *)job->path.data, err)
                              : status;
}

static pbase_status take(backup_job *job, const pbase_call *call, pbase_backup_report *out,
                         pbase_error *err)
{
    const pbase_backup_options *options = job->options;
    backup_take wanted = {
        .engine = job->space->engine,
        .sink = options->write != NULL
                    ? (backup_sink){.write = options->write, .state = options->write_state}
                    : backup_target_sink(&job->target),
        .base = job->base.size > 0 ? &job->head : NULL,
        .index = &job->index,
        .call = call,
        .progress = options->progress,
        .progress_state = options->progress_state};
    return backup_take_run(&wanted, out, err);
}

/* Nobody would look for a backup in what it is of, and what ends the space would end it, too. */
static pbase_status check_place(const backup_job *job, pbase_error *err)
{
    const pbase_backup_options *options = job->options;
    const char *place = options->folder != NULL ? options->folder : options->file;
    return place == NULL ? PBASE_OK : outside_require(job->space->graph, place, err);
}

/* In a folder the lock comes first: nobody else may add a backup between finding the last one and
 * continuing it. */
static pbase_status run_all(backup_job *job, const pbase_call *call, pbase_backup_report *out,
                            pbase_error *err)
{
    pbase_status status = check_place(job, err);
    if (status == PBASE_OK && job->options->folder != NULL) {
        status = backup_target_folder(&job->target, job->options->folder, err);
    }
    if (status == PBASE_OK) {
        status = find_base(job, err);
    }
    if (status == PBASE_OK && job->base.size > 0) {
        status = backup_index_load(&job->index, job->host, (char *)job->base.data, &job->head,
                                   &job->meta, err);
    }
    if (status == PBASE_OK) {
        status = begin_target(job, err);
    }
    if (status == PBASE_OK) {
        status = take(job, call, out, err);
    }
    return status == PBASE_OK && job->options->write == NULL
               ? backup_target_commit(&job->target, err)
               : status;
}

pbase_status pbase_backup(pbase_space *space, const pbase_backup_options *options,
                          const pbase_call *call, pbase_backup_report *out, pbase_error *err)
{
    backup_job job = {.space = space, .options = options, .host = space->host};
    pbase_backup_report report = {.struct_size = sizeof report};
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK) {
        status = check_options(options, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_alloc *alloc = space->host->alloc;
    backup_target_init(&job.target, space->host);
    backup_files_init(&job.files, alloc);
    backup_index_init(&job.index, alloc);
    backup_head_init(&job.head, alloc);
    pbase_buffer_init(&job.path, alloc);
    pbase_buffer_init(&job.base, alloc);
    pbase_buffer_init(&job.meta, alloc);
    status = run_all(&job, call, &report, err);
    if (status == PBASE_OK && out != NULL) {
        *out = report;
    } else if (status != PBASE_OK) {
        pbase_error_note(err, "backup");
    }
    backup_target_close(&job.target);
    backup_files_fini(&job.files);
    backup_index_fini(&job.index);
    backup_head_fini(&job.head);
    pbase_buffer_fini(&job.path);
    pbase_buffer_fini(&job.base);
    pbase_buffer_fini(&job.meta);
    return status;
}
