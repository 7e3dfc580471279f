/* note.c - reads a note with the reader of configurations, JSON being flow YAML.
 *
 * A reader's first failure sticks; what is read after it is "" or 0 and never used. */
#include "host/note.h"
#include "config/scalar.h"
#include "config/values.h"
#include "config/yaml.h"
#include "host/registry.h"
#include "plugin_note.h"
#include <protobase/plugin/codec.h>

typedef struct {
    pbase_arena *arena;
    pbase_error *err;
    pbase_status status;
    const char *owner; /* for messages */
} note_reader;

static const config_node empty_list = {.type = CONFIG_LIST, .text = ""};

static void fail(note_reader *r, const char *what, const char *key)
{
    if (r->status == PBASE_OK) {
        r->status = PBASE_FAIL(r->err, PBASE_PLUGIN, "%s: %s '%s'", r->owner, what, key);
    }
}

static void *take(note_reader *r, size_t count, size_t size)
{
    void *memory = pbase_arena_array(r->arena, count, size);
    if (memory != NULL) {
        memset(memory, 0, count * size);
    } else if (r->status == PBASE_OK) {
        r->status = PBASE_FAIL(r->err, PBASE_NO_MEMORY, "no memory for the note of a plugin");
    }
    return memory;
}

/* ---------------------------------------------------------------------------------- fields --- */
static const config_node *field(note_reader *r, const config_node *map, const char *key,
                                uint8_t type)
{
    const config_node *node = config_map_get(map, key);
    if (node == NULL || node->type != type) {
        fail(r, "the note lacks the field", key);
        return NULL;
    }
    return node;
}

static const char *field_text(note_reader *r, const config_node *map, const char *key)
{
    const config_node *node = field(r, map, key, CONFIG_SCALAR);
    return node == NULL ? "" : node->text;
}

/* A text or JSON's null. */
static const char *field_optional(note_reader *r, const config_node *map, const char *key)
{
    const config_node *node = field(r, map, key, CONFIG_SCALAR);
    return node == NULL || config_node_is_null(node) ? NULL : node->text;
}

static uint32_t number_of(note_reader *r, const config_node *node, const char *key)
{
    scalar_value value = {false, 0, 0};
    if (node == NULL || node->type != CONFIG_SCALAR ||
        !scalar_parse(PBASE_OPTION_INT, node->text, &value) || value.integer < 0 ||
        value.integer > UINT32_MAX) {
        fail(r, "the note has no number in", key);
        return 0;
    }
    return (uint32_t)value.integer;
}

static uint32_t field_number(note_reader *r, const config_node *map, const char *key)
{
    return number_of(r, config_map_get(map, key), key);
}

static const config_node *field_list(note_reader *r, const config_node *map, const char *key,
                                     size_t count_max)
{
    const config_node *node = field(r, map, key, CONFIG_LIST);
    if (node != NULL && node->count > count_max) {
        fail(r, "the note has too many", key);
        node = NULL;
    }
    return node == NULL ? &empty_list : node;
}

/* ------------------------------------------------------------------------------ components --- */
static void read_options(note_reader *r, const config_node *list, pbase_component_info *out)
{
    pbase_option *options = take(r, list->count, sizeof(*options));
    size_t count = 0;
    for (const config_entry *e = list->first; r->status == PBASE_OK && e != NULL; e = e->next) {
        pbase_option *option = &options[count++];
        option->key = field_text(r, e->value, "key");
        option->type = field_number(r, e->value, "type");
        option->flags = field_number(r, e->value, "flags");
        option->default_text = field_optional(r, e->value, "default");
        option->range = field_optional(r, e->value, "range");
        option->doc = field_text(r, e->value, "doc");
    }
    out->options = options;
    out->option_count = count;
}

static void read_slots(note_reader *r, const config_node *list, pbase_component_info *out)
{
    pbase_slot *slots = take(r, list->count, sizeof(*slots));
    size_t count = 0;
    for (const config_entry *e = list->first; r->status == PBASE_OK && e != NULL; e = e->next) {
        pbase_slot *slot = &slots[count++];
        slot->name = field_text(r, e->value, "name");
        slot->kind = field_text(r, e->value, "kind");
        slot->count_min = field_number(r, e->value, "min");
        slot->count_max = field_number(r, e->value, "max");
        slot->capabilities = field_number(r, e->value, "capabilities");
        slot->default_type = field_optional(r, e->value, "default");
        slot->doc = field_text(r, e->value, "doc");
    }
    out->slots = slots;
    out->slot_count = count;
}

static void read_verbs(note_reader *r, const config_node *list, pbase_component_info *out)
{
    const char **verbs = take(r, list->count, sizeof(*verbs));
    size_t count = 0;
    for (const config_entry *e = list->first; r->status == PBASE_OK && e != NULL; e = e->next) {
        if (e->value->type != CONFIG_SCALAR) {
            fail(r, "the note has no text in", "verbs");
            return;
        }
        verbs[count++] = e->value->text;
    }
    out->verbs = verbs;
    out->verb_count = count;
}

static void read_component(note_reader *r, const config_node *map, pbase_component_info *out)
{
    out->struct_size = sizeof(*out);
    out->kind = field_text(r, map, "kind");
    out->name = field_text(r, map, "name");
    out->doc = field_text(r, map, "doc");
    out->capabilities = field_number(r, map, "capabilities");
    out->format_version = field_number(r, map, "format_version");
    out->stage = field_number(r, map, "stage");
    out->durability_mask = field_number(r, map, "durability");
    read_options(r, field_list(r, map, "options", PLUGIN_OPTIONS_MAX), out);
    read_slots(r, field_list(r, map, "slots", PLUGIN_SLOTS_MAX), out);
    read_verbs(r, field_list(r, map, "verbs", PLUGIN_VERBS_MAX), out);
}

/* ---------------------------------------------------------------------------------- checks --- */
bool note_is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length <= 63 && text[length] == '\0' && text[0] != '-';
}

static void check_option_names(note_reader *r, const pbase_component_info *info)
{
    for (size_t i = 0; i < info->option_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(info->options[i].key, info->options[j].key) == 0) {
                fail(r, "it declares twice the option", info->options[i].key);
            }
        }
        for (size_t j = 0; j < info->slot_count; j++) {
            if (strcmp(info->options[i].key, info->slots[j].name) == 0) {
                fail(r, "option and slot share the name", info->slots[j].name);
            }
        }
    }
}

/* Keys that core reads keep their type. */
static void check_core_options(note_reader *r, const pbase_component_info *info)
{
    size_t core_count;
    const pbase_option *core_options = pbase_config_core_options(info->kind, &core_count);
    for (size_t i = 0; i < info->option_count; i++) {
        for (size_t j = 0; j < core_count; j++) {
            if (strcmp(info->options[i].key, core_options[j].key) == 0 &&
                info->options[i].type != core_options[j].type) {
                fail(r, "it changes the type of core's option", info->options[i].key);
            }
        }
    }
}

static void check_slots(note_reader *r, const pbase_component_info *info)
{
    for (size_t i = 0; i < info->slot_count; i++) {
        const pbase_slot *slot = &info->slots[i];
        bool kind_known = strcmp(slot->kind, PBASE_KIND_STORAGE) == 0 ||
                          strcmp(slot->kind, PBASE_KIND_BLOCK_PROVIDER) == 0;
        if (!kind_known || slot->count_max != 1 || slot->count_min > 1 || slot->name[0] == '\0' ||
            (slot->default_type != NULL && !note_is_name(slot->default_type))) {
            fail(r, "it declares a malformed slot", slot->name);
        }
    }
}

static void check_component(note_reader *r, const pbase_component_info *info)
{
    pbase_error why;
    pbase_error_init(&why);
    if (!note_is_name(info->name)) {
        fail(r, "this cannot be the name of a component:", info->name);
    }
    for (size_t i = 0; i < info->option_count && r->status == PBASE_OK; i++) {
        if (config_option_check(&info->options[i], &why) != PBASE_OK) {
            r->status = PBASE_FAIL(r->err, PBASE_PLUGIN, "%s: %s", r->owner, why.message);
        }
    }
    check_option_names(r, info);
    check_slots(r, info);
    check_core_options(r, info);
    if (strcmp(info->kind, PBASE_KIND_STORAGE) == 0) {
        if (info->durability_mask == 0 || info->durability_mask > 0xfu) {
            fail(r, "it offers no durability level:", info->name);
        }
    } else if (strcmp(info->kind, PBASE_KIND_TRANSFORM) == 0 &&
               info->stage != PBASE_TRANSFORM_COMPRESS && info->stage != PBASE_TRANSFORM_ENCRYPT) {
        fail(r, "it neither compresses nor encrypts:", info->name);
    }
}

static void check_duplicates(note_reader *r, const pbase_component_info *infos, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(infos[i].name, infos[j].name) == 0 &&
                strcmp(registry_label_kind(infos[i].kind), registry_label_kind(infos[j].kind)) ==
                    0) {
                fail(r, "the plugin offers the same component twice:", infos[i].name);
            }
        }
    }
}

/* ----------------------------------------------------------------------------------- steps --- */
pbase_status note_read_components(const config_node *root, pbase_arena *arena,
                                  pbase_plugin_info *out, pbase_error *err)
{
    note_reader r = {arena, err, PBASE_OK, out->name};
    const config_node *list = field_list(&r, root, "components", PLUGIN_COMPONENTS_MAX);
    pbase_component_info *infos = take(&r, list->count, sizeof(*infos));
    size_t count = 0;
    for (const config_entry *e = list->first; r.status == PBASE_OK && e != NULL; e = e->next) {
        pbase_component_info *info = &infos[count++];
        read_component(&r, e->value, info);
        r.owner = info->name;
        check_component(&r, info);
        r.owner = out->name;
    }
    check_duplicates(&r, infos, r.status == PBASE_OK ? count : 0);
    if (r.status == PBASE_OK && count == 0) {
        fail(&r, "it offers nothing:", out->name);
    }
    if (r.status == PBASE_OK) {
        out->components = infos;
        out->component_count = count;
    }
    return r.status;
}

pbase_status note_check_abi(const pbase_plugin_info *info, pbase_error *err)
{
    if (info->abi_major == PBASE_ABI_MAJOR && info->abi_minor <= PBASE_ABI_MINOR) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(
        err, PBASE_PLUGIN, "it was built for plugin ABI %u.%u; this library has %d.%d",
        (unsigned)info->abi_major, (unsigned)info->abi_minor, PBASE_ABI_MAJOR, PBASE_ABI_MINOR);
    pbase_error_hint(err, info->abi_major == PBASE_ABI_MAJOR
                              ? "use a newer ProtoBase, or an older release of the plugin"
                              : "build the plugin against this ProtoBase");
    return status;
}

pbase_status note_read_head(pbase_bytes json, pbase_arena *arena, pbase_plugin_info *out,
                            const config_node **out_root, pbase_error *err)
{
    static const config_origin origin = {"note", NULL, true};
    problem_list problems;
    problem_list_init(&problems, arena);
    const config_node *root = config_yaml_read(json, &origin, &problems);
    if (problems.no_memory) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the note of a plugin");
    }
    if (root == NULL || !problem_list_empty(&problems) || root->type != CONFIG_MAP) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "its note is malformed: %s",
                          problems.count > 0 ? problems.items[0].message : "no JSON object");
    }
    note_reader r = {arena, err, PBASE_OK, "its note"};
    const config_node *abi = field(&r, root, "abi", CONFIG_LIST);
    if (abi != NULL && abi->count == 2) {
        out->abi_major = number_of(&r, abi->first->value, "abi");
        out->abi_minor = number_of(&r, abi->last->value, "abi");
    } else {
        fail(&r, "the note has no number in", "abi");
    }
    out->name = field_text(&r, root, "name");
    out->version = field_text(&r, root, "version");
    out->license = field_text(&r, root, "license");
    out->summary = field_text(&r, root, "summary");
    *out_root = root;
    return r.status;
}
