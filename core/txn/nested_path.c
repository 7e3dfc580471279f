/* nested_path.c - following a path down, and putting a changed collection back along it.
 *
 * What a path goes through is a chain of holders: a root, or a collection. Each holds a value at the
 * path's next step: a child at once, or a document with a child some steps inside. Storing goes down
 * the chain by recursion, which the number of steps bounds, and puts each holder back on the way
 * up: where nothing but the child has changed, that writes nothing. */
#include "txn/nested_path.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

typedef struct {
    const nested_path_base *base;
    pbase_bytes root;
    const pbase_value *steps;
    size_t count;
    pbase_arena arena; /* of documents on the way */
} path;

/* Where a path has come to: something that holds values. */
typedef struct {
    collection *handle; /* NULL: the root itself */
    size_t next;        /* the step that leads on */
} holder;

static pbase_status no_such_step(const path *self, size_t step, pbase_error *err)
{
    return PBASE_FAIL(
        err, PBASE_NOT_FOUND,
        "step %zu of the path below root '%.*s' leads nowhere: there is no such field", step + 1,
        (int)self->root.size, (const char *)self->root.data);
}

static pbase_status no_collection(const path *self, const pbase_value *value, pbase_error *err)
{
    return PBASE_FAIL(
        err, PBASE_INVALID,
        "the path of %zu steps below root '%.*s' leads to a value of type %s, not to a "
        "collection",
        self->count, (int)self->root.size, (const char *)self->root.data,
        pbase_value_type_name(value));
}

/* -------------------------------------------------------------------------------- holders ---- */

static pbase_status step_index(const path *self, const holder *at, int64_t *out, pbase_error *err)
{
    const pbase_value *step = &self->steps[at->next];
    if (step->kind != PBASE_INT) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "step %zu of the path goes into a list: give an index", at->next + 1);
    }
    *out = step->as.integer;
    return PBASE_OK;
}

/* The value at the next step; of the root, what it holds. */
static pbase_status holder_get(path *self, const holder *at, pbase_value *out, pbase_error *err)
{
    int64_t index = 0;
    if (at->handle == NULL) {
        return self->base->value(self->base->state, self->root, &self->arena, out, err);
    }
    pbase_collection *any = collection_any(at->handle);
    if (pbase_collection_dict(any) != NULL) {
        return pbase_dict_get(pbase_collection_dict(any), &self->steps[at->next], &self->arena, out,
                              err);
    }
    if (pbase_collection_hash_dict(any) != NULL) {
        return pbase_hash_dict_get(pbase_collection_hash_dict(any), &self->steps[at->next],
                                   &self->arena, out, err);
    }
    if (pbase_collection_list(any) == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "step %zu of the path goes into a %s", at->next + 1,
                          pbase_collection_kind_name(pbase_collection_kind(any)));
    }
    pbase_status status = step_index(self, at, &index, err);
    return status == PBASE_OK
               ? pbase_list_get(pbase_collection_list(any), index, &self->arena, out, err)
               : status;
}

static pbase_status holder_child(path *self, const holder *at, uint64_t n, collection **out,
                                 pbase_error *err)
{
    pbase_collection *child = NULL;
    int64_t index = 0;
    if (at->handle == NULL) {
        return self->base->child(self->base->state, self->root, n, out, err);
    }
    pbase_collection *any = collection_any(at->handle);
    pbase_status status = PBASE_OK;
    if (pbase_collection_dict(any) != NULL) {
        status =
            pbase_dict_child(pbase_collection_dict(any), &self->steps[at->next], n, &child, err);
    } else if (pbase_collection_hash_dict(any) != NULL) {
        status = pbase_hash_dict_child(pbase_collection_hash_dict(any), &self->steps[at->next], n,
                                       &child, err);
    } else {
        status = step_index(self, at, &index, err);
        if (status == PBASE_OK) {
            status = pbase_list_child(pbase_collection_list(any), index, n, &child, err);
        }
    }
    if (status == PBASE_OK) {
        *out = (collection *)child;
    }
    return status;
}

static pbase_status holder_put(path *self, holder *at, const pbase_value *value, pbase_error *err)
{
    int64_t index = 0;
    if (at->handle == NULL) {
        return self->base->store_value(self->base->state, self->root, value, err);
    }
    pbase_collection *any = collection_any(at->handle);
    pbase_dict *dict = pbase_collection_dict(any);
    pbase_list *list = pbase_collection_list(any);
    if (dict != NULL) {
        return pbase_dict_put(&dict, &self->steps[at->next], value, NULL, err);
    }
    pbase_hash_dict *hashed = pbase_collection_hash_dict(any);
    if (hashed != NULL) {
        return pbase_hash_dict_put(&hashed, &self->steps[at->next], value, NULL, err);
    }
    if (list == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "step %zu of the path goes into a %s", at->next + 1,
                          pbase_collection_kind_name(pbase_collection_kind(any)));
    }
    pbase_status status = step_index(self, at, &index, err);
    return status == PBASE_OK ? pbase_list_set(&list, index, value, err) : status;
}

/* Steps that a holder takes before the document it holds begins. */
static size_t steps_of(const holder *at)
{
    return at->handle == NULL ? 0 : 1;
}

/* ------------------------------------------------------------------------------ documents ---- */

/* The part of `value` that one step leads to; NULL: none. */
static const pbase_value *part_at(const pbase_value *value, const pbase_value *step)
{
    if (value->kind == PBASE_MAP && step->kind == PBASE_STRING) {
        return pbase_value_field(value, step->as.string);
    }
    if (value->kind == PBASE_LIST && step->kind == PBASE_INT) {
        int64_t count = (int64_t)value->as.list.count;
        int64_t index = step->as.integer < 0 ? step->as.integer + count : step->as.integer;
        return index >= 0 && index < count ? &value->as.list.items[index] : NULL;
    }
    return NULL;
}

/* Follows steps into a document down to a child. NULL, with *step at the one that failed: there is
 * none; the last value on the way is *out_last. */
static const pbase_value *child_in(const path *self, const pbase_value *value, size_t *step,
                                   const pbase_value **out_last)
{
    while (value != NULL && value->kind != PBASE_CHILD && *step < self->count) {
        *out_last = value;
        value = part_at(value, &self->steps[*step]);
        *step += value != NULL;
    }
    if (value != NULL) {
        *out_last = value;
    }
    return value != NULL && value->kind == PBASE_CHILD ? value : NULL;
}

/* A copy of `value` in which `part` stands at the end of steps from..to. The last step may name a
 * field that a map does not have yet. */
static pbase_status with_part(path *self, const pbase_value *value, size_t from, size_t to,
                              const pbase_value *part, pbase_value *out, pbase_error *err)
{
    if (from == to) {
        *out = *part;
        return PBASE_OK;
    }
    const pbase_value *step = &self->steps[from];
    const pbase_value *old = part_at(value, step);
    bool is_map = value->kind == PBASE_MAP && step->kind == PBASE_STRING;
    if (old == NULL && !(is_map && from + 1 == to)) {
        return no_such_step(self, from, err);
    }
    size_t count = is_map ? value->as.map.count : value->as.list.count;
    size_t size = is_map ? sizeof(pbase_field) : sizeof(pbase_value);
    void *items = pbase_arena_array(&self->arena, count + 1, size);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a document on a path");
    }
    const void *before = is_map ? (const void *)value->as.map.fields : value->as.list.items;
    if (count > 0) {
        memcpy(items, before, count * size);
    }
    pbase_value *place = NULL;
    if (is_map) {
        pbase_field *fields = items;
        size_t at = 0;
        while (at < count && !pbase_bytes_equal(fields[at].name, step->as.string)) {
            at++;
        }
        fields[at].name = step->as.string;
        place = &fields[at].value;
        *out = pbase_value_map(fields, at == count ? count + 1 : count);
    } else {
        place = (pbase_value *)items + (old - value->as.list.items);
        *out = pbase_value_list(items, count);
    }
    return old == NULL ? with_part(self, value, from + 1, to, part, place, err)
                       : with_part(self, old, from + 1, to, part, place, err);
}

/* ----------------------------------------------------------------------------- both ways ----- */

static pbase_status begin(path *self, holder *at, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    at->handle = NULL;
    at->next = 0;
    if (self->count > NESTED_PATH_STEPS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a path of %zu steps; the limit is %u", self->count,
                          NESTED_PATH_STEPS_MAX);
    }
    pbase_status status =
        self->base->open(self->base->state, self->root, &at->handle, self->count == 0 ? err : &why);
    if (status == PBASE_INVALID && self->count > 0) {
        return PBASE_OK; /* a value: steps lead into it */
    }
    if (status != PBASE_OK && self->count > 0 && err != NULL) {
        *err = why;
    }
    return status;
}

/* One hop: from a holder through the value at its next step to the child in it. */
static pbase_status hop(path *self, holder *at, pbase_error *err)
{
    pbase_value value;
    const pbase_value *last = NULL;
    collection *child = NULL;
    pbase_status status = holder_get(self, at, &value, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t step = at->next + steps_of(at);
    const pbase_value *marker = child_in(self, &value, &step, &last);
    if (marker == NULL) {
        return step < self->count ? no_such_step(self, step, err)
                                  : no_collection(self, last == NULL ? &value : last, err);
    }
    status = holder_child(self, at, marker->as.child, &child, err);
    if (status == PBASE_OK) {
        collection_close(at->handle);
        at->handle = child;
        at->next = step;
    }
    return status;
}

pbase_status nested_path_open(const nested_path_base *base, pbase_bytes root,
                              const pbase_value *steps, size_t count, collection **out,
                              pbase_error *err)
{
    path self = {.base = base, .root = root, .steps = steps, .count = count};
    holder at;
    pbase_arena_init(&self.arena, base->alloc);
    pbase_status status = begin(&self, &at, err);
    while (status == PBASE_OK && (at.handle == NULL || at.next < count)) {
        pbase_arena_reset(&self.arena);
        status = hop(&self, &at, err);
    }
    pbase_arena_fini(&self.arena);
    if (status == PBASE_OK) {
        *out = at.handle;
    } else {
        collection_close(at.handle);
    }
    return status;
}

static pbase_status store_in(path *self, holder *at, const collection *version, pbase_error *err);

/* Into the child at `marker`, and that back into the document at steps from..to. */
static pbase_status store_below(path *self, holder *at, const pbase_value *value,
                                const pbase_value *marker, size_t to, const collection *version,
                                pbase_error *err)
{
    holder inside = {.next = to};
    pbase_value changed;
    pbase_status status = holder_child(self, at, marker->as.child, &inside.handle, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = store_in(self, &inside, version, err);
    if (status == PBASE_OK) {
        pbase_value part = pbase_value_of_collection(collection_any(inside.handle));
        status = with_part(self, value, at->next + steps_of(at), to, &part, &changed, err);
    }
    if (status == PBASE_OK) {
        status = holder_put(self, at, &changed, err);
    }
    collection_close(inside.handle);
    return status;
}

/* Stores `version` at the end of the path, which leads on from `at`. */
static pbase_status store_in(path *self, holder *at, const collection *version, pbase_error *err)
{
    size_t from = at->next + steps_of(at), step = from;
    pbase_value value = pbase_value_null(), changed;
    const pbase_value *last = NULL;
    if (from == self->count && at->handle != NULL) {
        value = pbase_value_handle((const pbase_collection *)version);
        return holder_put(self, at, &value, err); /* the whole entry, whatever it was */
    }
    pbase_status status = holder_get(self, at, &value, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_value *marker = child_in(self, &value, &step, &last);
    if (marker != NULL && step < self->count) {
        return store_below(self, at, &value, marker, step, version, err);
    }
    pbase_value part = pbase_value_handle((const pbase_collection *)version);
    status = with_part(self, &value, from, self->count, &part, &changed, err);
    return status == PBASE_OK ? holder_put(self, at, &changed, err) : status;
}

pbase_status nested_path_store(const nested_path_base *base, pbase_bytes root,
                               const pbase_value *steps, size_t count, const collection *version,
                               pbase_error *err)
{
    path self = {.base = base, .root = root, .steps = steps, .count = count};
    holder at = {.handle = NULL};
    if (count == 0) {
        return base->store(base->state, root, version, err);
    }
    pbase_arena_init(&self.arena, base->alloc);
    pbase_status status = begin(&self, &at, err);
    if (status == PBASE_OK) {
        status = store_in(&self, &at, version, err);
    }
    if (status == PBASE_OK && at.handle != NULL) {
        status = base->store(base->state, root, at.handle, err);
    }
    collection_close(at.handle);
    pbase_arena_fini(&self.arena);
    return status;
}
