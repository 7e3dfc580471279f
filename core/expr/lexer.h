/* lexer.h - the tokens of query text, and errors that point into it.
 *
 * Words are letters, digits and _ (any character outside ASCII is a letter); keywords are words,
 * told apart by who reads them, in any case. Names between "" and strings between '' double their
 * quote inside. -- comments to the end of the line. */
#ifndef PROTOBASE_EXPR_LEXER_H
#define PROTOBASE_EXPR_LEXER_H
#include <protobase/base/arena.h>

typedef enum {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_NAME,      /* "between quotes" */
    TOKEN_STRING,    /* 'between quotes' */
    TOKEN_BYTES,     /* x'00ff' */
    TOKEN_INT,       /* digits: `magnitude` */
    TOKEN_FLOAT,     /* `real` */
    TOKEN_PARAMETER, /* $name */
    TOKEN_SYMBOL
} token_kind;

typedef struct {
    token_kind kind;
    size_t offset;      /* in the text */
    pbase_bytes text;   /* what it says: quotes, $ and doubled quotes taken off */
    uint64_t magnitude; /* of INT; 2^63 is for a minus before it */
    double real;
} token;

typedef struct lexer lexer;
struct expr;
/* Asked at NAME( before functions are looked for: reads the call and says so, or leaves it. */
typedef pbase_status lexer_call(lexer *self, void *state, bool *out_taken, const struct expr **out);

struct lexer {
    pbase_bytes text;   /* borrowed; well-formed UTF-8 */
    size_t at;          /* behind `current` */
    token current;      /* what the parser looks at */
    pbase_arena *arena; /* for tokens that are not a part of the text */
    uint32_t depth;     /* of the parser */
    uint32_t nesting;   /* of plans inside plans, for the parser of queries */
    lexer_call *call;   /* NULL: every call is of a function */
    void *call_state;
    pbase_error *err;
};

/* Looks at the first token. LIMIT past PBASE_QUERY_TEXT_BYTES_MAX, INVALID unless it is UTF-8. */
PBASE_MUST_CHECK pbase_status lexer_init(lexer *self, pbase_bytes text, pbase_arena *arena,
                                         pbase_error *err);
/* Moves on to the next token. */
PBASE_MUST_CHECK pbase_status lexer_next(lexer *self);
/* The token after the current one. */
PBASE_MUST_CHECK pbase_status lexer_peek(const lexer *self, token *out);

bool token_is_symbol(const token *self, const char *symbol);
/* In any case of letters. */
bool token_is_word(const token *self, const char *word);
/* Moves on when the current token is this one, and says whether it was. */
PBASE_MUST_CHECK pbase_status lexer_skip_symbol(lexer *self, const char *symbol, bool *out);
PBASE_MUST_CHECK pbase_status lexer_skip_word(lexer *self, const char *word, bool *out);
/* INVALID "expected ..." unless the current token is this one; moves on. */
PBASE_MUST_CHECK pbase_status lexer_expect_symbol(lexer *self, const char *symbol);
PBASE_MUST_CHECK pbase_status lexer_expect_word(lexer *self, const char *word);

/* Fails with `code` at a byte of the text: where is "line L column C", and the message ends in the
 * line and a caret below the place. */
pbase_status lexer_fail_at(const lexer *self, size_t offset, pbase_status code, const char *format,
                           ...) PBASE_PRINTF(4, 5);
/* INVALID: "expected <what>, found <the current token>". */
pbase_status lexer_fail_expected(const lexer *self, const char *what);

#endif
