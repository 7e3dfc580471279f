/* store.c - the atom_source over a storage: reading in place or through the cache, writing. */
#include "store/store_private.h"

#include <inttypes.h>

/* Most nodes are at most this long: one read brings header and payload. */
#define FIRST_READ_BYTES 4096u

static store *store_from(atom_source *source)
{
    return (store *)source; /* first member */
}

/* Bound to an authenticated atom: the fields of its header. Not its pointer, which it has only once
 * it is written. */
static pbase_bytes atom_context(const store *self, const atom_header *header, uint8_t *out)
{
    uint8_t head[15];
    head[0] = header->type;
    head[1] = header->transforms[0];
    head[2] = header->transforms[1];
    pbase_put_u32(head + 3, header->raw_size);
    pbase_put_u64(head + 7, header->birth);
    return transforms_context(self, "protobase atom", pbase_bytes_of(head, sizeof head), out);
}

static size_t transform_count_of(const atom_header *header)
{
    return header->transforms[0] == 0 ? 0 : header->transforms[1] == 0 ? 1 : 2;
}

/* --------------------------------------------------------------------------------- reading ---- */

static pbase_status note_pointer(pbase_error *err, pbase_atom_pointer pointer, pbase_status status)
{
    if (status == PBASE_LOST || status == PBASE_NOT_FOUND) {
        /* no live state reaches a retired segment, or one that never was: it is missing */
        status = PBASE_CORRUPT;
        if (err != NULL) {
            err->code = status;
        }
    }
    if (status != PBASE_OK) {
        pbase_error_note(err, "atom at segment %" PRIu32 " byte %" PRIu64,
                         pbase_atom_pointer_log(pointer), pbase_atom_pointer_offset(pointer));
        if (status == PBASE_CORRUPT) {
            pbase_error_hint(err, "run 'protobase check' to see what it serves; restore it from a "
                                  "backup");
        }
    }
    return status;
}

/* Checksum, then structure. `raw` is the payload before the transforms. */
static pbase_status check_payload(store *self, const atom_header *header, pbase_bytes raw,
                                  pbase_error *err)
{
    atomic_fetch_add_explicit(&self->atoms_verified, 1, memory_order_relaxed);
    return self->check_node(header->type, raw, err);
}

/* The payload of a whole atom (header already read) into a prepared cache entry. */
static pbase_status fill_entry(store *self, const uint8_t *at, const atom_header *header,
                               atom_cache_entry *entry, pbase_error *err)
{
    pbase_status status = atom_checksum_verify(self->host, at, header, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_bytes stored = pbase_bytes_of(at + ATOM_HEADER_BYTES, header->stored_size);
    size_t count = transform_count_of(header);
    if (count == 0) {
        if (stored.size != header->raw_size) {
            return PBASE_FAIL(err, PBASE_CORRUPT, "an atom's two sizes differ");
        }
        memcpy(entry->payload, stored.data, stored.size);
    } else {
        pbase_buffer decoded;
        uint8_t context[CONTEXT_BYTES_MAX];
        pbase_buffer_init(&decoded, self->host->alloc);
        status =
            transforms_decode(self, header->transforms, count, stored,
                              atom_context(self, header, context), header->raw_size, &decoded, err);
        if (status == PBASE_OK) {
            memcpy(entry->payload, decoded.data, decoded.size);
        }
        pbase_buffer_fini(&decoded);
    }
    if (status == PBASE_OK) {
        status = check_payload(self, header, pbase_bytes_of(entry->payload, entry->size), err);
    }
    return status;
}

static void lend_entry(const atom_cache_entry *entry, atom_view *out)
{
    out->payload = entry->payload;
    out->size = entry->size;
    out->type = entry->type;
    out->pin = (void *)(uintptr_t)entry;
}

/* A cache entry of the whole atom at `at`, pinned, not in the cache yet. */
static pbase_status decode_atom(store *self, pbase_atom_pointer pointer, const uint8_t *at,
                                const atom_header *header, atom_cache_entry **out, pbase_error *err)
{
    atom_cache_entry *entry =
        atom_cache_prepare(self->objects, pointer, header->type, header->raw_size);
    if (entry == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an atom of %" PRIu32 " bytes",
                          header->raw_size);
    }
    pbase_status status = fill_entry(self, at, header, entry, err);
    if (status != PBASE_OK) {
        atom_cache_release(self->objects, entry);
        return status;
    }
    *out = entry;
    return PBASE_OK;
}

/* Ends a flight with the whole atom at `at`, decoded; with nothing when that fails. */
static pbase_status land_decoded(store *self, atom_cache_flight *flight, const uint8_t *at,
                                 const atom_header *header, atom_view *out, pbase_error *err)
{
    atom_cache_entry *entry = NULL;
    pbase_status status = decode_atom(self, flight->pointer, at, header, &entry, err);
    atom_cache_land(self->objects, flight, entry);
    if (entry != NULL) {
        lend_entry(entry, out);
    }
    return status;
}

/* Reads the whole atom into `buffer`. */
static pbase_status read_atom(store *self, pbase_atom_pointer pointer, pbase_buffer *buffer,
                              atom_header *out_header, pbase_error *err)
{
    pbase_status status = pbase_buffer_reserve(buffer, FIRST_READ_BYTES, err);
    size_t got = 0;
    if (status == PBASE_OK) {
        status = pbase_storage_atoms_read(self->storage, NULL, pointer, buffer->data,
                                          FIRST_READ_BYTES, &got, err);
    }
    if (status == PBASE_OK) {
        status = atom_header_read(buffer->data, got, out_header, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    size_t whole = ATOM_HEADER_BYTES + (size_t)out_header->stored_size;
    if (got < whole) {
        status = pbase_buffer_reserve(buffer, whole, err);
        if (status == PBASE_OK) {
            status = pbase_storage_atoms_read(self->storage, NULL, pointer, buffer->data, whole,
                                              &got, err);
        }
    }
    if (status == PBASE_OK && got < whole) {
        status =
            PBASE_FAIL(err, PBASE_CORRUPT, "an atom of %zu bytes is cut after %zu", whole, got);
    }
    return status;
}

/* From the storage; what a transform covers is kept as it is stored too, being the smaller form. */
static pbase_status load_stored(store *self, atom_cache_flight *flight, atom_view *out,
                                pbase_error *err)
{
    pbase_buffer buffer;
    atom_header header;
    pbase_buffer_init(&buffer, self->host->alloc);
    pbase_status status = read_atom(self, flight->pointer, &buffer, &header, err);
    if (status != PBASE_OK) {
        atom_cache_land(self->objects, flight, NULL);
    } else {
        pbase_atom_pointer pointer = flight->pointer;
        status = land_decoded(self, flight, buffer.data, &header, out, err);
        if (status == PBASE_OK && transform_count_of(&header) > 0) {
            pbase_bytes whole = pbase_bytes_of(buffer.data, ATOM_HEADER_BYTES + header.stored_size);
            atom_cache_insert(self->stored, pointer, header.type, whole);
        }
    }
    pbase_buffer_fini(&buffer);
    return status;
}

/* From the cache of stored atoms. */
static pbase_status load_kept(store *self, atom_cache_flight *flight, const atom_cache_entry *kept,
                              atom_view *out, pbase_error *err)
{
    atom_header header;
    pbase_status status = atom_header_read(kept->payload, kept->size, &header, err);
    if (status != PBASE_OK) {
        atom_cache_land(self->objects, flight, NULL);
        return status;
    }
    return land_decoded(self, flight, kept->payload, &header, out, err);
}

static pbase_status acquire_cached(store *self, pbase_atom_pointer pointer, atom_view *out,
                                   pbase_error *err)
{
    atom_cache_flight flight;
    atom_cache_entry *entry = atom_cache_acquire(self->objects, pointer, &flight);
    if (entry != NULL) {
        lend_entry(entry, out);
        return PBASE_OK;
    }
    atom_cache_entry *kept = atom_cache_find(self->stored, pointer);
    pbase_status status = kept != NULL ? load_kept(self, &flight, kept, out, err)
                                       : load_stored(self, &flight, out, err);
    if (kept != NULL) {
        atom_cache_release(self->stored, kept);
    }
    return note_pointer(err, pointer, status);
}

/* A whole mapped atom that nobody has touched. */
static pbase_status verify_mapped(store *self, const uint8_t *at, const atom_header *header,
                                  pbase_error *err)
{
    const pbase_os *os = self->host->os;
    uint64_t began_ns = os->system->monotonic_ns(os);
    pbase_status status = atom_checksum_verify(self->host, at, header, err);
    if (status == PBASE_OK) {
        status = check_payload(self, header,
                               pbase_bytes_of(at + ATOM_HEADER_BYTES, header->stored_size), err);
    }
    latency_record(&self->loads, os->system->monotonic_ns(os) - began_ns);
    return status;
}

_Static_assert(ATOM_MAPPED_HEADER == ATOM_HEADER_BYTES, "atom_map.h knows where payloads begin");

static void lend_mapped(const uint8_t *at, atom_view *out)
{
    out->payload = at + ATOM_HEADER_BYTES;
    out->size = pbase_get_u32(at + ATOM_MAPPED_AT_SIZE);
    out->type = at[ATOM_MAPPED_AT_TYPE];
    out->pin = NULL;
}

/* The atom at `at`, with so many bytes behind that may be read. */
static pbase_status load_mapped(store *self, pbase_atom_pointer pointer, mapped_segment *segment,
                                const uint8_t *at, uint64_t available, atom_view *out,
                                pbase_error *err)
{
    atom_header header;
    pbase_status status = atom_header_read(at, available, &header, err);
    if (status == PBASE_OK && header.stored_size > available - ATOM_HEADER_BYTES) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an atom runs past the end of its segment");
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (transform_count_of(&header) > 0) {
        atom_cache_flight flight;
        atom_cache_entry *entry = atom_cache_acquire(self->objects, pointer, &flight);
        if (entry != NULL) {
            lend_entry(entry, out);
            return PBASE_OK;
        }
        return land_decoded(self, &flight, at, &header, out, err);
    }
    status = verify_mapped(self, at, &header, err);
    if (status == PBASE_OK) {
        segment_map_set_verified(segment, at);
        lend_mapped(at, out);
    }
    return status;
}

/* First touch of a mapped atom, or one under a transform. */
static pbase_status acquire_mapped(store *self, pbase_atom_pointer pointer, atom_view *out,
                                   pbase_error *err)
{
    mapped_segment *segment;
    const uint8_t *at;
    uint64_t available;
    pbase_status status = segment_map_find(self->map, pointer, &segment, &at, &available, err);
    if (status == PBASE_OK) {
        segment_map_touch(self->map, pbase_atom_pointer_log(pointer), segment, at, available);
    }
    if (status == PBASE_OK &&
        ATOM_HEADER_BYTES + (uint64_t)pbase_get_u32(at + ATOM_MAPPED_AT_SIZE) > available) {
        status = segment_map_find_again(self->map, pointer, &segment, &at, &available, err);
    }
    if (status == PBASE_OK) {
        status = load_mapped(self, pointer, segment, at, available, out, err);
    }
    return note_pointer(err, pointer, status);
}

/* Of what atom_acquire did not find by itself. */
static pbase_status acquire(atom_source *source, pbase_atom_pointer pointer, atom_view *out,
                            pbase_error *err)
{
    store *self = store_from(source);
    return self->map == NULL ? acquire_cached(self, pointer, out, err)
                             : acquire_mapped(self, pointer, out, err);
}

static void release(atom_source *source, void *pin)
{
    atom_cache_release(store_from(source)->objects, pin);
}

/* --------------------------------------------------------------------------------- writing ---- */

/* Appends one whole atom to `out`. */
static pbase_status encode_atom(store *self, uint32_t type, pbase_bytes payload, pbase_buffer *out,
                                pbase_error *err)
{
    size_t start = out->size;
    uint8_t context[CONTEXT_BYTES_MAX];
    atom_header header = {.raw_size = (uint32_t)payload.size,
                          .type = (uint8_t)type,
                          .birth = atomic_load_explicit(&self->birth, memory_order_relaxed)};
    memcpy(header.transforms, self->transform_ids, sizeof header.transforms);
    pbase_status status = pbase_buffer_append_zeros(out, ATOM_HEADER_BYTES, err);
    if (status == PBASE_OK) {
        status =
            self->transform_count == 0
                ? pbase_buffer_append_bytes(out, payload, err)
                : transforms_encode(self, payload, atom_context(self, &header, context), out, err);
    }
    size_t whole = out->size - start;
    if (status == PBASE_OK && whole > PBASE_ATOM_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "an atom of %zu bytes; the limit is %u", whole,
                            PBASE_ATOM_BYTES_MAX);
    }
    if (status != PBASE_OK) {
        return status;
    }
    header.stored_size = (uint32_t)(whole - ATOM_HEADER_BYTES);
    atom_header_seal(self->host, &header, out->data + start);
    return PBASE_OK;
}

/* Encodes all payloads behind one another; `ends` receives where each ends. */
static pbase_status encode_batch(store *self, const uint32_t *types, const pbase_bytes *payloads,
                                 size_t count, pbase_buffer *out, size_t *ends, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = encode_atom(self, types[i], payloads[i], out, err);
        ends[i] = out->size;
    }
    return status;
}

static pbase_status write_batch(store *self, pbase_bytes encoded, const size_t *ends, size_t count,
                                uint32_t mode, pbase_arena *arena, pbase_atom_pointer *out,
                                pbase_error *err)
{
    pbase_bytes *atoms = pbase_arena_array(arena, count, sizeof *atoms);
    if (atoms == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to write %zu atoms", count);
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        atoms[i] = pbase_bytes_of(encoded.data + start, ends[i] - start);
    }
    return pbase_storage_atoms_write(self->storage, NULL, atoms, count, mode, out, err);
}

/* What was just written is read next, by queries and by the checkpoint after this one: it goes into
 * the caches that would have to load it. Mapped atoms without a transform need none. */
static void write_through(store *self, const uint32_t *types, const pbase_bytes *payloads,
                          size_t count, pbase_bytes encoded, const size_t *ends,
                          const pbase_atom_pointer *pointers)
{
    bool transformed = self->transform_count > 0;
    if (!self->writes_through || (self->map != NULL && !transformed)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        atom_cache_insert(self->objects, pointers[i], types[i], payloads[i]);
        if (self->map == NULL && transformed) {
            size_t start = i == 0 ? 0 : ends[i - 1];
            atom_cache_insert(self->stored, pointers[i], types[i],
                              pbase_bytes_of(encoded.data + start, ends[i] - start));
        }
    }
}

static uint64_t count_patches(const uint32_t *types, size_t count)
{
    uint64_t patches = 0;
    for (size_t i = 0; i < count; i++) {
        patches += types[i] == ATOM_PATCH;
    }
    return patches;
}

static pbase_status write_in_mode(store *self, const uint32_t *types, const pbase_bytes *payloads,
                                  size_t count, uint32_t mode, pbase_atom_pointer *out,
                                  pbase_error *err)
{
    pbase_buffer encoded;
    pbase_arena arena;
    pbase_buffer_init(&encoded, self->host->alloc);
    pbase_arena_init(&arena, self->host->alloc);
    size_t *ends = pbase_arena_array(&arena, count, sizeof *ends);
    uint64_t patches = count_patches(types, count);
    pbase_status status = PBASE_OK;
    if (patches > 0) { /* the space says what it needs of who reads it before there is any of it */
        status = codec_table_require(self->codecs, STORE_FEATURE_PATCHES, err);
    }
    if (status == PBASE_OK) {
        status = ends == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu atoms", count)
                              : encode_batch(self, types, payloads, count, &encoded, ends, err);
    }
    if (status == PBASE_OK) {
        status =
            write_batch(self, pbase_buffer_view(&encoded), ends, count, mode, &arena, out, err);
    }
    if (status == PBASE_OK) {
        atomic_fetch_add_explicit(&self->atoms_written, count, memory_order_relaxed);
        atomic_fetch_add_explicit(&self->patches_written, patches, memory_order_relaxed);
        atomic_fetch_add_explicit(&self->atom_bytes_written, encoded.size, memory_order_relaxed);
        write_through(self, types, payloads, count, pbase_buffer_view(&encoded), ends, out);
    }
    pbase_arena_fini(&arena);
    pbase_buffer_fini(&encoded);
    return status;
}

static pbase_status write_atoms(atom_source *source, const uint32_t *types,
                                const pbase_bytes *payloads, size_t count, pbase_atom_pointer *out,
                                pbase_error *err)
{
    return write_in_mode(store_from(source), types, payloads, count, PBASE_ATOMS_WITH_APPEND, out,
                         err);
}

pbase_status store_write_streamed(store *self, const uint32_t *types, const pbase_bytes *payloads,
                                  size_t count, pbase_atom_pointer *out, pbase_error *err)
{
    return write_in_mode(self, types, payloads, count, PBASE_ATOMS_STREAMED, out, err);
}

static uint64_t now_ns(atom_source *source)
{
    const pbase_os *os = store_from(source)->host->os;
    return os->system->monotonic_ns(os);
}

static void read_took(atom_source *source, uint64_t elapsed_ns)
{
    latency_record(&store_from(source)->reads, elapsed_ns);
}

static const atom_source_vtable store_atom_vtable = {
    .acquire = acquire,
    .release = release,
    .write = write_atoms,
    .now_ns = now_ns,
    .read_took = read_took,
};

/* ----------------------------------------------------------------------------- life of it ---- */

static pbase_status enter_codecs(store *self, const store_options *options, pbase_error *err)
{
    pbase_status status =
        codec_table_enter(self->codecs, false, options->serializer, &self->serializer_id, err);
    for (size_t i = 0; i < options->transform_count && status == PBASE_OK; i++) {
        status = codec_table_enter(self->codecs, true, options->transforms[i],
                                   &self->transform_ids[i], err);
    }
    self->transform_count = options->transform_count;
    return status;
}

static pbase_status open_parts(store *self, const store_options *options, pbase_error *err)
{
    pbase_status status = codec_table_open(options->host, options->storage, options->codecs,
                                           options->opening, &self->codecs, err);
    if (status == PBASE_OK) {
        status = enter_codecs(self, options, err);
    }
    if (status == PBASE_OK) {
        status = atom_cache_create(options->host, &options->object_cache, &self->objects, err);
    }
    if (status == PBASE_OK) {
        status = atom_cache_create(options->host, &options->bytes_cache, &self->stored, err);
    }
    bool mappable = (options->storage->vtable->capabilities & PBASE_STORAGE_MAP) != 0;
    if (status == PBASE_OK && options->use_map && mappable) {
        status = segment_map_create(options->host, options->storage, &self->map, err);
        self->atoms.map = status == PBASE_OK ? &self->map->table : NULL;
    }
    return status;
}

pbase_status store_open(const store_options *options, store **out, pbase_error *err)
{
    if (options->transform_count > ATOM_TRANSFORMS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu transforms; at most %u", options->transform_count,
                          ATOM_TRANSFORMS_MAX);
    }
    store *self = pbase_alloc_zeroed(options->host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the store");
    }
    self->atoms.vtable = &store_atom_vtable;
    self->atoms.alloc = options->host->alloc;
    self->atoms.patch_leaves = options->patch_leaves;
    self->host = options->host;
    self->storage = options->storage;
    self->check_node = options->check_node;
    self->writes_through = options->write_through;
    pbase_status status = open_parts(self, options, err);
    if (status != PBASE_OK) {
        store_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void store_close(store *self)
{
    if (self == NULL) {
        return;
    }
    segment_map_destroy(self->map);
    atom_cache_destroy(self->objects);
    atom_cache_destroy(self->stored);
    codec_table_close(self->codecs);
    pbase_alloc_free(self->host->alloc, self, sizeof *self);
}

atom_source *store_atoms(store *self)
{
    return &self->atoms;
}

codec_table *store_codecs(store *self)
{
    return self->codecs;
}

pbase_status store_segment_retire(store *self, const pbase_call *call, uint32_t log_id,
                                  pbase_error *err)
{
    if (self->map != NULL) {
        segment_map_forget(self->map, log_id);
    }
    return pbase_storage_segment_retire(self->storage, call, log_id, err);
}

uint64_t store_written_bytes(const store *self)
{
    return atomic_load_explicit(&self->atom_bytes_written, memory_order_relaxed);
}

uint64_t store_written_patches(const store *self)
{
    return atomic_load_explicit(&self->patches_written, memory_order_relaxed);
}

pbase_status store_has_transform(store *self, bool *out, pbase_error *err)
{
    *out = false;
    return codec_table_has_transform(self->codecs, out, err);
}

pbase_status store_atom_extent(store *self, pbase_atom_pointer pointer, uint64_t *out,
                               pbase_error *err)
{
    uint8_t head[ATOM_HEADER_BYTES];
    atom_header header;
    size_t got = 0;
    pbase_status status =
        pbase_storage_atoms_read(self->storage, NULL, pointer, head, sizeof head, &got, err);
    if (status == PBASE_OK) {
        status = atom_header_read(head, got, &header, err);
    }
    if (status == PBASE_OK) {
        *out = ATOM_HEADER_BYTES + (uint64_t)header.stored_size;
    }
    return note_pointer(err, pointer, status);
}

pbase_status store_segment_punch(store *self, const pbase_call *call, uint32_t log_id,
                                 uint64_t offset, uint64_t size, pbase_error *err)
{
    pbase_status status = pbase_storage_atoms_punch(
        self->storage, call, pbase_atom_pointer_of(log_id, offset), size, err);
    if (self->map != NULL) { /* also after a failure: some of it may be gone */
        segment_map_doubt(self->map, log_id, offset, size);
    }
    return status;
}

void store_birth_set(store *self, uint64_t sequence)
{
    atomic_store_explicit(&self->birth, sequence, memory_order_relaxed);
}
