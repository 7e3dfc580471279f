/* assert.c - how a failed assertion ends the process.
 *
 * The one place of the SDK that prints and the one that aborts: it is reached only through a bug of
 * ours, never through input, and going on would risk stored data. */
#include <protobase/base/error.h>
#include <stdio.h>
#include <stdlib.h>

void pbase_assert_failed(const char *condition, const char *file, uint32_t line)
{
    (void)fprintf(stderr, "%s:%u: assertion failed: %s\n", file, (unsigned)line,
                  condition); /* nobody is left to tell when this fails */
    abort();
}
