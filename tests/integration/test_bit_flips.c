/* test_bit_flips.c - one bit of a small, cleanly closed space is flipped, or one of its files is gone:
 * nothing ever reads wrong, and a check tells of a flip and where. Plain, compressed, encrypted, and both.
 *
 * Every byte of every file is flipped in one bit, in the long run (PBASE_TEST_LONG=1) of a plain space in
 * each of its bits; through transforms each so-manieth byte, in the long run every one. Told or refused has
 * to be all that a checksum covers: atoms, the zeros between them, headers of segments, kept frames of the
 * journal, documents of keys, the name of the format. The rest (frames that are forgotten, room ahead,
 * locks) is read by nobody and must change nothing. What looks at the space finds a wrong answer that is
 * planted behind checksums that are right. */
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
#define CODED_STEP 11u       /* of all that is covered, in the short run through transforms */

typedef struct {
    char path[PATH_MAX];
    const char *name; /* in the folder */
    uint8_t *data;
    size_t size;
} kept_file;

typedef enum { ZSTD = 1, CIPHER = 2 } transforms;

typedef struct {
    space_fixture at;
    unsigned through; /* transforms */
    char codecs[PATH_MAX + 100];
    kept_file files[FILES_MAX];
    size_t count;
    uint64_t digest;
    uint64_t journal_first, journal_end; /* positions of kept frames */
    char wrong[500];                     /* what looking found that must not be; "": nothing */
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

static void write_key(temp_dir *dir)
{
    FILE *file = fopen(temp_dir_path(dir, "k.key"), "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fprintf(file, "%064x", 0x1234567) == 64);
    assert_int_equal(fclose(file), 0);
}

/* *state: the transforms that everything goes through; NULL: none. */
static int begin(void **state)
{
    memset(&w, 0, sizeof w);
    w.through = *state == NULL ? 0 : *(const unsigned *)*state;
    temp_dir dir;
    temp_dir_create(&dir);
    write_key(&dir);
    fixture_prepare(&w.at, temp_dir_path(&dir, "space"), NULL);
    w.at.dir = dir;
    w.at.has_dir = true;
    (void)snprintf(w.codecs, sizeof w.codecs, "codecs=[msgpack%s%s%s%s]",
                   (w.through & ZSTD) != 0 ? ", {type: zstd, min_size: 32}" : "",
                   (w.through & CIPHER) != 0 ? ", {type: aes-256-gcm, keys: [k], key_file: '" : "",
                   (w.through & CIPHER) != 0 ? dir.path : "",
                   (w.through & CIPHER) != 0 ? "/{id}.key'}" : "");
    fixture_set(&w.at, w.codecs);
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

/* ------------------------------------------------------------------------------------ looking -- */

/* The first thing that must not be is the one to be told. */
static void blame(const char *what, const char *detail)
{
    if (w.wrong[0] == '\0') {
        (void)snprintf(w.wrong, sizeof w.wrong, "%s: %s", what, detail);
    }
}

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
static void read_people(void)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *people = NULL;
    pbase_arena arena;
    char text[900];
    pbase_status status = pbase_snapshot_open(w.at.database, &snapshot, NULL);
    if (status == PBASE_OK) {
        status = pbase_snapshot_dict(snapshot, "people", &people, NULL);
    }
    if (status != PBASE_OK && !is_damage(status)) {
        blame("the people read wrong", pbase_status_name(status));
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    for (int64_t i = 0; i < ENTRIES && people != NULL; i++) {
        pbase_value key = pbase_value_int(i), value;
        status = pbase_dict_get(people, &key, &arena, &value, NULL);
        memset(text, 'a' + (int)(i % 26), sizeof text);
        size_t size = i == 13 ? 899 : 20 + (size_t)i;
        bool right = status == PBASE_OK && value.kind == PBASE_STRING &&
                     pbase_bytes_equal(value.as.string, pbase_bytes_of(text, size));
        if (!right && !is_damage(status)) {
            blame("one of the people reads wrong", pbase_status_name(status));
        }
    }
    pbase_dict_close(people);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

/* Opens and reads everything, as far as it goes; true when something told of damage. */
static bool open_and_look(void)
{
    pbase_error err;
    unsigned findings = 0;
    pbase_check_report report;
    w.wrong[0] = '\0';
    pbase_error_init(&err);
    pbase_status status = fixture_try_open(&w.at, &err);
    if (status != PBASE_OK) {
        if (!is_damage(status)) {
            blame("opening", err.message);
        }
        return true;
    }
    read_people();
    status = pbase_space_check(w.at.space, NULL, count_finding, &findings, &report, &err);
    if (status != PBASE_OK && !is_damage(status)) {
        blame("check", err.message);
    }
    bool told = findings > 0 || status != PBASE_OK;
    if (!told && digest_space(w.at.space) != w.digest) {
        blame("the content", "not what it was, and check finds nothing");
    }
    fixture_close(&w.at);
    return told;
}

/* -------------------------------------------------------------------------------------- flips ---- */

static void flip(kept_file *file, size_t offset, unsigned bit)
{
    file->data[offset] ^= (uint8_t)(1u << bit);
    write_file(file);
    file->data[offset] ^= (uint8_t)(1u << bit);
    if (!open_and_look() && is_covered(file, offset)) {
        blame("a checksum covers it", "and nobody noticed");
    }
    if (w.wrong[0] != '\0') {
        fail_msg("bit %u of byte %zu of %s was flipped. %s", bit, offset, file->name, w.wrong);
    }
    restore();
}

/* The short run takes this byte. */
static bool is_sampled(const kept_file *file, size_t at)
{
    return (file->data[at] != 0 || at % ZEROS_STEP == 0) &&
           (w.through == 0 || at % CODED_STEP == CODED_STEP / 2);
}

static void no_bit_can_be_flipped_unnoticed_or_read_wrong(void **unused)
{
    (void)unused;
    bool is_long = seed_is_long_run();
    size_t tried = 0, read_by_nobody = 0;
    for (size_t i = 0; i < w.count; i++) {
        kept_file *file = &w.files[i];
        for (size_t at = 0; at < file->size; at++) {
            if (!is_covered(file, at) ? ++read_by_nobody % UNCOVERED_STEP != 0
                                      : !is_long && !is_sampled(file, at)) {
                continue;
            }
            for (unsigned bit = 0; bit < 8; bit++) {
                if ((is_long && w.through == 0) || bit == (at * 7 + 3) % 8) {
                    flip(file, at, bit);
                    tried++;
                }
            }
        }
    }
    print_message("%zu flips\n", tried);
    assert_true(tried > (w.through == 0 ? 1000 : 100));
}

/* What is gone with such a file has to be told; locks, rooms and boards of users are made anew. */
static bool is_missed(const kept_file *file)
{
    bool is_room =
        begins_with(file->name, "journal/reserve") || begins_with(file->name, "journal/spare");
    return begins_with(file->name, "store/") || strcmp(file->name, "FORMAT") == 0 ||
           begins_with(file->name, "KEYS/") || (begins_with(file->name, "journal/") && !is_room);
}

static void a_space_that_lost_a_file_never_reads_wrong(void **unused)
{
    (void)unused;
    size_t missed = 0;
    for (size_t i = 0; i < w.count; i++) {
        const kept_file *file = &w.files[i];
        assert_int_equal(remove(file->path), 0);
        if (!open_and_look() && is_missed(file)) {
            blame("it held something", "and nobody noticed");
        }
        if (w.wrong[0] != '\0') {
            fail_msg("%s is gone. %s", file->name, w.wrong);
        }
        missed += is_missed(file);
        restore();
    }
    print_message("%zu files, %zu of them missed\n", w.count, missed);
    assert_true(missed >= 5);
}

/* As if no checksum were looked at: a letter is another one, and every checksum is right. */
static void a_wrong_answer_that_is_planted_is_found(void **unused)
{
    (void)unused;
    pbase_value key = pbase_value_int(3);
    pbase_value value = pbase_value_text("ddddddddddddddddddddddc");
    fixture_open(&w.at);
    pbase_txn *txn = fixture_begin(&w.at, PBASE_SERIALIZABLE);
    pbase_dict *people = fixture_dict(txn, "people");
    assert_int_equal(pbase_dict_put(&people, &key, &value, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "people", people, NULL), PBASE_OK);
    pbase_dict_close(people);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_close(&w.at);
    assert_false(open_and_look());
    assert_string_equal(w.wrong, "one of the people reads wrong: OK");
    restore();
    assert_false(open_and_look());
    assert_string_equal(w.wrong, "");
    restore();
    fixture_open(&w.at); /* of a root that only the digest looks at */
    assert_int_equal(fixture_put_one(&w.at, "other", 1, 3), PBASE_OK);
    fixture_close(&w.at);
    assert_false(open_and_look());
    assert_string_equal(w.wrong, "the content: not what it was, and check finds nothing");
    restore();
}

/* ------------------------------------------------------------------------------- after a crash -- */

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
    static unsigned zstd = ZSTD, cipher = CIPHER, both = ZSTD | CIPHER;
#define SENTENCE(test, through) cmocka_unit_test_prestate_setup_teardown(test, begin, end, through)
#define SENTENCES(through)                                                                         \
    SENTENCE(a_sound_space_has_no_findings, through),                                              \
        SENTENCE(a_damaged_last_group_after_a_crash_is_told_as_cut, through),                      \
        SENTENCE(a_space_that_lost_a_file_never_reads_wrong, through),                             \
        SENTENCE(no_bit_can_be_flipped_unnoticed_or_read_wrong, through)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_wrong_answer_that_is_planted_is_found, NULL),
        SENTENCES(NULL),
        SENTENCES(&zstd),
        SENTENCES(&cipher),
        SENTENCES(&both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
