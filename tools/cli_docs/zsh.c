/* zsh.c - completion for zsh 5, with _arguments. */
#include "cli_docs.h"

#include <string.h>

static const char asking[] =
    "# Asks the program on the same space as the line says.\n"
    "_protobase_ask() {\n"
    "    local what=$1 lines\n"
    "    shift\n"
    "    lines=(${(f)\"$(_call_program $what ${(q)words_before[1]} ${(q)globals[@]} \"$@\" "
    "2>/dev/null)\"})\n"
    "    compadd -a lines\n"
    "}\n"
    "_protobase_collections() { _protobase_ask collections roots --names }\n"
    "_protobase_databases() { _protobase_ask databases databases list --names }\n"
    "_protobase_components() { _protobase_ask components plugins list --names }\n"
    "\n";

static const char walk[] = "_protobase() {\n"
                           "    local context state state_descr line\n"
                           "    typeset -A opt_args\n"
                           "    local -a words_before globals\n"
                           "    words_before=($words)\n"
                           "    _arguments -C \\\n";

static const char dispatch[] =
    "        '1:command:_protobase_commands' '*::argument:->arguments'\n"
    "    local option\n"
    "    for option in --config --data --database; do\n"
    "        (( $+opt_args[$option] )) && globals+=($option ${(Q)opt_args[$option]})\n"
    "    done\n"
    "    (( $+opt_args[--memory] )) && globals+=(--memory)\n"
    "    [[ $state == arguments ]] || return\n"
    "    local function=_protobase_command_${words[1]//-/_}\n"
    "    (( $+functions[$function] )) && $function\n"
    "}\n"
    "\n"
    "if [[ $funcstack[1] == _protobase ]]; then\n"
    "    _protobase \"$@\"\n"
    "else\n"
    "    compdef _protobase protobase\n"
    "fi\n";

/* Inside single quotes, as _arguments and _describe take it. */
static void say_spec(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputs("'\\''", out);
        } else if (strchr(":[]\\", *text) != NULL) {
            (void)fprintf(out, "\\%c", *text);
        } else {
            (void)fputc(*text, out);
        }
    }
}

/* ":message:action" */
static void say_type(FILE *out, cli_word_type type, const char *name)
{
    static const char *const actions[] = {
        [CLI_FLAG] = " ",
        [CLI_TEXT] = " ",
        [CLI_WORD] = "",
        [CLI_FILE] = "_files",
        [CLI_FOLDER] = "_files -/",
        [CLI_COLLECTION] = "_protobase_collections",
        [CLI_DATABASE] = "_protobase_databases",
        [CLI_COMPONENT] = "_protobase_components",
    };
    (void)fputc(':', out);
    say_spec(out, type == CLI_WORD ? "word" : name);
    (void)fprintf(out, ":%s", actions[type]);
    if (type == CLI_WORD) {
        (void)fputc('(', out);
        for (; *name != '\0'; name++) {
            (void)fputc(*name == '|' ? ' ' : *name, out);
        }
        (void)fputc(')', out);
    }
}

static void say_option(FILE *out, const cli_option *option)
{
    (void)fprintf(out, "        '%s%s[", option->repeats ? "*" : "", option->name);
    say_spec(out, option->doc);
    (void)fputc(']', out);
    if (option->value != NULL) {
        say_type(out, option->type, option->value);
    }
    (void)fputc('\'', out);
}

static void say_command_arguments(FILE *out, const cli_command *command)
{
    (void)fputs("_arguments \\\n", out);
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        say_option(out, option);
        (void)fputs(" \\\n", out);
    }
    say_option(out, &cli_global_options[GLOBAL_JSON]);
    (void)fputs(" \\\n", out);
    say_option(out, &cli_global_options[GLOBAL_HELP]);
    for (size_t i = 0; command->operands[i].name != NULL; i++) {
        (void)fprintf(out, " \\\n        '%zu%s", i + 1,
                      command->operands[i].is_optional ? ":" : "");
        say_type(out, command->operands[i].type, command->operands[i].name);
        (void)fputc('\'', out);
    }
    (void)fputc('\n', out);
}

/* name:summary lines of an array. */
static void say_choice(FILE *out, const char *name, size_t length, const char *summary)
{
    (void)fprintf(out, "        '%.*s:", (int)length, name);
    say_spec(out, summary);
    (void)fputs("'\n", out);
}

static void say_commands(FILE *out)
{
    (void)fputs("_protobase_commands() {\n    local -a commands\n    commands=(\n", out);
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *command = &cli_commands[i];
        const cli_group *group = docs_group(command);
        if (i == 0 || !docs_same_word(command - 1, command)) {
            say_choice(out, command->name, cli_command_first_word(command),
                       group == NULL ? command->summary : group->summary);
        }
    }
    (void)fputs("    )\n    _describe command commands\n}\n\n", out);
}

static void say_group(FILE *out, const cli_group *group)
{
    (void)fprintf(out,
                  "_protobase_command_%s() {\n"
                  "    if (( CURRENT == 2 )); then\n        local -a verbs\n        verbs=(\n",
                  group->name);
    for (size_t i = 0; i < cli_command_count; i++) {
        if (docs_group(&cli_commands[i]) == group) {
            const char *verb = docs_verb(&cli_commands[i]);
            say_choice(out, verb, strlen(verb), cli_commands[i].summary);
        }
    }
    (void)fputs("        )\n        _describe command verbs\n        return\n    fi\n"
                "    local verb=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
                "    case $verb in\n",
                out);
    for (size_t i = 0; i < cli_command_count; i++) {
        if (docs_group(&cli_commands[i]) == group) {
            (void)fprintf(out, "    %s) ", docs_verb(&cli_commands[i]));
            say_command_arguments(out, &cli_commands[i]);
            (void)fputs("        ;;\n", out);
        }
    }
    (void)fputs("    esac\n}\n\n", out);
}

void zsh_completion(FILE *out)
{
    (void)fputs(
        "#compdef protobase\n"
        "# Completion of protobase for zsh. Made by tools/cli_docs from the command table.\n\n",
        out);
    (void)fputs(asking, out);
    say_commands(out);
    for (size_t i = 0; i < cli_command_count; i++) {
        if (docs_group(&cli_commands[i]) == NULL) {
            (void)fprintf(out, "_protobase_command_%s() {\n    ", cli_commands[i].name);
            say_command_arguments(out, &cli_commands[i]);
            (void)fputs("}\n\n", out);
        }
    }
    for (size_t i = 0; i < cli_group_count; i++) {
        say_group(out, &cli_groups[i]);
    }
    (void)fputs(walk, out);
    for (size_t i = 0; i < cli_global_option_count; i++) {
        say_option(out, &cli_global_options[i]);
        (void)fputs(" \\\n", out);
    }
    (void)fputs(dispatch, out);
}
