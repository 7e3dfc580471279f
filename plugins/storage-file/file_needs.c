/* file_needs.c - two halves and a word that says which one counts. */
#include "file_needs.h"

#define NEEDS_MAGIC 0x53554250u /* "PBUS" */
#define NEEDS_VERSION 1u
#define READ_TRIES 1000u

/* Offsets. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_COUNT = 8, /* of what was said: the last bit tells which half it stands in */
    AT_HALVES = 64,
    HALF_BYTES = 2016,
    AT_SIZE = 0, /* within a half */
    AT_CRC32C = 4,
    AT_BYTES = 8
};
_Static_assert(AT_HALVES + 2 * HALF_BYTES <= FILE_NEEDS_SLOT_BYTES, "two halves fit");
_Static_assert(AT_BYTES + PBASE_NEEDS_BYTES_MAX <= HALF_BYTES, "what is said fits");

static size_t half_at(uint64_t count)
{
    return AT_HALVES + HALF_BYTES * (size_t)(count & 1);
}

static void words_put(_Atomic uint64_t *words, size_t at, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, size - i < 8 ? size - i : 8);
        atomic_store_explicit(&words[(at + i) / 8], word, memory_order_relaxed);
    }
}

static void words_get(const _Atomic uint64_t *words, size_t at, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = atomic_load_explicit(&words[(at + i) / 8], memory_order_relaxed);
        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

/* The count as it is stored, in little-endian order. */
static uint64_t count_swap(uint64_t count)
{
    uint8_t bytes[8];
    memcpy(bytes, &count, sizeof bytes);
    return pbase_get_u64(bytes);
}

pbase_status file_needs_open(file_needs *self, const pbase_host *host, pbase_blocks *blocks,
                             const pbase_call *call, pbase_error *err)
{
    uint8_t *memory = NULL, head[8];
    pbase_status status =
        pbase_blocks_slot_take(blocks, call, FILE_NEEDS_SLOT, FILE_NEEDS_SLOT_BYTES, &memory, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->host = host;
    self->words = (void *)memory;
    pbase_put_u32(head + AT_MAGIC, NEEDS_MAGIC);
    pbase_put_u32(head + AT_VERSION, NEEDS_VERSION);
    file_needs_say(self, pbase_bytes_of(NULL, 0)); /* not what another one said before */
    words_put(self->words, 0, head, sizeof head);
    return PBASE_OK;
}

void file_needs_say(file_needs *self, pbase_bytes needs)
{
    uint8_t head[AT_BYTES];
    _Atomic uint64_t *word = &self->words[AT_COUNT / 8];
    PBASE_ASSERT(needs.size <= PBASE_NEEDS_BYTES_MAX);
    uint64_t count = count_swap(atomic_load_explicit(word, memory_order_relaxed)) + 1;
    size_t at = half_at(count);
    pbase_put_u32(head + AT_SIZE, (uint32_t)needs.size);
    pbase_put_u32(head + AT_CRC32C, self->host->crc32c(0, needs.data, needs.size));
    words_put(self->words, at, head, sizeof head);
    words_put(self->words, at + AT_BYTES, needs.data, needs.size);
    /* An exchange, so that no later read comes before it. */
    (void)atomic_exchange_explicit(word, count_swap(count), memory_order_seq_cst);
}

/* True when it is whole; `*out_moved`: something else has been said meanwhile. */
static bool read_once(const pbase_host *host, const _Atomic uint64_t *words, uint8_t *out,
                      size_t *out_size, bool *out_moved)
{
    uint8_t head[AT_BYTES];
    uint64_t count = atomic_load_explicit(&words[AT_COUNT / 8], memory_order_acquire);
    size_t at = half_at(count_swap(count));
    words_get(words, at, head, sizeof head);
    *out_size = pbase_get_u32(head + AT_SIZE);
    bool is_whole = *out_size <= PBASE_NEEDS_BYTES_MAX;
    if (is_whole) {
        words_get(words, at + AT_BYTES, out, *out_size);
        is_whole = host->crc32c(0, out, *out_size) == pbase_get_u32(head + AT_CRC32C);
    }
    *out_moved = atomic_load_explicit(&words[AT_COUNT / 8], memory_order_seq_cst) != count;
    return is_whole && !*out_moved;
}

pbase_status file_needs_read(const pbase_host *host, const uint8_t *slot, uint8_t *out,
                             size_t *out_size, pbase_error *err)
{
    const _Atomic uint64_t *words = (const void *)slot;
    uint8_t head[8];
    bool has_moved = false;
    words_get(words, 0, head, sizeof head);
    if (pbase_get_u32(head + AT_MAGIC) != NEEDS_MAGIC ||
        pbase_get_u32(head + AT_VERSION) != NEEDS_VERSION) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the slot of a user of the space is none");
    }
    for (unsigned i = 0; i < READ_TRIES; i++) {
        if (read_once(host, words, out, out_size, &has_moved)) {
            return PBASE_OK;
        }
        host->os->thread->yield(host->os);
    }
    return has_moved ? PBASE_FAIL(err, PBASE_BUSY,
                                  "a user of the space says again and again what it needs")
                     : PBASE_FAIL(err, PBASE_CORRUPT, "the slot of a user of the space is damaged");
}
