/* command_line.c - parsing against the command table. */
#include "command_line.h"
#include "help.h"

#include <string.h>

static pbase_status add_to(const char **list, size_t *count, const char *value, const char *name,
                           pbase_error *err)
{
    if (*count == COMMAND_LINE_LIST_MAX) {
        return cli_usage(err, "%s is given more than %u times", name, COMMAND_LINE_LIST_MAX);
    }
    list[(*count)++] = value;
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------- global options -- */

static pbase_status take_global(command_line *self, size_t index, const char *value,
                                pbase_error *err)
{
    const char *name = cli_global_options[index].name;
    self->globals[index] = value;
    return index == GLOBAL_SET ? add_to(self->sets, &self->set_count, value, name, err)
           : index == GLOBAL_PLUGIN_DIR
               ? add_to(self->plugin_dirs, &self->plugin_dir_count, value, name, err)
               : PBASE_OK;
}

/* The position of a global option; the count when there is none. */
static size_t find_global(const char *name)
{
    size_t i = 0;
    while (i < cli_global_option_count && strcmp(cli_global_options[i].name, name) != 0) {
        i++;
    }
    return i < cli_global_option_count || strcmp(name, "-h") != 0 ? i : GLOBAL_HELP;
}

static bool is_global_flag(size_t index)
{
    return index < cli_global_option_count && cli_global_options[index].value == NULL;
}

static pbase_status parse_globals(command_line *self, int argc, char **argv, int *at,
                                  pbase_error *err)
{
    for (; *at < argc && argv[*at][0] == '-' && argv[*at][1] != '\0'; ++*at) {
        const char *name = argv[*at];
        size_t index = find_global(name);
        bool is_flag = is_global_flag(index);
        if (index == cli_global_option_count) {
            return cli_usage(err, "unknown global option '%s'", name);
        }
        if (!is_flag && *at + 1 == argc) {
            return cli_usage(err, "%s needs a value: %s %s", name, name,
                             cli_global_options[index].value);
        }
        pbase_status status = take_global(self, index, is_flag ? "" : argv[++*at], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    int places = (self->globals[GLOBAL_CONFIG] != NULL) + (self->globals[GLOBAL_DATA] != NULL) +
                 (self->globals[GLOBAL_MEMORY] != NULL);
    return places > 1 ? cli_usage(err, "give only one of --config, --data and --memory") : PBASE_OK;
}

/* ------------------------------------------------------------------------- name of a command -- */

static const cli_command *find_command(const char *first, const char *second)
{
    size_t length = strlen(first);
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        const char *rest = name + length;
        if (strncmp(name, first, length) == 0 &&
            (second == NULL ? *rest == '\0' : *rest == ' ' && strcmp(rest + 1, second) == 0)) {
            return &cli_commands[i];
        }
    }
    return NULL;
}

static pbase_status no_such_verb(const cli_group *group, const char *word, pbase_error *err)
{
    char verbs[200] = "";
    size_t length = strlen(group->name);
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        if (strncmp(name, group->name, length) == 0 && name[length] == ' ') {
            size_t used = strlen(verbs);
            (void)snprintf(verbs + used, sizeof verbs - used, "%s%s", used == 0 ? "" : " | ",
                           name + length + 1);
        }
    }
    return word == NULL ? cli_usage(err, "usage: protobase %s %s", group->name, verbs)
                        : cli_usage(err, "'%s' has no command '%s'; usage: protobase %s %s",
                                    group->name, word, group->name, verbs);
}

/* The command that begins at `at`, which moves past its name. A group alone, or with an option,
 * is its default verb. */
static pbase_status take_command(command_line *self, int argc, char **argv, int *at,
                                 pbase_error *err)
{
    const char *first = argv[(*at)++];
    const char *second = *at < argc && argv[*at][0] != '-' ? argv[*at] : NULL;
    self->group = cli_group_find(first);
    if (self->group == NULL) {
        self->command = find_command(first, NULL);
        return self->command != NULL ? PBASE_OK : cli_usage(err, "there is no command '%s'", first);
    }
    if (second == NULL) {
        self->command = self->group->default_verb == NULL
                            ? NULL
                            : find_command(first, self->group->default_verb);
        return PBASE_OK;
    }
    self->command = find_command(first, second);
    self->verb_given = true;
    ++*at;
    return self->command != NULL ? PBASE_OK : no_such_verb(self->group, second, err);
}

/* ------------------------------------------------------------------------ command's arguments -- */

/* Whether `word` is one of "a|b|c". */
static bool is_one_of(const char *word, const char *words)
{
    size_t length = strlen(word);
    for (const char *at = words; *at != '\0'; at += strcspn(at, "|") + (strchr(at, '|') != NULL)) {
        if (strcspn(at, "|") == length && strncmp(at, word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* "a, b or c" of "a|b|c". */
static void spell_words(const char *words, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const char *at = words; *at != '\0' && used + 40 < size;) {
        size_t length = strcspn(at, "|");
        const char *rest = at + length + (at[length] == '|');
        used += (size_t)snprintf(out + used, size - used, "%s%.*s",
                                 at == words          ? ""
                                 : at[length] == '\0' ? " or "
                                                      : ", ",
                                 (int)length, at);
        at = rest;
    }
}

static pbase_status take_value(command_line *self, const cli_option *option, size_t index,
                               const char *value, pbase_error *err)
{
    if (option->type == CLI_WORD && !is_one_of(value, option->value)) {
        char words[200];
        spell_words(option->value, words, sizeof words);
        return cli_usage(err, "%s is %s, not '%s'", option->name, words, value);
    }
    self->values[index] = value;
    return option->repeats ? add_to(self->repeats, &self->repeat_count, value, option->name, err)
                           : PBASE_OK;
}

/* An option of the command, or one of the global flags that may also come after it. */
static pbase_status take_option(command_line *self, int argc, char **argv, int *at,
                                pbase_error *err)
{
    const char *name = argv[*at];
    const cli_option *options = self->command == NULL ? NULL : self->command->options;
    for (size_t i = 0; options != NULL && options[i].name != NULL; i++) {
        if (strcmp(options[i].name, name) != 0) {
            continue;
        }
        if (options[i].value == NULL) {
            self->values[i] = "";
            return PBASE_OK;
        }
        return *at + 1 < argc
                   ? take_value(self, &options[i], i, argv[++*at], err)
                   : cli_usage(err, "%s needs a value: %s %s", name, name, options[i].value);
    }
    size_t global = find_global(name);
    return is_global_flag(global)
               ? take_global(self, global, "", err)
               : cli_usage(err, "'%s' has no option '%s'",
                           self->command == NULL ? self->group->name : self->command->name, name);
}

static pbase_status check_operands(const command_line *self, pbase_error *err)
{
    size_t min, max;
    char words[200];
    if (self->command == NULL) {
        return no_such_verb(self->group, NULL, err);
    }
    cli_command_operand_range(self->command, &min, &max);
    if (self->operand_count < min || self->operand_count > max) {
        cli_command_usage(self->command, words, sizeof words);
        return cli_usage(err, "usage: protobase %s%s%s", self->command->name,
                         words[0] == '\0' ? "" : " ", words);
    }
    return PBASE_OK;
}

pbase_status command_line_parse(command_line *self, int argc, char **argv, pbase_error *err)
{
    int at = 1;
    bool only_operands = false;
    memset(self, 0, sizeof *self);
    pbase_status status = parse_globals(self, argc, argv, &at, err);
    if (status != PBASE_OK || at == argc) {
        return status;
    }
    status = take_command(self, argc, argv, &at, err);
    for (; at < argc && status == PBASE_OK; at++) {
        if (!only_operands && strcmp(argv[at], "--") == 0) {
            only_operands = true;
        } else if (!only_operands &&
                   (strncmp(argv[at], "--", 2) == 0 || strcmp(argv[at], "-h") == 0)) {
            status = take_option(self, argc, argv, &at, err);
        } else {
            status = add_to(self->operands, &self->operand_count, argv[at],
                            self->command == NULL ? self->group->name : self->command->name, err);
        }
    }
    bool is_told = self->globals[GLOBAL_HELP] != NULL || self->globals[GLOBAL_VERSION] != NULL;
    return status == PBASE_OK && !is_told ? check_operands(self, err) : status;
}

cli_arguments command_line_arguments(const command_line *self)
{
    return (cli_arguments){.operands = self->operands,
                           .operand_count = self->operand_count,
                           .values = self->values,
                           .repeats = self->repeats,
                           .repeat_count = self->repeat_count};
}

void command_line_help(const command_line *self, FILE *out)
{
    if (self->command == NULL && self->group == NULL) {
        help_of_program(out);
    } else if (self->group != NULL && !self->verb_given) {
        help_of_group(self->group, out);
    } else {
        help_of_command(self->command, out);
    }
}
