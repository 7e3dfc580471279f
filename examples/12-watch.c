/* 12-watch.c - a copy of a collection, kept up to date by the feed of changes; a copy that comes too late
 * for the feed; and changes inside documents, with the way down to them.
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

/* What the commits before are no longer told of: everything as it was at the oldest that is kept. */
static pbase_status take_all(copy *mine, pbase_space *space, pbase_database *shop, pbase_error *err)
{
    pbase_history_range kept;
    pbase_snapshot *then = NULL;
    pbase_collection *stocks = NULL;
    pbase_cursor *cursor = NULL;
    pbase_value key, stock;
    pbase_status status = pbase_history_describe(space, &kept, err);
    if (status == PBASE_OK) {
        pbase_moment oldest = pbase_moment_of_sequence(kept.oldest_sequence);
        status = pbase_snapshot_open_at(shop, &oldest, NULL, &then, err);
    }
    status = status == PBASE_OK ? pbase_snapshot_at(then, "stocks", NULL, 0, &stocks, err) : status;
    status = status == PBASE_OK ? pbase_collection_cursor(stocks, &cursor, err) : status;
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
        status = status == PBASE_OK ? pbase_cursor_key(cursor, &key, err) : status;
        status = status == PBASE_OK ? pbase_cursor_value(cursor, &stock, err) : status;
        if (status == PBASE_OK) {
            mine->stocks[key.as.integer % STOCKS_MAX] = stock.as.integer;
        }
    }
    pbase_cursor_close(cursor);
    pbase_collection_close(stocks);
    pbase_snapshot_close(then);
    if (status == PBASE_END) {
        mine->done = kept.oldest_sequence;
        printf("begins with all of commit %" PRIu64 "\n", mine->done);
        return PBASE_OK;
    }
    return status;
}

/* Opens a watch behind what the copy has, which is brought so far first when it is too late. */
static pbase_status open_watch(copy *mine, pbase_space *space, pbase_database *shop,
                               pbase_watch **out, pbase_error *err)
{
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    options.root = "stocks";
    options.from = mine->done + 1;
    pbase_status status = pbase_watch_open(space, shop, &options, out, err);
    if (status == PBASE_TRIMMED) {
        status = take_all(mine, space, shop, err);
        options.from = mine->done + 1;
        status = status == PBASE_OK ? pbase_watch_open(space, shop, &options, out, err) : status;
    }
    return status;
}

/* Takes in whatever was committed since the copy was last brought up to date. */
static pbase_status catch_up(copy *mine, pbase_space *space, pbase_database *shop, pbase_error *err)
{
    pbase_watch *watch = NULL;
    const pbase_change *event = NULL;
    pbase_call now = {.deadline_ns = 0}; /* do not wait for more */
    pbase_status status = open_watch(mine, space, shop, &watch, err);
    while (status == PBASE_OK) {
        status = pbase_watch_next(watch, &now, &event, err);
        status = status == PBASE_OK ? take_in(mine, watch, event, err) : status;
    }
    pbase_watch_close(watch);
    printf("up to commit %" PRIu64 ": %" PRId64 " %" PRId64 " %" PRId64 "\n", mine->done,
           mine->stocks[0], mine->stocks[2], mine->stocks[4]);
    return status == PBASE_TIMEOUT ? PBASE_OK : status;
}

/* --------------------------------------------------------------------------- in documents ----- */

/* An order is a document with a list of its lines in it; each call adds a line. */
static pbase_status add_line(pbase_txn *txn, void *state, pbase_error *err)
{
    const pbase_value way[] = {pbase_value_text("order-17"), pbase_value_text("lines")};
    pbase_value line = pbase_value_text(state);
    pbase_collection *lines = NULL;
    pbase_list *list = NULL;
    pbase_dict *orders = NULL;
    pbase_status status = pbase_txn_at(txn, "orders", way, 2, &lines, err);
    if (status == PBASE_OK) {
        list = pbase_collection_list(lines);
        status = pbase_list_append(&list, &line, err);
        status = status == PBASE_OK ? pbase_txn_store_at(txn, "orders", way, 2,
                                                         pbase_list_as_collection(list), err)
                                    : status;
    } else if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_list(txn, &list, err);
        status = status == PBASE_OK ? pbase_list_append(&list, &line, err) : status;
        status = status == PBASE_OK ? pbase_txn_new_dict(txn, &orders, err) : status;
        pbase_field fields[] = {{pbase_bytes_text("lines"), pbase_value_of_list(list)}};
        pbase_value order = pbase_value_map(fields, 1);
        status = status == PBASE_OK ? pbase_dict_put(&orders, &way[0], &order, NULL, err) : status;
        status = status == PBASE_OK ? pbase_txn_store_dict(txn, "orders", orders, err) : status;
    }
    pbase_dict_close(orders);
    pbase_list_close(list);
    return status;
}

/* Prints root, way down, change and value of one event. */
static pbase_status print_event(pbase_space *space, pbase_watch *watch, const pbase_change *event,
                                pbase_error *err)
{
    pbase_arena arena;
    pbase_buffer text;
    pbase_value path, value;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_watch_path(watch, &arena, &path, err);
    status = status == PBASE_OK ? pbase_json_format(space, &path, &text, err) : status;
    if (status == PBASE_OK && event->has_value) {
        status = pbase_watch_value(watch, &arena, &value, err);
        status = status == PBASE_OK ? pbase_buffer_append_text(&text, err, " ") : status;
        status = status == PBASE_OK ? pbase_json_format(space, &value, &text, err) : status;
    }
    if (status == PBASE_OK) {
        printf("%s %s %.*s\n", pbase_change_name(event->change), event->root, (int)text.size,
               (const char *)text.data);
    }
    pbase_buffer_fini(&text);
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status watch_orders(pbase_space *space, pbase_database *shop, pbase_error *err)
{
    static char tea[] = "tea", milk[] = "milk";
    pbase_watch *watch = NULL;
    const pbase_change *event = NULL;
    pbase_call now = {.deadline_ns = 0};
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    options.root = "orders";
    pbase_status status = pbase_watch_open(space, shop, &options, &watch, err);
    status = status == PBASE_OK ? pbase_txn_run(shop, NULL, NULL, add_line, tea, err) : status;
    status = status == PBASE_OK ? pbase_txn_run(shop, NULL, NULL, add_line, milk, err) : status;
    while (status == PBASE_OK) {
        status = pbase_watch_next(watch, &now, &event, err);
        status = status == PBASE_OK ? print_event(space, watch, event, err) : status;
    }
    pbase_watch_close(watch);
    return status == PBASE_TIMEOUT ? PBASE_OK : status;
}

int main(void)
{
    pbase_error err;
    copy mine = {.done = 0}, late = {.done = 0};
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
    status = status == PBASE_OK ? pbase_space_checkpoint(space, NULL, &err) : status;
    status = status == PBASE_OK ? catch_up(&late, space, shop, &err) : status;
    status = status == PBASE_OK ? watch_orders(space, shop, &err) : status;
    pbase_database_close(shop);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    return status != PBASE_OK;
}
