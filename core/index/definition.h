/* definition.h - what an index is: which fields of which collection, in which order, and how.
 *
 * The definitions of a database are one small tree, collection (0, 2): its keys say which collection
 * and which name, its values are definitions (docs/formats/index.md). Each index has a collection of
 * its own for its entries, of the internal kind COLLECTION_INDEX.
 *
 * Threads: pure functions; a definition is immutable. */
#ifndef PROTOBASE_INDEX_DEFINITION_H
#define PROTOBASE_INDEX_DEFINITION_H
#include "collection/tree.h"
#include <protobase/plugin/codec.h>

/* The internal kind of trees that belong to indexes, in the tree of collections; stored. */
#define COLLECTION_INDEX 8u
#define INDEX_DEFINITIONS ((pbase_collection_id){0, 2})

#define INDEX_FIELDS_MAX 16u
#define INDEX_STEPS_MAX 128u              /* of one field's path */
#define INDEX_DEFINITION_BYTES_MAX 16384u /* encoded */
#define INDEX_PER_COLLECTION_MAX 64u

/* The stored numbers of kinds; others are left for hash, partial and expression indexes. */
enum { INDEX_ORDERED = 1 };

typedef struct {
    pbase_path path;
    bool is_each; /* one entry for each element of the list at `path` (tags[*]) */
} index_field;

typedef struct {
    pbase_collection_id collection; /* what it is on */
    pbase_bytes name;
    uint8_t kind; /* INDEX_ORDERED */
    bool is_unique;
    pbase_collection_id entries; /* its tree; sequence 0 in a record: of that record */
    index_field *fields;
    size_t field_count;
} index_definition;

/* The field that gives several entries, field_count when there is none. */
size_t index_multikey_field(const index_definition *self);
static inline bool index_is_multikey(const index_definition *self)
{
    return index_multikey_field(self) < self->field_count;
}

/* From "a.b", "tags[*]": what users write. INVALID says what is wrong. The field lies in `arena`. */
PBASE_MUST_CHECK pbase_status index_field_parse(pbase_bytes text, pbase_arena *arena,
                                                index_field *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status index_field_format(const index_field *field, pbase_buffer *out,
                                                 pbase_error *err);
/* INVALID or LIMIT: too many fields, one of them twice, or two that give several entries. */
PBASE_MUST_CHECK pbase_status index_definition_check(const index_definition *self,
                                                     pbase_error *err);

/* The key and the value in the tree of definitions, appended. */
PBASE_MUST_CHECK pbase_status index_definition_key(pbase_collection_id collection, pbase_bytes name,
                                                   pbase_buffer *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status index_definition_write(const index_definition *self,
                                                     pbase_buffer *out, pbase_error *err);
/* Reads both back; everything is copied to `arena`. CORRUPT, or FORMAT: of a newer version. */
PBASE_MUST_CHECK pbase_status index_definition_read(pbase_bytes key, pbase_bytes value,
                                                    pbase_arena *arena, index_definition *out,
                                                    pbase_error *err);

/* The definitions in `definitions` in order of their keys, copied to `arena`: all of them, or those
 * of one collection when `collection` is not NULL. */
PBASE_MUST_CHECK pbase_status index_definitions_load(const tree *definitions,
                                                     const pbase_collection_id *collection,
                                                     pbase_arena *arena, index_definition **out,
                                                     size_t *out_count, pbase_error *err);

/* ------------------------------------------------------------------- operations in records ---- */

/* On collection INDEX_DEFINITIONS (docs/formats/delta-op.md). */
enum { INDEX_CREATE = 30, INDEX_DROP = 31 };
typedef struct {
    uint8_t op;        /* INDEX_CREATE, INDEX_DROP */
    pbase_bytes key;   /* index_definition_key */
    pbase_bytes value; /* of a create: index_definition_write, its entries' sequence 0 */
} index_operation;
PBASE_MUST_CHECK pbase_status index_operation_write(const index_operation *self, pbase_buffer *out,
                                                    pbase_error *err);
/* END when none is left. CORRUPT: not an operation on definitions. */
PBASE_MUST_CHECK pbase_status index_operation_read(pbase_reader_bytes *reader, index_operation *out,
                                                   pbase_error *err);

#endif
