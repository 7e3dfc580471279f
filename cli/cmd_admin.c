/* cmd_admin.c - stats, check, version. */
#include "commands.h"
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------- stats -- */

typedef struct {
    cli *run;
    bool any;
} figure_printer;

static pbase_status print_figure(void *state, const char *name, uint64_t value, const char *unit,
                                 pbase_error *err)
{
    figure_printer *printer = state;
    if (!printer->run->json) {
        return cli_print(err, "%-32s %16" PRIu64 " %s\n", name, value, unit);
    }
    pbase_status status = cli_print(err, "%s\"%s\": {\"value\": %" PRIu64 ", \"unit\": \"%s\"}",
                                    printer->any ? ", " : "{", name, value, unit);
    printer->any = true;
    return status;
}

/* What the newest state needs, which has to be looked for. */
static pbase_status print_usage(cli *self, figure_printer *printer, pbase_error *err)
{
    pbase_space_usage_report usage;
    pbase_status status = pbase_space_usage(self->space, NULL, &usage, err);
    if (status == PBASE_OK) {
        status = print_figure(printer, "live_atoms", usage.live_atoms, "count", err);
    }
    if (status == PBASE_OK) {
        status = print_figure(printer, "live_bytes", usage.live_bytes, "bytes", err);
    }
    return status == PBASE_OK ? print_figure(printer, "dead_bytes", usage.dead_bytes, "bytes", err)
                              : status;
}

/* What is there for older states alone. */
static pbase_status print_pinned(cli *self, figure_printer *printer, pbase_error *err)
{
    pbase_space_pinned_report pinned = {.snapshots = 0};
    pbase_status status = pbase_space_pinned(self->space, &self->call, &pinned, err);
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"pinned_by_past", pinned.past_bytes},
        {"pinned_by_snapshots", pinned.snapshots_bytes},
        {"pinned_by_oldest_snapshot", pinned.oldest_bytes},
        {"pinned_by_processes", pinned.processes_bytes},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0] && status == PBASE_OK; i++) {
        status = print_figure(printer, figures[i].name, figures[i].value, "bytes", err);
    }
    if (status == PBASE_OK) {
        status = print_figure(printer, "processes", pinned.processes, "count", err);
    }
    return status == PBASE_OK ? print_figure(printer, "processes_hold_all",
                                             pinned.processes_hold_all ? 1 : 0, "count", err)
                              : status;
}

CLI_COMMAND(cmd_stats)
{
    figure_printer printer = {.run = self};
    self->must_exist = true;
    pbase_status status = cli_open_space(self, err);
    if (status == PBASE_OK) {
        status = pbase_space_stats(self->space, print_figure, &printer, err);
    }
    if (status == PBASE_OK) {
        status = print_usage(self, &printer, err);
    }
    if (status == PBASE_OK && arguments->values[STATS_PINNED] != NULL) {
        status = print_pinned(self, &printer, err);
    }
    return status == PBASE_OK && self->json ? cli_print(err, "%s}\n", printer.any ? "" : "{")
                                            : status;
}

/* -------------------------------------------------------------------------------------- check -- */

pbase_status cli_print_finding(void *state, pbase_status code, const char *place,
                               const char *message, pbase_error *err)
{
    cli *self = state;
    if (!self->json) {
        return cli_print(err, "%s: %s: %s\n", pbase_status_name(code), place, message);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("code"), pbase_value_text(pbase_status_name(code))},
        {pbase_bytes_text("place"), pbase_value_text(place)},
        {pbase_bytes_text("message"), pbase_value_text(message)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

static pbase_status print_report(cli *self, const pbase_check_report *report, pbase_error *err)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"databases", report->databases},
        {"collections", report->collections},
        {"entries", report->entries},
        {"indexes", report->indexes},
        {"atoms", report->atoms},
        {"bytes", report->bytes},
        {"damaged_atoms", report->damaged_atoms},
        {"lost_entries", report->lost_entries},
        {"unused_damages", report->unused_damages},
        {"findings", report->findings},
    };
    pbase_field fields[sizeof figures / sizeof figures[0]];
    if (!self->json) {
        return cli_print(err,
                         "%" PRIu64 " databases, %" PRIu64 " collections, %" PRIu64
                         " entries, %" PRIu64 " indexes; %" PRIu64 " atoms in %" PRIu64
                         " bytes of segments verified; %" PRIu64 " findings\n",
                         report->databases, report->collections, report->entries, report->indexes,
                         report->atoms, report->bytes, report->findings);
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

static pbase_status hear_finding(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *err)
{
    listener *heard = state;
    return cli_print_finding(heard->run, code, place, message, err);
}

static pbase_status hear_progress(void *state, uint64_t done, uint64_t total, pbase_error *err)
{
    listener *heard = state;
    heard->shown.bytes_total = total;
    progress_update(&heard->shown, done >> 20, done);
    return cli_check_cancelled(&heard->run->call, err);
}

static pbase_status parse_findings(const char *text, uint64_t *out, pbase_error *err)
{
    char *end = NULL;
    if (text == NULL) {
        return PBASE_OK;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number == 0) {
        return cli_usage(err, "--findings takes a number from 1 on, not '%s'", text);
    }
    *out = number;
    return PBASE_OK;
}

static pbase_status run_check(cli *self, const cli_arguments *arguments, pbase_check_report *report,
                              pbase_error *err)
{
    listener heard = {.run = self};
    pbase_check_options options = {.each = hear_finding,
                                   .progress = hear_progress,
                                   .state = &heard,
                                   .is_quick = arguments->values[CHECK_QUICK] != NULL};
    pbase_status status =
        parse_findings(arguments->values[CHECK_FINDINGS], &options.findings_max, err);
    if (status != PBASE_OK) {
        return status;
    }
    progress_begin(&heard.shown, "MiB checked:", 0, !self->json);
    status = pbase_space_check_with(self->space, &options, &self->call, report, err);
    progress_end(&heard.shown);
    return status;
}

CLI_COMMAND(cmd_check)
{
    pbase_check_report report;
    self->must_exist = true; /* a new one has no findings, wherever the one that is meant may be */
    pbase_status status = cli_open_space(self, err);
    if (status == PBASE_OK) {
        status = run_check(self, arguments, &report, err);
    }
    if (status == PBASE_OK) {
        status = print_report(self, &report, err);
    }
    if (status == PBASE_OK && report.findings > 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "%" PRIu64 " findings", report.findings);
        pbase_error_hint(err, "restore a backup, or save what is left with 'protobase recover'; "
                              "docs/check.md");
    }
    return status;
}

/* ------------------------------------------------------------------------------------ compact -- */

static pbase_status print_compacted(cli *self, const pbase_compact_report *report, pbase_error *err)
{
    if (!self->json) {
        return cli_print(err,
                         "%" PRIu64 " segments of %" PRIu64 " bytes, %" PRIu64
                         " bytes of them alive; %" PRIu64 " bytes given back, %" PRIu64
                         " segments whole\n",
                         report->segments, report->bytes, report->live_bytes, report->freed_bytes,
                         report->freed_segments);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("segments"), pbase_value_int((int64_t)report->segments)},
        {pbase_bytes_text("bytes"), pbase_value_int((int64_t)report->bytes)},
        {pbase_bytes_text("live_bytes"), pbase_value_int((int64_t)report->live_bytes)},
        {pbase_bytes_text("freed_segments"), pbase_value_int((int64_t)report->freed_segments)},
        {pbase_bytes_text("freed_bytes"), pbase_value_int((int64_t)report->freed_bytes)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

static pbase_status run_compact(cli *self, pbase_compact_report *report, pbase_error *err)
{
    listener heard = {.run = self};
    pbase_compact_options options = {
        .struct_size = sizeof options, .progress = hear_progress, .state = &heard};
    progress_begin(&heard.shown, "MiB looked at:", 0, !self->json);
    pbase_status status = pbase_space_compact_with(self->space, &options, &self->call, report, err);
    progress_end(&heard.shown);
    return status;
}

CLI_COMMAND(cmd_compact)
{
    (void)arguments;
    pbase_compact_report report;
    self->must_exist = true;
    pbase_status status = cli_open_space(self, err);
    if (status == PBASE_OK) {
        status = run_compact(self, &report, err);
    }
    return status == PBASE_OK ? print_compacted(self, &report, err) : status;
}

/* ------------------------------------------------------------------------------------ version -- */

#ifdef NDEBUG
#define BUILD_TYPE "release"
#else
#define BUILD_TYPE "debug"
#endif
#ifdef __clang__
#define BUILD __VERSION__ ", " BUILD_TYPE /* "Clang 14.0.6, release" */
#else
#define BUILD "GCC " __VERSION__ ", " BUILD_TYPE
#endif

static pbase_status print_plugin(const cli *self, const pbase_plugin_info *plugin, bool is_first,
                                 pbase_error *err)
{
    if (!self->json) {
        return cli_print(err, "  %-20s %-8s %s\n", plugin->name, plugin->version, plugin->path);
    }
    pbase_status status = cli_print(err, "%s{", is_first ? "" : ", ");
    status = status == PBASE_OK ? cli_print_member("", "name", plugin->name, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "version", plugin->version, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "path", plugin->path, err) : status;
    return status == PBASE_OK ? cli_print(err, "}") : status;
}

CLI_COMMAND(cmd_version)
{
    (void)arguments;
    pbase_plugin_list list = {NULL, 0};
    pbase_status status = pbase_plugins_list(&self->source, &self->arena, &list, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = cli_print(err,
                       self->json ? "{\"version\": \"%s\", \"abi\": \"%d.%d\", \"build\": \"%s\", "
                                    "\"plugins\": ["
                                  : "protobase %s\nplugin ABI %d.%d\nbuild %s\nplugins:\n",
                       pbase_version(), PBASE_ABI_MAJOR, PBASE_ABI_MINOR, BUILD);
    for (size_t i = 0; i < list.count && status == PBASE_OK; i++) {
        status = print_plugin(self, &list.plugins[i], i == 0, err);
    }
    return status == PBASE_OK && self->json ? cli_print(err, "]}\n") : status;
}
