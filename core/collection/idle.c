/* idle.c - closed handles of a read-only context, for the next ones.
 *
 * A handle is some 300 bytes, most of which only edits touch. One that is closed as it was opened stays
 * with its context: it is described anew, or, when nothing else is seen through the context by then,
 * used as it is. It keeps nothing alive meanwhile. */
#include "collection/collection_private.h"

static size_t kept_size(pbase_bytes name)
{
    return name.size < PBASE_NAME_BYTES_MAX ? name.size : PBASE_NAME_BYTES_MAX;
}

static void give_back(collection *self)
{
    if (self != NULL) {
        pbase_alloc_free(self->context->alloc, self, sizeof *self + self->name_size + 1);
    }
}

static collection *take_any(collection_idle *idle)
{
    return atomic_load_explicit(&idle->handle, memory_order_relaxed) == NULL
               ? NULL
               : atomic_exchange_explicit(&idle->handle, NULL, memory_order_acquire);
}

/* Puts it there, and what lay there is given back. */
static void leave(collection_idle *idle, collection *self)
{
    give_back(atomic_exchange_explicit(&idle->handle, self, memory_order_acq_rel));
}

static bool is_named(const collection *self, pbase_bytes name)
{
    size_t size = kept_size(name);
    return self->name_size == size && (size == 0 || memcmp(self->name, name.data, size) == 0);
}

collection *idle_take(const collection_options *options)
{
    collection_idle *idle = options->context->idle;
    collection *self = idle == NULL ? NULL : take_any(idle);
    if (self != NULL && !is_named(self, options->name)) {
        give_back(self);
        self = NULL;
    }
    return self;
}

/* What edits and look-ups leave behind is not there. */
static bool is_as_opened(const collection *self)
{
    return self->tree.root == self->base && self->log.run == NULL && self->waiting == NULL &&
           self->stored.data == NULL && self->children == NULL && self->placing.capacity == 0 &&
           !self->placing.own.is_read && !self->bulk && !self->foreign && !self->copied &&
           self->height == 0;
}

bool idle_put(collection *self)
{
    if (!is_as_opened(self)) {
        return false;
    }
    if (atom_ref_is_memory(self->base)) {
        tree_drop(self->context->source, self->base); /* as the base, and as the tree's root */
        tree_drop(self->context->source, self->base);
    }
    leave(self->context->idle, self);
    return true;
}

collection *collection_again(const collection_context *context, uint8_t kind, pbase_bytes name)
{
    collection *self = take_any(context->idle);
    if (self == NULL) {
        return NULL;
    }
    if (self->idle_age != context->idle->age || !self->is_root || self->kind != kind ||
        !is_named(self, name)) {
        leave(context->idle, self);
        return NULL;
    }
    if (atom_ref_is_memory(self->base)) { /* what is seen through the context has it */
        (void)atom_ref_keep(atom_ref_keep(self->base));
    }
    atomic_store_explicit(&self->uses, 1, memory_order_relaxed);
    return self;
}

void collection_idle_forget(collection_idle *self)
{
    self->age++;
}

void collection_idle_end(collection_idle *self)
{
    give_back(take_any(self));
}
