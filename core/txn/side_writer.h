/* side_writer.h - one thread that writes atoms of a transaction while another one makes the next.
 *
 * What is begun is written in that order. Whoever began it waits for it before using what it points
 * to, or before destroying the writer has returned, which finishes all that has begun.
 *
 * Threads: `begin` and `wait` from the thread of the transaction; the slot `write` is called by the
 * writer's own. */
#ifndef PROTOBASE_TXN_SIDE_WRITER_H
#define PROTOBASE_TXN_SIDE_WRITER_H
#include "collection/atom_writer.h"
#include <protobase/plugin/host.h>

typedef struct side_writer side_writer;
typedef pbase_status (*side_write)(void *state, const atom_writing *writing, pbase_error *err);

/* Starts the thread. Borrows `state` until destroy. NO_MEMORY or LIMIT: there is none to be had. */
PBASE_MUST_CHECK pbase_status side_writer_create(const pbase_host *host, side_write write,
                                                 void *state, side_writer **out, pbase_error *err);
/* Finishes what has begun. NULL is fine. */
void side_writer_destroy(side_writer *self);
/* Cannot fail. */
void side_writer_begin(side_writer *self, atom_writing *writing);
void side_writer_wait(side_writer *self, atom_writing *writing);

#endif
