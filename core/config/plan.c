/* plan.c - walks the document from the root down, asking the catalog for each component. */
#include "config/plan.h"
#include "base/nearest.h"
#include "config/scalar.h"
#include "config/values.h"
#include <protobase/base/limits.h>
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>
#include <stdio.h>

#define KIND_CODEC "codec"

typedef struct {
    config_catalog *catalog;
    problem_list *problems;
    size_t count; /* components so far */
} planner;

/* Where a component stands in the document. */
typedef struct {
    const config_node *node; /* the mapping or the bare name; NULL: a slot's default */
    const config_node *place;
    const char *key; /* "storage", "blocks", "codecs": for messages */
    const char *kind;
    const char *name; /* set for a default, else taken from the node */
    uint32_t depth;
} plan_request;

static plan_component *plan_one(planner *p, const plan_request *request);

static bool is_codec(const char *kind)
{
    return strcmp(kind, PBASE_KIND_SERIALIZER) == 0 || strcmp(kind, PBASE_KIND_TRANSFORM) == 0;
}

const char *config_label(const char *kind, const char *name, pbase_arena *arena)
{
    const char *shown = is_codec(kind) ? KIND_CODEC : kind;
    size_t bytes = strlen(shown) + strlen(name) + 2;
    char *label = pbase_arena_alloc(arena, bytes);
    if (label != NULL) {
        (void)snprintf(label, bytes, "%s/%s", shown, name); /* measured above */
    }
    return label;
}

int32_t config_durability(const char *text)
{
    static const char *const levels[] = {"none", "async", "sync", "remote"};
    for (int32_t i = 0; i < 4; i++) {
        if (text != NULL && strcmp(text, levels[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static void *take(planner *p, size_t count, size_t size)
{
    void *memory = pbase_arena_array(p->problems->arena, count, size);
    if (memory == NULL) {
        p->problems->no_memory = true;
    } else {
        memset(memory, 0, count * size);
    }
    return memory;
}

/* ------------------------------------------------------------------------- one component --- */
static void note_missing_type(planner *p, const plan_request *request)
{
    nearest search;
    nearest_init(&search, pbase_bytes_text("type"));
    problem_add(p->problems, PBASE_CONFIG, request->node, "%s: 'type' is missing", request->key);
    for (const config_entry *entry = request->node->first; entry != NULL; entry = entry->next) {
        nearest_offer(&search, pbase_bytes_text(entry->key->text));
    }
    if (search.best.size > 0) {
        problem_hint(p->problems, "is '%.*s' meant to be it?", (int)search.best.size, search.text);
    } else {
        problem_hint(p->problems, "it names the component");
    }
}

/* The name in `type: NAME` or in a bare NAME; NULL after noting a problem. */
static const char *name_of(planner *p, const plan_request *request, const config_node **out_node)
{
    const config_node *node = request->node;
    if (node->type == CONFIG_MAP) {
        node = config_map_get(node, "type");
        if (node == NULL) {
            note_missing_type(p, request);
            return NULL;
        }
    }
    *out_node = node;
    if (node->type != CONFIG_SCALAR || config_node_is_null(node) || node->text[0] == '\0') {
        problem_add(p->problems, PBASE_CONFIG, node, "%s: the name of a component is expected here",
                    request->key);
        return NULL;
    }
    return node->text;
}

/* Asks the catalog; notes what it says when nobody gives the component. */
static const pbase_component_info *look_up(planner *p, const plan_request *request,
                                           const char *name, const config_node *place)
{
    pbase_error err;
    pbase_error_init(&err);
    const pbase_component_info *info = NULL;
    pbase_status status = p->catalog->find(p->catalog, request->kind, name, &info, &err);
    if (status == PBASE_NO_MEMORY) {
        p->problems->no_memory = true;
    } else if (status != PBASE_OK) {
        problem_add(p->problems, status, place, "%s: %s", request->key, err.message);
        if (err.hint[0] != '\0') {
            problem_hint(p->problems, "%s", err.hint);
        }
    }
    return info;
}

static const pbase_config *read_values(planner *p, const plan_request *request,
                                       const plan_component *component)
{
    const pbase_component_info *info = component->info;
    size_t core_count;
    const pbase_option *core_options = pbase_config_core_options(info->kind, &core_count);
    config_shape shape = {
        .label = component->label,
        .tables = {{info->options, info->option_count}, {core_options, core_count}},
        .table_count = core_count > 0 && request->depth == 1 ? 2 : 1,
        .slots = info->slots,
        .slot_count = info->slot_count,
        .has_type = true,
    };
    return config_values_read(request->node, request->place, &shape, p->problems);
}

/* Whether `child` can do what `slot` needs. */
static void check_capabilities(planner *p, const plan_component *parent, const pbase_slot *slot,
                               const plan_component *child, const config_node *place)
{
    static const char *const names[] = {"append_sync", "overwrite", "punch",      "exclusive_seal",
                                        "range_read",  "map",       "persistent", "lock"};
    uint32_t missing = slot->capabilities & ~child->info->capabilities;
    for (uint32_t bit = 0; bit < 32 && missing != 0; bit++, missing >>= 1) {
        bool named = bit < sizeof(names) / sizeof(names[0]) &&
                     strcmp(slot->kind, PBASE_KIND_BLOCK_PROVIDER) == 0;
        if ((missing & 1u) != 0 && named) {
            problem_add(p->problems, PBASE_CONFIG, place,
                        "%s: the slot '%s' needs the capability %s, which %s lacks", parent->label,
                        slot->name, names[bit], child->label);
        } else if ((missing & 1u) != 0) {
            problem_add(p->problems, PBASE_CONFIG, place,
                        "%s: the slot '%s' needs capability bit %u, which %s lacks", parent->label,
                        slot->name, (unsigned)bit, child->label);
        }
    }
}

static plan_component *plan_child(planner *p, const plan_request *parent_request,
                                  const plan_component *parent, const pbase_slot *slot)
{
    const config_node *map = parent_request->node;
    const config_node *node = map == NULL ? NULL : config_map_get(map, slot->name);
    plan_request request = {
        .node = node,
        .place = node == NULL ? parent_request->place : node,
        .key = slot->name,
        .kind = slot->kind,
        .name = node == NULL ? slot->default_type : NULL,
        .depth = parent_request->depth + 1,
    };
    if (node == NULL && slot->default_type == NULL) {
        if (slot->count_min > 0) {
            problem_add(p->problems, PBASE_CONFIG, parent_request->place,
                        "%s: the %s '%s' is missing", parent->label, slot->kind, slot->name);
            problem_hint(p->problems, "%s", slot->doc);
        }
        return NULL;
    }
    plan_component *child = plan_one(p, &request);
    if (child != NULL) {
        check_capabilities(p, parent, slot, child, request.place);
    }
    return child;
}

static void plan_children(planner *p, const plan_request *request, plan_component *component)
{
    const pbase_component_info *info = component->info;
    component->children = take(p, info->slot_count, sizeof(component->children[0]));
    for (size_t i = 0; component->children != NULL && i < info->slot_count; i++) {
        component->children[i] = plan_child(p, request, component, &info->slots[i]);
    }
}

/* The component that `request` asks for and all below it; NULL after noting a problem. */
static plan_component *plan_one(planner *p, const plan_request *request)
{
    const config_node *type = request->place;
    const char *name = request->name != NULL ? request->name : name_of(p, request, &type);
    if (name == NULL) {
        return NULL;
    }
    if (request->depth > PLAN_DEPTH_MAX || ++p->count > PLAN_COMPONENTS_MAX) {
        problem_add(p->problems, PBASE_LIMIT, type,
                    "%s: more than %u components, or nested deeper than %u", request->key,
                    PLAN_COMPONENTS_MAX, PLAN_DEPTH_MAX);
        return NULL;
    }
    const pbase_component_info *info = look_up(p, request, name, type);
    plan_component *component = info == NULL ? NULL : take(p, 1, sizeof(*component));
    if (component == NULL) {
        return NULL;
    }
    component->info = info;
    component->label = config_label(info->kind, info->name, p->problems->arena);
    component->place = config_place(request->place, p->problems->arena);
    if (component->label == NULL || component->place == NULL) {
        p->problems->no_memory = true;
        return NULL;
    }
    component->values = read_values(p, request, component);
    if (component->values == NULL) {
        return NULL;
    }
    plan_children(p, request, component);
    return component;
}

/* --------------------------------------------------------------------------------- storage --- */
static void list_levels(uint32_t mask, char *out, size_t size)
{
    static const char *const levels[] = {"none", "async", "sync", "remote"};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        if ((mask & 1u << i) != 0 && used < size) {
            used +=
                (size_t)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ", levels[i]);
        }
    }
}

/* A level that the storage lacks is refused, never lowered. */
static void check_durability(planner *p, const plan_component *storage, const config_node *place)
{
    const char *text = storage->values->vtable->get_text(storage->values, "durability");
    const config_node *node = config_values_node(storage->values, "durability");
    int32_t level = config_durability(text);
    if (level < 0 || (storage->info->durability_mask & 1u << level) != 0) {
        return;
    }
    char offered[64];
    list_levels(storage->info->durability_mask, offered, sizeof(offered));
    problem_add(p->problems, PBASE_UNSUPPORTED, node == NULL ? place : node,
                "%s: durability '%s' is not offered", storage->label, text);
    problem_hint(p->problems, "it offers %s", offered);
}

static void plan_storage(planner *p, const config_document *document, config_plan *out)
{
    const config_node *node = config_map_get(document->root, "storage");
    if (node == NULL) {
        problem_add(p->problems, PBASE_CONFIG, document->root, "'storage' is missing");
        problem_hint(p->problems, "for example storage: {type: memory}");
        return;
    }
    plan_request request = {
        .node = node, .place = node, .key = "storage", .kind = PBASE_KIND_STORAGE, .depth = 1};
    out->storage = plan_one(p, &request);
    if (out->storage != NULL) {
        check_durability(p, out->storage, node);
    }
}

/* ---------------------------------------------------------------------------------- codecs --- */
/* 0 for a serializer, then the stages of transforms. */
static uint32_t stage_of(const plan_component *codec)
{
    return strcmp(codec->info->kind, PBASE_KIND_SERIALIZER) == 0 ? 0 : codec->info->stage;
}

static const char *stage_does(uint32_t stage)
{
    return stage == 0                          ? "encodes values"
           : stage == PBASE_TRANSFORM_COMPRESS ? "compresses"
                                               : "encrypts";
}

/* Whether new data goes through it. */
static bool writes(const plan_component *codec)
{
    return stage_of(codec) == 0 || pbase_config_bool(codec->values, "write");
}

/* Checks `codec` against those listed before it. */
static void check_order(planner *p, const config_plan *plan, const plan_component *codec,
                        const config_node *place)
{
    for (size_t i = 0; i < plan->codec_count; i++) {
        const plan_component *before = plan->codecs[i];
        if (before->info == codec->info) {
            problem_add(p->problems, PBASE_CONFIG, place, "codecs: %s is listed twice",
                        codec->label);
            return;
        }
        if (stage_of(codec) != 0 && stage_of(before) == stage_of(codec) && writes(before) &&
            writes(codec)) {
            problem_add(p->problems, PBASE_CONFIG, place, "codecs: both %s and %s %s",
                        before->label, codec->label,
                        stage_of(codec) == PBASE_TRANSFORM_COMPRESS ? "compress" : "encrypt");
            problem_hint(p->problems,
                         "list one of them, or give one that is only to be read write: false");
            return;
        }
        if (stage_of(before) > stage_of(codec)) {
            problem_add(p->problems, PBASE_CONFIG, place,
                        "codecs: %s %s, so it must stand before %s, which %s", codec->label,
                        stage_does(stage_of(codec)), before->label, stage_does(stage_of(before)));
            return;
        }
    }
}

static void plan_codec_list(planner *p, const config_node *list, config_plan *out)
{
    out->codecs = take(p, list->count, sizeof(out->codecs[0]));
    for (const config_entry *entry = list->first; out->codecs != NULL && entry != NULL;
         entry = entry->next) {
        plan_request request = {.node = entry->value,
                                .place = entry->value,
                                .key = "codecs",
                                .kind = KIND_CODEC,
                                .depth = 1};
        plan_component *codec = plan_one(p, &request);
        if (codec != NULL) {
            check_order(p, out, codec, entry->value);
            out->codecs[out->codec_count++] = codec;
        }
    }
    bool all_known = out->codec_count == list->count;
    if (all_known && (out->codec_count == 0 || stage_of(out->codecs[0]) != 0)) {
        problem_add(p->problems, PBASE_CONFIG, list, "codecs: the list names no serializer");
        problem_hint(p->problems, "for example codecs: [msgpack]");
    }
}

plan_component *config_plan_codec(config_catalog *catalog, const char *name,
                                  const config_node *place, problem_list *problems)
{
    planner p = {catalog, problems, 0};
    plan_request request = {
        .place = place, .key = "codecs", .kind = KIND_CODEC, .name = name, .depth = 1};
    return plan_one(&p, &request);
}

static void plan_codecs(planner *p, const config_document *document, config_plan *out)
{
    const config_node *node = config_map_get(document->root, "codecs");
    if (node != NULL && node->type == CONFIG_LIST) {
        plan_codec_list(p, node, out);
        return;
    }
    if (node != NULL) {
        problem_add(p->problems, PBASE_CONFIG, node, "codecs: a list is expected here");
        problem_hint(p->problems, "for example codecs: [msgpack]");
        return;
    }
    out->codecs = take(p, 1, sizeof(out->codecs[0]));
    plan_component *codec = config_plan_codec(p->catalog, "msgpack", document->root, p->problems);
    if (codec != NULL && out->codecs != NULL) {
        out->codecs[out->codec_count++] = codec;
    }
}

/* -------------------------------------------------------------------------------- document --- */
static void check_version(planner *p, const config_document *document)
{
    const config_node *node = config_map_get(document->root, "version");
    scalar_value value;
    if (node == NULL) {
        problem_add(p->problems, PBASE_CONFIG, document->root, "'version' is missing");
        problem_hint(p->problems, "begin with 'version: 1'");
    } else if (node->type != CONFIG_SCALAR || !scalar_parse(PBASE_OPTION_INT, node->text, &value)) {
        problem_add(p->problems, PBASE_CONFIG, node, "version: a whole number is expected here");
        problem_hint(p->problems, "write 'version: 1'");
    } else if (value.integer != 1) {
        problem_add(p->problems, PBASE_CONFIG, node,
                    "version %.20s of the configuration is not known to this release", node->text);
        problem_hint(p->problems, "it reads version 1");
    }
}

static void check_keys(planner *p, const config_document *document)
{
    static const char *const known[] = {"version", "storage", "codecs", "plugins"};
    for (const config_entry *entry = document->root->first; entry != NULL; entry = entry->next) {
        nearest search;
        nearest_init(&search, pbase_bytes_text(entry->key->text));
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            found = found || strcmp(entry->key->text, known[i]) == 0;
            nearest_offer(&search, pbase_bytes_text(known[i]));
        }
        if (!found) {
            problem_add(p->problems, PBASE_CONFIG, entry->key, "unknown key '%.80s'",
                        entry->key->text);
            if (!problem_hint_nearest(p->problems, &search)) {
                problem_hint(p->problems, "the keys are version, storage, codecs and plugins");
            }
        }
    }
}

void config_plan_make(const config_document *document, config_catalog *catalog,
                      problem_list *problems, config_plan *out)
{
    planner p = {catalog, problems, 0};
    memset(out, 0, sizeof(*out));
    if (document->root == NULL) {
        return;
    }
    check_keys(&p, document);
    check_version(&p, document);
    plan_storage(&p, document, out);
    plan_codecs(&p, document, out);
}
