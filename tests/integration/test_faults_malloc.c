/* test_faults_malloc.c - a space's life from opening to closing, and the reading of configurations
 * and plugins, with every call of the C library's malloc made to fail: so those of libyaml, simdjson,
 * msgpack-c, zstd and lz4 fail too, which no allocator of ours sees.
 *
 * malloc and its kin are replaced in this program. On the thread that is armed the n-th call gives
 * NULL, alone or with all later ones; other threads go on. What is allocated and freed is counted, so
 * that a run which failed can be seen to have left nothing. The sanitizers bring a malloc of their
 * own: under them there is nothing to run. */
#include "seed.h"
#include "temp_dir.h"
#include <protobase/expr.h>
#include <protobase/protobase.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_OWN_MALLOC 1
#endif
#endif

#ifdef HAS_OWN_MALLOC
int main(void)
{
    (void)fputs("skipped: the sanitizer has a malloc of its own\n", stdout);
    return 77;
}
#else

/* ------------------------------------------------------------------------------------- malloc ---- */

void *__libc_malloc(size_t size);                /* NOLINT: glibc's own names */
void *__libc_calloc(size_t count, size_t size);  /* NOLINT */
void *__libc_realloc(void *memory, size_t size); /* NOLINT */
void __libc_free(void *memory);                  /* NOLINT */

static _Thread_local bool armed;
static _Thread_local bool forever;
static _Thread_local uint64_t calls, fail_at;
static _Atomic int64_t live; /* blocks of all threads */

static bool must_fail(void)
{
    if (!armed) {
        return false;
    }
    calls++;
    bool fails = forever ? calls >= fail_at : calls == fail_at;
    errno = fails ? ENOMEM : errno; /* as malloc does */
    return fails;
}

static void *counted(void *memory)
{
    live += memory != NULL;
    return memory;
}

/* Seen by the libraries, too. */
#define REPLACES __attribute__((visibility("default")))

REPLACES void *malloc(size_t size)
{
    return must_fail() ? NULL : counted(__libc_malloc(size));
}

REPLACES void *calloc(size_t nmemb, size_t size)
{
    return must_fail() ? NULL : counted(__libc_calloc(nmemb, size));
}

REPLACES void *realloc(void *ptr, size_t size)
{
    if (must_fail()) {
        return NULL;
    }
    void *moved = __libc_realloc(ptr, size);
    live += (ptr == NULL && moved != NULL) ? 1 : 0;
    live -= (ptr != NULL && size == 0) ? 1 : 0;
    return moved;
}

REPLACES void free(void *ptr)
{
    live -= ptr != NULL;
    __libc_free(ptr);
}

/* -------------------------------------------------------------------------------------- sweeps ---- */

#define EVERY_N_MAX 200u
#define STEP 7u
#define SWEEP_MAX 100000u

typedef pbase_status (*malloc_work)(const char *with, pbase_error *err);

static pbase_status run(malloc_work work, const char *with, uint64_t n, bool all, pbase_error *err)
{
    pbase_error_init(err);
    calls = 0;
    fail_at = n;
    forever = all;
    armed = n != 0;
    pbase_status status = work(with, err);
    armed = false;
    return status;
}

/* Runs with call `n` failing and looks at it; yields how many blocks more there are than before. */
static int64_t run_failing(malloc_work work, const char *with, uint64_t n, bool all)
{
    pbase_error err;
    int64_t before = live;
    pbase_status status = run(work, with, n, all, &err);
    if (status != PBASE_OK && (status != PBASE_NO_MEMORY || calls < n)) {
        fail_msg("call %llu: %s: %s", (unsigned long long)n, pbase_status_name(status),
                 err.message);
    }
    assert_true(status == PBASE_OK || (err.code == status && err.message[0] != '\0'));
    return live - before;
}

static void sweep_mode(malloc_work work, const char *with, bool all)
{
    uint64_t n = 0;
    do {
        n += n < EVERY_N_MAX || seed_is_long_run() ? 1 : STEP;
        assert_true(n < SWEEP_MAX);
        /* What the C++ library sets up for its first exception stays; a leak would come again. */
        if (run_failing(work, with, n, all) > 0 && run_failing(work, with, n, all) > 0) {
            fail_msg("call %llu: a block is left each time", (unsigned long long)n);
        }
    } while (calls >= n);
    print_message("%llu calls\n", (unsigned long long)(n - 1));
    assert_true(n > 1);
}

/* The first run is without a failure: libraries set themselves up in it, once. */
static void sweep(malloc_work work, const char *with)
{
    pbase_error err;
    pbase_status status = run(work, with, 0, false, &err);
    if (status != PBASE_OK) {
        fail_msg("%s: %s", pbase_status_name(status), err.message);
    }
    sweep_mode(work, with, false);
    sweep_mode(work, with, true);
}

static const char *plugin_dirs[1];

static pbase_config_source source_of(const char *text)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    plugin_dirs[0] = getenv("PBASE_PLUGIN_DIR");
    assert_non_null(plugin_dirs[0]);
    source.text = text;
    source.plugin_dirs = plugin_dirs;
    source.plugin_dir_count = 1;
    return source;
}

/* ---------------------------------------------------------------------------------- a whole life -- */

static pbase_status put_documents(pbase_database *database, pbase_error *err)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_begin(database, NULL, &txn, err);
    status = status == PBASE_OK ? pbase_txn_new_dict(txn, &dict, err) : status;
    for (int64_t i = 0; i < 60 && status == PBASE_OK; i++) {
        pbase_value key = pbase_value_int(i);
        pbase_value items[] = {key, pbase_value_float(0.5), pbase_value_null()};
        pbase_field fields[] = {{pbase_bytes_text("n"), key},
                                {pbase_bytes_text("text"),
                                 pbase_value_text("a text that can be made smaller, smaller")},
                                {pbase_bytes_text("list"), pbase_value_list(items, 3)}};
        pbase_value document = pbase_value_map(fields, 3);
        status = pbase_dict_put(&dict, &key, &document, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "dict", dict, err) : status;
    pbase_dict_close(dict);
    if (status == PBASE_OK) {
        return pbase_txn_commit(&txn, NULL, NULL, err);
    }
    pbase_txn_abort(&txn);
    return status;
}

static pbase_status ask(pbase_database *database, pbase_error *err)
{
    static const char text[] =
        "from dict | where n > 7 and text like 'a%' | order by n desc | limit 5";
    pbase_snapshot *snapshot = NULL;
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    status =
        status == PBASE_OK ? pbase_query_parse(NULL, pbase_bytes_text(text), &query, err) : status;
    status = status == PBASE_OK ? pbase_query_run(query, snapshot, NULL, &result, err) : status;
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, err);
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    pbase_snapshot_close(snapshot);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status text_in_and_out(pbase_space *space, pbase_error *err)
{
    static const char text[] = "{\"a\": [1, 2.5, {\"b\": \"\\u00e9\"}, {\"$bytes\": \"AAEC\"}]}";
    pbase_arena arena;
    pbase_buffer out;
    pbase_value value;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&out, pbase_alloc_default());
    pbase_status status = pbase_json_parse(space, pbase_bytes_text(text), &arena, &value, err);
    status = status == PBASE_OK ? pbase_json_format(space, &value, &out, err) : status;
    pbase_buffer_fini(&out);
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status live_once(const char *config, pbase_error *err)
{
    pbase_config_source source = source_of(config);
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_status status = pbase_space_open(&source, NULL, &space, err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, err) : status;
    status = status == PBASE_OK ? put_documents(database, err) : status;
    status = status == PBASE_OK ? pbase_space_checkpoint(space, NULL, err) : status;
    status = status == PBASE_OK ? ask(database, err) : status;
    status = status == PBASE_OK ? text_in_and_out(space, err) : status;
    pbase_database_close(database);
    pbase_space_close(space);
    return status;
}

static void a_life_with_msgpack_and_zstd(void **unused)
{
    (void)unused;
    sweep(live_once, "version: 1\nstorage: memory\ncodecs: [msgpack, zstd]\n");
}

static void a_life_with_json_and_lz4(void **unused)
{
    (void)unused;
    sweep(live_once, "version: 1\nstorage: memory\ncodecs: [json, lz4]\n");
}

/* ------------------------------------------------------------------------------------- plugins ---- */

static pbase_status check_config(const char *text, pbase_error *err)
{
    pbase_config_source source = source_of(text);
    pbase_status status = pbase_config_check(&source, NULL, NULL, err);
    return status == PBASE_CONFIG ? PBASE_OK : status;
}

static void a_configuration_with_problems(void **unused)
{
    (void)unused;
    sweep(check_config, "version: 1\nstorage: {type: memory, max_sise: 4KiB}\n"
                        "codecs: [&a msgpack, {type: zstd, level: 99}, *a]\nmore: [1, {a: b}]\n");
}

static pbase_status check_plugin(const char *name, pbase_error *err)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", getenv("PBASE_PLUGIN_DIR"), name);
    return pbase_plugin_check(path, PBASE_PLUGIN_CHECK_LOAD, NULL, NULL, err);
}

static void the_rules_of_a_plugin(void **unused)
{
    (void)unused;
    sweep(check_plugin, "codec-zstd.so");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_with_msgpack_and_zstd),
        cmocka_unit_test(a_life_with_json_and_lz4),
        cmocka_unit_test(a_configuration_with_problems),
        cmocka_unit_test(the_rules_of_a_plugin),
    };
    if (argc == 2 && strcmp(argv[1], "--functions") == 0) {
        (void)puts("pbase_plugin_check");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
