/* zstd_dictionary.h - trained dictionaries: small records compress against what they have in common.
 *
 * A dictionary is a file that `zstd --train` made. It carries an id, which stands in each frame that
 * needs it. Threads: immutable once loaded, but for `is_kept`. */
#ifndef PBASE_ZSTD_DICTIONARY_H
#define PBASE_ZSTD_DICTIONARY_H
#include <protobase/plugin/host.h>
#include <stdatomic.h>
#include <zstd.h>

#define DICTIONARY_BYTES_MAX 4194304u /* trained ones are a hundredth of the data they serve */
#define DICTIONARY_TABLE_BYTES 16u

typedef struct {
    unsigned id;
    ZSTD_CDict *writer; /* NULL: only reads */
    ZSTD_DDict *reader;
    uint8_t table[DICTIONARY_TABLE_BYTES]; /* u64 size, u64 XXH3: tells it from another of its id */
    _Atomic bool is_kept;                  /* the space knows it */
} zstd_dictionary;

/* Loads a file; `level` 0: only to read with it. CONFIG: it is missing, too large or no dictionary.
 * `out` is untouched on failure. */
PBASE_MUST_CHECK pbase_status zstd_dictionary_load(const pbase_host *host, const char *path,
                                                   int level, zstd_dictionary *out,
                                                   pbase_error *err);
void zstd_dictionary_fini(zstd_dictionary *dictionary); /* zeroed is fine */

#endif
