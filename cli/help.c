/* help.c - what --help says, of the command table. */
#include "help.h"

#include <stdio.h>
#include <string.h>

#define LEFT_COLUMNS 24

static void print_option(const cli_option *option, FILE *out)
{
    char left[80];
    (void)snprintf(left, sizeof left, "%s%s%s", option->name, option->value == NULL ? "" : " ",
                   option->value == NULL ? "" : option->value);
    bool fits = strlen(left) < LEFT_COLUMNS;
    (void)fprintf(out, fits ? "  %-*s%s\n" : "  %-*s\n", LEFT_COLUMNS, left, option->doc);
    if (!fits) {
        (void)fprintf(out, "  %-*s%s\n", LEFT_COLUMNS, "", option->doc);
    }
}

/* The commands by first word, each group once. */
static void print_commands(FILE *out)
{
    const cli_group *last = NULL;
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *command = &cli_commands[i];
        char word[32];
        (void)snprintf(word, sizeof word, "%.*s", (int)cli_command_first_word(command),
                       command->name);
        const cli_group *group = cli_group_find(word);
        if (group == NULL || group != last) {
            (void)fprintf(out, "  %-18s%s\n", word,
                          group == NULL ? command->summary : group->summary);
        }
        last = group;
    }
}

void help_of_program(FILE *out)
{
    (void)fputs("protobase - a transactional object database\n\n"
                "usage: protobase [GLOBAL OPTIONS] COMMAND [ARGUMENTS]\n\nglobal options:\n",
                out);
    for (size_t i = 0; i < cli_global_option_count; i++) {
        print_option(&cli_global_options[i], out);
    }
    (void)fputs(
        "\nWith none of --config, --data and --memory: protobase.yaml if it is there, else\n"
        "--data ./protobase-data.\n\ncommands:\n",
        out);
    print_commands(out);
    (void)fputs("\n`protobase COMMAND --help` tells more about one.\n", out);
}

static void print_examples(const char *examples, FILE *out)
{
    (void)fprintf(out, "\nexample%s:\n", strchr(examples, '\n') == NULL ? "" : "s");
    for (const char *at = examples; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        (void)fprintf(out, "  %.*s\n", (int)strcspn(at, "\n"), at);
    }
}

/* Sentences, broken between words at 80 columns. */
static void print_text(const char *text, FILE *out)
{
    size_t column = 0;
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, " ");
        bool breaks = column > 0 && column + 1 + length > 80;
        (void)fprintf(out, "%s%.*s", breaks ? "\n" : column > 0 ? " " : "", (int)length, at);
        column = breaks || column == 0 ? length : column + 1 + length;
        at += length + (at[length] == ' ');
    }
    (void)fputc('\n', out);
}

void help_of_command(const cli_command *command, FILE *out)
{
    char words[200];
    bool has_options = command->options[0].name != NULL;
    cli_command_usage(command, words, sizeof words);
    (void)fprintf(out, "usage: protobase %s%s%s%s\n\n%s\n", command->name,
                  words[0] == '\0' ? "" : " ", words, has_options ? " [OPTIONS]" : "",
                  command->summary);
    if (command->text != NULL) {
        print_text(command->text, out);
    }
    for (const cli_operand *word = command->operands; word->name != NULL; word++) {
        (void)fprintf(out, "%s  %-*s%s\n", word == command->operands ? "\n" : "", LEFT_COLUMNS,
                      word->name, word->doc);
    }
    if (has_options) {
        (void)fputs("\noptions:\n", out);
    }
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        print_option(option, out);
    }
    print_examples(command->examples, out);
}

static bool is_of_group(const cli_command *command, const cli_group *group)
{
    size_t length = cli_command_first_word(command);
    return strlen(group->name) == length && strncmp(command->name, group->name, length) == 0;
}

void help_of_group(const cli_group *group, FILE *out)
{
    const char *example = NULL;
    (void)fprintf(out, "usage: protobase %s COMMAND [ARGUMENTS]\n\n%s\n\ncommands:\n", group->name,
                  group->summary);
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *command = &cli_commands[i];
        if (!is_of_group(command, group)) {
            continue;
        }
        char words[200], left[240];
        cli_command_usage(command, words, sizeof words);
        (void)snprintf(left, sizeof left, "%s%s%s",
                       command->name + cli_command_first_word(command) + 1,
                       words[0] == '\0' ? "" : " ", words);
        (void)fprintf(out, "  %-*s%s\n", LEFT_COLUMNS, left, command->summary);
        example = command->examples;
    }
    if (group->default_verb != NULL) {
        (void)fprintf(out, "\n`protobase %s` alone is `%s %s`.\n", group->name, group->name,
                      group->default_verb);
    }
    print_examples(example, out);
}
