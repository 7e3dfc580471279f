/* atom_format.c - encoding, decoding and verifying atom headers. */
#include "store/atom_format.h"

#include "atom/atom.h"
#include <inttypes.h>
#include <protobase/base/limits.h>
#include <protobase/plugin/storage.h>

_Static_assert(ATOM_HEADER_BYTES % 8 == 0, "payloads are 8-byte aligned");

static uint32_t checksum(const pbase_host *host, const uint8_t *at, uint32_t stored_size)
{
    return host->crc32c(0, at + 4, ATOM_HEADER_BYTES - 4 + (size_t)stored_size);
}

void atom_header_seal(const pbase_host *host, const atom_header *header, uint8_t *out)
{
    pbase_put_u32(out + 4, header->stored_size);
    pbase_put_u32(out + 8, header->raw_size);
    out[12] = header->type;
    out[13] = ATOM_FORMAT_VERSION;
    out[14] = header->transforms[0];
    out[15] = header->transforms[1];
    pbase_put_u64(out + 16, header->birth);
    pbase_put_u32(out, checksum(host, out, header->stored_size));
}

pbase_status atom_header_read(const uint8_t *at, size_t available, atom_header *out,
                              pbase_error *err)
{
    if (available < ATOM_HEADER_BYTES) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an atom needs %u bytes of header; there are %zu",
                          ATOM_HEADER_BYTES, available);
    }
    atom_header header = {.crc = pbase_get_u32(at),
                          .stored_size = pbase_get_u32(at + 4),
                          .raw_size = pbase_get_u32(at + 8),
                          .type = at[12],
                          .version = at[13],
                          .transforms = {at[14], at[15]},
                          .birth = pbase_get_u64(at + 16)};
    if (header.version > ATOM_FORMAT_VERSION && header.type <= ATOM_PATCH) {
        pbase_status status = PBASE_FAIL(err, PBASE_FORMAT, "atom format %u; this library reads %u",
                                         header.version, ATOM_FORMAT_VERSION);
        pbase_error_hint(err, "open the space with a newer ProtoBase");
        return status;
    }
    if (header.version == 0 || header.type < ATOM_NODE || header.type > ATOM_PATCH ||
        header.stored_size > PBASE_ATOM_BYTES_MAX - ATOM_HEADER_BYTES ||
        header.raw_size > PBASE_ATOM_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no atom stands there: type %u, %" PRIu32 " bytes",
                          header.type, header.stored_size);
    }
    *out = header;
    return PBASE_OK;
}

pbase_status atom_checksum_verify(const pbase_host *host, const uint8_t *at,
                                  const atom_header *header, pbase_error *err)
{
    uint32_t found = checksum(host, at, header->stored_size);
    if (found != header->crc) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "checksum of an atom is %08" PRIx32 "; its header says %08" PRIx32, found,
                          header->crc);
    }
    return PBASE_OK;
}
