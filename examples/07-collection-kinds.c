/* 07-collection-kinds.c - the kinds of collections beside dictionary, list and set, each with what it
 * is for.
 *
 *     07-collection-kinds        everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

/* ------------------------------------------------------------------------------ counted set ---- */

/* How often each word occurs: adds of the same word merge, whoever commits first. */
static pbase_status count_words(pbase_txn *txn, void *state, pbase_error *err)
{
    static const char *const words[] = {"to", "be", "or", "not", "to", "be"};
    pbase_counted_set *set = NULL;
    (void)state;
    pbase_status status = pbase_txn_new_counted_set(txn, &set, err);
    for (size_t i = 0; i < sizeof words / sizeof words[0] && status == PBASE_OK; i++) {
        pbase_value word = pbase_value_text(words[i]);
        status = pbase_counted_set_add(&set, &word, 1, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_counted_set(txn, "words", set, err);
    }
    pbase_counted_set_close(set);
    return status;
}

static pbase_status print_words(const pbase_snapshot *snapshot, pbase_error *err)
{
    pbase_counted_set *set = NULL;
    pbase_value word = pbase_value_text("to");
    uint64_t distinct = 0, total = 0, times = 0;
    pbase_status status = pbase_snapshot_counted_set(snapshot, "words", &set, err);
    status = status == PBASE_OK ? pbase_counted_set_count(set, &distinct, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_total(set, &total, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_get(set, &word, &times, err) : status;
    if (status == PBASE_OK) {
        printf("words: %" PRIu64 ", %" PRIu64 " of them distinct, 'to' %" PRIu64 " times\n", total,
               distinct, times);
    }
    pbase_counted_set_close(set);
    return status;
}

/* --------------------------------------------------------------------------------- together ---- */

static pbase_status run(pbase_database *database, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_txn_run(database, NULL, NULL, count_words, NULL, err);
    status = status == PBASE_OK ? pbase_snapshot_open(database, &snapshot, err) : status;
    status = status == PBASE_OK ? print_words(snapshot, err) : status;
    pbase_snapshot_close(snapshot);
    return status;
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_error_init(&err);
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, &err) : status;
    status = status == PBASE_OK ? run(database, &err) : status;
    pbase_database_close(database);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "07-collection-kinds: %s: %s\n", pbase_status_name(status), err.message);
    }
    return status == PBASE_OK ? 0 : 1;
}
