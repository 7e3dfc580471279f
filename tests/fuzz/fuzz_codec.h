/* fuzz_codec.h - opens a codec of the build tree for a fuzz target, and what must hold for every
 * serializer whatever it is given. */
#ifndef PBASE_FUZZ_CODEC_H
#define PBASE_FUZZ_CODEC_H
#include "os/os.h"
#include <dlfcn.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any mixing of all the bytes does. */
static inline uint64_t fuzz_hash64(const void *data, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = (seed ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
    }
    return seed;
}

/* The first component of the plugin `file`, opened. */
static inline void *fuzz_codec_open(const char *file, const pbase_config *config)
{
    static pbase_host host;
    host = (pbase_host){.struct_size = sizeof host,
                        .alloc = pbase_alloc_default(),
                        .os = pbase_os_real(),
                        .hash64 = fuzz_hash64};
    pbase_component_open open = {
        .struct_size = sizeof open, .host = &host, .config = config, .data_hint = "fuzz"};
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    PBASE_ASSERT(library != NULL);
    void *symbol = dlsym(library, "pbase_plugin_entry");
    pbase_plugin_entry_fn entry = NULL;
    PBASE_ASSERT(symbol != NULL);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from object to function */
    const pbase_plugin *plugin = entry(PBASE_ABI_MAJOR, PBASE_ABI_MINOR);
    void *made = NULL;
    PBASE_ASSERT(plugin != NULL);
    PBASE_ASSERT(plugin->components[0].open(&open, &made, NULL) == PBASE_OK);
    return made;
}

/* Every field of the topmost map is extracted as it was decoded. */
static inline void fuzz_extract(pbase_serializer *serializer, pbase_bytes bytes,
                                const pbase_value *value, pbase_arena *arena)
{
    for (size_t i = 0; value->kind == PBASE_MAP && i < value->as.map.count && i < 8; i++) {
        const pbase_field *field = &value->as.map.fields[i];
        pbase_path_step step = {.name = field->name};
        pbase_path path = {&step, 1};
        pbase_value found;
        PBASE_ASSERT(pbase_serializer_extract(serializer, bytes, &path, 1, arena, &found, NULL) ==
                     PBASE_OK);
        PBASE_ASSERT(found.kind != PBASE_VALUE_MISSING &&
                     pbase_value_identical(&found, &field->value));
    }
}

/* Decodes any bytes; what comes out is valid, is encoded again, and decodes to the same. */
static inline void fuzz_serializer(pbase_serializer *serializer, pbase_bytes bytes)
{
    pbase_arena arena;
    pbase_buffer again;
    pbase_value value, back;
    pbase_error err;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&again, pbase_alloc_default());
    pbase_error_init(&err);
    pbase_status status = pbase_serializer_decode(serializer, bytes, NULL, &arena, &value, &err);
    PBASE_ASSERT(status != PBASE_INTERNAL && status != PBASE_PLUGIN);
    PBASE_ASSERT(status != PBASE_INVALID || err.where[0] != '\0');
    if (status == PBASE_OK) {
        PBASE_ASSERT(pbase_value_check(&value, NULL) == PBASE_OK);
        PBASE_ASSERT(pbase_serializer_encode(serializer, &value, &again, NULL) == PBASE_OK);
        PBASE_ASSERT(pbase_serializer_decode(serializer, pbase_buffer_view(&again), NULL, &arena,
                                             &back, NULL) == PBASE_OK);
        PBASE_ASSERT(pbase_value_identical(&value, &back));
        fuzz_extract(serializer, bytes, &value, &arena);
    }
    pbase_buffer_fini(&again);
    pbase_arena_fini(&arena);
}

#endif
