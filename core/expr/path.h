/* path.h - paths into documents: a.b[0]."Installed-Size".
 *
 * A path is field names separated by points, and positions in brackets (negative from the end). A
 * name that is not a word is written between double quotes, a quote in it doubled. The JSON plan's
 * {"f": "..."} also takes any run of other characters as a name. */
#ifndef PROTOBASE_EXPR_PATH_H
#define PROTOBASE_EXPR_PATH_H
#include <protobase/base/value.h>
#include <protobase/plugin/codec.h>

#define PATH_STEPS_MAX 128u

/* Reads `text`; steps lie in `arena`, names in `text` or `arena`. INVALID says what is wrong. */
PBASE_MUST_CHECK pbase_status path_parse(pbase_bytes text, pbase_arena *arena, pbase_path *out,
                                         pbase_error *err);
/* Appends it so that path_parse and the query text read it back. */
PBASE_MUST_CHECK pbase_status path_format(const pbase_path *path, pbase_buffer *out,
                                          pbase_error *err);
/* Appends a name as query text writes it: bare if it is a word that is not reserved. */
PBASE_MUST_CHECK pbase_status path_name_format(pbase_bytes name, pbase_buffer *out,
                                               pbase_error *err);
bool path_equal(const pbase_path *a, const pbase_path *b);
/* The path without its first `count` steps. */
pbase_path path_after(const pbase_path *path, size_t count);
/* The value at `path` inside `value`; NULL when missing. */
const pbase_value *path_lookup(const pbase_value *value, const pbase_path *path);
/* True for the words that query text keeps for itself. */
bool path_is_reserved(pbase_bytes word);

#endif
