/* Errors: what is filled, cut, noted, and how an assertion ends the process. */
#include <errno.h>
#include <protobase/base/bytes.h>
#include <protobase/base/error.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* after setjmp.h */
#include <cmocka.h>

static void fail_fills_code_place_and_message(void **state)
{
    (void)state;
    pbase_error err;
    memset(&err, 0xff, sizeof err);
    uint32_t line = (uint32_t)__LINE__ + 1;
    pbase_status status = PBASE_FAIL(&err, PBASE_LIMIT, "key of %d bytes", 70000);
    assert_int_equal(status, PBASE_LIMIT);
    assert_int_equal(err.code, PBASE_LIMIT);
    assert_int_equal(err.outcome, PBASE_OUTCOME_NOT_APPLIED);
    assert_int_equal(err.system_errno, 0);
    assert_int_equal(err.line, line);
    assert_non_null(strstr(err.file, "test_error.c"));
    assert_string_equal(err.function, __func__);
    assert_string_equal(err.message, "key of 70000 bytes");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.where, "");
}

static void fail_without_an_error_yields_the_code(void **state)
{
    (void)state;
    pbase_status status = PBASE_FAIL(NULL, PBASE_BUSY, "nobody reads this");
    assert_int_equal(status, PBASE_BUSY);
    assert_int_equal(PBASE_FAIL_ERRNO(NULL, ENOSPC, "nor this"), PBASE_NO_SPACE);
    pbase_error_init(NULL);
    pbase_error_note(NULL, "a");
    pbase_error_hint(NULL, "b");
    pbase_error_where(NULL, "c");
}

static void unknown_has_an_unknown_outcome(void **state)
{
    (void)state;
    pbase_error err;
    (void)PBASE_FAIL(&err, PBASE_UNKNOWN,
                     "the peer went away"); /* only the struct is of interest */
    assert_int_equal(err.outcome, PBASE_OUTCOME_UNKNOWN);
}

static void fail_may_quote_the_error_it_replaces(void **state)
{
    (void)state;
    pbase_error err;
    (void)PBASE_FAIL(&err, PBASE_IO, "the cause"); /* only the struct is of interest */
    pbase_status status = PBASE_FAIL(&err, PBASE_PLUGIN, "wrapped: %s", err.message);
    assert_int_equal(status, PBASE_PLUGIN);
    assert_string_equal(err.message, "wrapped: the cause");
}

static void errno_chooses_the_code_and_adds_its_text(void **state)
{
    (void)state;
    static const struct {
        int number;
        pbase_status code;
    } cases[] = {
        {ENOSPC, PBASE_NO_SPACE}, {EDQUOT, PBASE_NO_SPACE},  {EACCES, PBASE_AUTH},
        {EPERM, PBASE_AUTH},      {ENOENT, PBASE_NOT_FOUND}, {EEXIST, PBASE_EXISTS},
        {EROFS, PBASE_READ_ONLY}, {ENOMEM, PBASE_NO_MEMORY}, {EIO, PBASE_IO},
        {EINVAL, PBASE_IO},       {99999, PBASE_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbase_error err;
        pbase_status status = PBASE_FAIL_ERRNO(&err, cases[i].number, "reading '%s'", "x");
        assert_int_equal(status, cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.system_errno, cases[i].number);
        assert_memory_equal(err.message, "reading 'x': ", 13);
        assert_true(strlen(err.message) > 13);
    }
}

static void errno_text_that_does_not_fit_is_left_out(void **state)
{
    (void)state;
    pbase_error err;
    char path[sizeof err.message - 4];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    (void)PBASE_FAIL_ERRNO(&err, EIO, "%s", path); /* only the struct is of interest */
    assert_string_equal(err.message, path);
}

static void long_message_is_cut_at_a_character_border(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t kind = 0; kind < 4; kind++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[1024] = "";
            memset(text, '.', shift);
            while (strlen(text) < 600) {
                strcat(text, characters[kind]);
            }
            pbase_error err;
            (void)PBASE_FAIL(&err, PBASE_INVALID, "%s", text); /* only the struct is of interest */
            pbase_error_hint(&err, "%s", text);
            pbase_error_where(&err, "%s", text);
            size_t size = strlen(err.message);
            assert_true(size < sizeof err.message);
            assert_true(size + strlen(characters[kind]) >= sizeof err.message);
            assert_memory_equal(err.message, text, size);
            assert_true(pbase_utf8_valid(pbase_bytes_text(err.message)));
            assert_true(pbase_utf8_valid(pbase_bytes_text(err.hint)));
            assert_true(pbase_utf8_valid(pbase_bytes_text(err.where)));
        }
    }
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
    (void)state;
    pbase_error err;
    (void)PBASE_FAIL(&err, PBASE_INVALID, "key '%s'", "a\xff\xc3z\xed\xa0\x80"); /* the struct */
    assert_string_equal(err.message, "key 'a?\?z?\?\?'");
}

static void note_puts_the_context_before(void **state)
{
    (void)state;
    pbase_error err;
    (void)PBASE_FAIL(&err, PBASE_CORRUPT, "the sum differs"); /* only the struct is of interest */
    pbase_error_note(&err, "reading segment %d", 7);
    pbase_error_note(&err, "opening space '%s'", "x");
    assert_string_equal(err.message, "opening space 'x': reading segment 7: the sum differs");
    assert_int_equal(err.code, PBASE_CORRUPT);
}

static void note_never_pushes_out_the_cause(void **state)
{
    (void)state;
    pbase_error err;
    (void)PBASE_FAIL(&err, PBASE_CORRUPT, "the sum differs"); /* only the struct is of interest */
    for (int i = 0; i < 100; i++) {
        pbase_error_note(&err, "\xe2\x82\xac in field '%d'", i);
    }
    size_t size = strlen(err.message);
    assert_true(size < sizeof err.message);
    assert_true(pbase_utf8_valid(pbase_bytes_text(err.message)));
    assert_string_equal(err.message + size - strlen("the sum differs"), "the sum differs");
}

static void hint_and_where_replace_what_was_there(void **state)
{
    (void)state;
    pbase_error err;
    pbase_error_init(&err);
    pbase_error_hint(&err, "first");
    pbase_error_hint(&err, "second %d", 2);
    pbase_error_where(&err, "%s:%d:%d", "app.yaml", 9, 7);
    assert_string_equal(err.hint, "second 2");
    assert_string_equal(err.where, "app.yaml:9:7");
    assert_int_equal(err.code, PBASE_OK);
}

static void unknown_code_reads_internal(void **state)
{
    (void)state;
    assert_string_equal(pbase_status_name(PBASE_OK), "OK");
    assert_string_equal(pbase_status_name(PBASE_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(pbase_status_name(PBASE_INTERNAL), "INTERNAL");
    assert_string_equal(pbase_status_name(77), "INTERNAL");
    assert_string_equal(pbase_status_name(-1), "INTERNAL");
}

static void failed_assertion_prints_one_line_and_aborts(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* the test library's own handler must not interfere */
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        PBASE_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    (void)close(ends[1]);
    char said[256];
    ssize_t size = read(ends[0], said, sizeof said - 1);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_true(size > 0);
    said[size] = '\0';
    assert_non_null(strstr(said, "test_error.c"));
    assert_non_null(strstr(said, "assertion failed: 1 + 1 == 3\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_fills_code_place_and_message),
        cmocka_unit_test(fail_without_an_error_yields_the_code),
        cmocka_unit_test(unknown_has_an_unknown_outcome),
        cmocka_unit_test(fail_may_quote_the_error_it_replaces),
        cmocka_unit_test(errno_chooses_the_code_and_adds_its_text),
        cmocka_unit_test(errno_text_that_does_not_fit_is_left_out),
        cmocka_unit_test(long_message_is_cut_at_a_character_border),
        cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
        cmocka_unit_test(note_puts_the_context_before),
        cmocka_unit_test(note_never_pushes_out_the_cause),
        cmocka_unit_test(hint_and_where_replace_what_was_there),
        cmocka_unit_test(unknown_code_reads_internal),
        cmocka_unit_test(failed_assertion_prints_one_line_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
