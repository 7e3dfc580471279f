/* codec.h - the contract of a codec, in its two roles.
 *
 * A serializer turns a value into bytes and back (json, msgpack, raw); its id is stored with each
 * value. A transform turns bytes into bytes (zstd, lz4, aes-256-gcm); its id is stored with each
 * journal record and node, which it covers whole. What was encoded by one version of a codec must
 * decode for ever: a changed format is a codec of another name.
 *
 * Threads: synchronized; encode and decode run on many threads at once. They do not block on I/O.
 * Input is untrusted: FORMAT or CORRUPT for what is not theirs, LIMIT past a bound, never a crash.
 * On failure `out` may hold a part; the caller cuts it back. */
#ifndef PROTOBASE_PLUGIN_CODEC_H
#define PROTOBASE_PLUGIN_CODEC_H
#include <protobase/base/call.h>
#include <protobase/base/value.h>
PBASE_BEGIN_DECLS

typedef struct pbase_serializer pbase_serializer;
typedef struct pbase_transform pbase_transform;

/* Bounds of one decode; every decoder must hold them. */
typedef struct {
    uint32_t struct_size;
    uint32_t depth_max; /* a scalar has depth 0 */
    uint64_t nodes_max; /* values in all, containers included */
    uint64_t bytes_max; /* memory the decoded value may take from the arena */
} pbase_decode_limits;
/* The product's own: depth PBASE_DEPTH_MAX, nodes and bytes in proportion to PBASE_VALUE_BYTES_MAX. */
pbase_decode_limits pbase_decode_limits_default(void);

/* One step of a path into a document: a field of a map, or an item of a list when `name.data` is
 * NULL. */
typedef struct {
    pbase_bytes name;
    int64_t index; /* negative from the end */
} pbase_path_step;
typedef struct {
    const pbase_path_step *steps;
    size_t count;
} pbase_path;

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Appends the encoding of `value` to `out`. The same value gives the same bytes. UNSUPPORTED
     * when the serializer cannot carry it (raw carries bytes only). `value` has passed
     * pbase_value_check. */
    pbase_status (*encode)(pbase_serializer *self, const pbase_value *value, pbase_buffer *out,
                           pbase_error *err);
    /* The value of exactly `bytes`. Text and bytes in `out` may point into `bytes`; the rest is in
     * `arena`. INVALID with err->where "offset N" or "line L column C" for malformed input. */
    pbase_status (*decode)(pbase_serializer *self, pbase_bytes bytes,
                           const pbase_decode_limits *limits, pbase_arena *arena, pbase_value *out,
                           pbase_error *err);
    /* Optional: only the values at `paths`, in one pass; out[i].kind is 0xff when missing. */
    pbase_status (*extract)(pbase_serializer *self, pbase_bytes bytes, const pbase_path *paths,
                            size_t count, pbase_arena *arena, pbase_value *out, pbase_error *err);
    void (*close)(pbase_serializer *self);
} pbase_serializer_vtable;
#define PBASE_VALUE_MISSING 0xffu

struct pbase_serializer {
    const pbase_serializer_vtable *vtable;
};

#define PBASE_TRANSFORM_COMPRESS 1u
#define PBASE_TRANSFORM_ENCRYPT 2u
typedef struct {
    uint32_t struct_size;
    uint32_t stage; /* PBASE_TRANSFORM_*: compress comes before encrypt */
    /* Appends the transformed bytes. `context` (what the bytes are and where they lie) is bound in
     * by an authenticating transform and ignored by others. */
    pbase_status (*encode)(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                           pbase_buffer *out, pbase_error *err);
    /* Appends the original bytes, `size_max` at most (LIMIT). */
    pbase_status (*decode)(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                           size_t size_max, pbase_buffer *out, pbase_error *err);
    void (*close)(pbase_transform *self);
} pbase_transform_vtable;

struct pbase_transform {
    const pbase_transform_vtable *vtable;
};

/* Tables a codec owns: what it needs besides its name to read what it wrote, such as which keys or
 * which dictionary, and how to tell that it has the right ones. Optional interface, reached with
 * pbase_component.tables. Tables never change, and the same id means the same table. Core keeps them
 * in the meta document of the space, in clear (a table never holds a secret, nor anything of the
 * data), durable before the codec writes its first byte, and hands all of them in before anything is
 * decoded: a codec that lacks what one names says so then, by name. */
#define PBASE_TABLE_ID_BYTES_MAX 64u
#define PBASE_TABLE_BYTES_MAX 256u
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* A table that the space has. Anything but OK ends the opening with it: NOT_FOUND or AUTH when
     * the codec lacks what it needs, FORMAT when that is no table. One thread at a time, but beside
     * encode and decode. `codec` is what open gave. */
    pbase_status (*table_put)(void *codec, pbase_bytes id, pbase_bytes table, pbase_error *err);
    /* A table that the codec is going to need for what it writes from now on, and was neither handed
     * in nor given here before. END: none is new. Called when the space is opened for writing with
     * this codec. What it gives lies in `arena` or is lent until close. */
    pbase_status (*table_next)(void *codec, pbase_arena *arena, pbase_bytes *out_id,
                               pbase_bytes *out_table, pbase_error *err);
} pbase_codec_table_ops;

/* Checked calls. A failed one leaves the buffer as it was. Encode refuses what may not be stored
 * (pbase_value_check, PBASE_VALUE_BYTES_MAX): every stored value passes it once. Decode and extract
 * check the kind of what came out; its UTF-8, names and depth, which a decoder answers for, only in
 * builds with PBASE_SLOW_CHECKS. What breaks a rule after the call is PLUGIN. */
PBASE_MUST_CHECK pbase_status pbase_serializer_check(const pbase_serializer_vtable *vtable,
                                                     pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_serializer_encode(pbase_serializer *serializer,
                                                      const pbase_value *value, pbase_buffer *out,
                                                      pbase_error *err);
/* `limits` NULL: the default ones. */
PBASE_MUST_CHECK pbase_status pbase_serializer_decode(pbase_serializer *serializer,
                                                      pbase_bytes bytes,
                                                      const pbase_decode_limits *limits,
                                                      pbase_arena *arena, pbase_value *out,
                                                      pbase_error *err);
/* Falls back to decode and walk when the slot is absent. On failure `out` is unspecified. */
PBASE_MUST_CHECK pbase_status pbase_serializer_extract(pbase_serializer *serializer,
                                                       pbase_bytes bytes, const pbase_path *paths,
                                                       size_t count, pbase_arena *arena,
                                                       pbase_value *out, pbase_error *err);
void pbase_serializer_close(pbase_serializer *serializer);
PBASE_MUST_CHECK pbase_status pbase_transform_check(const pbase_transform_vtable *vtable,
                                                    pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_transform_encode(pbase_transform *transform, pbase_bytes in,
                                                     pbase_bytes context, pbase_buffer *out,
                                                     pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_transform_decode(pbase_transform *transform, pbase_bytes in,
                                                     pbase_bytes context, size_t size_max,
                                                     pbase_buffer *out, pbase_error *err);
void pbase_transform_close(pbase_transform *transform);
/* `ops` NULL is fine: the codec owns no tables, has none to give, and refuses each as PLUGIN. */
PBASE_MUST_CHECK pbase_status pbase_codec_tables_check(const pbase_codec_table_ops *ops,
                                                       pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_codec_table_put(const pbase_codec_table_ops *ops, void *codec,
                                                    pbase_bytes id, pbase_bytes table,
                                                    pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_codec_table_next(const pbase_codec_table_ops *ops, void *codec,
                                                     pbase_arena *arena, pbase_bytes *out_id,
                                                     pbase_bytes *out_table, pbase_error *err);

PBASE_END_DECLS
#endif
