/* cmd_recover.c - what is left of a damaged space, into a new one. */
#include "commands.h"
#include "progress.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define SETS_MAX 64u

/* A folder in the place of the configured one. */
typedef struct {
    pbase_config_source source;
    const char *sets[SETS_MAX];
    char path[PATH_MAX + 32];
    char folder[PATH_MAX];
} placed;

static pbase_status place(placed *self, const cli *run, const char *folder, pbase_error *err)
{
    self->source = run->source;
    if (strlen(folder) >= sizeof self->folder || run->source.set_count + 1 > SETS_MAX) {
        return cli_usage(err, "the path, or the list of settings, is too long");
    }
    (void)snprintf(self->folder, sizeof self->folder, "%s", folder);
    if (self->source.file == NULL) {
        self->source.data = self->folder;
        self->source.memory = 0;
        return PBASE_OK;
    }
    for (size_t i = 0; i < run->source.set_count; i++) {
        self->sets[i] = run->source.sets[i];
    }
    (void)snprintf(self->path, sizeof self->path, "storage.blocks.path=%s", folder);
    self->sets[run->source.set_count] = self->path;
    self->source.sets = self->sets;
    self->source.set_count = run->source.set_count + 1;
    return PBASE_OK;
}

static pbase_status print_figures(cli *self, const pbase_recover_report *report, pbase_error *err)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"base_sequence", report->base_sequence},
        {"sequence", report->sequence},
        {"databases", report->databases},
        {"collections", report->collections},
        {"entries", report->entries},
        {"applied_commits", report->applied_commits},
        {"lost_commits", report->lost_commits},
        {"refused_changes", report->refused_changes},
        {"damaged_atoms", report->damaged_atoms},
        {"lost_entries", report->lost_entries},
        {"orphaned_entries", report->orphaned_entries},
        {"stale_entries", report->stale_entries},
        {"findings", report->findings},
    };
    pbase_field fields[sizeof figures / sizeof figures[0]];
    if (!self->json) {
        return cli_print(err,
                         "saved up to commit %" PRIu64 ": %" PRIu64 " databases, %" PRIu64
                         " collections, %" PRIu64 " entries; lost: %" PRIu64 " entries, %" PRIu64
                         " commits, %" PRIu64 " changes; %" PRIu64 " entries may be stale; %" PRIu64
                         " findings\n",
                         report->sequence, report->databases, report->collections, report->entries,
                         report->lost_entries, report->lost_commits, report->refused_changes,
                         report->stale_entries, report->findings);
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        fields[i] = (pbase_field){pbase_bytes_text(figures[i].name),
                                  pbase_value_int((int64_t)figures[i].value)};
    }
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

typedef struct {
    cli *run;
    progress shown;
} listener;

static pbase_status hear(void *state, pbase_status code, const char *where, const char *message,
                         pbase_error *err)
{
    listener *self = state;
    return cli_print_finding(self->run, code, where, message, err);
}

static pbase_status show(void *state, uint64_t done, uint64_t total, pbase_error *err)
{
    listener *self = state;
    self->shown.bytes_total = total;
    progress_update(&self->shown, 0, done);
    return cli_check_cancelled(&self->run->call, err);
}

CLI_COMMAND(cmd_recover)
{
    placed from, to;
    listener listening = {.run = self};
    pbase_recover_report report;
    const pbase_recover_options options = {
        .each = hear,
        .progress = show,
        .state = &listening,
        .without_orphans = arguments->values[RECOVER_WITHOUT_ORPHANS] != NULL,
        .without_stale = arguments->values[RECOVER_WITHOUT_STALE] != NULL,
        .stop_at_gap = arguments->values[RECOVER_STOP_AT_GAP] != NULL};
    pbase_status status = place(&from, self, arguments->operands[0], err);
    status = status == PBASE_OK ? place(&to, self, arguments->operands[1], err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    progress_begin(&listening.shown, "read", 0, !self->json);
    status = pbase_space_recover(&from.source, &to.source, &options, &self->call, &report, err);
    progress_end(&listening.shown);
    status = status == PBASE_OK ? print_figures(self, &report, err) : status;
    if (status == PBASE_OK && report.findings > 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "%" PRIu64 " findings; the rest is saved in '%s'",
                            report.findings, to.folder);
        pbase_error_hint(err, "docs/recover.md says what they mean");
    }
    return status;
}
