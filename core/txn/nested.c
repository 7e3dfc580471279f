/* nested.c - a transaction inside another one.
 *
 * A nested transaction reads the state its outermost began with, under the tables of staged roots of
 * all around it and its own on top. Its commit folds its table into the one below, its abort drops
 * it; nothing of it reaches the engine. What it reads is noted by the outermost, for good. Versions
 * are kept handles that share nodes by count, so an edit in here copies what the outer one holds. */
#include "txn/txn_private.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

pbase_status txn_check_open(const pbase_txn *self, pbase_error *err)
{
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "there is no transaction: it was committed or aborted");
    }
    if (self->depth > 0 && self->outer == NULL) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_INVALID, "the transaction around this nested one has ended");
        pbase_error_hint(err, "nothing of it can be committed any more; abort it");
        return status;
    }
    return PBASE_OK;
}

pbase_status txn_check_free(const pbase_txn *self, pbase_error *err)
{
    pbase_status status = txn_check_open(self, err);
    if (status == PBASE_OK && self->inner != NULL) {
        status = PBASE_FAIL(err, PBASE_INVALID, "a nested transaction is open in this one");
        pbase_error_hint(err, "commit or abort the nested transaction first");
    }
    return status;
}

static pbase_txn *nested_create(pbase_txn *outer, bool read_only)
{
    pbase_txn *self = pbase_alloc_zeroed(outer->context.alloc, 1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->database = outer->database;
    self->engine = outer->engine;
    self->options = outer->options;
    self->options.read_only = outer->options.read_only || read_only;
    self->reader.base = outer->reader.base;
    self->reader.sequence = outer->reader.sequence;
    self->context = outer->context; /* reads go to the outermost, values through its coder */
    self->memory_floor = outer->memory_floor;
    self->view = outer->view;
    self->view.context = &self->context;
    self->outer = outer;
    self->depth = outer->depth + 1;
    staged_roots_init(&self->staged, &self->context, &outer->staged);
    return self;
}

pbase_status pbase_txn_begin_nested(pbase_txn *outer, const pbase_txn_options *options,
                                    pbase_txn **out, pbase_error *err)
{
    pbase_status status = txn_check_free(outer, err);
    if (status == PBASE_OK) {
        status = engine_process_check(outer->engine, err);
    }
    if (status == PBASE_OK) {
        status = txn_settle(outer, err);
    }
    if (status == PBASE_OK && outer->depth >= PBASE_TXN_DEPTH_MAX) {
        status =
            PBASE_FAIL(err, PBASE_LIMIT, "transactions nested %" PRIu32 " deep; the limit is %u",
                       outer->depth + 1, PBASE_TXN_DEPTH_MAX);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_txn *self = nested_create(outer, options != NULL && options->read_only);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a nested transaction");
    }
    outer->inner = self;
    *out = self;
    return PBASE_OK;
}

void txn_leave_nested(pbase_txn *self)
{
    pbase_txn *inner = self->inner;
    self->inner = NULL;
    while (inner != NULL) {
        pbase_txn *next = inner->inner;
        staged_roots_fini(&inner->staged); /* while the tables below are there */
        inner->outer = NULL;
        inner->inner = NULL;
        inner = next;
    }
}

void txn_end_nested(pbase_txn **txn)
{
    pbase_txn *self = *txn;
    if (self->outer != NULL) {
        self->outer->inner = NULL;
    }
    staged_roots_fini(&self->staged);
    collection_close(self->objects);
    pbase_alloc_free(self->context.alloc, self, sizeof *self);
    *txn = NULL;
}
