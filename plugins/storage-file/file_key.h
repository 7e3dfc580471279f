/* file_key.h - a small versioned document in one file, replaced atomically.
 *
 * KEYS/<key> has two slots, at 0 and FILE_KEY_SLOT_BYTES: a header with version and checksum, then
 * the document. The valid slot with the greater version counts; a new version goes to the other
 * slot and is synced, so that a write that tears leaves the old version. A new key is written under
 * another name and renamed, so that a key without a valid slot is always damage.
 *
 *   0  u32 "PBKY"
 *   4  u32 crc32c of bytes 8.. to the end of the document
 *   8  u32 format version, 1
 *  12  u32 size of the document
 *  16  u64 version of the document
 *  24  u64 0
 *  32  document
 *
 * Threads: confined; the provider's mutex guards all keys. Other processes may write while it is read. */
#ifndef PBASE_FILE_KEY_H
#define PBASE_FILE_KEY_H
#include "file_folder.h"

#define FILE_KEY_SLOT_BYTES 69632u /* a header and the largest document, rounded up to 4096 */

/* As the slot key_get; a missing key is empty, version 0. `finding` tells of a slot that is not whole:
 * damaged, torn by a crash, or just being written by somebody else. CORRUPT: no slot is whole. */
PBASE_MUST_CHECK pbase_status file_key_get(const file_folder *folder, const char *key,
                                           pbase_arena *arena, pbase_bytes *out,
                                           uint64_t *out_version, pbase_key_finding *finding,
                                           pbase_error *err);
/* As the slot key_cas. After IO with outcome UNKNOWN nothing may be written to any key any more. */
PBASE_MUST_CHECK pbase_status file_key_cas(const file_folder *folder, const char *key,
                                           uint64_t expected, pbase_bytes document,
                                           pbase_error *err);
/* Makes a slot that is not whole an empty one, durably: after a crash, when nobody else uses the folder.
 * `out_mended` tells whether there was one. CORRUPT, FORMAT: nothing was changed. After IO with outcome
 * UNKNOWN as after file_key_cas. */
PBASE_MUST_CHECK pbase_status file_key_mend(const file_folder *folder, const char *key,
                                            bool *out_mended, pbase_error *err);

#endif
