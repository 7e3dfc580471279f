/* explain.h - a configuration as it is in force: every setting, its value and where that is from. */
#ifndef PROTOBASE_CONFIG_EXPLAIN_H
#define PROTOBASE_CONFIG_EXPLAIN_H
#include "config/plan.h"

/* Calls `each` for every setting of a whole plan; texts are made in `arena`. */
pbase_status config_explain(const config_document *document, const config_plan *plan,
                            pbase_arena *arena, pbase_config_setting_each each, void *state,
                            pbase_error *err);

#endif
