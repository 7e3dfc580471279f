/* journal_state.h - the state of a journal, shared by the files of this folder.
 *
 * Locks, in the order in which they are taken:
 *   trim_lock    one trim, prepare or follow at a time
 *   append_lock  one append at a time: staging, tail_*, is_ready
 *   sync_lock    one flush at a time; held when `segment` is replaced
 *   state_lock   never held during I/O: head, first, synced, places, spares, poison, stats
 * A field guarded by two locks is written under both and read under either. */
#ifndef PBASE_JOURNAL_STATE_H
#define PBASE_JOURNAL_STATE_H
#include "journal/frame.h"
#include "journal/journal.h"
#include <stdatomic.h>

#define JOURNAL_STAGING_BYTES_MAX 1048576u /* a frame up to this size is one write */
#define JOURNAL_PREFIX "journal/"
#define JOURNAL_SPARE_PREFIX "journal/spare-"
#define JOURNAL_NAME_BYTES 40u /* the longest of its names, NUL included */
#define JOURNAL_SPARES_DEFAULT 2u

/* One segment with frames: positions base .. base + bytes. */
typedef struct {
    pbase_position base;
    uint64_t bytes;
    uint64_t written_bytes; /* so many at its beginning are known to have been written */
} journal_place;

/* What of the segment that is appended to has been written: see ahead.c. */
typedef struct {
    pbase_position base; /* of the segment; 0: of none is anything known */
    uint64_t written_bytes;
    uint64_t step_bytes; /* of the last step; 0: there was none */
    uint64_t began_ns;   /* it was written */
} journal_ahead;

/* The end of the last frame, and which frame that was: the next one names both, so that a frame of
 * a tail that was cut never follows a newer one. */
typedef struct {
    pbase_position end;
    uint32_t crc32c; /* 0: not known; it then follows anything that ends there */
} journal_link;

/* Bytes of one segment in memory. */
typedef struct {
    pbase_segment *segment; /* NULL: none is open */
    journal_place place;    /* of it */
    uint8_t *data;          /* bytes at `from` .. `from` + `size` */
    size_t capacity;
    pbase_position from;
    size_t size;
} journal_window;

typedef struct {
    uint32_t number;
    bool is_whole; /* has the size of a spare; else it is removed before the first append */
    uint64_t written_bytes; /* as of a place */
} journal_spare;

struct journal {
    const pbase_host *host;
    const pbase_os *os;
    pbase_blocks *blocks;
    uint64_t id;
    uint64_t segment_bytes;
    size_t staging_bytes;        /* a segment, if that is not too much */
    _Atomic uint32_t unit;       /* writes are whole ones; set with append_lock */
    _Atomic uint32_t unit_looks; /* how often the provider was asked for it since opening */
    uint32_t spares_max;
    bool is_shared;
    pbase_position (*first_now)(void *state); /* NULL: nobody else trims */
    pbase_status (*enter)(void *state, const journal_entered *entered,
                          pbase_error *err); /* NULL: nobody remembers */
    void *state;

    pbase_os_mutex *trim_lock;
    pbase_os_mutex *append_lock;
    pbase_os_mutex *sync_lock;
    pbase_os_mutex *state_lock;
    pbase_os_cond *head_moved;

    /* append_lock */
    uint8_t *staging; /* `staging_bytes`, aligned to FRAME_UNIT_MAX, inside `staging_raw` */
    uint8_t *staging_raw;
    pbase_position staged_end; /* staging begins with its unit, up to it; 0: with nothing of use */
    uint32_t head_crc32c;      /* of the last frame; 0: not known */
    uint64_t tail_end; /* what claims to be frames after the head ends here; 0: nothing does */
    pbase_position entered_base; /* of the segment that the storage remembers */
    journal_ahead ahead;
    bool has_foreign; /* others appended what is not flushed */
    bool may_clean;   /* the broken spares are a dead user's: nobody else is in the journal yet */

    /* append_lock and sync_lock and state_lock */
    pbase_segment *segment; /* being written; NULL before the first append */

    /* append_lock and state_lock */
    bool is_ready; /* the tail is cleared, leftovers are gone */
    uint32_t layout;
    uint32_t layout_told; /* as the last mark that was given or taken says */
    pbase_position head;
    pbase_token doubtful; /* of the append that failed; see poison */

    /* state_lock */
    pbase_position first;
    pbase_position synced;
    journal_place *places; /* ascending by base */
    size_t place_count;
    size_t place_capacity;
    journal_spare *spares;
    size_t spare_count;
    size_t spare_capacity;
    uint32_t spare_next; /* a number that no name has */
    pbase_status poison; /* the code of what failed; OK: nothing */
    bool has_doubtful;
    char poison_text[160];
    pbase_journal_tail tail;
    journal_stats stats;
    journal_window resting; /* of who read last, before the first append */
};

static inline void journal_lock(const journal *self, pbase_os_mutex *mutex)
{
    self->os->lock->mutex_lock(mutex);
}
static inline void journal_unlock(const journal *self, pbase_os_mutex *mutex)
{
    self->os->lock->mutex_unlock(mutex);
}

/* Every later change is refused. Remembers the first cause only. */
void journal_poison(journal *self, pbase_status code, const pbase_error *cause);
/* READ_ONLY, telling the cause, when the journal is poisoned. Takes state_lock. */
PBASE_MUST_CHECK pbase_status journal_poison_check(journal *self, pbase_error *err);

/* ---- follow.c ---- */
/* Takes over where others stand. With append_lock and state_lock, or before the journal is shared. */
void journal_mark_take(journal *self, const journal_mark *mark);

/* ---- reader.c ---- */
/* Lets go of what a reader has left behind: it may be trimmed now. Takes state_lock. */
void journal_rest_end(journal *self);

/* ---- places.c: segments and their names ---- */
void journal_segment_name(pbase_position base, char out[JOURNAL_NAME_BYTES]);
void journal_spare_name(uint32_t number, char out[JOURNAL_NAME_BYTES]);
/* Fills places and spares from the provider's names. Before the journal is shared. */
PBASE_MUST_CHECK pbase_status journal_places_load(journal *self, const pbase_call *call,
                                                  pbase_error *err);
/* The segment that holds `position`; false when none does. Takes state_lock. */
bool journal_place_find(journal *self, pbase_position position, journal_place *out);
/* The first segment whose base is at or above `position`. Takes state_lock. */
bool journal_place_from(journal *self, pbase_position position, journal_place *out);
PBASE_MUST_CHECK pbase_status journal_place_add(journal *self, journal_place place,
                                                pbase_error *err);
/* Makes the tables anew from the provider's names. With trim_lock and append_lock. */
PBASE_MUST_CHECK pbase_status journal_places_reload(journal *self, pbase_error *err);
/* Drops the oldest, or the newest, from the table. Takes state_lock. */
void journal_place_drop_first(journal *self);
void journal_place_drop_last(journal *self);

/* Makes an empty spare, durably: its room is reserved, or, where the place cannot, it is zeroed. */
PBASE_MUST_CHECK pbase_status journal_spare_create(journal *self, pbase_error *err);
/* True when a spare has a wrong size, as a crash or another configuration leaves it. */
bool journal_has_broken_spare(journal *self);
/* Removes the broken spares. */
PBASE_MUST_CHECK pbase_status journal_spares_clean(journal *self, pbase_error *err);
/* Takes a spare out of the list; false when there is none. */
bool journal_spare_take(journal *self, journal_spare *out);
/* Removes the spares that are whole; others may be in the making. */
PBASE_MUST_CHECK pbase_status journal_spares_remove(journal *self, pbase_error *err);
/* Cuts what lies behind `end` off the newest segment, which is the one with the head. With
 * trim_lock and append_lock. */
PBASE_MUST_CHECK pbase_status journal_place_cut(journal *self, pbase_position end,
                                                pbase_error *err);
/* Gives the bytes of the oldest segment before `upto` back, if the place can and the segment will never be
 * recycled: a spare has to have all of its blocks. Nothing is lost when that fails. */
void journal_place_thin(journal *self, pbase_position upto);
/* Keeps how far the segment that was appended to has been written, before another one is. With
 * append_lock. */
void journal_place_keep_written(journal *self);
/* Turns the segment at `base` into a spare, or removes it when there are enough or its size is not
 * that of a spare. */
PBASE_MUST_CHECK pbase_status journal_place_recycle(journal *self, journal_place place,
                                                    pbase_error *err);

/* ---- ahead.c, with append_lock; ends are offsets in the segment ---- */
/* The segment that is appended to from now on. */
void journal_ahead_enter(journal *self, journal_place place);
/* How many zeros a durable write that ends at `end` brings with it, at most `room`. */
size_t journal_ahead_bytes(journal *self, const journal_place *place, uint64_t end, size_t room);
/* What lies before `end` was written. */
void journal_ahead_written(journal *self, const journal_place *place, uint64_t end);

/* ---- append.c ---- */
/* Flushes what was appended, or, before the first append, what opening found, and moves `synced` to
 * the head. Poisons on failure. Without state_lock or sync_lock. */
PBASE_MUST_CHECK pbase_status journal_flush(journal *self, pbase_error *err);
/* Makes the journal fit to be appended to, once. A failure leaves it to be tried again: nothing of
 * what is kept was touched. With append_lock. */
PBASE_MUST_CHECK pbase_status journal_ready(journal *self, pbase_error *err);
/* Puts `segment`, which it takes (NULL: none), in the place of the one being written. With
 * append_lock. */
void journal_segment_replace(journal *self, pbase_segment *segment);
PBASE_MUST_CHECK pbase_status journal_segment_open(journal *self, pbase_position base,
                                                   pbase_segment **out, pbase_error *err);
/* Removes a segment without a frame of the past. Poisons when it cannot: its name would be in the way of
 * the next one. */
void journal_segment_remove(journal *self, pbase_position base, pbase_status cause,
                            const pbase_error *why);
/* The segment with the last frame; before the first frame the one that will hold it. */
bool journal_head_place(journal *self, journal_place *out);
/* Of a segment that is remembered. */
uint64_t journal_sure_bytes(const journal *self, journal_place place);
/* Has a segment remembered. Whatever fails, nothing of the append has happened. With append_lock, like
 * the next two. */
PBASE_MUST_CHECK pbase_status journal_enter(journal *self, const journal_entered *entered,
                                            pbase_error *err);
/* Has the segment of the head remembered again, in place of a later one. */
PBASE_MUST_CHECK pbase_status journal_entered_back(journal *self, pbase_error *err);
/* Goes on in a new segment, the last of `places`, that has room for a frame. */
PBASE_MUST_CHECK pbase_status journal_roll(journal *self, uint64_t frame_bytes, pbase_error *err);

#endif
