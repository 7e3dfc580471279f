/* fish.c - completion for fish 3. */
#include "cli_docs.h"

#include <string.h>

/* The part that does not depend on the table. */
static const char head[] =
    "# The global options before the command that matter when the program is asked.\n"
    "function __protobase_globals\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    while set -q words[1]; and string match -q -- '-*' $words[1]\n"
    "        switch $words[1]\n"
    "            case @VALUES@\n"
    "                set -q words[2]; and printf '%s\\n' $words[1..2]\n"
    "                set -e words[1]\n"
    "            case --memory\n"
    "                echo $words[1]\n"
    "        end\n"
    "        set -e words[1]\n"
    "    end\n"
    "end\n"
    "\n"
    "# The words behind the global options.\n"
    "function __protobase_words\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    while set -q words[1]; and string match -q -- '-*' $words[1]\n"
    "        contains -- $words[1] @VALUES@; and set -e words[1]\n"
    "        set -e words[1]\n"
    "    end\n"
    "    set -q words[1]; and printf '%s\\n' $words\n"
    "end\n"
    "\n"
    "# No command yet.\n"
    "function __protobase_needs_command\n"
    "    test -z \"$(__protobase_words)\"\n"
    "end\n"
    "\n"
    "# The command is the one given, of one word or two.\n"
    "function __protobase_is\n"
    "    set -l words (__protobase_words)\n"
    "    set -l count (count $argv)\n"
    "    test (count $words) -ge $count; and test \"$words[1..$count]\" = \"$argv\"\n"
    "end\n"
    "\n"
    "# The same, and the word to complete is operand $argv[1] from 0 of it. $argv[2] are its "
    "options\n"
    "# that take a value, $argv[3..] the command.\n"
    "function __protobase_at\n"
    "    __protobase_is $argv[3..]; or return 1\n"
    "    set -l words (__protobase_words)\n"
    "    set -l count 0\n"
    "    set -l skip 0\n"
    "    set -e words[1..(math (count $argv) - 2)]\n"
    "    for word in $words\n"
    "        if test $skip = 1\n"
    "            set skip 0\n"
    "        else if contains -- $word (string split , -- $argv[2])\n"
    "            set skip 1\n"
    "        else if not string match -q -- '--*' $word\n"
    "            set count (math $count + 1)\n"
    "        end\n"
    "    end\n"
    "    test $count = $argv[1]; and test $skip = 0\n"
    "end\n"
    "\n"
    "# Only the first word of a group.\n"
    "function __protobase_needs_verb\n"
    "    set -l words (__protobase_words)\n"
    "    test (count $words) = 1; and test \"$words[1]\" = $argv[1]\n"
    "end\n"
    "\n"
    "function __protobase_ask\n"
    "    set -l words (commandline -opc)\n"
    "    set -l program $words[1]\n"
    "    type -q $program; or return\n"
    "    command $program (__protobase_globals) $argv 2>/dev/null </dev/null\n"
    "end\n"
    "\n"
    "complete -c protobase -f\n";

static void say_head(FILE *out)
{
    for (const char *at = head; *at != '\0';) {
        if (strncmp(at, "@VALUES@", 8) != 0) {
            (void)fputc(*at++, out);
            continue;
        }
        const char *between = "";
        for (size_t i = 0; i < cli_global_option_count; i++) {
            if (cli_global_options[i].value != NULL) {
                (void)fprintf(out, "%s%s", between, cli_global_options[i].name);
                between = " ";
            }
        }
        at += 8;
    }
}

/* In single quotes. */
static void say_quoted(FILE *out, const char *text)
{
    (void)fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text == '|' ? ' ' : *text, out);
    }
    (void)fputc('\'', out);
}

/* What an argument of `type` may be, as arguments of `complete`. */
static void say_type(FILE *out, cli_word_type type, const char *words)
{
    switch (type) {
    case CLI_WORD:
        (void)fputs(" -x -a ", out);
        say_quoted(out, words);
        break;
    case CLI_FILE:
        (void)fputs(" -r -F", out);
        break;
    case CLI_FOLDER:
        (void)fputs(" -x -a '(__fish_complete_directories)'", out);
        break;
    case CLI_COLLECTION:
        (void)fputs(" -x -a '(__protobase_ask roots --names)'", out);
        break;
    case CLI_DATABASE:
        (void)fputs(" -x -a '(__protobase_ask databases list --names)'", out);
        break;
    case CLI_COMPONENT:
        (void)fputs(" -x -a '(__protobase_ask plugins list --names)'", out);
        break;
    case CLI_TEXT:
        (void)fputs(" -x", out);
        break;
    case CLI_FLAG:
        break;
    }
}

static void say_option(FILE *out, const char *condition, const cli_option *option)
{
    (void)fprintf(out, "complete -c protobase -n '%s' -l %s", condition, option->name + 2);
    say_type(out, option->value == NULL ? CLI_FLAG : option->type, option->value);
    (void)fputs(" -d ", out);
    say_quoted(out, option->doc);
    (void)fputc('\n', out);
}

static void say_command(FILE *out, const cli_command *command)
{
    char condition[200], values[200] = ",";
    (void)snprintf(condition, sizeof condition, "__protobase_is %s", command->name);
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        size_t used = strlen(values);
        say_option(out, condition, option);
        if (option->value != NULL) {
            (void)snprintf(values + used, sizeof values - used, "%s,", option->name);
        }
    }
    say_option(out, condition, &cli_global_options[GLOBAL_JSON]);
    say_option(out, condition, &cli_global_options[GLOBAL_HELP]);
    for (size_t i = 0; command->operands[i].name != NULL; i++) {
        const cli_operand *word = &command->operands[i];
        (void)fprintf(out, "complete -c protobase -n '__protobase_at %zu %s %s'", i, values,
                      command->name);
        if (word->type == CLI_FILE) {
            (void)fputs(" -F", out); /* -r would be of an option */
        } else {
            say_type(out, word->type, word->name);
        }
        (void)fputc('\n', out);
    }
}

void fish_completion(FILE *out)
{
    (void)fputs(
        "# Completion of protobase for fish. Made by tools/cli_docs from the command table.\n\n",
        out);
    say_head(out);
    for (size_t i = 0; i < cli_global_option_count; i++) {
        say_option(out, "__protobase_needs_command", &cli_global_options[i]);
    }
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *command = &cli_commands[i];
        const cli_group *group = docs_group(command);
        if (i == 0 || !docs_same_word(command - 1, command)) {
            (void)fprintf(out, "complete -c protobase -n __protobase_needs_command -a %.*s -d ",
                          (int)cli_command_first_word(command), command->name);
            say_quoted(out, group == NULL ? command->summary : group->summary);
            (void)fputc('\n', out);
        }
        if (group != NULL) {
            (void)fprintf(out, "complete -c protobase -n '__protobase_needs_verb %s' -a %s -d ",
                          group->name, docs_verb(command));
            say_quoted(out, command->summary);
            (void)fputc('\n', out);
        }
        say_command(out, command);
    }
}
