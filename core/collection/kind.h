/* kind.h - what the kinds of collections (PBASE_COLLECTION_*) are like.
 * Threads: pure functions. */
#ifndef PROTOBASE_COLLECTION_KIND_H
#define PROTOBASE_COLLECTION_KIND_H
#include "collection/key_encoding.h"
#include <protobase/collection.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the entries of a kind are found and what they hold. */
typedef struct {
    const char *name;
    key_shape shape;  /* of keys; positional kinds have none */
    uint32_t feature; /* level of the space that its records need (docs/formats/meta.md) */
    bool positional;  /* by index; else by key */
    bool counted;     /* entries hold how often they are there, and the slot the sum of that */
    bool has_values;  /* entries hold stored values */
} kind_facts;

/* The facts of a kind, NULL: this version knows none of that number. */
const kind_facts *kind_find(uint8_t kind);

static inline bool kind_known(uint8_t kind)
{
    return kind_find(kind) != NULL;
}
static inline bool kind_counted(uint8_t kind)
{
    const kind_facts *facts = kind_find(kind);
    return facts != NULL && facts->counted;
}
static inline bool kind_has_values(uint8_t kind)
{
    const kind_facts *facts = kind_find(kind);
    return facts != NULL && facts->has_values;
}

#endif
