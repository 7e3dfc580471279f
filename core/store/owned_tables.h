/* owned_tables.h - lines of the meta document that hold the tables of codecs (docs/formats/meta.md).
 *
 * A codec that needs more than its name to read what it wrote (an encrypting one its keys) says so in
 * small tables, plugin/codec.h: "table CODEC-ID ID TABLE", both in hexadecimal. Threads: confined;
 * codec_table.c calls under its mutex. */
#ifndef PROTOBASE_STORE_OWNED_TABLES_H
#define PROTOBASE_STORE_OWNED_TABLES_H
#include "store/codec_table.h"

/* Whether `lines` has this line, given without its newline. */
bool owned_tables_have(pbase_bytes lines, pbase_bytes line);
/* Hands a table that the document holds to its codec. FORMAT: no hexadecimal; PLUGIN: the codec
 * owns no tables; what the codec said otherwise, with its name. */
PBASE_MUST_CHECK pbase_status owned_tables_put(const codec_entry *entry, pbase_bytes id_text,
                                               pbase_bytes table_text, pbase_error *err);
/* Appends a line for each new table of the codec with the local id `codec_id`. */
PBASE_MUST_CHECK pbase_status owned_tables_gather(const codec_entry *entry, uint32_t codec_id,
                                                  const pbase_alloc *alloc, pbase_buffer *out,
                                                  pbase_error *err);
/* Appends those lines of `from` that `to` does not have. */
PBASE_MUST_CHECK pbase_status owned_tables_add(pbase_bytes from, pbase_buffer *to,
                                               pbase_error *err);

#endif
