/* restore.c - pbase_restore: backups by name to open sources, and the place they are restored to. */
#include "backup/backup_restore.h"
#include "host/services.h"
#include "host/wiring.h"
#include "os/os.h"
#include "space/restore_place.h"

#include <protobase/backup.h>

#define SOURCES_MAX 4096u /* backups of one chain */

typedef struct {
    const pbase_restore_options *options;
    const pbase_os *os;
    pbase_host host; /* of reading, before there is a storage */
    const pbase_call *call;
    backup_source *sources;
    size_t count, capacity;
    bool is_opened; /* the storage that is restored to */
} restore_run;

/* --------------------------------------------------------------------------------- sources ---- */

static void close_sources(restore_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        backup_source_close(&run->sources[i]);
    }
    pbase_alloc_free(run->host.alloc, run->sources, run->capacity * sizeof *run->sources);
    run->sources = NULL;
    run->count = run->capacity = 0;
}

/* Places for `count` sources, which do not move once they are open. */
static pbase_status make_sources(restore_run *run, size_t count, pbase_error *err)
{
    close_sources(run);
    if (count > SOURCES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a chain of %zu backups; the limit is %u", count,
                          SOURCES_MAX);
    }
    run->sources = pbase_alloc_zeroed(run->host.alloc, count, sizeof *run->sources);
    if (run->sources == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu backups", count);
    }
    run->capacity = count;
    return PBASE_OK;
}

static backup_source *add_source(restore_run *run)
{
    PBASE_ASSERT(run->count < run->capacity);
    backup_source *source = &run->sources[run->count++];
    backup_source_init(source, &run->host);
    return source;
}

static pbase_status open_listed(restore_run *run, const pbase_backup_source *sources, size_t count,
                                pbase_error *err)
{
    pbase_status status = make_sources(run, count, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        const pbase_backup_source *from = &sources[i];
        if ((from->path == NULL) == (from->read == NULL)) {
            return PBASE_FAIL(err, PBASE_INVALID, "a backup is read from a path or by a function");
        }
        backup_input input = {.read = from->read, .state = from->read_state};
        backup_source *source = add_source(run);
        status = from->path != NULL ? backup_source_open_file(source, from->path, err)
                                    : backup_source_open_input(source, input, err);
        if (count > 1 && (status == PBASE_NOT_FOUND || status == PBASE_INVALID)) {
            pbase_error_hint(err, "of several backups each is a file; a folder is restored by "
                                  "itself");
        }
    }
    return status;
}

/* The chain of a folder that begins with file `first` and ends before `end`. */
static pbase_status open_chain(restore_run *run, const char *folder, const backup_files *files,
                               size_t first, size_t end, pbase_error *err)
{
    pbase_buffer path;
    pbase_buffer_init(&path, run->host.alloc);
    pbase_status status = make_sources(run, end - first, err);
    for (size_t i = first; i < end && status == PBASE_OK; i++) {
        status = backup_file_path(folder, &files->items[i], &path, err);
        if (status == PBASE_OK) {
            status = backup_source_open_file(add_source(run), (char *)path.data, err);
        }
    }
    pbase_buffer_fini(&path);
    return status;
}

/* Whether the chain that is open has the moment asked for. */
static pbase_status chain_has(const restore_run *run, pbase_error *err)
{
    size_t needed = 0;
    pbase_status status = backup_chain_check(run->sources, run->count, err);
    return status == PBASE_OK
               ? backup_chain_choose(run->sources, run->count, run->options->as_of, &needed, err)
               : status;
}

/* The newest chain that has the moment; when none has, what the newest one says. */
static pbase_status open_newest_chain(restore_run *run, const char *folder,
                                      const backup_files *files, pbase_error *err)
{
    pbase_error first, why;
    pbase_status status = PBASE_NOT_FOUND;
    pbase_error_init(&first);
    size_t end = files->count;
    while (status == PBASE_NOT_FOUND && end > 0) {
        size_t begin = end - 1;
        while (begin > 0 && !files->items[begin].is_full) {
            begin--;
        }
        pbase_error_init(&why);
        status = open_chain(run, folder, files, begin, end, &why);
        status = status == PBASE_OK ? chain_has(run, &why) : status;
        if (status != PBASE_OK && end == files->count) {
            first = why;
        }
        end = begin;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = status == PBASE_NOT_FOUND ? first : why;
    }
    return status;
}

static pbase_status open_folder(restore_run *run, const char *folder, pbase_error *err)
{
    backup_files files;
    backup_files_init(&files, run->host.alloc);
    pbase_status status = backup_files_list(&files, run->os, folder, err);
    if (status == PBASE_OK && files.count == 0) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no backup in '%s'", folder);
        pbase_error_hint(err, BACKUP_SOURCE_HINT);
    }
    if (status == PBASE_OK) {
        status = open_newest_chain(run, folder, &files, err);
    }
    backup_files_fini(&files);
    return status;
}

static pbase_status open_sources(restore_run *run, const pbase_backup_source *sources, size_t count,
                                 pbase_error *err)
{
    bool is_folder = false;
    pbase_status status = PBASE_OK;
    if (count == 1 && sources[0].path != NULL && sources[0].read == NULL) {
        status = backup_is_folder(run->os, sources[0].path, &is_folder, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (is_folder) {
        return open_folder(run, sources[0].path, err);
    }
    status = open_listed(run, sources, count, err);
    return status == PBASE_OK ? chain_has(run, err) : status;
}

/* ----------------------------------------------------------------------------------- place ---- */

static pbase_status restore_to(restore_run *run, const pbase_host *host, pbase_storage *storage,
                               pbase_restore_report *out, pbase_error *err)
{
    bool touched = false;
    backup_restore wanted = {.host = host,
                             .storage = storage,
                             .sources = run->sources,
                             .count = run->count,
                             .as_of = run->options->as_of,
                             .call = run->call,
                             .progress = run->options->progress,
                             .progress_state = run->options->progress_state};
    pbase_status status = backup_restore_run(&wanted, out, &touched, err);
    if (status != PBASE_OK && touched) {
        pbase_error_hint(err, "nothing was restored: what is there now is no space, and can be "
                              "restored to again");
    }
    return status;
}

static pbase_status restore_config(restore_run *run, const pbase_config_source *config,
                                   pbase_restore_report *out, pbase_error *err)
{
    wiring *graph = NULL;
    wiring_options wanted = {.os = run->os,
                             .log = run->options->log,
                             .report = run->options->report,
                             .report_state = run->options->report_state};
    pbase_status status = wiring_open(config, &wanted, &graph, err);
    if (status != PBASE_OK) {
        return status;
    }
    run->is_opened = true;
    status = restore_to(run, wiring_host(graph), wiring_storage(graph), out, err);
    wiring_close(graph);
    return status;
}

/* A folder that was missing or empty is so again when it fails. */
static pbase_status restore_place(restore_run *run, const pbase_config_source *config,
                                  pbase_restore_report *out, pbase_error *err)
{
    restore_place_state was;
    pbase_status status = restore_place_look(run->os, config->data, &was, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = restore_config(run, config, out, err);
    if (status != PBASE_OK && (was == PLACE_MISSING || was == PLACE_EMPTY)) {
        pbase_error why;
        pbase_error_init(&why);
        if (restore_place_undo(run->os, config->data, was, &why) == PBASE_OK && run->is_opened) {
            pbase_error_hint(err, "nothing was restored: the folder is as it was");
        } /* else what was said before holds */
    }
    return status;
}

static const pbase_os *choose_os(const pbase_config_source *config,
                                 const pbase_restore_options *options)
{
    return options->os != NULL                    ? options->os
           : config != NULL && config->os != NULL ? config->os
                                                  : pbase_os_real();
}

pbase_status pbase_restore(const pbase_config_source *config, const pbase_backup_source *sources,
                           size_t source_count, const pbase_restore_options *options,
                           const pbase_call *call, pbase_restore_report *out, pbase_error *err)
{
    static const pbase_restore_options all_defaults = PBASE_RESTORE_OPTIONS_INIT;
    restore_run run = {.options = options != NULL ? options : &all_defaults, .call = call};
    pbase_restore_report unheard;
    out = out != NULL ? out : &unheard;
    run.os = choose_os(config, run.options);
    services_init(&run.host, run.os, run.options->log);
    if (config == NULL && !run.options->check_only) {
        return PBASE_FAIL(err, PBASE_INVALID, "no place is given to restore to");
    }
    pbase_status status = open_sources(&run, sources, source_count, err);
    if (status == PBASE_OK) {
        status = run.options->check_only ? restore_to(&run, &run.host, NULL, out, err)
                                         : restore_place(&run, config, out, err);
    }
    close_sources(&run);
    if (status != PBASE_OK) {
        pbase_error_note(err, run.options->check_only ? "checking a backup" : "restore");
    }
    return status;
}
