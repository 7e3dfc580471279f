/* command_line.h - what was typed, cut into global options, a command, its operands and options.
 *
 * Everything points into argv. Threads: confined. */
#ifndef PBASE_CLI_COMMAND_LINE_H
#define PBASE_CLI_COMMAND_LINE_H
#include "cli.h"

#define COMMAND_LINE_LIST_MAX 64u

typedef struct {
    const char *globals[16]; /* values in the order of cli_global_options; "" for a flag */
    const char *sets[COMMAND_LINE_LIST_MAX];
    const char *plugin_dirs[COMMAND_LINE_LIST_MAX];
    size_t set_count, plugin_dir_count;

    const cli_command *command; /* NULL: none, or only the name of a group */
    const cli_group *group;     /* of the first word, NULL: none */
    bool verb_given;            /* the second word was typed, not implied */
    const char *operands[COMMAND_LINE_LIST_MAX];
    size_t operand_count;
    const char *values[CLI_OPTIONS_MAX];
    const char *repeats[COMMAND_LINE_LIST_MAX];
    size_t repeat_count;
} command_line;

/* INVALID as a usage error. With --help operands may be missing. */
PBASE_MUST_CHECK pbase_status command_line_parse(command_line *self, int argc, char **argv,
                                                 pbase_error *err);

/* What its command gets. Lent as long as `self`. */
cli_arguments command_line_arguments(const command_line *self);
/* The help that --help asks for: of the program, of a group, or of the command. */
void command_line_help(const command_line *self, FILE *out);

#endif
