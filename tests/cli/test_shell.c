/* test_shell.c - the shell as a script, and on a terminal of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------- scripts -- */

static void make_people(cli_case *run)
{
    run->input =
        "{\"id\":1,\"name\":\"Ada\",\"born\":1815}\n{\"id\":2,\"name\":\"Alan\",\"born\":1912}\n";
    CLI(run, "import", "people", "-", "--key", "id");
    cli_case_expect(run, 0, "");
}

static void a_script_gives_its_rows_and_nothing_else(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    run.input = "-- who was born late\n"
                "\n"
                "from people\n"
                "  | where born > 1900   -- a comment\n"
                "  | select name\n"
                "from people |\n"
                "count\n"
                "from people | where (name = 'Ada'\n"
                "  or name = 'x;y') | select born;\n"
                "from people | count\r\n"
                "from people | order by\n"
                "  born desc | limit 1 | select name";

    CLI(&run, "shell");

    cli_case_expect_out(&run, "{\"name\":\"Alan\"}\n{\"count\":2}\n{\"born\":1815}\n{\"count\":2}\n"
                              "{\"name\":\"Alan\"}\n");
    assert_string_equal(run.err, "");
    cli_case_end(&run);
}

static void the_first_failure_ends_a_script_with_its_exit_code_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int exit_code;
        const char *words;
    } cases[] = {
        {"from people | count\n\nfrom nobody\n.exit\n", 3, "standard input: line 3"},
        {"from people\n| where born = 'x\n", 15, "standard input: line 2 column 16"},
        {"from people | frob\n", 15, "standard input: line 1 column 15"},
        {".frob\n", 2, "standard input: line 1: there is no command 'frob'"},
        {".mode xml\n", 2, "'xml'"},
        {".mode\n", 2, ".mode takes one word"},
        {".begin now\n", 2, ".begin takes nothing"},
        {".commit\n", 2, "no transaction is open"},
        {".begin\n.begin\n", 2, "line 2: a transaction is open"},
        {".get people 'x\n", 2, "a quote is opened"},
        {".get people 7\n", 3, "line 1"},
        {".shell\n", 2, "no command here"},
        {".database nowhere\n", 3, "nowhere"},
    };
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run.input = cases[i].script;
        CLI(&run, "shell");
        cli_case_expect(&run, cases[i].exit_code, cases[i].words);
    }
    cli_case_end(&run);
}

static void what_lies_between_begin_and_commit_is_one_transaction(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    run.input = ".begin\n"
                ".put people 3 '{\"id\": 3}'\n"
                "from people | count\n"
                ".abort\n"
                "from people | count\n"
                ".begin\n"
                ".delete people 1\n"
                ".put people \"four words\" \"{\\\"id\\\": 4}\"\n"
                ".commit\n"
                "from people | count\n"
                ".begin\n"
                ".drop people\n"; /* the end aborts */
    CLI(&run, "shell");
    cli_case_expect_out(&run, "{\"count\":3}\n{\"count\":2}\n{\"count\":2}\n");
    CLI(&run, "export", "people", "--keys");
    cli_case_expect_out(&run, "{\"key\":2,\"value\":{\"id\":2,\"name\":\"Alan\",\"born\":1912}}\n"
                              "{\"key\":\"four words\",\"value\":{\"id\":4}}\n");
    cli_case_end(&run);
}

static void an_import_goes_into_the_open_transaction(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    cli_case_write(&run, "more.jsonl", "{\"id\":3}\n{\"id\":4}\n{\"id\":5}\n");
    cli_case_write(&run, "bad.jsonl", "{\"id\":6}\n{\"id\":7}\n{\"no\":8}\n");
    run.input = ".begin\n"
                ".import people more.jsonl --key id --batch 2 --json\n"
                ".import tags more.jsonl --type hash_dict --key id --json\n"
                ".put tags '{\"any\": 1}' true\n" /* of the kind that the transaction made */
                ".abort\n"
                "from people | count\n"
                ".begin\n"
                ".import people more.jsonl --key id --json\n"
                ".delete people 5\n"
                "from people | count\n"
                ".commit\n"
                ".begin\n"
                ".import people bad.jsonl --key id --json\n"; /* fails, and the end aborts */
    CLI(&run, "shell");
    cli_case_expect(&run, 15, "standard input: line 13: bad.jsonl: line 3 column 1");
    assert_non_null(strstr(run.out, "{\"count\":2}"));
    assert_non_null(strstr(run.out, "{\"count\":4}"));
    CLI(&run, "roots", "--names");
    cli_case_expect_out(&run, "people\n");
    CLI(&run, "query", "from people | count");
    cli_case_expect_out(&run, "{\"count\":4}\n");
    cli_case_end(&run);
}

static void what_cannot_be_part_of_a_transaction_is_refused_within(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } cases[] = {
        {".databases create shop", "the list of databases is a commit of its own"},
        {".databases drop main", "the list of databases is a commit of its own"},
        {".databases rename main shop", "the list of databases is a commit of its own"},
        {".databases snapshot main shop", "the list of databases is a commit of its own"},
        {".databases branch main shop", "the list of databases is a commit of its own"},
        {".index create people by_born born", "made and dropped in a commit of its own"},
        {".index drop people by_name", "made and dropped in a commit of its own"},
        {".load all.jsonl", "a load makes databases"},
    };
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    CLI(&run, "index", "create", "people", "by_name", "name");
    CLI(&run, "dump", "all.jsonl");
    CLI(&run, "dump");
    cli_case_write(&run, "before.jsonl", run.out);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char script[160];
        (void)snprintf(script, sizeof script, ".begin\n%s\n.commit\n", cases[i].line);
        run.input = script;
        CLI(&run, "shell");
        cli_case_expect(&run, 2, cases[i].why);
        cli_case_expect(&run, 2, "line 2: a transaction is open");
    }
    CLI(&run, "dump");
    assert_string_equal(run.out, cli_case_read(&run, "before.jsonl"));
    CLI(&run, "databases", "list");
    cli_case_expect_out(&run, "main\n");
    cli_case_end(&run);
}

static void commands_of_the_shell_and_of_the_program_work_within(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    make_people(&run);
    CLI(&run, "databases", "create", "shop");
    run.input = ".tables --json\n"; /* its words are those of the shell */
    CLI(&run, "shell");
    cli_case_expect(&run, 2, ".tables takes nothing");

    run.input =
        ".roots --json\n.mode csv\nfrom people | select name\n.mode table\n"
        "from people | where id = 1\n.timer on\n.mode json\nfrom people | count\n"
        ".database shop\n.put p 1 1\n.get p 1\n.export p\n.import --help\n.help\n.quit\n.frob\n";
    CLI(&run, "shell");
    cli_case_expect(&run, 0, " s\n");
    static const char begins[] =
        "{\"name\":\"people\",\"type\":\"dict\",\"count\":2}\nname\r\nAda\r\nAlan\r\n"
        "id name born\n 1 Ada  1815\n[\n{\"count\":2}\n]\n1\n1\n"
        "usage: protobase import ";
    assert_int_equal(strncmp(run.out, begins, sizeof begins - 1), 0);
    assert_non_null(strstr(run.out, "  .begin "));
    assert_non_null(strstr(run.out, "  .databases create NAME "));
    cli_case_end(&run);
}

/* ------------------------------------------------------------------------------------ terminals -- */

#define SHOWN_MAX ((size_t)64 << 20)
#define WAIT_MS 20000

typedef struct {
    int fd;
    pid_t child;
    char *shown;
    size_t size, seen; /* what was waited for ends at `seen` */
    int child_status;  /* of waitpid; -1: not asked yet */
} terminal;

static void open_terminal(cli_case *run, terminal *out)
{
    char self[PATH_MAX], program[PATH_MAX + 32];
    struct winsize window = {.ws_row = 24, .ws_col = 120};
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    (void)snprintf(program, sizeof program, "%s/../bin/protobase", self);
    memset(out, 0, sizeof *out);
    out->child_status = -1;
    out->shown = malloc(SHOWN_MAX);
    assert_non_null(out->shown);
    out->child = forkpty(&out->fd, NULL, NULL, &window);
    assert_true(out->child >= 0);
    if (out->child == 0) {
        if (chdir(run->dir.path) == 0 && setenv("XDG_STATE_HOME", run->dir.path, 1) == 0 &&
            setenv("HOME", run->dir.path, 1) == 0 && setenv("TERM", "xterm", 1) == 0) {
            (void)execl(program, "protobase", "shell", (char *)NULL);
        }
        _exit(127);
    }
}

/* False at the end of what the program shows, or after a while. */
static bool read_more(terminal *self)
{
    struct pollfd ready = {.fd = self->fd, .events = POLLIN};
    if (poll(&ready, 1, WAIT_MS) <= 0 || self->size + 1 >= SHOWN_MAX) {
        return false;
    }
    ssize_t got = read(self->fd, self->shown + self->size, SHOWN_MAX - 1 - self->size);
    self->size += got > 0 ? (size_t)got : 0;
    self->shown[self->size] = '\0';
    return got > 0;
}

/* Waits until `text` is shown behind what was waited for before. */
static void expect(terminal *self, const char *text)
{
    self->shown[self->size] = '\0';
    char *at = strstr(self->shown + self->seen, text);
    while (at == NULL && read_more(self)) {
        at = strstr(self->shown + self->seen, text);
    }
    if (at == NULL) {
        size_t from = self->size > 2000 ? self->size - 2000 : 0;
        fail_msg("'%s' was not shown, but:\n%s", text,
                 self->shown + (from > self->seen ? from : self->seen));
    }
    self->seen = (size_t)(at - self->shown) + strlen(text);
}

static void type(terminal *self, const char *keys)
{
    assert_int_equal(write(self->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Ctrl-D until the program ends: one that arrives while the terminal changes its mode can be lost. */
static void type_end(terminal *self)
{
    int status = 0;
    for (int tries = 0; tries < 50 && self->child_status < 0; tries++) {
        struct pollfd ready = {.fd = self->fd, .events = POLLIN};
        (void)!write(self->fd, "\x04", 1); /* the last ones find nobody */
        while (poll(&ready, 1, 500) > 0 && read_more(self)) {
        }
        if (waitpid(self->child, &status, WNOHANG) == self->child) {
            self->child_status = status;
        }
    }
}

static void close_terminal(terminal *self, int exit_code)
{
    int status = self->child_status;
    while (status < 0 && read_more(self)) {
    }
    if (status < 0) {
        assert_int_equal(waitpid(self->child, &status, 0), self->child);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_code);
    (void)close(self->fd);
    free(self->shown);
}

static void names_of_collections_fields_and_commands_are_completed(void **state)
{
    (void)state;
    cli_case run;
    terminal t;
    cli_case_begin(&run);
    make_people(&run);
    open_terminal(&run, &t);
    expect(&t, "main> ");

    type(
        &t,
        "fr\tpe\t| where bo\t> 1900 | sel\tna\t\n"); /* from people | where born > 1900 | select name */
    expect(&t, "Alan");
    expect(&t, "main> ");
    type(&t, "from people as p | join cro\tpeo\tas q | cou\t\n");
    expect(&t, "count\r\n    4\r\n");
    expect(&t, "main> ");
    type(&t, ".mo\tjson\t\t"); /* json and jsonl */
    expect(&t, "jsonl");
    type(&t, "l\n");
    expect(&t, "main> ");
    type(&t, ".get pe\t1\n");
    expect(&t, "{\"id\":1,\"name\":\"Ada\",\"born\":1815}");
    type(&t, ".databases li\t\n");
    expect(&t, "main\r\nmain> ");
    type(&t, ".exit\n");
    close_terminal(&t, 0);
    cli_case_end(&run);
}

static void a_query_may_take_several_lines_and_a_failure_is_not_the_end(void **state)
{
    (void)state;
    cli_case run;
    terminal t;
    cli_case_begin(&run);
    make_people(&run);
    open_terminal(&run, &t);
    expect(&t, "main> ");

    type(&t, "from people |\n");
    expect(&t, "..> ");
    type(&t, "where born >\n");
    expect(&t, "..> ");
    type(&t, "1900 | select name\n");
    expect(&t, "Alan");
    expect(&t, "main> ");
    type(&t, "from nobody\n");
    expect(&t, "protobase: error: ");
    expect(&t, "main> ");
    type(&t, "from people | where\n");
    expect(&t, "..> ");
    type(&t, "half a line\x03"); /* Ctrl-C drops it */
    expect(&t, "^C");
    expect(&t, "main> ");
    type(&t, ".begin\n");
    expect(&t, "main*> ");
    type_end(&t);
    close_terminal(&t, 0);
    cli_case_end(&run);
}

static void ctrl_c_ends_the_query_and_not_the_shell(void **state)
{
    (void)state;
    cli_case run;
    terminal t;
    cli_case_begin(&run);
    FILE *file = fopen(temp_dir_path(&run.dir, "big.jsonl"), "wb");
    assert_non_null(file);
    for (int i = 0; i < 300000; i++) {
        assert_true(fprintf(file, "{\"id\": %d, \"text\": \"%060d\"}\n", i, i) > 0);
    }
    assert_int_equal(fclose(file), 0);
    CLI(&run, "--set", "storage.durability=none", "--data", "protobase-data", "import", "big",
        "big.jsonl");
    cli_case_expect(&run, 0, "");
    open_terminal(&run, &t);
    expect(&t, "main> ");
    type(&t, ".mode jsonl\n");
    expect(&t, "main> ");

    type(&t, "from big\n");
    expect(&t, "\"id\":1000,"); /* it runs, and has far to go */
    type(&t, "\x03");
    expect(&t, "cancelled");
    expect(&t, "main> ");
    assert_null(strstr(t.shown, "\"id\":299999,"));

    type(&t, "from big | count\n");
    expect(&t, "{\"count\":300000}");
    type(&t, ".exit\n");
    close_terminal(&t, 0);
    cli_case_end(&run);
}

static void history_outlives_the_shell_and_is_nobody_elses(void **state)
{
    (void)state;
    cli_case run;
    terminal t;
    struct stat facts;
    cli_case_begin(&run);
    make_people(&run);
    open_terminal(&run, &t);
    expect(&t, "main> ");
    type(&t, "from people | count\n");
    expect(&t, "main> ");
    type(&t, ".exit\n");
    close_terminal(&t, 0);
    assert_int_equal(stat(temp_dir_path(&run.dir, "protobase/history"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);

    open_terminal(&run, &t);
    expect(&t, "main> ");
    type(&t, "\x10\x10"); /* up, over .exit */
    expect(&t, "from people | count");
    type(&t, "\n");
    expect(&t, "count\r\n    2\r\n");
    assert_int_equal(kill(t.child, SIGTERM), 0); /* while it waits for a key */
    close_terminal(&t, 0);
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_script_gives_its_rows_and_nothing_else),
        cmocka_unit_test(the_first_failure_ends_a_script_with_its_exit_code_and_line),
        cmocka_unit_test(what_lies_between_begin_and_commit_is_one_transaction),
        cmocka_unit_test(an_import_goes_into_the_open_transaction),
        cmocka_unit_test(what_cannot_be_part_of_a_transaction_is_refused_within),
        cmocka_unit_test(commands_of_the_shell_and_of_the_program_work_within),
        cmocka_unit_test(names_of_collections_fields_and_commands_are_completed),
        cmocka_unit_test(a_query_may_take_several_lines_and_a_failure_is_not_the_end),
        cmocka_unit_test(ctrl_c_ends_the_query_and_not_the_shell),
        cmocka_unit_test(history_outlives_the_shell_and_is_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
