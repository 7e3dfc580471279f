/* descriptor.c - regenerates the note, compares, checks each table. */
#include "host/descriptor.h"
#include "plugin_note.h"
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/operator.h>
#include <protobase/plugin/storage.h>

pbase_status descriptor_check_table(const char *kind, const void *table, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (strcmp(kind, PBASE_KIND_STORAGE) == 0) {
        status = pbase_storage_check(table, err);
    } else if (strcmp(kind, PBASE_KIND_BLOCK_PROVIDER) == 0) {
        status = pbase_blocks_check(table, err);
    } else if (strcmp(kind, PBASE_KIND_SERIALIZER) == 0) {
        status = pbase_serializer_check(table, err);
    } else if (strcmp(kind, PBASE_KIND_TRANSFORM) == 0) {
        status = pbase_transform_check(table, err);
    } else if (strcmp(kind, PBASE_KIND_OPERATOR) == 0) {
        status = pbase_operator_check(table, err);
    }
    return status;
}

static pbase_status check_tables(const pbase_plugin *plugin, pbase_error *err)
{
    for (size_t i = 0; i < plugin->component_count; i++) {
        const pbase_component *component = plugin_component_at(plugin, i);
        pbase_status status = descriptor_check_table(component->kind, component->vtable, err);
        if (status == PBASE_OK) {
            status = pbase_codec_tables_check(component->tables, err);
        }
        if (status != PBASE_OK) {
            pbase_error_note(err, "%s '%s'", component->kind, component->name);
            return PBASE_PLUGIN;
        }
    }
    return PBASE_OK;
}

/* Where two texts part. */
static size_t first_difference(pbase_bytes a, pbase_bytes b)
{
    size_t at = 0;
    while (at < a.size && at < b.size && a.data[at] == b.data[at]) {
        at++;
    }
    return at;
}

static pbase_status compare(pbase_bytes said, pbase_bytes note, pbase_error *err)
{
    if (pbase_bytes_equal(said, note)) {
        return PBASE_OK;
    }
    size_t at = first_difference(said, note);
    size_t from = at < 20 ? 0 : at - 20;
    pbase_status status = PBASE_FAIL(
        err, PBASE_PLUGIN, "note and descriptor differ: the note has '%.*s', the descriptor '%.*s'",
        (int)(note.size - from < 40 ? note.size - from : 40), (const char *)note.data + from,
        (int)(said.size - from < 40 ? said.size - from : 40), (const char *)said.data + from);
    pbase_error_hint(err, "build the plugin again, so that its note is made from this descriptor");
    return status;
}

pbase_status descriptor_check(const pbase_plugin *plugin, pbase_bytes note,
                              const pbase_alloc *alloc, pbase_error *err)
{
    pbase_buffer said;
    pbase_buffer_init(&said, alloc);
    pbase_status status = plugin_note_write(plugin, &said, err);
    if (status == PBASE_INVALID) {
        pbase_error_note(err, "its descriptor is malformed");
        status = PBASE_PLUGIN;
    }
    if (status == PBASE_OK) {
        status = compare(pbase_buffer_view(&said), note, err);
    }
    pbase_buffer_fini(&said);
    return status == PBASE_OK ? check_tables(plugin, err) : status;
}
