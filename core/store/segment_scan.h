/* segment_scan.h - reads every segment of a storage from its first byte to its last, in large pieces,
 * and finds which atoms are whole by their checksums alone.
 *
 * Atoms lie one behind the other, so a sound one leads to the next. Where none stands, the next
 * multiple of PBASE_ATOM_ALIGN that begins a sound one is looked for. Zeros are no damage: dead atoms
 * may have been given back in the middle of a segment. What is known is two bits for each place where
 * an atom may begin: sound, and reached (set by whoever follows references).
 *
 * Threads: confined. */
#ifndef PROTOBASE_STORE_SEGMENT_SCAN_H
#define PROTOBASE_STORE_SEGMENT_SCAN_H
#include "atom/ref_set.h"
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>

/* Bytes in which no sound atom begins and which are not zeros. */
typedef struct {
    uint64_t from, to;
    bool is_gap; /* between atoms, where zeros should be: no atom is touched */
} segment_damage;
#define SEGMENT_DAMAGES_MAX 4096u /* in one segment; beyond, the last grows */

typedef struct {
    uint32_t log_id;
    uint32_t sealed; /* as the storage listed it */
    uint64_t bytes;
    uint64_t *sound;   /* bits; NULL: nothing was read */
    uint64_t *reached; /* bits */
    segment_damage *damages;
    size_t damage_count, damage_capacity;
    bool is_gone; /* retired while it was read */
} scanned_segment;

typedef struct {
    const pbase_host *host;
    pbase_storage *storage;
    scanned_segment *items; /* by log id, ascending */
    size_t count, capacity;
    uint64_t atoms, bytes; /* sound ones; bytes that were read */
    bool is_blind;         /* the storage gives no segments to read: nothing is known */
    ref_set elsewhere;     /* reached, and in none of them */
} segment_scan;

typedef struct {
    const pbase_call *call;
    /* May be NULL. Now and then, with bytes that were read of all there are. */
    pbase_status (*progress)(void *state, uint64_t done, uint64_t total, pbase_error *err);
    void *state;
} segment_scan_options;

void segment_scan_init(segment_scan *self, const pbase_host *host, pbase_storage *storage);
void segment_scan_fini(segment_scan *self);
/* Notes which segments there are: those of a state that was taken before are among them. */
PBASE_MUST_CHECK pbase_status segment_scan_list(segment_scan *self, const pbase_call *call,
                                                pbase_error *err);
/* Reads them. A place that cannot be read counts as damage. */
PBASE_MUST_CHECK pbase_status segment_scan_run(segment_scan *self,
                                               const segment_scan_options *options,
                                               pbase_error *err);

/* CORRUPT unless a sound atom begins at `pointer`; OK when nothing is known. */
PBASE_MUST_CHECK pbase_status segment_scan_sound(const segment_scan *self,
                                                 pbase_atom_pointer pointer, pbase_error *err);
/* Marks a place as reached; `*out_first`: it was not. */
PBASE_MUST_CHECK pbase_status segment_scan_reach(segment_scan *self, pbase_atom_pointer pointer,
                                                 bool *out_first, pbase_error *err);
/* True when something reached a place of [from, to). */
bool segment_scan_is_reached(const scanned_segment *segment, uint64_t from, uint64_t to);
/* The next sound atom of the segment at or after `offset` that nothing reached; UINT64_MAX: none. */
uint64_t segment_scan_unreached(const scanned_segment *segment, uint64_t offset);
/* Dead atoms are given back by whole blocks, of this size at the least: a power cut may have left a part
 * of what was given back (docs/formats/segment.md). */
#define SEGMENT_HOLE_BYTES 512u
/* True when the bytes are zeros by now, or gone: they were given back meanwhile; and when they are
 * beside such a hole: what it left of a dead atom. */
PBASE_MUST_CHECK pbase_status segment_scan_given_back(const segment_scan *self, uint32_t log_id,
                                                      const segment_damage *damage, bool *out,
                                                      pbase_error *err);

#endif
