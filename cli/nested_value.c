/* nested_value.c - from children to forms, and from forms to collections.
 *
 * Both go through values by recursion: the reader of JSON and PBASE_NESTING_MAX bound it. */
#include "nested_value.h"

#include <stdlib.h>
#include <string.h>

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a value with collections in it");
}

static bool has_kind(const pbase_value *value, bool (*is)(const pbase_value *))
{
    bool found = is(value);
    if (value->kind == PBASE_LIST) {
        for (size_t i = 0; !found && i < value->as.list.count; i++) {
            found = has_kind(&value->as.list.items[i], is);
        }
    } else if (value->kind == PBASE_MAP) {
        for (size_t i = 0; !found && i < value->as.map.count; i++) {
            found = has_kind(&value->as.map.fields[i].value, is);
        }
    }
    return found;
}

static bool is_child(const pbase_value *value)
{
    return value->kind == PBASE_CHILD;
}

static bool is_form(const pbase_value *value)
{
    return value->kind == PBASE_MAP && value->form != 0;
}

/* What is done with one value inside; lists and maps around it are copied. */
typedef struct replacer replacer;
struct replacer {
    bool (*is)(const pbase_value *value);
    pbase_status (*replace)(replacer *self, const pbase_value *value, pbase_value *out,
                            pbase_error *err);
    pbase_arena *arena;
};

static pbase_status replaced(replacer *self, const pbase_value *value, pbase_value *out,
                             pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->is(value)) {
        return self->replace(self, value, out, err);
    }
    *out = *value;
    if (!has_kind(value, self->is)) {
        return PBASE_OK;
    }
    bool is_map = value->kind == PBASE_MAP;
    size_t count = is_map ? value->as.map.count : value->as.list.count;
    void *made =
        pbase_arena_array(self->arena, count, is_map ? sizeof(pbase_field) : sizeof(pbase_value));
    if (made == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        const pbase_value *from =
            is_map ? &value->as.map.fields[i].value : &value->as.list.items[i];
        pbase_value *to = is_map ? &((pbase_field *)made)[i].value : &((pbase_value *)made)[i];
        if (is_map) {
            ((pbase_field *)made)[i].name = value->as.map.fields[i].name;
        }
        status = replaced(self, from, to, err);
    }
    *out = is_map ? pbase_value_map(made, count) : pbase_value_list(made, count);
    return status;
}

/* --------------------------------------------------------------------------------- writing ---- */

typedef struct {
    replacer base; /* first member */
    nested_open open;
    void *state;
} writer;

/* Values that are lent until the cursor moves are kept by a copy. */
static pbase_status write_item(pbase_cursor *cursor, int kind, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    pbase_value parts[3], lent, written;
    pbase_value *kept = NULL;
    size_t count = 0;
    uint64_t times = 0;
    bool keyed = kind == PBASE_COLLECTION_DICT || kind == PBASE_COLLECTION_HASH_DICT ||
                 kind == PBASE_COLLECTION_MULTI_DICT;
    bool counted = kind == PBASE_COLLECTION_COUNTED_SET || kind == PBASE_COLLECTION_MULTI_DICT;
    pbase_status status = PBASE_OK;
    if (keyed) {
        status = pbase_cursor_key(cursor, &lent, err);
        status = status == PBASE_OK ? pbase_value_copy(&lent, arena, &parts[count++], err) : status;
    }
    status = status == PBASE_OK ? pbase_cursor_value(cursor, &lent, err) : status;
    status = status == PBASE_OK
                 ? nested_write(&lent, nested_of_cursor, cursor, arena, &written, err)
                 : status;
    status = status == PBASE_OK ? pbase_value_copy(&written, arena, &parts[count++], err) : status;
    if (status == PBASE_OK && counted) {
        status = pbase_cursor_count(cursor, &times, err);
        parts[count++] = pbase_value_int((int64_t)times); /* PBASE_COUNT_MAX fits */
    }
    if (status == PBASE_OK && count == 1) {
        *out = parts[0];
    } else if (status == PBASE_OK) {
        kept = pbase_arena_array(arena, count, sizeof *kept);
        status = kept == NULL ? no_memory(err) : PBASE_OK;
    }
    for (size_t i = 0; kept != NULL && i < count; i++) {
        kept[i] = parts[i];
        *out = pbase_value_list(kept, count);
    }
    return status;
}

static pbase_status write_entries(pbase_collection *from, pbase_arena *arena, pbase_value *items,
                                  uint64_t count, pbase_error *err)
{
    pbase_cursor *cursor = NULL;
    pbase_status status = pbase_collection_cursor(from, &cursor, err);
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        status = pbase_cursor_next(cursor, err);
        if (status == PBASE_OK) {
            status = write_item(cursor, pbase_collection_kind(from), arena, &items[i], err);
        }
    }
    pbase_cursor_close(cursor);
    return status;
}

/* The content of a blob as bytes of at most PIECE_BYTES each. */
#define PIECE_BYTES 262144u

static pbase_status write_blob(pbase_collection *from, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    pbase_collection *taken = NULL;
    pbase_blob *blob = NULL;
    pbase_status status = pbase_collection_keep(from, &taken, err);
    status = status == PBASE_OK ? pbase_blob_open(NULL, &taken, &blob, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t size = pbase_blob_size(blob);
    size_t count = (size_t)((size + PIECE_BYTES - 1) / PIECE_BYTES);
    pbase_value *items = pbase_arena_array(arena, count, sizeof *items);
    status = items == NULL && count > 0 ? no_memory(err) : PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        size_t got = 0;
        uint8_t *piece = pbase_arena_array(arena, PIECE_BYTES, 1);
        status = piece == NULL ? no_memory(err)
                               : pbase_blob_read(blob, (uint64_t)i * PIECE_BYTES, piece,
                                                 PIECE_BYTES, &got, err);
        items[i] = pbase_value_bytes(pbase_bytes_of(piece, got));
    }
    *out = pbase_value_list(items, count);
    pbase_blob_close(blob);
    return status;
}

static pbase_status form_of(pbase_collection *from, pbase_arena *arena, pbase_value *out,
                            pbase_error *err)
{
    int kind = pbase_collection_kind(from);
    pbase_value list = pbase_value_null();
    uint64_t count = 0;
    pbase_status status = PBASE_OK;
    if (kind == PBASE_COLLECTION_ROPE) {
        status = write_blob(from, arena, &list, err);
    } else {
        status = pbase_collection_count(from, &count, err);
        pbase_value *items = pbase_arena_array(arena, (size_t)count, sizeof *items);
        if (status == PBASE_OK && items == NULL && count > 0) {
            status = no_memory(err);
        }
        status = status == PBASE_OK ? write_entries(from, arena, items, count, err) : status;
        list = pbase_value_list(items, (size_t)count);
    }
    pbase_field *fields = pbase_arena_array(arena, 3, sizeof *fields);
    if (status != PBASE_OK || fields == NULL) {
        return status == PBASE_OK ? no_memory(err) : status;
    }
    fields[0] =
        (pbase_field){pbase_bytes_text("kind"), pbase_value_text(pbase_collection_kind_name(kind))};
    fields[1] = (pbase_field){pbase_bytes_text("items"), list};
    fields[2] = (pbase_field){pbase_bytes_text("$collection"), pbase_value_map(fields, 2)};
    *out = pbase_value_map(&fields[2], 1);
    out->form = 1;
    return PBASE_OK;
}

static pbase_status write_child(replacer *base, const pbase_value *value, pbase_value *out,
                                pbase_error *err)
{
    writer *self = (writer *)base;
    pbase_collection *child = NULL;
    pbase_status status = self->open(self->state, value->as.child, &child, err);
    status = status == PBASE_OK ? form_of(child, base->arena, out, err) : status;
    pbase_collection_close(child);
    return status;
}

pbase_status nested_write(const pbase_value *value, nested_open open, void *state,
                          pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    writer self = {{is_child, write_child, arena}, open, state};
    return replaced(&self.base, value, out, err);
}

pbase_status nested_of_cursor(void *cursor, uint64_t n, pbase_collection **out, pbase_error *err)
{
    return pbase_cursor_child(cursor, n, out, err);
}

/* --------------------------------------------------------------------------------- reading ---- */

typedef struct {
    replacer base; /* first member */
    pbase_txn *txn;
    nested_handles *handles;
} reader;

static pbase_status handles_add(nested_handles *self, pbase_collection *handle, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 8 : self->capacity * 2;
        pbase_collection **items = realloc(self->items, capacity * sizeof(void *));
        if (items == NULL) {
            pbase_collection_close(handle);
            return no_memory(err);
        }
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = handle;
    return PBASE_OK;
}

void nested_close(nested_handles *handles)
{
    for (size_t i = 0; i < handles->count; i++) {
        pbase_collection_close(handles->items[i]);
    }
    free(handles->items);
    *handles = (nested_handles){NULL, 0, 0};
}

static pbase_status bad_form(pbase_error *err, const char *wants)
{
    return PBASE_FAIL(err, PBASE_INVALID, "a $collection is {\"kind\": KIND, \"items\": [...]}; %s",
                      wants);
}

/* Item `index` as so many parts. */
static pbase_status parts_of(const pbase_value *item, size_t count, const pbase_value **out,
                             pbase_error *err)
{
    if (count == 1) {
        *out = item;
        return PBASE_OK;
    }
    if (item->kind != PBASE_LIST || item->as.list.count != count) {
        return bad_form(err, "an item of this kind is a list of its parts");
    }
    *out = item->as.list.items;
    return PBASE_OK;
}

typedef struct {
    int kind;
    pbase_collection *made;
    pbase_blob *blob; /* while the content of one is read */
} building;

static pbase_status begin_kind(pbase_txn *txn, const char *kind, building *out, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_hash_dict *hashed = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_counted_set *counted = NULL;
    void *made = NULL;
    pbase_status status = PBASE_OK;
    for (out->kind = PBASE_COLLECTION_DICT;
         out->kind <= PBASE_COLLECTION_ROPE &&
         strcmp(kind, pbase_collection_kind_name(out->kind)) != 0;
         out->kind++) {
    }
    switch (out->kind) {
    case PBASE_COLLECTION_DICT:
        status = pbase_txn_new_dict(txn, &dict, err);
        made = dict;
        break;
    case PBASE_COLLECTION_LIST:
        status = pbase_txn_new_list(txn, &list, err);
        made = list;
        break;
    case PBASE_COLLECTION_SET:
        status = pbase_txn_new_set(txn, &set, err);
        made = set;
        break;
    case PBASE_COLLECTION_HASH_DICT:
        status = pbase_txn_new_hash_dict(txn, &hashed, err);
        made = hashed;
        break;
    case PBASE_COLLECTION_MULTI_DICT:
        status = pbase_txn_new_multi_dict(txn, &multi, err);
        made = multi;
        break;
    case PBASE_COLLECTION_COUNTED_SET:
        status = pbase_txn_new_counted_set(txn, &counted, err);
        made = counted;
        break;
    case PBASE_COLLECTION_ROPE:
        return pbase_blob_create(txn, "", "", &out->blob, err);
    default:
        return bad_form(err, "this kind is not known");
    }
    out->made = made;
    return status;
}

static pbase_status times_of(const pbase_value *value, uint64_t *out, pbase_error *err)
{
    if (value->kind != PBASE_INT || value->as.integer < 1) {
        return bad_form(err, "a count is a whole number from 1 on");
    }
    *out = (uint64_t)value->as.integer;
    return PBASE_OK;
}

static pbase_status add_counted(building *into, const pbase_value *parts, pbase_error *err)
{
    uint64_t times = 0;
    bool is_multi = into->kind == PBASE_COLLECTION_MULTI_DICT;
    pbase_status status = times_of(&parts[is_multi ? 2 : 1], &times, err);
    pbase_multi_dict *multi = pbase_collection_multi_dict(into->made);
    pbase_counted_set *counted = pbase_collection_counted_set(into->made);
    if (status != PBASE_OK) {
        return status;
    }
    return is_multi ? pbase_multi_dict_add(&multi, &parts[0], &parts[1], times, NULL, err)
                    : pbase_counted_set_add(&counted, &parts[0], times, NULL, err);
}

static pbase_status add_value(building *into, const pbase_value *parts, const pbase_value *value,
                              pbase_error *err)
{
    pbase_dict *dict = pbase_collection_dict(into->made);
    pbase_list *list = pbase_collection_list(into->made);
    pbase_set *set = pbase_collection_set(into->made);
    pbase_hash_dict *hashed = pbase_collection_hash_dict(into->made);
    return dict != NULL     ? pbase_dict_put(&dict, &parts[0], value, NULL, err)
           : hashed != NULL ? pbase_hash_dict_put(&hashed, &parts[0], value, NULL, err)
           : list != NULL   ? pbase_list_append(&list, value, err)
                            : pbase_set_add(&set, value, NULL, err);
}

/* Handles of collections inside an item are needed until the item was added. */
static pbase_status add_item(reader *self, building *into, const pbase_value *item,
                             pbase_error *err)
{
    bool paired = into->kind == PBASE_COLLECTION_DICT || into->kind == PBASE_COLLECTION_HASH_DICT;
    bool counted = into->kind == PBASE_COLLECTION_COUNTED_SET;
    bool multi = into->kind == PBASE_COLLECTION_MULTI_DICT;
    const pbase_value *parts = NULL;
    pbase_value value;
    nested_handles inside = {NULL, 0, 0};
    if (into->blob != NULL) {
        return item->kind == PBASE_BYTES ? pbase_blob_append(into->blob, item->as.string, err)
                                         : bad_form(err, "the items of a rope are bytes");
    }
    pbase_status status = parts_of(item, multi ? 3 : paired || counted ? 2 : 1, &parts, err);
    if (status == PBASE_OK && (multi || counted)) {
        return add_counted(into, parts, err);
    }
    if (status == PBASE_OK) {
        status =
            nested_read(self->txn, &parts[paired ? 1 : 0], &inside, self->base.arena, &value, err);
    }
    if (status == PBASE_OK) {
        status = add_value(into, parts, &value, err);
    }
    nested_close(&inside);
    return status;
}

/* The content of a blob alone: its document is the value around it. */
static pbase_status take_content(building *into, pbase_error *err)
{
    pbase_value document;
    pbase_status status = pbase_blob_value(into->blob, &document, err);
    const pbase_value *content =
        status == PBASE_OK ? pbase_value_field(&document, pbase_bytes_text("content")) : NULL;
    if (content != NULL) {
        status = pbase_collection_keep(content->as.handle, &into->made, err);
    }
    pbase_blob_close(into->blob);
    into->blob = NULL;
    return status;
}

static pbase_status read_form(replacer *base, const pbase_value *value, pbase_value *out,
                              pbase_error *err)
{
    reader *self = (reader *)base;
    char name[32] = "";
    building into = {.kind = 0};
    const pbase_value *content = pbase_value_field(value, pbase_bytes_text("$collection"));
    const pbase_value *kind =
        content == NULL ? NULL : pbase_value_field(content, pbase_bytes_text("kind"));
    const pbase_value *items =
        content == NULL ? NULL : pbase_value_field(content, pbase_bytes_text("items"));
    if (content == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "an object cannot be inside another value");
    }
    if (kind == NULL || kind->kind != PBASE_STRING || kind->as.string.size >= sizeof name ||
        items == NULL || items->kind != PBASE_LIST || content->as.map.count != 2) {
        return bad_form(err, "it has these two fields");
    }
    memcpy(name, kind->as.string.data, kind->as.string.size);
    pbase_status status = begin_kind(self->txn, name, &into, err);
    for (size_t i = 0; i < items->as.list.count && status == PBASE_OK; i++) {
        status = add_item(self, &into, &items->as.list.items[i], err);
    }
    if (into.blob != NULL && status == PBASE_OK) {
        status = take_content(&into, err);
    }
    pbase_blob_close(into.blob);
    if (status != PBASE_OK) {
        pbase_collection_close(into.made);
        return status;
    }
    *out = pbase_value_of_collection(into.made);
    return handles_add(self->handles, into.made, err);
}

pbase_status nested_read(pbase_txn *txn, const pbase_value *value, nested_handles *handles,
                         pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    reader self = {{is_form, read_form, arena}, txn, handles};
    return replaced(&self.base, value, out, err);
}
