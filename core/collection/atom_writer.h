/* atom_writer.h - where the atoms of a tree go while it is made, and in whose name.
 *
 * A writer may be able to write beside its caller, who makes the next atoms meanwhile:
 *
 *     if (writer.begin != NULL && writer.begin(writer.state, &writing)) { ... }
 *     atom_writing_wait(&writer, &writing);      // then writing.status, and where they lie
 *
 * Threads: `begin` and `wait` belong to the thread that fills the tree. */
#ifndef PROTOBASE_COLLECTION_ATOM_WRITER_H
#define PROTOBASE_COLLECTION_ATOM_WRITER_H
#include <protobase/base/error.h>
#include <protobase/plugin/storage.h>
#include <stdatomic.h>

/* A write that goes on beside. It and what it points to stay where they are until it is done. */
typedef struct atom_writing atom_writing;
struct atom_writing {
    const uint32_t *types; /* these four are set by who begins it */
    const pbase_bytes *payloads;
    size_t count;
    pbase_atom_pointer *out;
    pbase_status status; /* what came of it, once it is done */
    pbase_error error;
    _Atomic bool is_done;
    atom_writing *next; /* the writer's */
};

typedef struct {
    /* As the slot `write` of an atom source. */
    pbase_status (*write)(void *state, const uint32_t *types, const pbase_bytes *payloads,
                          size_t count, pbase_atom_pointer *out, pbase_error *err);
    /* Optional, both or none. Begins to write; it is waited for by whoever began it. False: nothing
     * has begun, and it has to be written by `write`. */
    bool (*begin)(void *state, atom_writing *writing);
    /* Returns when it is done. The state must be there, unless it was done before. */
    void (*wait)(void *state, atom_writing *writing);
    void *state; /* borrowed until nobody writes any more */
} atom_writer;

static inline bool atom_writing_done(const atom_writing *writing)
{
    return atomic_load_explicit(&writing->is_done, memory_order_acquire);
}

/* Waits for what has begun. */
static inline void atom_writing_wait(const atom_writer *writer, atom_writing *writing)
{
    if (!atom_writing_done(writing)) {
        writer->wait(writer->state, writing);
    }
}

#endif
