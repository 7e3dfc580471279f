/* cli_case.h - the real program, run in a folder of its own, and what it said.
 *
 *     cli_case run;
 *     cli_case_begin(&run);
 *     CLI(&run, "--data", "d", "put", "people", "7", "{}");
 *     assert_int_equal(run.exit_code, 0);
 *     cli_case_end(&run);
 *
 * The program is bin/protobase of the build tree that the test itself lies in. */
#ifndef PBASE_TEST_CLI_CASE_H
#define PBASE_TEST_CLI_CASE_H
#include "temp_dir.h"

#include <protobase/base/value.h>

#include <stddef.h>
#include <sys/types.h>

typedef struct {
    temp_dir dir;       /* the working folder of every run */
    const char *input;  /* standard input of the next run; NULL: nothing to read */
    const char *output; /* a file that takes the next run's standard output; NULL: `out` does */
    int exit_code;      /* of the last run; 128 + number when a signal ended it */
    char *out, *err;    /* what it wrote, ended by NUL; until the next run */
    size_t out_size;
    long memory_peak_kib;
    pbase_arena arena; /* of what cli_case_json parsed */
} cli_case;

void cli_case_begin(cli_case *self);
void cli_case_end(cli_case *self);
/* Arguments behind the program's name, ended by NULL. */
void cli_case_run(cli_case *self, const char *const *arguments);
#define CLI(self, ...) cli_case_run((self), (const char *const[]){__VA_ARGS__, NULL})

/* Frees out and err. */
void cli_case_forget(cli_case *self);

/* The same in the background; cli_case_wait ends it and fills exit_code, out and err. */
pid_t cli_case_start(cli_case *self, const char *const *arguments);
void cli_case_wait(cli_case *self, pid_t child);

/* Makes a file in the working folder; reads one. The latter is lent until the test ends. */
void cli_case_write(cli_case *self, const char *name, const char *text);
const char *cli_case_read(cli_case *self, const char *name);

/* Standard output or error as JSON, which it must be; lent until the test ends. */
pbase_value cli_case_json(cli_case *self, const char *text);
/* The text of a member, on the way given by `names`, ended by NULL. */
const char *cli_case_member(cli_case *self, const char *text, const char *const *names);

/* The last run ended with `exit_code`, and said `words` on standard error ("" asks for nothing). */
void cli_case_expect(const cli_case *self, int exit_code, const char *words);
/* It ended well and wrote exactly `text` on standard output. */
void cli_case_expect_out(const cli_case *self, const char *text);

#endif
