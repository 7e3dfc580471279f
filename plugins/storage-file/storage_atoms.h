/* storage_atoms.h - atoms and their segments in storage/file, as the storage contract has them.
 *
 * Whatever changes the store first clears the super block's `closed_at`, so that a crash from then on
 * is seen as one. The id of a segment outlives its file: it is in the super block before the file
 * goes, so that it is never used again.
 *
 * Threads: synchronized, as the contract asks. */
#ifndef PBASE_STORAGE_ATOMS_H
#define PBASE_STORAGE_ATOMS_H
#include "file_storage_private.h"

/* All slots; an instance may have fewer. */
extern const pbase_storage_atom_ops storage_atoms_ops;
extern const pbase_storage_segment_ops storage_atoms_segment_ops;

#endif
