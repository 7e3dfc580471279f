/* cmd_backup.c - backup and restore: names on the line, pipes among them, to what the library takes.
 *
 * The library writes and reads files and folders itself; pipes, terminals and standard input and output
 * are the program's. */
#include "commands.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -------------------------------------------------------------------------------------- pipes -- */

typedef struct {
    int fd;
    bool is_ours; /* to be closed */
    const char *name;
} pipe_end;

static bool is_standard(const char *name)
{
    return strcmp(name, "-") == 0;
}

/* Whether bytes go through it in order only: "-", a named pipe, a terminal. */
static bool is_pipe(const char *name)
{
    struct stat found;
    return is_standard(name) ||
           (stat(name, &found) == 0 &&
            (S_ISFIFO(found.st_mode) || S_ISCHR(found.st_mode) || S_ISSOCK(found.st_mode)));
}

static pbase_status pipe_open(pipe_end *self, const char *name, bool writes, pbase_error *err)
{
    self->name = name;
    self->is_ours = !is_standard(name);
    self->fd = writes ? STDOUT_FILENO : STDIN_FILENO;
    if (!self->is_ours) {
        return PBASE_OK;
    }
    self->fd = open(name, (writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    return self->fd >= 0 ? PBASE_OK : PBASE_FAIL_ERRNO(err, errno, "cannot open '%s'", name);
}

static pbase_status pipe_close(pipe_end *self, pbase_error *err)
{
    if (self->is_ours && self->fd >= 0 && close(self->fd) != 0) {
        return PBASE_FAIL_ERRNO(err, errno, "cannot close '%s'", self->name);
    }
    return PBASE_OK;
}

static pbase_status pipe_write(void *state, pbase_bytes bytes, pbase_error *err)
{
    pipe_end *self = state;
    while (bytes.size > 0) {
        ssize_t done = write(self->fd, bytes.data, bytes.size);
        if (done < 0 && errno != EINTR) {
            return PBASE_FAIL_ERRNO(err, errno, "cannot write to '%s'", self->name);
        }
        size_t moved = done < 0 ? 0 : (size_t)done;
        bytes = pbase_bytes_of(bytes.data + moved, bytes.size - moved);
    }
    return PBASE_OK;
}

static pbase_status pipe_read(void *state, void *out, size_t size, size_t *out_read,
                              pbase_error *err)
{
    pipe_end *self = state;
    *out_read = 0;
    while (*out_read < size) {
        ssize_t done = read(self->fd, (char *)out + *out_read, size - *out_read);
        if (done < 0 && errno != EINTR) {
            return PBASE_FAIL_ERRNO(err, errno, "cannot read '%s'", self->name);
        }
        if (done == 0) {
            break;
        }
        *out_read += done < 0 ? 0 : (size_t)done;
    }
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------- shared -- */

typedef struct {
    cli *run;
    progress shown;
} backup_progress;

static pbase_status show_progress(void *state, uint64_t done, uint64_t total, pbase_error *err)
{
    backup_progress *self = state;
    self->shown.bytes_total = total;
    progress_update(&self->shown, done, done);
    return cli_check_cancelled(&self->run->call, err);
}

static void add_number(pbase_field *fields, size_t *count, const char *name, uint64_t value)
{
    fields[(*count)++] = (pbase_field){pbase_bytes_text(name), pbase_value_int((int64_t)value)};
}

/* ------------------------------------------------------------------------------------- backup -- */

static pbase_status print_backup(cli *self, const pbase_backup_report *report, FILE *out,
                                 pbase_error *err)
{
    char oldest[PBASE_TIME_TEXT_BYTES], newest[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(report->oldest_ns, oldest);
    pbase_time_format(report->newest_ns, newest);
    int written = 0;
    if (self->json) {
        written = fprintf(
            out,
            "{\"backup\": \"%s\", \"oldest_sequence\": %" PRIu64 ", \"newest_sequence\": %" PRIu64
            ", \"oldest_time\": \"%s\", \"newest_time\": \"%s\", \"records\": %" PRIu64
            ", \"atoms\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n",
            report->is_increment != 0 ? "increment" : "full", report->oldest_sequence,
            report->newest_sequence, oldest, newest, report->records, report->atoms, report->bytes);
    } else {
        written =
            fprintf(out,
                    "%s backup of commits %" PRIu64 " to %" PRIu64 ": %" PRIu64 " records, %" PRIu64
                    " atoms, %" PRIu64 " bytes\n",
                    report->is_increment != 0 ? "incremental" : "full", report->oldest_sequence,
                    report->newest_sequence, report->records, report->atoms, report->bytes);
    }
    return written >= 0 ? PBASE_OK : PBASE_FAIL_ERRNO(err, errno, "cannot write the report");
}

/* A folder unless it is a pipe, or a file was asked for. */
static pbase_status backup_to(cli *self, const cli_arguments *arguments,
                              pbase_backup_options *options, pipe_end *end, pbase_error *err)
{
    const char *dest = arguments->operands[0];
    if (is_pipe(dest)) {
        options->write = pipe_write;
        options->write_state = end;
        return pipe_open(end, dest, true, err);
    }
    if (arguments->values[BACKUP_FILE] != NULL) {
        options->file = dest;
    } else {
        options->folder = dest;
    }
    (void)self;
    return PBASE_OK;
}

CLI_COMMAND(cmd_backup)
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pipe_end end = {.fd = -1};
    backup_progress work = {.run = self};
    options.base = arguments->values[BACKUP_BASE];
    options.is_increment = arguments->values[BACKUP_INCREMENTAL] != NULL || options.base != NULL;
    options.progress = show_progress;
    options.progress_state = &work;
    self->must_exist = true;
    pbase_status status = cli_open_space(self, err);
    if (status == PBASE_OK) {
        status = backup_to(self, arguments, &options, &end, err);
    }
    if (status == PBASE_OK) {
        progress_begin(&work.shown, "backup: bytes", 0, !self->json);
        status = pbase_backup(self->space, &options, &self->call, &report, err);
        progress_end(&work.shown);
        pbase_status closed = pipe_close(&end, status == PBASE_OK ? err : NULL);
        status = status == PBASE_OK ? closed : status;
    }
    /* standard output may be the backup itself */
    FILE *out = is_standard(arguments->operands[0]) ? stderr : stdout;
    return status == PBASE_OK ? print_backup(self, &report, out, err) : status;
}

/* ------------------------------------------------------------------------------------ restore -- */

static pbase_status print_restored(cli *self, const pbase_restore_report *report, bool check_only,
                                   pbase_error *err)
{
    char time[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(report->time_ns, time);
    if (!self->json) {
        return cli_print(err,
                         "%s commit %" PRIu64 " of %s, with the past from commit %" PRIu64
                         " on: %" PRIu32 " backups, %" PRIu64 " bytes\n",
                         check_only ? "sound:" : "restored", report->sequence, time,
                         report->oldest_sequence, report->backups, report->bytes);
    }
    pbase_field fields[8];
    size_t count = 0;
    fields[count++] =
        (pbase_field){pbase_bytes_text("done"), pbase_value_text(check_only ? "check" : "restore")};
    add_number(fields, &count, "sequence", report->sequence);
    fields[count++] = (pbase_field){pbase_bytes_text("time"), pbase_value_text(time)};
    add_number(fields, &count, "oldest_sequence", report->oldest_sequence);
    add_number(fields, &count, "backups", report->backups);
    add_number(fields, &count, "records", report->records);
    add_number(fields, &count, "bytes", report->bytes);
    pbase_value line = pbase_value_map(fields, count);
    return cli_print_json(self, &line, err);
}

/* Files and folders by their path, pipes by a function. */
static pbase_status sources_open(const cli_arguments *arguments, pbase_backup_source *sources,
                                 pipe_end *ends, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < arguments->operand_count && status == PBASE_OK; i++) {
        const char *name = arguments->operands[i];
        if (is_pipe(name)) {
            sources[i] = (pbase_backup_source){.read = pipe_read, .read_state = &ends[i]};
            status = pipe_open(&ends[i], name, false, err);
        } else {
            sources[i] = (pbase_backup_source){.path = name};
        }
    }
    return status;
}

CLI_COMMAND(cmd_restore)
{
    pbase_backup_source sources[CLI_OPERANDS_MAX];
    pipe_end ends[CLI_OPERANDS_MAX];
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    backup_progress work = {.run = self};
    pbase_moment at;
    const char *as_of = arguments->values[RESTORE_AS_OF];
    for (size_t i = 0; i < CLI_OPERANDS_MAX; i++) {
        ends[i] = (pipe_end){.fd = -1};
    }
    if (as_of != NULL && pbase_moment_parse(as_of, &at, NULL) != PBASE_OK) {
        return cli_usage(err,
                         "--as-of is the sequence of a commit or a time such as "
                         "2026-06-01T12:00:00Z, not '%s'",
                         as_of);
    }
    options.as_of = as_of != NULL ? &at : NULL;
    options.check_only = arguments->values[RESTORE_CHECK] != NULL;
    options.progress = show_progress;
    options.progress_state = &work;
    options.report = cli_show_problem;
    options.report_state = self;
    pbase_status status = sources_open(arguments, sources, ends, err);
    if (status == PBASE_OK) {
        progress_begin(&work.shown, "restore: bytes", 0, !self->json);
        status = pbase_restore(&self->source, sources, arguments->operand_count, &options,
                               &self->call, &report, err);
        progress_end(&work.shown);
    }
    for (size_t i = 0; i < CLI_OPERANDS_MAX; i++) {
        (void)pipe_close(&ends[i], NULL); /* it was read */
    }
    return status == PBASE_OK ? print_restored(self, &report, options.check_only, err) : status;
}
