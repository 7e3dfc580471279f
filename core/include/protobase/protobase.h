/* protobase.h - everything an application needs, in one include. */
#ifndef PROTOBASE_PROTOBASE_H
#define PROTOBASE_PROTOBASE_H
#include <protobase/backup.h>
#include <protobase/base/version.h>
#include <protobase/blob.h>
#include <protobase/check.h>
#include <protobase/config.h>
#include <protobase/cursor.h>
#include <protobase/history.h>
#include <protobase/index.h>
#include <protobase/io.h>
#include <protobase/nesting.h>
#include <protobase/object.h>
#include <protobase/plugins.h>
#include <protobase/query.h>
#include <protobase/query_builder.h>
#include <protobase/recover.h>
#include <protobase/stats.h>
#include <protobase/txn.h>
#include <protobase/watch.h>
PBASE_BEGIN_DECLS

/* "0.1.0": of the library that is running, which may be newer than the headers. */
PBASE_API const char *pbase_version(void);

PBASE_END_DECLS
#endif
