/* host.h - what the host lends to a plugin.
 *
 * A plugin never links core: everything it may ask for comes in this table. Lent for the life of
 * the process. Threads: synchronized. */
#ifndef PROTOBASE_PLUGIN_HOST_H
#define PROTOBASE_PLUGIN_HOST_H
#include <protobase/base/log.h>
#include <protobase/base/os.h>
PBASE_BEGIN_DECLS

typedef struct pbase_host pbase_host;
struct pbase_host {
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;
    const pbase_os *os;
    const pbase_alloc *alloc;
    const pbase_log *log; /* may be NULL: nobody listens */
    void *state;          /* the host's own */
    /* CRC32C (Castagnoli) of `data`, continuing from `seed` (0 to begin). */
    uint32_t (*crc32c)(uint32_t seed, const void *data, size_t size);
    /* XXH3, 64 bits. */
    uint64_t (*hash64)(const void *data, size_t size, uint64_t seed);
    /* Adds `delta` to the process-wide counter `name` (static text, "storage_file_flushes"). */
    void (*metric_add)(const pbase_host *host, const char *name, uint64_t delta);
    /* Runs `once` a single time in the process under `key`, e.g. a library's global set-up. */
    pbase_status (*run_once)(const pbase_host *host, const char *key,
                             pbase_status (*once)(void *state, pbase_error *err), void *state,
                             pbase_error *err);
    /* An interface by name ("name/version"), NULL when unknown. Room for services to come. */
    const void *(*service)(const pbase_host *host, const char *name);
};

PBASE_END_DECLS
#endif
