/* place.c - going up from a collection to its root, and writing down the way. */
#include "txn/place.h"

#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/tree_cursor.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

/* Levels of collections, the roots or objects above them. */
#define LEVELS_MAX (PBASE_NESTING_MAX + 1u)

static pbase_status broken(pbase_collection_id id, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CORRUPT,
                      "the link of collection (%" PRIu64 ", %" PRIu64
                      ") does not lead to an entry that holds it",
                      id.sequence, id.ordinal);
}

/* ---------------------------------------------------------------------------------- levels ---- */

/* The link up from a collection; `bytes` receives it. *out_found: the collection is there; a link
 * without a holder: it has none. */
static pbase_status link_of(const place_view *view, pbase_collection_id id, pbase_buffer *bytes,
                            bool *out_found, holder *out, pbase_error *err)
{
    collection_slot slot;
    *out = (holder){.in_list = false};
    bytes->size = 0;
    pbase_status status =
        catalog_collection_held(view->atoms, view->collections, id, &slot, bytes, out_found, err);
    bool ok = status != PBASE_OK || bytes->size == 0 || holder_read(pbase_buffer_view(bytes), out);
    return ok ? status : broken(id, err);
}

/* What a root holds, when it is a collection. */
typedef struct {
    pbase_collection_id id;
    pbase_buffer *key;
    bool found;
} root_search;

static pbase_status match_root(void *state, pbase_bytes name, const root_entry *root,
                               pbase_error *err)
{
    root_search *self = state;
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_string(name);
    if (!root->is_collection || !collection_id_same(root->slot.id, self->id)) {
        return PBASE_OK;
    }
    key_scratch_init(&scratch, self->key->alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    self->key->size = 0;
    status = status == PBASE_OK ? pbase_buffer_append_bytes(self->key, key.bytes, err) : status;
    key_scratch_fini(&scratch);
    self->found = status == PBASE_OK;
    return status == PBASE_OK ? PBASE_END : status;
}

/* A collection without a link, of a space written before there were any: a root's is found by
 * looking through the roots. */
static pbase_status find_unlinked(const place_view *view, pbase_collection_id id, pbase_buffer *key,
                                  place *out, pbase_error *err)
{
    root_search search = {.id = id, .key = key};
    pbase_status status = catalog_roots(view->atoms, view->collections, match_root, &search, err);
    out->known = search.found;
    out->is_root_own = search.found && out->depth == 0;
    out->depth++;
    out->top.bytes = pbase_buffer_view(key);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Whether a root's value is the collection, and nothing beside it. */
static pbase_status ask_root(const place_view *view, pbase_bytes key, pbase_collection_id id,
                             bool *out, pbase_error *err)
{
    collection_slot slot;
    stored_child child;
    tree_item item;
    bool found = false;
    pbase_status status =
        catalog_collection(view->atoms, view->collections, CATALOG_ROOTS, &slot, err);
    tree roots = tree_of(view->atoms, slot.root, false);
    status = status == PBASE_OK ? tree_get(&roots, key, &item, &found, err) : status;
    if (status == PBASE_OK && found) {
        *out = stored_is_child(item.value.bytes) && stored_child_at(item.value.bytes, 0, &child) &&
               collection_id_same(child.id, id);
        tree_item_release(view->atoms, &item);
    }
    return status;
}

/* What is right below a root or an object. */
static pbase_status finish_top(const place_view *view, const holder *up, pbase_collection_id id,
                               pbase_buffer *key, place *out, pbase_error *err)
{
    key->size = 0;
    pbase_status status = pbase_buffer_append_bytes(key, up->key, err);
    if (status != PBASE_OK || up->in_list || up->is_cut) {
        return status == PBASE_OK ? broken(id, err) : status;
    }
    out->known = true;
    out->in_objects = collection_id_same(up->by, CATALOG_OBJECTS);
    out->top = (encoded_key){.bytes = pbase_buffer_view(key)};
    return out->in_objects || out->depth > 1
               ? PBASE_OK
               : ask_root(view, out->top.bytes, id, &out->is_root_own, err);
}

pbase_status place_find(const place_view *view, pbase_collection_id id, pbase_buffer *key,
                        place *out, pbase_error *err)
{
    holder up;
    pbase_buffer bytes;
    pbase_collection_id at = id;
    pbase_status status = PBASE_OK;
    bool done = false;
    *out = (place){.found = false};
    pbase_buffer_init(&bytes, view->atoms->alloc);
    while (status == PBASE_OK && !done) {
        status = link_of(view, at, &bytes, &out->found, &up, err);
        if (status != PBASE_OK || !out->found) {
            break;
        }
        if (bytes.size == 0) {
            status = find_unlinked(view, at, key, out, err);
            done = true;
        } else if (++out->depth > LEVELS_MAX) {
            status = broken(id, err);
        } else if (catalog_is_system(up.by)) {
            status = finish_top(view, &up, at, key, out, err);
            done = true;
        } else {
            at = up.by;
        }
    }
    pbase_buffer_fini(&bytes);
    return status;
}

/* ------------------------------------------------------------------------------- in values ---- */

/* Which child of a stored value a collection is; false: none. */
static bool number_of(pbase_bytes stored, pbase_collection_id id, uint64_t *out)
{
    stored_children list;
    stored_child child;
    *out = 0;
    bool more = stored_children_begin(stored, &list) && stored_children_next(&list, &child);
    while (more && !collection_id_same(child.id, id)) {
        more = stored_children_next(&list, &child);
        ++*out;
    }
    return more;
}

/* Steps under way, the last one first. */
typedef struct {
    pbase_arena *arena;
    pbase_value *items;
    size_t count, capacity;
} step_list;

static pbase_status add_step(step_list *self, const pbase_value *step, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 8 : self->capacity * 2;
        pbase_value *items = pbase_arena_array(self->arena, capacity, sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a path");
        }
        if (self->count > 0) {
            memcpy(items, self->items, self->count * sizeof *items);
        }
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = *step;
    return PBASE_OK;
}

static pbase_status search_value(step_list *steps, const pbase_value *value, uint64_t child,
                                 bool *out_found, pbase_error *err);

/* `part` stands at `step` of its value. */
static pbase_status search_part(step_list *steps, const pbase_value *part, const pbase_value *step,
                                uint64_t child, bool *out_found, pbase_error *err)
{
    pbase_status status = search_value(steps, part, child, out_found, err);
    return status == PBASE_OK && *out_found ? add_step(steps, step, err) : status;
}

/* Adds the steps to the child of that number; values nest no deeper than PBASE_DEPTH_MAX. */
static pbase_status search_value(step_list *steps, const pbase_value *value, uint64_t child,
                                 bool *out_found, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    *out_found = value->kind == PBASE_CHILD && value->as.child == child;
    if (value->kind == PBASE_MAP) {
        for (size_t i = 0; i < value->as.map.count && status == PBASE_OK && !*out_found; i++) {
            const pbase_field *field = &value->as.map.fields[i];
            pbase_value step = pbase_value_string(field->name);
            status = search_part(steps, &field->value, &step, child, out_found, err);
        }
    } else if (value->kind == PBASE_LIST) {
        for (size_t i = 0; i < value->as.list.count && status == PBASE_OK && !*out_found; i++) {
            pbase_value step = pbase_value_int((int64_t)i);
            status = search_part(steps, &value->as.list.items[i], &step, child, out_found, err);
        }
    }
    return status;
}

/* The steps inside a stored value down to the child `id`. Text of steps lies in the arena. */
static pbase_status steps_inside(store *bytes, pbase_bytes stored, pbase_collection_id id,
                                 step_list *steps, pbase_error *err)
{
    uint64_t number = 0;
    bool found = false;
    pbase_bytes copy;
    pbase_value value;
    if (!number_of(stored, id, &number)) {
        return broken(id, err);
    }
    if (stored_is_child(stored)) {
        return PBASE_OK;
    }
    pbase_status status = pbase_arena_copy(steps->arena, stored, &copy, err);
    status =
        status == PBASE_OK ? store_value_decode(bytes, copy, steps->arena, &value, err) : status;
    status = status == PBASE_OK ? search_value(steps, &value, number, &found, err) : status;
    return status == PBASE_OK && !found ? broken(id, err) : status;
}

/* -------------------------------------------------------------------------------- entries ----- */

/* The value of the entry under the cursor, and whether it names the collection. */
static pbase_status names_it(tree_cursor *cursor, pbase_collection_id id, tree_value *out,
                             bool *out_named, pbase_error *err)
{
    uint64_t number = 0;
    pbase_status status = tree_cursor_value(cursor, out, err);
    *out_named = status == PBASE_OK && number_of(out->bytes, id, &number);
    return status;
}

/* Moves to the entry of a dictionary: at the key, or among those that begin with it. */
static pbase_status seek_key(tree_cursor *cursor, const holder *up, pbase_collection_id id,
                             tree_value *out, pbase_error *err)
{
    bool named = false;
    encoded_key key;
    pbase_status status = tree_cursor_seek(cursor, up->key, false, err);
    while (status == PBASE_OK) {
        status = names_it(cursor, id, out, &named, err);
        if (status != PBASE_OK || named) {
            return status;
        }
        status = tree_cursor_key(cursor, &key, err);
        bool goes_on = up->is_cut && key.bytes.size >= up->key.size &&
                       pbase_bytes_equal(pbase_bytes_of(key.bytes.data, up->key.size), up->key);
        if (status == PBASE_OK && !goes_on) {
            return broken(id, err);
        }
        status = status == PBASE_OK ? tree_cursor_next(cursor, err) : status;
    }
    return status == PBASE_END ? broken(id, err) : status;
}

/* One side of the search in a list. */
typedef struct {
    tree_cursor cursor;
    uint64_t index;
    bool ended;
} list_side;

static pbase_status look(list_side *self, pbase_collection_id id, tree_value *out, bool *out_named,
                         pbase_error *err)
{
    return self->ended ? PBASE_OK : names_it(&self->cursor, id, out, out_named, err);
}

static pbase_status move(list_side *self, bool forward, pbase_error *err)
{
    pbase_status status = self->ended ? PBASE_END
                          : forward   ? tree_cursor_next(&self->cursor, err)
                                      : tree_cursor_prev(&self->cursor, err);
    self->ended = status != PBASE_OK;
    self->index += forward ? 1 : UINT64_MAX;
    return status == PBASE_END ? PBASE_OK : status;
}

/* Looks at the index and then ever further on both sides of it. */
static pbase_status seek_index(const tree *list, const holder *up, pbase_collection_id id,
                               list_side *up_side, list_side *down_side, list_side **out_side,
                               tree_value *out, pbase_error *err)
{
    bool named = false;
    uint64_t count = 0;
    pbase_status status = tree_count(list, &count, err);
    if (status == PBASE_OK && count == 0) {
        return broken(id, err);
    }
    uint64_t begin = up->index < count ? up->index : count - 1;
    up_side->index = down_side->index = begin;
    status = status == PBASE_OK ? tree_cursor_seek_index(&up_side->cursor, begin, err) : status;
    status = status == PBASE_OK ? tree_cursor_seek_index(&down_side->cursor, begin, err) : status;
    while (status == PBASE_OK && !named && !(up_side->ended && down_side->ended)) {
        *out_side = up_side;
        status = look(up_side, id, out, &named, err);
        if (status == PBASE_OK && !named) {
            *out_side = down_side;
            status = look(down_side, id, out, &named, err);
        }
        if (status == PBASE_OK && !named) {
            status = move(up_side, true, err);
            status = status == PBASE_OK ? move(down_side, false, err) : status;
        }
    }
    return status == PBASE_OK && !named ? broken(id, err) : status;
}

/* The steps from a list to a child: those inside the element, then its index. */
static pbase_status steps_in_list(const tree *list, store *bytes, const holder *up,
                                  pbase_collection_id id, step_list *steps, pbase_error *err)
{
    list_side forward = {.ended = false}, backward = {.ended = false}, *side = &forward;
    tree_value value;
    tree_cursor_init(&forward.cursor, list, list->source->alloc);
    tree_cursor_init(&backward.cursor, list, list->source->alloc);
    pbase_status status = seek_index(list, up, id, &forward, &backward, &side, &value, err);
    if (status == PBASE_OK) {
        status = steps_inside(bytes, value.bytes, id, steps, err);
    }
    if (status == PBASE_OK) {
        pbase_value index = pbase_value_int((int64_t)side->index);
        status = add_step(steps, &index, err);
    }
    tree_cursor_fini(&forward.cursor);
    tree_cursor_fini(&backward.cursor);
    return status;
}

static pbase_status add_key(tree_cursor *cursor, uint8_t kind, step_list *steps, pbase_error *err)
{
    encoded_key key;
    pbase_value decoded, step;
    pbase_status status = tree_cursor_key(cursor, &key, err);
    if (status == PBASE_OK) {
        status = kind_find(kind)->shape == KEY_SHAPE_HASHED
                     ? key_decode_hashed(&key, steps->arena, &decoded, err)
                     : key_decode(&key, steps->arena, &decoded, err);
    }
    status = status == PBASE_OK ? pbase_value_copy(&decoded, steps->arena, &step, err) : status;
    return status == PBASE_OK ? add_step(steps, &step, err) : status;
}

/* The steps from a dictionary to a child; a root's name is none, and of an object the attributes are
 * what its steps begin in. */
static pbase_status steps_in_dict(const tree *dict, store *bytes, uint8_t kind, const holder *up,
                                  pbase_collection_id id, step_list *steps, pbase_error *err)
{
    tree_cursor cursor;
    tree_value value;
    tree_cursor_init(&cursor, dict, dict->source->alloc);
    pbase_status status = seek_key(&cursor, up, id, &value, err);
    if (status == PBASE_OK) {
        status = steps_inside(bytes, value.bytes, id, steps, err);
    }
    if (status == PBASE_OK && collection_id_same(up->by, CATALOG_OBJECTS) && steps->count > 0) {
        steps->count--; /* the field that has the attributes */
    }
    if (status == PBASE_OK && !collection_id_same(up->by, CATALOG_ROOTS)) {
        status = add_key(&cursor, kind, steps, err);
    }
    tree_cursor_fini(&cursor);
    return status;
}

/* ----------------------------------------------------------------------------------- path ----- */

/* The steps of one level, from the holder of `*id` to it; `*id` becomes the holder. */
static pbase_status climb(const place_view *view, store *bytes, pbase_collection_id *id,
                          step_list *steps, pbase_error *err)
{
    holder up;
    pbase_buffer link;
    collection_slot slot;
    bool found = false;
    pbase_buffer_init(&link, view->atoms->alloc);
    pbase_status status = link_of(view, *id, &link, &found, &up, err);
    if (status == PBASE_OK && link.size == 0) { /* below it the place is known */
        up.by = CATALOG_ROOTS;
    } else if (status == PBASE_OK) {
        status = catalog_collection(view->atoms, view->collections, up.by, &slot, err);
    }
    if (status == PBASE_OK && link.size > 0) {
        tree content = tree_of(view->atoms, slot.root, tree_kind_positional(slot.kind));
        if (content.positional != up.in_list) {
            status = broken(*id, err);
        } else {
            status = up.in_list ? steps_in_list(&content, bytes, &up, *id, steps, err)
                                : steps_in_dict(&content, bytes, slot.kind, &up, *id, steps, err);
        }
    }
    *id = up.by;
    pbase_buffer_fini(&link);
    return status;
}

pbase_status place_path(const place_view *view, store *bytes, pbase_collection_id id,
                        pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    step_list steps = {.arena = arena};
    pbase_status status = PBASE_OK;
    for (uint32_t level = 0; status == PBASE_OK && !catalog_is_system(id); level++) {
        status = level > LEVELS_MAX ? broken(id, err) : climb(view, bytes, &id, &steps, err);
    }
    for (size_t low = 0, high = steps.count; low + 1 < high; low++) {
        pbase_value swapped = steps.items[low];
        steps.items[low] = steps.items[--high];
        steps.items[high] = swapped;
    }
    if (status == PBASE_OK) {
        *out = pbase_value_list(steps.items, steps.count);
    }
    return status;
}
