/* plain_coder.h - a value_coder without codecs, for tests of collections: scalars and lists of
 * scalars by the encoding of keys, bytes as they are.
 * Threads: immutable. */
#ifndef PBASE_TEST_PLAIN_CODER_H
#define PBASE_TEST_PLAIN_CODER_H
#include "collection/context.h"

value_coder *plain_coder(void);

#endif
