/* 12-watch.c - a copy of a collection, kept up to date by the feed of changes.
 *
 *     12-watch        everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

#define STOCKS_MAX 8

/* The copy: how much there is of each thing, by its number. */
typedef struct {
    int64_t stocks[STOCKS_MAX];
    uint64_t done; /* the last commit taken in whole */
} copy;

static pbase_status change_stocks(pbase_txn *txn, void *state, pbase_error *err)
{
    const int64_t *round = state;
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, "stocks", &dict, err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, err);
    }
    for (int64_t thing = 0; thing < STOCKS_MAX && status == PBASE_OK; thing += 2) {
        pbase_value key = pbase_value_int(thing), stock = pbase_value_int(*round * 10 + thing);
        status = pbase_dict_put(&dict, &key, &stock, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "stocks", dict, err);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status take_in(copy *mine, pbase_watch *watch, const pbase_change *event,
                            pbase_error *err)
{
    pbase_arena arena;
    pbase_value key, value;
    pbase_status status = PBASE_OK;
    pbase_arena_init(&arena, pbase_alloc_default());
    if (event->change == PBASE_CHANGE_PUT) {
        status = pbase_watch_key(watch, &arena, &key, err);
        status = status == PBASE_OK ? pbase_watch_value(watch, &arena, &value, err) : status;
        if (status == PBASE_OK) {
            mine->stocks[key.as.integer % STOCKS_MAX] = value.as.integer;
        }
    }
    mine->done = event->is_last ? event->sequence : mine->done;
    pbase_arena_fini(&arena);
    return status;
}

/* Takes in whatever was committed since the copy was last brought up to date. */
static pbase_status catch_up(copy *mine, pbase_space *space, pbase_database *shop, pbase_error *err)
{
    pbase_watch *watch = NULL;
    const pbase_change *event = NULL;
    pbase_call now = {.deadline_ns = 0}; /* do not wait for more */
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    options.root = "stocks";
    options.from = mine->done + 1;
    pbase_status status = pbase_watch_open(space, shop, &options, &watch, err);
    while (status == PBASE_OK) {
        status = pbase_watch_next(watch, &now, &event, err);
        status = status == PBASE_OK ? take_in(mine, watch, event, err) : status;
    }
    pbase_watch_close(watch);
    printf("up to commit %" PRIu64 ": %" PRId64 " %" PRId64 " %" PRId64 "\n", mine->done,
           mine->stocks[0], mine->stocks[2], mine->stocks[4]);
    return status == PBASE_TIMEOUT ? PBASE_OK : status;
}

int main(void)
{
    pbase_error err;
    copy mine = {.done = 0};
    pbase_space *space = NULL;
    pbase_database *shop = NULL;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "shop", &shop, &err) : status;
    for (int64_t round = 1; round <= 3 && status == PBASE_OK; round++) {
        status = pbase_txn_run(shop, NULL, NULL, change_stocks, &round, &err);
        status = status == PBASE_OK ? catch_up(&mine, space, shop, &err) : status;
    }
    pbase_database_close(shop);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    return status != PBASE_OK;
}
