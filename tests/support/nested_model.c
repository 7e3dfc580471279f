/* nested_model.c - trees of nodes, and comparing them with what a database holds. */
#include "nested_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

model_node *model_new(model_kind kind, int64_t number)
{
    model_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    node->kind = kind;
    node->number = number;
    return node;
}

void model_free(model_node *node)
{
    if (node == NULL) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        model_free(node->entries[i].node);
    }
    free(node->entries);
    free(node);
}

void model_insert_at(model_node *list, size_t index, model_node *node)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        list->entries = realloc(list->entries, list->capacity * sizeof *list->entries);
        assert_non_null(list->entries);
    }
    memmove(&list->entries[index + 1], &list->entries[index],
            (list->count - index) * sizeof *list->entries);
    list->entries[index] = (model_entry){.node = node};
    list->count++;
}

void model_remove_at(model_node *list, size_t index)
{
    model_free(list->entries[index].node);
    list->count--;
    memmove(&list->entries[index], &list->entries[index + 1],
            (list->count - index) * sizeof *list->entries);
}

static size_t place_of(const model_node *dict, int64_t key)
{
    size_t at = 0;
    while (at < dict->count && dict->entries[at].key < key) {
        at++;
    }
    return at;
}

static bool is_at(const model_node *dict, size_t at, int64_t key)
{
    return at < dict->count && dict->entries[at].key == key;
}

model_node *model_get(const model_node *dict, int64_t key)
{
    size_t at = place_of(dict, key);
    return is_at(dict, at, key) ? dict->entries[at].node : NULL;
}

void model_put(model_node *dict, int64_t key, model_node *node)
{
    size_t at = place_of(dict, key);
    if (!is_at(dict, at, key)) {
        model_insert_at(dict, at, NULL);
    }
    model_node *before = dict->entries[at].node;
    dict->entries[at] = (model_entry){.key = key, .node = node};
    model_free(before); /* NOLINT(clang-analyzer-unix.Malloc): it takes two entries for one */
}

void model_remove(model_node *dict, int64_t key)
{
    size_t at = place_of(dict, key);
    if (is_at(dict, at, key)) {
        model_remove_at(dict, at);
    }
}

model_node *model_clone(const model_node *node)
{
    if (node == NULL) {
        return NULL;
    }
    model_node *copy = model_new(node->kind, node->number);
    for (size_t i = 0; i < node->count; i++) {
        model_insert_at(copy, i, model_clone(node->entries[i].node));
        copy->entries[i].key = node->entries[i].key;
    }
    return copy;
}

unsigned model_depth(const model_node *node)
{
    unsigned deepest = 0;
    if (node == NULL) {
        return 0;
    }
    for (size_t i = 0; i < node->count; i++) {
        unsigned depth = model_depth(node->entries[i].node);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest +
           (node->kind == MODEL_DICT || node->kind == MODEL_LIST || node->kind == MODEL_SET);
}

/* -------------------------------------------------------------------------------- random ---- */

static model_node *random_node(seed_random *random, unsigned depth)
{
    uint64_t choice = seed_below(random, depth == 0 ? 1 : 4);
    if (choice < 2) {
        return model_new(MODEL_INT, (int64_t)seed_below(random, 1000));
    }
    if (choice == 2) {
        return model_random(random, depth);
    }
    model_node *document = model_new(MODEL_DOCUMENT, (int64_t)seed_below(random, 1000));
    model_insert_at(document, 0, model_random(random, depth));
    return document;
}

model_node *model_random(seed_random *random, unsigned depth)
{
    static const model_kind kinds[] = {MODEL_DICT, MODEL_LIST, MODEL_SET};
    model_node *node = model_new(kinds[seed_below(random, depth <= 1 ? 3 : 2)], 0);
    uint64_t count = seed_below(random, 5);
    for (uint64_t i = 0; i < count; i++) {
        int64_t key = (int64_t)seed_below(random, 8);
        if (node->kind == MODEL_DICT) {
            model_put(node, key, random_node(random, depth - 1));
        } else if (node->kind == MODEL_LIST) {
            model_insert_at(node, node->count, random_node(random, depth - 1));
        } else {
            model_put(node, key, NULL);
        }
    }
    return node;
}

/* ------------------------------------------------------------------------------ building ---- */

void model_handles_close(model_handles *handles)
{
    for (size_t i = 0; i < handles->count; i++) {
        pbase_collection_close(handles->items[i]);
    }
    handles->count = 0;
}

pbase_value model_value(pbase_txn *txn, const model_node *node, model_handles *handles)
{
    if (node->kind == MODEL_INT) {
        return pbase_value_int(node->number);
    }
    const model_node *held = node->kind == MODEL_DOCUMENT ? node->entries[0].node : node;
    assert_true(handles->count < MODEL_HANDLES_MAX);
    pbase_collection *built = model_build(txn, held);
    handles->items[handles->count++] = built;
    if (node->kind != MODEL_DOCUMENT) {
        return pbase_value_of_collection(built);
    }
    handles->fields[0] = (pbase_field){pbase_bytes_text("n"), pbase_value_int(node->number)};
    handles->fields[1] = (pbase_field){pbase_bytes_text("c"), pbase_value_of_collection(built)};
    return pbase_value_map(handles->fields, 2);
}

static void build_entry(pbase_txn *txn, const model_entry *entry, pbase_collection **into)
{
    model_handles handles = {.count = 0};
    pbase_value key = pbase_value_int(entry->key);
    pbase_dict *dict = pbase_collection_dict(*into);
    pbase_list *list = pbase_collection_list(*into);
    pbase_set *set = pbase_collection_set(*into);
    pbase_status status;
    if (set != NULL) {
        status = pbase_set_add(&set, &key, NULL, NULL);
    } else {
        pbase_value value = model_value(txn, entry->node, &handles);
        status = dict != NULL ? pbase_dict_put(&dict, &key, &value, NULL, NULL)
                              : pbase_list_append(&list, &value, NULL);
    }
    assert_int_equal(status, PBASE_OK);
    model_handles_close(&handles);
}

pbase_collection *model_build(pbase_txn *txn, const model_node *node)
{
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_status status = node->kind == MODEL_DICT   ? pbase_txn_new_dict(txn, &dict, NULL)
                          : node->kind == MODEL_LIST ? pbase_txn_new_list(txn, &list, NULL)
                                                     : pbase_txn_new_set(txn, &set, NULL);
    assert_int_equal(status, PBASE_OK);
    void *made = dict != NULL ? (void *)dict : list != NULL ? (void *)list : (void *)set;
    pbase_collection *built = made;
    for (size_t i = 0; i < node->count; i++) {
        build_entry(txn, &node->entries[i], &built);
    }
    return built;
}

/* ----------------------------------------------------------------------------- comparing ---- */

static int kind_of(model_kind kind)
{
    return kind == MODEL_DICT   ? PBASE_COLLECTION_DICT
           : kind == MODEL_LIST ? PBASE_COLLECTION_LIST
                                : PBASE_COLLECTION_SET;
}

static void compare_entry(const model_entry *entry, pbase_cursor *cursor)
{
    pbase_value value;
    pbase_collection *child = NULL;
    const model_node *node = entry->node;
    assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
    if (node->kind == MODEL_INT) {
        assert_int_equal(value.kind, PBASE_INT);
        assert_int_equal(value.as.integer, node->number);
        return;
    }
    if (node->kind == MODEL_DOCUMENT) {
        const pbase_value *number = pbase_value_field(&value, pbase_bytes_text("n"));
        const pbase_value *marker = pbase_value_field(&value, pbase_bytes_text("c"));
        assert_non_null(number);
        assert_non_null(marker);
        assert_int_equal(number->as.integer, node->number);
        value = *marker;
        node = node->entries[0].node;
    }
    assert_int_equal(value.kind, PBASE_CHILD);
    assert_int_equal(value.as.child, 0);
    assert_int_equal(pbase_cursor_child(cursor, 0, &child, NULL), PBASE_OK);
    model_compare(node, child);
    pbase_collection_close(child);
}

void model_compare(const model_node *node, pbase_collection *held)
{
    pbase_cursor *cursor = NULL;
    uint64_t count = 0;
    assert_int_equal(pbase_collection_kind(held), kind_of(node->kind));
    assert_int_equal(pbase_collection_count(held, &count, NULL), PBASE_OK);
    assert_int_equal(count, node->count);
    assert_int_equal(pbase_collection_cursor(held, &cursor, NULL), PBASE_OK);
    for (size_t i = 0; i < node->count; i++) {
        pbase_value key;
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        if (node->kind != MODEL_LIST) {
            assert_int_equal(key.as.integer, node->entries[i].key);
        }
        if (node->kind != MODEL_SET) {
            compare_entry(&node->entries[i], cursor);
        }
    }
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
}
