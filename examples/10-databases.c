/* 10-databases.c - databases of one space: a branch to try something in, a snapshot to keep.
 *
 *     10-databases        everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

typedef struct {
    pbase_space *space;
    pbase_error err;
} example;

/* Adds `amount` to the root "stock". */
static pbase_status add_stock(pbase_txn *txn, void *state, pbase_error *err)
{
    const int64_t *amount = state;
    pbase_arena arena;
    pbase_value stock = pbase_value_int(0);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_txn_value(txn, "stock", &arena, &stock, err);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        stock = pbase_value_int(stock.as.integer + *amount);
        status = pbase_txn_store_value(txn, "stock", &stock, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status change_stock(example *self, const char *name, int64_t amount)
{
    pbase_database *database = NULL;
    pbase_status status = pbase_database_open(self->space, name, &database, &self->err);
    if (status == PBASE_OK) {
        status = pbase_txn_run(database, NULL, NULL, add_stock, &amount, &self->err);
    }
    pbase_database_close(database);
    return status;
}

static pbase_status print_stock(example *self, const char *name)
{
    pbase_database *database = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_arena arena;
    pbase_value stock;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_database_open(self->space, name, &database, &self->err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_open(database, &snapshot, &self->err);
    }
    if (status == PBASE_OK) {
        status = pbase_snapshot_value(snapshot, "stock", &arena, &stock, &self->err);
    }
    if (status == PBASE_OK) {
        printf("%s: %" PRId64 "\n", name, stock.as.integer);
    }
    pbase_snapshot_close(snapshot);
    pbase_database_close(database);
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status print_info(void *state, const pbase_database_info *info, pbase_error *err)
{
    (void)state;
    (void)err;
    printf("%s made by commit %" PRIu64 "%s%s\n", info->name, info->sequence,
           info->origin[0] == '\0' ? "" : ", from ", info->origin);
    return PBASE_OK;
}

static pbase_status run(example *self)
{
    pbase_error *err = &self->err;
    pbase_status status = pbase_database_create(self->space, "shop", err);
    status = status == PBASE_OK ? change_stock(self, "shop", 100) : status;
    status =
        status == PBASE_OK ? pbase_database_snapshot(self->space, "shop", "june", err) : status;
    status = status == PBASE_OK ? pbase_database_branch(self->space, "shop", "trial", err) : status;
    status = status == PBASE_OK ? change_stock(self, "trial", -30) : status;
    status = status == PBASE_OK ? change_stock(self, "shop", 5) : status;
    status = status == PBASE_OK ? print_stock(self, "shop") : status;
    status = status == PBASE_OK ? print_stock(self, "trial") : status;
    status = status == PBASE_OK ? print_stock(self, "june") : status;
    if (status != PBASE_OK) {
        return status;
    }
    if (change_stock(self, "june", 1) == PBASE_READ_ONLY) {
        printf("refused: %s\n", err->message);
    }
    status = pbase_database_rename(self->space, "shop", "store", err);
    return status == PBASE_OK ? pbase_database_infos(self->space, print_info, NULL, err) : status;
}

int main(void)
{
    example self = {.space = NULL};
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_error_init(&self.err);
    pbase_status status = pbase_space_open(&place, NULL, &self.space, &self.err);
    if (status == PBASE_OK) {
        status = run(&self);
    }
    pbase_space_close(self.space);
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n", self.err.message);
    }
    return status != PBASE_OK;
}
