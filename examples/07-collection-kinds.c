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

/* -------------------------------------------------------------------------- hash dictionary ---- */

/* A point of a map as key: {"x": X, "y": Y}. */
static pbase_value point(pbase_field fields[2], int64_t x, int64_t y)
{
    fields[0] = (pbase_field){pbase_bytes_text("x"), pbase_value_int(x)};
    fields[1] = (pbase_field){pbase_bytes_text("y"), pbase_value_int(y)};
    return pbase_value_map(fields, 2);
}

static pbase_status place_things(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_hash_dict *dict = NULL;
    pbase_field fields[2];
    pbase_value at = point(fields, 3, 4), thing = pbase_value_text("well");
    (void)state;
    pbase_status status = pbase_txn_new_hash_dict(txn, &dict, err);
    status = status == PBASE_OK ? pbase_hash_dict_put(&dict, &at, &thing, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_hash_dict(txn, "map", dict, err) : status;
    pbase_hash_dict_close(dict);
    return status;
}

/* The fields of a key may stand in any order. */
static pbase_status print_thing(const pbase_snapshot *snapshot, pbase_error *err)
{
    pbase_hash_dict *dict = NULL;
    pbase_arena arena;
    pbase_field fields[2];
    pbase_value at = point(fields, 3, 4), thing;
    pbase_field first = fields[0];
    fields[0] = fields[1];
    fields[1] = first;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_hash_dict(snapshot, "map", &dict, err);
    status = status == PBASE_OK ? pbase_hash_dict_get(dict, &at, &arena, &thing, err) : status;
    if (status == PBASE_OK) {
        printf("at {y: 4, x: 3}: %.*s\n", (int)thing.as.string.size,
               (const char *)thing.as.string.data);
    }
    pbase_hash_dict_close(dict);
    pbase_arena_fini(&arena);
    return status;
}

/* ------------------------------------------------------------------------- multi-dictionary ---- */

static pbase_status tag_pages(pbase_txn *txn, void *state, pbase_error *err)
{
    static const char *const tags[][2] = {{"c", "page 1"}, {"c", "page 7"}, {"sql", "page 7"}};
    pbase_multi_dict *dict = NULL;
    (void)state;
    pbase_status status = pbase_txn_new_multi_dict(txn, &dict, err);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0] && status == PBASE_OK; i++) {
        pbase_value key = pbase_value_text(tags[i][0]), record = pbase_value_text(tags[i][1]);
        status = pbase_multi_dict_add(&dict, &key, &record, 1, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_multi_dict(txn, "tags", dict, err) : status;
    pbase_multi_dict_close(dict);
    return status;
}

static pbase_status print_tag(const pbase_snapshot *snapshot, const char *tag, pbase_error *err)
{
    pbase_multi_dict *dict = NULL;
    pbase_cursor *cursor = NULL;
    pbase_value key = pbase_value_text(tag), record;
    pbase_range range = {.struct_size = sizeof range, .from = &key, .to = &key};
    pbase_status status = pbase_snapshot_multi_dict(snapshot, "tags", &dict, err);
    status = status == PBASE_OK ? pbase_multi_dict_cursor(dict, &range, &cursor, err) : status;
    printf("tagged '%s':", tag);
    while (status == PBASE_OK && (status = pbase_cursor_next(cursor, err)) == PBASE_OK) {
        status = pbase_cursor_value(cursor, &record, err);
        if (status == PBASE_OK) {
            printf(" %.*s;", (int)record.as.string.size, (const char *)record.as.string.data);
        }
    }
    printf("\n");
    pbase_cursor_close(cursor);
    pbase_multi_dict_close(dict);
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------- parts, and sets combined ---- */

/* The middle of a list, and the list without it. Stored where the list was, each commits a few bytes,
 * however long it is. */
static pbase_status cut_list(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_list *list = NULL, *part = NULL;
    uint64_t count = 0, left = 0;
    (void)state;
    static pbase_value numbers[10000];
    for (int64_t i = 0; i < 10000; i++) {
        numbers[i] = pbase_value_int(i);
    }
    pbase_status status = pbase_txn_new_list(txn, &list, err);
    status = status == PBASE_OK ? pbase_list_append_all(&list, numbers, 10000, err) : status;
    status = status == PBASE_OK ? pbase_list_slice(list, 2500, -2500, &part, err) : status;
    status = status == PBASE_OK ? pbase_list_count(part, &count, err) : status;
    status = status == PBASE_OK ? pbase_list_remove_range(&list, 2500, -2500, &left, err) : status;
    status = status == PBASE_OK ? pbase_list_count(list, &left, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "numbers", list, err) : status;
    if (status == PBASE_OK) {
        printf("a slice of %" PRIu64 ", %" PRIu64 " left\n", count, left);
    }
    pbase_list_close(part);
    pbase_list_close(list);
    return status;
}

static pbase_status set_of(pbase_txn *txn, const char *letters, pbase_set **out, pbase_error *err)
{
    pbase_status status = pbase_txn_new_set(txn, out, err);
    for (; *letters != '\0' && status == PBASE_OK; letters++) {
        pbase_value letter =
            pbase_value_string(pbase_bytes_of((const uint8_t *)letters, 1)); /* one character */
        status = pbase_set_add(out, &letter, NULL, err);
    }
    return status;
}

static pbase_status combine_sets(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_set *a = NULL, *b = NULL, *both = NULL, *either = NULL;
    uint64_t in_both = 0, in_either = 0;
    (void)state;
    pbase_status status = set_of(txn, "abcde", &a, err);
    status = status == PBASE_OK ? set_of(txn, "defg", &b, err) : status;
    status = status == PBASE_OK ? pbase_set_intersection(a, b, &both, err) : status;
    status = status == PBASE_OK ? pbase_set_union(a, b, &either, err) : status;
    status = status == PBASE_OK ? pbase_set_count(both, &in_both, err) : status;
    status = status == PBASE_OK ? pbase_set_count(either, &in_either, err) : status;
    if (status == PBASE_OK) {
        printf("in both: %" PRIu64 ", in either: %" PRIu64 "\n", in_both, in_either);
    }
    pbase_set_close(either);
    pbase_set_close(both);
    pbase_set_close(b);
    pbase_set_close(a);
    return status;
}

/* --------------------------------------------------------------------------------- together ---- */

static pbase_status run(pbase_database *database, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_txn_run(database, NULL, NULL, count_words, NULL, err);
    status =
        status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, place_things, NULL, err) : status;
    status =
        status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, tag_pages, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, cut_list, NULL, err) : status;
    status =
        status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, combine_sets, NULL, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_open(database, &snapshot, err) : status;
    status = status == PBASE_OK ? print_words(snapshot, err) : status;
    status = status == PBASE_OK ? print_thing(snapshot, err) : status;
    status = status == PBASE_OK ? print_tag(snapshot, "c", err) : status;
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
