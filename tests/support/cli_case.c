/* cli_case.c - starting the program with files for its three streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"
#include "json_value.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 40u

static void program_path(char out[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(size > 0);
    self[size] = '\0';
    assert_true(snprintf(out, PATH_MAX, "%s/../bin/protobase", dirname(self)) < PATH_MAX);
}

void cli_case_begin(cli_case *self)
{
    memset(self, 0, sizeof *self);
    temp_dir_create(&self->dir);
    pbase_arena_init(&self->arena, pbase_alloc_default());
}

void cli_case_forget(cli_case *self)
{
    free(self->out);
    free(self->err);
    self->out = self->err = NULL;
}

void cli_case_end(cli_case *self)
{
    cli_case_forget(self);
    pbase_arena_fini(&self->arena);
    temp_dir_remove(&self->dir);
}

void cli_case_write(cli_case *self, const char *name, const char *text)
{
    FILE *file = fopen(temp_dir_path(&self->dir, name), "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    char *text = malloc(size + 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, size, file), size);
    (void)fclose(file); /* only read from */
    text[size] = '\0';
    *out_size = size;
    return text;
}

const char *cli_case_read(cli_case *self, const char *name)
{
    size_t size = 0;
    char *text = read_file(temp_dir_path(&self->dir, name), &size);
    const char *kept = pbase_arena_text(&self->arena, pbase_bytes_of(text, size));
    free(text);
    assert_non_null(kept);
    return kept;
}

/* In the child: never returns. */
static void run_child(const cli_case *self, const char *program, const char *const *arguments)
{
    char name[] = "protobase", *argv[ARGUMENTS_MAX] = {name};
    size_t count = 0;
    while (arguments[count] != NULL && count + 2 < ARGUMENTS_MAX) {
        count++;
    }
    memcpy(argv + 1, arguments, count * sizeof argv[0]); /* execv changes none of them */
    const char *output = self->output == NULL ? ".stdout" : self->output;
    bool ready = chdir(self->dir.path) == 0 &&
                 dup2(open(self->input == NULL ? "/dev/null" : ".stdin", O_RDONLY), 0) == 0 &&
                 dup2(open(output, O_WRONLY | O_CREAT, 0600), 1) == 1 &&
                 dup2(open(".stderr", O_WRONLY | O_CREAT, 0600), 2) == 2;
    if (ready) {
        (void)execv(program, argv);
    }
    _exit(127);
}

pid_t cli_case_start(cli_case *self, const char *const *arguments)
{
    char program[PATH_MAX];
    program_path(program);
    cli_case_forget(self);
    if (self->input != NULL) {
        cli_case_write(self, ".stdin", self->input);
    }
    cli_case_write(self, ".stdout", "");
    cli_case_write(self, ".stderr", "");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_child(self, program, arguments);
    }
    return child;
}

void cli_case_wait(cli_case *self, pid_t child)
{
    struct rusage usage;
    size_t size = 0;
    int status = 0;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    self->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    self->memory_peak_kib = usage.ru_maxrss;
    self->out = read_file(temp_dir_path(&self->dir, ".stdout"), &self->out_size);
    self->err = read_file(temp_dir_path(&self->dir, ".stderr"), &size);
    self->input = self->output = NULL;
}

void cli_case_run(cli_case *self, const char *const *arguments)
{
    cli_case_wait(self, cli_case_start(self, arguments));
}

pbase_value cli_case_json(cli_case *self, const char *text)
{
    return json_value(text, &self->arena);
}

const char *cli_case_member(cli_case *self, const char *text, const char *const *names)
{
    pbase_value value = cli_case_json(self, text);
    const pbase_value *at = &value;
    for (; *names != NULL; names++) {
        assert_int_equal(at->kind, PBASE_MAP);
        at = pbase_value_field(at, pbase_bytes_text(*names));
        assert_non_null(at);
    }
    return at->kind == PBASE_STRING ? pbase_arena_text(&self->arena, at->as.string)
                                    : json_text(at, &self->arena);
}

void cli_case_expect(const cli_case *self, int exit_code, const char *words)
{
    if (self->exit_code != exit_code || strstr(self->err, words) == NULL) {
        fail_msg("exit code %d, expected %d with '%s'; it said:\n%s%s", self->exit_code, exit_code,
                 words, self->out, self->err);
    }
}

void cli_case_expect_out(const cli_case *self, const char *text)
{
    cli_case_expect(self, 0, "");
    assert_string_equal(self->out, text);
}
