/* expr_text.h - expressions of query text.
 *
 * Precedence, loosest first: or; and; not; = <> != <=> < <= > >= in between like ilike is null
 * (which do not chain); + - ||; * / // %; unary minus. The result is the same tree as the JSON form
 * makes. */
#ifndef PROTOBASE_EXPR_EXPR_TEXT_H
#define PROTOBASE_EXPR_EXPR_TEXT_H
#include "expr/expr.h"
#include "expr/lexer.h"

/* Reads one expression and stops at the token behind it. */
PBASE_MUST_CHECK pbase_status expr_text_parse(lexer *lexer, const expr **out);
/* Reads a path: a.b[0]."c d". */
PBASE_MUST_CHECK pbase_status expr_text_path(lexer *lexer, pbase_path *out);
/* Reads a name, bare or between "". `what` is said when there is none. */
PBASE_MUST_CHECK pbase_status expr_text_name(lexer *lexer, const char *what, pbase_bytes *out);

#endif
