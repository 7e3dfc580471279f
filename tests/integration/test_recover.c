/* test_recover.c - damaged spaces recovered: all that is whole is there, nothing is invented, and what
 * is missing was told.
 *
 * A space with every kind of content is copied as a crash would leave it, or closed; the copy is
 * damaged at random (PBASE_TEST_SEED), recovered into a new folder and compared with the original. */
#include "seed.h"
#include "sim_os.h"
#include "space_digest.h"
#include "space_fixture.h"
#include "stored_table.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PEOPLE 1200
#define ELEMENTS 400
#define COMMITS 40
#define BLOB_BYTES 700000u

static temp_dir dir;
static space_fixture f;                 /* the original */
static char copy[PATH_MAX];             /* what is damaged */
static char saved[PATH_MAX];            /* what is recovered */
static seed_random randomness;          /* of one test */
static char codecs[2 * PATH_MAX + 256]; /* of the next world, as a setting; empty: none */

/* File `name` in the folder of the world, which only its owner may read. */
static void write_key(const char *name, int digit)
{
    FILE *file = fopen(temp_dir_path(&dir, name), "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    for (int i = 0; i < 64; i++) {
        assert_true(fprintf(file, "%x", (unsigned)(i * 7 + digit) % 16) == 1);
    }
    assert_int_equal(fclose(file), 0);
}

typedef enum { ZSTD, LZ4, DICTIONARY, CIPHER, ALL_OF_IT, TRANSFORMS } transform;
static const char *const transform_names[] = {"zstd", "lz4", "zstd with a dictionary",
                                              "aes-256-gcm", "zstd and aes-256-gcm"};

/* Key `id` of the cipher, or another one under that name: another `digit`. */
static void set_codecs(transform how, const char *id)
{
    static const char zstd[] = "zstd", lz4[] = "lz4";
    static const char dictionary[] = "{type: zstd, min_size: 32, dictionary: '" PBASE_SOURCE_DIR
                                     "/tests/golden/codecs/v1_orders.dict'}";
    char cipher[PATH_MAX + 64];
    (void)snprintf(cipher, sizeof cipher,
                   "{type: aes-256-gcm, keys: [%s], key_file: '%s/{id}.key'}", id, dir.path);
    const char *const first[] = {zstd, lz4, dictionary, cipher, zstd};
    (void)snprintf(codecs, sizeof codecs, "codecs=[msgpack, %s%s%s]", first[how],
                   how == ALL_OF_IT ? ", " : "", how == ALL_OF_IT ? cipher : "");
}

/* ------------------------------------------------------------------------------------ files ---- */

static void copy_file(const char *from, const char *to)
{
    static char bytes[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t size = fread(bytes, 1, sizeof bytes, in); size > 0;
         size = fread(bytes, 1, sizeof bytes, in)) {
        assert_int_equal(fwrite(bytes, 1, size, out), size);
    }
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void copy_folder(const char *from, const char *to)
{
    char a[PATH_MAX + 260], b[PATH_MAX + 260];
    DIR *folder = opendir(from);
    assert_non_null(folder);
    assert_int_equal(mkdir(to, 0700), 0);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(a, sizeof a, "%s/%s", from, entry->d_name);
        (void)snprintf(b, sizeof b, "%s/%s", to, entry->d_name);
        assert_int_equal(stat(a, &facts), 0);
        if (S_ISDIR(facts.st_mode)) {
            copy_folder(a, b);
        } else {
            copy_file(a, b);
        }
    }
    (void)closedir(folder);
}

/* One bit of the file in the copy, anywhere in [from, to); to 0: the end. */
static void flip(const char *name, long from, long to)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", copy, name);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    to = to == 0 || to > size ? size : to;
    long at = from + (long)seed_below(&randomness, (uint64_t)(to - from));
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ (1 << seed_below(&randomness, 8)), file), EOF);
    assert_int_equal(fclose(file), 0);
}

/* Turns over a bit in every inner node whose children are leaves. */
static void damage_inner_nodes(void)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/store/0001", copy);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    static uint8_t head[64];
    for (long at = 64; fseek(file, at, SEEK_SET) == 0 && fread(head, 1, 64, file) == 64; at += 64) {
        /* header of an atom: a node, version 1; then a node of its format, level 1 */
        if (head[12] == 1 && head[13] == 1 && head[24] == 2 && head[25] == 1) {
            assert_int_equal(fseek(file, at + 30, SEEK_SET), 0);
            assert_int_not_equal(fputc(head[30] ^ 1, file), EOF);
        }
    }
    assert_int_equal(fclose(file), 0);
}

/* The only segment of the journal that has frames. */
static void journal_name(char out[64])
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/journal", copy);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    out[0] = '\0';
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '0') {
            (void)snprintf(out, 64, "journal/%.20s", entry->d_name);
        }
    }
    (void)closedir(folder);
    assert_true(out[0] != '\0');
}

/* ------------------------------------------------------------------------------------ world ---- */

static void text_of(int64_t number, char out[64])
{
    (void)snprintf(out, 64, "value of %lld %.*s", (long long)number, (int)(number % 40),
                   "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
}

static void fill(void)
{
    char text[64];
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_list *list = NULL;
    pbase_blob *blob = NULL;
    assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
    for (int64_t i = 0; i < PEOPLE; i++) {
        text_of(i, text);
        pbase_value key = pbase_value_int(i), value = pbase_value_text(text);
        assert_ok(pbase_dict_put(&people, &key, &value, NULL, &err), &err);
    }
    for (int64_t i = 0; i < ELEMENTS; i++) {
        pbase_value value = pbase_value_int(i);
        assert_ok(pbase_list_append(&list, &value, &err), &err);
    }
    pbase_value name = pbase_value_text("inner");
    pbase_value inner = pbase_value_handle((const pbase_collection *)list);
    assert_ok(pbase_dict_put(&people, &name, &inner, NULL, &err), &err);
    assert_ok(pbase_txn_store_dict(txn, "people", people, &err), &err);
    assert_ok(pbase_txn_store_list(txn, "list", list, &err), &err);
    pbase_list_close(list);
    pbase_dict_close(people);
    for (int64_t i = 0; i < 50; i++) {
        pbase_object_id id;
        pbase_field field = {pbase_bytes_text("n"), pbase_value_int(i)};
        pbase_value value = pbase_value_map(&field, 1);
        assert_ok(pbase_object_create(txn, "Thing", &value, &id, &err), &err);
    }
    assert_ok(pbase_blob_create(txn, "picture", "image/png", &blob, &err), &err);
    uint8_t *bytes = malloc(BLOB_BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < BLOB_BYTES; i++) {
        bytes[i] = (uint8_t)(i * 31 + 7);
    }
    assert_ok(pbase_blob_append(blob, pbase_bytes_of(bytes, BLOB_BYTES), &err), &err);
    pbase_value document;
    assert_ok(pbase_blob_value(blob, &document, &err), &err);
    assert_ok(pbase_txn_store_value(txn, "blob", &document, &err), &err);
    pbase_blob_close(blob);
    free(bytes);
    assert_ok(fixture_commit(&txn), &err);
}

/* A branch that shares most of its nodes with `main`, and has gone its own way since. */
static void grow_branch(void)
{
    pbase_error err;
    pbase_database *branch = NULL, *trunk = f.database;
    pbase_error_init(&err);
    assert_ok(pbase_database_branch(f.space, "main", "branch", &err), &err);
    assert_ok(pbase_database_open(f.space, "branch", &branch, &err), &err);
    f.database = branch;
    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(fixture_put_one(&f, i % 2 == 0 ? "people" : "own", i * 50, -i), PBASE_OK);
    }
    f.database = trunk;
    pbase_database_close(branch);
}

/* Commits of one key each after the last checkpoint. The folder is there. */
static void begin_world_here(bool is_closed)
{
    pbase_error err;
    const char *paths[] = {"n"};
    pbase_error_init(&err);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    if (codecs[0] != '\0') {
        fixture_set(&f, codecs);
    }
    (void)snprintf(copy, sizeof copy, "%s", temp_dir_path(&dir, "copy"));
    (void)snprintf(saved, sizeof saved, "%s", temp_dir_path(&dir, "saved"));
    fixture_open(&f);
    fill();
    assert_ok(pbase_index_create(f.database, "$objects", "by_n",
                                 &(pbase_index_options){.fields = paths, .field_count = 1}, NULL,
                                 &err),
              &err);
    assert_ok(pbase_database_snapshot(f.space, "main", "frozen", &err), &err);
    grow_branch();
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    for (int64_t i = 0; i < COMMITS; i++) {
        assert_int_equal(fixture_put_one(&f, "log", i, i * 3), PBASE_OK);
    }
    if (is_closed) {
        fixture_close(&f);
    }
    copy_folder(f.data, copy);
    if (is_closed) {
        fixture_open(&f);
    }
}

static void begin_world(bool is_closed)
{
    temp_dir_create(&dir);
    begin_world_here(is_closed);
}

static void end_world(void)
{
    fixture_close(&f);
    temp_dir_remove(&dir);
}

/* ------------------------------------------------------------------------------- recovering ---- */

typedef struct {
    unsigned findings, lost_commits_told, orphans_told;
} heard;
static bool key_told[PEOPLE], all_told; /* of 'people' in main, as lost */

static void mark_keys(long long from, long long to)
{
    for (long long i = from < 0 ? 0 : from; i < to && i < PEOPLE; i++) {
        key_told[i] = true;
    }
}

/* What a finding says is missing of 'people'. */
static void note_keys(const char *place)
{
    static const char people[] = "database 'main', root 'people', ";
    long long from = 0, to = 0;
    if (strncmp(place, people, sizeof people - 1) != 0) {
        all_told = all_told || strstr(place, "table of its collections") != NULL ||
                   strstr(place, "list of") != NULL || strncmp(place, "commit", 6) == 0 ||
                   strncmp(place, "checkpoint", 10) == 0 || strstr(place, "collection (") != NULL;
        return;
    }
    place += sizeof people - 1;
    char *end = NULL;
    if (strncmp(place, "keys from ", 10) == 0) {
        from = strtoll(place + 10, &end, 10);
        to = strncmp(end, " up to ", 7) == 0 ? strtoll(end + 7, &end, 10) : PEOPLE;
        mark_keys(from, to);
    } else if (strncmp(place, "keys before ", 12) == 0) {
        mark_keys(0, strtoll(place + 12, &end, 10));
    } else {
        all_told = true;
    }
}

static pbase_status hear(void *state, pbase_status code, const char *place, const char *message,
                         pbase_error *err)
{
    heard *self = state;
    (void)err;
    if (getenv("PBASE_TEST_TALK") != NULL) {
        print_message("%s: %s: %s\n", pbase_status_name(code), place, message);
    }
    assert_true(code != PBASE_OK && place[0] != '\0' && message[0] != '\0');
    self->findings++;
    self->orphans_told += strstr(place, "lost+found") != NULL;
    note_keys(place);
    self->lost_commits_told += strncmp(place, "commit", 6) == 0;
    return PBASE_OK;
}

static pbase_status recover(heard *told, pbase_recover_report *report, pbase_error *err)
{
    pbase_config_source from = f.source, to = f.source;
    pbase_recover_options options = {.each = hear, .state = told};
    from.data = copy;
    to.data = saved;
    f.sets[0] = codecs[0] != '\0' ? codecs : f.sets[0]; /* a test may have changed them */
    memset(told, 0, sizeof *told);
    memset(key_told, 0, sizeof key_told);
    all_told = false;
    return pbase_space_recover(&from, &to, &options, NULL, report, err);
}

/* ------------------------------------------------------------------------------- comparing ----- */

static uint64_t count_people(pbase_snapshot *snapshot)
{
    char text[64];
    uint64_t found = 0;
    pbase_dict *people = NULL;
    pbase_arena arena;
    if (pbase_snapshot_dict(snapshot, "people", &people, NULL) != PBASE_OK) {
        return 0;
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    for (int64_t i = 0; i < PEOPLE; i++) {
        pbase_value key = pbase_value_int(i), value;
        pbase_status status = pbase_dict_get(people, &key, &arena, &value, NULL);
        text_of(i, text);
        assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
        if (status == PBASE_OK) {
            assert_true(pbase_bytes_equal(value.as.string, pbase_bytes_text(text)));
            found++;
        } else {
            assert_true(key_told[i] || all_told); /* what is missing was told */
        }
        assert_true(status != PBASE_OK || !key_told[i] || all_told); /* and nothing else */
    }
    pbase_arena_fini(&arena);
    pbase_dict_close(people);
    return found;
}

/* What is there of the list is a part of what was, in its order. */
static uint64_t count_elements(pbase_snapshot *snapshot)
{
    uint64_t count = 0;
    pbase_list *list = NULL;
    pbase_arena arena;
    int64_t last = -1;
    if (pbase_snapshot_list(snapshot, "list", &list, NULL) != PBASE_OK) {
        return 0;
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
    for (uint64_t i = 0; i < count; i++) {
        pbase_value value;
        assert_int_equal(pbase_list_get(list, (int64_t)i, &arena, &value, NULL), PBASE_OK);
        assert_true(value.as.integer > last && value.as.integer < ELEMENTS);
        last = value.as.integer;
    }
    pbase_arena_fini(&arena);
    pbase_list_close(list);
    return count;
}

static pbase_status count_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)err;
    assert_true(root != NULL);
    (*(uint64_t *)state)++;
    return PBASE_OK;
}

static uint64_t count_log(space_fixture *at)
{
    uint64_t found = 0;
    for (int64_t i = 0; i < COMMITS; i++) {
        int64_t value = fixture_get(at, "log", i);
        assert_true(value == INT64_MIN || value == i * 3);
        found += value != INT64_MIN;
    }
    return found;
}

/* Everything that was is there, or was told. */
static void compare(const pbase_recover_report *report, uint64_t *out_log)
{
    space_fixture at;
    pbase_snapshot *snapshot = NULL;
    fixture_prepare(&at, saved, NULL);
    if (codecs[0] != '\0') {
        fixture_set(&at, codecs);
    }
    fixture_open(&at);
    fixture_assert_clean(&at);
    assert_int_equal(pbase_snapshot_open(at.database, &snapshot, NULL), PBASE_OK);
    uint64_t people = count_people(snapshot), elements = count_elements(snapshot);
    *out_log = count_log(&at);
    if (report->findings == 0) {
        assert_int_equal(people, PEOPLE);
        assert_int_equal(elements, ELEMENTS);
        assert_int_equal(*out_log, COMMITS);
        assert_int_equal(digest_space(at.space), digest_space(f.space));
    }
    if (people < PEOPLE || elements < ELEMENTS) {
        assert_true(report->damaged_atoms > 0 || report->lost_commits > 0);
    }
    pbase_snapshot_close(snapshot);
    fixture_close(&at);
}

/* ------------------------------------------------------------------------------------ tests ---- */

static void a_sound_space_is_copied_whole_and_not_touched(void **unused)
{
    (void)unused;
    heard told;
    uint64_t log = 0;
    pbase_recover_report report;
    pbase_error err;
    for (int closed = 0; closed < 2; closed++) {
        pbase_error_init(&err);
        begin_world(closed == 1);
        assert_ok(recover(&told, &report, &err), &err);
        assert_int_equal(report.findings, 0);
        compare(&report, &log);
        assert_int_equal(recover(&told, &report, &err), PBASE_EXISTS);
        end_world();
    }
}

static void every_entry_of_a_sound_atom_is_saved(void **unused)
{
    (void)unused;
    unsigned rounds = seed_is_long_run() ? 300 : 6;
    uint64_t seed = seed_for("recover.atoms");
    for (unsigned round = 0; round < rounds; round++) {
        heard told;
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        seed_random_init(&randomness, seed + round);
        begin_world(true);
        for (uint64_t i = 1 + seed_below(&randomness, 12); i > 0; i--) {
            flip("store/0001", 64, 0);
        }
        pbase_status status = recover(&told, &report, &err);
        assert_ok(status, &err);
        assert_int_equal(told.findings, report.findings);
        compare(&report, &log);
        end_world();
    }
}

static void damage_in_the_journal_costs_only_the_commits_in_it(void **unused)
{
    (void)unused;
    unsigned rounds = seed_is_long_run() ? 200 : 5;
    uint64_t seed = seed_for("recover.journal");
    for (unsigned round = 0; round < rounds; round++) {
        heard told;
        char journal[64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        seed_random_init(&randomness, seed + round);
        begin_world(false); /* the log is in the journal alone */
        journal_name(journal);
        for (uint64_t i = 1 + seed_below(&randomness, 3); i > 0; i--) {
            flip(journal, 0, 400000);
        }
        pbase_status status = recover(&told, &report, &err);
        assert_ok(status, &err);
        compare(&report, &log);
        /* at the end nobody can know how many there were */
        assert_true(log + report.lost_commits <= COMMITS || report.base_sequence < 5);
        assert_true(report.lost_commits == 0 || told.lost_commits_told > 0);
        end_world();
    }
}

static void lost_keys_of_the_storage_are_no_hindrance(void **unused)
{
    (void)unused;
    static const char *const names[] = {"KEYS/super", "KEYS/meta", "FORMAT", "LOCK"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        heard told;
        char path[PATH_MAX + 64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        begin_world(true);
        (void)snprintf(path, sizeof path, "%s/%s", copy, names[i]);
        assert_int_equal(remove(path), 0);
        pbase_status status = recover(&told, &report, &err);
        assert_ok(status, &err);
        compare(&report, &log);
        assert_int_equal(log, COMMITS);
        end_world();
    }
}

static void a_segment_that_was_cut_or_is_gone_costs_what_it_held(void **unused)
{
    (void)unused;
    for (int gone = 0; gone < 2; gone++) {
        heard told;
        char path[PATH_MAX + 64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        begin_world(false);
        (void)snprintf(path, sizeof path, "%s/store/0001", copy);
        if (gone == 1) {
            assert_int_equal(remove(path), 0);
        } else {
            assert_int_equal(truncate(path, 40000), 0);
        }
        pbase_status status = recover(&told, &report, &err);
        assert_ok(status, &err);
        assert_true(report.findings > 0);
        compare(&report, &log);
        end_world();
    }
}

/* What older checkpoints have of what is lost is taken, told as possibly stale, and left out on
 * request. */
static void older_checkpoints_fill_what_is_lost_and_say_so(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    seed_random_init(&randomness, seed_for("recover.stale"));
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    (void)snprintf(copy, sizeof copy, "%s", temp_dir_path(&dir, "copy"));
    fixture_set(&f, "storage.retention_count=4");
    fixture_open(&f);
    for (int64_t round = 0; round < 2; round++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = fixture_dict(txn, "log");
        for (int64_t i = 0; i < 4000; i++) {
            fixture_put(&dict, i, i * 2 + round);
        }
        assert_ok(pbase_txn_store_dict(txn, "log", dict, &err), &err);
        pbase_dict_close(dict);
        assert_ok(fixture_commit(&txn), &err);
        assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
    }
    fixture_close(&f);
    copy_folder(f.data, copy);
    for (int i = 0; i < 4; i++) { /* leaves of the newer version, which begins before that */
        flip("store/0001", 110000, 125000);
    }
    for (int without = 0; without < 2; without++) {
        heard told = {0, 0, 0};
        pbase_recover_report report;
        uint64_t stale = 0, missing = 0;
        space_fixture at;
        pbase_config_source from = f.source, to = f.source;
        pbase_recover_options options = {
            .each = hear, .state = &told, .without_stale = without == 1};
        (void)snprintf(saved, sizeof saved, "%s", temp_dir_path(&dir, without ? "b" : "a"));
        from.data = copy;
        to.data = saved;
        pbase_status status = pbase_space_recover(&from, &to, &options, NULL, &report, &err);
        assert_ok(status, &err);
        fixture_prepare(&at, saved, NULL);
        fixture_open(&at);
        for (int64_t i = 0; i < 4000; i++) {
            int64_t value = fixture_get(&at, "log", i);
            assert_true(value == INT64_MIN || value == i * 2 || value == i * 2 + 1);
            stale += value == i * 2;
            missing += value == INT64_MIN;
        }
        fixture_close(&at);
        assert_true(stale + missing > 0);
        assert_int_equal(stale, report.stale_entries);
        assert_int_equal(missing, report.lost_entries);
        assert_true(without == 1 ? stale == 0 : missing == 0);
    }
    fixture_open(&f);
    end_world();
}

/* All inner nodes are lost, and most leaves are whole: they are found, and shown apart. */
static void leaves_that_nothing_leads_to_are_kept_apart(void **unused)
{
    (void)unused;
    heard told;
    uint64_t log = 0, roots = 0;
    pbase_recover_report report;
    space_fixture at;
    pbase_database *found = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_error err;
    pbase_error_init(&err);
    begin_world(true);
    damage_inner_nodes();
    pbase_status status = recover(&told, &report, &err);
    assert_ok(status, &err);
    compare(&report, &log);
    assert_true(report.orphaned_entries > 1000);
    assert_int_equal(told.orphans_told, 1);
    fixture_prepare(&at, saved, NULL);
    fixture_open(&at);
    assert_ok(pbase_database_open(at.space, "lost+found", &found, &err), &err);
    assert_ok(pbase_snapshot_open(found, &snapshot, &err), &err);
    assert_ok(pbase_snapshot_roots(snapshot, count_root, &roots, &err), &err);
    assert_true(roots > 10);
    pbase_snapshot_close(snapshot);
    pbase_database_close(found);
    fixture_close(&at);
    end_world();
}

/* On the simulated machine, of which every call can fail: a small space, closed. */
static sim_os *begin_simulated(void)
{
    sim_os *sim = sim_os_create(7);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_open(&f);
    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(fixture_put_one(&f, "log", i, i), PBASE_OK);
    }
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "log", 5, 5), PBASE_OK);
    fixture_close(&f);
    (void)snprintf(copy, sizeof copy, "/space");
    return sim;
}

static void expect_all_of_it(sim_os *sim)
{
    space_fixture at;
    fixture_prepare(&at, saved, sim_os_interface(sim));
    fixture_open(&at);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(fixture_get(&at, "log", i), i);
    }
    fixture_close(&at);
}

/* Each `step`-th call of a kind fails, once; `is_fine` judges what came of it. */
static void fail_each(sim_os *sim, os_call kind, pbase_status code, uint64_t step,
                      bool (*is_fine)(pbase_status status, const heard *told))
{
    size_t used = sim_os_memory_used(sim);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n += step) {
        heard told;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        (void)snprintf(saved, sizeof saved, "/saved.%d.%llu", (int)kind, (unsigned long long)n);
        uint64_t before = sim_os_calls(sim, kind);
        sim_os_fail_at(sim, kind, n, code, false);
        pbase_status status = recover(&told, &report, &err);
        sim_os_fail_at(sim, kind, 0, PBASE_OK, false);
        is_done = sim_os_calls(sim, kind) - before < n;
        if (!is_fine(status, &told) || (is_done && (status != PBASE_OK || told.findings > 0))) {
            fail_msg("call %llu: %s, %u findings: %s", (unsigned long long)n,
                     pbase_status_name(status), told.findings, err.message);
        }
        if (status == PBASE_OK && told.findings == 0) { /* nothing was missed without a word */
            expect_all_of_it(sim);
        }
        assert_int_equal(sim_os_memory_used(sim), used);
    }
}

static bool is_lack_of_memory(pbase_status status, const heard *told)
{
    return (status == PBASE_OK || status == PBASE_NO_MEMORY) && told->findings == 0;
}

static void lack_of_memory_anywhere_ends_it_and_leaves_nothing_behind(void **unused)
{
    (void)unused;
    sim_os *sim = begin_simulated();
    fail_each(sim, OS_CALL_MEMORY, PBASE_NO_MEMORY, seed_is_long_run() ? 1 : 13, is_lack_of_memory);
    sim_os_destroy(sim);
}

/* What cannot be read of the damaged space is told, as damage is; what cannot be written ends it. */
static bool is_told(pbase_status status, const heard *told)
{
    (void)told;
    return status == PBASE_OK || status == PBASE_IO || status == PBASE_UNKNOWN ||
           status == PBASE_READ_ONLY || status == PBASE_CORRUPT;
}

static void a_call_that_fails_is_told_and_the_next_attempt_finds_everything(void **unused)
{
    (void)unused;
    static const os_call kinds[] = {OS_CALL_OPEN, OS_CALL_READ, OS_CALL_WRITE, OS_CALL_SYNC};
    sim_os *sim = begin_simulated();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fail_each(sim, kinds[i], PBASE_IO, 1, is_told);
    }
    sim_os_destroy(sim);
}

static void a_database_whose_table_is_lost_comes_back_without_roots(void **unused)
{
    (void)unused;
    heard told;
    uint64_t log = 0;
    pbase_recover_report report;
    space_fixture made;
    pbase_database *frozen = NULL;
    pbase_error err;
    pbase_error_init(&err);
    begin_world(true);
    seed_random_init(&randomness, seed_for(__func__));
    long at = (long)stored_table_offset(f.space, "frozen");
    assert_true(at > 0);
    flip("store/0001", at, at + 8); /* its checksum */

    pbase_status status = recover(&told, &report, &err);

    assert_ok(status, &err); /* the result passed its check */
    assert_true(report.findings > 0);
    compare(&report, &log);
    fixture_prepare(&made, saved, NULL);
    fixture_open(&made);
    assert_ok(pbase_database_open(made.space, "frozen", &frozen, &err), &err);
    pbase_database_close(frozen);
    fixture_close(&made);
    end_world();
}

/* -------------------------------------------------------------------------- transforms -------- */

static void begin_transformed(transform how, bool is_closed)
{
    temp_dir_create(&dir);
    write_key("k1.key", 1);
    write_key("k2.key", 2);
    set_codecs(how, "k1");
    begin_world_here(is_closed);
}

static void end_transformed(void)
{
    end_world();
    codecs[0] = '\0';
}

/* Sound, then damaged in the store, then in the journal, by turns. */
static void recover_transformed(transform how, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        heard told;
        char journal[64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        begin_transformed(how, round % 3 != 2);
        for (uint64_t i = 1 + seed_below(&randomness, 6); i > 0 && round % 3 == 1; i--) {
            flip("store/0001", 64, 0);
        }
        if (round % 3 == 2) {
            journal_name(journal);
            flip(journal, 0, 100000);
        }
        pbase_status status = recover(&told, &report, &err);
        if (status != PBASE_OK) {
            fail_msg("%s, round %u: %s: %s", transform_names[how], round, pbase_status_name(status),
                     err.message);
        }
        assert_int_equal(told.findings, report.findings);
        assert_true(round % 3 != 0 || report.findings == 0);
        compare(&report, &log);
        end_transformed();
    }
}

static void compressed_and_encrypted_spaces_are_recovered_as_plain_ones_are(void **unused)
{
    (void)unused;
    seed_random_init(&randomness, seed_for(__func__));
    for (int how = 0; how < TRANSFORMS; how++) {
        recover_transformed((transform)how, seed_is_long_run() ? 150 : 3);
    }
}

/* Nothing of the damaged space can be read then: that is said before anything is made. */
static void without_the_right_key_it_is_said_which_is_missing(void **unused)
{
    (void)unused;
    char right[sizeof codecs];
    heard told;
    uint64_t log = 0;
    pbase_recover_report report;
    pbase_error err;
    pbase_error_init(&err);
    begin_transformed(CIPHER, true);
    memcpy(right, codecs, sizeof right);
    set_codecs(CIPHER, "k2");
    assert_int_equal(recover(&told, &report, &err), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'k1'"));
    write_key("k1.key", 3); /* another key under the same name */
    memcpy(codecs, right, sizeof codecs);
    assert_int_equal(recover(&told, &report, &err), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'k1'"));
    assert_int_equal(access(saved, F_OK), -1);
    write_key("k1.key", 1);
    assert_ok(recover(&told, &report, &err), &err);
    compare(&report, &log);
    end_transformed();
}

static void a_space_in_use_is_not_recovered(void **unused)
{
    (void)unused;
    heard told;
    pbase_recover_report report;
    pbase_error err;
    pbase_error_init(&err);
    begin_world(false);
    (void)snprintf(copy, sizeof copy, "%s", f.data);
    assert_int_equal(recover(&told, &report, &err), PBASE_BUSY);
    end_world();
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about flushes */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_space_is_copied_whole_and_not_touched),
        cmocka_unit_test(every_entry_of_a_sound_atom_is_saved),
        cmocka_unit_test(damage_in_the_journal_costs_only_the_commits_in_it),
        cmocka_unit_test(lost_keys_of_the_storage_are_no_hindrance),
        cmocka_unit_test(a_segment_that_was_cut_or_is_gone_costs_what_it_held),
        cmocka_unit_test(older_checkpoints_fill_what_is_lost_and_say_so),
        cmocka_unit_test(leaves_that_nothing_leads_to_are_kept_apart),
        cmocka_unit_test(a_database_whose_table_is_lost_comes_back_without_roots),
        cmocka_unit_test(compressed_and_encrypted_spaces_are_recovered_as_plain_ones_are),
        cmocka_unit_test(without_the_right_key_it_is_said_which_is_missing),
        cmocka_unit_test(a_space_in_use_is_not_recovered),
        cmocka_unit_test(lack_of_memory_anywhere_ends_it_and_leaves_nothing_behind),
        cmocka_unit_test(a_call_that_fails_is_told_and_the_next_attempt_finds_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
