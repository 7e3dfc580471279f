/* store.h - nodes and values in, bytes out; pointers in, payloads out.
 *
 * The store stands between the object model and a storage plugin. Downwards it writes atoms (header,
 * checksum, transforms) and journal records; upwards it is the atom_source of every tree and the
 * coder of every stored value. It decides how a stored atom is read: in place from the storage's
 * map when no transform covers it, else through bounded caches: one of decoded payloads, and where
 * there is no map one of the atoms as they are stored.
 *
 * Threads: synchronized. */
#ifndef PROTOBASE_STORE_STORE_H
#define PROTOBASE_STORE_STORE_H
#include "atom/atom_source.h"
#include "store/atom_cache.h"
#include "store/codec_table.h"

typedef struct store store;

typedef struct {
    const pbase_host *host;          /* borrowed until close */
    pbase_storage *storage;          /* borrowed until close */
    codec_provider *codecs;          /* borrowed until close */
    const char *serializer;          /* of new values */
    const char *const *transforms;   /* of new records and atoms, in their order */
    size_t transform_count;          /* at most ATOM_TRANSFORMS_MAX */
    atom_cache_options object_cache; /* decoded payloads */
    atom_cache_options bytes_cache;  /* transformed atoms as they are stored; without a map only */
    bool write_through;              /* what is written goes into the caches */
    codec_table_opening opening;     /* where there is no space, or not its meta document */
    bool use_map;                    /* false: everything through the cache, the strict mode */
    /* Structural check of an atom's payload, after its checksum, by its type: collection/ gives
     * tree_atom_check. */
    pbase_status (*check_node)(uint32_t type, pbase_bytes payload, pbase_error *err);
    uint64_t patch_leaves; /* trees of so many get patches (collection/patch.h); 0: none do */
} store_options;

PBASE_MUST_CHECK pbase_status store_open(const store_options *options, store **out,
                                         pbase_error *err);
void store_close(store *self); /* NULL is fine */

atom_source *store_atoms(store *self);
codec_table *store_codecs(store *self);
/* Lets go of a segment: nobody follows a pointer into it any more. */
PBASE_MUST_CHECK pbase_status store_segment_retire(store *self, const pbase_call *call,
                                                   uint32_t log_id, pbase_error *err);
/* Of atoms written since it was opened, with their headers. */
uint64_t store_written_bytes(const store *self);
/* Patches of leaves among them. */
uint64_t store_written_patches(const store *self);
/* Whether transforms may cover stored atoms, so that only their headers tell what they take. */
PBASE_MUST_CHECK pbase_status store_has_transform(store *self, bool *out, pbase_error *err);
/* Bytes that the atom at `pointer` takes on the storage, its header included: read from there. */
PBASE_MUST_CHECK pbase_status store_atom_extent(store *self, pbase_atom_pointer pointer,
                                                uint64_t *out, pbase_error *err);
/* Lets go of a range of a segment: nobody follows a pointer into it any more. */
PBASE_MUST_CHECK pbase_status store_segment_punch(store *self, const pbase_call *call,
                                                  uint32_t log_id, uint64_t offset, uint64_t size,
                                                  pbase_error *err);
/* The slot `write` of the atoms, for many of which few are read soon (PBASE_ATOMS_STREAMED). */
PBASE_MUST_CHECK pbase_status store_write_streamed(store *self, const uint32_t *types,
                                                   const pbase_bytes *payloads, size_t count,
                                                   pbase_atom_pointer *out, pbase_error *err);
/* Sequence that atoms written from now on carry as their birth. */
void store_birth_set(store *self, uint64_t sequence);

/* ------------------------------------------------------------------- values (envelope.c) ---- */
/* A stored value: varint(local codec id << 1 | has children), then the children if there are any
 * (docs/formats/value.md), then the serializer's bytes. */
PBASE_MUST_CHECK pbase_status store_value_encode(store *self, const pbase_value *value,
                                                 pbase_buffer *out, pbase_error *err);
/* The same by codec `raw`: bytes stored as they are. */
PBASE_MUST_CHECK pbase_status store_value_encode_raw(store *self, pbase_bytes bytes,
                                                     pbase_buffer *out, pbase_error *err);
/* What it points to lies in `stored` or in `arena`. */
PBASE_MUST_CHECK pbase_status store_value_decode(store *self, pbase_bytes stored,
                                                 pbase_arena *arena, pbase_value *out,
                                                 pbase_error *err);
/* The values at `paths`; out[i].kind is PBASE_VALUE_MISSING where there is none. */
PBASE_MUST_CHECK pbase_status store_value_extract(store *self, pbase_bytes stored,
                                                  const pbase_path *paths, size_t count,
                                                  pbase_arena *arena, pbase_value *out,
                                                  pbase_error *err);
/* The serializer's bytes inside a stored value, and which codec wrote them. */
PBASE_MUST_CHECK pbase_status store_value_payload(store *self, pbase_bytes stored, pbase_bytes *out,
                                                  const codec_entry **out_codec, pbase_error *err);

/* ------------------------------------------------------------------- records (record.c) ----- */
/* Wraps a journal record: u8 version, u8 count of transforms and their ids, varint size, bytes. */
PBASE_MUST_CHECK pbase_status store_record_encode(store *self, pbase_bytes record,
                                                  pbase_buffer *out, pbase_error *err);
/* Appends the record inside `wrapped` to `out`. */
PBASE_MUST_CHECK pbase_status store_record_decode(store *self, pbase_bytes wrapped,
                                                  pbase_buffer *out, pbase_error *err);

PBASE_MUST_CHECK pbase_status store_stats(store *self, pbase_stat_each each, void *state,
                                          pbase_error *err);

#endif
