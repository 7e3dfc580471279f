/* test_wiring.c - one space under many configurations: codecs and maps swapped by editing YAML, parts
 * that are missing, places that are taken, read only, damaged or something else altogether. */
#include "space_fixture.h"
#include <dirent.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_BYTES (PATH_MAX + 1024u)

static temp_dir folder;
static space_fixture f;
static char yaml[TEXT_BYTES];

static int begin(void **unused)
{
    (void)unused;
    temp_dir_create(&folder);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    temp_dir_remove(&folder);
    return 0;
}

/* Runs a shell command on the test's folder, $D. */
static void shell(const char *command)
{
    assert_int_equal(setenv("D", folder.path, 1), 0);
    if (system(command) != 0) { /* the command is the test's own */
        fail_msg("%s", command);
    }
}

/* File storage in $D/`place`, small segments, with or without a map, and these codecs. */
static void prepare(const char *place, const char *codecs, const char *map)
{
    fixture_prepare(&f, NULL, NULL);
    f.source.memory = 0;
    (void)snprintf(yaml, sizeof yaml,
                   "version: 1\nstorage:\n  type: file\n  journal_segment_size: 64KiB\n  map: %s\n"
                   "  blocks: {type: file, path: '%s/%s', segment_size: 64KiB}\ncodecs: %s\n",
                   map, folder.path, place, codecs);
    f.source.text = yaml;
}

static pbase_status try_open(const char *place, const char *codecs, pbase_error *err)
{
    pbase_error_init(err);
    prepare(place, codecs, "auto");
    return fixture_try_open(&f, err);
}

/* ------------------------------------------------------------------------------- swapping ---- */

/* Writes generation `n` under every kind of root and reads all earlier ones. */
static void live_a_generation(int64_t n)
{
    for (int64_t key = 0; key < 40; key++) {
        assert_int_equal(fixture_put_one(&f, "shared", 100 * n + key, key), PBASE_OK);
    }
    for (int64_t old = 0; old <= n; old++) {
        for (int64_t key = 0; key < 40; key++) {
            assert_int_equal(fixture_get(&f, "shared", 100 * old + key), key);
        }
    }
}

static void codecs_and_maps_are_swapped_by_an_edit_and_everything_stays_readable(void **unused)
{
    (void)unused;
    static const struct {
        const char *codecs, *map;
    } wirings[] = {
        {"[msgpack]", "auto"},
        {"[json]", "auto"},
        {"[msgpack, zstd]", "auto"},
        {"[json]", "never"},
        {"[msgpack, {type: zstd, level: 9}]", "never"},
        {"[msgpack, lz4]", "auto"},
        {"[json, {type: lz4, level: 9}]", "never"},
        {"[msgpack]", "auto"},
    };
    int64_t generation = 0;
    for (size_t i = 0; i < 2 * sizeof wirings / sizeof wirings[0]; i++) {
        prepare("space", wirings[i / 2].codecs, wirings[i / 2].map);
        fixture_open(&f);
        live_a_generation(generation++);
        if (i % 2 == 0) { /* half of them is read from the store, half from the journal */
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
        fixture_assert_clean(&f);
        fixture_close(&f);
    }
}

static void data_that_needs_a_codec_that_cannot_be_loaded_names_it_and_is_left_alone(void **unused)
{
    (void)unused;
    pbase_error err;
    prepare("space", "[msgpack, zstd]", "auto");
    fixture_open(&f);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    fixture_close(&f);
    shell("mkdir $D/plugins && : >$D/plugins/codec-zstd.so && chmod -R go-w $D/plugins &&"
          " cp -a $D/space $D/before"); /* an earlier folder shadows the installed one */

    pbase_error_init(&err);
    prepare("space", "[msgpack]", "auto");
    f.plugin_dirs[1] = f.plugin_dirs[0];
    f.plugin_dirs[0] = temp_dir_path(&folder, "plugins");
    f.source.plugin_dir_count = 2;
    pbase_status status = fixture_try_open(&f, &err);

    assert_int_equal(status, PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "'zstd'"));
    shell("diff -r -x 'LOCK*' -x 'BOARD*' -x 'SLOT*' $D/before $D/space");
    assert_int_equal(try_open("space", "[msgpack]", &err), PBASE_OK);
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    fixture_close(&f);
}

/* ---------------------------------------------------------------------------------- places ---- */

static void a_process_that_wants_the_space_alone_is_told_who_has_it(void **unused)
{
    (void)unused;
    prepare("space", "[msgpack]", "auto");
    fixture_open(&f);
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "process %ld", (long)getpid());
    pid_t child = fork();
    if (child == 0) {
        pbase_error err;
        fixture_set(&f, "storage.exclusive=true");
        pbase_status status = fixture_try_open(&f, &err);
        bool named = strstr(err.message, wanted) != NULL;
        _exit(status != PBASE_BUSY ? 1 : named ? 0 : 2);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    fixture_close(&f);
}

static void a_folder_with_other_things_is_not_a_space_and_is_left_alone(void **unused)
{
    (void)unused;
    pbase_error err;
    shell("mkdir $D/photos && echo hello > $D/photos/cat.jpg && cp -a $D/photos $D/before");
    assert_int_equal(try_open("photos", "[msgpack]", &err), PBASE_FORMAT);
    assert_true(err.message[0] != '\0');
    shell("diff -r $D/before $D/photos");
    shell("echo hello > $D/file");
    assert_true(try_open("file", "[msgpack]", &err) != PBASE_OK);
}

static void a_space_that_must_exist_is_not_made(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    prepare("nowhere", "[msgpack]", "auto");
    f.options.must_exist = true;
    assert_int_equal(fixture_try_open(&f, &err), PBASE_NOT_FOUND);
}

/* Root may write everywhere; without its capabilities it is a user like others, who can still reach
 * a source tree of its own. */
static bool give_up_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &header, none) == 0;
}

static int open_without_privilege(const char *place)
{
    pid_t child = fork();
    if (child == 0) {
        pbase_error err;
        if (!give_up_capabilities()) {
            _exit(99);
        }
        _exit((int)try_open(place, "[msgpack]", &err));
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void a_read_only_folder_is_refused_and_left_as_it_was(void **unused)
{
    (void)unused;
    prepare("space", "[msgpack]", "auto");
    fixture_open(&f);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    fixture_close(&f);
    shell("chmod 755 $D && cp -a $D/space $D/before && chmod -R a-w $D/space");
    int status = open_without_privilege("space");
    print_message("a read-only folder: %s\n", pbase_status_name((pbase_status)status));
    assert_true(status == PBASE_READ_ONLY || status == PBASE_IO || status == PBASE_AUTH);
    shell("chmod -R u+w $D/space && diff -r $D/before $D/space");
}

/* --------------------------------------------------------------------------------- damage ---- */

#define KEYS 200
#define SETTLED 100 /* keys below it are in the store */

/* $D/space as a crash would leave it: half settled, half in the journal. The last commit may look
 * like a torn tail and is not asked for. */
static void leave_a_space(void)
{
    prepare("live", "[msgpack]", "auto");
    fixture_open(&f);
    for (int64_t key = 0; key <= KEYS; key++) {
        assert_int_equal(fixture_put_one(&f, "a", key, key), PBASE_OK);
        if (key + 1 == SETTLED) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
    }
    shell("cp -a $D/live $D/space");
    fixture_close(&f);
}

/* What reading the committed `key` says now: OK when it is right, INTERNAL when it is not. */
static pbase_status read_key(int64_t key)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(-1);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open(f.database, &snapshot, NULL);
    status = status == PBASE_OK ? pbase_snapshot_dict(snapshot, "a", &dict, NULL) : status;
    status = status == PBASE_OK ? pbase_dict_get(dict, &k, &arena, &v, NULL) : status;
    if (status == PBASE_OK && v.as.integer != key) {
        status = PBASE_INTERNAL;
    }
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return status;
}

static bool is_damage(pbase_status status)
{
    return status == PBASE_CORRUPT || status == PBASE_FORMAT;
}

/* Every key is right or refused as damage. Where the end of the journal was cut off, which nothing
 * tells from an end never written, the keys stop somewhere and none is there after that. */
static bool keys_are_right(bool may_end_early)
{
    bool ended = false;
    for (int64_t key = 0; key < KEYS; key++) {
        pbase_status status = read_key(key);
        ended = ended || (may_end_early && key >= SETTLED && status == PBASE_NOT_FOUND);
        if (ended ? status != PBASE_NOT_FOUND : status != PBASE_OK && !is_damage(status)) {
            return false;
        }
    }
    return true;
}

/* Opens $D/space after `what` was done to `path`: refused with a code of damage and left alone, or
 * opened with every key right or refused. */
static void open_damaged(const char *path, const char *what, uint64_t at)
{
    pbase_error err;
    shell("rm -rf $D/damaged && cp -a $D/space $D/damaged");
    pbase_status status = try_open("space", "[msgpack]", &err);
    if (status != PBASE_OK) {
        if (!is_damage(status)) {
            fail_msg("%s %s at %llu: %s: %s", path, what, (unsigned long long)at,
                     pbase_status_name(status), err.message);
        }
        shell("diff -r -x 'LOCK*' -x 'BOARD*' -x 'SLOT*' $D/damaged $D/space");
        return;
    }
    if (!keys_are_right(strcmp(what, "flipped") != 0 && strstr(path, "/journal/") != NULL)) {
        fail_msg("%s %s at %llu: a key is wrong", path, what, (unsigned long long)at);
    }
    fixture_close(&f);
}

static void restore(void)
{
    shell("rm -rf $D/space && cp -a $D/pristine $D/space");
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 0x10, file), byte ^ 0x10);
    assert_int_equal(fclose(file), 0);
}

static void damage_file(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    for (long at = 0; at < info.st_size; at = at * 6 + 5) {
        flip(path, at);
        open_damaged(path, "flipped", (uint64_t)at);
        restore();
    }
    for (long size = info.st_size / 2; size > 0; size /= 64) {
        assert_int_equal(truncate(path, size), 0);
        open_damaged(path, "cut", (uint64_t)size);
        restore();
    }
    assert_int_equal(unlink(path), 0);
    open_damaged(path, "removed", 0);
    restore();
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The first, the middle and the last file of a folder of the space. */
static void damage_files_of(const char *below)
{
    char path[PATH_MAX + 80];
    (void)snprintf(path, sizeof path, "%s/space/%s", folder.path, below);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    char names[64][64];
    size_t count = 0;
    for (const struct dirent *at = readdir(directory); at != NULL; at = readdir(directory)) {
        if (at->d_type == DT_REG && strcmp(at->d_name, "LOCK") != 0 && count < 64) {
            (void)snprintf(names[count++], sizeof names[0], "%.63s", at->d_name);
        }
    }
    (void)closedir(directory);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i<count; i += count> 2 ? (count - 1) / 2 : 1) {
        char file[PATH_MAX + 160];
        (void)snprintf(file, sizeof file, "%s/%s", path, names[i]);
        damage_file(file);
    }
}

static void a_damaged_file_is_reported_and_nothing_acknowledged_is_lost_in_silence(void **state)
{
    leave_a_space();
    shell("cp -a $D/space $D/pristine");
    damage_files_of(*state);
}

/* What a crash left in the making, before the journal is written again. */
static void an_opening_that_is_refused_leaves_a_half_made_spare_and_a_commit_removes_it(
    void **unused)
{
    pbase_error err;
    (void)unused;
    leave_a_space();
    shell("head -c 4096 /dev/zero > $D/space/journal/spare-77 && cp -a $D/space $D/pristine");
    shell("rm $D/space/store/* && cp -a $D/space $D/damaged");
    assert_true(is_damage(try_open("space", "[msgpack]", &err)));
    shell("diff -r -x 'LOCK*' -x 'BOARD*' -x 'SLOT*' $D/damaged $D/space");
    restore();
    assert_int_equal(try_open("space", "[msgpack]", &err), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", KEYS + 1, KEYS + 1), PBASE_OK);
    fixture_close(&f);
    shell("test ! -e $D/space/journal/spare-77");
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define DAMAGE(below)                                                                              \
    {                                                                                              \
        "a_damaged_file_of_" below,                                                                \
            a_damaged_file_is_reported_and_nothing_acknowledged_is_lost_in_silence, begin, end,    \
            (void *)(uintptr_t)below                                                               \
    }
    const struct CMUnitTest tests[] = {
        SENTENCE(codecs_and_maps_are_swapped_by_an_edit_and_everything_stays_readable),
        SENTENCE(data_that_needs_a_codec_that_cannot_be_loaded_names_it_and_is_left_alone),
        SENTENCE(a_process_that_wants_the_space_alone_is_told_who_has_it),
        SENTENCE(a_folder_with_other_things_is_not_a_space_and_is_left_alone),
        SENTENCE(a_space_that_must_exist_is_not_made),
        SENTENCE(a_read_only_folder_is_refused_and_left_as_it_was),
        DAMAGE("."),
        DAMAGE("KEYS"),
        DAMAGE("journal"),
        DAMAGE("store"),
        SENTENCE(an_opening_that_is_refused_leaves_a_half_made_spare_and_a_commit_removes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
