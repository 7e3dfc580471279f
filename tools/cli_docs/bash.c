/* bash.c - completion for bash 4 and newer; needs no bash-completion package. */
#include "cli_docs.h"

#include <string.h>

/* The part that does not depend on the table: it walks the words and asks the functions above. */
static const char walk[] =
    "# Asks the program on the same space as the line says; never waits for a terminal.\n"
    "_protobase_ask() {\n"
    "    \"${COMP_WORDS[0]}\" \"${globals[@]}\" \"$@\" 2>/dev/null </dev/null\n"
    "}\n"
    "\n"
    "# Fills COMPREPLY with what stands for the type $1 (a type, or words=a|b).\n"
    "_protobase_offer() {\n"
    "    local line IFS=$'\\n'\n"
    "    case $1 in\n"
    "    words=*) COMPREPLY=($(compgen -W \"${1#words=}\" -- \"$cur\")) ;;\n"
    "    file)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "        ;;\n"
    "    folder)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        COMPREPLY=($(compgen -d -- \"$cur\"))\n"
    "        ;;\n"
    "    collection | database | component)\n"
    "        while read -r line; do\n"
    "            [[ $line != \"$cur\"* ]] || COMPREPLY+=(\"$(printf %q \"$line\")\")\n"
    "        done < <(case $1 in\n"
    "            collection) _protobase_ask roots --names ;;\n"
    "            database) _protobase_ask databases list --names ;;\n"
    "            component) _protobase_ask plugins list --names ;;\n"
    "        esac)\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_protobase() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} word command='' type='' operand=0 i\n"
    "    local globals=() only_operands=\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ -z $command && $word == -* ]]; then\n"
    "            type=$(_protobase_value '' \"$word\")\n"
    "            if [[ -z $type ]]; then\n"
    "                [[ $word == --json || $word == --help ]] || globals+=(\"$word\")\n"
    "            elif ((i + 1 == COMP_CWORD)); then\n"
    "                _protobase_offer \"$type\"\n"
    "                return\n"
    "            else\n"
    "                globals+=(\"$word\" \"${COMP_WORDS[++i]}\")\n"
    "            fi\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$word\n"
    "            if [[ -n $(_protobase_verbs \"$command\") ]]; then\n"
    "                if ((i + 1 == COMP_CWORD)); then\n"
    "                    _protobase_offer \"words=$(_protobase_verbs \"$command\")\"\n"
    "                    return\n"
    "                fi\n"
    "                command+=\" ${COMP_WORDS[++i]}\"\n"
    "            fi\n"
    "        elif [[ $word == -- ]]; then\n"
    "            only_operands=1\n"
    "        elif [[ -z $only_operands && $word == --* ]]; then\n"
    "            type=$(_protobase_value \"$command\" \"$word\")\n"
    "            if [[ -n $type ]] && ((++i == COMP_CWORD)); then\n"
    "                _protobase_offer \"$type\"\n"
    "                return\n"
    "            fi\n"
    "        else\n"
    "            ((++operand))\n"
    "        fi\n"
    "    done\n"
    "    if [[ -z $only_operands && $cur == -* ]]; then\n"
    "        _protobase_offer \"words=$(_protobase_options \"$command\")\"\n"
    "    elif [[ -z $command ]]; then\n"
    "        _protobase_offer \"words=$(_protobase_commands)\"\n"
    "    else\n"
    "        _protobase_offer \"$(_protobase_operand \"$command\" \"$operand\")\"\n"
    "    fi\n"
    "}\n"
    "complete -F _protobase protobase\n";

/* "words=a b", "file", ...; nothing for text. */
static void say_type(FILE *out, cli_word_type type, const char *words)
{
    static const char *const names[] = {
        [CLI_FLAG] = "",
        [CLI_TEXT] = "text",
        [CLI_WORD] = "",
        [CLI_FILE] = "file",
        [CLI_FOLDER] = "folder",
        [CLI_COLLECTION] = "collection",
        [CLI_DATABASE] = "database",
        [CLI_COMPONENT] = "component",
    };
    if (type != CLI_WORD) {
        (void)fputs(names[type], out);
        return;
    }
    (void)fputs("'words=", out);
    for (const char *at = words; *at != '\0'; at++) {
        (void)(*at == '|' ? fputs("'$'\\n''", out) : fputc(*at, out));
    }
    (void)fputc('\'', out);
}

static void say_value_arms(FILE *out, const char *command, const cli_option *options, size_t count)
{
    for (size_t i = 0; i < count && options[i].name != NULL; i++) {
        if (options[i].value != NULL) {
            (void)fprintf(out, "    '%s:%s') echo ", command, options[i].name);
            say_type(out, options[i].type, options[i].value);
            (void)fputs(" ;;\n", out);
        }
    }
}

static void say_values(FILE *out)
{
    (void)fputs("# What follows option $2 of command $1; nothing for a flag.\n"
                "_protobase_value() {\n    case $1:$2 in\n",
                out);
    say_value_arms(out, "", cli_global_options, cli_global_option_count);
    for (size_t i = 0; i < cli_command_count; i++) {
        say_value_arms(out, cli_commands[i].name, cli_commands[i].options, CLI_OPTIONS_MAX);
    }
    (void)fputs("    esac\n}\n\n", out);
}

static void say_options(FILE *out)
{
    (void)fputs("# The options of command $1, one a line.\n"
                "_protobase_options() {\n    case $1 in\n    '') printf '%s\\n'",
                out);
    for (size_t i = 0; i < cli_global_option_count; i++) {
        (void)fprintf(out, " %s", cli_global_options[i].name);
    }
    (void)fputs(" ;;\n", out);
    for (size_t i = 0; i < cli_command_count; i++) {
        (void)fprintf(out, "    '%s') printf '%%s\\n'", cli_commands[i].name);
        for (const cli_option *option = cli_commands[i].options; option->name != NULL; option++) {
            (void)fprintf(out, " %s", option->name);
        }
        (void)fputs(" --json --help ;;\n", out);
    }
    (void)fputs("    esac\n}\n\n", out);
}

static void say_operands(FILE *out)
{
    (void)fputs("# What the operand at position $2 of command $1 stands for.\n"
                "_protobase_operand() {\n    case $1:$2 in\n",
                out);
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_operand *words = cli_commands[i].operands;
        for (size_t j = 0; words[j].name != NULL; j++) {
            (void)fprintf(out, "    '%s:%zu') echo ", cli_commands[i].name, j);
            say_type(out, words[j].type, words[j].name);
            (void)fputs(" ;;\n", out);
        }
    }
    (void)fputs("    esac\n}\n\n", out);
}

static void say_commands(FILE *out)
{
    (void)fputs("_protobase_commands() {\n    printf '%s\\n'", out);
    for (size_t i = 0; i < cli_command_count; i++) {
        if (i == 0 || !docs_same_word(&cli_commands[i - 1], &cli_commands[i])) {
            (void)fprintf(out, " %.*s", (int)cli_command_first_word(&cli_commands[i]),
                          cli_commands[i].name);
        }
    }
    (void)fputs("\n}\n\n# The second words of the first word $1; nothing when it takes none.\n"
                "_protobase_verbs() {\n    case $1 in\n",
                out);
    for (size_t i = 0; i < cli_group_count; i++) {
        (void)fprintf(out, "    %s) printf '%%s\\n'", cli_groups[i].name);
        for (size_t j = 0; j < cli_command_count; j++) {
            if (docs_group(&cli_commands[j]) == &cli_groups[i]) {
                (void)fprintf(out, " %s", docs_verb(&cli_commands[j]));
            }
        }
        (void)fputs(" ;;\n", out);
    }
    (void)fputs("    esac\n}\n\n", out);
}

void bash_completion(FILE *out)
{
    (void)fputs(
        "# Completion of protobase for bash. Made by tools/cli_docs from the command table.\n\n",
        out);
    say_commands(out);
    say_options(out);
    say_values(out);
    say_operands(out);
    (void)fputs(walk, out);
}
