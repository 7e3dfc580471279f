/* catalog.c - reading the trees of databases, collections and roots. */
#include "txn/catalog.h"

#include "base/nearest.h"
#include "collection/kind.h"
#include "collection/stored_children.h"
#include "collection/tree_cursor.h"
#include "index/definition.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

static void put_u64_big(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

static uint64_t get_u64_big(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

void catalog_database_key(uint64_t database, uint8_t out[8])
{
    put_u64_big(out, database);
}

void catalog_collection_key(pbase_collection_id id, uint8_t out[16])
{
    put_u64_big(out, id.sequence);
    put_u64_big(out + 8, id.ordinal);
}

/* Key order must not depend on values here: the encoded bytes are the key itself. */
static tree lent_tree(atom_source *atoms, atom_ref root)
{
    return tree_of(atoms, root, false);
}

/* ----------------------------------------------------------------------------- databases ---- */

pbase_status catalog_entry_write(const catalog_entry *entry, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, entry->name.size, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, entry->name, err);
    }
    if (status != PBASE_OK || entry->kind == DATABASE_PLAIN) {
        return status;
    }
    status = pbase_buffer_append_u8(out, entry->kind, err);
    return status == PBASE_OK ? pbase_buffer_append_varint(out, entry->origin, err) : status;
}

/* The name points into the entry's bytes. */
static pbase_status entry_read(uint64_t id, const tree_value *stored, catalog_entry *out,
                               pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(stored->bytes);
    catalog_entry entry = {.id = id, .kind = DATABASE_PLAIN, .collections = stored->root};
    bool ok = stored->kind == TREE_VALUE_TREE && pbase_read_sized(&reader, &entry.name);
    if (ok && pbase_reader_bytes_left(&reader) > 0) {
        ok = pbase_read_u8(&reader, &entry.kind) && pbase_read_varint(&reader, &entry.origin) &&
             (entry.kind == DATABASE_SNAPSHOT || entry.kind == DATABASE_BRANCH);
    }
    if (!ok) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an entry of the catalog is not a database");
    }
    *out = entry;
    return PBASE_OK;
}

/* The entry of a database; its name lies in `item`, which is released after an OK. */
static pbase_status entry_get(const space_state *self, uint64_t database, tree_item *item,
                              catalog_entry *out, pbase_error *err)
{
    uint8_t key[8];
    bool found = false;
    tree catalog = lent_tree(self->atoms, self->catalog);
    catalog_database_key(database, key);
    pbase_status status = tree_get(&catalog, pbase_bytes_of(key, sizeof key), item, &found, err);
    if (status == PBASE_OK && !found) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "the database has been dropped");
    }
    if (status == PBASE_OK) {
        status = entry_read(database, &item->value, out, err);
        if (status != PBASE_OK) {
            tree_item_release(self->atoms, item);
        }
    }
    return status;
}

pbase_status catalog_database(const space_state *self, uint64_t database, catalog_entry *out,
                              pbase_buffer *name, pbase_error *err)
{
    tree_item item;
    catalog_entry entry;
    pbase_status status = entry_get(self, database, &item, &entry, err);
    if (status != PBASE_OK) {
        return status;
    }
    name->size = 0;
    status = pbase_buffer_append_bytes(name, entry.name, err);
    if (status == PBASE_OK) {
        entry.name = pbase_buffer_view(name);
        *out = entry;
    }
    tree_item_release(self->atoms, &item);
    return status;
}

pbase_status catalog_database_called(const space_state *self, uint64_t database, pbase_bytes name,
                                     atom_ref *out_collections, bool *out_called, pbase_error *err)
{
    tree_item item;
    catalog_entry entry = {.collections = ATOM_REF_NONE};
    pbase_status status = entry_get(self, database, &item, &entry, err);
    if (status == PBASE_OK) {
        *out_collections = entry.collections;
        *out_called = pbase_bytes_equal(entry.name, name);
        tree_item_release(self->atoms, &item);
    }
    return status;
}

static pbase_status database_visit(tree_cursor *cursor, catalog_database_each each,
                                   void *each_state, pbase_error *err)
{
    encoded_key key;
    tree_value stored;
    catalog_entry entry;
    pbase_status status = tree_cursor_key(cursor, &key, err);
    if (status == PBASE_OK) {
        status = tree_cursor_value(cursor, &stored, err);
    }
    if (status == PBASE_OK && key.bytes.size != 8) {
        status =
            PBASE_FAIL(err, PBASE_CORRUPT, "a key of the catalog has %zu bytes", key.bytes.size);
    }
    if (status == PBASE_OK) {
        status = entry_read(get_u64_big(key.bytes.data), &stored, &entry, err);
    }
    return status == PBASE_OK ? each(each_state, &entry, err) : status;
}

pbase_status catalog_databases(const space_state *self, catalog_database_each each,
                               void *each_state, pbase_error *err)
{
    tree catalog = lent_tree(self->atoms, self->catalog);
    tree_cursor cursor;
    tree_cursor_init(&cursor, &catalog, self->atoms->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        status = database_visit(&cursor, each, each_state, err);
        if (status == PBASE_OK) {
            status = tree_cursor_next(&cursor, err);
        }
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

typedef struct {
    pbase_bytes wanted;
    catalog_entry entry;
    bool found;
    nearest near;
} name_search;

static pbase_status match_name(void *each_state, const catalog_entry *entry, pbase_error *err)
{
    name_search *search = each_state;
    (void)err;
    if (pbase_bytes_equal(entry->name, search->wanted)) {
        search->entry = *entry;
        search->found = true;
    }
    nearest_offer(&search->near, entry->name);
    return PBASE_OK;
}

pbase_status catalog_database_find(const space_state *self, pbase_bytes name, catalog_entry *out,
                                   pbase_error *err)
{
    name_search search = {.wanted = name};
    nearest_init(&search.near, name);
    pbase_status status = catalog_databases(self, match_name, &search, err);
    if (status == PBASE_OK && !search.found) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no database '%.*s'", (int)name.size,
                            (const char *)name.data);
        nearest_hint(&search.near, err);
    }
    if (status == PBASE_OK) {
        *out = search.entry;
        out->name = name;
    }
    return status;
}

/* --------------------------------------------------------------------------- collections ---- */

size_t catalog_slot_write(uint8_t kind, uint64_t sum, bool nests, pbase_bytes link,
                          uint8_t out[CATALOG_SLOT_BYTES_MAX])
{
    size_t size = 0;
    out[size++] = kind;
    if (kind_counted(kind)) {
        while (sum >= 0x80) {
            out[size++] = (uint8_t)(sum | 0x80);
            sum >>= 7;
        }
        out[size++] = (uint8_t)sum;
    }
    if (link.size > 0) {
        PBASE_ASSERT(link.size <= HOLDER_BYTES_MAX);
        memcpy(out + size, link.data, link.size);
        out[size] |= nests ? CATALOG_NESTS : 0;
        return size + link.size;
    }
    if (nests) {
        out[size++] = CATALOG_NESTS;
    }
    return size;
}

static bool is_known(uint8_t kind)
{
    return kind_known(kind) || kind == COLLECTION_INDEX;
}

/* The flags, and behind those of a holder the rest of its link, appended to `link` (may be NULL). */
static pbase_status slot_link(pbase_bytes rest, collection_slot *out, pbase_buffer *link,
                              bool *out_ok, pbase_error *err)
{
    uint8_t marks = (uint8_t)(rest.data[0] & ~CATALOG_NESTS);
    out->nests = (rest.data[0] & CATALOG_NESTS) != 0;
    *out_ok = marks != 0 ? (marks & HOLDER_SET) != 0 && rest.size <= HOLDER_BYTES_MAX
                         : out->nests && rest.size == 1;
    if (!*out_ok || marks == 0 || link == NULL) {
        return PBASE_OK;
    }
    size_t size = link->size;
    pbase_status status = pbase_buffer_append_bytes(link, rest, err);
    if (status == PBASE_OK) {
        link->data[size] = marks;
    }
    return status;
}

static pbase_status slot_of_entry(const tree_value *entry, collection_slot *out, pbase_buffer *link,
                                  pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(entry->bytes);
    uint8_t kind = 0;
    pbase_status status = PBASE_OK;
    out->sum = 0;
    out->nests = false;
    bool ok = entry->kind == TREE_VALUE_TREE && pbase_read_u8(&reader, &kind) && is_known(kind) &&
              (!kind_counted(kind) || pbase_read_varint(&reader, &out->sum));
    if (ok && pbase_reader_bytes_left(&reader) > 0) {
        pbase_bytes rest = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
        status = slot_link(rest, out, link, &ok, err);
    }
    if (status == PBASE_OK && !ok) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an entry of the table of collections is not one");
    }
    out->kind = kind;
    out->root = entry->root;
    return status;
}

pbase_status catalog_collection_held(atom_source *atoms, atom_ref collections,
                                     pbase_collection_id id, collection_slot *out,
                                     pbase_buffer *link, bool *out_found, pbase_error *err)
{
    uint8_t key[16];
    tree_item item;
    tree table = lent_tree(atoms, collections);
    catalog_collection_key(id, key);
    pbase_status status = tree_get(&table, pbase_bytes_of(key, sizeof key), &item, out_found, err);
    if (status == PBASE_OK && *out_found) {
        out->id = id;
        status = slot_of_entry(&item.value, out, link, err);
        tree_item_release(atoms, &item);
    }
    return status;
}

pbase_status catalog_collection_find(atom_source *atoms, atom_ref collections,
                                     pbase_collection_id id, collection_slot *out, bool *out_found,
                                     pbase_error *err)
{
    return catalog_collection_held(atoms, collections, id, out, NULL, out_found, err);
}

pbase_status catalog_collection(atom_source *atoms, atom_ref collections, pbase_collection_id id,
                                collection_slot *out, pbase_error *err)
{
    bool found = false;
    pbase_status status = catalog_collection_find(atoms, collections, id, out, &found, err);
    return status == PBASE_OK && !found
               ? PBASE_FAIL(err, PBASE_CORRUPT,
                            "collection (%" PRIu64 ", %" PRIu64 ") is named but missing",
                            id.sequence, id.ordinal)
               : status;
}

static pbase_status collection_visit(tree_cursor *cursor, catalog_collection_each each,
                                     void *each_state, pbase_error *err)
{
    encoded_key key;
    tree_value entry;
    collection_slot slot;
    pbase_status status = tree_cursor_key(cursor, &key, err);
    if (status == PBASE_OK) {
        status = tree_cursor_value(cursor, &entry, err);
    }
    if (status == PBASE_OK && key.bytes.size != 16) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a key of the table of collections has %zu bytes",
                            key.bytes.size);
    }
    if (status == PBASE_OK) {
        slot.id.sequence = get_u64_big(key.bytes.data);
        slot.id.ordinal = get_u64_big(key.bytes.data + 8);
        status = slot_of_entry(&entry, &slot, NULL, err);
    }
    return status == PBASE_OK ? each(each_state, &slot, err) : status;
}

pbase_status catalog_collections(atom_source *atoms, atom_ref collections,
                                 catalog_collection_each each, void *each_state, pbase_error *err)
{
    tree table = lent_tree(atoms, collections);
    tree_cursor cursor;
    tree_cursor_init(&cursor, &table, atoms->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        status = collection_visit(&cursor, each, each_state, err);
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

/* --------------------------------------------------------------------------------- roots ---- */

static pbase_status root_of_stored(atom_source *atoms, atom_ref collections, pbase_bytes stored,
                                   root_entry *out, pbase_error *err)
{
    stored_child child;
    out->stored = stored;
    out->is_collection = stored_is_child(stored) && stored_child_at(stored, 0, &child);
    return out->is_collection ? catalog_collection(atoms, collections, child.id, &out->slot, err)
                              : PBASE_OK;
}

/* The dictionary of roots, lent. */
static pbase_status roots_tree(atom_source *atoms, atom_ref collections, tree *out,
                               pbase_error *err)
{
    collection_slot slot;
    pbase_status status = catalog_collection(atoms, collections, CATALOG_ROOTS, &slot, err);
    if (status == PBASE_OK) {
        *out = lent_tree(atoms, slot.root);
    }
    return status;
}

pbase_status catalog_roots(atom_source *atoms, atom_ref collections, catalog_root_each each,
                           void *each_state, pbase_error *err)
{
    tree roots;
    tree_cursor cursor;
    pbase_arena arena;
    pbase_status status = roots_tree(atoms, collections, &roots, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_arena_init(&arena, atoms->alloc);
    tree_cursor_init(&cursor, &roots, atoms->alloc);
    status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        encoded_key key;
        tree_value entry;
        pbase_value name;
        root_entry root;
        pbase_arena_reset(&arena);
        status = tree_cursor_key(&cursor, &key, err);
        status = status == PBASE_OK ? tree_cursor_value(&cursor, &entry, err) : status;
        status = status == PBASE_OK ? key_decode(&key, &arena, &name, err) : status;
        status = status == PBASE_OK ? root_of_stored(atoms, collections, entry.bytes, &root, err)
                                    : status;
        status = status == PBASE_OK ? each(each_state, name.as.string, &root, err) : status;
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    pbase_arena_fini(&arena);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status offer_root(void *each_state, pbase_bytes name, const root_entry *root,
                               pbase_error *err)
{
    (void)root;
    (void)err;
    nearest_offer(each_state, name);
    return PBASE_OK;
}

static pbase_status no_such_root(atom_source *atoms, atom_ref collections, pbase_bytes name,
                                 pbase_error *err)
{
    nearest near;
    nearest_init(&near, name);
    pbase_status status = catalog_roots(atoms, collections, offer_root, &near, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no root '%.*s'", (int)name.size,
                        (const char *)name.data);
    nearest_hint(&near, err);
    return status;
}

pbase_status catalog_root(atom_source *atoms, atom_ref collections, pbase_bytes name,
                          root_entry *out, pbase_buffer *buffer, pbase_error *err)
{
    tree roots;
    tree_item item;
    bool found = false;
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_string(name);
    key_scratch_init(&scratch, atoms->alloc);
    pbase_status status = key_encode(&text, &scratch, &key, err);
    status = status == PBASE_OK ? roots_tree(atoms, collections, &roots, err) : status;
    status = status == PBASE_OK ? tree_get(&roots, key.bytes, &item, &found, err) : status;
    key_scratch_fini(&scratch);
    if (status != PBASE_OK) {
        return status;
    }
    if (!found) {
        return no_such_root(atoms, collections, name, err);
    }
    buffer->size = 0;
    status = pbase_buffer_append_bytes(buffer, item.value.bytes, err);
    tree_item_release(atoms, &item);
    return status == PBASE_OK
               ? root_of_stored(atoms, collections, pbase_buffer_view(buffer), out, err)
               : status;
}
