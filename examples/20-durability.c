/* 20-durability.c - commits that wait for the disk, and commits that do not.
 *
 * Each commit says what it waits for. Those that do not wait are made durable by the next one that
 * does, or by pbase_space_sync: what survives is always a whole prefix of all commits. */
#include <inttypes.h>
#include <protobase/protobase.h>
#include <stdio.h>
#include <string.h>

static pbase_status put_number(pbase_database *database, int32_t durability, int64_t number,
                               pbase_error *err)
{
    pbase_txn *txn = NULL;
    pbase_value value = pbase_value_int(number);
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = durability;
    pbase_status status = pbase_txn_begin(database, &options, &txn, err);
    if (status == PBASE_OK) {
        status = pbase_txn_store_value(txn, "number", &value, err);
    }
    if (status == PBASE_OK) {
        return pbase_txn_commit(&txn, NULL, NULL, err);
    }
    pbase_txn_abort(&txn);
    return status;
}

static pbase_status hear_flushes(void *state, const char *name, uint64_t value, const char *unit,
                                 pbase_error *err)
{
    (void)unit;
    (void)err;
    if (strcmp(name, "flush_timed") == 0) {
        *(uint64_t *)state = value;
    }
    return PBASE_OK;
}

/* How often the disk was waited for so far. */
static uint64_t flushes_of(pbase_space *space)
{
    uint64_t count = 0;
    pbase_error err;
    pbase_error_init(&err);
    return pbase_space_stats(space, hear_flushes, &count, &err) == PBASE_OK ? count : UINT64_MAX;
}

/* Ten commits of each kind. */
static pbase_status compare(pbase_space *space, pbase_database *database, pbase_error *err)
{
    static const struct {
        int32_t durability;
        const char *name;
    } kinds[] = {{PBASE_DURABILITY_SYNC, "sync"},
                 {PBASE_DURABILITY_ASYNC, "async"},
                 {PBASE_DURABILITY_NONE, "none"}};
    pbase_status status = PBASE_OK;
    for (size_t kind = 0; kind < 3 && status == PBASE_OK; kind++) {
        uint64_t before = flushes_of(space);
        for (int64_t i = 0; i < 10 && status == PBASE_OK; i++) {
            status = put_number(database, kinds[kind].durability, i, err);
        }
        printf("10 commits that ask for %s waited for the disk %" PRIu64 " times\n",
               kinds[kind].name, flushes_of(space) - before);
    }
    return status == PBASE_OK ? pbase_space_sync(space, NULL, err) : status;
}

int main(int argc, char **argv)
{
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_error err;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.data = argc > 1 ? argv[1] : "durability-data";
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    if (status == PBASE_OK) {
        status = pbase_database_ensure(space, "main", &database, &err);
    }
    if (status == PBASE_OK) {
        status = compare(space, database, &err);
    }
    if (status != PBASE_OK) {
        fprintf(stderr, "%s: %s\n", pbase_status_name(status), err.message);
    }
    pbase_database_close(database);
    pbase_space_close(space);
    return status == PBASE_OK ? 0 : 1;
}
