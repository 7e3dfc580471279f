/* store_table.h - which segments a store has: their names, headers, handles and maps.
 *
 * A segment is opened and mapped when it is first needed, so that opening a space costs a listing.
 * Threads: synchronized by a read-write lock; a reader holds it for reading while it reads. Adding
 * and dropping are the business of one writer at a time (the store sees to that). */
#ifndef PBASE_STORE_TABLE_H
#define PBASE_STORE_TABLE_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>
#include <stdatomic.h>

#define STORE_PREFIX "store/"
#define STORE_NAME_BYTES sizeof "store/000000"

typedef struct {
    uint32_t log_id;
    _Atomic uint64_t size; /* bytes that may be read: header, atoms, padding; they never change */
    _Atomic uint64_t held; /* of the device, when it was listed last; 0: not since it was made */
    _Atomic bool sealed;
    bool own;              /* written by this process: its size is known here alone */
    bool is_abandoned;     /* not sealed, but nobody writes to it any more: a crash left it */
    _Atomic uint64_t seen; /* the listing that found it last; 0: none */
    uint64_t capacity;     /* it never grows beyond */
    pbase_segment *handle; /* NULL until it is needed */
    const uint8_t *data;   /* NULL until it is mapped */
    bool is_warm;          /* the map was asked for again: it is read all over from now on */
    uint64_t large;        /* bytes of `data` that are mapped with large pages */
} store_segment;

typedef struct {
    const pbase_host *host;   /* borrowed until fini */
    pbase_blocks *blocks;     /* borrowed until fini */
    uint64_t space_id;        /* stands in every header */
    uint64_t shared_bytes;    /* others make segments of this size too; 0: nobody does */
    pbase_os_rwlock *lock;    /* guards all below, and handle and data of the segments */
    bool wants_large;         /* the memory was not asked for yet: no segment is warm */
    uint64_t large_bytes_max; /* a store of more is not mapped with large pages */
    store_segment **segments; /* by log id; NULL: none */
    uint32_t capacity;
    uint32_t next_log_id; /* never used so far */
} store_table;

/* Also after a failure, the table is ended by fini. */
PBASE_MUST_CHECK pbase_status store_table_init(store_table *table, const pbase_host *host,
                                               pbase_blocks *blocks, uint64_t space_id,
                                               uint32_t next_log_id, pbase_error *err);
void store_table_fini(store_table *table);

/* "store/" and the id in 4 hexadecimal digits. */
void store_name(uint32_t log_id, char out[STORE_NAME_BYTES]);
/* False unless `name` is such a name with an id above 0. */
bool store_name_parse(const char *name, uint32_t *out_log_id);
/* Writes the PBASE_ATOM_ALIGN bytes at the beginning of a segment. */
void store_header_encode(const store_table *table, uint32_t log_id, uint8_t *out);
/* CORRUPT or FORMAT unless the stored header is that of `log_id` in this space. */
PBASE_MUST_CHECK pbase_status store_header_check(const store_table *table, uint32_t log_id,
                                                 pbase_segment *handle, const pbase_call *call,
                                                 pbase_error *err);

/* Adds a segment. `handle` (NULL: opened when needed) is taken on success only. */
PBASE_MUST_CHECK pbase_status store_table_add(store_table *table, const store_segment *segment,
                                              store_segment **out, pbase_error *err);
/* Adds a segment that is stored but not in the table, made by another process; one that is there is
 * fine. NOT_FOUND: there is none. */
PBASE_MUST_CHECK pbase_status store_table_discover(store_table *table, const pbase_call *call,
                                                   uint32_t log_id, pbase_error *err);
/* Ends a segment with its map. */
void store_table_drop(store_table *table, uint32_t log_id);
/* For the writer, who alone adds and drops. NULL: there is none. */
store_segment *store_table_find(store_table *table, uint32_t log_id);
/* The segment with the smallest id above `log_id`; false when there is none. */
bool store_table_next(store_table *table, uint32_t log_id, pbase_segment_info *out);
/* LIMIT: all ids are used up. */
PBASE_MUST_CHECK pbase_status store_table_take_id(store_table *table, uint32_t *out,
                                                  pbase_error *err);
uint32_t store_table_next_id(store_table *table);

/* NOT_FOUND: there never was such a segment. LOST: it was retired. */
PBASE_MUST_CHECK pbase_status store_table_read(store_table *table, const pbase_call *call,
                                               uint32_t log_id, uint64_t offset, void *out,
                                               size_t size, size_t *out_read, pbase_error *err);
PBASE_MUST_CHECK pbase_status store_table_map(store_table *table, uint32_t log_id,
                                              pbase_atom_map *out, pbase_error *err);
/* Gives back the range, which lies behind the header and within what was written. */
PBASE_MUST_CHECK pbase_status store_table_punch(store_table *table, const pbase_call *call,
                                                uint32_t log_id, uint64_t offset, uint64_t size,
                                                pbase_error *err);

#endif
