/* man.c - the man pages: troff with the macros of man(7), plain enough for groff and mandoc. */
#include "cli_docs.h"

#include <protobase/base/version.h>
#include <string.h>

/* Text as troff takes it literally. A period or quote at the start of a line would be a request. */
static void say(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((text[i] == '.' || text[i] == '\'') && i == 0) {
            (void)fputs("\\&", out);
        }
        (void)(text[i] == '\\'   ? fputs("\\e", out)
               : text[i] == '-'  ? fputs("\\-", out)
               : text[i] == '\'' ? fputs("\\(aq", out)
               : text[i] == '`'  ? fputs("\\(ga", out)
               : text[i] == '^'  ? fputs("\\(ha", out)
               : text[i] == '~'  ? fputs("\\(ti", out)
                                 : fputc(text[i], out));
    }
}

static void say_text(FILE *out, const char *text)
{
    say(out, text, strlen(text));
}

/* One paragraph; each sentence begins on a line of its own, as man pages like it. */
static void say_sentences(FILE *out, const char *text)
{
    while (*text != '\0') {
        const char *end = strstr(text, ". ");
        size_t length = end == NULL ? strlen(text) : (size_t)(end - text) + 1;
        say(out, text, length);
        (void)fputc('\n', out);
        text += length + (end != NULL);
    }
}

static void begin_page(FILE *out, const char *word, size_t length, const char *summary)
{
    (void)fprintf(out,
                  ".\\\" Made by tools/cli_docs from the command table.\n"
                  ".TH PROTOBASE%s",
                  length == 0 ? "" : "\\-");
    for (size_t i = 0; i < length; i++) {
        (void)fputc(word[i] >= 'a' && word[i] <= 'z' ? word[i] - 'a' + 'A' : word[i], out);
    }
    (void)fprintf(out, " 1 \"\" \"ProtoBase %d.%d.%d\"\n.SH NAME\nprotobase%s%.*s \\- ",
                  PBASE_VERSION_MAJOR, PBASE_VERSION_MINOR, PBASE_VERSION_PATCH,
                  length == 0 ? "" : "\\-", (int)length, word);
    say_text(out, summary);
    (void)fputc('\n', out);
}

/* ".B name" and ".I value" in one tag. */
static void say_option(FILE *out, const cli_option *option)
{
    (void)fputs(".TP\n\\fB", out);
    say_text(out, option->name);
    (void)fputs("\\fP", out);
    if (option->value != NULL) {
        (void)fputs(option->type == CLI_WORD ? " \\fB" : " \\fI", out);
        say_text(out, option->value);
        (void)fputs("\\fP", out);
    }
    (void)fputc('\n', out);
    say_text(out, option->doc);
    (void)fputs(".\n", out);
}

static void say_synopsis(FILE *out, const cli_command *command)
{
    (void)fputs("\\fBprotobase ", out);
    say_text(out, command->name);
    (void)fputs("\\fP", out);
    for (const cli_operand *word = command->operands; word->name != NULL; word++) {
        (void)fputs(word->is_optional ? " [\\fI" : " \\fI", out);
        say_text(out, word->name);
        (void)fputs(word->is_optional ? "\\fP]" : "\\fP", out);
    }
    (void)fputs(command->options[0].name == NULL ? "\n" : " [\\fIOPTIONS\\fP]\n", out);
}

static void say_words(FILE *out, const cli_command *command)
{
    for (const cli_operand *word = command->operands; word->name != NULL; word++) {
        (void)fputs(".TP\n\\fI", out);
        say_text(out, word->name);
        (void)fputs("\\fP\n", out);
        say_text(out, word->doc);
        (void)fputs(".\n", out);
    }
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        say_option(out, option);
    }
}

static void say_examples(FILE *out, const cli_command *command)
{
    for (const char *at = command->examples; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        say(out, at, strcspn(at, "\n"));
        (void)fputc('\n', out);
    }
}

/* A sentence of a summary: "documents in" as "Documents in." */
static void say_summary(FILE *out, const char *summary)
{
    bool is_lower = summary[0] >= 'a' && summary[0] <= 'z';
    (void)fputc(is_lower ? summary[0] - 'a' + 'A' : summary[0], out);
    say_text(out, summary + 1);
    (void)fputs(".\n", out);
}

void man_page_of_word(const cli_command *first, FILE *out)
{
    const cli_group *group = docs_group(first);
    const cli_command *end = cli_commands + cli_command_count;
    begin_page(out, first->name, cli_command_first_word(first),
               group == NULL ? first->summary : group->summary);
    (void)fputs(".SH SYNOPSIS\n", out);
    for (const cli_command *at = first; at < end && docs_same_word(first, at); at++) {
        (void)fputs(at == first ? "" : ".br\n", out);
        say_synopsis(out, at);
    }
    (void)fputs(".SH DESCRIPTION\n", out);
    for (const cli_command *at = first; at < end && docs_same_word(first, at); at++) {
        if (group != NULL) {
            (void)fputs(".SS ", out);
            say_text(out, at->name);
            (void)fputc('\n', out);
        }
        say_summary(out, at->summary);
        say_sentences(out, at->text == NULL ? "" : at->text);
        say_words(out, at);
    }
    if (group != NULL && group->default_verb != NULL) {
        (void)fprintf(out, ".PP\n\\fBprotobase %s\\fP alone is \\fBprotobase %s %s\\fP.\n",
                      group->name, group->name, group->default_verb);
    }
    (void)fputs(".PP\nThe global options, exit codes and files are those of\n"
                ".BR protobase (1).\n.SH EXAMPLES\n.nf\n",
                out);
    for (const cli_command *at = first; at < end && docs_same_word(first, at); at++) {
        say_examples(out, at);
    }
    (void)fputs(".fi\n.SH SEE ALSO\n.BR protobase (1)\n", out);
}

static void say_command_list(FILE *out)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *command = &cli_commands[i];
        const cli_group *group = docs_group(command);
        if (i > 0 && docs_same_word(command - 1, command)) {
            continue;
        }
        (void)fprintf(out, ".TP\n.BR protobase\\-%.*s (1)\n", (int)cli_command_first_word(command),
                      command->name);
        say_summary(out, group == NULL ? command->summary : group->summary);
    }
}

static const char program_text[] =
    "ProtoBase keeps documents in ordered dictionaries, lists and sets, changes them in\n"
    "transactions and answers queries.\n"
    "The program works on one object space: the one that a configuration describes, a folder, or\n"
    "one in memory.\n"
    "With none of\n.BR \\-\\-config ,\n.B \\-\\-data\nand\n.B \\-\\-memory\n"
    "it takes\n.I protobase.yaml\nof the working directory if there is one, else\n"
    ".IR ./protobase\\-data ,\nwhich is made on first use.\n"
    ".PP\nTwo dashes alone end the options, for operands that begin with them.\n";

static const char environment_text[] =
    ".TP\n.B PROTOBASE_PLUGIN_PATH\n"
    "Folders searched for plugins, absolute, separated by colons.\n"
    "Ignored in privileged programs.\n";

static const char files_text[] =
    ".TP\n.I protobase.yaml\nThe configuration, when it lies in the working directory.\n"
    ".TP\n.I protobase\\-data\nThe data, when nothing else is said.\n";

void man_page_of_program(FILE *out)
{
    begin_page(out, "", 0, "a transactional object database");
    (void)fputs(".SH SYNOPSIS\n\\fBprotobase\\fP [\\fIGLOBAL OPTIONS\\fP] \\fICOMMAND\\fP "
                "[\\fIARGUMENTS\\fP]\n.SH DESCRIPTION\n",
                out);
    (void)fputs(program_text, out);
    (void)fputs(".SH GLOBAL OPTIONS\n", out);
    for (size_t i = 0; i < cli_global_option_count; i++) {
        say_option(out, &cli_global_options[i]);
    }
    (void)fputs(".SH COMMANDS\n", out);
    say_command_list(out);
    (void)fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < cli_exit_meaning_count; i++) {
        (void)fprintf(out, ".TP\n.B %d\n", cli_exit_meanings[i].code);
        say_summary(out, cli_exit_meanings[i].meaning);
    }
    (void)fputs(".PP\nA failure is one message on standard error; with\n.B \\-\\-json\n"
                "it is one JSON object.\n.SH ENVIRONMENT\n",
                out);
    (void)fputs(environment_text, out);
    (void)fputs(".SH FILES\n", out);
    (void)fputs(files_text, out);
    (void)fputs(".SH EXAMPLES\n.nf\n", out);
    say_examples(out, &cli_commands[0]);
    (void)fputs(".fi\n", out);
}
