/* test_watch.c - the feed of changes: what it tells of each kind, whole transactions in order, where it
 * can begin again, how it waits, and what it survives. */
#include "os/os.h"
#include "seed.h"
#include "sim_os.h"
#include "watch_fixture.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---------------------------------------------------------------------------------- kinds ----- */

static void what_happens_to_dictionaries_and_roots_is_told(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    pbase_value key = pbase_value_int(1), text = pbase_value_text("v");
    fixture_put(&dict, 2, 20);
    assert_int_equal(pbase_dict_remove(&dict, &key, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_value(txn, "plain", &text, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    fixture_put(&dict, 3, 30);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_drop_root(txn, "plain", NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    expect_from(NULL, NULL, 1,
                "1 main  created.\n"
                "2 main a created\n"
                "2 main a put 1 = 10.\n"
                "3 main plain created = \"v\"\n"
                "3 main a put 2 = 20\n"
                "3 main a removed 1.\n"
                "4 main a replaced\n"
                "4 main plain dropped\n"
                "4 main a put 3 = 30.\n");
    expect_from(f.database, "plain", 1,
                "1 main  created.\n"
                "3 main plain created = \"v\".\n"
                "4 main plain dropped.\n");
}

static pbase_status change_list(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_list *list = NULL;
    pbase_value a = pbase_value_text("a"), b = pbase_value_text("b"), c = pbase_value_text("c");
    (void)state;
    pbase_status status = pbase_txn_new_list(txn, &list, err);
    status = status == PBASE_OK ? pbase_list_append(&list, &a, err) : status;
    status = status == PBASE_OK ? pbase_list_insert(&list, 0, &b, err) : status;
    status = status == PBASE_OK ? pbase_list_set(&list, -1, &c, err) : status;
    status = status == PBASE_OK ? pbase_list_remove(&list, 0, NULL, err) : status;
    status = status == PBASE_OK ? pbase_list_append(&list, &a, err) : status;
    status = status == PBASE_OK ? pbase_list_remove_range(&list, 0, 2, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "l", list, err) : status;
    pbase_list_close(list);
    return status;
}

static pbase_status change_set(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    pbase_value a = pbase_value_text("a"), one = pbase_value_float(1.0);
    (void)state;
    pbase_status status = pbase_txn_new_set(txn, &set, err);
    status = status == PBASE_OK ? pbase_set_add(&set, &one, NULL, err) : status;
    status = status == PBASE_OK ? pbase_set_remove(&set, &one, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_set(txn, "s", set, err) : status;
    status = status == PBASE_OK ? pbase_txn_new_counted_set(txn, &counted, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_add(&counted, &a, 3, NULL, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_remove(&counted, &a, 2, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_counted_set(txn, "c", counted, err) : status;
    pbase_set_close(set);
    pbase_counted_set_close(counted);
    return status;
}

static pbase_status change_hashed(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_hash_dict *hash = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_field fields[] = {{pbase_bytes_text("x"), pbase_value_int(1)}};
    pbase_value map = pbase_value_map(fields, 1), a = pbase_value_text("a");
    (void)state;
    pbase_status status = pbase_txn_new_hash_dict(txn, &hash, err);
    status = status == PBASE_OK ? pbase_hash_dict_put(&hash, &map, &a, NULL, err) : status;
    status = status == PBASE_OK ? pbase_hash_dict_remove(&hash, &map, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_hash_dict(txn, "h", hash, err) : status;
    status = status == PBASE_OK ? pbase_txn_new_multi_dict(txn, &multi, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_add(&multi, &a, &map, 2, NULL, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_remove(&multi, &a, &map, 1, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_multi_dict(txn, "m", multi, err) : status;
    pbase_hash_dict_close(hash);
    pbase_multi_dict_close(multi);
    return status;
}

static void run(pbase_txn_body body)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_txn_run(f.database, NULL, NULL, body, NULL, &err);
    assert_ok(status, &err);
}

static void what_happens_to_every_other_kind_is_told(void **unused)
{
    (void)unused;
    run(change_list);
    run(change_set);
    run(change_hashed);
    expect_from(f.database, NULL, 2,
                "2 main l created\n"
                "2 main l appended = \"a\"\n"
                "2 main l inserted @0 = \"b\"\n"
                "2 main l set @1 = \"c\"\n"
                "2 main l removed_at @0\n"
                "2 main l appended = \"a\"\n"
                "2 main l removed_range @0 x2.\n"
                "3 main s created\n"
                "3 main c created\n"
                "3 main s added 1.0 x1\n"
                "3 main s removed 1\n" /* a removal knows the value, not its spelling */
                "3 main c added \"a\" x3\n"
                "3 main c taken \"a\" x2.\n"
                "4 main h created\n"
                "4 main m created\n"
                "4 main h put {\"x\":1} = \"a\"\n"
                "4 main h removed {\"x\":1}\n"
                "4 main m added \"a\" x2 = {\"x\":1}\n"
                "4 main m taken \"a\" x1 = {\"x\":1}.\n");
}

static void what_happens_to_databases_is_told_and_names_are_those_of_the_moment(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_database_branch(f.space, "main", "fork", NULL), PBASE_OK);
    assert_int_equal(pbase_database_rename(f.space, "main", "shop", NULL), PBASE_OK);
    pbase_database *main_database = f.database;
    assert_int_equal(pbase_database_open(f.space, "fork", &f.database, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK); /* its root is the origin's */
    assert_int_equal(pbase_database_drop(f.space, "shop", NULL), PBASE_OK);
    expect_from(NULL, NULL, 3,
                "3 fork main created.\n"
                "4 shop main renamed.\n"
                "5 fork a put 2 = 2.\n"
                "6 shop  dropped.\n");
    expect_from(f.database, "a", 1, "3 fork main created.\n5 fork a put 2 = 2.\n");
    expect_from(main_database, NULL, 4, "4 shop main renamed.\n6 shop  dropped.\n");
    pbase_database_close(main_database);
}

static pbase_status adopt_large(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_dict *dict = NULL;
    (void)state;
    pbase_status status = pbase_txn_new_dict(txn, &dict, err);
    for (int64_t key = 0; key < 50 && status == PBASE_OK; key++) {
        pbase_value value = pbase_value_int(key);
        status = pbase_dict_put(&dict, &value, &value, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "a", dict, err) : status;
    pbase_dict_close(dict);
    return status;
}

static void content_that_came_whole_is_told_as_one_event_and_then_by_entries(void **unused)
{
    (void)unused;
    pbase_buffer wanted;
    pbase_txn_options options = pbase_txn_options_default();
    options.log_bytes_max = 1;
    options.memory_bytes_max = 1;
    assert_int_equal(pbase_txn_run(f.database, &options, NULL, adopt_large, NULL, NULL), PBASE_OK);
    pbase_buffer_init(&wanted, pbase_alloc_default());
    assert_int_equal(pbase_buffer_append_text(&wanted, NULL,
                                              "2 main a created\n"
                                              "2 main a replaced bulk50\n"),
                     PBASE_OK);
    for (int key = 0; key < 50; key++) {
        assert_int_equal(pbase_buffer_append_text(&wanted, NULL, "2 main a put* %d = %d%s\n", key,
                                                  key, key == 49 ? "." : ""),
                         PBASE_OK);
    }
    assert_int_equal(pbase_buffer_append_u8(&wanted, 0, NULL), PBASE_OK);
    expect_from(f.database, NULL, 2, (const char *)wanted.data);
    pbase_buffer_fini(&wanted);
}

/* ------------------------------------------------------------------------------ beginnings ---- */

static void a_watch_begins_with_the_next_commit_unless_told_otherwise(void **unused)
{
    (void)unused;
    pbase_buffer text;
    pbase_watch *watch = NULL;
    pbase_buffer_init(&text, pbase_alloc_default());
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_watch_open(f.space, NULL, NULL, &watch, NULL), PBASE_OK);
    assert_int_equal(pbase_watch_sequence(watch), 2);
    assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    tell_all(watch, &text);
    assert_true(
        pbase_bytes_equal(pbase_buffer_view(&text), pbase_bytes_text("3 main a put 1 = 2.\n")));
    pbase_buffer_fini(&text);
}

static void a_beginning_that_is_not_kept_names_the_oldest(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_watch *watch = NULL;
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    fixture_end(&f);
    open_keeping("storage.retention_count=0");
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    pbase_error_init(&err);
    options.from = 2;
    assert_int_equal(pbase_watch_open(f.space, NULL, &options, &watch, &err), PBASE_TRIMMED);
    assert_string_equal(err.message,
                        "commit 2 is no longer kept; the oldest that can be told is 4");
    options.from = 5;
    assert_int_equal(pbase_watch_open(f.space, NULL, &options, &watch, &err), PBASE_NOT_FOUND);
    options.from = 4; /* the next one */
    assert_int_equal(pbase_watch_open(f.space, NULL, &options, &watch, &err), PBASE_OK);
    pbase_watch_close(watch);
    options.root = "";
    assert_int_equal(pbase_watch_open(f.space, NULL, &options, &watch, &err), PBASE_INVALID);
}

static void an_open_watch_keeps_what_it_has_yet_to_tell(void **unused)
{
    (void)unused;
    pbase_buffer text;
    pbase_watch *watch = NULL;
    pbase_buffer_init(&text, pbase_alloc_default());
    fixture_end(&f);
    open_keeping("storage.retention_count=0");
    assert_int_equal(pbase_watch_open(f.space, NULL, NULL, &watch, NULL), PBASE_OK);
    for (int64_t i = 0; i < 400; i++) { /* several segments of the journal */
        assert_int_equal(fixture_put_one(&f, "a", i, i), PBASE_OK);
        if (i % 100 == 99) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
    }
    tell_all(watch, &text);
    unsigned lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n';
    }
    assert_int_equal(lines, 401);
    pbase_buffer_fini(&text);
}

/* What begins at `from` in a text of everything. */
static pbase_bytes text_from(const pbase_buffer *all, uint64_t from)
{
    size_t at = 0;
    while (at < all->size && strtoull((const char *)all->data + at, NULL, 10) < from) {
        at =
            (size_t)((const uint8_t *)memchr(all->data + at, '\n', all->size - at) - all->data) + 1;
    }
    return pbase_bytes_of(all->data + at, all->size - at);
}

static void change_at_random(seed_random *random)
{
    static const char *const roots[] = {"a", "b", "c"};
    const char *root = roots[seed_below(random, 3)];
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    switch (seed_below(random, 8)) {
    case 0:
        if (pbase_txn_drop_root(txn, root, NULL) == PBASE_NOT_FOUND) {
            pbase_txn_abort(&txn);
            return;
        }
        break;
    default: {
        pbase_dict *dict = fixture_dict(txn, root);
        for (uint64_t i = seed_below(random, 4); i < 4; i++) {
            fixture_put(&dict, (int64_t)seed_below(random, 20), (int64_t)i);
        }
        assert_int_equal(pbase_txn_store_dict(txn, root, dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        break;
    }
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void a_watch_resumed_anywhere_tells_what_a_full_one_does(void **unused)
{
    (void)unused;
    seed_random random;
    pbase_buffer all, some;
    pbase_buffer_init(&all, pbase_alloc_default());
    pbase_buffer_init(&some, pbase_alloc_default());
    seed_random_init(&random, seed_for("a_watch_resumed_anywhere_tells_what_a_full_one_does"));
    unsigned rounds = seed_is_long_run() ? 800 : 120;
    for (unsigned i = 0; i < rounds; i++) {
        change_at_random(&random);
        if (seed_below(&random, 10) == 0) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
        if (seed_below(&random, 40) == 0) {
            fixture_reopen(&f);
        }
    }
    tell_all(open_from(NULL, NULL, 1), &all);
    assert_int_equal(pbase_buffer_append_u8(&all, 0, NULL), PBASE_OK);
    all.size--;
    for (uint64_t from = 1; from <= newest() + 1; from++) {
        some.size = 0;
        tell_all(open_from(NULL, NULL, from), &some);
        assert_true(pbase_bytes_equal(pbase_buffer_view(&some), text_from(&all, from)));
    }
    pbase_buffer_fini(&some);
    pbase_buffer_fini(&all);
}

/* -------------------------------------------------------------------------------- waiting ----- */

static void a_watch_waits_until_its_time_is_up_and_goes_on_after(void **unused)
{
    (void)unused;
    pbase_watch *watch = NULL;
    const pbase_change *event = NULL;
    uint32_t cancelled = 1;
    pbase_call soon = {.deadline_ns = 1};
    pbase_call stopped = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &cancelled};
    assert_int_equal(pbase_watch_open(f.space, f.database, NULL, &watch, NULL), PBASE_OK);
    assert_int_equal(pbase_watch_next(watch, &soon, &event, NULL), PBASE_TIMEOUT);
    assert_int_equal(pbase_watch_next(watch, &stopped, &event, NULL), PBASE_CANCELLED);
    assert_int_equal(pbase_watch_key(watch, NULL, NULL, NULL), PBASE_NOT_FOUND);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_watch_next(watch, &soon, &event, NULL), PBASE_OK);
    assert_int_equal(event->change, PBASE_CHANGE_CREATED);
    pbase_watch_close(watch);
}

#define WRITERS 3u
#define WRITER_COMMITS 60

static void *write_pairs(void *state)
{
    int64_t number = *(const int64_t *)state;
    for (int64_t i = 0; i < WRITER_COMMITS; i++) {
        pbase_status status = PBASE_CONFLICT;
        while (status == PBASE_CONFLICT) {
            pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
            static const char *const roots[] = {"left", "right"};
            for (unsigned side = 0; side < 2; side++) {
                pbase_dict *dict = fixture_dict(txn, roots[side]);
                fixture_put(&dict, number * 1000 + i, i);
                assert_int_equal(pbase_txn_store_dict(txn, roots[side], dict, NULL), PBASE_OK);
                pbase_dict_close(dict);
            }
            status = fixture_commit(&txn);
        }
        assert_int_equal(status, PBASE_OK);
    }
    return NULL;
}

static void threads_that_commit_are_told_of_whole_and_in_order(void **unused)
{
    (void)unused;
    pthread_t threads[WRITERS];
    int64_t numbers[WRITERS];
    pbase_watch *watch = NULL;
    uint64_t sequence = newest(), sides[2] = {0, 0}, commits = 0;
    assert_int_equal(pbase_watch_open(f.space, f.database, NULL, &watch, NULL), PBASE_OK);
    for (unsigned i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_pairs, &numbers[i]), 0);
    }
    while (commits < (uint64_t)WRITERS * WRITER_COMMITS) {
        const pbase_change *event = NULL;
        pbase_error err;
        pbase_error_init(&err);
        pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE};
        pbase_status status = pbase_watch_next(watch, &call, &event, &err);
        assert_ok(status, &err);
        assert_int_equal(event->sequence, sequence + 1);
        sides[event->root[0] == 'r'] += event->change == PBASE_CHANGE_PUT;
        if (event->is_last) {
            commits++;
            sequence++;
            assert_int_equal(sides[0], commits);
            assert_int_equal(sides[1], commits);
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    pbase_watch_close(watch);
}

/* In the child: waits for the word, then commits twice. */
static int commit_when_told(int word)
{
    char byte = 0;
    space_fixture other = f;
    other.space = NULL;
    other.database = NULL;
    if (read(word, &byte, 1) != 1 || fixture_try_open(&other, NULL) != PBASE_OK) {
        return 1;
    }
    int failed = fixture_put_one(&other, "a", 1, 10) != PBASE_OK ||
                 fixture_put_one(&other, "a", 2, 20) != PBASE_OK;
    fixture_close(&other);
    return failed;
}

static void commits_of_another_process_are_told(void **unused)
{
    (void)unused;
    int word[2], result = 1;
    uint64_t told = 0;
    pbase_watch *watch = NULL;
    fixture_close(&f); /* threads do not go through a fork */
    assert_int_equal(pipe(word), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(60); /* a hang is a failure */
        _exit(commit_when_told(word[0]));
    }
    fixture_open(&f);
    assert_int_equal(pbase_watch_open(f.space, f.database, NULL, &watch, NULL), PBASE_OK);
    assert_int_equal(write(word[1], "!", 1), 1);
    while (told < 2) {
        const pbase_change *event = NULL;
        pbase_error err;
        pbase_error_init(&err);
        pbase_call call = {.deadline_ns = pbase_os_deadline(pbase_os_real(), 60000)};
        pbase_status status = pbase_watch_next(watch, &call, &event, &err);
        assert_ok(status, &err);
        told += event->change == PBASE_CHANGE_PUT;
    }
    pbase_watch_close(watch);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    assert_int_equal(fixture_get(&f, "a", 2), 20);
    (void)close(word[0]);
    (void)close(word[1]);
}

#define THINGS 64
typedef struct {
    int64_t values[THINGS];
    uint64_t done;
} things;

/* The whole content of "a" in a snapshot. */
static void take_all(things *mine, pbase_snapshot *all)
{
    pbase_collection *held = NULL;
    pbase_cursor *cursor = NULL;
    assert_int_equal(pbase_snapshot_at(all, "a", NULL, 0, &held, NULL), PBASE_OK);
    assert_int_equal(pbase_collection_cursor(held, &cursor, NULL), PBASE_OK);
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        pbase_value key, value;
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
        mine->values[key.as.integer] = value.as.integer;
    }
    mine->done = pbase_snapshot_sequence(all);
    pbase_cursor_close(cursor);
    pbase_collection_close(held);
}

/* What the watch tells, until there is no more: OK, or what ended it. */
static pbase_status take_changes(things *mine, pbase_watch *watch, pbase_error *err)
{
    const pbase_change *event = NULL;
    pbase_call now = {.deadline_ns = 1};
    pbase_status status = pbase_watch_next(watch, &now, &event, err);
    while (status == PBASE_OK) {
        pbase_arena arena;
        pbase_value key, value;
        pbase_arena_init(&arena, pbase_alloc_default());
        if (event->change == PBASE_CHANGE_PUT) {
            assert_int_equal(pbase_watch_key(watch, &arena, &key, NULL), PBASE_OK);
            assert_int_equal(pbase_watch_value(watch, &arena, &value, NULL), PBASE_OK);
            mine->values[key.as.integer] = value.as.integer;
        }
        mine->done = event->is_last ? event->sequence : mine->done;
        pbase_arena_fini(&arena);
        status = pbase_watch_next(watch, &now, &event, err);
    }
    return status == PBASE_TIMEOUT ? PBASE_OK : status;
}

/* Somebody else who has the space open commits so much that several segments of the journal fill, and
 * settles it; nothing tells them of our watch. */
static void others_commit_and_settle(space_fixture *others)
{
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int64_t i = 0; i < 400; i++) {
        assert_int_equal(fixture_put_one(others, "a", i % THINGS, i), PBASE_OK);
        pbase_txn *txn = fixture_begin(others, PBASE_SERIALIZABLE);
        pbase_value value = pbase_value_text(text);
        assert_int_equal(pbase_txn_store_value(txn, "filler", &value, NULL), PBASE_OK);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        if (i % 100 == 99) {
            assert_int_equal(pbase_space_checkpoint(others->space, NULL, NULL), PBASE_OK);
        }
    }
}

static void a_watch_that_others_trimmed_says_how_to_go_on_and_that_way_leads_on(void **unused)
{
    (void)unused;
    things mine = {.done = 0};
    pbase_error err;
    pbase_watch *watch = NULL;
    pbase_snapshot *all = NULL;
    pbase_history_range kept;
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    fixture_end(&f);
    open_keeping("storage.retention_count=0");
    space_fixture others = f;
    others.space = NULL;
    others.database = NULL;
    fixture_open(&others);
    pbase_error_init(&err);
    assert_int_equal(pbase_watch_open(f.space, f.database, NULL, &watch, NULL), PBASE_OK);
    others_commit_and_settle(&others);
    assert_int_equal(take_changes(&mine, watch, &err), PBASE_TRIMMED);
    assert_non_null(strstr(err.message, "the feed is too far behind: commit "));
    assert_non_null(strstr(err.hint, "read the state as of commit "));
    assert_non_null(strstr(err.hint, "storage.retention_age, _count or _bytes"));
    pbase_watch_close(watch);
    options.from = mine.done + 1;
    assert_int_equal(pbase_watch_open(f.space, f.database, &options, &watch, &err), PBASE_TRIMMED);
    assert_non_null(strstr(err.hint, "then watch from "));
    assert_int_equal(pbase_history_describe(f.space, &kept, NULL), PBASE_OK);
    pbase_moment oldest = pbase_moment_of_sequence(kept.oldest_sequence);
    assert_int_equal(pbase_snapshot_open_at(f.database, &oldest, NULL, &all, NULL), PBASE_OK);
    take_all(&mine, all);
    pbase_snapshot_close(all);
    options.from = mine.done + 1;
    assert_int_equal(pbase_watch_open(f.space, f.database, &options, &watch, NULL), PBASE_OK);
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(fixture_put_one(&others, "a", i, 1000 + i), PBASE_OK);
    }
    uint64_t last = 0;
    while (mine.done < last || last == 0) {
        assert_int_equal(pbase_history_describe(others.space, &kept, NULL), PBASE_OK);
        last = kept.newest_sequence;
        pbase_status status = take_changes(&mine, watch, &err);
        assert_ok(status, &err);
    }
    pbase_watch_close(watch);
    for (int64_t i = 0; i < THINGS; i++) {
        assert_int_equal(mine.values[i], fixture_get(&f, "a", i));
    }
    fixture_close(&others);
}

/* -------------------------------------------------------------------------------- failures ---- */

/* Everything that can be asked of the event told last; what fails for lack of something leaves the
 * watch as it is. */
static pbase_status ask_everything(pbase_watch *watch, const pbase_change *event,
                                   pbase_buffer *text, pbase_arena *arena)
{
    pbase_value value = pbase_value_null();
    pbase_status status = pbase_watch_path(watch, arena, &value, NULL);
    if (status == PBASE_OK && value.as.list.count > 0) {
        status = pbase_json_format(f.space, &value, text, NULL);
    }
    status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    if (status == PBASE_OK) {
        status = pbase_watch_class(watch, arena, &value, NULL);
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    if (status == PBASE_OK && event->has_key) {
        status = pbase_watch_key(watch, arena, &value, NULL);
    }
    return status == PBASE_OK && event->has_value ? pbase_watch_value(watch, arena, &value, NULL)
                                                  : status;
}

static pbase_status watch_all(sim_os *sim, pbase_buffer *text)
{
    pbase_watch *watch = NULL;
    const pbase_change *event = NULL;
    pbase_arena arena;
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    pbase_call now = {.deadline_ns = 1};
    options.from = 1;
    text->size = 0;
    pbase_arena_init(&arena, sim_os_interface(sim)->memory);
    pbase_status status = pbase_watch_open(f.space, NULL, &options, &watch, NULL);
    while (status == PBASE_OK) {
        pbase_arena_reset(&arena);
        status = pbase_watch_next(watch, &now, &event, NULL);
        if (status == PBASE_OK) {
            assert_int_equal(pbase_buffer_append_text(text, NULL, "%s %s %s", event->database,
                                                      event->root,
                                                      pbase_change_name(event->change)),
                             PBASE_OK);
            status = ask_everything(watch, event, text, &arena);
        } else if (status != PBASE_TIMEOUT) { /* it stays ended */
            assert_int_equal(pbase_watch_next(watch, &now, &event, NULL), status);
        }
    }
    pbase_watch_close(watch);
    pbase_arena_fini(&arena);
    return status == PBASE_TIMEOUT ? PBASE_OK : status;
}

/* A set in a list in a dictionary, an object, an index, and content that came whole. */
static pbase_status make_everything(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_set *set = NULL;
    pbase_list *list = NULL;
    pbase_object_id id;
    pbase_dict *dict = fixture_dict(txn, "a");
    pbase_value one = pbase_value_int(1), seven = pbase_value_int(7);
    pbase_value attributes = pbase_value_map(NULL, 0);
    (void)state;
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    pbase_value of_set = pbase_value_of_set(set);
    assert_int_equal(pbase_list_append(&list, &of_set, NULL), PBASE_OK);
    pbase_value of_list = pbase_value_of_list(list);
    assert_int_equal(pbase_dict_put(&dict, &seven, &of_list, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_set_close(set);
    pbase_list_close(list);
    pbase_dict_close(dict);
    return pbase_object_create(txn, "Thing", &attributes, &id, err);
}

static pbase_status change_deep(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_collection *held = NULL;
    pbase_value steps[] = {pbase_value_int(7), pbase_value_int(0)}, two = pbase_value_int(2);
    (void)state;
    pbase_status status = pbase_txn_at(txn, "a", steps, 2, &held, err);
    pbase_set *set = pbase_collection_set(held);
    status = status == PBASE_OK ? pbase_set_add(&set, &two, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_at(txn, "a", steps, 2, held, err) : status;
    pbase_set_close(set);
    return status;
}

static void make_past_of_everything(void)
{
    const char *fields[] = {"x"};
    pbase_index_options index = {.struct_size = sizeof index, .fields = fields, .field_count = 1};
    pbase_txn_options whole = pbase_txn_options_default();
    whole.log_bytes_max = 1;
    whole.memory_bytes_max = 1;
    run(make_everything);
    run(change_deep);
    assert_int_equal(pbase_index_create(f.database, "a", "by_x", &index, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_index_drop(f.database, "a", "by_x", NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_run(f.database, &whole, NULL, adopt_large, NULL, NULL), PBASE_OK);
}

static void fail_at_every_call(os_call kind, pbase_status code, uint64_t least)
{
    sim_os *sim = sim_os_create(1);
    pbase_buffer whole, text;
    pbase_buffer_init(&whole, pbase_alloc_default());
    pbase_buffer_init(&text, pbase_alloc_default());
    fixture_end(&f);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.retention_bytes=1GiB");
    fixture_open(&f);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_database_branch(f.space, "main", "fork", NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 2, 1), PBASE_OK);
    make_past_of_everything();
    assert_int_equal(watch_all(sim, &whole), PBASE_OK);
    assert_true(whole.size > 0);
    uint64_t n = 0;
    pbase_status status = code;
    while (status != PBASE_OK && n++ < 5000) {
        sim_os_fail_at(sim, kind, n, code, false);
        status = watch_all(sim, &text);
        sim_os_fail_at(sim, kind, 0, PBASE_OK, false);
        assert_true(status == PBASE_OK || status == code);
        assert_memory_equal(text.data, whole.data, text.size); /* what was told is true */
    }
    print_message("%llu calls\n", (unsigned long long)n);
    assert_true(n > least && n < 5000);
    assert_int_equal(text.size, whole.size);
    pbase_buffer_fini(&text);
    pbase_buffer_fini(&whole);
    fixture_assert_clean(&f);
    fixture_end(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    open_keeping("storage.retention_count=0");
}

static void watching_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    fail_at_every_call(OS_CALL_MEMORY, PBASE_NO_MEMORY, 100);
}

static void watching_survives_every_failing_read(void **unused)
{
    (void)unused;
    fail_at_every_call(OS_CALL_READ, PBASE_IO, 0);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(what_happens_to_dictionaries_and_roots_is_told),
        SENTENCE(what_happens_to_every_other_kind_is_told),
        SENTENCE(what_happens_to_databases_is_told_and_names_are_those_of_the_moment),
        SENTENCE(content_that_came_whole_is_told_as_one_event_and_then_by_entries),
        SENTENCE(a_watch_begins_with_the_next_commit_unless_told_otherwise),
        SENTENCE(a_beginning_that_is_not_kept_names_the_oldest),
        SENTENCE(an_open_watch_keeps_what_it_has_yet_to_tell),
        SENTENCE(a_watch_resumed_anywhere_tells_what_a_full_one_does),
        SENTENCE(a_watch_waits_until_its_time_is_up_and_goes_on_after),
        SENTENCE(threads_that_commit_are_told_of_whole_and_in_order),
        SENTENCE(commits_of_another_process_are_told),
        SENTENCE(a_watch_that_others_trimmed_says_how_to_go_on_and_that_way_leads_on),
        SENTENCE(watching_survives_every_failing_allocation),
        SENTENCE(watching_survives_every_failing_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
