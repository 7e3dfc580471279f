/* dump_sum.h - the checksum of the entries of a root in a dump: XXH3, 64 bits, of their lines with
 * their line ends. Threads: confined. */
#ifndef PBASE_CLI_DUMP_SUM_H
#define PBASE_CLI_DUMP_SUM_H
#include <protobase/base/bytes.h>

#define DUMP_VERSION 1
#define DUMP_OBJECTS "$objects" /* stands where the name of a root does */
#define DUMP_OBJECTS_KIND "objects"
#define DUMP_SUM_TEXT_BYTES 17u

typedef struct dump_sum dump_sum;
PBASE_MUST_CHECK pbase_status dump_sum_create(dump_sum **out, pbase_error *err);
void dump_sum_begin(dump_sum *self);
void dump_sum_add(dump_sum *self, pbase_bytes line);
/* 16 digits, in hexadecimal. */
void dump_sum_text(const dump_sum *self, char out[DUMP_SUM_TEXT_BYTES]);
void dump_sum_destroy(dump_sum *self);

#endif
