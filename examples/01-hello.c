/* 01-hello.c - open a space, write in a transaction, close, open again, read.
 *
 *     01-hello [DIR]        file storage in DIR (default: hello-data), made on first use */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status write_greeting(pbase_txn *txn, void *state, pbase_error *err)
{
    const char *text = state;
    pbase_value greeting = pbase_value_text(text);
    return pbase_txn_store_value(txn, "greeting", &greeting, err);
}

static pbase_status read_greeting(pbase_database *database, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_arena arena;
    pbase_value greeting;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_value(snapshot, "greeting", &arena, &greeting, err);
    }
    if (status == PBASE_OK) {
        printf("%.*s\n", (int)greeting.as.string.size, (const char *)greeting.as.string.data);
        printf("as of commit %" PRIu64 "\n", pbase_snapshot_sequence(snapshot));
    }
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return status;
}

/* Opens the space, does one thing in its database `main`, and closes both. */
static pbase_status with_database(const pbase_config_source *place, const char *text,
                                  pbase_error *err)
{
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_status status = pbase_space_open(place, NULL, &space, err);
    if (status == PBASE_OK) {
        status = pbase_database_ensure(space, "main", &database, err);
    }
    if (status == PBASE_OK && text != NULL) {
        /* pbase_txn_run commits, and runs the callback again when another commit came first */
        char copy[64];
        (void)snprintf(copy, sizeof copy, "%s", text);
        status = pbase_txn_run(database, NULL, NULL, write_greeting, copy, err);
    } else if (status == PBASE_OK) {
        status = read_greeting(database, err);
    }
    pbase_database_close(database);
    pbase_space_close(space);
    return status;
}

int main(int argc, char **argv)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.data = argc > 1 ? argv[1] : "hello-data";
    pbase_status status = with_database(&place, "hello, world", &err);
    if (status == PBASE_OK) {
        status = with_database(&place, NULL, &err); /* a new opening: read back from disk */
    }
    if (status != PBASE_OK) {
        fprintf(stderr, "01-hello: %s: %s\n", pbase_status_name(status), err.message);
    }
    return status == PBASE_OK ? 0 : 1;
}
