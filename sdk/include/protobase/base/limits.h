/* limits.h - every limit of the product, by name. Passing one is PBASE_LIMIT, never a hang. */
#ifndef PROTOBASE_BASE_LIMITS_H
#define PROTOBASE_BASE_LIMITS_H

#define PBASE_KEY_BYTES_MAX 65536u           /* one key, encoded */
#define PBASE_DEPTH_MAX 128u                 /* nesting of a value: a scalar has depth 0 */
#define PBASE_ITEMS_MAX 4294967295u          /* elements of one list or map value */
#define PBASE_VALUE_BYTES_MAX 67108864u      /* one encoded value in one atom: 64 MiB */
#define PBASE_BLOB_BYTES_MAX 1099511627776u  /* one blob: 2^40 */
#define PBASE_NAME_BYTES_MAX 255u            /* database, root, collection, plugin names */
#define PBASE_CHILDREN_MAX 65535u            /* child collections of one value */
#define PBASE_COUNT_MAX 9223372036854775807u /* sum of counts of one counted collection */
#define PBASE_TXN_BYTES_MAX 4294967295u      /* operations of one transaction, encoded */
#define PBASE_TXN_MEMORY_BYTES 268435456u    /* of its changes, before some go to the storage */
#define PBASE_TXN_LOG_BYTES 67108864u        /* operations of one collection, before it is bulk */
#define PBASE_ADOPT_INLINE_BYTES 65536u      /* content of a copy in the record itself */
#define PBASE_TXN_DEPTH_MAX 64u              /* transactions nested in one another */
#define PBASE_NESTING_MAX 100u          /* collections in collections: a root's own is level 1 */
#define PBASE_READ_SET_MAX 1048576u     /* remembered ranges; past it a whole collection is read */
#define PBASE_CODECS_MAX 255u           /* codecs one space may know */
#define PBASE_DATABASES_MAX 1048576u    /* databases of one space */
#define PBASE_CHUNK_ROWS 2048u          /* rows of one query chunk */
#define PBASE_CONFIG_BYTES_MAX 1048576u /* one configuration file */
#define PBASE_CONFIG_DEPTH_MAX 32u      /* nesting of a configuration file */
#define PBASE_QUERY_TEXT_BYTES_MAX 1048576u /* one query text */

#endif
