/* codec_table.h - which codecs the stored bytes of a space need, under their local ids.
 *
 * Stored values, journal records and atoms name their codec by a one-byte id that is local to the
 * space. The table lives in the storage's meta document (docs/formats/meta.md), in clear and
 * readable before recovery, and an id is durable there before the first byte that needs it is
 * written. Opening loads every codec of the table, so that a missing one is named before anything
 * else happens, and hands each codec the tables it left there (keys, dictionaries): one that lacks
 * what it needs says so as early.
 *
 * Threads: synchronized. Lock order: `mutex` alone; entries never change once published. */
#ifndef PROTOBASE_STORE_CODEC_TABLE_H
#define PROTOBASE_STORE_CODEC_TABLE_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/host.h>
#include <protobase/plugin/storage.h>

#define STORE_FORMAT_VERSION 1u /* of everything core writes */
/* What this version reads beyond format 1 (docs/formats/meta.md), and what new spaces begin with. */
#define STORE_FEATURE_LEVEL 3u
#define STORE_FEATURE_NEW 2u
#define STORE_FEATURE_PATCHES 3u /* patches of leaves */

/* Where codecs come from: space/ implements it over the host. What it returns stays the
 * provider's and lives as long as it. PLUGIN or NOT_FOUND names what is missing. */
typedef struct codec_provider codec_provider;
struct codec_provider {
    pbase_status (*serializer)(codec_provider *self, const char *name, pbase_serializer **out,
                               pbase_error *err);
    pbase_status (*transform)(codec_provider *self, const char *name, pbase_transform **out,
                              pbase_error *err);
    /* The tables interface of a codec that was given before; NULL: it owns none. The slot itself may
     * be NULL. */
    const pbase_codec_table_ops *(*tables)(codec_provider *self, const char *name);
};

#define CODEC_NAME_BYTES 64u
typedef struct {
    char name[CODEC_NAME_BYTES];
    pbase_serializer *serializer;        /* NULL for a transform */
    pbase_transform *transform;          /* NULL for a serializer */
    const pbase_codec_table_ops *tables; /* NULL: it owns none */
} codec_entry;

typedef struct codec_table codec_table;

/* What to do where there is no meta document. */
typedef enum {
    CODEC_TABLE_MAKE,   /* write the first one of a new space; CORRUPT when something was written */
    CODEC_TABLE_FIND,   /* NOT_FOUND; CORRUPT when something was written */
    CODEC_TABLE_SALVAGE /* go on with an empty one, whatever was written */
} codec_table_opening;

/* Reads the meta document. Borrows everything until close.
 * PLUGIN: lists every codec the data needs that cannot be loaded. FORMAT: not a meta document, or a
 * newer format. What a codec says to its tables, AUTH for a missing or wrong key. */
PBASE_MUST_CHECK pbase_status codec_table_open(const pbase_host *host, pbase_storage *storage,
                                               codec_provider *provider,
                                               codec_table_opening opening, codec_table **out,
                                               pbase_error *err);
void codec_table_close(codec_table *table); /* NULL is fine */

/* True when opening wrote the first meta document. */
bool codec_table_created(const codec_table *table);
#define CODEC_TABLE_SPACE_ID_BYTES 16u
/* The id of the space: 16 random bytes. */
const uint8_t *codec_table_space_id(const codec_table *table);
/* Of what happened in it: the id of the space until it is restored, another one from then on. Two
 * spaces of one lineage have the same atom behind the same pointer. */
const uint8_t *codec_table_lineage(const codec_table *table);
/* The local id of a codec that will write, entering it and its new tables durably. LIMIT past
 * PBASE_CODECS_MAX. */
PBASE_MUST_CHECK pbase_status codec_table_enter(codec_table *table, bool is_transform,
                                                const char *name, uint8_t *out_id,
                                                pbase_error *err);
/* The lowest feature level that may open the space. */
uint32_t codec_table_feature(const codec_table *table);
/* Raises it durably; nothing to do when it is as high already. Before the first record that an
 * older version could not read. */
PBASE_MUST_CHECK pbase_status codec_table_require(codec_table *table, uint32_t feature,
                                                  pbase_error *err);
/* The codec behind a local id found in stored bytes, NULL when the space has none. One that another
 * process entered meanwhile is read and loaded first; errors are those of opening. */
PBASE_MUST_CHECK pbase_status codec_table_find(codec_table *table, uint8_t id,
                                               const codec_entry **out, pbase_error *err);
/* Whether the space has a transform, also one that another process entered meanwhile. */
PBASE_MUST_CHECK pbase_status codec_table_has_transform(codec_table *table, bool *out,
                                                        pbase_error *err);
/* The meta document of a place that is being restored to: it is no space yet. */
#define CODEC_TABLE_RESTORING "protobase restore\n"
/* `document` with another lineage, appended to `out`. FORMAT: it is no meta document. */
PBASE_MUST_CHECK pbase_status
codec_table_set_lineage(pbase_bytes document, const uint8_t lineage[CODEC_TABLE_SPACE_ID_BYTES],
                        pbase_buffer *out, pbase_error *err);
/* The codec behind a local id that this table gave out, NULL when it gave out none such. */
const codec_entry *codec_table_at(const codec_table *table, uint8_t id);

#endif
