/* blocks_folder.h - block_provider/file over a fresh folder of the real file system.
 *
 * A fixture for cmocka: setup gives it as the state, teardown checks that no memory is left.
 *
 *     blocks_folder *f = *state;
 *     test_wiring_open(&f->files, &f->host, &graph, &f->err);
 *
 * `settings` may be changed before opening.
 * Threads: confined. */
#ifndef PBASE_TEST_BLOCKS_FOLDER_H
#define PBASE_TEST_BLOCKS_FOLDER_H
#include "temp_dir.h"
#include "test_host.h"

typedef struct {
    temp_dir folder;
    test_host host;
    pbase_error err;
    const char *settings[5]; /* path, <the folder>, network, refuse */
    test_wiring files;
} blocks_folder;

int blocks_folder_setup(void **state);
int blocks_folder_teardown(void **state);

#endif
