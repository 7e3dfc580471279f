/* recover_world.c - files that are copied and damaged, a space with every kind of content, and
 * what is left of it compared with what it was. */
#include "recover_world.h"

#include "space_digest.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define BLOB_BYTES 700000u

/* --------------------------------------------------------------------------------- files ---- */

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

void recover_world_copy_folder(const char *from, const char *to)
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
            recover_world_copy_folder(a, b);
        } else {
            copy_file(a, b);
        }
    }
    (void)closedir(folder);
}

/* One bit of the file in the copy, anywhere in [from, to); to 0: the end. */
void recover_world_flip(recover_world *w, const char *name, long from, long to)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", w->copy, name);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    to = to == 0 || to > size ? size : to;
    long at = from + (long)seed_below(&w->randomness, (uint64_t)(to - from));
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ (1 << seed_below(&w->randomness, 8)), file), EOF);
    assert_int_equal(fclose(file), 0);
}

/* Turns over a bit in every inner node whose children are leaves. */
void recover_world_damage_inner_nodes(recover_world *w)
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/store/0001", w->copy);
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
void recover_world_journal_name(recover_world *w, char out[64])
{
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/journal", w->copy);
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

/* --------------------------------------------------------------------------------- world ---- */

static void text_of(int64_t number, char out[64])
{
    (void)snprintf(out, 64, "value of %lld %.*s", (long long)number, (int)(number % 40),
                   "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
}

static void fill(recover_world *w)
{
    char text[64];
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = fixture_begin(&w->f, PBASE_SERIALIZABLE);
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_list *list = NULL;
    pbase_blob *blob = NULL;
    assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
    for (int64_t i = 0; i < RECOVER_PEOPLE; i++) {
        text_of(i, text);
        pbase_value key = pbase_value_int(i), value = pbase_value_text(text);
        assert_ok(pbase_dict_put(&people, &key, &value, NULL, &err), &err);
    }
    for (int64_t i = 0; i < RECOVER_ELEMENTS; i++) {
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
static void grow_branch(recover_world *w)
{
    pbase_error err;
    pbase_database *branch = NULL, *trunk = w->f.database;
    pbase_error_init(&err);
    assert_ok(pbase_database_branch(w->f.space, "main", "branch", &err), &err);
    assert_ok(pbase_database_open(w->f.space, "branch", &branch, &err), &err);
    w->f.database = branch;
    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(fixture_put_one(&w->f, i % 2 == 0 ? "people" : "own", i * 50, -i),
                         PBASE_OK);
    }
    w->f.database = trunk;
    pbase_database_close(branch);
}

/* Commits of one key each after the last checkpoint. The folder is there. */
void recover_world_begin_here(recover_world *w, bool is_closed)
{
    pbase_error err;
    const char *paths[] = {"n"};
    pbase_error_init(&err);
    fixture_prepare(&w->f, temp_dir_path(&w->dir, "space"), NULL);
    if (w->codecs[0] != '\0') {
        fixture_set(&w->f, w->codecs);
    }
    (void)snprintf(w->copy, sizeof w->copy, "%s", temp_dir_path(&w->dir, "copy"));
    (void)snprintf(w->saved, sizeof w->saved, "%s", temp_dir_path(&w->dir, "saved"));
    fixture_open(&w->f);
    fill(w);
    assert_ok(pbase_index_create(w->f.database, "$objects", "by_n",
                                 &(pbase_index_options){.fields = paths, .field_count = 1}, NULL,
                                 &err),
              &err);
    assert_ok(pbase_database_snapshot(w->f.space, "main", "frozen", &err), &err);
    grow_branch(w);
    assert_ok(pbase_space_checkpoint(w->f.space, NULL, &err), &err);
    for (int64_t i = 0; i < RECOVER_COMMITS; i++) {
        assert_int_equal(fixture_put_one(&w->f, "log", i, i * 3), PBASE_OK);
    }
    if (is_closed) {
        fixture_close(&w->f);
    }
    recover_world_copy_folder(w->f.data, w->copy);
    if (is_closed) {
        fixture_open(&w->f);
    }
}

void recover_world_begin(recover_world *w, bool is_closed)
{
    temp_dir_create(&w->dir);
    recover_world_begin_here(w, is_closed);
}

void recover_world_end(recover_world *w)
{
    fixture_close(&w->f);
    temp_dir_remove(&w->dir);
}

/* ---------------------------------------------------------------------------- recovering ---- */

static void mark_keys(recover_world *w, long long from, long long to)
{
    for (long long i = from < 0 ? 0 : from; i < to && i < RECOVER_PEOPLE; i++) {
        w->key_told[i] = true;
    }
}

/* What a finding says is missing of 'people'. */
static void note_keys(recover_world *w, const char *place)
{
    static const char people[] = "database 'main', root 'people', ";
    long long from = 0, to = 0;
    if (strncmp(place, people, sizeof people - 1) != 0) {
        w->all_told = w->all_told || strstr(place, "table of its collections") != NULL ||
                      strstr(place, "list of") != NULL || strncmp(place, "commit", 6) == 0 ||
                      strncmp(place, "checkpoint", 10) == 0 ||
                      strstr(place, "collection (") != NULL;
        return;
    }
    place += sizeof people - 1;
    char *end = NULL;
    if (strncmp(place, "keys from ", 10) == 0) {
        from = strtoll(place + 10, &end, 10);
        to = strncmp(end, " up to ", 7) == 0 ? strtoll(end + 7, &end, 10) : RECOVER_PEOPLE;
        mark_keys(w, from, to);
    } else if (strncmp(place, "keys before ", 12) == 0) {
        mark_keys(w, 0, strtoll(place + 12, &end, 10));
    } else {
        w->all_told = true;
    }
}

pbase_status recover_world_hear(void *state, pbase_status code, const char *place,
                                const char *message, pbase_error *err)
{
    recover_world *w = state;
    (void)err;
    if (getenv("PBASE_TEST_TALK") != NULL) {
        print_message("%s: %s: %s\n", pbase_status_name(code), place, message);
    }
    assert_true(code != PBASE_OK && place[0] != '\0' && message[0] != '\0');
    w->told.findings++;
    w->told.orphans_told += strstr(place, "lost+found") != NULL;
    note_keys(w, place);
    w->told.lost_commits_told += strncmp(place, "commit", 6) == 0;
    return PBASE_OK;
}

pbase_status recover_world_recover(recover_world *w, pbase_recover_report *report, pbase_error *err)
{
    pbase_config_source from = w->f.source, to = w->f.source;
    pbase_recover_options options = {.each = recover_world_hear, .state = w};
    from.data = w->copy;
    to.data = w->saved;
    w->f.sets[0] =
        w->codecs[0] != '\0' ? w->codecs : w->f.sets[0]; /* a test may have changed them */
    memset(&w->told, 0, sizeof w->told);
    memset(w->key_told, 0, sizeof w->key_told);
    w->all_told = false;
    return pbase_space_recover(&from, &to, &options, NULL, report, err);
}

/* ----------------------------------------------------------------------------- comparing ---- */

static uint64_t count_people(recover_world *w, pbase_snapshot *snapshot)
{
    char text[64];
    uint64_t found = 0;
    pbase_dict *people = NULL;
    pbase_arena arena;
    if (pbase_snapshot_dict(snapshot, "people", &people, NULL) != PBASE_OK) {
        return 0;
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    for (int64_t i = 0; i < RECOVER_PEOPLE; i++) {
        pbase_value key = pbase_value_int(i), value;
        pbase_status status = pbase_dict_get(people, &key, &arena, &value, NULL);
        text_of(i, text);
        assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
        if (status == PBASE_OK) {
            assert_true(pbase_bytes_equal(value.as.string, pbase_bytes_text(text)));
            found++;
        } else {
            assert_true(w->key_told[i] || w->all_told); /* what is missing was told */
        }
        assert_true(status != PBASE_OK || !w->key_told[i] || w->all_told); /* and nothing else */
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
        assert_true(value.as.integer > last && value.as.integer < RECOVER_ELEMENTS);
        last = value.as.integer;
    }
    pbase_arena_fini(&arena);
    pbase_list_close(list);
    return count;
}

static uint64_t count_log(space_fixture *at)
{
    uint64_t found = 0;
    for (int64_t i = 0; i < RECOVER_COMMITS; i++) {
        int64_t value = fixture_get(at, "log", i);
        assert_true(value == INT64_MIN || value == i * 3);
        found += value != INT64_MIN;
    }
    return found;
}

/* Everything that was is there, or was w->told. */
void recover_world_compare(recover_world *w, const pbase_recover_report *report, uint64_t *out_log)
{
    space_fixture at;
    pbase_snapshot *snapshot = NULL;
    fixture_prepare(&at, w->saved, NULL);
    if (w->codecs[0] != '\0') {
        fixture_set(&at, w->codecs);
    }
    fixture_open(&at);
    fixture_assert_clean(&at);
    assert_int_equal(pbase_snapshot_open(at.database, &snapshot, NULL), PBASE_OK);
    uint64_t people = count_people(w, snapshot), elements = count_elements(snapshot);
    *out_log = count_log(&at);
    if (report->findings == 0) {
        assert_int_equal(people, RECOVER_PEOPLE);
        assert_int_equal(elements, RECOVER_ELEMENTS);
        assert_int_equal(*out_log, RECOVER_COMMITS);
        assert_int_equal(digest_space(at.space), digest_space(w->f.space));
    }
    if (people < RECOVER_PEOPLE || elements < RECOVER_ELEMENTS) {
        assert_true(report->damaged_atoms > 0 || report->lost_commits > 0);
    }
    pbase_snapshot_close(snapshot);
    fixture_close(&at);
}
