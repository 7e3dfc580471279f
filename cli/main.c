/* main.c - the program `protobase`: global options, one command, its exit code. */
#include "cli.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define LIST_MAX 64u

static uint32_t cancelled; /* set by the signal handler; read atomically by the library */

static void cancel(int signal_number)
{
    (void)signal_number;
    __atomic_store_n(&cancelled, 1, __ATOMIC_RELAXED);
}

static void install_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = cancel;
    action.sa_flags = (int)SA_RESETHAND; /* a second Ctrl-C ends the program at once */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write */
}

/* ------------------------------------------------------------------------------------ help ---- */

static void print_global_help(FILE *out)
{
    (void)fputs("protobase - a transactional object database\n\n"
                "usage: protobase [GLOBAL OPTIONS] COMMAND [ARGUMENTS]\n\n"
                "global options:\n"
                "  --config FILE       open the space that a YAML file describes\n"
                "  --data DIR          file storage in a folder, made on first use\n"
                "  --memory            storage in memory, gone at exit\n"
                "  --database NAME     the database to work on (default: main)\n"
                "  --plugin-dir DIR    look for plugins there first; may be given again\n"
                "  --set KEY=VALUE     replace a value of the configuration; may be given again\n"
                "  --json              machine output\n"
                "  --help, --version\n\n"
                "With none of the first three: protobase.yaml if it is there, else\n"
                "--data ./protobase-data.\n\ncommands:\n",
                out);
    for (size_t i = 0; i < cli_command_count; i++) {
        (void)fprintf(out, "  %-18s%s\n", cli_commands[i].name, cli_commands[i].summary);
    }
    (void)fputs("\n`protobase COMMAND --help` tells more about one.\n", out);
}

static void print_command_help(const cli_command *command, FILE *out)
{
    (void)fprintf(out, "usage: protobase %s%s%s%s\n\n%s\n", command->name,
                  command->operands[0] == '\0' ? "" : " ", command->operands,
                  command->options[0].name == NULL ? "" : " [OPTIONS]", command->summary);
    if (command->options[0].name != NULL) {
        (void)fputs("\noptions:\n", out);
    }
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", option->name,
                       option->value == NULL ? "" : option->value);
        (void)fprintf(out, "  %-24s%s\n", left, option->doc);
    }
    (void)fprintf(out, "\nexample:\n  %s\n", command->example);
}

/* ----------------------------------------------------------------------------- global options -- */

typedef struct {
    cli run;
    const char *sets[LIST_MAX];
    const char *plugin_dirs[LIST_MAX];
    const char *config, *data;
    bool memory, help, version;
    int next; /* first argument that is not a global option */
} program;

static pbase_status add_to(const char **list, size_t *count, const char *value, const char *name,
                           pbase_error *err)
{
    if (*count == LIST_MAX) {
        return cli_usage(err, "%s is given more than %u times", name, LIST_MAX);
    }
    list[(*count)++] = value;
    return PBASE_OK;
}

static pbase_status take_value(program *self, const char *name, const char *value, pbase_error *err)
{
    if (strcmp(name, "--config") == 0) {
        self->config = value;
    } else if (strcmp(name, "--data") == 0) {
        self->data = value;
    } else if (strcmp(name, "--database") == 0) {
        self->run.database_name = value;
    } else if (strcmp(name, "--plugin-dir") == 0) {
        return add_to(self->plugin_dirs, &self->run.source.plugin_dir_count, value, name, err);
    } else if (strcmp(name, "--set") == 0) {
        return add_to(self->sets, &self->run.source.set_count, value, name, err);
    } else {
        return cli_usage(err, "unknown global option '%s'", name);
    }
    return PBASE_OK;
}

static bool take_flag(program *self, const char *name)
{
    if (strcmp(name, "--json") == 0) {
        self->run.json = true;
    } else if (strcmp(name, "--memory") == 0) {
        self->memory = true;
    } else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        self->help = true;
    } else if (strcmp(name, "--version") == 0) {
        self->version = true;
    } else {
        return false;
    }
    return true;
}

static pbase_status parse_globals(program *self, int argc, char **argv, pbase_error *err)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (take_flag(self, argv[i])) {
            continue;
        }
        if (i + 1 == argc) {
            return cli_usage(err, "unknown global option '%s', or its value is missing", argv[i]);
        }
        pbase_status status = take_value(self, argv[i], argv[i + 1], err);
        if (status != PBASE_OK) {
            return status;
        }
        i++;
    }
    self->next = i;
    int places = (self->config != NULL) + (self->data != NULL) + self->memory;
    return places > 1 ? cli_usage(err, "give only one of --config, --data and --memory") : PBASE_OK;
}

static void choose_place(program *self)
{
    pbase_config_source *source = &self->run.source;
    source->sets = self->sets;
    source->plugin_dirs = self->plugin_dirs;
    source->memory = self->memory;
    source->file = self->config;
    source->data = self->data;
    if (self->config == NULL && self->data == NULL && !self->memory) {
        if (access("protobase.yaml", F_OK) == 0) {
            source->file = "protobase.yaml";
        } else {
            source->data = "./protobase-data";
        }
    }
}

/* ------------------------------------------------------------------------ command's arguments -- */

static const cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].name, name) == 0) {
            return &cli_commands[i];
        }
    }
    return NULL;
}

typedef struct {
    const char *operands[LIST_MAX];
    size_t operand_count;
    const char *values[CLI_OPTIONS_MAX];
    const char *repeats[LIST_MAX];
    size_t repeat_count;
    bool help;
} typed;

/* An option of the command, or one of the global flags that may also come after it. */
static pbase_status take_option(program *self, const cli_command *command, typed *out, int argc,
                                char **argv, int *at, pbase_error *err)
{
    const char *name = argv[*at];
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        if (strcmp(command->options[i].name, name) != 0) {
            continue;
        }
        if (command->options[i].value == NULL) {
            out->values[i] = "";
        } else if (*at + 1 < argc) {
            out->values[i] = argv[++*at];
        } else {
            return cli_usage(err, "%s needs a value: %s %s", name, name, command->options[i].value);
        }
        return command->options[i].repeats
                   ? add_to(out->repeats, &out->repeat_count, out->values[i], name, err)
                   : PBASE_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        out->help = true;
        return PBASE_OK;
    }
    return take_flag(self, name) ? PBASE_OK
                                 : cli_usage(err, "'%s' has no option '%s'", command->name, name);
}

static pbase_status parse_command(program *self, const cli_command *command, typed *out, int argc,
                                  char **argv, pbase_error *err)
{
    bool only_operands = false;
    for (int i = self->next + 1; i < argc; i++) {
        pbase_status status = PBASE_OK;
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            status = take_option(self, command, out, argc, argv, &i, err);
        } else {
            status = add_to(out->operands, &out->operand_count, argv[i], command->name, err);
        }
        if (status != PBASE_OK) {
            return status;
        }
    }
    if (!out->help &&
        (out->operand_count < command->operand_min || out->operand_count > command->operand_max)) {
        return cli_usage(err, "usage: protobase %s%s%s", command->name,
                         command->operands[0] == '\0' ? "" : " ", command->operands);
    }
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------------- run ---- */

static pbase_status run_command(program *self, int argc, char **argv, pbase_error *err)
{
    typed given;
    memset(&given, 0, sizeof given);
    const cli_command *command = find_command(argv[self->next]);
    if (command == NULL) {
        return cli_usage(err, "there is no command '%s'", argv[self->next]);
    }
    pbase_status status = parse_command(self, command, &given, argc, argv, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (given.help) {
        print_command_help(command, stdout);
        return PBASE_OK;
    }
    choose_place(self);
    cli_arguments arguments = {.operands = given.operands,
                               .operand_count = given.operand_count,
                               .values = given.values,
                               .repeats = given.repeats,
                               .repeat_count = given.repeat_count};
    return command->run(&self->run, &arguments, err);
}

static pbase_status flush_output(pbase_status status, pbase_error *err)
{
    if (fflush(stdout) != 0 && status == PBASE_OK) {
        return PBASE_FAIL(err, PBASE_IO, "cannot write to standard output");
    }
    return status;
}

/* Whether --json is anywhere before a "--": what is wrong before it must be told as JSON too. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

static pbase_status run(program *self, int argc, char **argv, pbase_error *err)
{
    pbase_status status = parse_globals(self, argc, argv, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->help) {
        print_global_help(stdout);
        return PBASE_OK;
    }
    if (self->version) {
        return cli_print(err, "protobase %s\n", pbase_version());
    }
    if (self->next == argc) {
        return cli_usage(err, "which command? `protobase --help` lists them");
    }
    return run_command(self, argc, argv, err);
}

int main(int argc, char **argv)
{
    program self;
    pbase_error err;
    memset(&self, 0, sizeof self);
    pbase_error_init(&err);
    self.run.source = (pbase_config_source)PBASE_CONFIG_SOURCE_INIT;
    self.run.database_name = "main";
    self.run.json = wants_json(argc, argv);
    self.run.call = (pbase_call){.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    pbase_arena_init(&self.run.arena, pbase_alloc_default());
    install_signals();
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* text is UTF-8: tables count its columns */
    pbase_status status = flush_output(run(&self, argc, argv, &err), &err);
    pbase_database_close(self.run.database);
    pbase_space_close(self.run.space);
    pbase_arena_fini(&self.run.arena);
    if (status != PBASE_OK) {
        cli_report(&self.run, status, &err);
    }
    return cli_exit_code(status, &err);
}
