/* test_recover_transforms.c - compressed and encrypted spaces recovered as plain ones are. */
#include "recover_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* File `name` in the folder of the world, which only its owner may read. */
static void recover_world_write_key(recover_world *w, const char *name, int digit)
{
    FILE *file = fopen(temp_dir_path(&w->dir, name), "w");
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
static void set_codecs(recover_world *w, transform how, const char *id)
{
    static const char zstd[] = "zstd", lz4[] = "lz4";
    static const char dictionary[] = "{type: zstd, min_size: 32, dictionary: '" PBASE_SOURCE_DIR
                                     "/tests/golden/codecs/v1_orders.dict'}";
    char cipher[PATH_MAX + 64];
    (void)snprintf(cipher, sizeof cipher,
                   "{type: aes-256-gcm, keys: [%s], key_file: '%s/{id}.key'}", id, w->dir.path);
    const char *const first[] = {zstd, lz4, dictionary, cipher, zstd};
    (void)snprintf(w->codecs, sizeof w->codecs, "codecs=[msgpack, %s%s%s]", first[how],
                   how == ALL_OF_IT ? ", " : "", how == ALL_OF_IT ? cipher : "");
}

static void begin_transformed(recover_world *w, transform how, bool is_closed)
{
    temp_dir_create(&w->dir);
    recover_world_write_key(w, "k1.key", 1);
    recover_world_write_key(w, "k2.key", 2);
    set_codecs(w, how, "k1");
    recover_world_begin_here(w, is_closed);
}

static void end_transformed(recover_world *w)
{
    recover_world_end(w);
    w->codecs[0] = '\0';
}

/* Sound, then damaged in the store, then in the journal, by turns. */
static void recover_transformed(recover_world *w, transform how, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        char journal[64];
        uint64_t log = 0;
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        begin_transformed(w, how, round % 3 != 2);
        for (uint64_t i = 1 + seed_below(&w->randomness, 6); i > 0 && round % 3 == 1; i--) {
            recover_world_flip(w, "store/0001", 64, 0);
        }
        if (round % 3 == 2) {
            recover_world_journal_name(w, journal);
            recover_world_flip(w, journal, 0, 100000);
        }
        pbase_status status = recover_world_recover(w, &report, &err);
        if (status != PBASE_OK) {
            fail_msg("%s, round %u: %s: %s", transform_names[how], round, pbase_status_name(status),
                     err.message);
        }
        assert_int_equal(w->told.findings, report.findings);
        assert_true(round % 3 != 0 || report.findings == 0);
        recover_world_compare(w, &report, &log);
        end_transformed(w);
    }
}

static void compressed_and_encrypted_spaces_are_recovered_as_plain_ones_are(void **state)
{
    recover_world *w = *state;
    seed_random_init(&w->randomness, seed_for(__func__));
    for (int how = 0; how < TRANSFORMS; how++) {
        recover_transformed(w, (transform)how, seed_is_long_run() ? 150 : 3);
    }
}

/* Nothing of the damaged space can be read then: that is said before anything is made. */
static void without_the_right_key_it_is_said_which_is_missing(void **state)
{
    recover_world *w = *state;
    char right[sizeof w->codecs];
    uint64_t log = 0;
    pbase_recover_report report;
    pbase_error err;
    pbase_error_init(&err);
    begin_transformed(w, CIPHER, true);
    memcpy(right, w->codecs, sizeof right);
    set_codecs(w, CIPHER, "k2");
    assert_int_equal(recover_world_recover(w, &report, &err), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'k1'"));
    recover_world_write_key(w, "k1.key", 3); /* another key under the same name */
    memcpy(w->codecs, right, sizeof w->codecs);
    assert_int_equal(recover_world_recover(w, &report, &err), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'k1'"));
    assert_int_equal(access(w->saved, F_OK), -1);
    recover_world_write_key(w, "k1.key", 1);
    assert_ok(recover_world_recover(w, &report, &err), &err);
    recover_world_compare(w, &report, &log);
    end_transformed(w);
}

int main(void)
{
    static recover_world world;
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about flushes */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(compressed_and_encrypted_spaces_are_recovered_as_plain_ones_are,
                                  &world),
        cmocka_unit_test_prestate(without_the_right_key_it_is_said_which_is_missing, &world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
