/* kind.c - the kinds of collections, each once. */
#include "collection/kind.h"

static const kind_facts kinds[] = {
    [PBASE_COLLECTION_DICT] = {.name = "dict", .feature = 1, .has_values = true},
    [PBASE_COLLECTION_LIST] = {.name = "list",
                               .feature = 1,
                               .positional = true,
                               .has_values = true},
    [PBASE_COLLECTION_SET] = {.name = "set", .feature = 1},
    [PBASE_COLLECTION_HASH_DICT] = {.name = "hash_dict",
                                    .shape = KEY_SHAPE_HASHED,
                                    .feature = 2,
                                    .has_values = true},
    [PBASE_COLLECTION_MULTI_DICT] = {.name = "multi_dict",
                                     .shape = KEY_SHAPE_PAIR,
                                     .feature = 2,
                                     .counted = true},
    [PBASE_COLLECTION_ROPE] = {.name = "rope", .feature = 2, .positional = true},
    [PBASE_COLLECTION_COUNTED_SET] = {.name = "counted_set", .feature = 2, .counted = true},
};

const kind_facts *kind_find(uint8_t kind)
{
    return kind < sizeof kinds / sizeof kinds[0] && kinds[kind].name != NULL ? &kinds[kind] : NULL;
}

const char *pbase_collection_kind_name(int kind)
{
    const kind_facts *facts = kind < 0 || kind > UINT8_MAX ? NULL : kind_find((uint8_t)kind);
    return facts == NULL ? "unknown" : facts->name;
}
