/* cli.h - one run of the program: global options, the space it works on, and how it speaks.
 *
 * Commands get a `cli` and their arguments, and return a status; main turns a failure into a
 * message on standard error and an exit code. Nothing here is library code: it may print. */
#ifndef PBASE_CLI_CLI_H
#define PBASE_CLI_CLI_H
#include "command_table.h"

#include <protobase/protobase.h>
#include <stdio.h>

typedef struct cli {
    pbase_config_source source; /* from --config, --data, --memory, --set, --plugin-dir */
    const char *database_name;
    bool database_given; /* it was asked for by name */
    bool json;
    bool must_exist;          /* a space that is not there is not made */
    uint32_t problems_shown;  /* of the configuration, on standard error: main need not repeat */
    pbase_space *space;       /* opened by the first command that needs it */
    pbase_database *database; /* likewise */
    pbase_txn *txn;           /* of a shell: changes go into it; NULL: each commits by itself */
    pbase_call call;          /* cancelled by SIGINT and SIGTERM */
    pbase_arena arena;        /* for what lives as long as the command */
} cli;

/* Opens the space (made on first use) and the database; closing is main's. With `must_exist` neither
 * is made: NOT_FOUND. */
PBASE_MUST_CHECK pbase_status cli_open_space(cli *self, pbase_error *err);
PBASE_MUST_CHECK pbase_status cli_open_database(cli *self, pbase_error *err);
/* Runs `body` in the transaction that a shell has open, else in one of its own that commits. */
PBASE_MUST_CHECK pbase_status cli_run_in_txn(cli *self, pbase_txn_body body, void *state,
                                             pbase_error *err);
/* Refuses, in a shell's open transaction, what cannot be part of one; `why` ends the sentence. */
PBASE_MUST_CHECK pbase_status cli_check_no_txn(const cli *self, const char *why, pbase_error *err);
/* Of the monotonic clock. */
uint64_t cli_now_ns(void);
/* "500ms", "10s", "2m" as the value of an option, in nanoseconds. */
PBASE_MUST_CHECK pbase_status cli_parse_duration(const char *option, const char *text,
                                                 uint64_t *out_ns, pbase_error *err);
/* A snapshot of the database as of now, or (`as_of` not NULL) as of a commit or time: then of the one
 * that was called so at that moment, and nothing is made. */
PBASE_MUST_CHECK pbase_status cli_open_snapshot(cli *self, const char *as_of, pbase_snapshot **out,
                                                pbase_error *err);
/* Tells one problem of a configuration on standard error; `state` is the cli. */
void cli_show_problem(void *state, const pbase_config_problem *problem);

/* ---------------------------------------------------------------------------------- output ---- */

/* CANCELLED once SIGINT or SIGTERM came. */
PBASE_MUST_CHECK pbase_status cli_check_cancelled(const pbase_call *call, pbase_error *err);
/* Refuses what was typed: exit code 2. */
pbase_status cli_usage(pbase_error *err, const char *format, ...) PBASE_PRINTF(2, 3);
/* Writes bytes to standard output. IO when it cannot (a full disk, a closed pipe). */
PBASE_MUST_CHECK pbase_status cli_write(pbase_bytes bytes, pbase_error *err);
PBASE_MUST_CHECK pbase_status cli_print(pbase_error *err, const char *format, ...)
    PBASE_PRINTF(2, 3);
/* One value as JSON and a newline. Works without an open space for scalars, maps and lists. */
PBASE_MUST_CHECK pbase_status cli_print_json(cli *self, const pbase_value *value, pbase_error *err);
/* One member of a JSON object, `"name": "text"` behind `before`; needs no space. NULL is "". */
PBASE_MUST_CHECK pbase_status cli_print_member(const char *before, const char *name,
                                               const char *text, pbase_error *err);
/* {"done": VERB, "name": NAME, "count": N}: what a command with nothing else to say prints under
 * --json. */
PBASE_MUST_CHECK pbase_status cli_print_done(cli *self, const char *verb, const char *name,
                                             uint64_t count, pbase_error *err);

/* One finding of a check: a line; `state` is the cli. */
PBASE_MUST_CHECK pbase_status cli_print_finding(void *state, pbase_status code, const char *place,
                                                const char *message, pbase_error *err);

/* "value", "dict", "list", "set". */
const char *cli_root_kind_name(uint32_t kind);

/* A key as typed: a JSON scalar when it parses as one, else a string. */
PBASE_MUST_CHECK pbase_status cli_parse_key(cli *self, const char *text, pbase_value *out,
                                            pbase_error *err);
PBASE_MUST_CHECK pbase_status cli_parse_json(cli *self, const char *text, const char *what,
                                             pbase_value *out, pbase_error *err);

/* ---------------------------------------------------------------------------------- errors ---- */

/* The two numbers of "line L column C"; false for any other text. */
bool cli_parse_place(const char *text, uint64_t *out_line, uint64_t *out_column);
/* The exit code of a status and what is known of its effect (docs/errors.md). */
int cli_exit_code(pbase_status status, const pbase_error *err);
/* One message on standard error, or one JSON object with --json. */
void cli_report(const cli *self, pbase_status status, const pbase_error *err);

#endif
