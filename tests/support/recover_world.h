/* recover_world.h - a space with every kind of content, a copy of it that is damaged, what was
 * recovered from that, and what was told of it.
 *
 * The copy is as a crash would leave the space, or closed. It is damaged at random
 * (PBASE_TEST_SEED). */
#ifndef PBASE_TEST_RECOVER_WORLD_H
#define PBASE_TEST_RECOVER_WORLD_H
#include "seed.h"
#include "space_fixture.h"

#include <limits.h>
#include <protobase/recover.h>

#define RECOVER_PEOPLE 1200
#define RECOVER_ELEMENTS 400
#define RECOVER_COMMITS 40

/* What the last recovery told. */
typedef struct {
    unsigned findings, lost_commits_told, orphans_told;
} recover_heard;

typedef struct {
    temp_dir dir;
    space_fixture f;                 /* the original */
    char copy[PATH_MAX];             /* what is damaged */
    char saved[PATH_MAX];            /* what is recovered */
    seed_random randomness;          /* of one test */
    char codecs[2 * PATH_MAX + 256]; /* of the next world, as a setting; empty: none */
    recover_heard told;
    bool key_told[RECOVER_PEOPLE], all_told; /* of 'people' in main, as lost */
} recover_world;

/* Makes the folder, the space and its copy: closed, or in the middle of its life with the commits
 * after its last checkpoint in the journal alone. */
void recover_world_begin(recover_world *w, bool is_closed);
/* The same in a folder that is there, with `codecs`. */
void recover_world_begin_here(recover_world *w, bool is_closed);
void recover_world_end(recover_world *w);

void recover_world_copy_folder(const char *from, const char *to);
/* Turns over one bit of file `name` of the copy, anywhere in [from, to); to 0: the end. */
void recover_world_flip(recover_world *w, const char *name, long from, long to);
/* Turns over a bit in every inner node whose children are leaves. */
void recover_world_damage_inner_nodes(recover_world *w);
/* The only segment of the copy's journal that has frames. */
void recover_world_journal_name(recover_world *w, char out[64]);

/* Recovers the copy into `saved`; w->told has what was heard. */
pbase_status recover_world_recover(recover_world *w, pbase_recover_report *report,
                                   pbase_error *err);
/* For a recovery with other options, with `w` as its state. */
pbase_status recover_world_hear(void *state, pbase_status code, const char *place,
                                const char *message, pbase_error *err);
/* Asserts that everything that was is there, or was told; `out_log`: how many of the commits. */
void recover_world_compare(recover_world *w, const pbase_recover_report *report, uint64_t *out_log);

#endif
