/* test_bit_flips.c - one bit of a small, cleanly closed space is flipped: nothing ever reads wrong, and
 * a check tells of it and where.
 *
 * Every byte of every file is flipped in one bit, in the long run (PBASE_TEST_LONG=1) in each of its
 * bits. Told or refused has to be all that a checksum covers: atoms, the zeros between them, headers of
 * segments, kept frames of the journal, documents of keys, the name of the format. The rest (frames
 * that are forgotten, room ahead, locks) is read by nobody and must change nothing. */
#include "space_digest.h"
#include "space_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seed.h"

#define FILES_MAX 32u
#define ENTRIES 24
#define UNCOVERED_STEP 4099u /* of bytes that nobody reads, one in so many */
#define ZEROS_STEP 31u       /* of covered zeros, most of them padding, in the short run */

typedef struct {
    char path[PATH_MAX];
    const char *name; /* in the folder */
    uint8_t *data;
    size_t size;
} kept_file;

typedef struct {
    space_fixture at;
    kept_file files[FILES_MAX];
    size_t count;
    uint64_t digest;
    uint64_t journal_first, journal_end; /* positions of kept frames */
} world;

static world w;

/* ------------------------------------------------------------------------------------ files ---- */

static void read_file(const char *path, uint8_t **data, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    *data = malloc(*size + 1);
    assert_non_null(*data);
    assert_int_equal(fread(*data, 1, *size, file), *size);
    (void)fclose(file);
}

static void write_file(const kept_file *file)
{
    FILE *out = fopen(file->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file->data, 1, file->size, out), file->size);
    assert_int_equal(fclose(out), 0);
}

/* Calls `each` for every file below `path`. */
static void for_files(const char *path, void (*each)(const char *path))
{
    char inside[PATH_MAX];
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        assert_int_equal(stat(inside, &facts), 0);
        if (S_ISDIR(facts.st_mode)) {
            for_files(inside, each);
        } else {
            each(inside);
        }
    }
    (void)closedir(folder);
}

static void keep_file(const char *path)
{
    assert_true(w.count < FILES_MAX);
    kept_file *file = &w.files[w.count++];
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->name = file->path + strlen(w.at.data) + 1;
    read_file(path, &file->data, &file->size);
}

static kept_file *kept(const char *path)
{
    for (size_t i = 0; i < w.count; i++) {
        if (strcmp(w.files[i].path, path) == 0) {
            return &w.files[i];
        }
    }
    return NULL;
}

static void remove_if_new(const char *path)
{
    if (kept(path) == NULL) {
        assert_int_equal(remove(path), 0);
    }
}

/* Everything as it was when it was kept. */
static void restore(void)
{
    for_files(w.at.data, remove_if_new);
    for (size_t i = 0; i < w.count; i++) {
        const kept_file *file = &w.files[i];
        struct stat facts;
        uint8_t *now = NULL;
        size_t size = 0;
        bool same = stat(file->path, &facts) == 0 && (size_t)facts.st_size == file->size;
        if (same) {
            read_file(file->path, &now, &size);
            same = memcmp(now, file->data, size) == 0;
            free(now);
        }
        if (!same) {
            write_file(file);
        }
    }
}

/* ------------------------------------------------------------------------------------ world ---- */

static void fill(void)
{
    char text[900];
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = fixture_begin(&w.at, PBASE_SERIALIZABLE);
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_list *list = NULL;
    assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
    for (int64_t i = 0; i < ENTRIES; i++) {
        pbase_value key = pbase_value_int(i), value = pbase_value_int(i * 7);
        assert_ok(pbase_list_append(&list, &value, &err), &err);
        memset(text, 'a' + (int)(i % 26), sizeof text);
        text[i == 13 ? 899 : 20 + i] = 0; /* one is an atom of its own */
        value = pbase_value_text(text);
        assert_ok(pbase_dict_put(&people, &key, &value, NULL, &err), &err);
    }
    pbase_value inner_key = pbase_value_text("inner");
    pbase_value inner = pbase_value_handle((const pbase_collection *)list);
    assert_ok(pbase_dict_put(&people, &inner_key, &inner, NULL, &err), &err);
    assert_ok(pbase_txn_store_dict(txn, "people", people, &err), &err);
    assert_ok(pbase_txn_store_list(txn, "list", list, &err), &err);
    pbase_list_close(list);
    pbase_dict_close(people);
    assert_ok(fixture_commit(&txn), &err);
}

/* The newest document of a key file's two slots. */
static const uint8_t *document(const kept_file *file)
{
    const uint8_t *first = file->data, *second = file->data + 69632;
    return (pbase_get_u64(second + 16) > pbase_get_u64(first + 16) ? second : first) + 32;
}

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&w.at, temp_dir_path(&dir, "space"), NULL);
    w.at.dir = dir;
    w.at.has_dir = true;
    fixture_set(&w.at, "storage.journal_segment_size=64KiB");
    fixture_set(&w.at, "storage.retention_count=2");
    fixture_open(&w.at);
    fill();
    assert_int_equal(pbase_space_checkpoint(w.at.space, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&w.at, "other", 1, 2), PBASE_OK);
    w.digest = digest_space(w.at.space);
    fixture_close(&w.at);
    for_files(w.at.data, keep_file);
    for (size_t i = 0; i < w.count; i++) {
        if (strcmp(w.files[i].name, "KEYS/super") == 0) {
            w.journal_first = pbase_get_u64(document(&w.files[i]) + 24);
            w.journal_end = pbase_get_u64(document(&w.files[i]) + 40);
        }
    }
    assert_true(w.journal_end > w.journal_first);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_end(&w.at);
    for (size_t i = 0; i < w.count; i++) {
        free(w.files[i].data);
    }
    return 0;
}

/* ------------------------------------------------------------------------------ what is covered -- */

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_covered(const kept_file *file, size_t offset)
{
    if (begins_with(file->name, "store/") || strcmp(file->name, "FORMAT") == 0) {
        return true;
    }
    if (begins_with(file->name, "KEYS/")) {
        size_t slot = offset < 69632 ? 0 : 69632;
        size_t size = pbase_get_u32(file->data + slot + 12);
        return pbase_get_u32(file->data + slot) != 0 && offset - slot < 32 + size;
    }
    if (begins_with(file->name, "journal/reserve")) { /* nobody reads it */
        return false;
    }
    if (begins_with(file->name, "journal/") && !begins_with(file->name, "journal/spare")) {
        uint64_t position = strtoull(file->name + strlen("journal/"), NULL, 16) + offset;
        return position >= w.journal_first && position < w.journal_end;
    }
    return false;
}

/* -------------------------------------------------------------------------------------- one flip -- */

static pbase_status count_finding(void *state, pbase_status code, const char *place,
                                  const char *message, pbase_error *err)
{
    unsigned *count = state;
    (void)code;
    (void)err;
    assert_true(place[0] != '\0' && message[0] != '\0');
    (*count)++;
    return PBASE_OK;
}

static bool is_damage(pbase_status status)
{
    return status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_PLUGIN ||
           status == PBASE_CONFIG || status == PBASE_UNSUPPORTED;
}

/* Every entry reads as it was, or as damaged. */
static void read_people(const kept_file *file, size_t offset)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *people = NULL;
    pbase_arena arena;
    char text[900];
    pbase_status status = pbase_snapshot_open(w.at.database, &snapshot, NULL);
    if (status != PBASE_OK) {
        assert_true(is_damage(status));
        return;
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    status = pbase_snapshot_dict(snapshot, "people", &people, NULL);
    assert_true(status == PBASE_OK || is_damage(status));
    for (int64_t i = 0; i < ENTRIES && people != NULL; i++) {
        pbase_value key = pbase_value_int(i), value;
        status = pbase_dict_get(people, &key, &arena, &value, NULL);
        memset(text, 'a' + (int)(i % 26), sizeof text);
        size_t size = i == 13 ? 899 : 20 + (size_t)i;
        bool right = status == PBASE_OK && value.kind == PBASE_STRING &&
                     pbase_bytes_equal(value.as.string, pbase_bytes_of(text, size));
        if (!right && !is_damage(status)) {
            fail_msg("key %d reads wrong (%s) after a flip at byte %zu of %s", (int)i,
                     pbase_status_name(status), offset, file->name);
        }
    }
    pbase_dict_close(people);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

static void flip(kept_file *file, size_t offset, unsigned bit)
{
    pbase_error err;
    unsigned findings = 0;
    pbase_check_report report;
    pbase_error_init(&err);
    file->data[offset] ^= (uint8_t)(1u << bit);
    write_file(file);
    file->data[offset] ^= (uint8_t)(1u << bit);
    pbase_status status = fixture_try_open(&w.at, &err);
    bool told = status != PBASE_OK;
    if (told && !is_damage(status)) {
        fail_msg("opening says %s after a flip at byte %zu of %s: %s", pbase_status_name(status),
                 offset, file->name, err.message);
    }
    if (status == PBASE_OK) {
        read_people(file, offset);
        status = pbase_space_check(w.at.space, NULL, count_finding, &findings, &report, &err);
        if (status != PBASE_OK && !is_damage(status)) {
            fail_msg("check says %s: %s", pbase_status_name(status), err.message);
        }
        told = findings > 0 || status != PBASE_OK;
        if (!told && digest_space(w.at.space) != w.digest) {
            fail_msg("wrong content after a flip at byte %zu of %s", offset, file->name);
        }
    }
    if (!told && is_covered(file, offset)) {
        fail_msg("bit %u of byte %zu of %s was flipped, and nobody noticed", bit, offset,
                 file->name);
    }
    fixture_close(&w.at);
    restore();
}

static void no_bit_can_be_flipped_unnoticed_or_read_wrong(void **unused)
{
    (void)unused;
    bool is_long = seed_is_long_run();
    size_t tried = 0, read_by_nobody = 0;
    for (size_t i = 0; i < w.count; i++) {
        kept_file *file = &w.files[i];
        for (size_t at = 0; at < file->size; at++) {
            bool covered = is_covered(file, at);
            bool is_padding = file->data[at] == 0;
            if (!covered ? ++read_by_nobody % UNCOVERED_STEP != 0
                         : is_padding && !is_long && at % ZEROS_STEP != 0) {
                continue;
            }
            for (unsigned bit = 0; bit < 8; bit++) {
                if (is_long || bit == (at * 7 + 3) % 8) {
                    flip(file, at, bit);
                    tried++;
                }
            }
        }
    }
    print_message("%zu flips\n", tried);
    assert_true(tried > 1000);
}

/* The files as they are while the space is open: what a crash leaves. */
static void keep_crashed(void)
{
    fixture_open(&w.at);
    for (int64_t i = 2; i < 6; i++) {
        assert_int_equal(fixture_put_one(&w.at, "other", i, i), PBASE_OK);
    }
    for (size_t i = 0; i < w.count; i++) {
        free(w.files[i].data);
    }
    w.count = 0;
    for_files(w.at.data, keep_file);
    fixture_close(&w.at);
    restore();
}

/* Where the last frame of the journal begins, in its file. */
static kept_file *last_frame(size_t *out_at)
{
    kept_file *found = &w.files[FILES_MAX - 1]; /* none: it is empty */
    uint64_t newest = 0;
    for (size_t i = 0; i < w.count; i++) {
        kept_file *file = &w.files[i];
        if (!begins_with(file->name, "journal/") || begins_with(file->name, "journal/spare")) {
            continue;
        }
        for (size_t at = 0; at + 80 <= file->size; at += 16) {
            uint64_t position = strtoull(file->name + strlen("journal/"), NULL, 16) + at;
            if (memcmp(file->data + at, "PBJF", 4) == 0 && position > newest &&
                pbase_get_u64(file->data + at + 24) == position) {
                found = file;
                newest = position;
                *out_at = at;
            }
        }
    }
    assert_true(found->size > 0);
    return found;
}

static void a_damaged_last_group_after_a_crash_is_told_as_cut(void **unused)
{
    (void)unused;
    size_t frame = 0;
    pbase_recovery recovery;
    keep_crashed();
    fixture_open(&w.at);
    pbase_space_recovery(w.at.space, &recovery);
    uint64_t whole = recovery.sequence;
    assert_int_equal(recovery.torn_bytes, 0);
    fixture_close(&w.at);
    restore();
    kept_file *file = last_frame(&frame);
    size_t size = pbase_get_u32(file->data + frame + 16);
    for (size_t at = frame; at < frame + size; at += seed_is_long_run() ? 1 : 37) {
        pbase_error err;
        pbase_error_init(&err);
        file->data[at] ^= 0x20;
        write_file(file);
        file->data[at] ^= 0x20;
        pbase_status status = fixture_try_open(&w.at, &err);
        assert_ok(status, &err);
        pbase_space_recovery(w.at.space, &recovery);
        assert_int_equal(recovery.sequence, whole - 1); /* everything before it is there */
        assert_true(recovery.torn_bytes > 0);
        assert_int_equal(fixture_get(&w.at, "other", 5), INT64_MIN);
        for (int64_t i = 2; i < 5; i++) {
            assert_int_equal(fixture_get(&w.at, "other", i), i);
        }
        fixture_close(&w.at);
        restore();
    }
}

static void a_sound_space_has_no_findings(void **unused)
{
    (void)unused;
    fixture_open(&w.at);
    fixture_assert_clean(&w.at);
    fixture_close(&w.at);
    restore();
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about flushes */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_space_has_no_findings, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_last_group_after_a_crash_is_told_as_cut, begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_bit_can_be_flipped_unnoticed_or_read_wrong, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
