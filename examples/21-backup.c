/* 21-backup.c - a backup and an increment of it, while the space is in use, restored as of two moments.
 *
 *     21-backup FOLDER        the backups and what is restored of them go there */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status set_price(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_value price = pbase_value_int(*(const int64_t *)state);
    return pbase_txn_store_value(txn, "price", &price, err);
}

static pbase_status print_price(const pbase_config_source *config, pbase_error *err)
{
    pbase_space *space = NULL;
    pbase_database *shop = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_value price;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_space_open(config, NULL, &space, err);
    status = status == PBASE_OK ? pbase_database_open(space, "shop", &shop, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_open(shop, &snapshot, err) : status;
    status =
        status == PBASE_OK ? pbase_snapshot_value(snapshot, "price", &arena, &price, err) : status;
    if (status == PBASE_OK) {
        printf("%s: the price is %" PRId64 "\n", config->data, price.as.integer);
    }
    pbase_snapshot_close(snapshot);
    pbase_database_close(shop);
    pbase_space_close(space);
    pbase_arena_fini(&arena);
    return status;
}

/* Restores the folder of backups to another folder, as of a commit (0: the newest). */
static pbase_status restore(const char *backups, const char *to, uint64_t sequence,
                            pbase_error *err)
{
    pbase_config_source config = PBASE_CONFIG_SOURCE_INIT;
    pbase_backup_source source = {.path = backups};
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    pbase_moment moment = pbase_moment_of_sequence(sequence);
    config.data = to;
    options.as_of = sequence == 0 ? NULL : &moment;
    pbase_status status = pbase_restore(&config, &source, 1, &options, NULL, &report, err);
    return status == PBASE_OK ? print_price(&config, err) : status;
}

static pbase_status back_up(pbase_space *space, const char *folder, bool is_increment,
                            pbase_error *err)
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    options.folder = folder;
    options.is_increment = is_increment;
    pbase_status status = pbase_backup(space, &options, NULL, &report, err);
    if (status == PBASE_OK) {
        printf("%s: up to commit %" PRIu64 ", %" PRIu64 " records of the journal\n",
               is_increment ? "increment" : "full backup", report.newest_sequence, report.records);
    }
    return status;
}

static pbase_status run(pbase_space *space, pbase_database *shop, const char *folder,
                        pbase_error *err)
{
    char backups[4096], then[4096], now[4096];
    (void)snprintf(backups, sizeof backups, "%s/backups", folder);
    (void)snprintf(then, sizeof then, "%s/then", folder);
    (void)snprintf(now, sizeof now, "%s/now", folder);
    pbase_status status = PBASE_OK;
    for (int64_t price = 10; price <= 30 && status == PBASE_OK; price += 10) {
        status = pbase_txn_run(shop, NULL, NULL, set_price, &price, err);
        status =
            status == PBASE_OK && price > 10 ? back_up(space, backups, price > 20, err) : status;
    }
    status = status == PBASE_OK ? restore(backups, then, 2, err) : status;
    return status == PBASE_OK ? restore(backups, now, 0, err) : status;
}

int main(int argc, char **argv)
{
    pbase_config_source config = PBASE_CONFIG_SOURCE_INIT;
    pbase_space *space = NULL;
    pbase_database *shop = NULL;
    pbase_error err;
    pbase_error_init(&err);
    if (argc != 2) {
        (void)fprintf(stderr, "which folder?\n");
        return 2;
    }
    config.memory = 1;
    pbase_status status = pbase_space_open(&config, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "shop", &shop, &err) : status;
    status = status == PBASE_OK ? run(space, shop, argv[1], &err) : status;
    pbase_database_close(shop);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        (void)fprintf(stderr, "%s: %s\n", pbase_status_name(status), err.message);
    }
    return status == PBASE_OK ? 0 : 1;
}
