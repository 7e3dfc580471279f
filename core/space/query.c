/* query.c - queries on snapshots and in transactions: a catalog for each, then query/ runs. */
#include "query/run.h"
#include "space/query_catalog.h"
#include "space/snapshot.h"
#include "txn/objects.h"
#include "txn/txn.h"

#include <string.h>

/* Root infos to names. */
typedef struct {
    pbase_status (*each)(void *state, pbase_bytes name, pbase_error *err);
    void *state;
} name_teller;

static pbase_status tell_name(void *state, const pbase_root_info *root, pbase_error *err)
{
    const name_teller *teller = state;
    return root->kind == PBASE_ROOT_VALUE ? PBASE_OK : teller->each(teller->state, root->name, err);
}

/* The source `$objects` stands for the objects of the database; a root of that name is not a source. */
static bool is_objects(const char *name)
{
    return strcmp(name, OBJECTS_NAME) == 0;
}

/* -------------------------------------------------------------------------------- snapshot ---- */

static pbase_status snapshot_open_any(void *state, const char *name, collection **out,
                                      pbase_error *err)
{
    const pbase_snapshot *snapshot = state;
    return is_objects(name) ? objects_open(&snapshot->view, out, err)
                            : root_view_any(&snapshot->view, pbase_bytes_text(name), out, err);
}

static pbase_status snapshot_list_names(void *state,
                                        pbase_status (*each)(void *each_state, pbase_bytes name,
                                                             pbase_error *err),
                                        void *each_state, pbase_error *err)
{
    name_teller teller = {.each = each, .state = each_state};
    return pbase_snapshot_roots(state, tell_name, &teller, err);
}

static pbase_status snapshot_indexes(void *state, const collection *handle, index_view *out,
                                     pbase_error *err)
{
    const pbase_snapshot *snapshot = state;
    pbase_collection_id id = collection_id(handle);
    return index_view_load(snapshot->context.source, snapshot->view.collections, &id, out, err);
}

static pbase_status snapshot_catalog(pbase_snapshot *snapshot, query_catalog **out,
                                     pbase_error *err)
{
    query_catalog_base base = {.context = &snapshot->context,
                               .state = snapshot,
                               .open = snapshot_open_any,
                               .list = snapshot_list_names,
                               .indexes = snapshot_indexes};
    return query_catalog_create(&base, out, err);
}

static const pbase_os *os_of(const pbase_snapshot *snapshot)
{
    return snapshot->space->host->os;
}

pbase_status pbase_query_run(const pbase_query *query, struct pbase_snapshot *snapshot,
                             const pbase_query_options *options, pbase_result **out,
                             pbase_error *err)
{
    query_catalog *catalog = NULL;
    pbase_status status = snapshot_catalog(snapshot, &catalog, err);
    return status == PBASE_OK ? query_run(query, &catalog, os_of(snapshot), options, out, err)
                              : status;
}

pbase_status pbase_query_explain_on(const pbase_query *query, struct pbase_snapshot *snapshot,
                                    pbase_explain_form form, pbase_arena *arena, pbase_value *out,
                                    pbase_error *err)
{
    query_catalog *catalog = NULL;
    pbase_status status = snapshot_catalog(snapshot, &catalog, err);
    return status == PBASE_OK
               ? query_explain(query, &catalog, os_of(snapshot), form, arena, out, err)
               : status;
}

/* ----------------------------------------------------------------------------- transaction ---- */

static pbase_status txn_open_named(void *state, const char *name, collection **out,
                                   pbase_error *err)
{
    return is_objects(name) ? txn_open_objects(state, out, err)
                            : txn_open_any(state, name, out, err);
}

static pbase_status txn_list_names(void *state,
                                   pbase_status (*each)(void *each_state, pbase_bytes name,
                                                        pbase_error *err),
                                   void *each_state, pbase_error *err)
{
    name_teller teller = {.each = each, .state = each_state};
    return pbase_txn_roots(state, tell_name, &teller, err);
}

static pbase_status txn_indexes_of(void *state, const collection *handle, index_view *out,
                                   pbase_error *err)
{
    return txn_indexes(state, handle, out, err);
}

pbase_status pbase_query_run_in(const pbase_query *query, struct pbase_txn *txn,
                                const pbase_query_options *options, pbase_result **out,
                                pbase_error *err)
{
    pbase_status status = txn_check_open(txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    query_catalog_base base = {.context = txn_context(txn),
                               .state = txn,
                               .open = txn_open_named,
                               .list = txn_list_names,
                               .indexes = txn_indexes_of};
    query_catalog *catalog = NULL;
    status = query_catalog_create(&base, &catalog, err);
    return status == PBASE_OK ? query_run(query, &catalog, txn_os(txn), options, out, err) : status;
}
