/* storage_script.h - a script of changes to a storage that remembers what was promised.
 *
 * A test runs the script while something fails or the machine dies, opens the storage again, and
 * asks storage_script_check whether every promise was kept: what was acknowledged is there, what
 * was refused is not, what was in flight is there as a whole or not at all, and the storage works.
 * Threads: confined. */
#ifndef PBASE_TEST_STORAGE_SCRIPT_H
#define PBASE_TEST_STORAGE_SCRIPT_H
#include <protobase/plugin/storage.h>
#include <stdio.h>

#define SCRIPT_LIVES 2 /* parts of the script; the storage is closed and opened between them */
#define SCRIPT_APPENDS_MAX 32
#define SCRIPT_ATOMS_MAX 32

enum { SCRIPT_REFUSED, SCRIPT_MAYBE, SCRIPT_DONE };

typedef struct {
    int state;            /* SCRIPT_* */
    bool durable;         /* promised: this append and all before it */
    uint32_t count;       /* records */
    size_t size_bytes;    /* of each */
    pbase_position first; /* when DONE */
    size_t atom_count;    /* atoms written before it */
} script_append;

typedef struct {
    pbase_atom_pointer pointer;
    size_t size_bytes;
    bool durable; /* promised by its own write */
    bool retired; /* its segment may be gone */
    bool gone;    /* it is, for ever */
} script_atom;

typedef struct {
    script_append appends[SCRIPT_APPENDS_MAX];
    size_t append_count;
    script_atom atoms[SCRIPT_ATOMS_MAX];
    size_t atom_count;
    uint64_t meta_version; /* acknowledged */
    bool meta_maybe;       /* the next one may be there */
    size_t kept;           /* index of the first append kept, acknowledged */
    size_t kept_maybe;     /* what it may be instead */
    size_t anchor;         /* append of the anchor + 1, acknowledged; 0: none */
    size_t anchor_maybe;   /* what it may be instead */
    bool failed;           /* some step failed */
    char why[512];         /* what storage_script_check found wrong, or "" */
} storage_script;

void storage_script_init(storage_script *script);
/* Runs part `life`, all of its steps, whatever fails. */
void storage_script_run(storage_script *script, unsigned life, pbase_storage *storage);
/* From now on, what failed may have happened: the machine died. */
void storage_script_crashed(storage_script *script);
/* True when the storage, opened again, keeps all promises and takes new work; else `why` tells.
 * What it found has been made durable then, and is promised from now on. */
bool storage_script_check(storage_script *script, pbase_storage *storage, const pbase_alloc *alloc);

#endif
