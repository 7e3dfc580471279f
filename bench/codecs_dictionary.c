/* codecs_dictionary.c - reads what a checkpoint wrote, and lets zstd find what repeats in it. */
#include "codecs_dictionary.h"

#include "bench.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>

#define PIECE_BYTES 2048u
#define DICTIONARY_BYTES 32768u
#define SAMPLE_BYTES_MAX (16u << 20)

typedef struct {
    char *bytes; /* SAMPLE_BYTES_MAX */
    size_t size;
} sample;

static void add_file(sample *to, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        bench_fail("%s cannot be read", path);
    }
    to->size += fread(to->bytes + to->size, 1, SAMPLE_BYTES_MAX - to->size, in);
    (void)fclose(in); /* it was only read */
}

static void read_folder(const char *folder, sample *to)
{
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        bench_fail("%s cannot be read", folder);
    }
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        char path[PATH_MAX];
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            add_file(to, path);
        }
    }
    (void)closedir(listing);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *out = fopen(path, "wb");
    if (out == NULL || fwrite(bytes, 1, size, out) != size || fclose(out) != 0) {
        bench_fail("%s cannot be written", path);
    }
}

void codecs_dictionary_train(const char *store, const char *path)
{
    sample all = {.bytes = bench_new(SAMPLE_BYTES_MAX)};
    read_folder(store, &all);
    unsigned pieces = (unsigned)(all.size / PIECE_BYTES);
    size_t *sizes = bench_new((pieces + 1) * sizeof *sizes);
    for (unsigned i = 0; i < pieces; i++) {
        sizes[i] = PIECE_BYTES;
    }
    char *dictionary = bench_new(DICTIONARY_BYTES);
    size_t size = ZDICT_trainFromBuffer(dictionary, DICTIONARY_BYTES, all.bytes, sizes, pieces);
    if (ZDICT_isError(size)) {
        bench_fail("training from %u pieces: %s", pieces, ZDICT_getErrorName(size));
    }
    write_file(path, dictionary, size);
    free(dictionary);
    free(sizes);
    free(all.bytes);
}
