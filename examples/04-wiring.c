/* 04-wiring.c - the same program on whatever a YAML text wires up: memory, files, other codecs.
 *
 *     04-wiring [FILE]...   each FILE a configuration; without one, four built-in texts */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static const char *const texts[] = {
    "version: 1\n"
    "storage: {type: memory}\n"
    "codecs: [msgpack]\n",

    "version: 1\n"
    "storage:\n"
    "  type: file\n"
    "  blocks: {type: file, path: ./wiring-data}\n"
    "codecs: [msgpack]\n",

    /* the same folder, another serializer and a transform: older data stays readable */
    "version: 1\n"
    "storage:\n"
    "  type: file\n"
    "  blocks: {type: file, path: ./wiring-data}\n"
    "codecs: [json, msgpack, {type: zstd, level: 3}]\n",

    /* a mistake: every one is reported, with its place and the nearest known key */
    "version: 1\n"
    "storage:\n"
    "  type: file\n"
    "  blocks: {type: file, pth: ./wiring-data}\n"
    "codecs: [msgpak]\n",
};

static void print_problem(void *state, const pbase_config_problem *problem)
{
    (void)state;
    printf("  line %" PRIu32 " column %" PRIu32 ": %s%s%s\n", problem->line, problem->column,
           problem->message, problem->hint[0] == '\0' ? "" : "; ", problem->hint);
}

/* Adds one to the counter of this place. */
static pbase_status count_one(pbase_txn *txn, void *state, pbase_error *err)
{
    int64_t *runs = state;
    pbase_arena arena;
    pbase_value value;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_txn_value(txn, "runs", &arena, &value, err);
    if (status == PBASE_NOT_FOUND) { /* the first run here */
        value = pbase_value_int(0);
        status = PBASE_OK;
    }
    if (status == PBASE_OK) {
        *runs = value.as.integer + 1;
        value = pbase_value_int(*runs);
        status = pbase_txn_store_value(txn, "runs", &value, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status run_once(const pbase_config_source *place, pbase_error *err)
{
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    int64_t runs = 0;
    pbase_space_options options = PBASE_SPACE_OPTIONS_INIT;
    options.report = print_problem;
    pbase_status status = pbase_space_open(place, &options, &space, err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, err) : status;
    status =
        status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, count_one, &runs, err) : status;
    pbase_database_close(database);
    pbase_space_close(space);
    if (status == PBASE_OK) {
        printf("  run %" PRId64 " in this place\n", runs);
    }
    return status;
}

/* 0, or 1 when the place could not be used. */
static int try_place(const pbase_config_source *place)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = run_once(place, &err);
    if (status != PBASE_OK) {
        printf("  %s: %s\n", pbase_status_name(status), err.message);
    }
    return status == PBASE_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
        place.file = argv[i];
        printf("%s\n", argv[i]);
        failed += try_place(&place);
    }
    for (size_t i = 0; argc == 1 && i < sizeof texts / sizeof texts[0]; i++) {
        pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
        place.text = texts[i];
        printf("%s", texts[i]);
        failed += try_place(&place);
    }
    return argc == 1 ? failed != 1 : failed != 0; /* the built-in mistake is meant */
}
