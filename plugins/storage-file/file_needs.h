/* file_needs.h - what a user of a shared space says it still needs, in its slot of the block provider.
 *
 * The bytes mean something to core alone. They stand twice: what is said next is written beside what was
 * said last, then one word turns to it. So whoever reads finds the whole of one or the other, also when
 * the writer stops or dies in the middle. The layout is docs/formats/slot.md.
 *
 * Threads: one writes, any read. */
#ifndef PBASE_FILE_NEEDS_H
#define PBASE_FILE_NEEDS_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>

#include <stdatomic.h>

#define FILE_NEEDS_SLOT "user"      /* the name of the slots */
#define FILE_NEEDS_SLOT_BYTES 4096u /* and what each has */

typedef struct {
    const pbase_host *host;  /* borrowed */
    _Atomic uint64_t *words; /* NULL until it is open; the block provider's */
} file_needs;

/* Takes a slot, and says nothing in it. Ends with the provider. */
PBASE_MUST_CHECK pbase_status file_needs_open(file_needs *self, const pbase_host *host,
                                              pbase_blocks *blocks, const pbase_call *call,
                                              pbase_error *err);
/* What is read of the board afterwards is no older. At most PBASE_NEEDS_BYTES_MAX. */
void file_needs_say(file_needs *self, pbase_bytes needs);
/* Copies what is said in `slot`, at most PBASE_NEEDS_BYTES_MAX bytes, to `out`. BUSY: it is said anew
 * again and again; CORRUPT: it makes no sense. */
PBASE_MUST_CHECK pbase_status file_needs_read(const pbase_host *host, const uint8_t *slot,
                                              uint8_t *out, size_t *out_size, pbase_error *err);

#endif
