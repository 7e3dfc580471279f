/* config.h - the options a component declares, and the checked values it receives.
 *
 * One table of pbase_option feeds YAML validation, `protobase plugins show`, the docs and the JSON
 * Schema. A constructor sees only options that were declared, with the right type, inside their
 * range, defaults filled in. Threads: immutable. */
#ifndef PROTOBASE_PLUGIN_CONFIG_H
#define PROTOBASE_PLUGIN_CONFIG_H
#include <protobase/base/bytes.h>
PBASE_BEGIN_DECLS

enum {
    PBASE_OPTION_BOOL = 1, /* true, false */
    PBASE_OPTION_INT = 2,  /* int64 */
    PBASE_OPTION_FLOAT = 3,
    PBASE_OPTION_STRING = 4,
    PBASE_OPTION_ENUM = 5,     /* range lists the words: "auto|never" */
    PBASE_OPTION_SIZE = 6,     /* bytes; 64MiB, 4KiB, 1GiB, or a bare number */
    PBASE_OPTION_DURATION = 7, /* nanoseconds; 250ms, 5s, 10m, 1h */
    PBASE_OPTION_PATH = 8,     /* relative paths are relative to the configuration file */
    PBASE_OPTION_LIST = 9      /* of strings */
};
#define PBASE_OPTION_REQUIRED 0x01u
#define PBASE_OPTION_SECRET 0x02u /* printed as *** */
#define PBASE_OPTION_RELOADABLE 0x04u

/* `default_text` and `range` are in YAML syntax, so that one parser serves documents, defaults and
 * input: "64MiB"; "1..65535" (either end may be missing) for numbers, sizes and durations;
 * "a|b|c" for enums. NULL: none. */
typedef struct {
    const char *key; /* lower_snake_case */
    uint32_t type;   /* PBASE_OPTION_* */
    uint32_t flags;
    const char *default_text;
    const char *range;
    const char *doc; /* one sentence */
} pbase_option;

/* A nested component: `name` is the YAML key under which it stands. */
typedef struct {
    const char *name;
    const char *kind;      /* "block_provider", "storage", ... */
    uint32_t count_min;    /* 0 or 1 */
    uint32_t count_max;    /* 1 */
    uint32_t capabilities; /* the child must have all of these */
    uint32_t reserved;
    const char *default_type; /* component used when the key is absent, NULL: none */
    const char *doc;
} pbase_slot;

/* The checked options of one component. Lent by the host until the component is closed. */
typedef struct pbase_config pbase_config;
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Asking for a key that was not declared with that type is a bug of the plugin: it gets the
     * zero of the type. */
    bool (*get_bool)(const pbase_config *self, const char *key);
    int64_t (*get_int)(const pbase_config *self, const char *key); /* INT, SIZE, DURATION */
    double (*get_float)(const pbase_config *self, const char *key);
    const char *(*get_text)(const pbase_config *self, const char *key); /* NULL when absent */
    size_t (*get_count)(const pbase_config *self, const char *key);     /* of a LIST */
    const char *(*get_item)(const pbase_config *self, const char *key, size_t index);
    bool (*is_set)(const pbase_config *self, const char *key); /* written, not defaulted */
    /* "file:line:column" of the key (or of the component when absent), for errors. */
    const char *(*place)(const pbase_config *self, const char *key);
} pbase_config_vtable;
struct pbase_config {
    const pbase_config_vtable *vtable;
};

static inline bool pbase_config_bool(const pbase_config *c, const char *key)
{
    return c->vtable->get_bool(c, key);
}
static inline int64_t pbase_config_int(const pbase_config *c, const char *key)
{
    return c->vtable->get_int(c, key);
}
static inline double pbase_config_float(const pbase_config *c, const char *key)
{
    return c->vtable->get_float(c, key);
}
static inline const char *pbase_config_text(const pbase_config *c, const char *key)
{
    return c->vtable->get_text(c, key);
}
static inline const char *pbase_config_place(const pbase_config *c, const char *key)
{
    return c->vtable->place(c, key);
}

PBASE_END_DECLS
#endif
