/* substitution.c - replaces references in scalars. */
#include "config/substitution.h"
#include "config/text_file.h"
#include <protobase/base/limits.h>

#define REFERENCE_BYTES_MAX 1024u

typedef struct {
    const pbase_os *os;
    problem_list *problems;
    size_t bytes; /* of all that was substituted */
} substitution;

const char *config_path(const char *path, const config_origin *origin, pbase_arena *arena)
{
    if (path[0] == '/' || origin->base == NULL) {
        return path;
    }
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
    }
    size_t base = strlen(origin->base);
    size_t rest = strlen(path);
    char *joined = pbase_arena_alloc(arena, base + rest + 2);
    if (joined != NULL) {
        memcpy(joined, origin->base, base);
        joined[base] = '/';
        memcpy(joined + base + 1, path, rest + 1);
    }
    return joined;
}

/* Appends the text of a file. A problem is noted at `node`. */
static void append_file(substitution *s, const config_node *node, const char *name,
                        pbase_buffer *out)
{
    pbase_error err;
    pbase_error_init(&err);
    size_t before = out->size;
    const char *path = config_path(name, node->origin, s->problems->arena);
    if (path == NULL) {
        s->problems->no_memory = true;
        return;
    }
    pbase_status status =
        config_text_file_read(s->os, path, SUBSTITUTION_FILE_BYTES_MAX, out, &err);
    size_t size = out->size - before;
    const uint8_t *text = size == 0 ? NULL : out->data + before;
    if (status == PBASE_OK && size > 0 && text[size - 1] == '\n') {
        out->size--;
    }
    if (status == PBASE_OK && size > 0 &&
        (!pbase_utf8_valid(pbase_bytes_of(text, size)) || memchr(text, '\0', size) != NULL)) {
        status = PBASE_FAIL(&err, PBASE_CONFIG, "'%s' is not UTF-8 text", path);
    }
    if (status == PBASE_NO_MEMORY) {
        s->problems->no_memory = true;
    } else if (status != PBASE_OK) {
        problem_add(s->problems, PBASE_CONFIG, node, "${file:%s}: %s", name, err.message);
    }
}

/* `name` may hold ":-default". */
static void append_environment(substitution *s, const config_node *node, char *name,
                               pbase_buffer *out)
{
    char *otherwise = strstr(name, ":-");
    if (otherwise != NULL) {
        *otherwise = '\0';
        otherwise += 2;
    }
    const char *value = s->os->system->environment(s->os, name);
    if (value != NULL && !pbase_utf8_valid(pbase_bytes_text(value))) {
        problem_add(s->problems, PBASE_CONFIG, node, "the environment variable '%s' is not UTF-8",
                    name);
        return;
    }
    if (otherwise != NULL && (value == NULL || value[0] == '\0')) {
        value = otherwise;
    }
    if (value == NULL) {
        problem_add(s->problems, PBASE_CONFIG, node, "the environment variable '%s' is not set",
                    name);
        problem_hint(s->problems, "set it, or write ${env:%s:-default}", name);
        return;
    }
    if (pbase_buffer_append(out, value, strlen(value), NULL) != PBASE_OK) {
        s->problems->no_memory = true;
    }
}

/* Appends what the reference `inner` (between the braces) stands for. */
static void append_reference(substitution *s, config_node *node, char *inner, pbase_buffer *out)
{
    if (strncmp(inner, "env:", 4) == 0 && inner[4] != '\0' && inner[4] != ':') {
        append_environment(s, node, inner + 4, out);
    } else if (strncmp(inner, "file:", 5) == 0 && inner[5] != '\0') {
        node->hidden = true;
        append_file(s, node, inner + 5, out);
    } else {
        problem_add(s->problems, PBASE_CONFIG, node, "'${%s}' is no reference", inner);
        if (strchr(inner, ':') == NULL) {
            problem_hint(s->problems, "write ${env:%s} for a variable of the environment", inner);
        } else {
            problem_hint(s->problems, "write ${env:NAME}, ${env:NAME:-default} or ${file:path}");
        }
    }
}

/* Takes the reference at `at` ("${..."); yields what follows it, NULL after a problem. */
static const char *take_reference(substitution *s, config_node *node, const char *at,
                                  pbase_buffer *out)
{
    char inner[REFERENCE_BYTES_MAX];
    const char *end = strchr(at, '}');
    if (end == NULL || (size_t)(end - at) >= sizeof(inner)) {
        problem_add(s->problems, PBASE_CONFIG, node,
                    end == NULL ? "'${' is never closed" : "a reference of more than 1000 bytes");
        problem_hint(s->problems, "write $${ for a dollar sign and a brace");
        return NULL;
    }
    size_t length = (size_t)(end - at) - 2;
    memcpy(inner, at + 2, length);
    inner[length] = '\0';
    append_reference(s, node, inner, out);
    return end + 1;
}

/* Appends the text of `node` with everything replaced. */
static void expand(substitution *s, config_node *node, pbase_buffer *out)
{
    const char *at = node->text;
    while (at != NULL && *at != '\0') {
        size_t plain = strcspn(at, "$");
        if (at[plain] == '$' && at[plain + 1] != '{') {
            plain++; /* the sign stands for itself */
        }
        if (pbase_buffer_append(out, at, plain, NULL) != PBASE_OK) {
            s->problems->no_memory = true;
            return;
        }
        at += plain;
        if (*at == '$' && plain > 0 && at[-1] == '$') {
            at++; /* of "$$" the second is dropped */
        } else if (*at == '$' && at[1] == '{') {
            at = take_reference(s, node, at, out);
        }
    }
}

static void substitute_scalar(substitution *s, config_node *node)
{
    if (node->resolved || s->bytes > PBASE_CONFIG_BYTES_MAX || strchr(node->text, '$') == NULL) {
        return;
    }
    node->resolved = true;
    pbase_buffer out;
    pbase_buffer_init(&out, s->problems->arena->alloc);
    expand(s, node, &out);
    s->bytes += out.size;
    char *text = pbase_arena_text(s->problems->arena, pbase_buffer_view(&out));
    pbase_buffer_fini(&out);
    if (text == NULL) {
        s->problems->no_memory = true;
        return;
    }
    node->written = strstr(node->text, "${") == NULL ? NULL : node->text;
    node->text = text;
    node->quoted = true; /* an empty variable is an empty text, not null */
    if (s->bytes > PBASE_CONFIG_BYTES_MAX) {
        problem_add(s->problems, PBASE_LIMIT, node,
                    "with this value %zu bytes are substituted; "
                    "the limit is %u",
                    s->bytes, PBASE_CONFIG_BYTES_MAX);
    }
}

static void substitute_node(substitution *s, config_node *node)
{
    if (node->type == CONFIG_SCALAR) {
        substitute_scalar(s, node);
        return;
    }
    for (config_entry *entry = node->first; entry != NULL; entry = entry->next) {
        substitute_node(s, entry->value);
    }
}

void config_substitute(config_node *root, const pbase_os *os, problem_list *problems)
{
    substitution s = {os, problems, 0};
    substitute_node(&s, root);
}
