/* test_file_direct.c - which way durable writes go, and in what units: on simulated disks, and on a
 * file system in memory where this user may mount one. */
#include "os/os.h"
#include "sim_os.h"
#include "sim_world.h"
#include "temp_dir.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define UNIT_MAX 4096u

static const char *settings[] = {"path", "/data", "direct_io", "auto", NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", settings,
                                  NULL};
static _Alignas(UNIT_MAX) uint8_t block[2 * UNIT_MAX];

typedef struct {
    sim_os *sim;
    test_host host;
    test_graph *graph;
    pbase_blocks *blocks;
    pbase_error err;
} fixture;

static void start(fixture *f, const pbase_os *os, const char *path, const char *wish)
{
    settings[1] = path;
    settings[3] = wish;
    test_host_init(&f->host, os);
    pbase_error_init(&f->err);
}

static void open_provider(fixture *f)
{
    pbase_status status = test_wiring_open(&files, &f->host, &f->graph, &f->err);
    if (status != PBASE_OK) {
        fail_msg("%s: %s", pbase_status_name(status), f->err.message);
    }
    f->blocks = test_graph_object(f->graph);
}

static void close_provider(fixture *f)
{
    test_wiring_close(f->graph);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
}

static void open_on(fixture *f, uint32_t direct_bytes, uint32_t whole_bytes, const char *wish)
{
    f->sim = sim_os_create(1);
    sim_os_pieces_set(f->sim, direct_bytes, whole_bytes);
    start(f, sim_os_interface(f->sim), "/data", wish);
    open_provider(f);
}

static void close_on(fixture *f)
{
    close_provider(f);
    sim_os_destroy(f->sim);
}

static pbase_blocks_geometry geometry_of(fixture *f)
{
    pbase_blocks_geometry out;
    assert_int_equal(pbase_blocks_geometry_get(f->blocks, &out, &f->err), PBASE_OK);
    return out;
}

/* A segment of two units at least, with a first flush behind it. */
static pbase_segment *segment_make(fixture *f)
{
    pbase_segment *segment = NULL;
    assert_int_equal(pbase_blocks_open(f->blocks, NULL, "s",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f->err),
                     PBASE_OK);
    assert_int_equal(pbase_segment_preallocate(segment, NULL, sizeof block, &f->err), PBASE_OK);
    assert_int_equal(pbase_segment_sync(segment, NULL, &f->err), PBASE_OK);
    return segment;
}

static pbase_status write_unit(fixture *f, pbase_segment *segment, uint64_t unit, uint8_t byte)
{
    uint32_t bytes = geometry_of(f).atomic_bytes;
    memset(block, byte, bytes);
    return pbase_segment_write(segment, NULL, unit * bytes, pbase_bytes_of(block, bytes),
                               PBASE_WRITE_SYNC, &f->err);
}

static void a_unit_is_what_the_device_takes_whole(void **unused)
{
    (void)unused;
    static const uint32_t cases[][3] = {/* direct, whole, unit */
                                        {512, 512, 512},    {512, 4096, 4096}, {4096, 512, 4096},
                                        {4096, 4096, 4096}, {512, 0, 4096},    {0, 512, 512},
                                        {0, 0, 4096}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        open_on(&f, cases[i][0], cases[i][1], "auto");
        pbase_segment_close(segment_make(&f));
        assert_int_equal(geometry_of(&f).atomic_bytes, cases[i][2]);
        close_on(&f);
    }
}

/* Where the device is not asked yet, the unit is one that fits all. */
static void the_device_is_asked_when_something_is_written(void **unused)
{
    (void)unused;
    fixture f;
    open_on(&f, 512, 512, "auto");
    pbase_segment *segment = NULL;
    assert_int_equal(geometry_of(&f).atomic_bytes, UNIT_MAX);
    assert_int_equal(pbase_blocks_open(f.blocks, NULL, "s",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment,
                                       &f.err),
                     PBASE_OK);
    assert_int_equal(geometry_of(&f).atomic_bytes, UNIT_MAX);

    assert_int_equal(write_unit(&f, segment, 0, 1), PBASE_OK);

    assert_int_equal(geometry_of(&f).atomic_bytes, 512);
    pbase_segment_close(segment);
    close_on(&f);
}

static void a_durable_write_is_one_call_where_there_is_direct_io(void **unused)
{
    (void)unused;
    fixture f;
    open_on(&f, 512, 512, "auto");
    pbase_segment *segment = segment_make(&f);
    assert_int_equal(geometry_of(&f).is_direct, 0); /* nobody knows yet */
    uint64_t writes = sim_os_calls(f.sim, OS_CALL_WRITE);
    uint64_t syncs = sim_os_calls(f.sim, OS_CALL_SYNC);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(write_unit(&f, segment, i, (uint8_t)(i + 1)), PBASE_OK);
    }
    assert_int_equal(sim_os_calls(f.sim, OS_CALL_WRITE), writes + 4);
    assert_int_equal(sim_os_calls(f.sim, OS_CALL_SYNC), syncs);
    assert_int_equal(geometry_of(&f).is_direct, 1);
    pbase_segment_close(segment);
    close_on(&f);
}

/* Of the segment, after a power cut. Takes the machine. */
static uint8_t first_byte(sim_os *sim)
{
    fixture after = {.sim = sim};
    pbase_segment *segment = NULL;
    uint8_t found = 0;
    size_t read = 0;
    start(&after, sim_os_interface(sim), "/data", "auto");
    open_provider(&after);
    assert_int_equal(pbase_blocks_open(after.blocks, NULL, "s", 0, &segment, &after.err), PBASE_OK);
    assert_int_equal(pbase_segment_read(segment, NULL, 0, &found, 1, &read, &after.err), PBASE_OK);
    pbase_segment_close(segment);
    close_on(&after);
    return found;
}

static void assert_durable(fixture *f, uint8_t byte)
{
    sim_crash crash;
    sim_crash_begin(&crash, f->sim, 0, 1);
    assert_int_equal(first_byte(sim_crash_next(&crash)), byte); /* nothing of what is pending */
}

static void what_was_written_either_way_survives_a_power_cut(void **unused)
{
    (void)unused;
    static const uint32_t cases[][2] = {{512, 512}, {4096, 4096}, {0, 4096}, {0, 512}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        open_on(&f, cases[i][0], cases[i][1], "auto");
        pbase_segment *segment = segment_make(&f);
        assert_int_equal(write_unit(&f, segment, 0, 7), PBASE_OK);
        assert_durable(&f, 7);
        assert_int_equal(geometry_of(&f).is_direct, cases[i][0] != 0);
        pbase_segment_close(segment);
        close_on(&f);
    }
}

/* ----------------------------------------------------------------- beside a flush under way --- */

#define SCHEDULES 400u

typedef struct {
    fixture f;
    pbase_segment *segment;
    sim_os *
        after; /* the power went when the durable write had returned; nothing pending came through */
    pbase_status synced, written;
} race;

static void race_flush(void *state)
{
    race *self = state;
    self->synced = pbase_segment_sync(self->segment, NULL, NULL);
}

static void race_write(void *state)
{
    race *self = state;
    sim_crash crash;
    self->written = write_unit(&self->f, self->segment, 1, 8);
    sim_crash_begin(&crash, self->f.sim, 0, 1);
    self->after = sim_crash_next(&crash);
}

/* A flush under way is none yet: a durable write beside it took what the flush had in hand for durable,
 * went past the cache, and acknowledged what a power cut took away. */
static void a_durable_write_beside_a_flush_covers_what_was_written_before(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        race r = {.after = NULL};
        sim_world *world = sim_world_create(seed);
        r.f.sim = sim_world_machine(world, "a");
        const pbase_os *os = sim_os_interface(r.f.sim);
        pbase_os_thread *threads[2];
        sim_os_pieces_set(r.f.sim, 512, 512);
        start(&r.f, os, "/data", "auto");
        open_provider(&r.f);
        r.segment = segment_make(&r.f);
        assert_int_equal(write_unit(&r.f, r.segment, 1, 6), PBASE_OK); /* finds the way */
        uint32_t unit = geometry_of(&r.f).atomic_bytes;
        memset(block, 7, unit);
        assert_int_equal(
            pbase_segment_write(r.segment, NULL, 0, pbase_bytes_of(block, unit), 0, &r.f.err),
            PBASE_OK);

        assert_int_equal(os->thread->start(os, "flush", race_flush, &r, &threads[0], NULL),
                         PBASE_OK);
        assert_int_equal(os->thread->start(os, "write", race_write, &r, &threads[1], NULL),
                         PBASE_OK);
        os->thread->join(threads[0]);
        os->thread->join(threads[1]);

        assert_int_equal(r.synced, PBASE_OK);
        assert_int_equal(r.written, PBASE_OK);
        if (first_byte(r.after) != 7) {
            fail_msg("schedule %" PRIu64 ": a write before an acknowledged one is lost", seed);
        }
        pbase_segment_close(r.segment);
        close_provider(&r.f);
        sim_os_destroy(r.f.sim);
        sim_world_destroy(world);
    }
}

/* ------------------------------------------------------------------------------------ other --- */

static void a_file_system_that_refuses_a_direct_write_gets_it_flushed(void **unused)
{
    (void)unused;
    fixture f;
    open_on(&f, 512, 512, "auto");
    pbase_segment *segment = segment_make(&f);
    sim_os_pieces_set(f.sim, 4096, 512); /* it wants more than it said */

    assert_int_equal(write_unit(&f, segment, 0, 9), PBASE_OK);
    assert_durable(&f, 9);
    assert_int_equal(geometry_of(&f).is_direct, 0);
    uint64_t opens = sim_os_calls(f.sim, OS_CALL_OPEN);
    pbase_segment_close(segment);
    assert_int_equal(pbase_blocks_open(f.blocks, NULL, "s", PBASE_SEGMENT_WRITE, &segment, &f.err),
                     PBASE_OK);
    assert_int_equal(write_unit(&f, segment, 1, 9), PBASE_OK);

    assert_int_equal(sim_os_calls(f.sim, OS_CALL_OPEN), opens + 1); /* it is not tried again */
    pbase_segment_close(segment);
    close_on(&f);
}

static void never_goes_through_the_cache(void **unused)
{
    (void)unused;
    fixture f;
    open_on(&f, 512, 512, "never");
    pbase_segment *segment = segment_make(&f);
    uint64_t syncs = sim_os_calls(f.sim, OS_CALL_SYNC);
    assert_int_equal(write_unit(&f, segment, 0, 3), PBASE_OK);
    assert_int_equal(sim_os_calls(f.sim, OS_CALL_SYNC), syncs + 1);
    assert_int_equal(geometry_of(&f).is_direct, 0);
    assert_durable(&f, 3);
    pbase_segment_close(segment);
    close_on(&f);
}

static void always_is_refused_where_there_is_no_direct_io(void **unused)
{
    (void)unused;
    fixture f = {.sim = sim_os_create(1)};
    sim_os_pieces_set(f.sim, 0, 512);
    start(&f, sim_os_interface(f.sim), "/data", "always");
    assert_int_equal(test_wiring_open(&files, &f.host, &f.graph, &f.err), PBASE_UNSUPPORTED);
    assert_non_null(strstr(f.err.message, "/data"));
    assert_non_null(strstr(f.err.hint, "auto"));
    sim_os_pieces_set(f.sim, 512, 512);
    open_provider(&f);
    pbase_segment *segment = segment_make(&f);
    assert_int_equal(write_unit(&f, segment, 0, 5), PBASE_OK);
    assert_int_equal(geometry_of(&f).is_direct, 1);
    assert_durable(&f, 5);
    pbase_segment_close(segment);
    close_on(&f);
}

/* Whether a file of `folder` can be written past the cache, asked without our code. */
static bool has_direct_io(const char *folder)
{
    char path[4352];
    (void)snprintf(path, sizeof path, "%s/try", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_DIRECT | O_DSYNC, 0600);
    bool works = fd >= 0 && pwrite(fd, block, UNIT_MAX, 0) == (ssize_t)UNIT_MAX;
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)unlink(path);
    return works;
}

static void write_and_read_on(const char *folder)
{
    fixture f = {.sim = NULL};
    char path[4352];
    (void)snprintf(path, sizeof path, "%s/space", folder);
    start(&f, pbase_os_real(), path, "auto");
    open_provider(&f);
    pbase_segment *segment = segment_make(&f);
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(write_unit(&f, segment, i, (uint8_t)(i + 40)), PBASE_OK);
    }
    uint8_t found[2] = {0, 0};
    size_t read = 0;
    uint32_t unit = geometry_of(&f).atomic_bytes;
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(pbase_segment_read(segment, NULL, i * unit, &found[i], 1, &read, &f.err),
                         PBASE_OK);
        assert_int_equal(found[i], i + 40);
    }
    bool expected = has_direct_io(folder);
    assert_int_equal(geometry_of(&f).is_direct, expected);
    print_message("%s: units of %u bytes, direct I/O: %s\n", folder, unit, expected ? "yes" : "no");
    pbase_segment_close(segment);
    close_provider(&f);
}

static void the_way_is_the_one_that_the_file_system_has(void **unused)
{
    (void)unused;
    temp_dir folder;
    temp_dir_create(&folder);
    write_and_read_on(folder.path);
    temp_dir_remove(&folder);
}

static void a_file_system_in_memory_is_written_whichever_way_it_has(void **unused)
{
    (void)unused;
    temp_dir folder;
    temp_dir_create(&folder);
    int failed = mount("pbase-test", folder.path, "tmpfs", 0, "size=4m") == 0 ? 0 : errno;
    if (failed == 0) {
        write_and_read_on(folder.path);
        assert_int_equal(umount(folder.path), 0);
    }
    temp_dir_remove(&folder);
    if (failed != 0) {
        print_message("SKIPPED: tmpfs cannot be mounted here: %s\n", strerror(failed));
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_is_what_the_device_takes_whole),
        cmocka_unit_test(the_device_is_asked_when_something_is_written),
        cmocka_unit_test(a_durable_write_is_one_call_where_there_is_direct_io),
        cmocka_unit_test(what_was_written_either_way_survives_a_power_cut),
        cmocka_unit_test(a_durable_write_beside_a_flush_covers_what_was_written_before),
        cmocka_unit_test(a_file_system_that_refuses_a_direct_write_gets_it_flushed),
        cmocka_unit_test(never_goes_through_the_cache),
        cmocka_unit_test(always_is_refused_where_there_is_no_direct_io),
        cmocka_unit_test(the_way_is_the_one_that_the_file_system_has),
        cmocka_unit_test(a_file_system_in_memory_is_written_whichever_way_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
