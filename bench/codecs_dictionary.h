/* codecs_dictionary.h - a dictionary for zstd, trained from the store of a space. */
#ifndef PBASE_BENCH_CODECS_DICTIONARY_H
#define PBASE_BENCH_CODECS_DICTIONARY_H

/* Trains from the segments in `store` in pieces of 2 KiB, as docs/compression.md says, and writes the
 * dictionary to the file `path`. What fails ends the program. */
void codecs_dictionary_train(const char *store, const char *path);

#endif
