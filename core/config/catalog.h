/* catalog.h - what the configuration needs to know about installed components; host/ implements it.
 *
 * Threads: confined; asking may read what nobody has asked for before. */
#ifndef PROTOBASE_CONFIG_CATALOG_H
#define PROTOBASE_CONFIG_CATALOG_H
#include <protobase/plugins.h>

typedef struct config_catalog config_catalog;
struct config_catalog {
    /* The component of `kind` ("codec" is any codec) and `name`, lent as long as the catalog. On
     * failure `err` says what is missing, with a hint. */
    pbase_status (*find)(config_catalog *self, const char *kind, const char *name,
                         const pbase_component_info **out, pbase_error *err);
};

#endif
