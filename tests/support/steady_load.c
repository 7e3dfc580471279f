/* steady_load.c - what each transaction does, in the state and in the space, and the comparison. */
#include "steady_load.h"

#include "seed.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#define TEXT_BYTES_MAX 70000u
#define BLOB_BYTES 20000u
#define GROUPS 5u
#define LIST_PERIOD 32u /* then it begins anew */

static const char index_name[] = "by_group";

/* ----------------------------------------------------------------------- one transaction ---- */

typedef struct {
    uint64_t number;
    uint64_t put_left, remove_left, put_right; /* keys; LOAD_KEYS: none */
    size_t text_bytes;
    bool renews_list, drops_right, has_blob, goes_ahead;
} step;

static step step_of(const load_plan *plan, uint64_t n)
{
    seed_random random;
    seed_random_init(&random, plan->seed ^ n * 0x9e3779b97f4a7c15u);
    uint64_t small = 20 + seed_below(&random, 200);
    bool is_huge = n % 64 == 33 && !plan->is_slim;
    return (step){
        .number = n,
        .put_left = seed_below(&random, LOAD_KEYS),
        .remove_left = n % 5 == 0 ? seed_below(&random, LOAD_KEYS) : LOAD_KEYS,
        .put_right = seed_below(&random, LOAD_KEYS),
        .text_bytes = is_huge       ? TEXT_BYTES_MAX
                      : n % 16 == 7 ? 6000
                                    : small,
        .renews_list = n % LIST_PERIOD == 1,
        .drops_right = n % 24 == 11,
        .has_blob = n % 32 == 9 && !plan->is_slim,
        .goes_ahead = n % 8 == 3,
    };
}

void load_state_next(load_state *state, const load_plan *plan)
{
    step next = step_of(plan, ++state->number);
    state->left[next.put_left] = next.number;
    if (next.remove_left != LOAD_KEYS) {
        state->left[next.remove_left] = 0;
    }
    if (next.drops_right) {
        memset(state->right, 0, sizeof state->right);
    }
    state->right[next.put_right] = next.number;
    state->list_from = next.renews_list ? next.number : state->list_from;
    state->blob = next.has_blob ? next.number : state->blob;
}

static void fill_text(char *text, size_t size, uint64_t n)
{
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + (n * 31 + i * (n % 7 + 1) + i / 23) % 26);
    }
}

/* ---------------------------------------------------------------------------------- commit ---- */

static pbase_status change_left(pbase_txn *txn, const step *next, pbase_error *err)
{
    static _Thread_local char text[TEXT_BYTES_MAX];
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int((int64_t)next->put_left);
    pbase_field fields[] = {
        {pbase_bytes_text("n"), pbase_value_int((int64_t)next->number)},
        {pbase_bytes_text("group"), pbase_value_int((int64_t)(next->number % GROUPS))},
        {pbase_bytes_text("text"), pbase_value_string(pbase_bytes_of(text, next->text_bytes))}};
    pbase_value document = pbase_value_map(fields, 3);
    fill_text(text, next->text_bytes, next->number);
    pbase_status status = next->number == 1 ? pbase_txn_new_dict(txn, &dict, err)
                                            : pbase_txn_dict(txn, "left", &dict, err);
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &document, NULL, err) : status;
    if (status == PBASE_OK && next->remove_left != LOAD_KEYS) {
        key = pbase_value_int((int64_t)next->remove_left);
        status = pbase_dict_remove(&dict, &key, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "left", dict, err) : status;
    pbase_dict_close(dict);
    return status;
}

static pbase_status change_right(pbase_txn *txn, const step *next, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int((int64_t)next->put_right);
    pbase_value number = pbase_value_int((int64_t)next->number);
    bool is_new = next->number == 1 || next->drops_right;
    pbase_status status = PBASE_OK;
    if (next->drops_right) {
        status = pbase_txn_drop_root(txn, "right", err);
    }
    if (status == PBASE_OK) {
        status =
            is_new ? pbase_txn_new_dict(txn, &dict, err) : pbase_txn_dict(txn, "right", &dict, err);
    }
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &number, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "right", dict, err) : status;
    pbase_dict_close(dict);
    return status;
}

static pbase_status change_list(pbase_txn *txn, const step *next, pbase_error *err)
{
    pbase_list *list = NULL;
    pbase_value number = pbase_value_int((int64_t)next->number);
    pbase_status status = next->renews_list ? pbase_txn_new_list(txn, &list, err)
                                            : pbase_txn_list(txn, "list", &list, err);
    status = status == PBASE_OK ? pbase_list_append(&list, &number, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "list", list, err) : status;
    pbase_list_close(list);
    return status;
}

static pbase_status write_blob(pbase_txn *txn, const step *next, pbase_error *err)
{
    static _Thread_local char bytes[BLOB_BYTES];
    pbase_blob *blob = NULL;
    pbase_value document;
    fill_text(bytes, sizeof bytes, next->number);
    pbase_status status = pbase_blob_create(txn, "bytes", "text/plain", &blob, err);
    status = status == PBASE_OK ? pbase_blob_append(blob, pbase_bytes_of(bytes, sizeof bytes), err)
                                : status;
    status = status == PBASE_OK ? pbase_blob_value(blob, &document, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_value(txn, "blob", &document, err) : status;
    pbase_blob_close(blob);
    return status;
}

static pbase_status change_all(pbase_txn *txn, const step *next, pbase_error *err)
{
    pbase_value number = pbase_value_int((int64_t)next->number);
    pbase_status status = change_left(txn, next, err);
    status = status == PBASE_OK ? change_right(txn, next, err) : status;
    status = status == PBASE_OK ? change_list(txn, next, err) : status;
    status = status == PBASE_OK && next->has_blob ? write_blob(txn, next, err) : status;
    return status == PBASE_OK ? pbase_txn_store_value(txn, "number", &number, err) : status;
}

pbase_status load_commit(pbase_database *database, const load_plan *plan, uint64_t number,
                         pbase_error *err)
{
    step next = step_of(plan, number);
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = plan->durability;
    if (next.goes_ahead) { /* its trees are written before its record, which names them */
        options.log_bytes_max = 1;
        options.memory_bytes_max = 1;
    }
    pbase_status status = pbase_txn_begin(database, &options, &txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = change_all(txn, &next, err);
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, err);
}

pbase_status load_settle(pbase_space *space, const load_plan *plan, uint64_t number,
                         pbase_error *err)
{
    pbase_compact_report report;
    if (plan->compact_every != 0 && number % plan->compact_every == 0) {
        return pbase_space_compact(space, NULL, &report, err);
    }
    if (plan->checkpoint_every != 0 && number % plan->checkpoint_every == 0) {
        return pbase_space_checkpoint(space, NULL, err);
    }
    return PBASE_OK;
}

pbase_status load_index(pbase_database *database, pbase_error *err)
{
    static const char *const fields[] = {"group", "n"};
    pbase_index_options options = {
        .struct_size = sizeof options, .fields = fields, .field_count = 2};
    pbase_status status = pbase_index_create(database, "left", index_name, &options, NULL, err);
    return status == PBASE_EXISTS || status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

/* ---------------------------------------------------------------------------------- verify ---- */

/* One look at a database: the first thing that is not as expected, and how reading went. */
typedef struct {
    const pbase_snapshot *snapshot;
    const load_plan *plan;
    const load_state *expected;
    pbase_arena arena;
    char *wrong;
    size_t wrong_size;
} look;

PBASE_PRINTF(2, 3) static void say(look *at, const char *format, ...)
{
    va_list arguments;
    if (at->wrong[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(at->wrong, at->wrong_size, format, arguments);
        va_end(arguments);
    }
}

static bool is_text(pbase_bytes text, size_t size, uint64_t n)
{
    char *expected = malloc(size + 1);
    if (expected == NULL) {
        abort(); /* a test without memory cannot go on */
    }
    fill_text(expected, size, n);
    bool same = text.size == size && memcmp(text.data, expected, size) == 0;
    free(expected);
    return same;
}

static bool is_document(const look *at, const pbase_value *value, uint64_t n)
{
    if (value->kind != PBASE_MAP || value->as.map.count != 3) {
        return false;
    }
    const pbase_field *fields = value->as.map.fields;
    return fields[0].value.kind == PBASE_INT && fields[0].value.as.integer == (int64_t)n &&
           fields[1].value.kind == PBASE_INT &&
           fields[1].value.as.integer == (int64_t)(n % GROUPS) &&
           fields[2].value.kind == PBASE_STRING &&
           is_text(fields[2].value.as.string, step_of(at->plan, n).text_bytes, n);
}

/* A dictionary, key by key; `left` tells which. NOT_FOUND is no failure. */
static pbase_status look_at_dict(look *at, const char *root, const uint64_t *expected, bool left,
                                 pbase_error *err)
{
    pbase_dict *dict = NULL;
    uint64_t count = 0, expected_count = 0;
    pbase_status status = pbase_snapshot_dict(at->snapshot, root, &dict, err);
    if (status == PBASE_NOT_FOUND) {
        say(at, "root %s is missing", root);
        return PBASE_OK;
    }
    for (uint64_t key = 0; key < LOAD_KEYS && status == PBASE_OK; key++) {
        pbase_value name = pbase_value_int((int64_t)key), value;
        pbase_arena_reset(&at->arena);
        status = pbase_dict_get(dict, &name, &at->arena, &value, err);
        bool is_there = status == PBASE_OK;
        if (status != PBASE_OK && status != PBASE_NOT_FOUND) {
            break;
        }
        status = PBASE_OK;
        expected_count += expected[key] != 0;
        bool is_same = is_there == (expected[key] != 0) &&
                       (!is_there || (left ? is_document(at, &value, expected[key])
                                           : value.kind == PBASE_INT &&
                                                 value.as.integer == (int64_t)expected[key]));
        if (!is_same) {
            say(at, "key %" PRIu64 " of %s is not as transaction %" PRIu64 " left it", key, root,
                expected[key]);
        }
    }
    status = status == PBASE_OK ? pbase_dict_count(dict, &count, err) : status;
    if (status == PBASE_OK && count != expected_count) {
        say(at, "%s has %" PRIu64 " entries, not %" PRIu64, root, count, expected_count);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status look_at_list(look *at, pbase_error *err)
{
    pbase_list *list = NULL;
    uint64_t count = 0;
    const load_state *expected = at->expected;
    pbase_status status = pbase_snapshot_list(at->snapshot, "list", &list, err);
    if (status == PBASE_NOT_FOUND) {
        say(at, "root list is missing");
        return PBASE_OK;
    }
    status = status == PBASE_OK ? pbase_list_count(list, &count, err) : status;
    if (status == PBASE_OK && count != expected->number - expected->list_from + 1) {
        say(at, "the list has %" PRIu64 " elements", count);
    }
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        pbase_value value;
        pbase_arena_reset(&at->arena);
        status = pbase_list_get(list, (int64_t)i, &at->arena, &value, err);
        if (status == PBASE_OK &&
            (value.kind != PBASE_INT || value.as.integer != (int64_t)(expected->list_from + i))) {
            say(at, "element %" PRIu64 " of the list is wrong", i);
        }
    }
    pbase_list_close(list);
    return status;
}

static pbase_status look_at_blob(look *at, pbase_error *err)
{
    static _Thread_local char bytes[BLOB_BYTES + 1];
    pbase_collection *content = NULL;
    pbase_blob *blob = NULL;
    size_t got = 0;
    pbase_value field = pbase_value_text("content");
    pbase_status status = pbase_snapshot_at(at->snapshot, "blob", &field, 1, &content, err);
    if (status == PBASE_NOT_FOUND) {
        if (at->expected->blob != 0) {
            say(at, "the blob is missing");
        }
        return PBASE_OK;
    }
    status = status == PBASE_OK ? pbase_blob_open(NULL, &content, &blob, err) : status;
    status = status == PBASE_OK ? pbase_blob_read(blob, 0, bytes, sizeof bytes, &got, err) : status;
    if (status == PBASE_OK &&
        !(at->expected->blob != 0 && got == BLOB_BYTES &&
          is_text(pbase_bytes_of(bytes, got), BLOB_BYTES, at->expected->blob))) {
        say(at, "the blob is not what transaction %" PRIu64 " wrote", at->expected->blob);
    }
    pbase_blob_close(blob);
    return status;
}

static pbase_status read_number(look *at, uint64_t *out, pbase_error *err)
{
    pbase_value value;
    pbase_status status = pbase_snapshot_value(at->snapshot, "number", &at->arena, &value, err);
    *out = 0;
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK;
    }
    if (status == PBASE_OK && value.kind == PBASE_INT && value.as.integer > 0) {
        *out = (uint64_t)value.as.integer;
    } else if (status == PBASE_OK) {
        say(at, "the number is none");
    }
    return status;
}

static pbase_status count_root(void *state, const pbase_root_info *info, pbase_error *err)
{
    (void)info;
    (void)err;
    ++*(uint64_t *)state;
    return PBASE_OK;
}

static pbase_status look_at_roots(look *at, pbase_error *err)
{
    uint64_t count = 0;
    uint64_t expected = at->expected->number == 0 ? 0 : 4 + (at->expected->blob != 0);
    pbase_status status = pbase_snapshot_roots(at->snapshot, count_root, &count, err);
    if (status == PBASE_OK && count != expected) {
        say(at, "there are %" PRIu64 " roots, not %" PRIu64, count, expected);
    }
    return status;
}

static pbase_status look_at_all(look *at, pbase_error *err)
{
    pbase_status status = look_at_roots(at, err);
    if (at->expected->number == 0) {
        return status;
    }
    status = status == PBASE_OK ? look_at_dict(at, "left", at->expected->left, true, err) : status;
    status =
        status == PBASE_OK ? look_at_dict(at, "right", at->expected->right, false, err) : status;
    status = status == PBASE_OK ? look_at_list(at, err) : status;
    return status == PBASE_OK ? look_at_blob(at, err) : status;
}

pbase_status load_verify(pbase_database *database, const load_plan *plan, uint64_t low,
                         uint64_t high, load_state *state, char *wrong, size_t wrong_size,
                         pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    uint64_t number = 0;
    load_state found = *state;
    wrong[0] = '\0';
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    if (status != PBASE_OK) {
        return status;
    }
    look at = {.snapshot = snapshot,
               .plan = plan,
               .expected = &found,
               .wrong = wrong,
               .wrong_size = wrong_size};
    pbase_arena_init(&at.arena, pbase_alloc_default());
    status = read_number(&at, &number, err);
    if (status == PBASE_OK && (number < low || number > high || number < state->number)) {
        say(&at, "it holds transaction %" PRIu64 ", of %" PRIu64 " to %" PRIu64, number, low, high);
    }
    if (status == PBASE_OK && wrong[0] == '\0') {
        while (found.number < number) {
            load_state_next(&found, plan);
        }
        status = look_at_all(&at, err);
    }
    pbase_arena_fini(&at.arena);
    pbase_snapshot_close(snapshot);
    if (status == PBASE_OK && wrong[0] == '\0') {
        *state = found;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ play ---- */

void load_wrong(load_witness *witness, const char *format, ...)
{
    va_list arguments;
    if (witness->wrong[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(witness->wrong, sizeof witness->wrong, format, arguments);
        va_end(arguments);
    }
}

static bool must(load_witness *witness, const char *doing, pbase_status status,
                 const pbase_error *err)
{
    if (status != PBASE_OK) {
        load_wrong(witness, "%s: %s: %s", doing, pbase_status_name(status), err->message);
    }
    return status == PBASE_OK;
}

/* What is there; a reader has seen it, so it must be there for every later one. */
static bool look_first(space_fixture *fixture, const load_plan *plan, load_state *state,
                       load_witness *witness)
{
    pbase_error err;
    char wrong[256];
    pbase_error_init(&err);
    pbase_status status =
        load_verify(fixture->database, plan, atomic_load(&witness->acknowledged),
                    atomic_load(&witness->begun), state, wrong, sizeof wrong, &err);
    if (!must(witness, "reading what is there", status, &err)) {
        return false;
    }
    if (wrong[0] != '\0') {
        load_wrong(witness, "%s", wrong);
        return false;
    }
    atomic_store(&witness->begun, state->number);
    atomic_store(&witness->acknowledged, state->number);
    return must(witness, "making the index", load_index(fixture->database, &err), &err);
}

static bool play_one(space_fixture *fixture, const load_plan *plan, load_state *state,
                     load_witness *witness)
{
    pbase_error err;
    uint64_t number = state->number + 1;
    pbase_error_init(&err);
    atomic_store(&witness->begun, number);
    if (!must(witness, "committing", load_commit(fixture->database, plan, number, &err), &err)) {
        return false;
    }
    atomic_store(&witness->acknowledged, number);
    if (plan->durability >= PBASE_DURABILITY_SYNC) {
        atomic_store(&witness->durable, number);
    }
    load_state_next(state, plan);
    if (number == 1 &&
        !must(witness, "making the index", load_index(fixture->database, &err), &err)) {
        return false;
    }
    return must(witness, "settling", load_settle(fixture->space, plan, number, &err), &err);
}

bool load_play(space_fixture *fixture, const load_plan *plan, load_state *state,
               load_witness *witness, uint64_t count)
{
    pbase_error err;
    pbase_error_init(&err);
    bool goes_on = must(witness, "opening", fixture_try_open(fixture, &err), &err) &&
                   look_first(fixture, plan, state, witness);
    for (uint64_t i = 0; i < count && goes_on; i++) {
        goes_on = play_one(fixture, plan, state, witness);
    }
    fixture_close(fixture);
    return goes_on;
}

/* ---------------------------------------------------------------------------------- memory ---- */

void *load_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort(); /* a test without memory cannot go on */
    }
    return memory;
}

void load_unshare(void *memory, size_t bytes)
{
    (void)munmap(memory, bytes);
}
