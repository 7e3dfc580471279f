/* cmd_shell.c - queries and commands, line by line.
 *
 * On a terminal a failure is told and the shell goes on, and Ctrl-C ends the query that runs. Without
 * one the lines are a script: nothing is prompted, and the first failure ends it with its exit code. */
#include "command_line.h"
#include "commands.h"
#include "help.h"
#include "shell.h"
#include "signals.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------- statements -- */

static void tell_time(const shell *self, uint64_t began_ns)
{
    if (self->has_timer) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "%.3f s\n", (double)(cli_now_ns() - began_ns) * 1e-9);
    }
}

static pbase_status show_rows(shell *self, pbase_query *query, pbase_error *err)
{
    result_source source = {.query = query, .txn = self->txn};
    pbase_status status = self->txn == NULL
                              ? pbase_snapshot_open(self->run->database, &source.snapshot, err)
                              : PBASE_OK;
    status = status == PBASE_OK ? result_write(self->run, &source, self->format, err) : status;
    pbase_snapshot_close(source.snapshot);
    return status;
}

/* A semicolon at the end belongs to the shell, not to the language. */
static pbase_bytes without_semicolon(pbase_bytes text)
{
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    text.size -= text.size > 0 && text.data[text.size - 1] == ';';
    return text;
}

static pbase_status run_query(shell *self, pbase_error *err)
{
    pbase_query *query = NULL;
    uint64_t began_ns = cli_now_ns();
    pbase_bytes text = without_semicolon(pbase_buffer_view(&self->pending));
    pbase_status status = pbase_query_parse(NULL, text, &query, err);
    status = status == PBASE_OK ? show_rows(self, query, err) : status;
    pbase_query_destroy(query);
    self->pending.size = 0;
    if (status == PBASE_OK) {
        tell_time(self, began_ns);
    }
    return status;
}

/* ------------------------------------------------------------------------------- dot commands -- */

static pbase_status print_help(pbase_error *err)
{
    pbase_status status =
        cli_print(err, "a query, over as many lines as it takes; ; ends one that could go on\n");
    for (const shell_command *at = shell_commands; at->name != NULL && status == PBASE_OK; at++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", at->name, at->words == NULL ? "" : at->words);
        status = cli_print(err, "  %-32s%s\n", left, at->doc);
    }
    status = status == PBASE_OK ? cli_print(err, "and every command of the program:\n") : status;
    for (size_t i = 0; i < cli_command_count && status == PBASE_OK; i++) {
        char words[100], left[140];
        cli_command_usage(&cli_commands[i], words, sizeof words);
        (void)snprintf(left, sizeof left, ".%s %s", cli_commands[i].name, words);
        status = strcmp(cli_commands[i].name, "shell") == 0
                     ? PBASE_OK
                     : cli_print(err, "  %-32s%s\n", left, cli_commands[i].summary);
    }
    return status;
}

static pbase_status begin_txn(shell *self, pbase_error *err)
{
    if (self->txn != NULL) {
        return cli_usage(err, "a transaction is open: .commit or .abort ends it");
    }
    pbase_status status = pbase_txn_begin(self->run->database, NULL, &self->txn, err);
    self->run->txn = self->txn;
    return status;
}

static pbase_status end_txn(shell *self, bool commits, pbase_error *err)
{
    if (self->txn == NULL) {
        return cli_usage(err, "no transaction is open: .begin opens one");
    }
    self->run->txn = NULL;
    if (commits) {
        return pbase_txn_commit(&self->txn, &self->run->call, NULL, err); /* ends it in any case */
    }
    pbase_txn_abort(&self->txn);
    return PBASE_OK;
}

static pbase_status change_database(shell *self, const char *name, pbase_error *err)
{
    pbase_database *database = NULL;
    if (self->txn != NULL) {
        return cli_usage(err, "a transaction is open: .commit or .abort ends it");
    }
    pbase_status status = pbase_database_open(self->run->space, name, &database, err);
    if (status == PBASE_OK) {
        pbase_database_close(self->run->database);
        self->run->database = database;
        self->run->database_name = pbase_database_name(database);
    }
    return status;
}

/* A command of the program, as if it had been typed behind its name. */
static pbase_status run_program_command(shell *self, char **words, int count, pbase_error *err)
{
    command_line line;
    cli *run = self->run;
    char program[] = "protobase";
    char **argv = pbase_arena_array(&run->arena, (size_t)count + 2, sizeof *argv);
    if (argv == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a command");
    }
    argv[0] = program;
    memcpy(argv + 1, words, (size_t)count * sizeof *argv);
    argv[1] = words[0] + 1; /* without its dot */
    argv[count + 1] = NULL;
    pbase_status status = command_line_parse(&line, count + 1, argv, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (line.globals[GLOBAL_HELP] != NULL) {
        command_line_help(&line, stdout);
        return PBASE_OK;
    }
    if (line.command == NULL || line.command->run == cmd_shell) {
        return cli_usage(err, "'%s' is no command here; .help lists them", words[0]);
    }
    bool json = run->json, must_exist = run->must_exist;
    uint64_t deadline_ns = run->call.deadline_ns;
    cli_arguments arguments = command_line_arguments(&line);
    run->json = json || line.globals[GLOBAL_JSON] != NULL;
    status = line.command->run(run, &arguments, err);
    run->json = json;
    run->must_exist = must_exist;
    run->call.deadline_ns = deadline_ns;
    return status;
}

static pbase_status choose_mode(shell *self, const char *word, pbase_error *err)
{
    result_format format = result_format_of(word, false);
    if (format == RESULT_JSONL && strcmp(word, "jsonl") != 0) {
        return cli_usage(err, ".mode is table, jsonl, json or csv, not '%s'", word);
    }
    self->format = format;
    return PBASE_OK;
}

static pbase_status choose_timer(shell *self, const char *word, pbase_error *err)
{
    if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0) {
        return cli_usage(err, ".timer is on or off, not '%s'", word);
    }
    self->has_timer = strcmp(word, "on") == 0;
    return PBASE_OK;
}

/* The number of words that a command of the shell itself takes behind its name; -1: it is none. */
static int words_of(const char *name)
{
    for (const shell_command *at = shell_commands; at->name != NULL; at++) {
        if (strcmp(at->name, name) == 0) {
            return at->words != NULL;
        }
    }
    return strcmp(name, ".quit") == 0 ? 0 : -1;
}

static pbase_status leave(shell *self)
{
    self->is_over = true;
    return PBASE_OK;
}

static pbase_status run_own_command(shell *self, const char *name, const char *word,
                                    pbase_error *err)
{
    char tables[] = ".roots", *words[] = {tables, NULL};
    return strcmp(name, ".help") == 0       ? print_help(err)
           : strcmp(name, ".tables") == 0   ? run_program_command(self, words, 1, err)
           : strcmp(name, ".database") == 0 ? change_database(self, word, err)
           : strcmp(name, ".mode") == 0     ? choose_mode(self, word, err)
           : strcmp(name, ".timer") == 0    ? choose_timer(self, word, err)
           : strcmp(name, ".begin") == 0    ? begin_txn(self, err)
           : strcmp(name, ".commit") == 0   ? end_txn(self, true, err)
           : strcmp(name, ".abort") == 0    ? end_txn(self, false, err)
                                            : leave(self);
}

static pbase_status run_command(shell *self, const char *line, pbase_error *err)
{
    char **words = NULL;
    int count = 0;
    pbase_status status = shell_split(line, &self->run->arena, &words, &count, err);
    if (status != PBASE_OK) {
        return status;
    }
    int wanted = words_of(words[0]);
    if (wanted < 0) {
        return run_program_command(self, words, count, err);
    }
    if (count - 1 != wanted) {
        return cli_usage(err, wanted == 0 ? "%s takes nothing behind it" : "%s takes one word",
                         words[0]);
    }
    return run_own_command(self, words[0], wanted == 1 ? words[1] : NULL, err);
}

/* ----------------------------------------------------------------------------------------- loop -- */

static bool is_nothing(const char *line)
{
    const char *at = line + strspn(line, " \t");
    return *at == '\0' || strncmp(at, "--", 2) == 0 || strcmp(at, ";") == 0;
}

static pbase_status take_line(shell *self, const char *line, pbase_error *err)
{
    if (self->pending.size == 0 && is_nothing(line)) {
        return PBASE_OK;
    }
    if (self->pending.size == 0 && line[0] == '.') {
        return run_command(self, line, err);
    }
    if (self->pending.size == 0) {
        self->first_line = shell_input_line(self->input);
    }
    pbase_status status = pbase_buffer_append(&self->pending, line, strlen(line), err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&self->pending, '\n', err) : status;
    if (status != PBASE_OK || !shell_query_is_whole(pbase_buffer_view(&self->pending))) {
        return status;
    }
    pbase_bytes text = pbase_buffer_view(&self->pending);
    bool is_ended = without_semicolon(text).size + 1 < text.size && /* more than the line end */
                    text.data[without_semicolon(text).size] == ';';
    return !is_ended && shell_input_goes_on(self->input) ? PBASE_OK : run_query(self, err);
}

/* Where in the script it was: the line of the statement, and of the query if that knows better. A place
 * in a file that a command reads goes before the message. */
static void place_in_script(uint64_t first_line, pbase_error *err)
{
    uint64_t line = 0, column = 0;
    if (cli_parse_place(err->where, &line, &column)) {
        pbase_error_where(err, "standard input: line %" PRIu64 " column %" PRIu64,
                          first_line + line - 1, column);
    } else {
        if (err->where[0] != '\0') {
            pbase_error_note(err, "%s", err->where);
        }
        pbase_error_where(err, "standard input: line %" PRIu64, first_line);
    }
}

static const char *prompt_of(shell *self, char *out, size_t size)
{
    if (self->pending.size > 0) {
        (void)snprintf(out, size, "%*s> ", (int)strlen(self->run->database_name) + 2, "..");
    } else {
        (void)snprintf(out, size, "%s%s> ", self->run->database_name, self->txn != NULL ? "*" : "");
    }
    return out;
}

/* On a terminal failures are told here; OK then. */
static pbase_status settle_statement(shell *self, pbase_status status, pbase_error *err)
{
    bool fails_output = status == PBASE_IO && ferror(stdout) != 0;
    if (status == PBASE_OK || !self->is_terminal || fails_output) {
        return status;
    }
    (void)fflush(stdout);
    cli_report(self->run, status, err);
    self->run->problems_shown = 0;
    return PBASE_OK;
}

static pbase_status loop(shell *self, pbase_error *err)
{
    char prompt[PBASE_NAME_BYTES_MAX + 16];
    const char *line = NULL;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && !self->is_over && !signals_ended()) {
        pbase_error_init(err);
        status = shell_input_next(self->input, prompt_of(self, prompt, sizeof prompt), &line, err);
        if (status == PBASE_CANCELLED && self->is_terminal) {
            self->pending.size = 0;
            status = PBASE_OK;
            continue;
        }
        bool is_end = status == PBASE_END;
        status = status == PBASE_OK                 ? take_line(self, line, err)
                 : is_end && self->pending.size > 0 ? run_query(self, err)
                                                    : status;
        if (status != PBASE_OK && status != PBASE_END && !self->is_terminal) {
            uint64_t now = shell_input_line(self->input);
            place_in_script(self->first_line > 0 ? self->first_line : now, err);
        }
        status = settle_statement(self, status, err);
        self->first_line = self->pending.size > 0 ? self->first_line : 0;
        pbase_arena_reset(&self->run->arena);
        if (self->is_terminal) {
            signals_clear();
        }
        status = is_end && status == PBASE_OK ? PBASE_END : status;
    }
    return status == PBASE_END ? PBASE_OK : status;
}

CLI_COMMAND(cmd_shell)
{
    (void)arguments;
    bool is_terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 && !self->json;
    shell work = {.run = self,
                  .is_terminal = is_terminal,
                  .format = is_terminal ? RESULT_TABLE : RESULT_JSONL};
    pbase_buffer_init(&work.pending, pbase_alloc_default());
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK && is_terminal) {
        signals_install_for_shell();
        status = cli_print(err, "protobase %s; .help tells what there is\n", pbase_version());
    }
    status = status == PBASE_OK ? shell_input_open(&work, &work.input, err) : status;
    status = status == PBASE_OK ? loop(&work, err) : status;
    if (status == PBASE_OK && is_terminal) {
        status = cli_print(err, "\n");
    }
    self->txn = NULL;
    pbase_txn_abort(&work.txn);
    shell_input_close(work.input);
    pbase_buffer_fini(&work.pending);
    return status;
}
