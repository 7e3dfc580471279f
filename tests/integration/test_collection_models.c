/* test_collection_models.c - every kind of collection against a plain array, through transactions that
 * commit or are aborted, with checkpoints, reopening, and snapshots that are compared much later. */
#include "seed.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { CELLS = 600, RECORDS = 20, MISSING = -1 };

/* A key's value or count; of a multi-dictionary cell key * RECORDS + record; of a list the elements.
 * MISSING: there is no such key, of the kinds that hold values. */
typedef struct {
    int64_t cells[CELLS];
    size_t count; /* of a list */
} model;

typedef struct {
    int kind; /* PBASE_COLLECTION_* */
    union {
        pbase_dict *dict;
        pbase_list *list;
        pbase_set *set;
        pbase_hash_dict *hash_dict;
        pbase_multi_dict *multi_dict;
        pbase_counted_set *counted_set;
    } as;
} handle;

static space_fixture f;
static seed_random random_numbers;

static uint64_t draw(uint64_t bound)
{
    return seed_below(&random_numbers, bound);
}

#define MUST(call) assert_int_equal((call), PBASE_OK)

/* ---------------------------------------------------------------------------------- handles ---- */

/* A switch over the kinds: `verb` is the name of a function without the kind. */
#define EACH(h, call)                                                                              \
    switch ((h)->kind) {                                                                           \
    case PBASE_COLLECTION_DICT:                                                                    \
        call(dict);                                                                                \
        break;                                                                                     \
    case PBASE_COLLECTION_LIST:                                                                    \
        call(list);                                                                                \
        break;                                                                                     \
    case PBASE_COLLECTION_SET:                                                                     \
        call(set);                                                                                 \
        break;                                                                                     \
    case PBASE_COLLECTION_HASH_DICT:                                                               \
        call(hash_dict);                                                                           \
        break;                                                                                     \
    case PBASE_COLLECTION_MULTI_DICT:                                                              \
        call(multi_dict);                                                                          \
        break;                                                                                     \
    default:                                                                                       \
        call(counted_set);                                                                         \
        break;                                                                                     \
    }

static void handle_open(pbase_txn *txn, handle *h)
{
    pbase_status status = PBASE_NOT_FOUND;
#define OPEN(name) status = pbase_txn_##name(txn, "root", &h->as.name, NULL)
    EACH(h, OPEN)
#define NEW(name) status = pbase_txn_new_##name(txn, &h->as.name, NULL)
    if (status == PBASE_NOT_FOUND) {
        EACH(h, NEW)
    }
    assert_int_equal(status, PBASE_OK);
}

static void handle_new(pbase_txn *txn, handle *h)
{
    pbase_status status = PBASE_OK;
    EACH(h, NEW)
    assert_int_equal(status, PBASE_OK);
}

static void handle_store(pbase_txn *txn, handle *h)
{
    pbase_status status = PBASE_OK;
#define STORE(name) status = pbase_txn_store_##name(txn, "root", h->as.name, NULL)
    EACH(h, STORE)
    assert_int_equal(status, PBASE_OK);
}

static void handle_close(handle *h)
{
#define CLOSE(name) pbase_##name##_close(h->as.name)
    EACH(h, CLOSE)
}

/* ------------------------------------------------------------------------------- operations ---- */

/* A key of many fields, so that hash dictionaries have something to hash. */
static pbase_value hash_key(pbase_field fields[2], int64_t number)
{
    fields[0] = (pbase_field){pbase_bytes_text("n"), pbase_value_int(number)};
    fields[1] = (pbase_field){pbase_bytes_text("half"), pbase_value_float((double)number / 2)};
    return pbase_value_map(fields, 2);
}

static void put_cell(handle *h, model *m, size_t at, int64_t value)
{
    pbase_field fields[2];
    pbase_value key = pbase_value_int((int64_t)at), v = pbase_value_int(value);
    if (h->kind == PBASE_COLLECTION_DICT) {
        MUST(pbase_dict_put(&h->as.dict, &key, &v, NULL, NULL));
    } else {
        key = hash_key(fields, (int64_t)at);
        MUST(pbase_hash_dict_put(&h->as.hash_dict, &key, &v, NULL, NULL));
    }
    m->cells[at] = value;
}

static void step_mapping(pbase_txn *txn, handle *h, model *m)
{
    size_t at = (size_t)draw(CELLS);
    uint64_t what = draw(100);
    pbase_field fields[2];
    if (what < 60) {
        put_cell(h, m, at, (int64_t)draw(1000000));
    } else if (what < 98) {
        pbase_value key = pbase_value_int((int64_t)at);
        if (h->kind == PBASE_COLLECTION_DICT) {
            MUST(pbase_dict_remove(&h->as.dict, &key, NULL, NULL));
        } else {
            key = hash_key(fields, (int64_t)at);
            MUST(pbase_hash_dict_remove(&h->as.hash_dict, &key, NULL, NULL));
        }
        m->cells[at] = MISSING;
    } else { /* another one is merged in */
        handle other = {.kind = h->kind};
        handle_new(txn, &other);
        for (int i = 0; i < 5; i++) {
            size_t in = (size_t)draw(CELLS);
            put_cell(&other, m, in, (int64_t)draw(1000000));
        }
        if (h->kind == PBASE_COLLECTION_DICT) {
            MUST(pbase_dict_merge(&h->as.dict, other.as.dict, NULL));
        } else {
            MUST(pbase_hash_dict_merge(&h->as.hash_dict, other.as.hash_dict, NULL));
        }
        handle_close(&other);
    }
}

static void step_set(pbase_txn *txn, handle *h, model *m)
{
    size_t at = (size_t)draw(CELLS);
    uint64_t what = draw(100);
    pbase_value key = pbase_value_int((int64_t)at);
    if (what < 50) {
        MUST(pbase_set_add(&h->as.set, &key, NULL, NULL));
        m->cells[at] = 1;
    } else if (what < 95) {
        MUST(pbase_set_remove(&h->as.set, &key, NULL, NULL));
        m->cells[at] = 0;
    } else { /* an algebra with a few keys */
        handle other = {.kind = h->kind};
        pbase_set *out = NULL;
        bool united = draw(2) == 0;
        handle_new(txn, &other);
        for (int i = 0; i < 8; i++) {
            at = (size_t)draw(CELLS);
            key = pbase_value_int((int64_t)at);
            MUST(pbase_set_add(&other.as.set, &key, NULL, NULL));
            m->cells[at] = united;
        }
        MUST(united ? pbase_set_union(h->as.set, other.as.set, &out, NULL)
                    : pbase_set_difference(h->as.set, other.as.set, &out, NULL));
        handle_close(&other);
        handle_close(h);
        h->as.set = out;
    }
}

static void step_bag(pbase_txn *txn, handle *h, model *m)
{
    size_t at = (size_t)draw(CELLS);
    uint64_t what = draw(100), times = draw(4);
    bool multi = h->kind == PBASE_COLLECTION_MULTI_DICT;
    pbase_value key = pbase_value_int((int64_t)(multi ? at / RECORDS : at));
    pbase_value record = pbase_value_int((int64_t)(at % RECORDS));
    if (what < 50) {
        MUST(multi ? pbase_multi_dict_add(&h->as.multi_dict, &key, &record, times, NULL, NULL)
                   : pbase_counted_set_add(&h->as.counted_set, &key, times, NULL, NULL));
        m->cells[at] += (int64_t)times;
    } else if (what < 97) {
        MUST(multi ? pbase_multi_dict_remove(&h->as.multi_dict, &key, &record, times, NULL, NULL)
                   : pbase_counted_set_remove(&h->as.counted_set, &key, times, NULL, NULL));
        m->cells[at] = m->cells[at] > (int64_t)times ? m->cells[at] - (int64_t)times : 0;
    } else if (multi) {
        MUST(pbase_multi_dict_remove_key(&h->as.multi_dict, &key, NULL, NULL));
        memset(m->cells + at / RECORDS * RECORDS, 0, RECORDS * sizeof m->cells[0]);
    } else { /* what another one has is added */
        handle other = {.kind = h->kind};
        pbase_counted_set *out = NULL;
        handle_new(txn, &other);
        MUST(pbase_counted_set_add(&other.as.counted_set, &key, 3, NULL, NULL));
        MUST(pbase_counted_set_sum(h->as.counted_set, other.as.counted_set, &out, NULL));
        m->cells[at] += 3;
        handle_close(&other);
        handle_close(h);
        h->as.counted_set = out;
    }
}

static void model_insert(model *m, size_t at, int64_t value)
{
    memmove(m->cells + at + 1, m->cells + at, (m->count - at) * sizeof m->cells[0]);
    m->cells[at] = value;
    m->count++;
}

static void model_remove(model *m, size_t at, size_t count)
{
    memmove(m->cells + at, m->cells + at + count, (m->count - at - count) * sizeof m->cells[0]);
    m->count -= count;
}

static void step_list(handle *h, model *m)
{
    uint64_t what = draw(100);
    size_t at = (size_t)draw(m->count + 1), end = at + (size_t)draw(m->count - at + 1);
    pbase_value value = pbase_value_int((int64_t)draw(1000000));
    if (what < 50 && m->count < CELLS) {
        MUST(pbase_list_insert(&h->as.list, (int64_t)at, &value, NULL));
        model_insert(m, at, value.as.integer);
    } else if (what < 70 && at < m->count) {
        MUST(pbase_list_set(&h->as.list, (int64_t)at, &value, NULL));
        m->cells[at] = value.as.integer;
    } else if (what < 95 && at < m->count) {
        MUST(pbase_list_remove(&h->as.list, (int64_t)at, NULL, NULL));
        model_remove(m, at, 1);
    } else if (what == 95) {
        MUST(pbase_list_remove_range(&h->as.list, (int64_t)at, (int64_t)end, NULL, NULL));
        model_remove(m, at, end - at);
    } else if (what > 96 && m->count + (end - at) <= CELLS) { /* a part goes behind */
        pbase_list *part = NULL;
        MUST(pbase_list_slice(h->as.list, (int64_t)at, (int64_t)end, &part, NULL));
        MUST(pbase_list_concat(&h->as.list, part, NULL));
        memcpy(m->cells + m->count, m->cells + at, (end - at) * sizeof m->cells[0]);
        m->count += end - at;
        pbase_list_close(part);
    }
}

static void step(pbase_txn *txn, handle *h, model *m)
{
    switch (h->kind) {
    case PBASE_COLLECTION_DICT:
    case PBASE_COLLECTION_HASH_DICT:
        step_mapping(txn, h, m);
        break;
    case PBASE_COLLECTION_SET:
        step_set(txn, h, m);
        break;
    case PBASE_COLLECTION_LIST:
        step_list(h, m);
        break;
    default:
        step_bag(txn, h, m);
        break;
    }
}

/* -------------------------------------------------------------------------------- comparing ---- */

static void assert_cell(const handle *h, const model *m, size_t at, pbase_arena *arena)
{
    pbase_field fields[2];
    pbase_value key = pbase_value_int((int64_t)at), out = pbase_value_int(MISSING);
    pbase_value record = pbase_value_int((int64_t)(at % RECORDS));
    pbase_status status = PBASE_OK;
    uint64_t count = 0;
    bool has = false;
    switch (h->kind) {
    case PBASE_COLLECTION_DICT:
        status = pbase_dict_get(h->as.dict, &key, arena, &out, NULL);
        break;
    case PBASE_COLLECTION_HASH_DICT:
        key = hash_key(fields, (int64_t)at);
        status = pbase_hash_dict_get(h->as.hash_dict, &key, arena, &out, NULL);
        break;
    case PBASE_COLLECTION_LIST:
        status = pbase_list_get(h->as.list, (int64_t)at, arena, &out, NULL);
        break;
    case PBASE_COLLECTION_SET:
        status = pbase_set_has(h->as.set, &key, &has, NULL);
        out = pbase_value_int(has);
        break;
    case PBASE_COLLECTION_MULTI_DICT:
        key = pbase_value_int((int64_t)(at / RECORDS));
        status = pbase_multi_dict_get(h->as.multi_dict, &key, &record, &count, NULL);
        out = pbase_value_int((int64_t)count);
        break;
    default:
        status = pbase_counted_set_get(h->as.counted_set, &key, &count, NULL);
        out = pbase_value_int((int64_t)count);
        break;
    }
    assert_true(status == PBASE_OK || (status == PBASE_NOT_FOUND && m->cells[at] == MISSING));
    assert_int_equal(out.as.integer, m->cells[at]);
}

/* Everything in a snapshot, and what is told of the root. */
static void assert_snapshot(const pbase_snapshot *snapshot, int kind, const model *m)
{
    handle h = {.kind = kind};
    pbase_status status = PBASE_OK;
    pbase_root_info info;
    pbase_arena arena;
    uint64_t count = 0, total = 0;
#define OPEN_SNAPSHOT(name) status = pbase_snapshot_##name(snapshot, "root", &h.as.name, NULL)
    EACH(&h, OPEN_SNAPSHOT)
    assert_int_equal(status, PBASE_OK);
    pbase_arena_init(&arena, pbase_alloc_default());
    bool is_list = kind == PBASE_COLLECTION_LIST;
    bool has_values = kind == PBASE_COLLECTION_DICT || kind == PBASE_COLLECTION_HASH_DICT;
    for (size_t at = 0; at < (is_list ? m->count : CELLS); at++) {
        assert_cell(&h, m, at, &arena);
        bool there = is_list || (has_values ? m->cells[at] != MISSING : m->cells[at] != 0);
        count += there;
        total += is_list || has_values ? there : (uint64_t)m->cells[at];
    }
    MUST(pbase_snapshot_root(snapshot, "root", &info, NULL));
    assert_int_equal(info.kind, kind);
    assert_int_equal(info.count, count);
    assert_int_equal(info.total, total);
    pbase_arena_fini(&arena);
    handle_close(&h);
}

static void assert_now(int kind, const model *m)
{
    pbase_snapshot *snapshot = NULL;
    MUST(pbase_snapshot_open(f.database, &snapshot, NULL));
    assert_snapshot(snapshot, kind, m);
    pbase_snapshot_close(snapshot);
}

/* --------------------------------------------------------------------------------- at random --- */

/* Some operations in one transaction; one of ten is aborted. */
static void change(int kind, model *m)
{
    model changed = *m;
    handle h = {.kind = kind};
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    handle_open(txn, &h);
    for (uint64_t i = 100 + draw(100); i > 0; i--) {
        step(txn, &h, &changed);
    }
    handle_store(txn, &h);
    handle_close(&h);
    if (draw(10) == 0) {
        pbase_txn_abort(&txn);
    } else {
        MUST(fixture_commit(&txn));
        *m = changed;
    }
}

static void run(int kind, const char *name)
{
    static model now, then;
    pbase_snapshot *snapshot = NULL;
    bool has_values = kind == PBASE_COLLECTION_DICT || kind == PBASE_COLLECTION_HASH_DICT;
    int rounds = seed_is_long_run() ? 7000 : 120; /* of 150 operations on average */
    seed_random_init(&random_numbers, seed_for(name));
    now.count = 0;
    for (size_t i = 0; i < CELLS; i++) {
        now.cells[i] = has_values ? MISSING : 0;
    }
    handle h = {.kind = kind};
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    handle_new(txn, &h);
    handle_store(txn, &h);
    handle_close(&h);
    MUST(fixture_commit(&txn));
    for (int i = 1; i <= rounds; i++) {
        change(kind, &now);
        if (i % 10 == 0) {
            assert_now(kind, &now);
        }
        if (i % 7 == 0 && snapshot == NULL) {
            MUST(pbase_snapshot_open(f.database, &snapshot, NULL));
            then = now;
        }
        if (i % 30 == 0) {
            assert_snapshot(snapshot, kind, &then);
            pbase_snapshot_close(snapshot);
            snapshot = NULL;
            fixture_reopen(&f);
            assert_now(kind, &now);
        }
    }
    pbase_snapshot_close(snapshot);
}

static int begin(void **unused)
{
    (void)unused;
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.checkpoint_bytes=64KiB");
    fixture_set(&f, "storage.durability=async");
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

static void dictionaries_are_as_their_model(void **unused)
{
    (void)unused;
    run(PBASE_COLLECTION_DICT, "model of a dictionary");
}

static void lists_are_as_their_model(void **unused)
{
    (void)unused;
    run(PBASE_COLLECTION_LIST, "model of a list");
}

static void sets_are_as_their_model(void **unused)
{
    (void)unused;
    run(PBASE_COLLECTION_SET, "model of a set");
}

static void hash_dictionaries_are_as_their_model(void **unused)
{
    (void)unused;
    run(PBASE_COLLECTION_HASH_DICT, "model of a hash dictionary");
}

static void multi_dictionaries_are_as_their_model(void **unused)
{
    (void)unused;
    run(PBASE_COLLECTION_MULTI_DICT, "model of a multi-dictionary");
}

static void counted_sets_are_as_their_model(void **unused)
{
    (void)unused;
    run(PBASE_COLLECTION_COUNTED_SET, "model of a counted set");
}

int main(void)
{
#define MODEL(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        MODEL(dictionaries_are_as_their_model),
        MODEL(lists_are_as_their_model),
        MODEL(sets_are_as_their_model),
        MODEL(hash_dictionaries_are_as_their_model),
        MODEL(multi_dictionaries_are_as_their_model),
        MODEL(counted_sets_are_as_their_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
