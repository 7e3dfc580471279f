/* store_coder.h - the store as the value_coder that collections ask for.
 * Threads: synchronized. */
#ifndef PROTOBASE_TXN_STORE_CODER_H
#define PROTOBASE_TXN_STORE_CODER_H
#include "collection/context.h"
#include "store/store.h"

typedef struct {
    value_coder base; /* first member: the contract */
    store *bytes;     /* borrowed */
} store_coder;
void store_coder_init(store_coder *coder, store *bytes);

#endif
