/* file_board.c - a checksum tells a reader that it met a write halfway: it then reads again. */
#include "file_board.h"

#define BOARD_NAME "space"
#define BOARD_MAGIC 0x44424250u /* "PBBD" */
#define BOARD_VERSION 1u
#define READ_TRIES 1000u

/* Offsets. The generation stands twice, the second time with all bits turned. */
enum {
    AT_MAGIC = 0,
    AT_CRC32C = 4, /* of the bytes from AT_VERSION to AT_APPENDING */
    AT_VERSION = 8,
    AT_LAYOUT = 12,
    AT_GENERATION = 16,
    AT_TURNED = 24,
    AT_HOLDER = 32,
    AT_FENCE = 40,
    AT_ANCHOR = 48,
    AT_HEAD = 56,
    AT_FIRST = 64,
    AT_SYNCED = 72,
    AT_HEAD_CRC32C = 80,
    AT_APPENDING = 88, /* written alone as well, so that no checksum covers it */
    STATE_BYTES = 96
};

pbase_status file_board_open(file_board *board, const pbase_host *host, pbase_blocks *blocks,
                             pbase_error *err)
{
    uint8_t *memory = NULL;
    pbase_status status = pbase_blocks_board(blocks, NULL, BOARD_NAME, STATE_BYTES, &memory, err);
    board->host = host;
    board->words = (void *)memory;
    return status;
}

/* ------------------------------------------------------------------------------------ reads --- */

/* One word, whole. */
static uint64_t word_read(const file_board *board, unsigned at)
{
    uint8_t bytes[8];
    uint64_t word = atomic_load_explicit(&board->words[at / 8], memory_order_acquire);
    memcpy(bytes, &word, sizeof bytes);
    return pbase_get_u64(bytes);
}

uint64_t file_board_generation(const file_board *board)
{
    uint64_t generation = word_read(board, AT_GENERATION);
    return word_read(board, AT_TURNED) == ~generation ? generation : 0;
}

const uint64_t *file_board_pulse(const file_board *board)
{
    return (const uint64_t *)(uintptr_t)&board->words[AT_GENERATION / 8];
}

uint64_t file_board_appending(const file_board *board)
{
    return word_read(board, AT_APPENDING);
}

pbase_position file_board_first(const file_board *board)
{
    return word_read(board, AT_FIRST);
}

static uint32_t sum_of(const file_board *board, const uint8_t *bytes)
{
    return board->host->crc32c(0, bytes + AT_VERSION, AT_APPENDING - AT_VERSION);
}

static void fields_read(const uint8_t *bytes, file_board_state *out)
{
    *out = (file_board_state){
        .generation = pbase_get_u64(bytes + AT_GENERATION),
        .appending = pbase_get_u64(bytes + AT_APPENDING),
        .holder = pbase_get_u64(bytes + AT_HOLDER),
        .fence = pbase_get_u64(bytes + AT_FENCE),
        .anchor = pbase_get_u64(bytes + AT_ANCHOR),
        .mark = {.head = pbase_get_u64(bytes + AT_HEAD),
                 .first = pbase_get_u64(bytes + AT_FIRST),
                 .synced = pbase_get_u64(bytes + AT_SYNCED),
                 .head_crc32c = pbase_get_u32(bytes + AT_HEAD_CRC32C),
                 .layout = pbase_get_u32(bytes + AT_LAYOUT)},
    };
}

static bool decode(const file_board *board, const uint8_t *bytes, file_board_state *out)
{
    if (pbase_get_u32(bytes) != BOARD_MAGIC || pbase_get_u32(bytes + AT_VERSION) != BOARD_VERSION ||
        pbase_get_u32(bytes + AT_CRC32C) != sum_of(board, bytes)) {
        return false;
    }
    fields_read(bytes, out);
    return true;
}

static void words_read(const file_board *board, uint8_t bytes[STATE_BYTES])
{
    for (unsigned at = 0; at < STATE_BYTES; at += 8) {
        pbase_put_u64(bytes + at, word_read(board, at));
    }
}

bool file_board_peek(const file_board *board, file_board_state *out)
{
    uint8_t bytes[STATE_BYTES];
    words_read(board, bytes);
    return decode(board, bytes, out);
}

void file_board_raw(const file_board *board, file_board_state *out)
{
    uint8_t bytes[STATE_BYTES];
    words_read(board, bytes);
    fields_read(bytes, out);
}

pbase_status file_board_read(const file_board *board, file_board_state *out, pbase_error *err)
{
    const pbase_os *os = board->host->os;
    for (unsigned i = 0; i < READ_TRIES; i++) {
        if (file_board_peek(board, out)) {
            return PBASE_OK;
        }
        os->thread->yield(os);
    }
    return PBASE_FAIL(err, PBASE_CORRUPT, "the board of the space is not whole");
}

/* ----------------------------------------------------------------------------------- writes --- */

static void word_write(file_board *board, unsigned at, const uint8_t bytes[8])
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    atomic_store_explicit(&board->words[at / 8], word, memory_order_release);
}

void file_board_write(file_board *board, file_board_state *state)
{
    uint8_t bytes[STATE_BYTES] = {0};
    state->generation++;
    pbase_put_u32(bytes + AT_MAGIC, BOARD_MAGIC);
    pbase_put_u32(bytes + AT_VERSION, BOARD_VERSION);
    pbase_put_u32(bytes + AT_LAYOUT, state->mark.layout);
    pbase_put_u64(bytes + AT_GENERATION, state->generation);
    pbase_put_u64(bytes + AT_TURNED, ~state->generation);
    pbase_put_u64(bytes + AT_HOLDER, state->holder);
    pbase_put_u64(bytes + AT_FENCE, state->fence);
    pbase_put_u64(bytes + AT_ANCHOR, state->anchor);
    pbase_put_u64(bytes + AT_HEAD, state->mark.head);
    pbase_put_u64(bytes + AT_FIRST, state->mark.first);
    pbase_put_u64(bytes + AT_SYNCED, state->mark.synced);
    pbase_put_u32(bytes + AT_HEAD_CRC32C, state->mark.head_crc32c);
    pbase_put_u64(bytes + AT_APPENDING, state->appending);
    pbase_put_u32(bytes + AT_CRC32C, sum_of(board, bytes));
    for (unsigned at = 0; at < STATE_BYTES; at += 8) { /* who reads in between sees a wrong sum */
        word_write(board, at, bytes + at);
    }
}

void file_board_announce(file_board *board, uint64_t user)
{
    uint8_t bytes[8];
    pbase_put_u64(bytes, user);
    word_write(board, AT_APPENDING, bytes);
}
