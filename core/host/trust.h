/* trust.h - who may have written a plugin: code from it will run with the caller's rights.
 *
 * A file or folder is trusted when its owner is root, the caller, or whoever owns the library
 * itself (who could replace our own code as well), and nobody else may write it. A folder with the
 * sticky bit may be writable by others: they cannot replace what lies in it, and each thing in it
 * is checked by itself. Symbolic links are resolved before anything is checked. */
#ifndef PROTOBASE_HOST_TRUST_H
#define PROTOBASE_HOST_TRUST_H
#include <protobase/base/os.h>

#define TRUST_OWNERS_MAX 3u

typedef struct {
    const pbase_os *os;
    uint32_t owners[TRUST_OWNERS_MAX];
    size_t owner_count;
    uint32_t tolerated; /* write bits that are not counted: 0, or those of the library's own file */
    uint32_t library_bits;
    char library[4096]; /* resolved path of the file that holds this code; "" when unknown */
} trust;

void trust_init(trust *self, const pbase_os *os);
/* The same for what lies beside the library: who may write the library itself may write it too. */
trust trust_beside_library(const trust *self);
/* Whether `path`, resolved, lies in the folder of the library or below it. */
bool trust_is_beside_library(const trust *self, const char *path);

/* Checks one file or folder, `path` being resolved. PLUGIN says who may write it. */
pbase_status trust_check_one(const trust *self, const char *path, pbase_error *err);
/* Checks `path` and every folder above it. */
pbase_status trust_check_all(const trust *self, const char *path, pbase_error *err);

#endif
