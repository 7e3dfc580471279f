/* index_check.h - every index of a database verified, for the check of a space. */
#ifndef PROTOBASE_SPACE_INDEX_CHECK_H
#define PROTOBASE_SPACE_INDEX_CHECK_H
#include "txn/index_view.h"

#include <protobase/index.h>

typedef struct {
    atom_source *atoms;
    atom_ref collections; /* of the database; lent */
    value_coder *coder;
    const pbase_os *os;
    const pbase_alloc *alloc;
    const pbase_call *call;
    pbase_verify_each each;
    void *each_state;
} index_check;

/* Verifies the indexes of the collection under `root` (empty: of all), one of them
 * (`name` empty: each). NOT_FOUND: there is none of that name. Damage that ends the reading of a tree
 * is a finding too. */
PBASE_MUST_CHECK pbase_status index_check_run(const index_check *self, pbase_bytes root,
                                              pbase_bytes name, pbase_index_report *report,
                                              pbase_error *err);

#endif
