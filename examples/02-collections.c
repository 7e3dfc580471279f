/* 02-collections.c - dictionaries, lists and sets: editing, keeping a version, ranges, nested data.
 *
 *     02-collections        everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status put_city(pbase_dict **cities, const char *name, int64_t people,
                             pbase_error *err)
{
    pbase_field fields[] = {
        {pbase_bytes_text("name"), pbase_value_text(name)},
        {pbase_bytes_text("people"), pbase_value_int(people)},
    };
    pbase_value key = pbase_value_text(name);
    pbase_value city = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return pbase_dict_put(cities, &key, &city, NULL, err);
}

/* A dictionary keeps its keys in order, whatever the order of the puts. */
static pbase_status fill_cities(pbase_txn *txn, pbase_error *err)
{
    static const struct {
        const char *name;
        int64_t people;
    } cities[] = {{"Oslo", 717710}, {"Lisbon", 545923}, {"Kyoto", 1463723}, {"Nairobi", 4397073}};
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_new_dict(txn, &dict, err);
    for (size_t i = 0; i < sizeof cities / sizeof cities[0] && status == PBASE_OK; i++) {
        status = put_city(&dict, cities[i].name, cities[i].people, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "cities", dict, err);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status fill_steps(pbase_txn *txn, pbase_error *err)
{
    static const char *const steps[] = {"plan", "build", "ship"};
    pbase_list *list = NULL;
    pbase_status status = pbase_txn_new_list(txn, &list, err);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == PBASE_OK; i++) {
        pbase_value step = pbase_value_text(steps[i]);
        status = pbase_list_append(&list, &step, err);
    }
    pbase_value test = pbase_value_text("test");
    if (status == PBASE_OK) {
        status = pbase_list_insert(&list, -1, &test, err); /* before the last one */
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_list(txn, "steps", list, err);
    }
    pbase_list_close(list);
    return status;
}

static pbase_status fill_primes(pbase_txn *txn, pbase_error *err)
{
    static const int64_t primes[] = {7, 2, 5, 3, 5, 2};
    pbase_set *set = NULL;
    pbase_status status = pbase_txn_new_set(txn, &set, err);
    for (size_t i = 0; i < sizeof primes / sizeof primes[0] && status == PBASE_OK; i++) {
        pbase_value prime = pbase_value_int(primes[i]);
        status = pbase_set_add(&set, &prime, NULL, err); /* again is fine and changes nothing */
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_set(txn, "primes", set, err);
    }
    pbase_set_close(set);
    return status;
}

/* All three appear together, in one commit. */
static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    pbase_status status = fill_cities(txn, err);
    if (status == PBASE_OK) {
        status = fill_steps(txn, err);
    }
    return status == PBASE_OK ? fill_primes(txn, err) : status;
}

/* Prints what a cursor passes, and closes it. */
static pbase_status print_entries(const char *title, pbase_cursor *cursor, pbase_space *space,
                                  pbase_error *err)
{
    pbase_buffer text;
    pbase_value value;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_buffer_append_text(&text, err, "%s:", title);
    while (status == PBASE_OK && (status = pbase_cursor_next(cursor, err)) == PBASE_OK) {
        status = pbase_cursor_value(cursor, &value, err);
        status = status == PBASE_OK ? pbase_buffer_append_u8(&text, ' ', err) : status;
        status = status == PBASE_OK ? pbase_json_format(space, &value, &text, err) : status;
    }
    printf("%.*s\n", (int)text.size, (const char *)text.data);
    pbase_cursor_close(cursor);
    pbase_buffer_fini(&text);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status print_cities(const pbase_snapshot *snapshot, pbase_space *space,
                                 pbase_error *err)
{
    pbase_dict *cities = NULL;
    pbase_cursor *cursor = NULL;
    pbase_value from = pbase_value_text("L");
    pbase_range backwards = {.struct_size = sizeof backwards, .from = &from, .reverse = true};
    pbase_status status = pbase_snapshot_dict(snapshot, "cities", &cities, err);
    if (status == PBASE_OK) {
        status = pbase_dict_cursor(cities, &backwards, &cursor, err);
    }
    if (status == PBASE_OK) {
        status = print_entries("cities from L on, backwards", cursor, space, err);
    }
    pbase_dict_close(cities);
    return status;
}

static pbase_status print_lists(const pbase_snapshot *snapshot, pbase_space *space,
                                pbase_error *err)
{
    pbase_list *steps = NULL;
    pbase_set *primes = NULL;
    pbase_cursor *cursor = NULL;
    pbase_status status = pbase_snapshot_list(snapshot, "steps", &steps, err);
    status = status == PBASE_OK ? pbase_list_cursor(steps, NULL, &cursor, err) : status;
    status = status == PBASE_OK ? print_entries("steps", cursor, space, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_set(snapshot, "primes", &primes, err) : status;
    status = status == PBASE_OK ? pbase_set_cursor(primes, NULL, &cursor, err) : status;
    status = status == PBASE_OK ? print_entries("primes", cursor, space, err) : status;
    pbase_list_close(steps);
    pbase_set_close(primes);
    return status;
}

/* Versions are values: a kept handle stays what it was while the other one is edited. */
static pbase_status keep_a_version(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    pbase_dict *now = NULL, *before = NULL;
    uint64_t count_now = 0, count_before = 0;
    pbase_status status = pbase_txn_dict(txn, "cities", &now, err);
    status = status == PBASE_OK ? pbase_dict_keep(now, &before, err) : status;
    status = status == PBASE_OK ? put_city(&now, "Lima", 10092000, err) : status;
    status = status == PBASE_OK ? pbase_dict_count(now, &count_now, err) : status;
    status = status == PBASE_OK ? pbase_dict_count(before, &count_before, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "cities", now, err) : status;
    if (status == PBASE_OK) {
        printf("edited: %" PRIu64 " cities, kept: %" PRIu64 "\n", count_now, count_before);
    }
    pbase_dict_close(before);
    pbase_dict_close(now);
    return status;
}

static pbase_status run(pbase_space *space, pbase_database *database, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_txn_run(database, NULL, NULL, fill, NULL, err);
    status = status == PBASE_OK ? pbase_snapshot_open(database, &snapshot, err) : status;
    status = status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, keep_a_version, NULL, err)
                                : status;
    /* the snapshot still sees the state before Lima */
    status = status == PBASE_OK ? print_cities(snapshot, space, err) : status;
    status = status == PBASE_OK ? print_lists(snapshot, space, err) : status;
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
    status = status == PBASE_OK ? run(space, database, &err) : status;
    pbase_database_close(database);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "02-collections: %s: %s\n", pbase_status_name(status), err.message);
    }
    return status == PBASE_OK ? 0 : 1;
}
