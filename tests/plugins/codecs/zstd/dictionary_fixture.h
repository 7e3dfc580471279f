/* dictionary_fixture.h - dictionaries trained on records that look alike, in files. */
#ifndef PBASE_TEST_DICTIONARY_FIXTURE_H
#define PBASE_TEST_DICTIONARY_FIXTURE_H
#include "fake_config.h"
#include "seed.h"
#include "temp_dir.h"
#include "zstd_transform.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zdict.h>

#include <cmocka.h>

#define DICTIONARY_RECORD_BYTES 160u
#define DICTIONARY_RECORDS 4000u

/* One record of some 130 bytes. */
static inline size_t dictionary_record(seed_random *random, char out[DICTIONARY_RECORD_BYTES])
{
    static const char *const cities[] = {"Amsterdam", "Oslo", "Lisbon", "Vienna"};
    int size = snprintf(out, DICTIONARY_RECORD_BYTES,
                        "{\"customer\":\"customer-%u\",\"city\":\"%s\",\"status\":\"paid\","
                        "\"article\":\"garden chair, oak\",\"amount\":%u,\"note\":\"by mail\"}",
                        (unsigned)seed_below(random, 10000), cities[seed_below(random, 4)],
                        (unsigned)seed_below(random, 100000));
    return (size_t)size;
}

/* Writes a dictionary of 8 KiB at most to `path`. */
static inline void dictionary_train(const char *path, uint64_t seed)
{
    static char samples[DICTIONARY_RECORDS * DICTIONARY_RECORD_BYTES];
    static size_t sizes[DICTIONARY_RECORDS];
    static uint8_t dictionary[8192];
    seed_random random;
    size_t used = 0;
    seed_random_init(&random, seed);
    for (size_t i = 0; i < DICTIONARY_RECORDS; i++) {
        sizes[i] = dictionary_record(&random, samples + used);
        used += sizes[i];
    }
    size_t size =
        ZDICT_trainFromBuffer(dictionary, sizeof dictionary, samples, sizes, DICTIONARY_RECORDS);
    assert_false(ZDICT_isError(size));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(dictionary, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

#endif
