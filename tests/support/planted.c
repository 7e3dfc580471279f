/* planted.c - a child, a pipe for what it says, and its end. */
#include "planted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX ((size_t)1 << 16)

/* In the child: the number of tests that failed is how it ends. */
static void run_harness(void (*harness)(void **state), int out)
{
    const struct CMUnitTest tests[] = {{"planted", harness, NULL, NULL, NULL}};
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)fflush(NULL);
    _exit(failed);
}

/* Keeps what fits, and reads to the end. */
static void read_all(int from, char *said)
{
    char more[4096];
    size_t size = 0;
    ssize_t got = 0;
    while ((got = read(from, more, sizeof more)) > 0) {
        size_t part = (size_t)got < SAID_MAX - 1 - size ? (size_t)got : SAID_MAX - 1 - size;
        memcpy(said + size, more, part);
        size += part;
    }
    said[size] = '\0';
}

void planted_is_found(void (*harness)(void **state), const char *words)
{
    static char said[SAID_MAX];
    int ends[2], status = 0;
    (void)fflush(NULL); /* the child has the same buffers */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        run_harness(harness, ends[1]);
    }
    (void)close(ends[1]);
    read_all(ends[0], said);
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || strstr(said, words) == NULL) {
        fail_msg("what was planted was not found as '%s'; the harness ended with %d and said:\n%s",
                 words, status, said);
    }
}
