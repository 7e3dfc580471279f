/* place.c - links to holders, followed up to a root; bounds of keys, made readable. */
#include "space/place.h"

#include "collection/kind.h"
#include "txn/index_view.h"
#include "txn/objects.h"

#include <inttypes.h>
#include <stdio.h>

#define KEY_TEXT_BYTES 80u
#define STEPS_SHOWN_MAX 6u

/* Classes of keys (docs/formats/key.md). */
enum { CLASS_NUMBER = 0x04, CLASS_TIME = 0x07, CLASS_LIST = 0x08, CLASS_REFERENCE = 0x0b };

static size_t key_length(uint8_t class_byte)
{
    return class_byte == CLASS_NUMBER      ? 11
           : class_byte == CLASS_TIME      ? 9
           : class_byte == CLASS_REFERENCE ? 17
                                           : 0;
}

static void hexadecimal(pbase_bytes bytes, char out[KEY_TEXT_BYTES])
{
    size_t at = 0;
    for (size_t i = 0; i < bytes.size && at + 6 < KEY_TEXT_BYTES; i++) {
        at += (size_t)snprintf(out + at, KEY_TEXT_BYTES - at, "%s%02x", i == 0 ? "0x" : "",
                               bytes.data[i]);
    }
    if (at + 6 >= KEY_TEXT_BYTES) {
        (void)snprintf(out + at, KEY_TEXT_BYTES - at, "...");
    }
}

/* A key, or the beginning of one that separates two nodes: what is missing counts as zeros. */
static void key_text(uint8_t kind, pbase_bytes key, char out[KEY_TEXT_BYTES])
{
    uint8_t filled[KEY_TEXT_BYTES] = {0};
    out[0] = '\0';
    if (key.size == 0) { /* no bound: there may be no bytes at all */
        return;
    }
    if (kind == COLLECTION_INDEX || kind == PBASE_COLLECTION_MULTI_DICT) {
        size_t size = key.size < sizeof filled - 1 ? key.size : sizeof filled - 1;
        filled[0] = CLASS_LIST; /* elements, one after another, as a list has them */
        memcpy(filled + 1, key.data, size);
        key_describe(pbase_bytes_of(filled, size + 1), out, KEY_TEXT_BYTES);
        return;
    }
    if (kind == PBASE_COLLECTION_HASH_DICT && key.size > 9) {
        key = pbase_bytes_of(key.data + 8, key.size - 8); /* the hash is no key of the user's */
    } else if (kind == PBASE_COLLECTION_HASH_DICT) {
        hexadecimal(key, out);
        return;
    }
    size_t whole = key_length(key.data[0]);
    if (key.size < whole) {
        memcpy(filled, key.data, key.size);
        key = pbase_bytes_of(filled, whole);
    }
    key_describe(key, out, KEY_TEXT_BYTES);
    if (out[0] == '\0') {
        hexadecimal(key, out);
    }
}

void place_of_entries(uint8_t kind, const tree_walk_atom *atom, char out[PLACE_TEXT_BYTES])
{
    char from[KEY_TEXT_BYTES], to[KEY_TEXT_BYTES];
    bool is_one = atom->type == ATOM_VALUE;
    if (tree_kind_positional(kind)) {
        if (is_one || atom->count == 1) {
            (void)snprintf(out, PLACE_TEXT_BYTES, "element %" PRIu64, atom->before);
        } else if (atom->count > 0) {
            (void)snprintf(out, PLACE_TEXT_BYTES, "elements %" PRIu64 " to %" PRIu64, atom->before,
                           atom->before + atom->count - 1);
        } else {
            (void)snprintf(out, PLACE_TEXT_BYTES, "all elements");
        }
        return;
    }
    key_text(kind, atom->from, from);
    key_text(kind, atom->to, to);
    if (is_one) {
        (void)snprintf(out, PLACE_TEXT_BYTES, "key %s", from);
    } else if (atom->from.size == 0 && atom->to.size == 0) {
        (void)snprintf(out, PLACE_TEXT_BYTES, "all keys");
    } else if (atom->from.size == 0) {
        (void)snprintf(out, PLACE_TEXT_BYTES, "keys before %s", to);
    } else if (atom->to.size == 0) {
        (void)snprintf(out, PLACE_TEXT_BYTES, "keys from %s on", from);
    } else {
        (void)snprintf(out, PLACE_TEXT_BYTES, "keys from %s up to %s", from, to);
    }
}

/* --------------------------------------------------------------------- the way from a root ---- */

typedef struct {
    atom_source *atoms;
    atom_ref collections;
    char *text; /* PLACE_TEXT_BYTES: written from its end to its beginning */
    size_t begin;
} way;

/* Puts `part` before what is there; what does not fit is left out. */
static void way_add(way *self, const char *part)
{
    size_t size = strlen(part);
    if (size <= self->begin) {
        self->begin -= size;
        memcpy(self->text + self->begin, part, size);
    }
}

static void way_add_step(way *self, uint8_t holder_kind, const holder *link)
{
    char key[KEY_TEXT_BYTES], part[KEY_TEXT_BYTES + 16];
    if (link->in_list) {
        (void)snprintf(part, sizeof part, ", in element %" PRIu64, link->index);
    } else {
        key_text(holder_kind, link->key, key);
        (void)snprintf(part, sizeof part, ", in %s", key);
    }
    way_add(self, part);
}

/* Collections that no value holds end the way. */
static bool way_ends(way *self, pbase_collection_id id)
{
    char part[80];
    if (collection_id_same(id, CATALOG_ROOTS)) {
        way_add(self, "the list of roots");
    } else if (collection_id_same(id, CATALOG_OBJECTS)) {
        way_add(self, "the objects");
    } else if (collection_id_same(id, INDEX_DEFINITIONS)) {
        way_add(self, "the definitions of indexes");
    } else if (catalog_is_system(id)) {
        (void)snprintf(part, sizeof part, "collection (%" PRIu64 ", %" PRIu64 ")", id.sequence,
                       id.ordinal);
        way_add(self, part);
    } else {
        return false;
    }
    return true;
}

static void way_add_id(way *self, pbase_collection_id id)
{
    char part[80];
    (void)snprintf(part, sizeof part, "collection (%" PRIu64 ", %" PRIu64 ")", id.sequence,
                   id.ordinal);
    way_add(self, part);
}

/* One step up; false: the way has ended. */
static bool way_up(way *self, pbase_collection_id *id, pbase_buffer *link_bytes, unsigned depth)
{
    collection_slot slot, above;
    bool found = false, is_above = false;
    holder link;
    link_bytes->size = 0;
    pbase_status status = catalog_collection_held(self->atoms, self->collections, *id, &slot,
                                                  link_bytes, &found, NULL);
    if (status != PBASE_OK || !found || !holder_read(pbase_buffer_view(link_bytes), &link)) {
        way_add_id(self, *id);
        return false;
    }
    if (collection_id_same(link.by, CATALOG_ROOTS)) {
        char key[KEY_TEXT_BYTES], part[KEY_TEXT_BYTES + 8];
        key_text(PBASE_COLLECTION_DICT, link.key, key);
        (void)snprintf(part, sizeof part, "root %s", key);
        way_add(self, part);
        return false;
    }
    above.kind = PBASE_COLLECTION_DICT;
    if (catalog_collection_find(self->atoms, self->collections, link.by, &above, &is_above, NULL) !=
        PBASE_OK) {
        is_above = false;
    }
    if (depth < STEPS_SHOWN_MAX) {
        way_add_step(self, is_above ? above.kind : PBASE_COLLECTION_DICT, &link);
    }
    *id = link.by;
    return true;
}

static void way_from(way *self, pbase_collection_id id)
{
    pbase_buffer link;
    pbase_buffer_init(&link, self->atoms->alloc);
    unsigned depth = 0;
    while (depth < PBASE_DEPTH_MAX && !way_ends(self, id) && way_up(self, &id, &link, depth)) {
        depth++;
    }
    pbase_buffer_fini(&link);
}

/* An index, and what it is on. */
static void way_from_index(way *self, pbase_collection_id entries)
{
    index_view view;
    memset(&view, 0, sizeof view);
    if (index_view_load(self->atoms, self->collections, NULL, &view, NULL) != PBASE_OK) {
        way_add_id(self, entries);
        way_add(self, "index ");
        return;
    }
    for (size_t i = 0; i < view.count; i++) {
        const index_definition *definition = view.items[i].definition;
        if (collection_id_same(definition->entries, entries)) {
            char part[KEY_TEXT_BYTES + 16];
            way_from(self, definition->collection);
            (void)snprintf(part, sizeof part, "index '%.*s' of ",
                           (int)(definition->name.size < 64 ? definition->name.size : 64),
                           (const char *)definition->name.data);
            way_add(self, part);
        }
    }
    index_view_fini(&view);
}

void place_of_collection(atom_source *atoms, atom_ref collections, pbase_collection_id id,
                         uint8_t kind, char out[PLACE_TEXT_BYTES])
{
    char text[PLACE_TEXT_BYTES];
    way self = {atoms, collections, text, PLACE_TEXT_BYTES - 1};
    text[PLACE_TEXT_BYTES - 1] = '\0';
    if (kind == COLLECTION_INDEX && !catalog_is_system(id)) {
        way_from_index(&self, id);
    } else {
        way_from(&self, id);
    }
    memcpy(out, text + self.begin, PLACE_TEXT_BYTES - self.begin);
}
