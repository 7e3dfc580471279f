/* golden_suite.h - what was written once must be read for ever.
 *
 * tests/golden/codecs/ holds the files of every released version of a format, VERSION_NAME.SUFFIX:
 * `every_kind` is the value of golden_value(). They are never changed; a new version adds files. */
#ifndef PBASE_TEST_GOLDEN_SUITE_H
#define PBASE_TEST_GOLDEN_SUITE_H
#include <protobase/base/value.h>

/* A document with every kind of value and the edges of each. In `arena`. */
pbase_value golden_value(pbase_arena *arena);
/* The bytes of a file, in `arena`. The test fails when it cannot be read. */
pbase_bytes golden_file(const char *path, pbase_arena *arena);
#define GOLDEN_PATH(name) PBASE_SOURCE_DIR "/tests/golden/codecs/" name

#endif
