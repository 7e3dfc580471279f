/* test_watch.c - whoever applies what a watch tells to nothing has the database: random changes of every
 * kind of collection, in one another, in documents and objects, large and small, between checkpoints and
 * reopenings; told as they happen, after the fact, in pieces, and of one root alone. */
#include "seed.h"
#include "space_fixture.h"
#include "watch_mirror.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OK(call) assert_int_equal(call, PBASE_OK)

/* A large transaction may refuse to hold collections in one another (LIMIT); it is then as before. */
#define FITS(call)                                                                                 \
    do {                                                                                           \
        pbase_status said = call;                                                                  \
        assert_true(said == PBASE_OK || said == PBASE_LIMIT);                                      \
    } while (0)

static space_fixture f;

static int begin(void **unused)
{
    temp_dir dir;
    (void)unused;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.retention_bytes=1GiB");
    fixture_open(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

/* -------------------------------------------------------------------------------- changes ----- */

static const char *const roots[] = {"a", "b", "c", "d"};
#define ROOTS 4u

typedef struct {
    seed_random *random;
    pbase_txn *txn;
    pbase_arena arena;
    pbase_collection *made[256]; /* handles in values under way */
    size_t made_count;
} changes;

static uint64_t below(changes *self, uint64_t bound)
{
    return seed_below(self->random, bound);
}

static pbase_collection *new_collection(changes *self, int kind)
{
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_hash_dict *hash = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_counted_set *counted = NULL;
    switch (kind) {
    case PBASE_COLLECTION_DICT:
        OK(pbase_txn_new_dict(self->txn, &dict, NULL));
        return (pbase_collection *)(void *)dict;
    case PBASE_COLLECTION_LIST:
        OK(pbase_txn_new_list(self->txn, &list, NULL));
        return (pbase_collection *)(void *)list;
    case PBASE_COLLECTION_SET:
        OK(pbase_txn_new_set(self->txn, &set, NULL));
        return (pbase_collection *)(void *)set;
    case PBASE_COLLECTION_HASH_DICT:
        OK(pbase_txn_new_hash_dict(self->txn, &hash, NULL));
        return (pbase_collection *)(void *)hash;
    case PBASE_COLLECTION_MULTI_DICT:
        OK(pbase_txn_new_multi_dict(self->txn, &multi, NULL));
        return (pbase_collection *)(void *)multi;
    default:
        OK(pbase_txn_new_counted_set(self->txn, &counted, NULL));
        return (pbase_collection *)(void *)counted;
    }
}

static void edit(changes *self, pbase_collection **held, unsigned depth);

/* A new collection of any kind with a few entries; closed with the others. */
static pbase_value random_collection(changes *self, unsigned depth)
{
    pbase_collection *made = new_collection(self, 1 + (int)below(self, 6));
    for (uint64_t i = below(self, 4); i > 0; i--) {
        edit(self, &made, depth);
    }
    assert_true(self->made_count < sizeof self->made / sizeof self->made[0]);
    self->made[self->made_count++] = made;
    return pbase_value_of_collection(made);
}

static void close_made(changes *self)
{
    while (self->made_count > 0) {
        pbase_collection_close(self->made[--self->made_count]);
    }
}

static pbase_value plain_value(changes *self)
{
    if (below(self, 12) == 0) { /* long: not inline */
        char *text = pbase_arena_array(&self->arena, 701, 1);
        memset(text, 'v', 700);
        text[700] = '\0';
        return pbase_value_text(text);
    }
    return pbase_value_int((int64_t)below(self, 1000));
}

static pbase_value random_value(changes *self, unsigned depth)
{
    uint64_t choice = below(self, depth == 0 ? 1 : 5);
    pbase_field *fields = pbase_arena_array(&self->arena, 3, sizeof *fields);
    pbase_value *items = pbase_arena_array(&self->arena, 2, sizeof *items);
    switch (choice) {
    case 1:
        return random_collection(self, depth - 1);
    case 2: /* collections in a document and in a list in it */
        items[0] = pbase_value_int(1);
        items[1] = below(self, 2) == 0 ? random_collection(self, depth - 1) : pbase_value_null();
        fields[0] = (pbase_field){pbase_bytes_text("c"), random_collection(self, depth - 1)};
        fields[1] = (pbase_field){pbase_bytes_text("n"), plain_value(self)};
        fields[2] = (pbase_field){pbase_bytes_text("l"), pbase_value_list(items, 2)};
        return pbase_value_map(fields, 3);
    default:
        return plain_value(self);
    }
}

static pbase_value random_key(changes *self)
{
    uint64_t key = below(self, 12);
    if (key == 11) { /* longer than a link keeps */
        char *text = pbase_arena_array(&self->arena, 402, 1);
        memset(text, 'k', 400);
        text[400] = (char)('0' + below(self, 3));
        text[401] = '\0';
        return pbase_value_text(text);
    }
    return pbase_value_int((int64_t)key);
}

/* The document under a key again, its collections kept under other names of fields. */
static bool keep_document(changes *self, pbase_dict **dict, const pbase_value *key)
{
    pbase_value now;
    pbase_field *fields = pbase_arena_array(&self->arena, 3, sizeof *fields);
    if (pbase_dict_get(*dict, key, &self->arena, &now, NULL) != PBASE_OK || now.kind != PBASE_MAP ||
        now.as.map.count != 3) {
        return false;
    }
    fields[0] = now.as.map.fields[2];
    fields[1] = now.as.map.fields[0];
    fields[2] = (pbase_field){pbase_bytes_text("n"), plain_value(self)};
    fields[1].name = below(self, 2) == 0 ? pbase_bytes_text("c") : pbase_bytes_text("other");
    if (now.as.map.fields[1].value.kind == PBASE_CHILD ||
        now.as.map.fields[1].value.kind == PBASE_LIST) {
        return false; /* was turned around before */
    }
    pbase_value document = pbase_value_map(fields, 3);
    FITS(pbase_dict_put(dict, key, &document, NULL, NULL));
    return true;
}

static void edit_dict(changes *self, pbase_dict **dict, unsigned depth)
{
    pbase_value key = random_key(self);
    if (below(self, 3) == 0) {
        FITS(pbase_dict_remove(dict, &key, NULL, NULL));
    } else if (below(self, 3) != 0 || !keep_document(self, dict, &key)) {
        pbase_value value = random_value(self, depth);
        FITS(pbase_dict_put(dict, &key, &value, NULL, NULL));
    }
}

static void edit_hash(changes *self, pbase_hash_dict **dict, unsigned depth)
{
    pbase_field fields[] = {{pbase_bytes_text("k"), pbase_value_int((int64_t)below(self, 5))}};
    pbase_value key = below(self, 2) == 0 ? random_key(self) : pbase_value_map(fields, 1);
    if (below(self, 3) == 0) {
        FITS(pbase_hash_dict_remove(dict, &key, NULL, NULL));
    } else {
        pbase_value value = random_value(self, depth);
        FITS(pbase_hash_dict_put(dict, &key, &value, NULL, NULL));
    }
}

static void edit_list(changes *self, pbase_list **list, unsigned depth)
{
    uint64_t count = 0;
    OK(pbase_list_count(*list, &count, NULL));
    uint64_t choice = count == 0 ? 0 : below(self, 6);
    int64_t index = count == 0 ? 0 : (int64_t)below(self, count);
    if (choice == 1) {
        FITS(pbase_list_remove(list, index, NULL, NULL));
        return;
    }
    if (choice == 2 && below(self, 3) == 0) {
        FITS(pbase_list_remove_range(list, index, (int64_t)count, NULL, NULL));
        return;
    }
    pbase_value value = random_value(self, depth);
    switch (choice) {
    case 3:
        FITS(pbase_list_set(list, index, &value, NULL));
        break;
    case 4:
    case 5:
        FITS(pbase_list_insert(list, index, &value, NULL));
        break;
    default:
        FITS(pbase_list_append(list, &value, NULL));
    }
}

static void edit_bag(changes *self, pbase_collection *held)
{
    pbase_set *set = pbase_collection_set(held);
    pbase_counted_set *counted = pbase_collection_counted_set(held);
    pbase_multi_dict *multi = pbase_collection_multi_dict(held);
    pbase_value key = random_key(self), record = plain_value(self);
    bool removes = below(self, 3) == 0;
    uint64_t times = 1 + below(self, 3);
    if (set != NULL) {
        FITS(removes ? pbase_set_remove(&set, &key, NULL, NULL)
                     : pbase_set_add(&set, &key, NULL, NULL));
    } else if (counted != NULL) {
        FITS(removes ? pbase_counted_set_remove(&counted, &key, times, NULL, NULL)
                     : pbase_counted_set_add(&counted, &key, times, NULL, NULL));
    } else {
        assert_non_null(multi);
        record = pbase_value_int((int64_t)below(self, 4));
        FITS(removes ? pbase_multi_dict_remove(&multi, &key, &record, times, NULL, NULL)
                     : pbase_multi_dict_add(&multi, &key, &record, times, NULL, NULL));
    }
}

/* One change; the handle stays the same object under its own type. */
static void edit(changes *self, pbase_collection **held, unsigned depth)
{
    pbase_dict *dict = pbase_collection_dict(*held);
    pbase_hash_dict *hash = pbase_collection_hash_dict(*held);
    pbase_list *list = pbase_collection_list(*held);
    if (dict != NULL) {
        edit_dict(self, &dict, depth);
        *held = (pbase_collection *)(void *)dict;
    } else if (hash != NULL) {
        edit_hash(self, &hash, depth);
        *held = (pbase_collection *)(void *)hash;
    } else if (list != NULL) {
        edit_list(self, &list, depth);
        *held = (pbase_collection *)(void *)list;
    } else {
        edit_bag(self, *held);
    }
}

#define STEPS_MAX 32u
typedef struct {
    pbase_value items[STEPS_MAX];
    size_t count;
} steps;

/* Adds the steps inside a value to one of its children; false: it has none. */
static bool steps_to_child(changes *self, const pbase_value *value, steps *path)
{
    if (value->kind == PBASE_CHILD) {
        return true;
    }
    for (size_t i = 0; value->kind == PBASE_MAP && i < value->as.map.count; i++) {
        pbase_value name;
        pbase_value lent = pbase_value_string(value->as.map.fields[i].name);
        OK(pbase_value_copy(&lent, &self->arena, &name, NULL));
        path->items[path->count++] = name;
        if (below(self, 3) != 0 && steps_to_child(self, &value->as.map.fields[i].value, path)) {
            return true;
        }
        path->count--;
    }
    for (size_t i = 0; value->kind == PBASE_LIST && i < value->as.list.count; i++) {
        path->items[path->count++] = pbase_value_int((int64_t)i);
        if (steps_to_child(self, &value->as.list.items[i], path)) {
            return true;
        }
        path->count--;
    }
    return false;
}

/* Goes on from a collection to one in it, at random; false: stays. */
static bool go_down(changes *self, const pbase_collection *at, steps *path)
{
    int kind = pbase_collection_kind(at);
    uint64_t count = 0;
    pbase_cursor *cursor = NULL;
    pbase_value key, value;
    if ((kind != PBASE_COLLECTION_DICT && kind != PBASE_COLLECTION_LIST &&
         kind != PBASE_COLLECTION_HASH_DICT) ||
        path->count + 6 > STEPS_MAX || below(self, 5) == 0) {
        return false;
    }
    OK(pbase_collection_count(at, &count, NULL));
    if (count == 0) {
        return false;
    }
    OK(pbase_collection_cursor(at, &cursor, NULL));
    for (uint64_t i = 1 + below(self, count); i > 0; i--) {
        OK(pbase_cursor_next(cursor, NULL));
    }
    OK(pbase_cursor_key(cursor, &key, NULL));
    OK(pbase_value_copy(&key, &self->arena, &path->items[path->count++], NULL));
    OK(pbase_cursor_value(cursor, &value, NULL));
    size_t before = path->count;
    bool found = steps_to_child(self, &value, path);
    path->count = found ? path->count : before - 1;
    pbase_cursor_close(cursor);
    return found;
}

/* A collection somewhere below a root, opened; NULL: the root is a plain value without any. */
static pbase_collection *random_place(changes *self, const char *root, steps *path)
{
    pbase_collection *at = NULL, *next = NULL;
    pbase_value value;
    path->count = 0;
    if (pbase_txn_at(self->txn, root, NULL, 0, &at, NULL) != PBASE_OK) {
        OK(pbase_txn_value(self->txn, root, &self->arena, &value, NULL));
        if (!steps_to_child(self, &value, path)) {
            return NULL;
        }
        OK(pbase_txn_at(self->txn, root, path->items, path->count, &at, NULL));
    }
    while (go_down(self, at, path)) {
        OK(pbase_txn_at(self->txn, root, path->items, path->count, &next, NULL));
        pbase_collection_close(at);
        at = next;
    }
    return at;
}

static bool has_root(changes *self, const char *root)
{
    pbase_value value;
    pbase_collection *held = NULL;
    pbase_status status = pbase_txn_at(self->txn, root, NULL, 0, &held, NULL);
    pbase_collection_close(held);
    return status == PBASE_OK ||
           pbase_txn_value(self->txn, root, &self->arena, &value, NULL) == PBASE_OK;
}

static void change_root(changes *self, const char *root)
{
    pbase_value value = random_value(self, 3);
    if (below(self, 6) == 0 && has_root(self, root)) {
        OK(pbase_txn_drop_root(self->txn, root, NULL));
    } else if (value.kind == PBASE_HANDLE) {
        FITS(pbase_txn_store(self->txn, root, self->made[self->made_count - 1], NULL));
    } else {
        FITS(pbase_txn_store_value(self->txn, root, &value, NULL));
    }
}

static void change_place(changes *self, const char *root)
{
    steps path;
    pbase_collection *held = random_place(self, root, &path);
    if (held == NULL) {
        change_root(self, root);
        return;
    }
    unsigned depth = path.count < 8 ? 2 : 0;
    for (uint64_t i = 1 + below(self, 3); i > 0; i--) {
        edit(self, &held, depth);
    }
    const char *to = root;
    if (below(self, 10) == 0) { /* a copy at the top of another root, or of this one */
        to = roots[below(self, ROOTS)];
        path.count = 0;
    }
    FITS(pbase_txn_store_at(self->txn, to, path.items, path.count, held, NULL));
    pbase_collection_close(held);
}

static pbase_object_id ids[16];
static size_t id_count;

static void change_objects(changes *self)
{
    pbase_collection *held = NULL;
    pbase_object object;
    bool removed = false;
    if (id_count < 16 && below(self, 3) == 0) {
        pbase_field fields[] = {{pbase_bytes_text("n"), plain_value(self)},
                                {pbase_bytes_text("c"), random_collection(self, 1)}};
        pbase_value attributes = pbase_value_map(fields, 2);
        FITS(pbase_object_create(self->txn, below(self, 2) == 0 ? "Person" : "Thing", &attributes,
                                 &ids[id_count++], NULL));
        return;
    }
    pbase_object_id id = id_count == 0 ? (pbase_object_id){{0}} : ids[below(self, id_count)];
    if (below(self, 6) == 0) {
        OK(pbase_object_remove(self->txn, id, &removed, NULL));
    } else if (pbase_object_get(self->txn, id, &self->arena, &object, NULL) == PBASE_OK) {
        OK(pbase_object_child(self->txn, id, 0, &held, NULL));
        edit(self, &held, 1);
        pbase_field fields[] = {{pbase_bytes_text("c"), pbase_value_of_collection(held)},
                                {pbase_bytes_text("n"), plain_value(self)}};
        pbase_value attributes = pbase_value_map(fields, 2);
        FITS(pbase_object_put(self->txn, id, &attributes, NULL));
        pbase_collection_close(held);
    }
}

/* So many entries that their operations are not kept. */
static void make_bulk(changes *self)
{
    pbase_collection *made = new_collection(self, 1 + (int)below(self, 6));
    for (int i = 0; i < 60; i++) {
        edit(self, &made, 0);
    }
    FITS(pbase_txn_store(self->txn, roots[below(self, ROOTS)], made, NULL));
    pbase_collection_close(made);
}

static void change_something(changes *self)
{
    const char *root = roots[below(self, ROOTS)];
    if (below(self, 6) == 0) {
        change_objects(self);
    } else if (below(self, 20) == 0) {
        make_bulk(self);
    } else if (!has_root(self, root) || below(self, 12) == 0) {
        change_root(self, root);
    } else {
        change_place(self, root);
    }
    close_made(self);
}

static void random_commit(seed_random *random)
{
    pbase_error err;
    pbase_txn_options options = pbase_txn_options_default();
    changes self = {.random = random};
    pbase_error_init(&err);
    pbase_arena_init(&self.arena, pbase_alloc_default());
    size_t ids_before = id_count;
    if (seed_below(random, 8) == 0) {
        options.log_bytes_max = 300;
        options.memory_bytes_max = 1;
    }
    OK(pbase_txn_begin(f.database, &options, &self.txn, NULL));
    for (uint64_t i = 1 + seed_below(random, 5); i > 0; i--) {
        change_something(&self);
    }
    pbase_status status = pbase_txn_commit(&self.txn, NULL, NULL, &err);
    if (status == PBASE_LIMIT) { /* a collection with others in it cannot be adopted whole */
        id_count = ids_before;
    } else {
        assert_ok(status, &err);
    }
    pbase_txn_abort(&self.txn);
    pbase_arena_fini(&self.arena);
}

/* -------------------------------------------------------------------------------- watching ---- */

typedef struct {
    mirror *copy;
    pbase_watch *watch;
    const char *root;
    uint64_t done;
} follower;

static void follower_open(follower *self, uint64_t from)
{
    pbase_error err;
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    pbase_error_init(&err);
    options.root = self->root;
    options.from = from;
    pbase_status status = pbase_watch_open(f.space, f.database, &options, &self->watch, &err);
    assert_ok(status, &err);
}

/* What was met, so that a run that met nothing does not pass for a good one. */
static struct {
    uint64_t nested, deep, in_objects, bulk, kept;
} met;

static void note(pbase_watch *watch, const pbase_change *event)
{
    pbase_arena arena;
    pbase_value path;
    pbase_change_child child;
    pbase_arena_init(&arena, pbase_alloc_default());
    if (event->place == PBASE_IN_NESTED) {
        OK(pbase_watch_path(watch, &arena, &path, NULL));
        met.nested++;
        met.deep += path.as.list.count > 3;
        met.in_objects += event->root[0] == '\0';
    }
    for (uint32_t n = 0; n < event->children; n++) {
        OK(pbase_watch_child(watch, n, &child, NULL));
        met.kept += !child.is_new;
    }
    met.bulk += event->is_bulk && event->change != PBASE_CHANGE_REPLACED;
    pbase_arena_fini(&arena);
}

static follower follower_begin(const char *root)
{
    follower self = {.copy = mirror_create(f.space), .root = root, .done = 0};
    follower_open(&self, 1);
    return self;
}

static void follower_end(follower *self)
{
    pbase_watch_close(self->watch);
    mirror_destroy(self->copy);
}

static void compare_at(const follower *self, uint64_t sequence)
{
    pbase_error err;
    pbase_buffer told, held;
    pbase_snapshot *then = NULL;
    pbase_moment at = pbase_moment_of_sequence(sequence);
    pbase_error_init(&err);
    pbase_buffer_init(&told, pbase_alloc_default());
    pbase_buffer_init(&held, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open_at(f.database, &at, NULL, &then, &err);
    assert_ok(status, &err);
    mirror_print(self->copy, self->root, &told);
    mirror_print_snapshot(f.space, then, self->root, &held);
    OK(pbase_buffer_append_u8(&told, 0, NULL));
    OK(pbase_buffer_append_u8(&held, 0, NULL));
    assert_string_equal((const char *)told.data, (const char *)held.data);
    pbase_snapshot_close(then);
    pbase_buffer_fini(&told);
    pbase_buffer_fini(&held);
}

/* Takes in what there is; between commits it may close the watch and begin behind again, and compares
 * one commit in `often`. */
static void follow_up(follower *self, seed_random *random, uint64_t often)
{
    pbase_error err;
    const pbase_change *event = NULL;
    pbase_call now = {.deadline_ns = 1};
    pbase_error_init(&err);
    pbase_status status = pbase_watch_next(self->watch, &now, &event, &err);
    while (status == PBASE_OK) {
        bool is_last = event->is_last;
        note(self->watch, event);
        mirror_apply(self->copy, self->watch, event);
        self->done = is_last ? event->sequence : self->done;
        if (is_last && seed_below(random, often) == 0) {
            compare_at(self, self->done);
        }
        if (is_last && seed_below(random, 10) == 0) {
            pbase_watch_close(self->watch);
            follower_open(self, self->done + 1);
        }
        status = pbase_watch_next(self->watch, &now, &event, &err);
    }
    if (status != PBASE_TIMEOUT) {
        assert_ok(status, &err);
    }
    self->done = pbase_watch_sequence(self->watch);
}

static void reopen(follower *live)
{
    pbase_watch_close(live->watch);
    fixture_reopen(&f);
    mirror_move(live->copy, f.space);
    follower_open(live, live->done + 1);
}

static void whoever_applies_what_is_told_has_the_database(void **unused)
{
    (void)unused;
    seed_random random;
    pbase_history_range range;
    seed_random_init(&random, seed_for("whoever_applies_what_is_told_has_the_database"));
    unsigned rounds = seed_is_long_run() ? 6000 : 400;
    id_count = 0;
    follower live = follower_begin(NULL);
    for (unsigned i = 0; i < rounds; i++) {
        random_commit(&random);
        if (seed_below(&random, 4) == 0) {
            follow_up(&live, &random, 10);
        }
        if (seed_below(&random, 30) == 0) {
            OK(pbase_space_checkpoint(f.space, NULL, NULL));
        }
        if (seed_below(&random, 60) == 0) {
            reopen(&live);
        }
    }
    follow_up(&live, &random, 10);
    OK(pbase_history_describe(f.space, &range, NULL));
    compare_at(&live, range.newest_sequence);
    follower_end(&live);
    follower later = follower_begin(NULL);
    follow_up(&later, &random, 8);
    compare_at(&later, range.newest_sequence);
    follower_end(&later);
    print_message("%llu events in nested collections, %llu of them deep, %llu below objects; %llu "
                  "entries that came whole; %llu collections kept\n",
                  (unsigned long long)met.nested, (unsigned long long)met.deep,
                  (unsigned long long)met.in_objects, (unsigned long long)met.bulk,
                  (unsigned long long)met.kept);
    assert_true(met.nested > 0 && met.deep > 0 && met.in_objects > 0 && met.bulk > 0);
    for (unsigned i = 0; i < ROOTS; i++) {
        follower one = follower_begin(roots[i]);
        follow_up(&one, &random, 20);
        compare_at(&one, range.newest_sequence);
        follower_end(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whoever_applies_what_is_told_has_the_database, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
