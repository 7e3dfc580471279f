/* 11-past.c - a price that changes, read as of each commit, and the history of those commits.
 *
 *     11-past        everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status set_price(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_value price = pbase_value_int(*(const int64_t *)state);
    return pbase_txn_store_value(txn, "price", &price, err);
}

static pbase_status print_price(pbase_database *shop, uint64_t sequence, pbase_error *err)
{
    pbase_snapshot *then = NULL;
    pbase_value price;
    pbase_arena arena;
    pbase_moment at = pbase_moment_of_sequence(sequence);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open_at(shop, &at, NULL, &then, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_value(then, "price", &arena, &price, err);
    }
    if (status == PBASE_OK) {
        printf("as of commit %" PRIu64 ": %" PRId64 "\n", sequence, price.as.integer);
    }
    pbase_snapshot_close(then);
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status print_commit(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    (void)state;
    (void)err;
    printf("commit %" PRIu64 " of %s: %" PRIu64 " operations\n", commit->sequence, commit->database,
           commit->operations);
    return PBASE_OK;
}

static pbase_status run(pbase_space *space, pbase_database *shop, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (int64_t price = 10; price <= 30 && status == PBASE_OK; price += 10) {
        status = pbase_txn_run(shop, NULL, NULL, set_price, &price, err);
    }
    status = status == PBASE_OK ? pbase_space_checkpoint(space, NULL, err) : status;
    for (uint64_t sequence = 2; sequence <= 4 && status == PBASE_OK; sequence++) {
        status = print_price(shop, sequence, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (print_price(shop, 99, err) == PBASE_NOT_FOUND) {
        printf("%s\n", err->message);
    }
    return pbase_history(space, 0, UINT64_MAX, NULL, print_commit, NULL, err);
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *shop = NULL;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.text = "version: 1\n"
                 "storage: {type: memory, retention_count: 100}\n";
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "shop", &shop, &err) : status;
    status = status == PBASE_OK ? run(space, shop, &err) : status;
    pbase_database_close(shop);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    return status != PBASE_OK;
}
