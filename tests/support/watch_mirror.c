/* watch_mirror.c - applying events to tables of texts. */
#include "watch_mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    char *key; /* as JSON; of a list: "" */
    uint64_t count;
    pbase_arena arena; /* of the value */
    pbase_value value;
    pbase_change_child *children;
    uint32_t child_count;
} entry;

typedef struct {
    pbase_collection_id id;
    uint32_t kind;
    bool gone;
    entry *entries; /* keyed ones in the order of their texts */
    size_t count;
} node;

/* The first two nodes hold the roots and the objects. */
enum { ROOTS = 0, OBJECTS = 1 };
struct mirror {
    pbase_space *space;
    node *nodes;
    size_t count;
};

/* ---------------------------------------------------------------------------------- nodes ----- */

static node *node_add(mirror *self, pbase_collection_id id, uint32_t kind)
{
    self->nodes = realloc(self->nodes, (self->count + 1) * sizeof *self->nodes);
    assert_non_null(self->nodes);
    node *added = &self->nodes[self->count++];
    *added = (node){.id = id, .kind = kind};
    return added;
}

static node *node_find(const mirror *self, pbase_collection_id id)
{
    for (size_t i = 0; i < self->count; i++) {
        node *at = &self->nodes[i];
        if (!at->gone && at->id.sequence == id.sequence && at->id.ordinal == id.ordinal) {
            return at;
        }
    }
    return NULL;
}

static void entry_fini(entry *self)
{
    free(self->key);
    free(self->children);
    pbase_arena_fini(&self->arena);
}

static void node_clear(node *self)
{
    for (size_t i = 0; i < self->count; i++) {
        entry_fini(&self->entries[i]);
    }
    free(self->entries);
    self->entries = NULL;
    self->count = 0;
}

mirror *mirror_create(pbase_space *space)
{
    mirror *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->space = space;
    (void)node_add(self, (pbase_collection_id){0, 0}, PBASE_COLLECTION_DICT);
    (void)node_add(self, (pbase_collection_id){0, 1}, PBASE_COLLECTION_DICT);
    return self;
}

void mirror_destroy(mirror *self)
{
    for (size_t i = 0; i < self->count; i++) {
        node_clear(&self->nodes[i]);
    }
    free(self->nodes);
    free(self);
}

void mirror_move(mirror *self, pbase_space *space)
{
    self->space = space;
}

static void children_end(mirror *self, const entry *of, const entry *but);

/* A collection ends, with everything in it. */
static void node_end(mirror *self, pbase_collection_id id)
{
    node *at = node_find(self, id);
    if (at == NULL) { /* made and ended by one commit, or told no more */
        return;
    }
    at->gone = true;
    size_t index = (size_t)(at - self->nodes);
    for (size_t i = 0; i < self->nodes[index].count; i++) {
        children_end(self, &self->nodes[index].entries[i], NULL);
    }
    node_clear(&self->nodes[index]);
}

static bool has_child(const entry *self, pbase_collection_id id)
{
    for (uint32_t i = 0; self != NULL && i < self->child_count; i++) {
        if (self->children[i].id.sequence == id.sequence &&
            self->children[i].id.ordinal == id.ordinal) {
            return true;
        }
    }
    return false;
}

/* The children of one entry that another one does not have. */
static void children_end(mirror *self, const entry *of, const entry *but)
{
    pbase_change_child *children = of->children;
    uint32_t count = of->child_count;
    for (uint32_t i = 0; i < count; i++) {
        if (!has_child(but, children[i].id)) {
            node_end(self, children[i].id);
        }
    }
}

/* -------------------------------------------------------------------------------- entries ----- */

static char *json_of(pbase_space *space, const pbase_value *value)
{
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    assert_int_equal(pbase_json_format(space, value, &text, NULL), PBASE_OK);
    char *copy = malloc(text.size + 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    pbase_buffer_fini(&text);
    return copy;
}

static bool is_positional(const node *self)
{
    return self->kind == PBASE_COLLECTION_LIST || self->kind == PBASE_COLLECTION_ROPE;
}

/* Where a key is or would be. */
static size_t entry_place(const node *self, const char *key, bool *out_found)
{
    size_t at = 0;
    while (at < self->count && strcmp(self->entries[at].key, key) < 0) {
        at++;
    }
    *out_found = at < self->count && strcmp(self->entries[at].key, key) == 0;
    return at;
}

static entry *entry_insert(node *self, size_t at, char *key)
{
    assert_true(at <= self->count);
    self->entries = realloc(self->entries, (self->count + 1) * sizeof *self->entries);
    assert_non_null(self->entries);
    memmove(&self->entries[at + 1], &self->entries[at], (self->count - at) * sizeof *self->entries);
    self->count++;
    self->entries[at] = (entry){.key = key};
    pbase_arena_init(&self->entries[at].arena, pbase_alloc_default());
    return &self->entries[at];
}

static void entry_cut(node *self, size_t at)
{
    assert_true(at < self->count);
    entry_fini(&self->entries[at]);
    self->count--;
    memmove(&self->entries[at], &self->entries[at + 1], (self->count - at) * sizeof *self->entries);
}

/* The value of the event, with its children, in the place of the one at `at`. */
static void entry_set(mirror *self, size_t where, size_t at, pbase_watch *watch,
                      const pbase_change *event)
{
    pbase_value value = pbase_value_null();
    entry fresh = {.key = self->nodes[where].entries[at].key, .child_count = event->children};
    pbase_arena_init(&fresh.arena, pbase_alloc_default());
    if (event->has_value) {
        assert_int_equal(pbase_watch_value(watch, &fresh.arena, &value, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_value_copy(&value, &fresh.arena, &fresh.value, NULL), PBASE_OK);
    fresh.children = calloc(event->children + 1, sizeof *fresh.children);
    for (uint32_t n = 0; n < event->children; n++) {
        assert_int_equal(pbase_watch_child(watch, n, &fresh.children[n], NULL), PBASE_OK);
    }
    entry before = self->nodes[where].entries[at];
    self->nodes[where].entries[at] = fresh;
    before.key = NULL;
    children_end(self, &before, &fresh);
    entry_fini(&before);
    for (uint32_t n = 0; n < event->children; n++) {
        const pbase_change_child *child = &self->nodes[where].entries[at].children[n];
        bool is_there = node_find(self, child->id) != NULL;
        if (child->is_new && !is_there) {
            (void)node_add(self, child->id, child->kind);
        }
        assert_true(child->is_new || is_there);
    }
}

static void entry_remove(mirror *self, size_t where, size_t at)
{
    entry gone = self->nodes[where].entries[at];
    self->nodes[where].entries[at].key = NULL;
    self->nodes[where].entries[at].children = NULL;
    pbase_arena_init(&self->nodes[where].entries[at].arena, pbase_alloc_default());
    entry_cut(&self->nodes[where], at);
    children_end(self, &gone, NULL);
    entry_fini(&gone);
}

/* ---------------------------------------------------------------------------------- paths ----- */

static const pbase_value *inside(const pbase_value *value, const pbase_value *step)
{
    if (value->kind == PBASE_MAP && step->kind == PBASE_STRING) {
        return pbase_value_field(value, step->as.string);
    }
    bool fits = value->kind == PBASE_LIST && step->kind == PBASE_INT && step->as.integer >= 0 &&
                (size_t)step->as.integer < value->as.list.count;
    return fits ? &value->as.list.items[step->as.integer] : NULL;
}

static const entry *entry_at(const mirror *self, const node *in, const pbase_value *step)
{
    bool found = false;
    if (is_positional(in)) {
        assert_int_equal(step->kind, PBASE_INT);
        assert_true((size_t)step->as.integer < in->count);
        return &in->entries[step->as.integer];
    }
    char *key = json_of(self->space, step);
    size_t at = entry_place(in, key, &found);
    free(key);
    assert_true(found);
    return &in->entries[at];
}

/* Follows a path down from the value of a root or the attributes of an object. */
static pbase_collection_id follow(const mirror *self, const entry *at, const pbase_value *value,
                                  const pbase_value *steps, size_t count)
{
    size_t step = 0;
    for (;;) {
        while (value->kind != PBASE_CHILD) {
            assert_true(step < count);
            value = inside(value, &steps[step++]);
            assert_non_null(value);
        }
        assert_true(value->as.child < at->child_count);
        pbase_collection_id id = at->children[value->as.child].id;
        if (step == count) {
            return id;
        }
        const node *next = node_find(self, id);
        assert_non_null(next);
        at = entry_at(self, next, &steps[step++]);
        value = &at->value;
    }
}

static void check_path(const mirror *self, pbase_watch *watch, const pbase_change *event)
{
    pbase_arena arena;
    pbase_value path;
    bool found = false;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_error err;
    pbase_error_init(&err);
    if (pbase_watch_path(watch, &arena, &path, &err) != PBASE_OK) {
        fail_msg("no path: %s", err.message);
    }
    const pbase_value *steps = path.as.list.items;
    size_t count = path.as.list.count;
    const entry *top = NULL;
    const pbase_value *value = NULL;
    if (event->root[0] != '\0') {
        pbase_value name = pbase_value_text(event->root);
        char *key = json_of(self->space, &name);
        size_t at = entry_place(&self->nodes[ROOTS], key, &found);
        free(key);
        assert_true(found);
        top = &self->nodes[ROOTS].entries[at];
        value = &top->value;
    } else {
        assert_true(count > 0);
        top = entry_at(self, &self->nodes[OBJECTS], steps);
        value = pbase_value_field(&top->value, pbase_bytes_text("value"));
        assert_non_null(value);
        steps++;
        count--;
    }
    pbase_collection_id id = follow(self, top, value, steps, count);
    assert_int_equal(id.sequence, event->collection.sequence);
    assert_int_equal(id.ordinal, event->collection.ordinal);
    pbase_arena_fini(&arena);
}

/* --------------------------------------------------------------------------------- events ----- */

/* What is under a root now: a collection of its own shows as its only child. */
static void apply_root(mirror *self, pbase_watch *watch, const pbase_change *event)
{
    bool found = false;
    pbase_value name = pbase_value_text(event->root);
    char *key = json_of(self->space, &name);
    size_t at = entry_place(&self->nodes[ROOTS], key, &found);
    assert_int_equal(found, event->change != PBASE_CHANGE_CREATED);
    if (event->change == PBASE_CHANGE_DROPPED) {
        entry_remove(self, ROOTS, at);
        free(key);
        return;
    }
    if (found) {
        free(key);
    } else {
        (void)entry_insert(&self->nodes[ROOTS], at, key);
    }
    if (event->kind == 0) {
        entry_set(self, ROOTS, at, watch, event);
        return;
    }
    entry before = self->nodes[ROOTS].entries[at];
    entry *now = &self->nodes[ROOTS].entries[at];
    *now = (entry){.key = before.key, .value = pbase_value_child(0), .child_count = 1};
    pbase_arena_init(&now->arena, pbase_alloc_default());
    now->children = calloc(1, sizeof *now->children);
    now->children[0] = (pbase_change_child){event->collection, event->kind, true};
    before.key = NULL;
    children_end(self, &before, &self->nodes[ROOTS].entries[at]);
    entry_fini(&before);
    if (node_find(self, event->collection) == NULL) {
        (void)node_add(self, event->collection, event->kind);
    }
}

static void apply_list(mirror *self, size_t where, pbase_watch *watch, const pbase_change *event)
{
    node *list = &self->nodes[where];
    size_t at = (size_t)event->index;
    switch (event->change) {
    case PBASE_CHANGE_APPENDED:
        at = list->count;
        (void)entry_insert(list, at, calloc(1, 1));
        entry_set(self, where, at, watch, event);
        break;
    case PBASE_CHANGE_INSERTED:
        (void)entry_insert(list, at, calloc(1, 1));
        entry_set(self, where, at, watch, event);
        break;
    case PBASE_CHANGE_SET:
        entry_set(self, where, at, watch, event);
        break;
    case PBASE_CHANGE_REMOVED_AT:
        entry_remove(self, where, at);
        break;
    default:
        assert_int_equal(event->change, PBASE_CHANGE_REMOVED_RANGE);
        for (uint64_t i = 0; i < event->count; i++) {
            entry_remove(self, where, at);
        }
    }
}

/* The text under which an entry is kept: of a multi-dictionary key and record together. */
static char *key_of(const mirror *self, pbase_watch *watch, const pbase_change *event)
{
    pbase_arena arena;
    pbase_value parts[2], both;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_watch_key(watch, &arena, &parts[0], NULL), PBASE_OK);
    both = parts[0];
    if (event->kind == PBASE_COLLECTION_MULTI_DICT) {
        assert_int_equal(pbase_watch_value(watch, &arena, &parts[1], NULL), PBASE_OK);
        both = pbase_value_list(parts, 2);
    }
    char *key = json_of(self->space, &both);
    pbase_arena_fini(&arena);
    return key;
}

static void apply_keyed(mirror *self, size_t where, pbase_watch *watch, const pbase_change *event)
{
    bool found = false;
    node *at = &self->nodes[where];
    char *key = key_of(self, watch, event);
    size_t place = entry_place(at, key, &found);
    if (event->change == PBASE_CHANGE_REMOVED || event->change == PBASE_CHANGE_TAKEN) {
        uint64_t taken = event->change == PBASE_CHANGE_TAKEN ? event->count : UINT64_MAX;
        assert_true(found || event->change == PBASE_CHANGE_REMOVED);
        if (found && at->entries[place].count > taken) {
            at->entries[place].count -= taken;
        } else if (found) {
            entry_remove(self, where, place);
        }
        free(key);
        return;
    }
    if (found) {
        free(key);
    } else {
        (void)entry_insert(at, place, key);
    }
    if (event->change == PBASE_CHANGE_PUT) {
        entry_set(self, where, place, watch, event);
        return;
    }
    assert_int_equal(event->change, PBASE_CHANGE_ADDED);
    entry *item = &at->entries[place];
    item->count = at->kind == PBASE_COLLECTION_SET ? 0 : item->count + event->count;
}

void mirror_apply(mirror *self, pbase_watch *watch, const pbase_change *event)
{
    bool of_root = event->change <= PBASE_CHANGE_REPLACED && !event->is_bulk;
    if (event->place == PBASE_IN_DATABASE || event->change >= PBASE_CHANGE_INDEX_CREATED) {
        return;
    }
    if (of_root) {
        apply_root(self, watch, event);
        return;
    }
    node *at = event->place == PBASE_IN_OBJECTS ? &self->nodes[OBJECTS]
                                                : node_find(self, event->collection);
    assert_non_null(at);
    assert_int_equal(at->kind, event->kind);
    if (event->place != PBASE_IN_OBJECTS) {
        check_path(self, watch, event);
    }
    size_t where = (size_t)(at - self->nodes);
    if (event->change == PBASE_CHANGE_REPLACED) {
        while (self->nodes[where].count > 0) {
            entry_remove(self, where, self->nodes[where].count - 1);
        }
    } else if (is_positional(at)) {
        apply_list(self, where, watch, event);
    } else {
        apply_keyed(self, where, watch, event);
    }
}

/* --------------------------------------------------------------------------------- texts ------ */

static void add(pbase_buffer *out, const char *text)
{
    assert_int_equal(pbase_buffer_append_bytes(out, pbase_bytes_text(text), NULL), PBASE_OK);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entries in the order of their texts, of lists as they come; takes the texts. */
static void print_texts(int kind, char **texts, size_t count, pbase_buffer *out)
{
    if (kind != PBASE_COLLECTION_LIST && count > 1) {
        qsort(texts, count, sizeof *texts, compare_texts);
    }
    add(out, pbase_collection_kind_name(kind));
    add(out, "{");
    for (size_t i = 0; i < count; i++) {
        add(out, texts[i]);
        free(texts[i]);
    }
    add(out, "}");
    free(texts);
}

/* The text of a buffer, which ends. */
static char *taken(pbase_buffer *text)
{
    assert_int_equal(pbase_buffer_append_u8(text, 0, NULL), PBASE_OK);
    char *copy = strdup((const char *)text->data);
    assert_non_null(copy);
    pbase_buffer_fini(text);
    return copy;
}

static void print_entry(const mirror *self, const entry *of, const node *in, pbase_buffer *out);

static void print_node(const mirror *self, const node *of, pbase_buffer *out)
{
    char **texts = calloc(of->count + 1, sizeof *texts);
    assert_non_null(texts);
    for (size_t i = 0; i < of->count; i++) {
        pbase_buffer text;
        pbase_buffer_init(&text, pbase_alloc_default());
        print_entry(self, &of->entries[i], of, &text);
        texts[i] = taken(&text);
    }
    print_texts((int)of->kind, texts, of->count, out);
}

static void print_entry(const mirror *self, const entry *of, const node *in, pbase_buffer *out)
{
    char count[32];
    bool counted =
        in->kind == PBASE_COLLECTION_COUNTED_SET || in->kind == PBASE_COLLECTION_MULTI_DICT;
    bool has_value = is_positional(in) || in->kind == PBASE_COLLECTION_DICT ||
                     in->kind == PBASE_COLLECTION_HASH_DICT;
    add(out, of->key);
    (void)snprintf(count, sizeof count, " x%llu", (unsigned long long)of->count);
    add(out, counted ? count : "");
    if (has_value) {
        char *value = json_of(self->space, &of->value);
        add(out, "=");
        add(out, value);
        free(value);
    }
    for (uint32_t n = 0; n < of->child_count; n++) {
        const node *child = node_find(self, of->children[n].id);
        assert_non_null(child);
        add(out, " ");
        print_node(self, child, out);
    }
    add(out, "\n");
}

void mirror_print(const mirror *self, const char *root, pbase_buffer *out)
{
    char *wanted = NULL;
    if (root != NULL) {
        pbase_value name = pbase_value_text(root);
        wanted = json_of(self->space, &name);
    }
    const node *roots = &self->nodes[ROOTS];
    for (size_t i = 0; i < roots->count; i++) {
        if (wanted == NULL || strcmp(wanted, roots->entries[i].key) == 0) {
            print_entry(self, &roots->entries[i], roots, out);
        }
    }
    if (root == NULL) {
        print_node(self, &self->nodes[OBJECTS], out);
    }
    free(wanted);
}

/* ------------------------------------------------------------------------------- snapshots ---- */

typedef struct {
    pbase_space *space;
    const pbase_snapshot *snapshot;
    const char *root;
    pbase_buffer *out;
} printer;

static void print_collection(pbase_space *space, pbase_collection *of, pbase_buffer *out);

/* Opens the n-th child of what is printed. */
typedef pbase_status (*open_child)(void *state, uint64_t n, pbase_collection **out);

static void print_children(pbase_space *space, const pbase_value *value, open_child open,
                           void *state, uint64_t *next, pbase_buffer *out);

static void print_child_number(pbase_space *space, open_child open, void *state, uint64_t n,
                               pbase_buffer *out)
{
    pbase_collection *child = NULL;
    assert_int_equal(open(state, n, &child), PBASE_OK);
    add(out, " ");
    print_collection(space, child, out);
    pbase_collection_close(child);
}

static uint64_t count_children(const pbase_value *value)
{
    uint64_t count = value->kind == PBASE_CHILD;
    for (size_t i = 0; value->kind == PBASE_MAP && i < value->as.map.count; i++) {
        count += count_children(&value->as.map.fields[i].value);
    }
    for (size_t i = 0; value->kind == PBASE_LIST && i < value->as.list.count; i++) {
        count += count_children(&value->as.list.items[i]);
    }
    return count;
}

static void print_children(pbase_space *space, const pbase_value *value, open_child open,
                           void *state, uint64_t *next, pbase_buffer *out)
{
    for (uint64_t count = count_children(value); *next < count; ++*next) {
        print_child_number(space, open, state, *next, out);
    }
}

static pbase_status open_of_cursor(void *state, uint64_t n, pbase_collection **out)
{
    return pbase_cursor_child(state, n, out, NULL);
}

/* One entry as the mirror prints it. */
static char *text_of_entry(pbase_space *space, pbase_cursor *cursor, int kind)
{
    pbase_value parts[2], lent, shown;
    pbase_arena arena;
    pbase_buffer text;
    uint64_t times = 0, next = 0;
    char count[32];
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&text, pbase_alloc_default());
    bool positional = kind == PBASE_COLLECTION_LIST;
    bool multi = kind == PBASE_COLLECTION_MULTI_DICT;
    assert_int_equal(pbase_cursor_key(cursor, &lent, NULL), PBASE_OK);
    assert_int_equal(pbase_value_copy(&lent, &arena, &parts[0], NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_value(cursor, &lent, NULL), PBASE_OK);
    assert_int_equal(pbase_value_copy(&lent, &arena, &parts[1], NULL), PBASE_OK);
    shown = multi ? pbase_value_list(parts, 2) : parts[0];
    char *key = json_of(space, &shown);
    add(&text, positional ? "" : key);
    free(key);
    if (multi || kind == PBASE_COLLECTION_COUNTED_SET) {
        assert_int_equal(pbase_cursor_count(cursor, &times, NULL), PBASE_OK);
        (void)snprintf(count, sizeof count, " x%llu", (unsigned long long)times);
        add(&text, count);
    }
    if (positional || kind == PBASE_COLLECTION_DICT || kind == PBASE_COLLECTION_HASH_DICT) {
        char *value = json_of(space, &parts[1]);
        add(&text, "=");
        add(&text, value);
        free(value);
        print_children(space, &parts[1], open_of_cursor, cursor, &next, &text);
    }
    add(&text, "\n");
    pbase_arena_fini(&arena);
    return taken(&text);
}

static void print_collection(pbase_space *space, pbase_collection *of, pbase_buffer *out)
{
    uint64_t count = 0;
    pbase_cursor *cursor = NULL;
    int kind = pbase_collection_kind(of);
    assert_int_equal(pbase_collection_count(of, &count, NULL), PBASE_OK);
    assert_int_equal(pbase_collection_cursor(of, &cursor, NULL), PBASE_OK);
    char **texts = calloc(2 * count + 1, sizeof *texts);
    size_t got = 0;
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        texts[got++] = text_of_entry(space, cursor, kind);
        assert_true(got <= 2 * count);
    }
    print_texts(kind, texts, got, out);
    pbase_cursor_close(cursor);
}

/* Paths to the children of a plain value at the root, found by going through it. */
static void print_root_children(printer *self, const char *name, const pbase_value *value,
                                pbase_value *steps, size_t depth)
{
    pbase_collection *child = NULL;
    if (value->kind == PBASE_CHILD) {
        assert_int_equal(pbase_snapshot_at(self->snapshot, name, steps, depth, &child, NULL),
                         PBASE_OK);
        add(self->out, " ");
        print_collection(self->space, child, self->out);
        pbase_collection_close(child);
    }
    for (size_t i = 0; value->kind == PBASE_MAP && i < value->as.map.count; i++) {
        steps[depth] = pbase_value_string(value->as.map.fields[i].name);
        print_root_children(self, name, &value->as.map.fields[i].value, steps, depth + 1);
    }
    for (size_t i = 0; value->kind == PBASE_LIST && i < value->as.list.count; i++) {
        steps[depth] = pbase_value_int((int64_t)i);
        print_root_children(self, name, &value->as.list.items[i], steps, depth + 1);
    }
}

static pbase_status print_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    printer *self = state;
    pbase_arena arena;
    pbase_collection *held = NULL;
    pbase_value name = pbase_value_string(root->name), value = pbase_value_child(0), steps[16];
    char text[256];
    (void)snprintf(text, sizeof text, "%.*s", (int)root->name.size, (const char *)root->name.data);
    if (self->root != NULL && strcmp(self->root, text) != 0) {
        return PBASE_OK;
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_at(self->snapshot, text, NULL, 0, &held, err);
    if (status == PBASE_INVALID) { /* a plain value */
        status = pbase_snapshot_value(self->snapshot, text, &arena, &value, err);
    }
    assert_int_equal(status, PBASE_OK);
    char *key = json_of(self->space, &name), *shown = json_of(self->space, &value);
    add(self->out, key);
    add(self->out, "=");
    add(self->out, shown);
    if (held != NULL) {
        add(self->out, " ");
        print_collection(self->space, held, self->out);
        pbase_collection_close(held);
    } else {
        print_root_children(self, text, &value, steps, 0);
    }
    add(self->out, "\n");
    free(key);
    free(shown);
    pbase_arena_fini(&arena);
    return PBASE_OK;
}

typedef struct {
    const pbase_snapshot *snapshot;
    pbase_object_id id;
} object_place;

static pbase_status open_of_object(void *state, uint64_t n, pbase_collection **out)
{
    const object_place *at = state;
    return pbase_snapshot_object_child(at->snapshot, at->id, n, out, NULL);
}

typedef struct {
    printer base;
    char **texts;
    size_t count;
} object_printer;

static pbase_status print_object(void *state, const pbase_object *object, pbase_error *err)
{
    object_printer *self = state;
    object_place at = {self->base.snapshot, object->id};
    pbase_field fields[] = {{pbase_bytes_text("class"), pbase_value_string(object->class_name)},
                            {pbase_bytes_text("value"), object->attributes}};
    pbase_value id = pbase_value_reference(object->id), value = pbase_value_map(fields, 2);
    pbase_buffer text;
    uint64_t next = 0;
    (void)err;
    pbase_buffer_init(&text, pbase_alloc_default());
    char *key = json_of(self->base.space, &id), *shown = json_of(self->base.space, &value);
    add(&text, key);
    add(&text, "=");
    add(&text, shown);
    print_children(self->base.space, &value, open_of_object, &at, &next, &text);
    add(&text, "\n");
    self->texts = realloc(self->texts, (self->count + 1) * sizeof *self->texts);
    assert_non_null(self->texts);
    self->texts[self->count++] = taken(&text);
    free(key);
    free(shown);
    return PBASE_OK;
}

void mirror_print_snapshot(pbase_space *space, const pbase_snapshot *snapshot, const char *root,
                           pbase_buffer *out)
{
    printer self = {space, snapshot, root, out};
    object_printer objects = {.base = self};
    assert_int_equal(pbase_snapshot_roots(snapshot, print_root, &self, NULL), PBASE_OK);
    if (root != NULL) {
        return;
    }
    assert_int_equal(pbase_snapshot_object_each(snapshot, NULL, print_object, &objects, NULL),
                     PBASE_OK);
    print_texts(PBASE_COLLECTION_DICT, objects.texts, objects.count, out);
}
