/* temp_dir.h - a fresh directory for one test, gone at its end.
 *
 *     temp_dir dir;
 *     temp_dir_create(&dir);
 *     open_space(temp_dir_path(&dir, "space"));
 *     temp_dir_remove(&dir);
 *
 * It lies in $TMPDIR or /tmp. A test that fails leaves it behind, to be looked at. */
#ifndef PBASE_TEST_TEMP_DIR_H
#define PBASE_TEST_TEMP_DIR_H
#include <limits.h>

typedef struct {
    char path[PATH_MAX];   /* absolute, without symbolic links */
    char joined[PATH_MAX]; /* what temp_dir_path lent last */
} temp_dir;

/* From now on they lie in memory, where the machine has such a place: for tests that flush often, and
 * for which it does not matter what disk that is. $TMPDIR wins. */
void temp_dir_in_memory(void);
/* Ends the test program with a message when it cannot. */
void temp_dir_create(temp_dir *dir);
/* "<path>/<name>". Lent until the next call. */
const char *temp_dir_path(temp_dir *dir, const char *name);
/* Removes it with everything in it, also what was made read-only. */
void temp_dir_remove(temp_dir *dir);

#endif
