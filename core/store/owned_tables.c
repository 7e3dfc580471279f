/* owned_tables.c - hexadecimal to tables and back. */
#include "store/owned_tables.h"

static void *codec_of(const codec_entry *entry)
{
    return entry->transform != NULL ? (void *)entry->transform : (void *)entry->serializer;
}

/* ----------------------------------------------------------------------------------- lines ---- */

/* Cuts the next line off `lines`, without its newline; false at the end. */
static bool next_line(pbase_bytes *lines, pbase_bytes *out)
{
    const uint8_t *end =
        lines->size == 0 ? NULL : (const uint8_t *)memchr(lines->data, '\n', lines->size);
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t)(end - lines->data);
    *out = pbase_bytes_of(lines->data, size);
    *lines = pbase_bytes_of(end + 1, lines->size - size - 1);
    return true;
}

bool owned_tables_have(pbase_bytes lines, pbase_bytes line)
{
    pbase_bytes known;
    while (next_line(&lines, &known)) {
        if (pbase_bytes_equal(known, line)) {
            return true;
        }
    }
    return false;
}

pbase_status owned_tables_add(pbase_bytes from, pbase_buffer *to, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    pbase_bytes line;
    while (status == PBASE_OK && next_line(&from, &line)) {
        if (!owned_tables_have(pbase_buffer_view(to), line)) {
            status = pbase_buffer_append(to, line.data, line.size + 1, err); /* and its newline */
        }
    }
    return status;
}

/* ----------------------------------------------------------------------------- hexadecimal ---- */

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `room` bytes at most; false when `text` is no hexadecimal of 1 to that many. */
static bool read_hex(pbase_bytes text, uint8_t *out, size_t room, size_t *out_size)
{
    if (text.size == 0 || text.size % 2 != 0 || text.size / 2 > room) {
        return false;
    }
    for (size_t i = 0; i < text.size; i += 2) {
        int high = digit_value(text.data[i]), low = digit_value(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i / 2] = (uint8_t)(high * 16 + low);
    }
    *out_size = text.size / 2;
    return true;
}

static pbase_status append_hex(pbase_buffer *out, pbase_bytes bytes, pbase_error *err)
{
    static const char digits[] = "0123456789abcdef";
    pbase_status status = pbase_buffer_append_u8(out, ' ', err);
    for (size_t i = 0; i < bytes.size && status == PBASE_OK; i++) {
        char pair[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
        status = pbase_buffer_append(out, pair, sizeof pair, err);
    }
    return status;
}

/* ---------------------------------------------------------------------------------- tables ---- */

pbase_status owned_tables_put(const codec_entry *entry, pbase_bytes id_text, pbase_bytes table_text,
                              pbase_error *err)
{
    uint8_t id[PBASE_TABLE_ID_BYTES_MAX], table[PBASE_TABLE_BYTES_MAX];
    size_t id_size = 0, table_size = 0;
    if (!read_hex(id_text, id, sizeof id, &id_size) ||
        !read_hex(table_text, table, sizeof table, &table_size)) {
        return PBASE_FAIL(err, PBASE_FORMAT,
                          "the space's meta document has a table of codec '%s' that is none",
                          entry->name);
    }
    pbase_status status =
        pbase_codec_table_put(entry->tables, codec_of(entry), pbase_bytes_of(id, id_size),
                              pbase_bytes_of(table, table_size), err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "codec '%s'", entry->name);
    }
    return status;
}

static pbase_status append_line(uint32_t codec_id, pbase_bytes id, pbase_bytes table,
                                pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_text(out, err, "table %u", codec_id);
    if (status == PBASE_OK) {
        status = append_hex(out, id, err);
    }
    if (status == PBASE_OK) {
        status = append_hex(out, table, err);
    }
    return status == PBASE_OK ? pbase_buffer_append_u8(out, '\n', err) : status;
}

pbase_status owned_tables_gather(const codec_entry *entry, uint32_t codec_id,
                                 const pbase_alloc *alloc, pbase_buffer *out, pbase_error *err)
{
    pbase_arena arena;
    pbase_arena_init(&arena, alloc);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && entry->tables != NULL) {
        pbase_bytes id, table;
        status = pbase_codec_table_next(entry->tables, codec_of(entry), &arena, &id, &table, err);
        if (status == PBASE_OK) {
            status = append_line(codec_id, id, table, out, err);
        }
    }
    pbase_arena_fini(&arena);
    return status == PBASE_END ? PBASE_OK : status;
}
