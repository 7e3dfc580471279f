/* services.h - what core lends to operators: expressions, and the fields of documents. */
#ifndef PROTOBASE_QUERY_SERVICES_H
#define PROTOBASE_QUERY_SERVICES_H
#include <protobase/plugin/operator.h>

const pbase_query_services *query_services(void);

#endif
