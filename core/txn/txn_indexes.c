/* txn_indexes.c - indexes as a transaction sees them: those of its base, brought forward over what it
 * has changed itself. */
#include "txn/txn_private.h"

/* A change costs about as much as reading this many rows in order: past that a query reads the
 * collection instead. */
#define CHANGE_COST_ROWS 8u

static bool is_fresh(pbase_collection_id id)
{
    return id.sequence == 0 && !catalog_is_system(id); /* made here: it has none */
}

static pbase_status is_worth_it(const collection *handle, bool *out, pbase_error *err)
{
    uint64_t count = 0;
    pbase_status status = collection_drain(handle, err);
    if (status == PBASE_OK) {
        status = tree_count(collection_tree(handle), &count, err);
    }
    *out = !collection_is_bulk(handle) &&
           collection_log(handle)->count < count / CHANGE_COST_ROWS + CHANGE_COST_ROWS;
    return status;
}

static pbase_status bring_forward(const pbase_txn *self, const collection *handle, index_view *view,
                                  pbase_error *err)
{
    const tree *after = collection_tree(handle);
    tree before = tree_of(after->source, collection_base(handle), after->positional);
    index_step step = {.coder = self->context.coder,
                       .kind = collection_kind(handle),
                       .before = &before,
                       .after = after,
                       .operations = change_log_view(collection_log(handle))};
    return step.operations.size == 0 ? PBASE_OK : index_view_advance(view, &step, 0, NULL, err);
}

pbase_status txn_indexes(pbase_txn *txn, const collection *handle, index_view *out,
                         pbase_error *err)
{
    pbase_collection_id id = collection_id(handle);
    bool is_worth = false;
    memset(out, 0, sizeof *out);
    pbase_status status = txn_settle(txn, err);
    if (status == PBASE_OK && !is_fresh(id)) {
        status = is_worth_it(handle, &is_worth, err);
    }
    if (status != PBASE_OK || !is_worth) {
        return status;
    }
    status = index_view_load(txn->context.source, txn->view.collections, &id, out, err);
    if (status != PBASE_OK || out->count == 0) {
        return status;
    }
    pbase_error why;
    pbase_error_init(&why);
    status = bring_forward(txn, handle, out, &why);
    if (status == PBASE_OK) {
        return PBASE_OK;
    }
    index_view_fini(out);
    memset(out, 0, sizeof *out);
    if (status == PBASE_EXISTS || status == PBASE_LIMIT) {
        return PBASE_OK; /* the commit will say so; until then there is no index to read */
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}
