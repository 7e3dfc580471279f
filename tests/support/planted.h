/* planted.h - a bug that is planted for a harness, which has to find it.
 *
 * The harness runs in a child process, as a test of its own: there it must fail, and say why in these
 * words. Call it while this process has no thread of its own. Threads: confined. */
#ifndef PBASE_TEST_PLANTED_H
#define PBASE_TEST_PLANTED_H

/* Fails the test when `harness` succeeds, or fails without `words`. */
void planted_is_found(void (*harness)(void **state), const char *words);

#endif
