/* blocks_folder.c - one fixture, made anew for each test. */
#include "blocks_folder.h"

#include "os/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int blocks_folder_setup(void **state)
{
    static blocks_folder f;
    f = (blocks_folder){
        .settings = {"path", f.folder.path, "network", "refuse", NULL},
        .files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", f.settings, NULL},
    };
    temp_dir_create(&f.folder);
    test_host_init(&f.host, pbase_os_real());
    pbase_error_init(&f.err);
    *state = &f;
    return 0;
}

int blocks_folder_teardown(void **state)
{
    blocks_folder *f = *state;
    temp_dir_remove(&f->folder);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
    return 0;
}
