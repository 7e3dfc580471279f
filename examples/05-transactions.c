/* 05-transactions.c - a retried transaction, one nested in it, and an outcome that has to be asked for.
 *
 *     05-transactions       everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status add(pbase_dict **accounts, const char *name, int64_t amount, int64_t *out_total,
                        pbase_error *err)
{
    pbase_arena arena;
    pbase_value key = pbase_value_text(name), balance = pbase_value_int(0);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_dict_get(*accounts, &key, &arena, &balance, err);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        balance = pbase_value_int((status == PBASE_OK ? balance.as.integer : 0) + amount);
        status = pbase_dict_put(accounts, &key, &balance, NULL, err);
    }
    *out_total = balance.as.integer;
    pbase_arena_fini(&arena);
    return status;
}

/* Takes `amount` from one account. INVALID: there is not so much in it. */
static pbase_status withdraw(pbase_txn *txn, const char *name, int64_t amount, pbase_error *err)
{
    pbase_dict *accounts = NULL;
    int64_t left = 0;
    pbase_status status = pbase_txn_dict(txn, "accounts", &accounts, err);
    if (status == PBASE_OK) {
        status = add(&accounts, name, -amount, &left, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "accounts", accounts, err);
    }
    pbase_dict_close(accounts);
    return status == PBASE_OK && left < 0
               ? PBASE_FAIL(err, PBASE_INVALID, "%s has not got %" PRId64, name, amount)
               : status;
}

/* Tries one purse after the other, each in a nested transaction: what a refused one staged is
 * dropped, the rest of the transaction goes on. */
static pbase_status pay(pbase_txn *txn, void *state, pbase_error *err)
{
    static const char *const purses[] = {"coins", "notes", "bank"};
    const int64_t *price = state;
    for (size_t i = 0; i < sizeof purses / sizeof purses[0]; i++) {
        pbase_txn *attempt = NULL;
        pbase_status status = pbase_txn_begin_nested(txn, NULL, &attempt, err);
        if (status == PBASE_OK) {
            status = withdraw(attempt, purses[i], *price, err);
        }
        if (status == PBASE_OK) {
            printf("paid %" PRId64 " from %s\n", *price, purses[i]);
            return pbase_txn_commit(&attempt, NULL, NULL, err);
        }
        pbase_txn_abort(&attempt); /* NULL is fine */
        if (status != PBASE_INVALID) {
            return status;
        }
    }
    return PBASE_FAIL(err, PBASE_INVALID, "nobody can pay %" PRId64, *price);
}

static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_dict *accounts = NULL;
    int64_t total = 0;
    (void)state;
    pbase_status status = pbase_txn_new_dict(txn, &accounts, err);
    status = status == PBASE_OK ? add(&accounts, "coins", 3, &total, err) : status;
    status = status == PBASE_OK ? add(&accounts, "notes", 20, &total, err) : status;
    status = status == PBASE_OK ? add(&accounts, "bank", 500, &total, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "accounts", accounts, err) : status;
    pbase_dict_close(accounts);
    return status;
}

/* A commit ends in one of three ways. This one tells them apart, and asks when it has to. */
static pbase_status commit_and_be_sure(pbase_space *space, pbase_txn **txn, bool *out_done,
                                       pbase_error *err)
{
    pbase_status status = pbase_txn_commit(txn, NULL, NULL, err);
    *out_done = status == PBASE_OK;
    if (status != PBASE_UNKNOWN) {
        return status; /* OK: done. Anything else: not done, nothing of it is there */
    }
    pbase_token token = err->token; /* keep it: it may be asked for after opening the space again */
    return pbase_space_outcome(space, NULL, token, out_done, err);
}

static pbase_status run(pbase_space *space, pbase_database *database, pbase_error *err)
{
    int64_t price = 15;
    pbase_txn *txn = NULL;
    bool done = false;
    pbase_status status = pbase_txn_run(database, NULL, NULL, fill, NULL, err);
    if (status == PBASE_OK) { /* begun anew when somebody else changed the same keys meanwhile */
        status = pbase_txn_run(database, NULL, NULL, pay, &price, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_begin(database, NULL, &txn, err);
    }
    if (status == PBASE_OK) {
        pbase_value note = pbase_value_text("closed");
        status = pbase_txn_store_value(txn, "note", &note, err);
    }
    if (status == PBASE_OK) {
        status = commit_and_be_sure(space, &txn, &done, err);
    }
    pbase_txn_abort(&txn);
    if (status == PBASE_OK) {
        printf("the note is %s\n", done ? "there" : "not there");
    }
    return status;
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, &err) : status;
    status = status == PBASE_OK ? run(space, database, &err) : status;
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
    }
    pbase_database_close(database);
    pbase_space_close(space);
    return status != PBASE_OK;
}
