/* test_isolation.c - what each isolation level lets happen: the cases of Hermitage and four more,
 * played step by step by clients in threads and in processes, and the table of docs/isolation.md,
 * which is what came out.
 *
 * A script is a row of steps: the client's number follows the letter.
 *   b1 begins, g1:K reads key K, s1:V counts the entries of value V, p1:K=V writes, c1 commits,
 *   a1 aborts.
 * Source: M. Kleppmann, "Hermitage: Testing the I in ACID", 2014; the read-only anomaly: A. Fekete,
 * E. O'Neil, P. O'Neil, "A Read-Only Transaction Anomaly Under Snapshot Isolation", 2004. */
#include "clients.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CLIENTS 4u
#define READS_MAX 8u

typedef struct {
    int64_t reads[READS_MAX]; /* in the order of the script */
    bool committed[CLIENTS + 1];
    int64_t final[3]; /* keys 1 and 2 at the end */
} run;

typedef struct {
    const char *name;
    const char *what;
    int64_t first, second; /* keys 1 and 2 before */
    const char *script;
    bool (*happened)(const run *self);
    bool at_snapshot; /* snapshot isolation lets it happen */
} isolation_case;

/* --------------------------------------------------------------------------------- cases ---- */

static bool both(const run *r)
{
    return r->committed[1] && r->committed[2];
}
static bool g0(const run *r)
{
    return both(r) && (r->final[1] == 11) != (r->final[2] == 21);
}
static bool reads_101(const run *r)
{
    return r->reads[0] == 101 || r->reads[1] == 101;
}
static bool g1c(const run *r)
{
    return r->reads[0] == 22 || r->reads[1] == 11;
}
static bool otv(const run *r)
{
    return r->reads[0] != r->reads[3] || r->reads[1] != r->reads[2];
}
static bool reads_differ(const run *r)
{
    return r->committed[1] && r->reads[0] != r->reads[1];
}
static bool g_single(const run *r)
{
    return r->committed[1] && r->reads[0] == 10 && r->reads[3] == 18;
}
static bool lost_update(const run *r)
{
    return both(r) && r->final[1] != 12;
}
static bool long_fork(const run *r)
{
    return r->reads[0] == 11 && r->reads[1] == 20 && r->reads[2] == 10 && r->reads[3] == 22;
}
static bool read_only_anomaly(const run *r)
{
    return both(r) && r->committed[3] && r->reads[3] == 0 && r->reads[4] == 20;
}

static const isolation_case cases[] = {
    {"G0", "dirty write: two transactions' writes interleave", 10, 20,
     "b1 b2 p1:1=11 p2:1=12 p1:2=21 c1 p2:2=22 c2", g0, false},
    {"G1a", "aborted read: a value that was never committed", 10, 20,
     "b1 b2 p1:1=101 g2:1 a1 g2:1 c2", reads_101, false},
    {"G1b", "intermediate read: a value overwritten before the commit", 10, 20,
     "b1 b2 p1:1=101 g2:1 p1:1=11 c1 g2:1 c2", reads_101, false},
    {"G1c", "circular information flow: each reads the other's write", 10, 20,
     "b1 b2 p1:1=11 p2:2=22 g1:2 g2:1 c1 c2", g1c, false},
    {"OTV", "observed transaction vanishes", 10, 20,
     "b1 b2 b3 p1:1=11 p1:2=19 p2:1=12 c1 g3:1 p2:2=18 g3:2 c2 g3:2 g3:1 c3", otv, false},
    {"PMP", "predicate many preceders: a condition matches others the second time", 10, 20,
     "b1 b2 s1:30 p2:3=30 c2 s1:30 c1", reads_differ, false},
    {"P4", "lost update: one of two writes based on one read is lost", 10, 20,
     "b1 b2 g1:1 g2:1 p1:1=11 p2:1=11 c1 c2", both, false},
    {"G-single", "read skew: two reads of two states", 10, 20,
     "b1 b2 g1:1 g2:1 g2:2 p2:1=12 p2:2=18 c2 g1:2 c1", g_single, false},
    {"G2-item", "anti-dependency cycle: each writes what the other has read", 10, 20,
     "b1 b2 g1:1 g1:2 g2:1 g2:2 p1:1=11 p2:2=21 c1 c2", both, true},
    {"G2", "the same with conditions: each adds what the other looked for", 10, 20,
     "b1 b2 s1:30 s2:30 p1:3=30 p2:4=30 c1 c2", both, true},
    {"write skew", "two doctors see two on call, and both leave", 1, 1,
     "b1 b2 s1:1 s2:1 p1:1=0 p2:2=0 c1 c2", both, true},
    {"long fork", "two readers see two writes in different orders", 10, 20,
     "b1 b2 p1:1=11 p2:2=22 c1 b3 c2 b4 g3:1 g3:2 g4:1 g4:2 c3 c4", long_fork, false},
    {"lost increment", "two increments, one of them counts", 10, 20,
     "b1 b2 g1:1 p1:1=11 g2:1 p2:1=11 c1 c2", lost_update, false},
    {"read-only anomaly", "a reader sees a state that no order explains", 0, 0,
     "b2 g2:1 g2:2 b1 g1:2 p1:2=20 c1 b3 g3:1 g3:2 c3 p2:1=-11 c2", read_only_anomaly, true},
};
#define CASES (sizeof cases / sizeof cases[0])

/* ------------------------------------------------------------------------------- clients ---- */

typedef struct {
    char letter;
    int32_t isolation;
    int64_t key, value;
} step;
typedef struct {
    pbase_status status;
    int64_t value; /* read; INT64_MIN: no such key */
} answer;

typedef struct {
    client *self;
    pbase_txn *txn;
    pbase_dict *dict;
} player;

static void must(const player *p, pbase_status status, const char *what, const pbase_error *err)
{
    if (status != PBASE_OK) {
        client_fail(p->self, what, err);
    }
}

static void play_begin(player *p, int32_t isolation)
{
    pbase_error err;
    pbase_txn_options options = pbase_txn_options_default();
    options.isolation = isolation;
    pbase_error_init(&err);
    must(p, pbase_txn_begin(p->self->database, &options, &p->txn, &err), "begin", &err);
    must(p, pbase_txn_dict(p->txn, "d", &p->dict, &err), "dict", &err);
}

static int64_t play_get(player *p, int64_t key)
{
    pbase_error err;
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), value = pbase_value_int(INT64_MIN);
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_dict_get(p->dict, &k, &arena, &value, &err);
    must(p, status == PBASE_NOT_FOUND ? PBASE_OK : status, "get", &err);
    pbase_arena_fini(&arena);
    return value.as.integer;
}

static int64_t play_scan(player *p, int64_t wanted)
{
    pbase_error err;
    pbase_cursor *cursor = NULL;
    int64_t count = 0;
    pbase_error_init(&err);
    pbase_status status = pbase_dict_cursor(p->dict, NULL, &cursor, &err);
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, &err);
        pbase_value value;
        if (status == PBASE_OK) {
            status = pbase_cursor_value(cursor, &value, &err);
            count += status == PBASE_OK && value.as.integer == wanted;
        }
    }
    must(p, status == PBASE_END ? PBASE_OK : status, "scan", &err);
    pbase_cursor_close(cursor);
    return count;
}

static void play_put(player *p, int64_t key, int64_t value)
{
    pbase_error err;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(value);
    pbase_error_init(&err);
    must(p, pbase_dict_put(&p->dict, &k, &v, NULL, &err), "put", &err);
    must(p, pbase_txn_store_dict(p->txn, "d", p->dict, &err), "store", &err);
}

static pbase_status play_end(player *p, bool commits)
{
    pbase_error err;
    pbase_status status = PBASE_OK;
    pbase_error_init(&err);
    pbase_dict_close(p->dict);
    p->dict = NULL;
    if (commits) {
        status = pbase_txn_commit(&p->txn, NULL, NULL, &err);
        must(p, status == PBASE_CONFLICT ? PBASE_OK : status, "commit", &err);
    } else {
        pbase_txn_abort(&p->txn);
    }
    return status;
}

static void play(client *self)
{
    player p = {.self = self};
    step next;
    while (message_receive(self->fd, &next, sizeof next)) {
        answer told = {PBASE_OK, 0};
        switch (next.letter) {
        case 'b':
            play_begin(&p, next.isolation);
            break;
        case 'g':
            told.value = play_get(&p, next.key);
            break;
        case 's':
            told.value = play_scan(&p, next.key);
            break;
        case 'p':
            play_put(&p, next.key, next.value);
            break;
        default:
            told.status = play_end(&p, next.letter == 'c');
            break;
        }
        if (!message_send(self->fd, &told, sizeof told)) {
            break;
        }
    }
}

/* ------------------------------------------------------------------------------- playing ---- */

static answer tell(clients *group, uint32_t number, const step *next)
{
    answer told;
    assert_true(message_send(group->items[number].fd, next, sizeof *next));
    assert_true(message_receive(group->items[number].fd, &told, sizeof told));
    return told;
}

/* Client 0 sets both keys, and a first time makes the dictionary, and takes everything else out. */
static void reset(clients *group, const isolation_case *c)
{
    const step steps[] = {{'b', PBASE_SNAPSHOT_ISOLATION, 0, 0},
                          {'p', 0, 1, c->first},
                          {'p', 0, 2, c->second},
                          {'p', 0, 3, 0},
                          {'p', 0, 4, 0},
                          {'c', 0, 0, 0}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(tell(group, 0, &steps[i]).status, PBASE_OK);
    }
}

static void read_final(clients *group, run *out)
{
    const step begin = {'b', PBASE_SNAPSHOT_ISOLATION, 0, 0}, commit = {'c', 0, 0, 0};
    (void)tell(group, 0, &begin);
    for (int64_t key = 1; key <= 2; key++) {
        const step get = {'g', 0, key, 0};
        out->final[key] = tell(group, 0, &get).value;
    }
    (void)tell(group, 0, &commit);
}

static run play_script(clients *group, const isolation_case *c, int32_t isolation)
{
    run out;
    size_t reads = 0;
    memset(&out, 0, sizeof out);
    reset(group, c);
    for (const char *at = c->script; *at != '\0'; at += *at == ' ') {
        step next = {.letter = *at++, .isolation = isolation};
        uint32_t number = (uint32_t)(*at++ - '0');
        char *end = NULL;
        if (*at == ':') {
            next.key = strtoll(at + 1, &end, 10);
            at = end;
        }
        if (*at == '=') {
            next.value = strtoll(at + 1, &end, 10);
            at = end;
        }
        answer told = tell(group, number, &next);
        if (next.letter == 'g' || next.letter == 's') {
            assert_true(reads < READS_MAX);
            out.reads[reads++] = told.value;
        }
        out.committed[number] |= next.letter == 'c' && told.status == PBASE_OK;
    }
    read_final(group, &out);
    return out;
}

static void make_dictionary(const char *data)
{
    space_fixture fixture;
    pbase_error err;
    fixture_prepare(&fixture, data, NULL);
    fixture_open(&fixture);
    assert_ok(fixture_put_one(&fixture, "d", 1, 0), &err);
    fixture_close(&fixture);
}

static bool outcomes[2][CASES]; /* by isolation level */

/* Plays every case at every level, and expects what the table says. */
static void play_all(clients_kind kind)
{
    clients group;
    temp_dir dir;
    temp_dir_create(&dir);
    const char *data = temp_dir_path(&dir, "space");
    make_dictionary(data);
    clients_start(&group, kind, CLIENTS + 1, data, NULL, play, NULL);
    for (int32_t isolation = PBASE_SERIALIZABLE; isolation <= PBASE_SNAPSHOT_ISOLATION;
         isolation++) {
        for (size_t i = 0; i < CASES; i++) {
            run result = play_script(&group, &cases[i], isolation);
            bool happened = cases[i].happened(&result);
            outcomes[isolation][i] = happened;
            if (happened != (isolation == PBASE_SNAPSHOT_ISOLATION && cases[i].at_snapshot)) {
                fail_msg("%s at level %" PRId32 ": %s", cases[i].name, isolation,
                         happened ? "happened" : "did not happen");
            }
        }
    }
    clients_end(&group);
    temp_dir_remove(&dir);
}

static void each_level_lets_happen_what_its_row_says_between_threads(void **unused)
{
    (void)unused;
    play_all(CLIENTS_THREADS);
}

static void each_level_lets_happen_what_its_row_says_between_processes(void **unused)
{
    (void)unused;
    play_all(CLIENTS_PROCESSES);
}

/* --------------------------------------------------------------------------------- table ---- */

#define PAGE PBASE_SOURCE_DIR "/docs/isolation.md"
#define TABLE_BEGIN "<!-- table: begin, written by integration.isolation -->\n"
#define TABLE_END "<!-- table: end -->\n"

static void format_table(char *out, size_t size)
{
    int used = snprintf(out, size,
                        "| case | what would happen | serializable | snapshot |\n"
                        "|---|---|---|---|\n");
    for (size_t i = 0; i < CASES; i++) {
        used += snprintf(out + used, size - (size_t)used, "| %s | %s | %s | %s |\n", cases[i].name,
                         cases[i].what, outcomes[0][i] ? "happens" : "prevented",
                         outcomes[1][i] ? "**happens**" : "prevented");
    }
}

static void the_table_in_the_manual_is_what_came_out(void **unused)
{
    (void)unused;
    static char page[65536], table[16384], expected[65536];
    FILE *file = fopen(PAGE, "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    char *begin = strstr(page, TABLE_BEGIN), *end = strstr(page, TABLE_END);
    assert_non_null(begin);
    assert_non_null(end);
    format_table(table, sizeof table);
    begin += strlen(TABLE_BEGIN);
    (void)snprintf(expected, sizeof expected, "%.*s%s%s", (int)(begin - page), page, table, end);
    if (strcmp(page, expected) != 0 && getenv("PBASE_WRITE_DOCS") != NULL) {
        file = fopen(PAGE, "w");
        assert_non_null(file);
        assert_true(fputs(expected, file) >= 0);
        assert_int_equal(fclose(file), 0);
    } else if (strcmp(page, expected) != 0) {
        fail_msg("docs/isolation.md is stale; run this test with PBASE_WRITE_DOCS=1:\n%s", table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_lets_happen_what_its_row_says_between_processes),
        cmocka_unit_test(each_level_lets_happen_what_its_row_says_between_threads),
        cmocka_unit_test(the_table_in_the_manual_is_what_came_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
