/* yaml.c - libyaml's events into nodes.
 *
 * A problem of one node (a duplicate key, a tag) is noted and reading goes on, so that all are told
 * at once. A problem of the text itself (syntax, a limit) ends it: `failed` is set and every level
 * unwinds. Recursion is bounded by PBASE_CONFIG_DEPTH_MAX. */
#include "config/yaml.h"
#include <inttypes.h>
#include <protobase/base/limits.h>
#include <yaml.h>

typedef struct anchor anchor;
struct anchor {
    anchor *next;
    const char *name;
    config_node *node;
    bool open; /* its content is still being read */
};

typedef struct {
    yaml_parser_t parser;
    const config_origin *origin;
    problem_list *problems;
    pbase_bytes text;
    anchor *anchors; /* newest first */
    uint32_t alias_count;
    uint32_t weight; /* of all that was read */
    bool failed;
} yaml_reader;

static config_node *read_node(yaml_reader *reader, yaml_event_t *event, uint32_t depth);

/* ------------------------------------------------------------------------------- failing --- */
/* Ends the reading with a problem at `mark`. */
static void fail_at(yaml_reader *reader, yaml_mark_t mark, const char *message)
{
    reader->failed = true;
    problem_add_at(reader->problems, PBASE_CONFIG, reader->origin, (uint32_t)mark.line + 1,
                   (uint32_t)mark.column + 1, "%s", message);
}

static void fail_no_memory(yaml_reader *reader)
{
    reader->failed = true;
    reader->problems->no_memory = true;
}

/* Line and column of a byte, for errors of the encoding, which come without a mark. */
static yaml_mark_t mark_of_offset(pbase_bytes text, size_t offset)
{
    yaml_mark_t mark = {offset, 0, 0};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((text.data[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* Whether a tab stands at `mark`, whose index counts characters. */
static bool is_tab_at(const yaml_reader *reader, yaml_mark_t mark)
{
    size_t characters = 0;
    for (size_t i = 0; i < reader->text.size; i++) {
        bool begins = (reader->text.data[i] & 0xc0) != 0x80;
        if (begins && characters++ == mark.index) {
            return reader->text.data[i] == '\t';
        }
    }
    return false;
}

/* Ends the reading with what libyaml says. */
static void fail_syntax(yaml_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        fail_no_memory(reader);
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        fail_at(reader, mark_of_offset(reader->text, parser->problem_offset),
                "this is not UTF-8 text, or has a control character in it");
        return;
    }
    if (is_tab_at(reader, parser->problem_mark)) {
        fail_at(reader, parser->problem_mark, "a tab stands here");
        problem_hint(reader->problems, "YAML is indented with spaces only");
        return;
    }
    fail_at(reader, parser->problem_mark, parser->problem == NULL ? "bad YAML" : parser->problem);
    if (parser->context != NULL) {
        problem_hint(reader->problems, "%s that began in line %zu", parser->context,
                     parser->context_mark.line + 1);
    }
}

static bool next_event(yaml_reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event) == 0) {
        fail_syntax(reader);
        return false;
    }
    return true;
}

/* -------------------------------------------------------------------------------- anchors --- */
static anchor *anchor_find(const yaml_reader *reader, const char *name)
{
    anchor *found = reader->anchors;
    while (found != NULL && strcmp(found->name, name) != 0) {
        found = found->next;
    }
    return found;
}

/* Remembers `node` under `name` (NULL: it has none). A later anchor hides an earlier namesake. */
static anchor *anchor_add(yaml_reader *reader, const yaml_char_t *name, config_node *node)
{
    if (name == NULL) {
        return NULL;
    }
    pbase_arena *arena = reader->problems->arena;
    anchor *added = pbase_arena_alloc(arena, sizeof(*added));
    char *copy = pbase_arena_text(arena, pbase_bytes_text((const char *)name));
    if (added == NULL || copy == NULL) {
        fail_no_memory(reader);
        return NULL;
    }
    added->next = reader->anchors;
    added->name = copy;
    added->node = node;
    added->open = true;
    reader->anchors = added;
    return added;
}

static void anchor_close(anchor *added)
{
    if (added != NULL) {
        added->open = false;
    }
}

/* ---------------------------------------------------------------------------------- nodes --- */
/* Counts `weight` more values against the limit. */
static void charge(yaml_reader *reader, yaml_mark_t mark, uint32_t weight)
{
    reader->weight += weight;
    if (reader->weight > CONFIG_NODES_MAX) {
        fail_at(reader, mark, "the configuration has more values than the limit of 16384");
        problem_hint(reader->problems, "an alias counts as all that it stands for");
    }
}

static config_node *new_node(yaml_reader *reader, uint8_t type, yaml_mark_t mark)
{
    config_node *node = pbase_arena_alloc(reader->problems->arena, sizeof(*node));
    if (node == NULL) {
        fail_no_memory(reader);
        return NULL;
    }
    memset(node, 0, sizeof(*node));
    node->origin = reader->origin;
    node->type = type;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
    node->weight = 1;
    node->text = "";
    charge(reader, mark, 1);
    return node;
}

static void check_tag(yaml_reader *reader, const yaml_char_t *tag, const config_node *node)
{
    if (tag != NULL) {
        problem_add(reader->problems, PBASE_CONFIG, node, "the tag '%.60s' is not allowed",
                    (const char *)tag);
        problem_hint(reader->problems, "write the plain value");
    }
}

static config_node *read_scalar(yaml_reader *reader, const yaml_event_t *event)
{
    config_node *node = new_node(reader, CONFIG_SCALAR, event->start_mark);
    if (node == NULL) {
        return NULL;
    }
    pbase_bytes value = pbase_bytes_of(event->data.scalar.value, event->data.scalar.length);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = pbase_arena_text(reader->problems->arena, value);
    if (node->text == NULL) {
        fail_no_memory(reader);
        return NULL;
    }
    if (strlen(node->text) != value.size) {
        problem_add(reader->problems, PBASE_CONFIG, node, "the value has a NUL character in it");
    }
    check_tag(reader, event->data.scalar.tag, node);
    anchor_close(anchor_add(reader, event->data.scalar.anchor, node));
    return node;
}

static config_node *read_alias(yaml_reader *reader, const yaml_event_t *event, uint32_t depth)
{
    const char *name = (const char *)event->data.alias.anchor;
    const anchor *target = anchor_find(reader, name);
    char message[160];
    if (target == NULL) {
        (void)snprintf(message, sizeof(message), "nothing is anchored as '&%.60s'", name);
    } else if (target->open) {
        (void)snprintf(message, sizeof(message), "the alias '*%.60s' stands inside its own anchor",
                       name);
    } else if (++reader->alias_count > CONFIG_ALIASES_MAX) {
        (void)snprintf(message, sizeof(message), "more than %u aliases", CONFIG_ALIASES_MAX);
    } else if (depth + target->node->height > PBASE_CONFIG_DEPTH_MAX) {
        (void)snprintf(message, sizeof(message),
                       "with this alias values nest deeper than the limit of %u",
                       PBASE_CONFIG_DEPTH_MAX);
    } else {
        charge(reader, event->start_mark, target->node->weight);
        return target->node;
    }
    fail_at(reader, event->start_mark, message);
    return NULL;
}

static void adopt(yaml_reader *reader, config_node *parent, config_node *key, config_node *value)
{
    config_entry *entry = pbase_arena_alloc(reader->problems->arena, sizeof(*entry));
    if (entry == NULL) {
        fail_no_memory(reader);
        return;
    }
    entry->next = NULL;
    entry->key = key;
    entry->value = value;
    config_node_append(parent, entry);
    parent->weight += value->weight;
    if (value->height >= parent->height) {
        parent->height = (uint16_t)(value->height + 1);
    }
}

static void read_list_items(yaml_reader *reader, config_node *list, uint32_t depth)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event)) {
            return;
        }
        bool ended = event.type == YAML_SEQUENCE_END_EVENT;
        config_node *item = ended ? NULL : read_node(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (item != NULL) {
            adopt(reader, list, NULL, item);
        }
        if (ended || reader->failed) {
            return;
        }
    }
}

/* The scalar that `event` begins, as a key. Its own rules end the reading: nothing under a broken
 * key can be judged. */
static config_node *read_key(yaml_reader *reader, const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT) {
        fail_at(reader, event->start_mark, "a key must be a plain word");
        return NULL;
    }
    config_node *key = read_scalar(reader, event);
    if (key != NULL && strcmp(key->text, "<<") == 0 && !key->quoted) {
        fail_at(reader, event->start_mark, "merge keys (<<) are not supported");
        problem_hint(reader->problems, "repeat the keys, or use an alias for the whole value");
    }
    return key;
}

static bool is_duplicate(yaml_reader *reader, const config_node *map, const config_node *key)
{
    for (const config_entry *entry = map->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key->text, key->text) == 0) {
            problem_add(reader->problems, PBASE_CONFIG, key, "the key '%.60s' stands here twice",
                        key->text);
            problem_hint(reader->problems, "it stands in line %" PRIu32 " already",
                         entry->key->line);
            return true;
        }
    }
    return false;
}

static void read_map_entries(yaml_reader *reader, config_node *map, uint32_t depth)
{
    while (!reader->failed) {
        yaml_event_t event;
        if (!next_event(reader, &event)) {
            return;
        }
        bool ended = event.type == YAML_MAPPING_END_EVENT;
        config_node *key = ended ? NULL : read_key(reader, &event);
        yaml_event_delete(&event);
        if (ended || reader->failed || !next_event(reader, &event)) {
            return;
        }
        config_node *value = read_node(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (value != NULL && !is_duplicate(reader, map, key)) {
            adopt(reader, map, key, value);
        }
    }
}

static config_node *read_collection(yaml_reader *reader, const yaml_event_t *event, uint32_t depth)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    if (depth > PBASE_CONFIG_DEPTH_MAX) {
        fail_at(reader, event->start_mark, "values nest deeper than the limit of 32");
        return NULL;
    }
    config_node *node = new_node(reader, is_map ? CONFIG_MAP : CONFIG_LIST, event->start_mark);
    if (node == NULL) {
        return NULL;
    }
    check_tag(reader, is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
              node);
    anchor *added = anchor_add(
        reader, is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
        node);
    if (reader->failed) {
        return NULL;
    }
    if (is_map) {
        read_map_entries(reader, node, depth);
    } else {
        read_list_items(reader, node, depth);
    }
    anchor_close(added);
    return node;
}

/* The node that `event` begins; NULL only after a failure. */
static config_node *read_node(yaml_reader *reader, yaml_event_t *event, uint32_t depth)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return read_scalar(reader, event);
    }
    if (event->type == YAML_ALIAS_EVENT) {
        return read_alias(reader, event, depth);
    }
    if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT) {
        return read_collection(reader, event, depth);
    }
    fail_at(reader, event->start_mark, "a value was expected here");
    return NULL;
}

/* ------------------------------------------------------------------------------- document --- */
/* Takes events up to the first that tells something: the root, a document's end, the stream's. */
static yaml_event_type_t next_significant(yaml_reader *reader, yaml_event_t *event)
{
    for (;;) {
        if (!next_event(reader, event)) {
            return YAML_NO_EVENT;
        }
        if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_END_EVENT) {
            return event->type;
        }
        yaml_event_delete(event);
    }
}

static config_node *read_document(yaml_reader *reader)
{
    yaml_event_t event;
    config_node *root = NULL;
    yaml_event_type_t type = next_significant(reader, &event);
    if (type == YAML_DOCUMENT_START_EVENT) {
        yaml_event_delete(&event);
        if (!next_event(reader, &event)) {
            return NULL;
        }
        root = read_node(reader, &event, 1);
        yaml_event_delete(&event);
        if (reader->failed) {
            return NULL;
        }
        type = next_significant(reader, &event);
    }
    if (type == YAML_DOCUMENT_START_EVENT) {
        fail_at(reader, event.start_mark, "a second document begins here; one is all there may be");
    }
    if (type != YAML_NO_EVENT) {
        yaml_event_delete(&event);
    }
    return root;
}

config_node *config_yaml_read(pbase_bytes text, const config_origin *origin, problem_list *problems)
{
    yaml_reader reader = {.origin = origin, .problems = problems, .text = text};
    if (text.size > PBASE_CONFIG_BYTES_MAX) {
        problem_add_at(problems, PBASE_LIMIT, origin, 0, 0,
                       "the configuration has %zu bytes; the limit is %u", text.size,
                       PBASE_CONFIG_BYTES_MAX);
        return NULL;
    }
    if (yaml_parser_initialize(&reader.parser) == 0) {
        fail_no_memory(&reader);
        return NULL;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser,
                                 text.size == 0 ? (const yaml_char_t *)"" : text.data, text.size);
    config_node *root = read_document(&reader);
    yaml_parser_delete(&reader.parser);
    return reader.failed ? NULL : root;
}
