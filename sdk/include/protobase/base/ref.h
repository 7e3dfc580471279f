/* ref.h - the three names of stored things.
 *
 * An object id is what a reference holds: 128 random bits, stable for ever. A collection id names
 * one stored slot that holds a collection, unique in its database. An atom pointer is where a
 * storage keeps an immutable atom: internal to the store, never reused, never shown to users. */
#ifndef PROTOBASE_BASE_REF_H
#define PROTOBASE_BASE_REF_H
#include <protobase/base/bytes.h>
PBASE_BEGIN_DECLS

typedef struct {
    uint8_t bytes[16];
} pbase_object_id;

/* Assigned when a delta record is applied: its sequence and the ordinal of the slot in it. (0, 0)
 * is the dictionary of roots that every database has. */
typedef struct {
    uint64_t sequence;
    uint64_t ordinal;
} pbase_collection_id;

/* 24-bit log id in the upper bits, 40-bit offset in units of 8 bytes below. 0 points nowhere. */
typedef uint64_t pbase_atom_pointer;
#define PBASE_ATOM_NONE ((pbase_atom_pointer)0)
#define PBASE_ATOM_LOG_MAX 0xffffffu
#define PBASE_ATOM_OFFSET_BITS 40u
#define PBASE_ATOM_UNIT 8u
static inline pbase_atom_pointer pbase_atom_pointer_of(uint32_t log_id, uint64_t offset_bytes)
{
    return (uint64_t)log_id << PBASE_ATOM_OFFSET_BITS | offset_bytes / PBASE_ATOM_UNIT;
}
static inline uint32_t pbase_atom_pointer_log(pbase_atom_pointer pointer)
{
    return (uint32_t)(pointer >> PBASE_ATOM_OFFSET_BITS);
}
static inline uint64_t pbase_atom_pointer_offset(pbase_atom_pointer pointer)
{
    return (pointer & ((UINT64_C(1) << PBASE_ATOM_OFFSET_BITS) - 1)) * PBASE_ATOM_UNIT;
}

#define PBASE_OBJECT_ID_TEXT_BYTES 32u /* hexadecimal digits, without a NUL */
/* Writes 32 lower-case digits and a NUL. */
PBASE_API void pbase_object_id_format(pbase_object_id id, char out[33]);
/* INVALID unless `text` is exactly 32 hexadecimal digits. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_id_parse(pbase_bytes text,
                                                              pbase_object_id *out,
                                                              pbase_error *err);

PBASE_END_DECLS
#endif
