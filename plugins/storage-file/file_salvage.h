/* file_salvage.h - a damaged space as a storage that is only read: what recovering stands on.
 *
 * Nothing is trusted. The super block is used for the space's id if it can be read, and is not needed;
 * the meta document is what is left of it, or empty; segments are read without a look at their headers;
 * the journal is every whole frame that lies where it says, in the order of positions, whatever is
 * missing between two of them. Nothing is ever written: meta_cas changes a copy in memory, so that
 * codecs can be given numbers, and everything else that writes is READ_ONLY.
 *
 * Chosen by `salvage: true`. Threads: synchronized by one mutex. */
#ifndef PBASE_FILE_SALVAGE_H
#define PBASE_FILE_SALVAGE_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>

/* Opens it over open->children[0], which it takes for itself: BUSY while somebody uses it. */
PBASE_MUST_CHECK pbase_status file_salvage_open(const pbase_component_open *open, void **out,
                                                pbase_error *err);

#endif
