/* plugin_note.c - writes a descriptor as JSON.
 *
 * The descriptor is input: it may come from a foreign compiler or an older header. Every pointer is
 * checked before it is followed, every array is walked by its own stride, and nothing is called. */
#include "plugin_note.h"
#include <inttypes.h>
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/storage.h>

/* One JSON text under construction. The first failure sticks; later writes then do nothing. */
typedef struct {
    pbase_buffer *out;
    pbase_error *err;
    pbase_status status;
    const char *owner; /* "plugin" or the component's name, for messages */
} note_writer;

static void write_raw(note_writer *w, const char *text)
{
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append(w->out, text, strlen(text), w->err);
    }
}

static void write_u32(note_writer *w, const char *before, uint32_t value)
{
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append_text(w->out, w->err, "%s%" PRIu32, before, value);
    }
}

/* Length of `text`, or SIZE_MAX when it is too long or not printable ASCII. */
static size_t text_length(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        if (text[length] < 0x20 || text[length] > 0x7e || length == PLUGIN_TEXT_BYTES_MAX) {
            return SIZE_MAX;
        }
        length++;
    }
    return length;
}

/* `before` and a JSON string. `what` names the field in messages. */
static void write_text(note_writer *w, const char *before, const char *what, const char *text)
{
    write_raw(w, before);
    if (w->status != PBASE_OK) {
        return;
    }
    if (text == NULL) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID, "%s: %s is missing", w->owner, what);
        return;
    }
    if (text_length(text) == SIZE_MAX) {
        w->status =
            PBASE_FAIL(w->err, PBASE_INVALID, "%s: %s is not printable ASCII of at most %u bytes",
                       w->owner, what, PLUGIN_TEXT_BYTES_MAX);
        return;
    }
    write_raw(w, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        char escaped[3] = {'\\', *at, '\0'};
        write_raw(w, *at == '"' || *at == '\\' ? escaped : escaped + 1);
    }
    write_raw(w, "\"");
}

static void write_optional_text(note_writer *w, const char *before, const char *what,
                                const char *text)
{
    if (text != NULL) {
        write_text(w, before, what, text);
    } else {
        write_raw(w, before);
        write_raw(w, "null");
    }
}

/* Whether `count` elements, `stride` bytes apart, can lie at `array`. */
static bool array_ok(note_writer *w, const char *what, const void *array, uint32_t count,
                     uint32_t count_max, size_t stride, size_t stride_min)
{
    if (w->status != PBASE_OK) {
        return false;
    }
    if (count > count_max) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID, "%s: %" PRIu32 " %s; the limit is %" PRIu32,
                               w->owner, count, what, count_max);
    } else if (count > 0 && (array == NULL || stride < stride_min)) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID,
                               "%s: the array of %s is missing or its stride is %zu; "
                               "at least %zu is needed",
                               w->owner, what, stride, stride_min);
    }
    return w->status == PBASE_OK;
}

static void write_options(note_writer *w, const pbase_component *component)
{
    write_raw(w, ",\"options\":[");
    if (!array_ok(w, "options", component->options, component->option_count, PLUGIN_OPTIONS_MAX,
                  component->option_stride, sizeof(pbase_option))) {
        return;
    }
    for (size_t i = 0; i < component->option_count; i++) {
        const pbase_option *option = plugin_option_at(component, i);
        write_text(w, i == 0 ? "{\"key\":" : ",{\"key\":", "the key of an option", option->key);
        write_u32(w, ",\"type\":", option->type);
        write_u32(w, ",\"flags\":", option->flags);
        write_optional_text(w, ",\"default\":", "the default of an option", option->default_text);
        write_optional_text(w, ",\"range\":", "the range of an option", option->range);
        write_text(w, ",\"doc\":", "the doc of an option", option->doc);
        write_raw(w, "}");
    }
    write_raw(w, "]");
}

static void write_slots(note_writer *w, const pbase_component *component)
{
    write_raw(w, ",\"slots\":[");
    if (!array_ok(w, "slots", component->slots, component->slot_count, PLUGIN_SLOTS_MAX,
                  component->slot_stride, sizeof(pbase_slot))) {
        return;
    }
    for (size_t i = 0; i < component->slot_count; i++) {
        const pbase_slot *slot = plugin_slot_at(component, i);
        write_text(w, i == 0 ? "{\"name\":" : ",{\"name\":", "the name of a slot", slot->name);
        write_text(w, ",\"kind\":", "the kind of a slot", slot->kind);
        write_u32(w, ",\"min\":", slot->count_min);
        write_u32(w, ",\"max\":", slot->count_max);
        write_u32(w, ",\"capabilities\":", slot->capabilities);
        write_optional_text(w, ",\"default\":", "the default of a slot", slot->default_type);
        write_text(w, ",\"doc\":", "the doc of a slot", slot->doc);
        write_raw(w, "}");
    }
    write_raw(w, "]");
}

static void write_verbs(note_writer *w, const pbase_component *component)
{
    write_raw(w, ",\"verbs\":[");
    for (size_t i = 0; component->verbs != NULL && component->verbs[i] != NULL; i++) {
        if (!array_ok(w, "verbs", component->verbs, (uint32_t)i + 1, PLUGIN_VERBS_MAX, 1, 1)) {
            return;
        }
        write_text(w, i == 0 ? "" : ",", "a verb", component->verbs[i]);
    }
    write_raw(w, "]");
}

/* What the kind's table says about itself. */
typedef struct {
    uint32_t capabilities;
    uint32_t stage;
    uint32_t durability;
} table_facts;

/* Every table begins with its own size; what it does not reach is left at 0. */
static table_facts table_facts_of(const pbase_component *component)
{
    table_facts facts = {component->capabilities, 0, 0};
    if (strcmp(component->kind, PBASE_KIND_STORAGE) == 0) {
        const pbase_storage_vtable *table = component->vtable;
        facts.capabilities = PBASE_HAS(table, capabilities) ? table->capabilities : 0;
        facts.durability = PBASE_HAS(table, durability_mask) ? table->durability_mask : 0;
    } else if (strcmp(component->kind, PBASE_KIND_BLOCK_PROVIDER) == 0) {
        const pbase_blocks_vtable *table = component->vtable;
        facts.capabilities = PBASE_HAS(table, capabilities) ? table->capabilities : 0;
    } else if (strcmp(component->kind, PBASE_KIND_TRANSFORM) == 0) {
        const pbase_transform_vtable *table = component->vtable;
        facts.stage = PBASE_HAS(table, stage) ? table->stage : 0;
    }
    return facts;
}

static bool is_kind(const char *kind)
{
    static const char *const kinds[] = {PBASE_KIND_STORAGE, PBASE_KIND_BLOCK_PROVIDER,
                                        PBASE_KIND_SERIALIZER, PBASE_KIND_TRANSFORM,
                                        PBASE_KIND_OPERATOR};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void write_component(note_writer *w, const pbase_component *component)
{
    w->owner = component->name == NULL ? "a component" : component->name;
    write_text(w, "{\"kind\":", "the kind", component->kind);
    if (w->status == PBASE_OK && !is_kind(component->kind)) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID, "%s: there is no kind '%s'", w->owner,
                               component->kind);
    } else if (w->status == PBASE_OK && (component->vtable == NULL || component->open == NULL)) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID, "%s: %s is missing", w->owner,
                               component->open == NULL ? "open" : "vtable");
    }
    write_text(w, ",\"name\":", "the name", component->name);
    write_text(w, ",\"doc\":", "the doc", component->doc);
    if (w->status != PBASE_OK) {
        return;
    }
    table_facts facts = table_facts_of(component);
    if (facts.capabilities != component->capabilities) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID,
                               "%s: the component's capabilities are 0x%" PRIx32
                               ", those of its vtable 0x%" PRIx32,
                               w->owner, component->capabilities, facts.capabilities);
    }
    write_u32(w, ",\"capabilities\":", facts.capabilities);
    write_u32(w, ",\"format_version\":", component->format_version);
    write_u32(w, ",\"stage\":", facts.stage);
    write_u32(w, ",\"durability\":", facts.durability);
    write_options(w, component);
    write_slots(w, component);
    write_verbs(w, component);
    write_raw(w, "}");
}

static void write_components(note_writer *w, const pbase_plugin *plugin)
{
    write_raw(w, ",\"components\":[");
    if (!array_ok(w, "components", plugin->components, plugin->component_count,
                  PLUGIN_COMPONENTS_MAX, plugin->component_stride, sizeof(pbase_component))) {
        return;
    }
    if (plugin->component_count == 0) {
        w->status = PBASE_FAIL(w->err, PBASE_INVALID, "the plugin offers no component");
    }
    for (size_t i = 0; w->status == PBASE_OK && i < plugin->component_count; i++) {
        write_raw(w, i == 0 ? "" : ",");
        write_component(w, plugin_component_at(plugin, i));
    }
    write_raw(w, "]}");
}

pbase_status plugin_note_write(const pbase_plugin *plugin, pbase_buffer *out, pbase_error *err)
{
    note_writer w = {out, err, PBASE_OK, "the plugin"};
    if (plugin->magic != PBASE_PLUGIN_MAGIC) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "the descriptor does not begin with PBASE_PLUGIN_MAGIC");
    }
    if (plugin->struct_size < sizeof(pbase_plugin)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "the descriptor has %" PRIu32 " bytes; at least %zu are needed",
                          plugin->struct_size, sizeof(pbase_plugin));
    }
    write_u32(&w, "{\"abi\":[", plugin->abi_major);
    write_u32(&w, ",", plugin->abi_minor);
    write_text(&w, "],\"name\":", "the name", plugin->name);
    write_text(&w, ",\"version\":", "the version", plugin->version);
    write_text(&w, ",\"license\":", "the license", plugin->license);
    write_text(&w, ",\"summary\":", "the summary", plugin->summary);
    write_components(&w, plugin);
    if (w.status == PBASE_OK && out->size > PLUGIN_NOTE_BYTES_MAX) {
        w.status = PBASE_FAIL(err, PBASE_INVALID, "the descriptor takes %zu bytes; the limit is %u",
                              out->size, PLUGIN_NOTE_BYTES_MAX);
    }
    return w.status;
}
