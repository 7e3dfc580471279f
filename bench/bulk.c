/* bulk.c - `./dev bench bulk`: many entries at once beside one by one, into new collections in memory.
 *
 * bulk [--json] [--records N]. A dictionary, a set and a list in a transaction over the storage in
 * memory, which is aborted: what is measured is building, not committing. Keys are integers, in order
 * and shuffled; values are integers too. */
#include "bench.h"

#include <inttypes.h>
#include <protobase/protobase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool json;
    size_t records;
    pbase_entry *entries; /* the keys in order, or shuffled */
    pbase_value *keys;    /* the same keys alone */
} work;

static void must(pbase_status status, const pbase_error *err, const char *what)
{
    if (status != PBASE_OK) {
        bench_fail("%s: %s: %s", what, pbase_status_name(status), err->message);
    }
}

static void fill(work *self, bool shuffled)
{
    uint64_t random = 1;
    for (size_t i = 0; i < self->records; i++) {
        self->keys[i] = pbase_value_int((int64_t)i);
    }
    for (size_t i = self->records; shuffled && i > 1; i--) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t other = (size_t)((random >> 33) % i);
        pbase_value key = self->keys[i - 1];
        self->keys[i - 1] = self->keys[other];
        self->keys[other] = key;
    }
    for (size_t i = 0; i < self->records; i++) {
        self->entries[i].key = self->keys[i];
        self->entries[i].value = pbase_value_int((int64_t)i);
    }
}

static pbase_status fill_dict(pbase_txn *txn, const work *self, bool at_once, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_new_dict(txn, &dict, err);
    if (status == PBASE_OK && at_once) {
        status = pbase_dict_put_all(&dict, self->entries, self->records, err);
    }
    for (size_t i = 0; i < self->records && !at_once && status == PBASE_OK; i++) {
        const pbase_entry *entry = &self->entries[i];
        status = pbase_dict_put(&dict, &entry->key, &entry->value, NULL, err);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status fill_set(pbase_txn *txn, const work *self, bool at_once, pbase_error *err)
{
    pbase_set *set = NULL;
    pbase_status status = pbase_txn_new_set(txn, &set, err);
    if (status == PBASE_OK && at_once) {
        status = pbase_set_add_all(&set, self->keys, self->records, err);
    }
    for (size_t i = 0; i < self->records && !at_once && status == PBASE_OK; i++) {
        status = pbase_set_add(&set, &self->keys[i], NULL, err);
    }
    pbase_set_close(set);
    return status;
}

static pbase_status fill_list(pbase_txn *txn, const work *self, bool at_once, pbase_error *err)
{
    pbase_list *list = NULL;
    pbase_status status = pbase_txn_new_list(txn, &list, err);
    if (status == PBASE_OK && at_once) {
        status = pbase_list_append_all(&list, self->keys, self->records, err);
    }
    for (size_t i = 0; i < self->records && !at_once && status == PBASE_OK; i++) {
        status = pbase_list_append(&list, &self->keys[i], err);
    }
    pbase_list_close(list);
    return status;
}

typedef pbase_status (*filler)(pbase_txn *txn, const work *self, bool at_once, pbase_error *err);

static void measure(pbase_database *database, const work *self, filler fills, const char *name)
{
    for (int at_once = 0; at_once < 2; at_once++) {
        pbase_error err;
        pbase_txn *txn = NULL;
        char workload[64];
        pbase_error_init(&err);
        must(pbase_txn_begin(database, NULL, &txn, &err), &err, "begin");
        double start = bench_seconds();
        must(fills(txn, self, at_once != 0, &err), &err, name);
        double seconds = bench_seconds() - start;
        pbase_txn_abort(&txn);
        (void)snprintf(workload, sizeof workload, "%s_%s", name,
                       at_once ? "at_once" : "one_by_one");
        bench_figure figure = {"bulk", workload, "protobase",  (double)self->records / seconds,
                               "1/s",  true,     self->records};
        bench_print(&figure, self->json);
    }
}

static void run(pbase_database *database, work *self)
{
    fill(self, false);
    measure(database, self, fill_dict, "dict_sorted");
    measure(database, self, fill_set, "set_sorted");
    measure(database, self, fill_list, "list");
    fill(self, true);
    measure(database, self, fill_dict, "dict_shuffled");
    measure(database, self, fill_set, "set_shuffled");
}

int main(int argc, char **argv)
{
    work self = {.records = 1000000};
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            self.json = true;
        } else if (strcmp(argv[i], "--records") == 0 && i + 1 < argc) {
            self.records = (size_t)strtoull(argv[++i], NULL, 10);
        } else {
            bench_fail("usage: bulk [--json] [--records N]");
        }
    }
    self.entries = calloc(self.records, sizeof *self.entries);
    self.keys = calloc(self.records, sizeof *self.keys);
    if (self.records == 0 || self.entries == NULL || self.keys == NULL) {
        bench_fail("no memory for %zu records", self.records);
    }
    pbase_error_init(&err);
    must(pbase_space_open(&place, NULL, &space, &err), &err, "open");
    must(pbase_database_ensure(space, "main", &database, &err), &err, "database");
    run(database, &self);
    pbase_database_close(database);
    pbase_space_close(space);
    free(self.keys);
    free(self.entries);
    return 0;
}
