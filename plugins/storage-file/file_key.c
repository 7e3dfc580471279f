/* file_key.c - reading two slots, writing the older one. */
#include "file_key.h"

#include <inttypes.h>
#include <protobase/base/limits.h>
#include <stdio.h>

#define KEY_MAGIC 0x594b4250u /* "PBKY" */
#define KEY_FORMAT_VERSION 1u
#define KEY_HEADER_BYTES 32u
#define KEY_NEW ".NEW"
#define SLOT_COUNT 2u
#define SLOT_BEGIN_BYTES 4096u /* of each slot, allocated when the key is made */

_Static_assert(KEY_HEADER_BYTES + PBASE_KEY_DOCUMENT_BYTES_MAX <= FILE_KEY_SLOT_BYTES,
               "a slot holds the largest document");

/* The valid slot of a key, found by reading both. */
typedef struct {
    uint64_t version; /* 0: the key is missing */
    uint32_t slot;
    uint32_t size; /* of the document */
    bool damaged;  /* the other slot holds something invalid: torn, or rotten */
    bool is_older; /* and it says that it is older than the valid one */
} key_state;

/* What was read of one slot. */
typedef struct {
    uint8_t *data;   /* NULL: nothing yet */
    size_t capacity; /* SLOT_BEGIN_BYTES, or FILE_KEY_SLOT_BYTES where that was not enough */
    size_t size;
} slot_memory;

/* A key's file, opened and read. */
typedef struct {
    char name[sizeof FILE_FOLDER_KEYS + PBASE_NAME_BYTES_MAX]; /* in the folder */
    pbase_buffer path;
    pbase_os_file *file; /* NULL: the key is missing */
    slot_memory slots[SLOT_COUNT];
    key_state state;
} key_reading;

static uint64_t slot_offset(uint32_t slot)
{
    return (uint64_t)slot * FILE_KEY_SLOT_BYTES;
}

static bool all_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* True when the `size` bytes of a slot hold a document. FORMAT for one that is too new. */
static pbase_status slot_check(const file_folder *folder, const uint8_t *data, size_t size,
                               bool *out_valid, pbase_error *err)
{
    *out_valid = false;
    if (size < KEY_HEADER_BYTES || pbase_get_u32(data) != KEY_MAGIC) {
        return PBASE_OK;
    }
    uint32_t document_size = pbase_get_u32(data + 12);
    if (document_size > PBASE_KEY_DOCUMENT_BYTES_MAX || document_size > size - KEY_HEADER_BYTES) {
        return PBASE_OK;
    }
    uint32_t crc = folder->host->crc32c(0, data + 8, KEY_HEADER_BYTES - 8 + document_size);
    if (crc != pbase_get_u32(data + 4) || pbase_get_u64(data + 16) == 0) {
        return PBASE_OK;
    }
    if (pbase_get_u32(data + 8) != KEY_FORMAT_VERSION) {
        return PBASE_FAIL(err, PBASE_FORMAT, "it was written by a newer version of ProtoBase");
    }
    *out_valid = true;
    return PBASE_OK;
}

/* Reads up to `capacity` bytes of a slot. */
static pbase_status slot_fetch(const file_folder *folder, key_reading *reading, uint32_t slot,
                               size_t capacity, bool *out_valid, pbase_error *err)
{
    slot_memory *memory = &reading->slots[slot];
    uint8_t *grown =
        folder->host->alloc->resize(folder->host->alloc, memory->data, memory->capacity, capacity);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to read the key '%s'", reading->name);
    }
    memory->data = grown;
    memory->capacity = capacity;
    pbase_status status = folder->host->os->file->read(reading->file, slot_offset(slot), grown,
                                                       capacity, &memory->size, err);
    return status == PBASE_OK ? slot_check(folder, grown, memory->size, out_valid, err) : status;
}

/* Reads a slot: its beginning, which is all of a small document, and the rest when that is not one. */
static pbase_status slot_read(const file_folder *folder, key_reading *reading, uint32_t slot,
                              bool *out_valid, pbase_error *err)
{
    pbase_status status = slot_fetch(folder, reading, slot, SLOT_BEGIN_BYTES, out_valid, err);
    if (status == PBASE_OK && !*out_valid && reading->slots[slot].size == SLOT_BEGIN_BYTES) {
        status = slot_fetch(folder, reading, slot, FILE_KEY_SLOT_BYTES, out_valid, err);
    }
    return status;
}

/* Reads both slots of an open key file. */
static pbase_status slots_read(const file_folder *folder, key_reading *reading, pbase_error *err)
{
    key_state *state = &reading->state;
    uint64_t damaged_version = 0; /* 0: not known */
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        const slot_memory *memory = &reading->slots[slot];
        bool valid = false;
        pbase_status status = slot_read(folder, reading, slot, &valid, err);
        if (status != PBASE_OK) {
            return status;
        }
        if (!valid) {
            state->damaged = state->damaged || !all_zero(memory->data, memory->size);
            damaged_version =
                memory->size >= KEY_HEADER_BYTES && pbase_get_u32(memory->data) == KEY_MAGIC
                    ? pbase_get_u64(memory->data + 16)
                    : 0;
        } else if (pbase_get_u64(memory->data + 16) > state->version) {
            state->version = pbase_get_u64(memory->data + 16);
            state->size = pbase_get_u32(memory->data + 12);
            state->slot = slot;
        }
    }
    state->is_older = damaged_version != 0 && damaged_version < state->version;
    return state->version != 0
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_CORRUPT, "neither of its two slots is valid");
}

/* Opens a key's file. `out_file` is NULL when the key is missing. */
static pbase_status key_open(const file_folder *folder, const char *path, uint32_t flags,
                             pbase_os_file **out_file, pbase_error *err)
{
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_status status =
        folder->host->os->file->open(folder->host->os, path, flags, out_file, &failure);
    if (status == PBASE_NOT_FOUND) {
        *out_file = NULL;
        return PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = failure;
    }
    return status;
}

static void key_reading_end(const file_folder *folder, key_reading *reading)
{
    if (reading->file != NULL) {
        folder->host->os->file->close(reading->file);
    }
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        slot_memory *memory = &reading->slots[slot];
        pbase_alloc_free(folder->host->alloc, memory->data, memory->capacity);
    }
    pbase_buffer_fini(&reading->path);
}

/* Fills `reading`, which the caller ends also after a failure. */
static pbase_status key_read(const file_folder *folder, const char *key, uint32_t flags,
                             key_reading *reading, pbase_error *err)
{
    memset(reading, 0, sizeof *reading);
    pbase_buffer_init(&reading->path, folder->host->alloc);
    int length = snprintf(reading->name, sizeof reading->name, "%s%s", FILE_FOLDER_KEYS, key);
    if (length < 0 || (size_t)length >= sizeof reading->name) {
        return PBASE_FAIL(err, PBASE_INVALID, "the name of a key has at most %u bytes",
                          PBASE_NAME_BYTES_MAX);
    }
    pbase_status status = file_folder_path(folder, reading->name, "", &reading->path, err);
    if (status == PBASE_OK) {
        status = key_open(folder, (const char *)reading->path.data, flags, &reading->file, err);
    }
    if (status != PBASE_OK || reading->file == NULL) {
        return status;
    }
    status = slots_read(folder, reading, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "key file '%s'", (const char *)reading->path.data);
    }
    return status;
}

/* What is wrong with the slot that is not used. */
static void finding_fill(const key_state *state, pbase_key_finding *out)
{
    *out = (pbase_key_finding){.is_doubtful = false};
    if (state->damaged) {
        (void)snprintf(out->text, sizeof out->text,
                       "slot %" PRIu32 " of its two is damaged; version %" PRIu64
                       " in the other one is used",
                       SLOT_COUNT - 1 - state->slot, state->version);
        out->is_doubtful = !state->is_older;
    }
}

pbase_status file_key_get(const file_folder *folder, const char *key, pbase_arena *arena,
                          pbase_bytes *out, uint64_t *out_version, pbase_key_finding *finding,
                          pbase_error *err)
{
    key_reading reading;
    pbase_status status = key_read(folder, key, PBASE_OS_READ, &reading, err);
    const key_state *state = &reading.state;
    if (status == PBASE_OK) {
        pbase_bytes document = pbase_bytes_of(NULL, 0);
        if (state->version != 0) {
            document =
                pbase_bytes_of(reading.slots[state->slot].data + KEY_HEADER_BYTES, state->size);
        }
        status = pbase_arena_copy(arena, document, out, err);
    }
    if (status == PBASE_OK) {
        *out_version = state->version;
        finding_fill(state, finding);
    }
    key_reading_end(folder, &reading);
    return status;
}

static void slot_encode(const file_folder *folder, uint8_t *slot, uint64_t version,
                        pbase_bytes document)
{
    memset(slot, 0, KEY_HEADER_BYTES);
    pbase_put_u32(slot, KEY_MAGIC);
    pbase_put_u32(slot + 8, KEY_FORMAT_VERSION);
    pbase_put_u32(slot + 12, (uint32_t)document.size);
    pbase_put_u64(slot + 16, version);
    if (document.size != 0) {
        memcpy(slot + KEY_HEADER_BYTES, document.data, document.size);
    }
    pbase_put_u32(slot + 4,
                  folder->host->crc32c(0, slot + 8, KEY_HEADER_BYTES - 8 + document.size));
}

/* Nobody can say whether the slot reached the disk. */
static pbase_status unknown(pbase_status status, pbase_error *err)
{
    if (err != NULL && status != PBASE_NO_SPACE) {
        err->outcome = PBASE_OUTCOME_UNKNOWN;
    }
    return status;
}

/* Writes and syncs the slot beside the newest one. */
static pbase_status slot_replace(const file_folder *folder, const key_reading *reading,
                                 const uint8_t *slot, size_t size, pbase_error *err)
{
    const pbase_os_file_ops *files = folder->host->os->file;
    uint32_t target = SLOT_COUNT - 1 - reading->state.slot;
    pbase_status status = files->write(reading->file, slot_offset(target), slot, size, err);
    if (status == PBASE_OK) {
        status = files->sync(reading->file, err);
        status = status == PBASE_NO_SPACE ? PBASE_FAIL(err, PBASE_IO, "the flush found no space")
                                          : status;
    }
    return status == PBASE_OK ? status : unknown(status, err);
}

/* Fills a new file: the first slot, and zeros where the second will begin. */
static pbase_status key_file_fill(const file_folder *folder, pbase_os_file *file,
                                  const uint8_t *slot, size_t size, pbase_error *err)
{
    static const uint8_t zeros[SLOT_BEGIN_BYTES];
    const pbase_os_file_ops *files = folder->host->os->file;
    pbase_status status = files->write(file, 0, slot, size, err);
    if (status == PBASE_OK) {
        status = files->write(file, FILE_KEY_SLOT_BYTES, zeros, sizeof zeros, err);
    }
    return status == PBASE_OK ? files->sync(file, err) : status;
}

/* Makes the file of a new key. */
static pbase_status key_create(const file_folder *folder, const key_reading *reading,
                               const uint8_t *slot, size_t size, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    pbase_os_file *file = NULL;
    pbase_buffer draft;
    pbase_buffer_init(&draft, folder->host->alloc);
    pbase_status status = file_folder_path(folder, reading->name, KEY_NEW, &draft, err);
    const char *path = (const char *)draft.data;
    if (status == PBASE_OK) {
        status = file_folder_make_parents(folder, reading->name, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, path, PBASE_OS_WRITE | PBASE_OS_CREATE | PBASE_OS_TRUNCATE,
                                &file, err);
    }
    if (status == PBASE_OK) {
        status = key_file_fill(folder, file, slot, size, err);
        os->file->close(file);
    }
    if (status == PBASE_OK) {
        status = os->directory->rename(os, path, (const char *)reading->path.data, err);
    }
    if (status == PBASE_OK) {
        status = file_folder_sync(folder, reading->name, err);
        status = status == PBASE_OK ? status : unknown(status, err);
    }
    pbase_buffer_fini(&draft);
    return status;
}

pbase_status file_key_cas(const file_folder *folder, const char *key, uint64_t expected,
                          pbase_bytes document, pbase_error *err)
{
    key_reading reading;
    size_t size = KEY_HEADER_BYTES + document.size;
    uint8_t *slot = NULL;
    pbase_status status = key_read(folder, key, PBASE_OS_READ | PBASE_OS_WRITE, &reading, err);
    if (status != PBASE_OK) {
        goto done;
    }
    if (reading.state.version != expected) {
        status =
            PBASE_FAIL(err, PBASE_CONFLICT, "the key '%s' has version %" PRIu64 ", not %" PRIu64,
                       key, reading.state.version, expected);
        goto done;
    }
    slot = pbase_alloc_new(folder->host->alloc, size);
    if (slot == NULL) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to write the key '%s'", key);
        goto done;
    }
    slot_encode(folder, slot, expected + 1, document);
    status = expected == 0 ? key_create(folder, &reading, slot, size, err)
                           : slot_replace(folder, &reading, slot, size, err);
done:
    pbase_alloc_free(folder->host->alloc, slot, size);
    key_reading_end(folder, &reading);
    return status;
}

pbase_status file_key_mend(const file_folder *folder, const char *key, bool *out_mended,
                           pbase_error *err)
{
    key_reading reading;
    pbase_status status = key_read(folder, key, PBASE_OS_READ | PBASE_OS_WRITE, &reading, err);
    bool is_torn = status == PBASE_OK && reading.state.damaged;
    if (is_torn) {
        slot_memory *torn = &reading.slots[SLOT_COUNT - 1 - reading.state.slot];
        memset(torn->data, 0, torn->size);
        status = slot_replace(folder, &reading, torn->data, torn->size, err);
    }
    if (status == PBASE_OK) {
        *out_mended = is_torn;
    }
    key_reading_end(folder, &reading);
    return status;
}
