/* codec_table.c - the meta document and the codecs it names. */
#include "store/codec_table.h"

#include "store/owned_tables.h"

#include <stdatomic.h>

#define META_TITLE "protobase space"

struct codec_table {
    const pbase_host *host;
    pbase_storage *storage;
    codec_provider *provider;
    pbase_os_mutex *mutex; /* guards meta_version, tables, fresh, entering and raising */
    uint64_t meta_version;
    pbase_buffer tables; /* lines of the document, handed to their codecs */
    pbase_buffer fresh;  /* lines that the next document adds */
    _Atomic uint32_t feature;
    bool created;
    bool is_open; /* lines of entries that are there already are skipped */
    uint8_t space_id[CODEC_TABLE_SPACE_ID_BYTES];
    uint8_t lineage[CODEC_TABLE_SPACE_ID_BYTES];
    codec_entry entries[PBASE_CODECS_MAX + 1]; /* [0] is never used */
    _Atomic uint32_t count;                    /* entries 1..count are published */
};

static pbase_status load_entry(codec_table *table, bool is_transform, const char *name,
                               codec_entry *out, pbase_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length >= CODEC_NAME_BYTES) {
        return PBASE_FAIL(err, PBASE_FORMAT, "codec name of %zu bytes; the limit is %u", length,
                          CODEC_NAME_BYTES - 1);
    }
    memset(out, 0, sizeof *out);
    memcpy(out->name, name, length);
    codec_provider *provider = table->provider;
    pbase_status status = is_transform
                              ? provider->transform(provider, name, &out->transform, err)
                              : provider->serializer(provider, name, &out->serializer, err);
    if (status == PBASE_OK && provider->tables != NULL) {
        out->tables = provider->tables(provider, name);
    }
    return status;
}

/* ------------------------------------------------------------------------- meta document ---- */

/* The line of a lineage; without one, it is the id of the space. */
static pbase_status format_lineage(const uint8_t *lineage, pbase_buffer *out, pbase_error *err)
{
    pbase_object_id id;
    char text[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    memcpy(id.bytes, lineage, sizeof id.bytes);
    pbase_object_id_format(id, text);
    return pbase_buffer_append_text(out, err, "lineage %s\n", text);
}

static pbase_status format_meta(const codec_table *table, uint32_t feature, uint32_t count,
                                pbase_buffer *out, pbase_error *err)
{
    pbase_object_id id;
    char text[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    memcpy(id.bytes, table->space_id, sizeof id.bytes);
    pbase_object_id_format(id, text);
    pbase_status status =
        pbase_buffer_append_text(out, err, META_TITLE "\nid %s\nformat %u\nfeature %u\n", text,
                                 STORE_FORMAT_VERSION, feature);
    if (status == PBASE_OK && memcmp(table->lineage, table->space_id, sizeof table->lineage) != 0) {
        status = format_lineage(table->lineage, out, err);
    }
    for (uint32_t i = 1; i <= count && status == PBASE_OK; i++) {
        const codec_entry *entry = &table->entries[i];
        status = pbase_buffer_append_text(out, err, "codec %u %s %s 1\n", i,
                                          entry->transform != NULL ? "transform" : "serializer",
                                          entry->name);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, pbase_buffer_view(&table->tables), err);
    }
    return status == PBASE_OK ? owned_tables_add(pbase_buffer_view(&table->fresh), out, err)
                              : status;
}

static pbase_status write_meta(codec_table *table, uint32_t feature, uint32_t count,
                               pbase_error *err)
{
    pbase_buffer document;
    pbase_buffer_init(&document, table->host->alloc);
    pbase_status status = format_meta(table, feature, count, &document, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(&table->tables, table->fresh.size, err);
    }
    if (status == PBASE_OK) {
        status = pbase_storage_meta_cas(table->storage, NULL, table->meta_version,
                                        pbase_buffer_view(&document), err);
    }
    if (status == PBASE_OK) {
        table->meta_version++;
        status = owned_tables_add(pbase_buffer_view(&table->fresh), &table->tables, err);
        table->fresh.size = 0;
    }
    pbase_buffer_fini(&document);
    return status;
}

/* Cuts the next line off `text`; false at its end. */
static bool next_line(pbase_bytes *text, pbase_bytes *out)
{
    if (text->size == 0) {
        return false;
    }
    const uint8_t *newline = memchr(text->data, '\n', text->size);
    size_t length = newline == NULL ? text->size : (size_t)(newline - text->data);
    *out = pbase_bytes_of(text->data, length);
    size_t used = newline == NULL ? length : length + 1;
    *text = pbase_bytes_of(text->data + used, text->size - used);
    return true;
}

/* Cuts the next word off `line`. */
static pbase_bytes next_word(pbase_bytes *line)
{
    size_t length = 0;
    while (length < line->size && line->data[length] != ' ') {
        length++;
    }
    pbase_bytes word = pbase_bytes_of(line->data, length);
    size_t used = length < line->size ? length + 1 : length;
    *line = pbase_bytes_of(line->data + used, line->size - used);
    return word;
}

static bool word_is(pbase_bytes word, const char *text)
{
    return pbase_bytes_equal(word, pbase_bytes_text(text));
}

/* A decimal number of at most nine digits; UINT32_MAX for anything else. */
static uint32_t word_number(pbase_bytes word)
{
    uint32_t number = 0;
    if (word.size == 0 || word.size > 9) {
        return UINT32_MAX;
    }
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] < '0' || word.data[i] > '9') {
            return UINT32_MAX;
        }
        number = number * 10 + (uint32_t)(word.data[i] - '0');
    }
    return number;
}

static pbase_status not_meta(pbase_bytes line, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_FORMAT, "the space's meta document has an unknown line '%.*s'",
                      (int)(line.size < 60 ? line.size : 60), (const char *)line.data);
}

static pbase_status read_format(pbase_bytes rest, pbase_error *err)
{
    uint32_t version = word_number(next_word(&rest));
    if (version == UINT32_MAX || version > STORE_FORMAT_VERSION) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_FORMAT, "the space has format %u; this library reads up to %u",
                       version, STORE_FORMAT_VERSION);
        pbase_error_hint(err, "open it with a newer ProtoBase");
        return status;
    }
    return PBASE_OK;
}

/* One "codec ID ROLE NAME VERSION" line. A codec that cannot be loaded is collected in `missing`
 * and is no failure here: the caller reports all of them at once. */
static pbase_status read_codec(codec_table *table, pbase_bytes line, pbase_buffer *missing,
                               pbase_error *err)
{
    pbase_bytes rest = line;
    uint32_t id = word_number(next_word(&rest));
    pbase_bytes role = next_word(&rest);
    pbase_bytes name = next_word(&rest);
    uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
    if (table->is_open && id >= 1 && id <= count) {
        return PBASE_OK;
    }
    if (id != count + 1 || id > PBASE_CODECS_MAX || name.size == 0 ||
        name.size >= CODEC_NAME_BYTES ||
        (!word_is(role, "transform") && !word_is(role, "serializer"))) {
        return not_meta(line, err);
    }
    char text[CODEC_NAME_BYTES] = {0};
    memcpy(text, name.data, name.size);
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status =
        load_entry(table, word_is(role, "transform"), text, &table->entries[id], &why);
    if (status == PBASE_OK || !table->is_open) {
        atomic_store_explicit(&table->count, id, memory_order_release);
    }
    if (status == PBASE_NOT_FOUND || status == PBASE_PLUGIN) {
        return pbase_buffer_append_text(missing, err, "%scodec '%s' (%s)",
                                        missing->size == 0 ? "" : ", ", text, why.message);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* One "table CODEC-ID ID TABLE" line, `rest` what follows the first word. Codecs that are missing
 * are reported without their tables. */
static pbase_status read_table(codec_table *table, pbase_bytes line, pbase_bytes rest,
                               bool is_codec_missing, pbase_error *err)
{
    uint32_t codec_id = word_number(next_word(&rest));
    pbase_bytes id = next_word(&rest);
    if (codec_id == 0 || codec_id > PBASE_CODECS_MAX) {
        return not_meta(line, err);
    }
    if (owned_tables_have(pbase_buffer_view(&table->tables), line)) {
        return PBASE_OK;
    }
    const codec_entry *entry = &table->entries[codec_id];
    if (codec_id > atomic_load_explicit(&table->count, memory_order_relaxed) ||
        (entry->serializer == NULL && entry->transform == NULL)) {
        return is_codec_missing ? PBASE_OK : not_meta(line, err);
    }
    pbase_status status = owned_tables_put(entry, id, next_word(&rest), err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(&table->tables, line, err);
    }
    return status == PBASE_OK ? pbase_buffer_append_u8(&table->tables, '\n', err) : status;
}

/* A higher level than ours may not open the space. */
static pbase_status read_feature(codec_table *table, pbase_bytes rest, pbase_error *err)
{
    uint32_t level = word_number(next_word(&rest));
    if (level == UINT32_MAX || level > STORE_FEATURE_LEVEL) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_FORMAT, "the space needs feature level %u; this library has %u",
                       level, STORE_FEATURE_LEVEL);
        pbase_error_hint(err, "open it with a newer ProtoBase");
        return status;
    }
    atomic_store_explicit(&table->feature, level, memory_order_release);
    return PBASE_OK;
}

static pbase_status read_lineage(codec_table *table, pbase_bytes line, pbase_bytes rest,
                                 pbase_error *err)
{
    pbase_object_id id;
    if (pbase_object_id_parse(rest, &id, NULL) != PBASE_OK) {
        return not_meta(line, err);
    }
    if (!table->is_open) { /* it never changes while the space is open */
        memcpy(table->lineage, id.bytes, sizeof table->lineage);
    }
    return PBASE_OK;
}

static pbase_status read_line(codec_table *table, pbase_bytes line, pbase_buffer *missing,
                              pbase_error *err)
{
    pbase_bytes rest = line;
    pbase_bytes word = next_word(&rest);
    if (word_is(word, "id") && !table->is_open) {
        pbase_object_id id;
        if (pbase_object_id_parse(rest, &id, NULL) != PBASE_OK) {
            return not_meta(line, err);
        }
        memcpy(table->space_id, id.bytes, CODEC_TABLE_SPACE_ID_BYTES);
        memcpy(table->lineage, id.bytes, CODEC_TABLE_SPACE_ID_BYTES);
        return PBASE_OK;
    }
    if (word_is(word, "lineage")) {
        return read_lineage(table, line, rest, err);
    }
    if (word_is(word, "format")) {
        return read_format(rest, err);
    }
    if (word_is(word, "feature")) {
        return read_feature(table, rest, err);
    }
    if (word_is(word, "id")) { /* it never changes */
        return PBASE_OK;
    }
    if (word_is(word, "table")) {
        return read_table(table, line, rest, missing->size > 0, err);
    }
    return word_is(word, "codec") ? read_codec(table, rest, missing, err) : not_meta(line, err);
}

/* True when the head of the document, which every writer begins with, is there and the last line is
 * whole. */
static bool is_complete(pbase_bytes document)
{
    static const char *const words[] = {"id", "format", "feature"};
    bool complete = document.size > 0 && document.data[document.size - 1] == '\n';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        pbase_bytes line;
        complete = complete && next_line(&document, &line) && word_is(next_word(&line), words[i]);
    }
    return complete;
}

static pbase_status read_meta(codec_table *table, pbase_bytes document, pbase_error *err)
{
    pbase_bytes line;
    if (word_is(document, CODEC_TABLE_RESTORING)) {
        pbase_status status = PBASE_FAIL(err, PBASE_FORMAT,
                                         "a backup is being restored here, or was and never "
                                         "finished");
        pbase_error_hint(err, "restore again to the same place, or remove it");
        return status;
    }
    if (!next_line(&document, &line) || !word_is(line, META_TITLE)) {
        return PBASE_FAIL(err, PBASE_FORMAT, "the storage holds something that is not a space");
    }
    if (!is_complete(document)) {
        return PBASE_FAIL(err, PBASE_FORMAT, "the space's meta document is cut");
    }
    pbase_buffer missing;
    pbase_buffer_init(&missing, table->host->alloc);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && next_line(&document, &line)) {
        status = read_line(table, line, &missing, err);
    }
    if (status == PBASE_OK && missing.size > 0) {
        status = PBASE_FAIL(err, PBASE_PLUGIN, "the data of this space needs %.*s",
                            (int)missing.size, (const char *)missing.data);
        pbase_error_hint(err, "install the plugin, or name its directory with --plugin-dir or "
                              "PROTOBASE_PLUGIN_PATH; nothing was changed");
    }
    pbase_buffer_fini(&missing);
    return status;
}

/* Every line as it is, but that of the lineage, which stands behind the feature level. */
pbase_status codec_table_set_lineage(pbase_bytes document,
                                     const uint8_t lineage[CODEC_TABLE_SPACE_ID_BYTES],
                                     pbase_buffer *out, pbase_error *err)
{
    pbase_bytes line, rest = document;
    if (!next_line(&rest, &line) || !word_is(line, META_TITLE) || !is_complete(rest)) {
        return PBASE_FAIL(err, PBASE_FORMAT, "there is no meta document of a space");
    }
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && next_line(&document, &line)) {
        pbase_bytes words = line;
        pbase_bytes first = next_word(&words);
        if (!word_is(first, "lineage")) {
            status = pbase_buffer_append_bytes(out, line, err);
            status = status == PBASE_OK ? pbase_buffer_append_u8(out, '\n', err) : status;
        }
        if (status == PBASE_OK && word_is(first, "feature")) {
            status = format_lineage(lineage, out, err);
        }
    }
    return status;
}

/* --------------------------------------------------------------------------------- table ---- */

static pbase_status read_stored(codec_table *table, pbase_error *err)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    pbase_arena_init(&arena, table->host->alloc);
    pbase_status status =
        pbase_storage_meta_get(table->storage, NULL, &arena, &document, &version, err);
    if (status == PBASE_OK && version != 0 && (version != table->meta_version || !table->is_open)) {
        status = read_meta(table, document, err);
    }
    if (status == PBASE_OK) {
        table->meta_version = version;
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status create(codec_table *table, pbase_error *err)
{
    const pbase_os *os = table->host->os;
    os->system->random(os, table->space_id, CODEC_TABLE_SPACE_ID_BYTES);
    memcpy(table->lineage, table->space_id, sizeof table->lineage);
    atomic_store_explicit(&table->feature, STORE_FEATURE_NEW, memory_order_release);
    pbase_status status = write_meta(table, STORE_FEATURE_NEW, 0, err);
    table->created = status == PBASE_OK;
    return status;
}

/* Whether a space without a meta document is none yet: nothing was ever written. */
static pbase_status check_unwritten(codec_table *table, pbase_error *err)
{
    pbase_journal_head journal;
    pbase_status status =
        pbase_storage_journal_head(table->storage, NULL, PBASE_HEAD_LATEST, &journal, err);
    if (status != PBASE_OK || (journal.anchor == 0 && journal.head == journal.first)) {
        return status;
    }
    status = read_stored(table, err); /* another process may have made it, and written since */
    if (status == PBASE_OK && table->meta_version == 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the space has lost its meta document, which says what its codecs are");
        pbase_error_hint(err, "restore a backup, or `protobase recover` it with its configuration");
    }
    return status;
}

static pbase_status create_or_read(codec_table *table, codec_table_opening opening,
                                   pbase_error *err)
{
    pbase_status status = read_stored(table, err);
    if (status == PBASE_OK && table->meta_version == 0 && opening != CODEC_TABLE_SALVAGE) {
        status = check_unwritten(table, err);
    }
    if (status != PBASE_OK || table->meta_version != 0) {
        return status;
    }
    if (opening == CODEC_TABLE_FIND) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no space yet");
    }
    pbase_error why;
    pbase_error_init(&why);
    status = create(table, &why);
    if (status == PBASE_CONFLICT) { /* another process was faster */
        return read_stored(table, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

pbase_status codec_table_open(const pbase_host *host, pbase_storage *storage,
                              codec_provider *provider, codec_table_opening opening,
                              codec_table **out, pbase_error *err)
{
    codec_table *table = pbase_alloc_zeroed(host->alloc, 1, sizeof *table);
    if (table == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table of codecs");
    }
    table->host = host;
    table->storage = storage;
    table->provider = provider;
    pbase_buffer_init(&table->tables, host->alloc);
    pbase_buffer_init(&table->fresh, host->alloc);
    pbase_status status = host->os->lock->mutex_create(host->os, &table->mutex, err);
    if (status == PBASE_OK) {
        status = create_or_read(table, opening, err);
    }
    if (status != PBASE_OK) {
        codec_table_close(table);
        return status;
    }
    table->is_open = true;
    *out = table;
    return PBASE_OK;
}

void codec_table_close(codec_table *table)
{
    if (table == NULL) {
        return;
    }
    if (table->mutex != NULL) {
        table->host->os->lock->mutex_destroy(table->mutex);
    }
    pbase_buffer_fini(&table->tables);
    pbase_buffer_fini(&table->fresh);
    pbase_alloc_free(table->host->alloc, table, sizeof *table);
}

bool codec_table_created(const codec_table *table)
{
    return table->created;
}

const uint8_t *codec_table_space_id(const codec_table *table)
{
    return table->space_id;
}

const uint8_t *codec_table_lineage(const codec_table *table)
{
    return table->lineage;
}

uint32_t codec_table_feature(const codec_table *table)
{
    return atomic_load_explicit(&table->feature, memory_order_acquire);
}

pbase_status codec_table_require(codec_table *table, uint32_t feature, pbase_error *err)
{
    PBASE_ASSERT(feature <= STORE_FEATURE_LEVEL);
    if (codec_table_feature(table) >= feature) {
        return PBASE_OK;
    }
    const pbase_os_lock_ops *locks = table->host->os->lock;
    locks->mutex_lock(table->mutex);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && codec_table_feature(table) < feature) {
        uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
        status = write_meta(table, feature, count, err);
        if (status == PBASE_OK) { /* published once it is durable: others may rely on it */
            atomic_store_explicit(&table->feature, feature, memory_order_release);
        } else if (status == PBASE_CONFLICT) { /* another process has changed the document */
            status = read_stored(table, err);
        }
    }
    locks->mutex_unlock(table->mutex);
    return status;
}

/* 0 when the table does not have it. */
static uint8_t find(const codec_table *table, bool is_transform, const char *name)
{
    uint32_t count = atomic_load_explicit(&table->count, memory_order_acquire);
    for (uint32_t i = 1; i <= count; i++) {
        const codec_entry *entry = &table->entries[i];
        if ((entry->transform != NULL) == is_transform && strcmp(entry->name, name) == 0) {
            return (uint8_t)i;
        }
    }
    return 0;
}

/* With the mutex held. */
static pbase_status enter_new(codec_table *table, bool is_transform, const char *name,
                              uint8_t *out_id, pbase_error *err)
{
    uint32_t id = atomic_load_explicit(&table->count, memory_order_relaxed) + 1;
    if (id > PBASE_CODECS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a space knows at most %u codecs", PBASE_CODECS_MAX);
    }
    pbase_status status = load_entry(table, is_transform, name, &table->entries[id], err);
    if (status == PBASE_OK) {
        status = write_meta(table, codec_table_feature(table), id, err);
    }
    if (status == PBASE_OK) {
        atomic_store_explicit(&table->count, id, memory_order_release);
        *out_id = (uint8_t)id;
    }
    return status;
}

/* Enters the codec, with the mutex held; another process may be doing the same. */
static pbase_status find_or_enter(codec_table *table, bool is_transform, const char *name,
                                  uint8_t *out_id, pbase_error *err)
{
    for (;;) {
        uint8_t id = find(table, is_transform, name);
        pbase_status status = id != 0 ? PBASE_OK : enter_new(table, is_transform, name, &id, err);
        if (status == PBASE_OK) {
            *out_id = id;
        }
        if (status != PBASE_CONFLICT) {
            return status;
        }
        status = read_stored(table, err); /* another process has changed the document */
        if (status != PBASE_OK) {
            return status;
        }
    }
}

/* Makes the tables durable that the codec will need for what it writes, with the mutex held. */
static pbase_status enter_tables(codec_table *table, uint8_t id, pbase_error *err)
{
    pbase_status status =
        owned_tables_gather(&table->entries[id], id, table->host->alloc, &table->fresh, err);
    while (status == PBASE_OK && table->fresh.size > 0) {
        uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
        status = write_meta(table, codec_table_feature(table), count, err);
        if (status == PBASE_CONFLICT) {
            status = read_stored(table, err);
        }
    }
    table->fresh.size = 0;
    return status;
}

pbase_status codec_table_enter(codec_table *table, bool is_transform, const char *name,
                               uint8_t *out_id, pbase_error *err)
{
    uint8_t id = find(table, is_transform, name);
    if (id != 0 && table->entries[id].tables == NULL) {
        *out_id = id;
        return PBASE_OK;
    }
    const pbase_os_lock_ops *locks = table->host->os->lock;
    locks->mutex_lock(table->mutex);
    pbase_status status = find_or_enter(table, is_transform, name, &id, err);
    if (status == PBASE_OK) {
        status = enter_tables(table, id, err);
    }
    if (status == PBASE_OK) {
        *out_id = id;
    }
    locks->mutex_unlock(table->mutex);
    return status;
}

static const codec_entry *entry_at(const codec_table *table, uint8_t id)
{
    uint32_t count = atomic_load_explicit(&table->count, memory_order_acquire);
    return id == 0 || id > count ? NULL : &table->entries[id];
}

pbase_status codec_table_find(codec_table *table, uint8_t id, const codec_entry **out,
                              pbase_error *err)
{
    const codec_entry *entry = entry_at(table, id);
    pbase_status status = PBASE_OK;
    if (entry == NULL && id != 0) { /* another process may have entered it */
        const pbase_os_lock_ops *locks = table->host->os->lock;
        locks->mutex_lock(table->mutex);
        status = read_stored(table, err);
        locks->mutex_unlock(table->mutex);
        entry = entry_at(table, id);
    }
    if (status == PBASE_OK) {
        *out = entry;
    }
    return status;
}

pbase_status codec_table_has_transform(codec_table *table, bool *out, pbase_error *err)
{
    const pbase_os_lock_ops *locks = table->host->os->lock;
    locks->mutex_lock(table->mutex);
    pbase_status status = read_stored(table, err);
    locks->mutex_unlock(table->mutex);
    uint32_t count = atomic_load_explicit(&table->count, memory_order_acquire);
    for (uint32_t i = 1; status == PBASE_OK && i <= count; i++) {
        *out = *out || table->entries[i].transform != NULL;
    }
    return status;
}

const codec_entry *codec_table_at(const codec_table *table, uint8_t id)
{
    return entry_at(table, id);
}
