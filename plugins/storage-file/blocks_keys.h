/* blocks_keys.h - the keys of block_provider/file between threads and processes.
 *
 * A key is read and replaced by several steps (file_key.h); the provider's mutex makes them one
 * within the process, and the lock "keys" between processes, which reading takes only when it meets a
 * slot that is not whole. A key that may or may not have been written is the last one: no more
 * writes until the folder is opened again.
 *
 * Threads: synchronized, as the contract asks. */
#ifndef PBASE_BLOCKS_KEYS_H
#define PBASE_BLOCKS_KEYS_H
#include "file_blocks_private.h"

/* Slots of pbase_blocks_name_ops. */
PBASE_MUST_CHECK pbase_status blocks_keys_get(pbase_blocks *base, const pbase_call *call,
                                              const char *key, pbase_arena *arena, pbase_bytes *out,
                                              uint64_t *out_version, pbase_error *err);
/* Finds nothing after a crash, or beside other users, who may die: a slot may be torn without that
 * being damage. */
PBASE_MUST_CHECK pbase_status blocks_keys_verify(pbase_blocks *base, const pbase_call *call,
                                                 const char *key, pbase_key_finding *out,
                                                 pbase_error *err);
/* Both in one look. `out_finding` may be NULL. */
PBASE_MUST_CHECK pbase_status blocks_keys_read(pbase_blocks *base, const pbase_call *call,
                                               const char *key, pbase_arena *arena,
                                               pbase_bytes *out, uint64_t *out_version,
                                               pbase_key_finding *out_finding, pbase_error *err);
PBASE_MUST_CHECK pbase_status blocks_keys_cas(pbase_blocks *base, const pbase_call *call,
                                              const char *key, uint64_t expected,
                                              pbase_bytes document, pbase_error *err);
/* Empties each slot that a crash tore. When nobody else uses the folder, with the mutex held. On failure
 * one may still be torn, and no mark of an orderly end may be left. */
PBASE_MUST_CHECK pbase_status blocks_keys_mend(file_blocks *self, pbase_error *err);

#endif
