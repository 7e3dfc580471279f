/* key_element.c - elements: values of every kind as bytes in the total order.
 *
 * Writing goes once over the value into a growing scratch; the spelling is collected beside it. A map
 * is its fields sorted by name, so that only the spelling knows in which order they stood. A vector
 * is its floats as ordered bits. Reading is bounded by PBASE_DEPTH_MAX and takes memory only for what
 * it gives out. */
#include "collection/key_element.h"
#include "collection/key_private.h"
#include "field_order.h"

#include <math.h>
#include <xxhash.h>

#define VECTOR_ITEM 1u /* before each float: above KEY_END, which ends the vector */
#define VECTOR_ITEM_BYTES 5u
#define FLOAT_SIGN 0x80000000u
#define FLOAT_NAN 0x7fc00000u

/* ------------------------------------------------------------------------------- writing ------ */

typedef struct {
    key_scratch *scratch;
    uint8_t *bytes; /* in the scratch */
    size_t size, room;
    pbase_buffer spelling;
    size_t spelled; /* of the spelling: up to its last byte that is not plain */
} key_writer;

static void writer_init(key_writer *self, key_scratch *scratch)
{
    self->scratch = scratch;
    self->bytes = scratch->large != NULL ? scratch->large : scratch->small;
    self->room = scratch->large != NULL ? scratch->large_size : KEY_SCRATCH_BYTES;
    self->size = self->spelled = 0;
    pbase_buffer_init(&self->spelling, scratch->alloc);
}

/* Room for `size` more bytes at `*out`, which are then written. */
static pbase_status writer_reserve(key_writer *self, size_t size, uint8_t **out, pbase_error *err)
{
    key_scratch *scratch = self->scratch;
    size_t wanted = self->size + size;
    if (wanted > self->room) {
        size_t room = wanted > 2 * self->room ? wanted : 2 * self->room;
        uint8_t *grown =
            scratch->alloc->resize(scratch->alloc, scratch->large, scratch->large_size, room);
        if (grown == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a key of %zu bytes", wanted);
        }
        if (scratch->large == NULL) {
            memcpy(grown, self->bytes, self->size);
        }
        scratch->large = grown;
        scratch->large_size = room;
        self->bytes = grown;
        self->room = room;
    }
    *out = self->bytes + self->size;
    self->size = wanted;
    return PBASE_OK;
}

/* The same within the limit of a key. */
static pbase_status writer_room(key_writer *self, size_t size, uint8_t **out, pbase_error *err)
{
    return self->size + size > PBASE_KEY_BYTES_MAX ? key_limit_passed(self->size + size, err)
                                                   : writer_reserve(self, size, out, err);
}

static pbase_status put_byte(key_writer *self, uint8_t byte, pbase_error *err)
{
    uint8_t *at = NULL;
    pbase_status status = writer_room(self, 1, &at, err);
    if (status == PBASE_OK) {
        *at = byte;
    }
    return status;
}

static pbase_status spell(key_writer *self, uint8_t byte, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(&self->spelling, byte, err);
    if (status == PBASE_OK && byte != SPELLED_PLAIN) {
        self->spelled = self->spelling.size;
    }
    return status;
}

static pbase_status put_scalar(key_writer *self, const pbase_value *value, pbase_error *err)
{
    size_t size = 0;
    uint8_t *at = NULL;
    pbase_status status = key_scalar_size(value, true, &size, err);
    if (status == PBASE_OK) {
        status = writer_room(self, size, &at, err);
    }
    if (status == PBASE_OK) {
        (void)key_scalar_put(at, value, true); /* its end is known */
    }
    bool number = value->kind == PBASE_INT || value->kind == PBASE_FLOAT;
    return status == PBASE_OK && number ? spell(self, key_number_spelling(value), err) : status;
}

static pbase_status put_element(key_writer *self, const pbase_value *value, unsigned depth,
                                pbase_error *err);

static pbase_status put_list(key_writer *self, const pbase_value *list, unsigned depth,
                             pbase_error *err)
{
    pbase_status status = put_byte(self, KEY_LIST, err);
    for (size_t i = 0; i < list->as.list.count && status == PBASE_OK; i++) {
        status = put_element(self, &list->as.list.items[i], depth + 1, err);
    }
    return status == PBASE_OK ? put_byte(self, KEY_END, err) : status;
}

/* In which place of the map, from 1, each of the sorted fields stood; nothing when that is their
 * order. */
static pbase_status spell_order(key_writer *self, const pbase_value *map,
                                const pbase_field *const *order, pbase_error *err)
{
    size_t count = map->as.map.count;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        sorted = sorted && order[i] == &map->as.map.fields[i];
    }
    pbase_status status = count < 2 ? PBASE_OK : spell(self, sorted ? 0 : 1, err);
    for (size_t i = 0; i < count && !sorted && status == PBASE_OK; i++) {
        status = pbase_buffer_append_varint(&self->spelling,
                                            (uint64_t)(order[i] - map->as.map.fields) + 1, err);
    }
    if (status == PBASE_OK && !sorted) {
        self->spelled = self->spelling.size;
    }
    return status;
}

static pbase_status put_fields(key_writer *self, const pbase_value *map,
                               const pbase_field *const *order, unsigned depth, pbase_error *err)
{
    pbase_status status = put_byte(self, KEY_MAP, err);
    for (size_t i = 0; i < map->as.map.count && status == PBASE_OK; i++) {
        pbase_value name = pbase_value_string(order[i]->name);
        if (i > 0 && pbase_bytes_equal(name.as.string, order[i - 1]->name)) {
            return PBASE_FAIL(err, PBASE_INVALID, "a map in a key has a field twice");
        }
        status = put_scalar(self, &name, err);
        if (status == PBASE_OK) {
            status = put_element(self, &order[i]->value, depth + 1, err);
        }
    }
    status = status == PBASE_OK ? put_byte(self, KEY_END, err) : status;
    return status == PBASE_OK ? spell_order(self, map, order, err) : status;
}

static pbase_status put_map(key_writer *self, const pbase_value *map, unsigned depth,
                            pbase_error *err)
{
    size_t count = map->as.map.count;
    if (count > KEY_FIELDS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a map of %zu fields in a key; the limit is %u", count,
                          KEY_FIELDS_MAX);
    }
    if (count < 2) {
        const pbase_field *only = map->as.map.fields;
        return put_fields(self, map, &only, depth, err);
    }
    const pbase_field **order = field_order_new(map);
    if (order == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a key of %zu fields", count);
    }
    pbase_status status = put_fields(self, map, order, depth, err);
    field_order_free(order, count);
    return status;
}

/* Bits that compare as unsigned numbers in the order of floats, NaN last. */
static uint32_t ordered_of_float(float v)
{
    uint32_t bits = FLOAT_NAN;
    if (v == 0) {
        bits = 0; /* both zeros */
    } else if (!isnan(v)) {
        memcpy(&bits, &v, sizeof bits);
    }
    return (bits & FLOAT_SIGN) != 0 ? ~bits : bits | FLOAT_SIGN;
}

static pbase_status put_vector(key_writer *self, const pbase_value *vector, pbase_error *err)
{
    pbase_status status = put_byte(self, KEY_VECTOR, err);
    for (size_t i = 0; i < vector->as.vector.count && status == PBASE_OK; i++) {
        float item = vector->as.vector.items[i];
        uint32_t bits = ordered_of_float(item);
        uint8_t *at = NULL;
        status = writer_room(self, VECTOR_ITEM_BYTES, &at, err);
        if (status == PBASE_OK) {
            at[0] = VECTOR_ITEM;
            at[1] = (uint8_t)(bits >> 24);
            at[2] = (uint8_t)(bits >> 16);
            at[3] = (uint8_t)(bits >> 8);
            at[4] = (uint8_t)bits;
            bool minus_zero = item == 0 && signbit(item) != 0;
            status = spell(self, minus_zero ? SPELLED_MINUS_ZERO : SPELLED_PLAIN, err);
        }
    }
    return status == PBASE_OK ? put_byte(self, KEY_END, err) : status;
}

static pbase_status put_element(key_writer *self, const pbase_value *value, unsigned depth,
                                pbase_error *err)
{
    if (depth > PBASE_DEPTH_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a key nests deeper than %u", PBASE_DEPTH_MAX);
    }
    switch (value->kind) {
    case PBASE_LIST:
        return put_list(self, value, depth, err);
    case PBASE_MAP:
        return put_map(self, value, depth, err);
    case PBASE_VECTOR:
        return put_vector(self, value, err);
    case PBASE_CHILD:
        return PBASE_FAIL(err, PBASE_INVALID, "a child collection cannot be part of a key");
    default:
        return put_scalar(self, value, err);
    }
}

/* A key as dict.h has it: a scalar, or a list of scalars. */
static pbase_status put_plain(key_writer *self, const pbase_value *key, pbase_error *err)
{
    if (key->kind != PBASE_LIST) {
        return put_scalar(self, key, err);
    }
    pbase_status status = put_byte(self, KEY_LIST, err);
    for (size_t i = 0; i < key->as.list.count && status == PBASE_OK; i++) {
        status = put_scalar(self, &key->as.list.items[i], err);
    }
    return status == PBASE_OK ? put_byte(self, KEY_END, err) : status;
}

/* Puts the spelling behind the bytes and ends the writer. */
static pbase_status writer_end(key_writer *self, pbase_status status, encoded_key *out,
                               pbase_error *err)
{
    uint8_t *at = NULL;
    size_t size = self->size;
    if (status == PBASE_OK && self->spelled > PBASE_KEY_BYTES_MAX) {
        status = key_limit_passed(self->spelled, err);
    }
    if (status == PBASE_OK) {
        status = writer_reserve(self, self->spelled, &at, err);
    }
    if (status == PBASE_OK) {
        if (self->spelled != 0) {
            memcpy(at, self->spelling.data, self->spelled);
        }
        out->bytes = pbase_bytes_of(self->bytes, size);
        out->spelling = pbase_bytes_of(at, self->spelled);
    }
    pbase_buffer_fini(&self->spelling);
    return status;
}

void key_hash(pbase_bytes element, uint8_t out[KEY_HASH_BYTES])
{
    uint64_t hash = XXH3_64bits(element.data, element.size);
    for (unsigned i = 0; i < KEY_HASH_BYTES; i++) {
        out[i] = (uint8_t)(hash >> (56 - 8 * i));
    }
}

pbase_status key_encode_hashed(const pbase_value *value, key_scratch *scratch, encoded_key *out,
                               pbase_error *err)
{
    key_writer writer;
    uint8_t *at = NULL;
    writer_init(&writer, scratch);
    pbase_status status = writer_room(&writer, KEY_HASH_BYTES, &at, err);
    if (status == PBASE_OK) {
        status = put_element(&writer, value, 0, err);
    }
    if (status == PBASE_OK) {
        key_hash(pbase_bytes_of(writer.bytes + KEY_HASH_BYTES, writer.size - KEY_HASH_BYTES),
                 writer.bytes);
    }
    return writer_end(&writer, status, out, err);
}

pbase_status key_encode_pair(const pbase_value *key, const pbase_value *record,
                             key_scratch *scratch, encoded_key *out, pbase_error *err)
{
    key_writer writer;
    writer_init(&writer, scratch);
    pbase_status status = put_plain(&writer, key, err);
    if (status == PBASE_OK) {
        status = put_element(&writer, record, 0, err);
    }
    return writer_end(&writer, status, out, err);
}

pbase_status key_encode_lead(const pbase_value *key, bool past, key_scratch *scratch,
                             pbase_bytes *out, pbase_error *err)
{
    key_writer writer;
    encoded_key lead;
    writer_init(&writer, scratch);
    pbase_status status = put_plain(&writer, key, err);
    if (status == PBASE_OK && past) {
        status = put_byte(&writer, KEY_ESCAPED, err); /* above every class */
    }
    status = writer_end(&writer, status, &lead, err);
    if (status == PBASE_OK) {
        *out = lead.bytes;
    }
    return status;
}

/* ------------------------------------------------------------------------------- reading ------ */

static pbase_status read_element(key_source *from, pbase_value *out, unsigned depth,
                                 pbase_error *err);

static pbase_status no_room(const char *what, size_t count, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a %s of %zu items in a key", what,
                      count);
}

/* Reads items up to the end of a list into `items`, which has room for them, or only counts them. */
static pbase_status read_items(key_source *from, pbase_value *items, size_t *out_count,
                               unsigned depth, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t count = 0; status == PBASE_OK; count++) {
        pbase_value item;
        if (pbase_reader_bytes_left(&from->bytes) != 0 && *from->bytes.at == KEY_END) {
            from->bytes.at++;
            *out_count = count;
            return PBASE_OK;
        }
        status = read_element(from, items == NULL ? &item : &items[count], depth + 1, err);
    }
    return status;
}

static pbase_status read_list(key_source *from, pbase_value *out, unsigned depth, pbase_error *err)
{
    key_source look = *from;
    size_t count = 0;
    look.arena = NULL;
    pbase_status status = read_items(&look, NULL, &count, depth, err);
    if (status != PBASE_OK || from->arena == NULL) {
        from->bytes = look.bytes;
        from->spelling = look.spelling;
        return status;
    }
    pbase_value *items = pbase_arena_array(from->arena, count, sizeof *items);
    if (items == NULL) {
        return no_room("list", count, err);
    }
    status = read_items(from, items, &count, depth, err);
    *out = pbase_value_list(items, count);
    return status;
}

/* Reads fields up to the end of a map, as read_items; names have to ascend. */
static pbase_status read_fields(key_source *from, pbase_field *fields, size_t *out_count,
                                unsigned depth, pbase_error *err)
{
    pbase_bytes before = {NULL, 0};
    for (size_t count = 0;; count++) {
        pbase_value name, value;
        uint8_t class_byte = KEY_END;
        const uint8_t *start = from->bytes.at;
        if (!pbase_read_u8(&from->bytes, &class_byte)) {
            return key_malformed(err);
        }
        if (class_byte == KEY_END) {
            *out_count = count;
            return PBASE_OK;
        }
        if (class_byte != KEY_STRING || count == KEY_FIELDS_MAX) {
            return key_malformed(err);
        }
        pbase_status status = key_scalar_read(from, class_byte, true, &name, err);
        pbase_bytes spelled = pbase_bytes_of(start, (size_t)(from->bytes.at - start));
        if (status == PBASE_OK && count > 0 && pbase_bytes_compare(before, spelled) >= 0) {
            status = key_malformed(err);
        }
        if (status == PBASE_OK) {
            status = read_element(from, &value, depth + 1, err);
        }
        if (status != PBASE_OK) {
            return status;
        }
        before = spelled;
        if (fields != NULL) {
            fields[count].name = name.as.string;
            fields[count].value = value;
        }
    }
}

/* The place of the next sorted field, from 0: below `count`, and none that was taken before. */
static bool read_place(key_source *from, size_t count, uint64_t *taken, uint64_t *out)
{
    if (!pbase_read_varint(&from->spelling, out) || *out == 0 || --*out >= count ||
        (taken[*out / 64] >> (*out % 64) & 1u) != 0) {
        return false;
    }
    taken[*out / 64] |= UINT64_C(1) << (*out % 64);
    return true;
}

/* Puts sorted fields into the order they stood in; `to` NULL: only checks that there is one. */
static bool read_order(key_source *from, size_t count, const pbase_field *sorted, pbase_field *to)
{
    uint64_t taken[KEY_FIELDS_MAX / 64] = {0};
    uint8_t spelled = 0;
    bool moved = false;
    if (count >= 2) {
        (void)pbase_read_u8(&from->spelling, &spelled); /* what is cut off is plain */
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t place = i;
        if (spelled != 0 && !read_place(from, count, taken, &place)) {
            return false;
        }
        moved = moved || place != i;
        if (to != NULL) {
            to[place] = sorted[i];
        }
    }
    return spelled <= 1 && (spelled != 0) == moved;
}

static pbase_status read_map(key_source *from, pbase_value *out, unsigned depth, pbase_error *err)
{
    key_source look = *from;
    size_t count = 0;
    look.arena = NULL;
    pbase_status status = read_fields(&look, NULL, &count, depth, err);
    if (status == PBASE_OK && !read_order(&look, count, NULL, NULL)) {
        status = key_malformed(err);
    }
    if (status != PBASE_OK || from->arena == NULL) {
        from->bytes = look.bytes;
        from->spelling = look.spelling;
        return status;
    }
    pbase_field *sorted = pbase_arena_array(from->arena, count, sizeof *sorted);
    pbase_field *fields = pbase_arena_array(from->arena, count, sizeof *fields);
    if (sorted == NULL || fields == NULL) {
        return no_room("map", count, err);
    }
    status = read_fields(from, sorted, &count, depth, err);
    if (status == PBASE_OK) {
        (void)read_order(from, count, sorted, fields); /* looked at above */
        *out = pbase_value_map(fields, count);
    }
    return status;
}

/* One float behind its mark; false: it is none. */
static bool read_float(key_source *from, float *out)
{
    pbase_bytes raw;
    uint8_t spelled = SPELLED_PLAIN;
    if (!pbase_read_bytes(&from->bytes, 4, &raw)) {
        return false;
    }
    (void)pbase_read_u8(&from->spelling, &spelled); /* what is cut off is plain */
    uint32_t ordered = (uint32_t)raw.data[0] << 24 | (uint32_t)raw.data[1] << 16 |
                       (uint32_t)raw.data[2] << 8 | raw.data[3];
    uint32_t bits = (ordered & FLOAT_SIGN) != 0 ? ordered & ~FLOAT_SIGN : ~ordered;
    memcpy(out, &bits, sizeof bits);
    if (ordered_of_float(*out) != ordered || (spelled != SPELLED_PLAIN && bits != 0)) {
        return false;
    }
    if (spelled == SPELLED_MINUS_ZERO) {
        *out = -0.0f;
    }
    return spelled == SPELLED_PLAIN || spelled == SPELLED_MINUS_ZERO;
}

/* Reads floats up to the end of a vector, as read_items. */
static bool read_floats(key_source *from, float *items, size_t *out_count)
{
    for (size_t count = 0;; count++) {
        uint8_t mark = KEY_END;
        float item = 0;
        if (!pbase_read_u8(&from->bytes, &mark)) {
            return false;
        }
        if (mark == KEY_END) {
            *out_count = count;
            return true;
        }
        if (mark != VECTOR_ITEM || !read_float(from, &item)) {
            return false;
        }
        if (items != NULL) {
            items[count] = item;
        }
    }
}

static pbase_status read_vector(key_source *from, pbase_value *out, pbase_error *err)
{
    key_source look = *from;
    size_t count = 0;
    if (!read_floats(&look, NULL, &count)) {
        return key_malformed(err);
    }
    if (from->arena != NULL) {
        float *items = pbase_arena_array(from->arena, count, sizeof *items);
        if (items == NULL) {
            return no_room("vector", count, err);
        }
        (void)read_floats(from, items, &count); /* looked at above */
        *out = pbase_value_vector(items, count);
    }
    from->bytes = look.bytes;
    from->spelling = look.spelling;
    return PBASE_OK;
}

static pbase_status read_element(key_source *from, pbase_value *out, unsigned depth,
                                 pbase_error *err)
{
    uint8_t class_byte = KEY_END;
    if (depth > PBASE_DEPTH_MAX || !pbase_read_u8(&from->bytes, &class_byte)) {
        return key_malformed(err);
    }
    switch (class_byte) {
    case KEY_LIST:
        return read_list(from, out, depth, err);
    case KEY_MAP:
        return read_map(from, out, depth, err);
    case KEY_VECTOR:
        return read_vector(from, out, err);
    default:
        return key_scalar_read(from, class_byte, true, out, err);
    }
}

/* A key as put_plain writes it: lists of scalars at most. */
static pbase_status read_plain(key_source *from, pbase_value *out, pbase_error *err)
{
    key_source look = *from;
    uint8_t class_byte = KEY_END;
    pbase_value item;
    if (!pbase_read_u8(&look.bytes, &class_byte) || class_byte == KEY_MAP ||
        class_byte == KEY_VECTOR) {
        return key_malformed(err);
    }
    look.arena = NULL;
    while (class_byte == KEY_LIST && pbase_reader_bytes_left(&look.bytes) != 0 &&
           *look.bytes.at != KEY_END) {
        uint8_t item_class = *look.bytes.at++;
        if (key_scalar_read(&look, item_class, true, &item, NULL) != PBASE_OK) {
            return key_malformed(err);
        }
    }
    return read_element(from, out, 0, err);
}

static pbase_status read_hashed(const encoded_key *key, pbase_arena *arena, pbase_value *out,
                                pbase_error *err)
{
    uint8_t hash[KEY_HASH_BYTES];
    key_source from = key_source_of(key, arena);
    pbase_bytes lead;
    if (key->bytes.size > PBASE_KEY_BYTES_MAX ||
        !pbase_read_bytes(&from.bytes, KEY_HASH_BYTES, &lead)) {
        return key_malformed(err);
    }
    key_hash(pbase_bytes_of(from.bytes.at, pbase_reader_bytes_left(&from.bytes)), hash);
    if (memcmp(hash, lead.data, sizeof hash) != 0) {
        return key_malformed(err);
    }
    pbase_status status = read_element(&from, out, 0, err);
    return status == PBASE_OK && !key_source_is_done(&from, key) ? key_malformed(err) : status;
}

static pbase_status read_pair(const encoded_key *key, pbase_arena *arena, pbase_value *out_key,
                              pbase_value *out_record, pbase_error *err)
{
    key_source from = key_source_of(key, arena);
    if (key->bytes.size > PBASE_KEY_BYTES_MAX) {
        return key_malformed(err);
    }
    pbase_status status = read_plain(&from, out_key, err);
    if (status == PBASE_OK) {
        status = read_element(&from, out_record, 0, err);
    }
    return status == PBASE_OK && !key_source_is_done(&from, key) ? key_malformed(err) : status;
}

pbase_status key_decode_hashed(const encoded_key *key, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    pbase_value value;
    pbase_status status = read_hashed(key, arena, &value, err);
    if (status == PBASE_OK) {
        *out = value;
    }
    return status;
}

pbase_status key_decode_pair(const encoded_key *key, pbase_arena *arena, pbase_value *out_key,
                             pbase_value *out_record, pbase_error *err)
{
    pbase_value first, second;
    pbase_status status = read_pair(key, arena, &first, &second, err);
    if (status == PBASE_OK) {
        *out_key = first;
        *out_record = second;
    }
    return status;
}

pbase_bytes key_pair_lead(pbase_bytes pair)
{
    encoded_key key = {pair, {NULL, 0}};
    key_source from = key_source_of(&key, NULL);
    pbase_value unused;
    bool ok = read_plain(&from, &unused, NULL) == PBASE_OK;
    return pbase_bytes_of(pair.data, ok ? (size_t)(from.bytes.at - pair.data) : 0);
}

bool key_valid_as(const encoded_key *key, key_shape shape)
{
    pbase_value first, second;
    switch (shape) {
    case KEY_SHAPE_HASHED:
        return read_hashed(key, NULL, &first, NULL) == PBASE_OK;
    case KEY_SHAPE_PAIR:
        return read_pair(key, NULL, &first, &second, NULL) == PBASE_OK;
    case KEY_SHAPE_PLAIN:
    default:
        return key_valid(key);
    }
}
