/* fake_catalog.h - a catalog of invented components with options of every type.
 *
 *   storage/memory          no slots; none, async, sync
 *   storage/file            slot blocks (persistent, overwrite); an option of each type
 *   storage/stack           slots blocks and spare; spare defaults to memory, may be empty
 *   block_provider/memory   not persistent
 *   block_provider/file     required option path
 *   codec/msgpack, codec/json (serializers), codec/zstd and codec/lz4 (compress), codec/aes
 *   (encrypts; required secret option key) */
#ifndef PBASE_TEST_FAKE_CATALOG_H
#define PBASE_TEST_FAKE_CATALOG_H
#include "config/catalog.h"

/* Lends a static object. A name that is not there is PLUGIN: "nobody offers KIND/NAME". */
config_catalog *fake_catalog(void);

#endif
