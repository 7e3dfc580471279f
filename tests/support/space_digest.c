/* space_digest.c - digests by the hash of values (pbase_value_hash), mixed in the order of reading. */
#include "space_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

/* The finaliser of splitmix64, so that the order of what is mixed in counts. */
static void mix(uint64_t *digest, uint64_t word)
{
    uint64_t z = *digest * 0x9e3779b97f4a7c15u + word;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    *digest = z ^ (z >> 31);
}

static void mix_value(uint64_t *digest, const pbase_value *value)
{
    mix(digest, pbase_value_hash(value));
}

static void mix_bytes(uint64_t *digest, pbase_bytes bytes)
{
    pbase_value value = pbase_value_bytes(bytes);
    mix_value(digest, &value);
}

static uint64_t children_of(const pbase_value *value)
{
    uint64_t count = value->kind == PBASE_CHILD;
    for (size_t i = 0; value->kind == PBASE_LIST && i < value->as.list.count; i++) {
        count += children_of(&value->as.list.items[i]);
    }
    for (size_t i = 0; value->kind == PBASE_MAP && i < value->as.map.count; i++) {
        count += children_of(&value->as.map.fields[i].value);
    }
    return count;
}

static void mix_entry(uint64_t *digest, pbase_cursor *cursor)
{
    pbase_value key, value;
    uint64_t times = 0;
    assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
    mix_value(digest, &key);
    assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
    mix_value(digest, &value);
    assert_int_equal(pbase_cursor_count(cursor, &times, NULL), PBASE_OK);
    mix(digest, times);
    uint64_t children = children_of(&value);
    for (uint64_t n = 0; n < children; n++) {
        pbase_collection *child = NULL;
        assert_int_equal(pbase_cursor_child(cursor, n, &child, NULL), PBASE_OK);
        mix(digest, digest_collection(child));
        pbase_collection_close(child);
    }
}

static uint64_t digest_rope(const pbase_collection *collection)
{
    static uint8_t buffer[4096];
    uint64_t digest = PBASE_COLLECTION_ROPE, at = 0;
    size_t got = 0;
    pbase_collection *kept = NULL;
    pbase_blob *blob = NULL;
    assert_int_equal(pbase_collection_keep(collection, &kept, NULL), PBASE_OK);
    assert_int_equal(pbase_blob_open(NULL, &kept, &blob, NULL), PBASE_OK);
    do {
        assert_int_equal(pbase_blob_read(blob, at, buffer, sizeof buffer, &got, NULL), PBASE_OK);
        mix_bytes(&digest, pbase_bytes_of(buffer, got));
        at += got;
    } while (got != 0);
    assert_int_equal(at, pbase_blob_size(blob));
    pbase_blob_close(blob);
    return digest;
}

uint64_t digest_collection(const pbase_collection *collection)
{
    uint64_t digest = (uint64_t)pbase_collection_kind(collection);
    uint64_t count = 0, met = 0;
    pbase_cursor *cursor = NULL;
    if (digest == PBASE_COLLECTION_ROPE) {
        return digest_rope(collection);
    }
    assert_int_equal(pbase_collection_cursor(collection, &cursor, NULL), PBASE_OK);
    for (pbase_status status = pbase_cursor_next(cursor, NULL); status != PBASE_END;
         status = pbase_cursor_next(cursor, NULL)) {
        assert_int_equal(status, PBASE_OK);
        mix_entry(&digest, cursor);
        met++;
    }
    pbase_cursor_close(cursor);
    assert_int_equal(pbase_collection_count(collection, &count, NULL), PBASE_OK);
    assert_int_equal(count, met);
    mix(&digest, count);
    return digest;
}

typedef struct {
    const pbase_snapshot *snapshot;
    uint64_t digest;
} snapshot_digest;

static pbase_status mix_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    snapshot_digest *of = state;
    char name[PBASE_NAME_BYTES_MAX + 1u] = "";
    (void)err;
    assert_true(root->name.size < sizeof name);
    memcpy(name, root->name.data, root->name.size);
    mix_bytes(&of->digest, root->name);
    mix(&of->digest, root->count);
    mix(&of->digest, root->total);
    if (root->kind == PBASE_ROOT_VALUE) {
        pbase_arena arena;
        pbase_value value;
        pbase_arena_init(&arena, pbase_alloc_default());
        assert_int_equal(pbase_snapshot_value(of->snapshot, name, &arena, &value, NULL), PBASE_OK);
        mix_value(&of->digest, &value);
        pbase_arena_fini(&arena);
        return PBASE_OK;
    }
    pbase_collection *collection = NULL;
    assert_int_equal(pbase_snapshot_at(of->snapshot, name, NULL, 0, &collection, NULL), PBASE_OK);
    mix(&of->digest, digest_collection(collection));
    pbase_collection_close(collection);
    return PBASE_OK;
}

static pbase_status mix_object(void *state, const pbase_object *object, pbase_error *err)
{
    snapshot_digest *of = state;
    pbase_value id = pbase_value_reference(object->id);
    (void)err;
    mix_value(&of->digest, &id);
    mix_bytes(&of->digest, object->class_name);
    mix_value(&of->digest, &object->attributes);
    return PBASE_OK;
}

static pbase_status mix_index(void *state, const pbase_index_info *info, pbase_error *err)
{
    snapshot_digest *of = state;
    (void)err;
    mix_bytes(&of->digest, info->root);
    mix_bytes(&of->digest, info->name);
    mix(&of->digest, info->entries);
    return PBASE_OK;
}

uint64_t digest_snapshot(const pbase_snapshot *snapshot)
{
    snapshot_digest of = {.snapshot = snapshot};
    assert_int_equal(pbase_snapshot_roots(snapshot, mix_root, &of, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_object_each(snapshot, NULL, mix_object, &of, NULL), PBASE_OK);
    assert_int_equal(pbase_index_list(snapshot, NULL, mix_index, &of, NULL), PBASE_OK);
    return of.digest;
}

typedef struct {
    pbase_space *space;
    uint64_t digest;
} whole_digest;

static pbase_status mix_database(void *state, const char *name, pbase_error *err)
{
    whole_digest *of = state;
    pbase_database *database = NULL;
    pbase_snapshot *snapshot = NULL;
    (void)err;
    assert_int_equal(pbase_database_open(of->space, name, &database, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_open(database, &snapshot, NULL), PBASE_OK);
    mix_bytes(&of->digest, pbase_bytes_text(name));
    mix(&of->digest, digest_snapshot(snapshot));
    pbase_snapshot_close(snapshot);
    pbase_database_close(database);
    return PBASE_OK;
}

uint64_t digest_space(pbase_space *space)
{
    whole_digest of = {.space = space};
    assert_int_equal(pbase_database_list(space, mix_database, &of, NULL), PBASE_OK);
    return of.digest;
}
