/* command_table.h - every command, once: what help, man pages and completions are made of.
 *
 * A command has one word ("import") or two ("databases create"); the first word of two is a group.
 * The table says what each word on the line stands for, so that parsing checks it, help and the man
 * pages show it, and the shells complete it; nothing is said twice. tools/cli_docs.c writes the man
 * pages and the completions at build.
 * Threads: immutable. */
#ifndef PBASE_CLI_COMMAND_TABLE_H
#define PBASE_CLI_COMMAND_TABLE_H
#include <protobase/base/error.h>
#include <stdbool.h>

/* What a word on the line stands for. */
typedef enum {
    CLI_FLAG = 0,   /* of an option: no word follows */
    CLI_TEXT,       /* anything; there is nothing to offer */
    CLI_WORD,       /* one of the words that its name lists: "jsonl|json" */
    CLI_FILE,       /* a file to read or write */
    CLI_FOLDER,     /* a folder */
    CLI_COLLECTION, /* a root of the database */
    CLI_DATABASE,   /* a database of the space */
    CLI_COMPONENT   /* a component of a plugin: "storage/file" */
} cli_word_type;

/* A word by its position. */
typedef struct {
    const char *name; /* "COLLECTION"; of CLI_WORD the words */
    cli_word_type type;
    bool is_optional; /* only operands that are optional themselves may follow */
    const char *doc;
} cli_operand;

/* "--key FIELD", or a flag: "--keys". */
typedef struct {
    const char *name;  /* "--key" */
    const char *value; /* "FIELD"; of CLI_WORD the words; NULL: a flag */
    cli_word_type type;
    bool repeats; /* may be given again: its values are collected */
    const char *doc;
} cli_option;

/* Positional arguments and the values of options, in the order of the command's table. */
typedef struct {
    const char *const *operands;
    size_t operand_count;
    const char *const *values;  /* NULL where an option was not given; "" for a flag that was */
    const char *const *repeats; /* every value of the option that may be given again */
    size_t repeat_count;
} cli_arguments;

struct cli;
typedef struct {
    const char *name;            /* "import", "databases create" */
    const char *summary;         /* a few words, for lists */
    const char *text;            /* more, in sentences, for help and the man page; NULL: nothing */
    const char *examples;        /* one a line; the first is the best */
    const cli_operand *operands; /* ended by a NULL name */
    const cli_option *options;   /* ended by a NULL name */
    pbase_status (*run)(struct cli *self, const cli_arguments *arguments, pbase_error *err);
} cli_command;

/* Commands of one first word. */
typedef struct {
    const char *name;         /* "databases" */
    const char *summary;      /* for the list of commands */
    const char *default_verb; /* what the name alone stands for; NULL: nothing */
} cli_group;

extern const cli_command cli_commands[];
extern const size_t cli_command_count;
extern const cli_group cli_groups[];
extern const size_t cli_group_count;
extern const cli_option cli_global_options[];
extern const size_t cli_global_option_count;

#define CLI_OPTIONS_MAX 16u
#define CLI_OPERANDS_MAX 8u

/* Positions in the table of global options. */
enum {
    GLOBAL_CONFIG,
    GLOBAL_DATA,
    GLOBAL_MEMORY,
    GLOBAL_DATABASE,
    GLOBAL_PLUGIN_DIR,
    GLOBAL_SET,
    GLOBAL_JSON,
    GLOBAL_HELP,
    GLOBAL_VERSION
};

/* Exit codes, for the man page: number and meaning, in order. */
typedef struct {
    int code;
    const char *meaning;
} cli_exit_meaning;
extern const cli_exit_meaning cli_exit_meanings[];
extern const size_t cli_exit_meaning_count;

/* The group of a first word, NULL when there is none. */
const cli_group *cli_group_find(const char *name);
/* Bytes of the first word of a command's name. */
size_t cli_command_first_word(const cli_command *command);
/* How many operands it takes at least and at most. */
void cli_command_operand_range(const cli_command *command, size_t *out_min, size_t *out_max);
/* "COLLECTION [KEY]": its operands as usage shows them. Cut to `size`. */
void cli_command_usage(const cli_command *command, char *out, size_t size);

#endif
