/* key_source.h - where keys come from: a file, the environment, systemd's credentials.
 *
 * Each key is looked for in the places that are configured, in this order, and taken from the first
 * that has it. In a pattern `{id}` stands for the id of the key; in the name of an environment
 * variable it stands for the id in upper case with '_' for '-' and '.'. Files are trusted only when
 * nobody but their owner can read them, and the owner is this user or root. Threads: confined. */
#ifndef PBASE_AES_GCM_KEY_SOURCE_H
#define PBASE_AES_GCM_KEY_SOURCE_H
#include <protobase/base/os.h>

typedef struct {
    const pbase_os *os;
    const pbase_alloc *alloc;
    const char *file;       /* pattern of a path, NULL: none */
    const char *env;        /* pattern of the name of a variable, NULL: none */
    const char *credential; /* pattern of a name in $CREDENTIALS_DIRECTORY */
} key_source;

/* Reads the key `id` (checked by key_ring). AUTH: it is nowhere, naming the id and each place.
 * CONFIG: what is there is no key, or others may read it; the hint says how to mend that. */
PBASE_MUST_CHECK pbase_status key_source_read(const key_source *self, const char *id, uint8_t *out,
                                              pbase_error *err);

#endif
