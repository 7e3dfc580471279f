/* staged.c - the table of staged roots: one for each transaction, those of nested ones on top. */
#include "txn/staged.h"

void staged_roots_init(staged_roots *self, const collection_context *context,
                       const staged_roots *outer)
{
    memset(self, 0, sizeof *self);
    self->context = context;
    self->outer = outer;
    pbase_arena_init(&self->arena, context->alloc);
}

static void staged_root_clear(staged_root *root)
{
    collection_close(root->version);
    root->version = NULL;
    pbase_buffer_fini(&root->stored);
    child_versions_drop(root->children);
    root->children = NULL;
}

void staged_roots_fini(staged_roots *self)
{
    for (size_t i = 0; i < self->count; i++) {
        staged_root_clear(&self->items[i]);
    }
    pbase_alloc_free(self->context->alloc, self->items, self->capacity * sizeof *self->items);
    self->items = NULL;
    self->count = self->capacity = 0;
    pbase_arena_fini(&self->arena);
}

staged_root *staged_roots_own(const staged_roots *self, pbase_bytes name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (pbase_bytes_equal(self->items[i].name, name)) {
            return &self->items[i];
        }
    }
    return NULL;
}

const staged_root *staged_roots_find(const staged_roots *self, pbase_bytes name)
{
    const staged_root *root = NULL;
    for (; self != NULL && root == NULL; self = self->outer) {
        root = staged_roots_own(self, name);
    }
    return root;
}

const staged_root *staged_roots_between(const staged_roots *self, const pbase_bytes *after,
                                        const pbase_bytes *before)
{
    const staged_root *next = NULL;
    for (; self != NULL; self = self->outer) { /* of equal names the innermost is met first */
        for (size_t i = 0; i < self->count; i++) {
            const staged_root *root = &self->items[i];
            if ((after == NULL || pbase_bytes_compare(root->name, *after) > 0) &&
                (before == NULL || pbase_bytes_compare(root->name, *before) < 0) &&
                (next == NULL || pbase_bytes_compare(root->name, next->name) < 0)) {
                next = root;
            }
        }
    }
    return next;
}

/* Room for `more` roots. */
static pbase_status staged_roots_reserve(staged_roots *self, size_t more, pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    size_t capacity = self->capacity == 0 ? 8 : self->capacity;
    while (capacity < self->count + more) {
        capacity *= 2;
    }
    if (capacity == self->capacity) {
        return PBASE_OK;
    }
    staged_root *items =
        alloc->resize(alloc, self->items, self->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to stage a root");
    }
    self->items = items;
    self->capacity = capacity;
    return PBASE_OK;
}

/* Appends a root that is dropped until it is filled; there is room for it. `name` lies in the
 * table's arena. */
static staged_root *staged_roots_add(staged_roots *self, pbase_bytes name)
{
    staged_root *root = &self->items[self->count++];
    memset(root, 0, sizeof *root);
    root->name = name;
    root->dropped = true;
    pbase_buffer_init(&root->stored, self->context->alloc);
    return root;
}

static pbase_status roots_put(staged_roots *self, pbase_bytes name, const collection *version,
                              const pbase_bytes *stored, child_versions *children, pbase_error *err)
{
    collection *kept = NULL;
    pbase_buffer copy;
    pbase_buffer_init(&copy, self->context->alloc);
    pbase_status status = PBASE_OK;
    if (version != NULL) {
        status = collection_keep_in(version, self->context, &kept, err);
    } else if (stored != NULL) {
        status = pbase_buffer_append_bytes(&copy, *stored, err);
    }
    staged_root *root = staged_roots_own(self, name);
    if (status == PBASE_OK && root == NULL) {
        pbase_bytes named;
        status = staged_roots_reserve(self, 1, err);
        if (status == PBASE_OK) {
            status = pbase_arena_copy(&self->arena, name, &named, err);
        }
        if (status == PBASE_OK) {
            root = staged_roots_add(self, named);
        }
    }
    if (status != PBASE_OK) {
        collection_close(kept);
        pbase_buffer_fini(&copy);
        return status;
    }
    staged_root_clear(root);
    root->version = kept;
    root->stored = copy; /* the buffer moves */
    root->children = children;
    root->dropped = version == NULL && stored == NULL;
    return PBASE_OK;
}

pbase_status staged_roots_put(staged_roots *self, pbase_bytes name, const collection *version,
                              const pbase_bytes *stored, pbase_error *err)
{
    return roots_put(self, name, version, stored, NULL, err);
}

pbase_status staged_roots_put_value(staged_roots *self, pbase_bytes name, pbase_bytes stored,
                                    child_versions *children, pbase_error *err)
{
    return roots_put(self, name, NULL, &stored, children, err);
}

pbase_status staged_roots_relieve(staged_roots *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        if (self->items[i].version != NULL) {
            status = collection_relieve(self->items[i].version, err);
        }
    }
    return status;
}

/* Everything that can fail in a fold: versions in the context of `below`, names in its arena. */
static pbase_status fold_prepare(const staged_roots *self, staged_roots *below, staged_root *moved,
                                 pbase_error *err)
{
    pbase_status status = staged_roots_reserve(below, self->count, err);
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        const staged_root *root = &self->items[i];
        if (root->version != NULL) {
            status = collection_keep_in(root->version, below->context, &moved[i].version, err);
        }
        if (status == PBASE_OK) {
            status = pbase_arena_copy(&below->arena, root->name, &moved[i].name, err);
        }
    }
    return status;
}

pbase_status staged_roots_fold(staged_roots *self, staged_roots *below, pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    if (self->count == 0) {
        return PBASE_OK;
    }
    staged_root *moved = pbase_alloc_zeroed(alloc, self->count, sizeof *moved);
    if (moved == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to fold a nested transaction");
    }
    pbase_status status = fold_prepare(self, below, moved, err);
    for (size_t i = 0; i < self->count; i++) {
        staged_root *from = &self->items[i];
        if (status != PBASE_OK) {
            collection_close(moved[i].version);
            continue;
        }
        staged_root *to = staged_roots_own(below, from->name);
        to = to == NULL ? staged_roots_add(below, moved[i].name) : to;
        staged_root_clear(to);
        to->version = moved[i].version;
        to->stored = from->stored; /* the buffer moves */
        to->dropped = from->dropped;
        to->children = from->children;
        from->children = NULL;
        pbase_buffer_init(&from->stored, alloc);
    }
    pbase_alloc_free(alloc, moved, self->count * sizeof *moved);
    return status;
}
