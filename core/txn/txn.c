/* txn.c - the life of a transaction: begin, handles, staging, commit. */
#include "txn/txn_private.h"

#include "collection/kind.h"

pbase_txn_options pbase_txn_options_default(void)
{
    pbase_txn_options options = {.struct_size = sizeof options,
                                 .isolation = PBASE_SERIALIZABLE,
                                 .durability = PBASE_DURABILITY_DEFAULT};
    return options;
}

/* ------------------------------------------------------------------------------- begin ---- */

static pbase_status check_options(const pbase_database *database, const pbase_txn_options *options,
                                  pbase_error *err)
{
    if (options->isolation != PBASE_SERIALIZABLE &&
        options->isolation != PBASE_SNAPSHOT_ISOLATION) {
        return PBASE_FAIL(err, PBASE_INVALID, "there is no isolation level %d",
                          (int)options->isolation);
    }
    return options->durability == PBASE_DURABILITY_DEFAULT
               ? PBASE_OK
               : engine_durability_check(database->engine, options->durability, err);
}

static void txn_end(pbase_txn **txn)
{
    pbase_txn *self = *txn;
    const pbase_alloc *alloc = engine_host(self->engine)->alloc;
    txn_leave_nested(self);
    if (self->depth > 0) {
        txn_end_nested(txn);
        return;
    }
    staged_roots_fini(&self->staged);
    collection_close(self->objects);
    child_view_fini(&self->children);
    read_tracker_fini(&self->reads);
    txn_budget_fini(&self->budget);
    engine_reader_end(self->engine, &self->reader);
    pbase_alloc_free(alloc, self, sizeof *self);
    *txn = NULL;
}

static pbase_status collections_find(pbase_txn *self, pbase_error *err)
{
    pbase_status status =
        root_view_database(self->database, self->reader.base, &self->view.collections, err);
    if (status == PBASE_OK) {
        self->view.state = self->reader.base;
        self->children.collections = self->view.collections;
    }
    return status;
}

pbase_status txn_settle(pbase_txn *self, pbase_error *err)
{
    if (!self->is_behind) {
        return PBASE_OK;
    }
    self->view.state = NULL; /* its base may go now */
    pbase_status status = engine_reader_settle(self->engine, &self->reader, err);
    if (status == PBASE_OK) {
        status = collections_find(self, err);
    }
    if (status == PBASE_OK) {
        self->is_behind = self->view.is_old = false;
    }
    return status;
}

static pbase_status settle_children(void *txn, pbase_error *err)
{
    return txn_settle(txn, err);
}

static void prepare(pbase_txn *self)
{
    const pbase_host *host = engine_host(self->engine);
    store *bytes = engine_store(self->engine);
    bool tracks = self->options.isolation == PBASE_SERIALIZABLE && !self->options.read_only;
    read_tracker_init(&self->reads, host, self->database->id);
    store_coder_init(&self->coder, bytes);
    self->context = (collection_context){.source = store_atoms(bytes),
                                         .alloc = host->alloc,
                                         .coder = &self->coder.base,
                                         .reads = tracks ? &self->reads.base : NULL,
                                         .budget = &self->budget.base,
                                         .children = &self->children.base,
                                         .lasting = &self->context};
    self->view.context = &self->context;
    child_view_init_writable(&self->children, store_atoms(bytes), host->alloc, ATOM_REF_NONE);
    staged_roots_init(&self->staged, &self->context, NULL);
    engine_reader_begin(self->engine, &self->reader);
    self->is_behind = self->view.is_old = self->reader.is_behind;
    self->children.settle = settle_children;
    self->children.owner = self;
    txn_budget_init(&self->budget, self->engine, self->reader.sequence,
                    self->options.memory_bytes_max, self->options.log_bytes_max);
    self->memory_floor = atomic_load(&self->context.source->memory_bytes);
}

pbase_status pbase_txn_begin(pbase_database *database, const pbase_txn_options *options,
                             pbase_txn **out, pbase_error *err)
{
    pbase_txn_options chosen = options == NULL ? pbase_txn_options_default() : *options;
    pbase_status status = engine_process_check(database->engine, err);
    if (status == PBASE_OK) {
        status = check_options(database, &chosen, err);
    }
    if (status == PBASE_OK) {
        status = engine_refresh_others(database->engine, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_txn *self = pbase_alloc_zeroed(engine_host(database->engine)->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a transaction");
    }
    self->database = database;
    self->engine = database->engine;
    self->options = chosen;
    prepare(self);
    status = collections_find(self, err);
    if (status != PBASE_OK) {
        txn_end(&self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ reading ---- */

pbase_status txn_track_root(pbase_txn *self, pbase_bytes name, pbase_error *err)
{
    if (self->context.reads == NULL) {
        return PBASE_OK;
    }
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_string(name);
    key_scratch_init(&scratch, self->context.alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = self->context.reads->vtable->key_read(self->context.reads, CATALOG_ROOTS,
                                                       key.bytes, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

static pbase_status not_there(pbase_bytes name, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NOT_FOUND, "root '%.*s' was dropped in this transaction",
                      (int)name.size, (const char *)name.data);
}

static pbase_status staged_collection(const pbase_txn *self, const staged_root *root, uint8_t kind,
                                      collection **out, pbase_error *err)
{
    if (root->dropped) {
        return not_there(root->name, err);
    }
    uint8_t holds = root->version == NULL ? 0 : collection_kind(root->version);
    if (holds == 0 || (kind != 0 && holds != kind)) {
        return PBASE_FAIL(err, PBASE_INVALID, "root '%.*s' holds a %s", (int)root->name.size,
                          (const char *)root->name.data,
                          holds == 0 ? "plain value" : pbase_collection_kind_name(holds));
    }
    return collection_keep_in(root->version, &self->context, out, err);
}

/* Kind 0 takes any. */
static pbase_status open_root(pbase_txn *self, const char *name, uint8_t kind, collection **out,
                              pbase_error *err)
{
    pbase_bytes text = pbase_bytes_text(name);
    pbase_status status = txn_check_open(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    const staged_root *root = staged_roots_find(&self->staged, text);
    if (root != NULL) {
        return staged_collection(self, root, kind, out, err);
    }
    status = txn_track_root(self, text, err);
    if (status == PBASE_OK && kind != PBASE_COLLECTION_DICT && kind != PBASE_COLLECTION_HASH_DICT) {
        status = txn_settle(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return kind == 0 ? root_view_any(&self->view, text, out, err)
                     : root_view_collection(&self->view, text, kind, out, err);
}

pbase_status txn_open_any(pbase_txn *txn, const char *name, collection **out, pbase_error *err)
{
    return open_root(txn, name, 0, out, err);
}

pbase_status txn_open_kind(pbase_txn *txn, const char *name, uint8_t kind, collection **out,
                           pbase_error *err)
{
    return open_root(txn, name, kind, out, err);
}

const collection_context *txn_context(const pbase_txn *txn)
{
    return &txn->context;
}

const pbase_os *txn_os(const pbase_txn *txn)
{
    return engine_host(txn->engine)->os;
}

pbase_status txn_new_kind(pbase_txn *self, uint8_t kind, collection **out, pbase_error *err)
{
    child_source *children = self == NULL ? NULL : self->context.children;
    uint64_t ordinal = 0;
    pbase_status status = txn_check_open(self, err);
    if (status == PBASE_OK) {
        status = children->vtable->create(children, &ordinal, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    collection_options options = {.context = &self->context,
                                  .kind = kind,
                                  .id = {0, ordinal},
                                  .root = ATOM_REF_NONE,
                                  .is_new = true};
    return collection_open(&options, out, err);
}

pbase_status pbase_txn_value(pbase_txn *txn, const char *name, pbase_arena *arena, pbase_value *out,
                             pbase_error *err)
{
    pbase_bytes text = pbase_bytes_text(name);
    pbase_status status = txn_check_open(txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    const staged_root *root = staged_roots_find(&txn->staged, text);
    if (root == NULL) {
        status = txn_track_root(txn, text, err);
        return status == PBASE_OK ? root_view_value(&txn->view, text, arena, out, err) : status;
    }
    if (root->dropped) {
        return not_there(text, err);
    }
    if (root->version != NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "root '%s' holds a %s", name,
                          pbase_collection_kind_name(collection_kind(root->version)));
    }
    pbase_bytes stored;
    status = pbase_arena_copy(arena, pbase_buffer_view(&root->stored), &stored, err);
    return status == PBASE_OK
               ? store_value_decode(engine_store(txn->engine), stored, arena, out, err)
               : status;
}

/* ------------------------------------------------------------------------- list of roots ---- */

/* Committed and staged roots, merged by name. */
typedef struct {
    pbase_txn *txn;
    pbase_root_each each;
    void *state;
    pbase_bytes after; /* the last name told */
    bool any;
} roots_merge;

static pbase_status tell_staged(const roots_merge *merge, const staged_root *root, pbase_error *err)
{
    pbase_root_info info = {.name = root->name, .kind = PBASE_ROOT_VALUE, .count = 1, .total = 1};
    if (root->dropped || !staged_is_root(root)) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_OK;
    if (root->version != NULL) {
        info.kind = collection_kind(root->version);
        status = collection_drain(root->version, err);
        const tree *content = collection_tree(root->version);
        status = status == PBASE_OK ? tree_count(content, &info.count, err) : status;
        info.total = kind_counted((uint8_t)info.kind) ? content->sum : info.count;
    }
    return status == PBASE_OK ? merge->each(merge->state, &info, err) : status;
}

/* Tells staged roots between the last name and `before` (NULL: to the end), in order. */
static pbase_status tell_staged_before(roots_merge *merge, const pbase_bytes *before,
                                       pbase_error *err)
{
    for (;;) {
        const staged_root *next =
            staged_roots_between(&merge->txn->staged, merge->any ? &merge->after : NULL, before);
        if (next == NULL) {
            return PBASE_OK;
        }
        merge->after = next->name;
        merge->any = true;
        pbase_status status = tell_staged(merge, next, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
}

static pbase_status tell_committed(void *state, pbase_bytes name, const root_entry *entry,
                                   pbase_error *err)
{
    roots_merge *merge = state;
    pbase_root_info info;
    pbase_status status = tell_staged_before(merge, &name, err);
    const staged_root *staged = staged_roots_find(&merge->txn->staged, name);
    if (status == PBASE_OK && staged != NULL) {
        merge->after = staged->name;
        merge->any = true;
        return tell_staged(merge, staged, err);
    }
    if (status == PBASE_OK) {
        status = root_view_info(&merge->txn->view, name, entry, &info, err);
    }
    return status == PBASE_OK ? merge->each(merge->state, &info, err) : status;
}

pbase_status pbase_txn_roots(pbase_txn *txn, pbase_root_each each, void *state, pbase_error *err)
{
    roots_merge merge = {.txn = txn, .each = each, .state = state};
    pbase_status status = txn_check_open(txn, err);
    if (status == PBASE_OK && txn->context.reads != NULL) {
        status = txn->context.reads->vtable->whole_read(txn->context.reads, CATALOG_ROOTS, err);
    }
    if (status == PBASE_OK) {
        status = txn_settle(txn, err);
    }
    if (status == PBASE_OK) {
        status =
            catalog_roots(txn->context.source, txn->view.collections, tell_committed, &merge, err);
    }
    return status == PBASE_OK ? tell_staged_before(&merge, NULL, err) : status;
}

/* ------------------------------------------------------------------------------ staging ---- */

pbase_status txn_check_writable(const pbase_txn *self, pbase_bytes name, pbase_error *err)
{
    pbase_status status = txn_check_free(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->options.read_only) {
        return PBASE_FAIL(err, PBASE_READ_ONLY, "the transaction is read only");
    }
    if (self->database->kind == DATABASE_SNAPSHOT) {
        status =
            PBASE_FAIL(err, PBASE_READ_ONLY, "database '%s' is a snapshot", self->database->name);
        pbase_error_hint(err, "make a branch of it: that may be written");
        return status;
    }
    return root_name_check("root", name, err);
}

pbase_status pbase_txn_drop_root(pbase_txn *txn, const char *name, pbase_error *err)
{
    pbase_bytes text = pbase_bytes_text(name);
    pbase_status status = txn_check_writable(txn, text, err);
    if (status != PBASE_OK) {
        return status;
    }
    const staged_root *root = staged_roots_find(&txn->staged, text);
    if (root != NULL && root->dropped) {
        status = not_there(text, err);
    } else if (root == NULL) {
        root_entry entry;
        pbase_buffer buffer;
        pbase_buffer_init(&buffer, txn->context.alloc);
        status =
            catalog_root(txn->context.source, txn->view.collections, text, &entry, &buffer, err);
        pbase_buffer_fini(&buffer);
    }
    return status == PBASE_OK ? staged_roots_put(&txn->staged, text, NULL, NULL, err) : status;
}

/* ------------------------------------------------------------------------------- commit ---- */

static pbase_status commit_staged(pbase_txn *self, const pbase_call *call, uint64_t *out_sequence,
                                  pbase_error *err)
{
    staged_delta delta;
    staged_delta_init(&delta, engine_host(self->engine), &self->budget, self->database->id);
    pbase_status status = staged_delta_build(&delta, &self->staged, &self->view, err);
    if (status == PBASE_OK && delta.count > 0) {
        status = codec_table_require(store_codecs(engine_store(self->engine)), delta.feature, err);
    }
    if (status == PBASE_OK && delta.count > 0) {
        engine_commit_request request = {
            .kind = RECORD_DELTA,
            .durability = self->options.durability,
            .database = self->database->id,
            .groups = delta.groups,
            .group_count = delta.count,
            .base = self->reader.sequence,
            .reader = &self->reader,
            .reads = self->context.reads == NULL ? NULL : &self->reads.set,
            .writes = &delta.writes,
            .wrote = self->budget.has_written ? &self->budget.wrote : NULL,
        };
        status = engine_commit(self->engine, &request, call, err);
        *out_sequence = request.sequence;
    }
    staged_delta_fini(&delta);
    return status;
}

pbase_status pbase_txn_commit(pbase_txn **txn, const pbase_call *call, uint64_t *out_sequence,
                              pbase_error *err)
{
    pbase_txn *self = *txn;
    pbase_status status = txn_check_free(self, err);
    if (status != PBASE_OK) {
        return status; /* a transaction with an open one inside stays as it is */
    }
    uint64_t sequence = self->reader.sequence;
    if (self->outer != NULL) {
        status = staged_roots_fold(&self->staged, &self->outer->staged, err);
    } else if (self->staged.count > 0) {
        status = commit_staged(self, call, &sequence, err);
    }
    if (status == PBASE_OK && out_sequence != NULL) {
        *out_sequence = sequence;
    }
    txn_end(txn);
    return status;
}

void pbase_txn_abort(pbase_txn **txn)
{
    if (txn != NULL && *txn != NULL) {
        txn_end(txn);
    }
}
