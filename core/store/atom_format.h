/* atom_format.h - an atom as bytes: a header with checksum, then the payload (docs/formats/atom.md).
 *
 *   0  u32 crc32c of bytes 4.. to the end of the stored payload
 *   4  u32 stored size of the payload
 *   8  u32 size of the payload before the transforms
 *  12  u8  type (ATOM_NODE, ATOM_VALUE, ATOM_PATCH)
 *  13  u8  format version, 1
 *  14  u8  first transform, a local codec id, 0: none
 *  15  u8  second transform, 0: none
 *  16  u64 birth: sequence of the state whose checkpoint wrote it
 *  24  payload
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_STORE_ATOM_FORMAT_H
#define PROTOBASE_STORE_ATOM_FORMAT_H
#include <protobase/plugin/host.h>

#define ATOM_HEADER_BYTES 24u
#define ATOM_FORMAT_VERSION 1u
#define ATOM_TRANSFORMS_MAX 2u

typedef struct {
    uint32_t crc;
    uint32_t stored_size;
    uint32_t raw_size;
    uint8_t type;
    uint8_t version;
    uint8_t transforms[ATOM_TRANSFORMS_MAX];
    uint64_t birth;
} atom_header;

/* Writes the header of a payload that already stands at out + ATOM_HEADER_BYTES, checksum last. */
void atom_header_seal(const pbase_host *host, const atom_header *header, uint8_t *out);
/* Reads and bounds-checks a header; `available` bytes may be looked at. FORMAT: newer version.
 * CORRUPT: sizes or type are impossible. The checksum is not looked at. */
pbase_status atom_header_read(const uint8_t *at, size_t available, atom_header *out,
                              pbase_error *err);
/* CORRUPT unless the checksum over header and payload holds. The whole atom must be readable. */
pbase_status atom_checksum_verify(const pbase_host *host, const uint8_t *at,
                                  const atom_header *header, pbase_error *err);

#endif
