/* test_encryption.c - a space under aes-256-gcm: nothing of the data is in its files, keys change by
 * an edit of the configuration, a missing or wrong key is named before anything is touched, what was
 * acknowledged survives kill -9, and bytes in another place are refused. */
#include "seed.h"
#include "space_fixture.h"
#include <poll.h>
#include <protobase/backup.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_BYTES (PATH_MAX + 1024u)
#define KILLS 20u
#define KILLS_LONG 200u

#define CIPHER(keys) "{type: aes-256-gcm, keys: " keys ", key_file: '$D/{id}.key'}"

static temp_dir folder;
static space_fixture f;
static char yaml[2 * TEXT_BYTES];

/* Runs a shell command on the test's folder, $D. */
static int run(const char *command)
{
    assert_int_equal(setenv("D", folder.path, 1), 0);
    return system(command); /* the command is the test's own */
}

static void shell(const char *command)
{
    if (run(command) != 0) {
        fail_msg("%s", command);
    }
}

static int begin(void **unused)
{
    (void)unused;
    temp_dir_create(&folder);
    shell("umask 077; for id in k1 k2 k3; do printf '%s' $id | sha256sum | cut -c1-64 >$D/$id.key;"
          " done");
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    temp_dir_remove(&folder);
    return 0;
}

/* File storage in $D/space with these codecs; "$D" in them is the folder. */
static void prepare(const char *codecs, const char *map)
{
    char filled[TEXT_BYTES] = "";
    for (const char *at = codecs; *at != '\0';) {
        size_t used = strlen(filled);
        bool is_folder = strncmp(at, "$D", 2) == 0;
        (void)snprintf(filled + used, sizeof filled - used, is_folder ? "%s" : "%.1s",
                       is_folder ? folder.path : at);
        at += is_folder ? 2 : 1;
    }
    fixture_prepare(&f, NULL, NULL);
    f.source.memory = 0;
    (void)snprintf(yaml, sizeof yaml,
                   "version: 1\nstorage:\n  type: file\n  journal_segment_size: 64KiB\n  map: %s\n"
                   "  checkpoint_bytes: 64KiB\n"
                   "  blocks: {type: file, path: '%s/space', segment_size: 64KiB}\ncodecs: %s\n",
                   map, folder.path, filled);
    f.source.text = yaml;
}

static void open_with(const char *codecs)
{
    prepare(codecs, "auto");
    fixture_open(&f);
}

static pbase_status try_open(const char *codecs, pbase_error *err)
{
    pbase_error_init(err);
    prepare(codecs, "auto");
    return fixture_try_open(&f, err);
}

/* -------------------------------------------------------------------------------- secrecy ---- */

/* A document under a root, both with a name that is looked for afterwards. */
static void write_secrets(void)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "SECRETROOT");
    for (int64_t i = 0; i < 200; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "SECRETKEY%d", (int)i);
        pbase_value key = pbase_value_text(text), value = pbase_value_text("SECRETVALUE");
        assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "SECRETROOT", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    pbase_database *named = NULL;
    assert_int_equal(pbase_database_ensure(f.space, "SECRETBASE", &named, NULL), PBASE_OK);
    pbase_database_close(named);
}

#define FOUND(word) (run("grep -rqa " word " $D/space") == 0)

static void nothing_of_the_data_is_in_the_files_and_all_of_it_without_encryption(void **unused)
{
    (void)unused;
    static const char *const codecs[] = {"[msgpack]", "[json, " CIPHER("[k1]") "]",
                                         "[msgpack, zstd, " CIPHER("[k1]") "]"};
    for (size_t i = 0; i < 3; i++) {
        shell("rm -rf $D/space");
        open_with(codecs[i]);
        write_secrets();
        bool in_journal = FOUND("SECRET");
        assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        fixture_put_one(&f, "after", 1, 1);
        fixture_assert_clean(&f);
        fixture_close(&f);

        assert_int_equal(in_journal, i == 0);
        assert_int_equal(FOUND("SECRETROOT"), i == 0);
        assert_int_equal(FOUND("SECRETKEY"), i == 0);
        assert_int_equal(FOUND("SECRETVALUE"), i == 0);
        assert_int_equal(FOUND("SECRETBASE"), i == 0);
        assert_true(FOUND("'protobase space'")); /* the search does find */
    }
}

static void no_key_is_in_the_files(void **unused)
{
    (void)unused;
    open_with("[msgpack, " CIPHER("[k1]") "]");
    write_secrets();
    fixture_close(&f);
    shell("! grep -rqa \"$(head -c 16 $D/k1.key)\" $D/space");
    shell("! grep -rqaP \"$(head -c 16 $D/k1.key | sed 's/../\\\\x&/g')\" $D/space");
}

/* Backups are made and restored without looking into what they hold. */
static void a_backup_is_as_secret_as_the_space_and_restored_without_a_key(void **unused)
{
    (void)unused;
    pbase_error err;
    char path[PATH_MAX + 8];
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    pbase_restore_report restored;
    pbase_backup_source source = {.path = path};
    (void)snprintf(path, sizeof path, "%s/backup", folder.path);
    open_with("[msgpack, zstd, " CIPHER("[k1]") "]");
    write_secrets();
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    fixture_put_one(&f, "after", 1, 1);
    options.file = path;
    pbase_error_init(&err);
    assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
    fixture_close(&f);
    shell("! grep -qa SECRET $D/backup && grep -qa 'protobase space' $D/backup");

    shell("rm -rf $D/space");
    prepare("[msgpack]", "auto"); /* nobody has the key */
    assert_ok(pbase_restore(&f.source, &source, 1, NULL, NULL, &restored, &err), &err);
    assert_int_equal(restored.sequence, report.newest_sequence);
    assert_int_equal(fixture_try_open(&f, &err), PBASE_CONFIG);
    assert_int_equal(try_open("[msgpack, " CIPHER("[k2]") "]", &err), PBASE_AUTH);
    open_with("[msgpack, zstd, " CIPHER("[k1]") "]");
    assert_int_equal(fixture_count(&f, "SECRETROOT"), 200);
    assert_int_equal(fixture_get(&f, "after", 1), 1);
    fixture_assert_clean(&f);
    fixture_close(&f);
    shell("rm -f $D/backup");
}

/* -------------------------------------------------------------------------------- rotation --- */

static void keys_and_codecs_change_by_an_edit_and_everything_stays_readable(void **unused)
{
    (void)unused;
    static const struct {
        const char *codecs, *map;
    } wirings[] = {
        {"[msgpack]", "auto"}, /* not encrypted yet */
        {"[msgpack, " CIPHER("[k1]") "]", "auto"},
        {"[json, zstd, " CIPHER("[k2, k1]") "]", "never"},
        {"[msgpack, lz4, " CIPHER("[k3, k2, k1]") "]", "auto"},
        {"[msgpack, {type: aes-256-gcm, keys: [k3, k2, k1], active: k1, key_file: '$D/{id}.key'}]",
         "never"},
        {"[msgpack, {type: lz4, write: false}, zstd, "
         "{type: aes-256-gcm, write: false, keys: [k3, k2, k1], key_file: '$D/{id}.key'}]",
         "auto"}, /* no longer encrypted */
    };
    for (int64_t n = 0; n < 12; n++) {
        prepare(wirings[n / 2].codecs, wirings[n / 2].map);
        fixture_open(&f);
        for (int64_t key = 0; key < 40; key++) {
            assert_int_equal(fixture_put_one(&f, "shared", 100 * n + key, key), PBASE_OK);
        }
        if (n % 2 == 0) { /* half of them is read from the store, half from the journal */
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
        for (int64_t old = 0; old <= n; old++) {
            assert_int_equal(fixture_get(&f, "shared", 100 * old + 7), 7);
        }
        fixture_assert_clean(&f);
        fixture_close(&f);
    }
}

static void what_a_transform_is_only_to_read_is_not_written_with_it(void **unused)
{
    (void)unused;
    open_with("[msgpack, " CIPHER("[k1]") "]");
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    fixture_close(&f);
    open_with(
        "[msgpack, {type: aes-256-gcm, write: false, keys: [k2, k1], key_file: '$D/{id}.key'}]");
    write_secrets();
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    fixture_close(&f);
    assert_true(FOUND("SECRETVALUE"));
    shell("mv $D/k2.key $D/away"); /* a key that never wrote is needed by nobody */
    open_with("[msgpack, {type: aes-256-gcm, write: false, keys: [k1], key_file: '$D/{id}.key'}]");
    fixture_assert_clean(&f);
    fixture_close(&f);
    shell("mv $D/away $D/k2.key");
}

static void assert_refused(const char *codecs, pbase_status expected, const char *says)
{
    pbase_error err;
    shell("rm -rf $D/before && cp -a $D/space $D/before");
    assert_int_equal(try_open(codecs, &err), expected);
    if (strstr(err.message, says) == NULL) {
        fail_msg("'%s' does not say %s", err.message, says);
    }
    shell("diff -r -x 'LOCK*' -x 'BOARD*' -x 'SLOT*' $D/before $D/space");
}

static void a_missing_or_wrong_key_is_named_and_nothing_is_touched(void **unused)
{
    (void)unused;
    open_with("[msgpack, " CIPHER("[k1]") "]");
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    fixture_close(&f);
    open_with("[msgpack, " CIPHER("[k2, k1]") "]");
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK);
    fixture_close(&f);

    assert_refused("[msgpack]", PBASE_CONFIG, "aes-256-gcm");
    assert_refused("[msgpack, " CIPHER("[k2]") "]", PBASE_AUTH, "with the key 'k1'");
    assert_refused("[msgpack, " CIPHER("[k3, k1]") "]", PBASE_AUTH, "with the key 'k2'");
    shell("mv $D/k1.key $D/away");
    assert_refused("[msgpack, " CIPHER("[k2, k1]") "]", PBASE_AUTH, "/k1.key (missing)");
    shell("cp -p $D/k3.key $D/k1.key");
    assert_refused("[msgpack, " CIPHER("[k2, k1]") "]", PBASE_AUTH, "'k1' is not the one");
    shell("mv $D/away $D/k1.key && chmod 644 $D/k1.key");
    assert_refused("[msgpack, " CIPHER("[k2, k1]") "]", PBASE_CONFIG, "others may read it");
    shell("chmod 600 $D/k1.key");
    open_with("[msgpack, " CIPHER("[k2, k1]") "]");
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    assert_int_equal(fixture_get(&f, "a", 2), 2);
    fixture_close(&f);
}

/* ------------------------------------------------------------------------- crash and damage --- */

static void commit_for_ever(int out, int64_t first)
{
    for (int64_t n = first;; n++) {
        if (fixture_put_one(&f, "shared", n, n) != PBASE_OK ||
            write(out, &n, sizeof n) != sizeof n) {
            _exit(3);
        }
    }
}

static void what_was_acknowledged_survives_kill_9(void **unused)
{
    (void)unused;
    static const char *const codecs[] = {"[msgpack, zstd, " CIPHER("[k1]") "]",
                                         "[msgpack, lz4, " CIPHER("[k2, k1]") "]"};
    seed_random random;
    int64_t next = 0;
    unsigned kills = seed_is_long_run() ? KILLS_LONG : KILLS;
    seed_random_init(&random, seed_for("what_was_acknowledged_survives_kill_9"));
    for (unsigned i = 0; i < kills; i++) {
        int ends[2], status = 0;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            open_with(codecs[i * 2 / kills]);
            commit_for_ever(ends[1], next);
        }
        (void)close(ends[1]);
        struct pollfd first = {.fd = ends[0], .events = POLLIN};
        assert_int_equal(poll(&first, 1, 30000), 1);
        (void)usleep((useconds_t)seed_below(&random, 30000));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        for (int64_t done; read(ends[0], &done, sizeof done) == sizeof done;) {
            next = done + 1;
        }
        (void)close(ends[0]);
        open_with(codecs[i * 2 / kills]);
        uint64_t count = fixture_count(&f, "shared");
        assert_true(count >= (uint64_t)next && count <= (uint64_t)next + 1);
        assert_int_equal(fixture_get(&f, "shared", next - 1), next - 1);
        next = (int64_t)count;
        fixture_assert_clean(&f);
        fixture_close(&f);
    }
}

/* Files of one space under the id of another: checksums hold, and nothing is read all the same. */
static void what_belongs_to_another_space_is_refused(void **unused)
{
    (void)unused;
    pbase_error err;
    open_with("[msgpack, " CIPHER("[k1]") "]");
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    fixture_close(&f);
    shell("grep -rla 'protobase space' $D/space >$D/meta && test -s $D/meta");
    shell("mv $D/space $D/first");
    open_with("[msgpack, " CIPHER("[k1]") "]");
    fixture_close(&f);
    /* the second one's meta document over the first one's everything else */
    shell(
        "cp -a $D/first $D/mixed && sed \"s|^$D/||; s|^space/||\" $D/meta | while read -r name; do"
        " cp $D/space/\"$name\" $D/mixed/\"$name\"; done && rm -rf $D/space && mv $D/mixed "
        "$D/space");
    pbase_status status = try_open("[msgpack, " CIPHER("[k1]") "]", &err);
    assert_int_equal(status, PBASE_CORRUPT);
    shell("rm -rf $D/space && mv $D/first $D/space");
    open_with("[msgpack, " CIPHER("[k1]") "]");
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    fixture_close(&f);
}

#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SENTENCE(nothing_of_the_data_is_in_the_files_and_all_of_it_without_encryption),
        SENTENCE(a_backup_is_as_secret_as_the_space_and_restored_without_a_key),
        SENTENCE(no_key_is_in_the_files),
        SENTENCE(keys_and_codecs_change_by_an_edit_and_everything_stays_readable),
        SENTENCE(what_a_transform_is_only_to_read_is_not_written_with_it),
        SENTENCE(a_missing_or_wrong_key_is_named_and_nothing_is_touched),
        SENTENCE(what_was_acknowledged_survives_kill_9),
        SENTENCE(what_belongs_to_another_space_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
