/* adopt.c - writing trees of a transaction before its record. */
#include "txn/adopt.h"

#include "collection/pending.h"
#include "collection/tree_cursor.h"
#include <protobase/base/limits.h>

/* From now on atoms are there that no record names. */
static void begin_writing(txn_budget *self)
{
    if (!self->has_written) {
        engine_unnamed_begin(self->engine);
        self->has_written = true;
    }
}

/* Writes a tree and lets it stand on the storage. */
static pbase_status stand_on_storage(txn_budget *self, tree *content, pbase_error *err)
{
    atom_ref settled = ATOM_REF_NONE;
    begin_writing(self);
    pbase_status status =
        engine_settle(self->engine, self->sequence, content->root, &settled, &self->wrote, err);
    if (status == PBASE_OK) {
        tree_drop(content->source, content->root);
        content->root = settled; /* what is stored has no counts */
    }
    return status;
}

static pbase_status budget_relieve(change_budget *base, tree *content, pbase_error *err)
{
    txn_budget *self = (txn_budget *)base; /* first member */
    if (!self->base.spills) {
        return PBASE_OK; /* it would stay in memory all the same */
    }
    return stand_on_storage(self, content, err);
}

/* Of what a transaction writes as it is filled so much stays in the cache of the system, for whoever reads
 * it next; the rest would push out what others read. */
#define CACHED_BYTES_MAX (UINT64_C(16) << 20)

static uint64_t bytes_of(const pbase_bytes *payloads, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += payloads[i].size;
    }
    return bytes;
}

/* By the thread of the transaction, or beside it: then it has begun writing. */
static pbase_status budget_write(change_budget *base, const uint32_t *types,
                                 const pbase_bytes *payloads, size_t count, pbase_atom_pointer *out,
                                 pbase_error *err)
{
    txn_budget *self = (txn_budget *)base; /* first member */
    begin_writing(self);
    const engine_atoms atoms = {.types = types,
                                .payloads = payloads,
                                .count = count,
                                .streamed = atomic_load(&self->written_bytes) >= CACHED_BYTES_MAX};
    pbase_status status = engine_write_atoms(self->engine, self->sequence, &atoms, out, err);
    if (status == PBASE_OK) {
        atomic_fetch_add(&self->written_bytes, bytes_of(payloads, count));
    }
    return status;
}

#define BESIDE_FROM_BYTES (UINT64_C(1) << 20) /* written before: then a thread is worth its start */
#define BESIDE_BYTES_MIN                                                                           \
    (UINT64_C(64) << 10) /* of one write: less is written while one would wait */

static pbase_status write_beside(void *state, const atom_writing *writing, pbase_error *err)
{
    return budget_write(state, writing->types, writing->payloads, writing->count, writing->out,
                        err);
}

static bool budget_write_begin(change_budget *base, atom_writing *writing)
{
    txn_budget *self = (txn_budget *)base; /* first member */
    if (self->no_thread || atomic_load(&self->written_bytes) < BESIDE_FROM_BYTES ||
        bytes_of(writing->payloads, writing->count) < BESIDE_BYTES_MIN) {
        return false;
    }
    begin_writing(self); /* not by the other thread */
    if (self->beside == NULL) {
        const pbase_host *host = engine_host(self->engine);
        self->no_thread =
            side_writer_create(host, write_beside, base, &self->beside, NULL) != PBASE_OK;
    }
    if (self->beside != NULL) {
        side_writer_begin(self->beside, writing);
    }
    return self->beside != NULL;
}

static void budget_write_wait(change_budget *base, atom_writing *writing)
{
    side_writer_wait(((txn_budget *)base)->beside, writing);
}

static const change_budget_vtable txn_budget_vtable = {.relieve = budget_relieve,
                                                       .write = budget_write,
                                                       .write_begin = budget_write_begin,
                                                       .write_wait = budget_write_wait};

void txn_budget_init(txn_budget *self, engine *of, uint64_t sequence, uint64_t memory_bytes_max,
                     uint64_t log_bytes_max)
{
    self->base.vtable = &txn_budget_vtable;
    self->base.memory_bytes_max = memory_bytes_max == 0 ? PBASE_TXN_MEMORY_BYTES : memory_bytes_max;
    self->base.log_bytes_max = log_bytes_max == 0 ? PBASE_TXN_LOG_BYTES : log_bytes_max;
    self->base.spills = engine_settles_elsewhere(of);
    self->base.lags = true;
    self->engine = of;
    self->sequence = sequence;
    self->has_written = false;
    atomic_init(&self->written_bytes, 0);
    self->beside = NULL;
    self->no_thread = false;
    self->wrote = (state_roots){.count = 0};
}

void txn_budget_fini(txn_budget *self)
{
    side_writer_destroy(self->beside);
    self->beside = NULL;
    if (self->has_written) {
        engine_unnamed_end(self->engine);
        self->has_written = false;
    }
}

/* The operations of a group that adopts the stored tree `content`. */
static pbase_status write_adopted(const tree *content, pbase_buffer *out, pbase_error *err)
{
    adopted_content adopted = {.root = PBASE_ATOM_NONE, .sum = content->sum};
    pbase_status status = tree_count(content, &adopted.count, err);
    if (content->root != ATOM_REF_NONE) {
        PBASE_ASSERT(atom_ref_is_stored(content->root));
        adopted.root = atom_ref_pointer(content->root);
    }
    return status == PBASE_OK ? adopted_content_write(&adopted, out, err) : status;
}

pbase_status adopt_version(txn_budget *self, const collection *version, pbase_buffer *out,
                           pbase_error *err)
{
    tree content = tree_keep(collection_tree(version));
    pbase_status status = stand_on_storage(self, &content, err);
    if (status == PBASE_OK) {
        status = write_adopted(&content, out, err);
    }
    tree_fini(&content);
    return status;
}

/* --------------------------------------------------------------------------------- copying ---- */

static pbase_status copy_entry(tree_cursor *cursor, tree *copy, pbase_error *err)
{
    encoded_key key;
    tree_value entry;
    pbase_status status = tree_cursor_value(cursor, &entry, err);
    if (status == PBASE_OK && entry.kind != TREE_VALUE_BYTES) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an entry holds a tree in the place of a value");
    }
    if (status != PBASE_OK || copy->positional) {
        return status == PBASE_OK ? tree_append(copy, &entry, err) : status;
    }
    status = tree_cursor_key(cursor, &key, err);
    return status == PBASE_OK ? tree_append_key(copy, &key, &entry, err) : status;
}

pbase_status adopt_copy(txn_budget *self, const collection *version, pbase_buffer *out,
                        pbase_error *err)
{
    const tree *from = collection_tree(version);
    const pbase_alloc *alloc = engine_host(self->engine)->alloc;
    tree copy = tree_of(from->source, ATOM_REF_NONE, from->positional);
    copy.sum = from->sum;
    change_budget *budget = &self->base;
    memory_growth growth;
    memory_growth_init(&growth, from->source);
    tree_cursor cursor;
    tree_cursor_init(&cursor, from, alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        status = memory_growth_bound(&growth, budget, budget->memory_bytes_max, &copy, err);
        status = status == PBASE_OK ? copy_entry(&cursor, &copy, err) : status;
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    if (status == PBASE_END) {
        status = stand_on_storage(self, &copy, err);
    }
    if (status == PBASE_OK) {
        status = write_adopted(&copy, out, err);
    }
    tree_cursor_fini(&cursor);
    tree_fini(&copy);
    return status;
}
