/* cmd_past.c - history, and snapshots of moments that are over. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

pbase_status cli_open_snapshot(cli *self, const char *as_of, pbase_snapshot **out, pbase_error *err)
{
    pbase_moment at;
    if (as_of == NULL) {
        pbase_status status = cli_open_database(self, err);
        return status == PBASE_OK ? pbase_snapshot_open(self->database, out, err) : status;
    }
    if (pbase_moment_parse(as_of, &at, NULL) != PBASE_OK) {
        return cli_usage(err,
                         "--as-of is the sequence of a commit or a time such as "
                         "2026-06-01T12:00:00Z, not '%s'",
                         as_of);
    }
    self->must_exist = true;
    pbase_status status = cli_open_space(self, err);
    return status == PBASE_OK ? pbase_snapshot_open_named(self->space, self->database_name, &at,
                                                          &self->call, out, err)
                              : status;
}

/* ------------------------------------------------------------------------------------ history -- */

static const char *const commit_kinds[] = {"transaction", "create",   "drop",
                                           "rename",      "snapshot", "branch"};

static pbase_status print_commit(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    cli *self = state;
    char time[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(commit->time_ns, time);
    if (!self->json) {
        return cli_print(err, "%10" PRIu64 "  %-30s  %-11s  %8" PRIu64 "  %10" PRIu64 "  %s%s%s\n",
                         commit->sequence, time, commit_kinds[commit->kind], commit->operations,
                         commit->bytes, commit->database, commit->origin[0] == '\0' ? "" : " of ",
                         commit->origin);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("sequence"), pbase_value_int((int64_t)commit->sequence)},
        {pbase_bytes_text("time"), pbase_value_text(time)},
        {pbase_bytes_text("kind"), pbase_value_text(commit_kinds[commit->kind])},
        {pbase_bytes_text("database"), pbase_value_text(commit->database)},
        {pbase_bytes_text("origin"),
         commit->origin[0] == '\0' ? pbase_value_null() : pbase_value_text(commit->origin)},
        {pbase_bytes_text("operations"), pbase_value_int((int64_t)commit->operations)},
        {pbase_bytes_text("bytes"), pbase_value_int((int64_t)commit->bytes)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

static pbase_status print_range(cli *self, pbase_error *err)
{
    pbase_history_range range;
    pbase_status status = pbase_history_describe(self->space, &range, err);
    return status == PBASE_OK
               ? cli_print(err,
                           "commits %" PRIu64 " to %" PRIu64 " can be read; %" PRIu64
                           " checkpoints and %" PRIu64 " bytes of journal are kept\n",
                           range.oldest_sequence, range.newest_sequence, range.checkpoints,
                           range.journal_bytes)
               : status;
}

/* The value of an option that is a sequence. */
static pbase_status sequence_of(const char *option, const char *text, uint64_t *out,
                                pbase_error *err)
{
    pbase_moment at;
    if (text == NULL) {
        return PBASE_OK;
    }
    if (pbase_moment_parse(text, &at, NULL) != PBASE_OK || at.is_time != 0) {
        return cli_usage(err, "%s is the sequence of a commit, not '%s'", option, text);
    }
    *out = at.sequence;
    return PBASE_OK;
}

CLI_COMMAND(cmd_history)
{
    uint64_t from = 0, to = UINT64_MAX;
    pbase_status status = sequence_of("--from", arguments->values[HISTORY_FROM], &from, err);
    if (status == PBASE_OK) {
        status = sequence_of("--to", arguments->values[HISTORY_TO], &to, err);
    }
    if (status == PBASE_OK) {
        status = cli_open_space(self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_history(self->space, from, to, &self->call, print_commit, self, err);
    }
    return status == PBASE_OK && !self->json ? print_range(self, err) : status;
}
