/* main.c - the program `protobase`: global options, one command, its exit code. */
#include "command_line.h"
#include "signals.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

/* The place of the data: what was given, or what lies in the working folder. */
static void choose_place(cli *self, const command_line *line)
{
    pbase_config_source *source = &self->source;
    source->sets = line->sets;
    source->set_count = line->set_count;
    source->plugin_dirs = line->plugin_dirs;
    source->plugin_dir_count = line->plugin_dir_count;
    source->memory = line->globals[GLOBAL_MEMORY] != NULL;
    source->file = line->globals[GLOBAL_CONFIG];
    source->data = line->globals[GLOBAL_DATA];
    if (source->file == NULL && source->data == NULL && source->memory == 0) {
        if (access("protobase.yaml", F_OK) == 0) {
            source->file = "protobase.yaml";
        } else {
            source->data = "./protobase-data";
        }
    }
}

static pbase_status run_command(cli *self, const command_line *line, pbase_error *err)
{
    const char *database = line->globals[GLOBAL_DATABASE];
    self->database_name = database == NULL ? "main" : database;
    self->database_given = database != NULL;
    choose_place(self, line);
    cli_arguments arguments = command_line_arguments(line);
    return line->command->run(self, &arguments, err);
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

static pbase_status run(cli *self, command_line *line, int argc, char **argv, pbase_error *err)
{
    pbase_status status = command_line_parse(line, argc, argv, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (line->globals[GLOBAL_HELP] != NULL) {
        command_line_help(line, stdout);
        return PBASE_OK;
    }
    if (line->globals[GLOBAL_VERSION] != NULL) {
        return cli_print(err, "protobase %s\n", pbase_version());
    }
    return line->command == NULL ? cli_usage(err, "which command? `protobase --help` lists them")
                                 : run_command(self, line, err);
}

int main(int argc, char **argv)
{
    cli self;
    command_line line;
    pbase_error err;
    memset(&self, 0, sizeof self);
    pbase_error_init(&err);
    self.source = (pbase_config_source)PBASE_CONFIG_SOURCE_INIT;
    self.json = wants_json(argc, argv);
    self.call = (pbase_call){.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &signals_cancelled};
    pbase_arena_init(&self.arena, pbase_alloc_default());
    signals_install();
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* text is UTF-8: tables count its columns */
    pbase_status status = flush_output(run(&self, &line, argc, argv, &err), &err);
    pbase_database_close(self.database);
    pbase_space_close(self.space);
    pbase_arena_fini(&self.arena);
    if (status != PBASE_OK) {
        cli_report(&self, status, &err);
    }
    return cli_exit_code(status, &err);
}
