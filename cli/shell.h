/* shell.h - what the files of the interactive shell share.
 *
 * cmd_shell.c runs statements; shell_input.c gets lines, from libedit on a terminal, else from
 * standard input; shell_words.c knows when a query is whole and what may come next on a line.
 * Threads: confined. */
#ifndef PBASE_CLI_SHELL_H
#define PBASE_CLI_SHELL_H
#include "cli.h"
#include "result_writer.h"

typedef struct shell_input shell_input;

typedef struct {
    cli *run;
    shell_input *input;
    bool is_terminal;
    bool has_timer;
    bool is_over; /* .exit */
    result_format format;
    pbase_txn *txn;       /* .begin; NULL: each change commits by itself */
    pbase_buffer pending; /* of a query: the lines so far, without a NUL */
    uint64_t first_line;  /* of it in the input */
} shell;

/* ---- shell_input.c ---- */

/* Borrows the shell until close. NO_MEMORY. A history that cannot be read is none. */
PBASE_MUST_CHECK pbase_status shell_input_open(shell *self, shell_input **out, pbase_error *err);
/* The next line without its end, lent until the next call. END: there is none. CANCELLED: Ctrl-C,
 * only on a terminal. */
PBASE_MUST_CHECK pbase_status shell_input_next(shell_input *self, const char *prompt,
                                               const char **out, pbase_error *err);
/* Whether the line after the last one begins with a pipe; never waits on a terminal: false. */
bool shell_input_goes_on(shell_input *self);
uint64_t shell_input_line(const shell_input *self);
/* Keeps the history. NULL is fine. */
void shell_input_close(shell_input *self);

/* ---- shell_words.c ---- */

/* Whether a query text is whole: it is not cut inside quotes, brackets, an expression or behind a
 * pipe. A semicolon at its end makes anything whole. */
bool shell_query_is_whole(pbase_bytes text);

/* Cuts a line into words as a shell does: blanks part them; single quotes keep everything, double
 * quotes all but \" and \\. The words are in `arena`. INVALID: a quote is not closed. */
PBASE_MUST_CHECK pbase_status shell_split(const char *line, pbase_arena *arena, char ***out,
                                          int *out_count, pbase_error *err);

/* Calls `each` with every word that may stand where `text` (the line up to the cursor, and the lines
 * of the query before it) ends, and that begins as it does. `out_start`: where in `text` that word
 * begins. Asks the database for names of collections, and for fields of the first documents. */
typedef void (*shell_word_each)(void *state, const char *word);
void shell_complete(shell *self, const char *text, size_t *out_start, shell_word_each each,
                    void *state);

/* Commands of the shell itself, for completion and .help; ended by a NULL name. */
typedef struct {
    const char *name;  /* ".mode" */
    const char *words; /* "table|jsonl|json|csv" */
    const char *doc;
} shell_command;
extern const shell_command shell_commands[];

#endif
