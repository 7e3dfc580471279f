/* error.h - status codes and the error a caller owns.
 *
 * A function returns a pbase_status; the code alone is enough to decide what to do. The optional
 * pbase_error adds what happened, where, and what to do next. It is a plain struct that needs no
 * heap, so that lack of memory can be reported too. Threads: confined to its owner. */
#ifndef PROTOBASE_BASE_ERROR_H
#define PROTOBASE_BASE_ERROR_H
#include <protobase/base/version.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
PBASE_BEGIN_DECLS

typedef int32_t pbase_status;

/* Each code means one decision (docs/errors.md has the table with the program's exit codes). The
 * numbers are part of the plugin ABI: they are never reused. */
enum {
    PBASE_OK = 0,
    PBASE_END = 1, /* not an error: an iteration has nothing more; `err` is untouched */
    /* retry */
    PBASE_BUSY = 10,     /* somebody else holds it; the message names who */
    PBASE_CONFLICT = 11, /* a concurrent transaction won; nothing was applied */
    PBASE_LOST = 12,     /* a lease, pin or connection ended under us */
    PBASE_TIMEOUT = 13,  /* the deadline passed */
    /* find out */
    PBASE_UNKNOWN = 20, /* may or may not have been applied: ask with the token */
    /* repair */
    PBASE_CORRUPT = 30, /* a checksum or an invariant of stored bytes does not hold */
    PBASE_FORMAT = 31,  /* not ours, or written by a newer version */
    /* ask */
    PBASE_NOT_FOUND = 40,
    PBASE_INVALID = 41, /* an argument or input is not acceptable */
    PBASE_CONFIG = 42,
    PBASE_UNSUPPORTED = 43,
    PBASE_LIMIT = 44, /* a limit of limits.h or of the configuration */
    PBASE_AUTH = 45,
    PBASE_PLUGIN = 46, /* a plugin is missing, foreign, or breaks its contract */
    PBASE_EXISTS = 47, /* the name is taken */
    /* stop */
    PBASE_FENCED = 50,
    PBASE_READ_ONLY = 51,
    PBASE_CANCELLED = 52,
    PBASE_TRIMMED = 53, /* the journal no longer keeps the position asked for */
    /* give up */
    PBASE_NO_MEMORY = 60,
    PBASE_NO_SPACE = 61,
    PBASE_IO = 62,
    PBASE_NETWORK = 63,
    PBASE_INTERNAL = 64 /* a bug of ours, found before it did harm */
};

/* What is known about the effect of a call that failed. */
enum {
    PBASE_OUTCOME_NOT_APPLIED = 0,
    PBASE_OUTCOME_APPLIED = 1,
    PBASE_OUTCOME_UNKNOWN = 2 /* `token` asks later; never retry blindly */
};

/* Names one append to a journal and the transactions in it, so that its outcome can be asked for. */
typedef struct {
    uint8_t bytes[16];
} pbase_token;

typedef struct pbase_error {
    pbase_status code;    /* PBASE_OK while nothing has failed */
    int32_t outcome;      /* PBASE_OUTCOME_* */
    int32_t system_errno; /* errno behind the failure, 0 if none */
    uint32_t line;        /* of `file` */
    const char *file;     /* source that reported it: static storage */
    const char *function; /* static storage */
    pbase_token token;    /* set when outcome is UNKNOWN */
    char where[128];      /* the user's place: "app.yaml:9:7", "line 3 column 14", or "" */
    char message[384];    /* UTF-8, outermost context first */
    char hint[192];       /* what to do next, or "" */
} pbase_error;

/* An error that reports nothing. */
PBASE_API void pbase_error_init(pbase_error *err);

/* Fills `err` (NULL is fine) and yields `code`, so that a failure is one expression:
 *     return PBASE_FAIL(err, PBASE_LIMIT, "key of %zu bytes; the limit is %u", size, MAX);
 * The outcome becomes NOT_APPLIED, or UNKNOWN when code is PBASE_UNKNOWN. A message too long is cut
 * at a character border, and bytes that are not UTF-8 become '?'. */
#define PBASE_FAIL(err, code, ...)                                                                 \
    pbase_error_set((err), (code), __FILE__, (uint32_t)__LINE__, __func__, __VA_ARGS__)
PBASE_API pbase_status pbase_error_set(pbase_error *err, pbase_status code, const char *file,
                                       uint32_t line, const char *function, const char *format, ...)
    PBASE_PRINTF(6, 7);
/* The same with the cause's errno: appends its text and chooses the code from it (ENOSPC, EDQUOT:
 * NO_SPACE; EACCES, EPERM: AUTH; ENOENT: NOT_FOUND; EEXIST: EXISTS; EROFS: READ_ONLY; ENOMEM:
 * NO_MEMORY; else IO). */
#define PBASE_FAIL_ERRNO(err, number, ...)                                                         \
    pbase_error_set_errno((err), (number), __FILE__, (uint32_t)__LINE__, __func__, __VA_ARGS__)
PBASE_API pbase_status pbase_error_set_errno(pbase_error *err, int number, const char *file,
                                             uint32_t line, const char *function,
                                             const char *format, ...) PBASE_PRINTF(6, 7);
/* Puts what the caller was doing before the message: "opening space 'x': <message>". The message
 * stays whole: what does not fit is cut from the context. */
PBASE_API void pbase_error_note(pbase_error *err, const char *format, ...) PBASE_PRINTF(2, 3);
/* Says what to do next; the last one given stands. */
PBASE_API void pbase_error_hint(pbase_error *err, const char *format, ...) PBASE_PRINTF(2, 3);
/* Names the place in the user's input: "file:line:column" or "line L column C". */
PBASE_API void pbase_error_where(pbase_error *err, const char *format, ...) PBASE_PRINTF(2, 3);

/* "NOT_FOUND" for PBASE_NOT_FOUND; "code 77" is never returned: unknown codes read "INTERNAL". */
PBASE_API const char *pbase_status_name(pbase_status code);

/* Stays in release builds. Only for what a bug of ours can break, never for input. */
#define PBASE_ASSERT(condition)                                                                    \
    ((condition) ? (void)0 : pbase_assert_failed(#condition, __FILE__, (uint32_t)__LINE__))
#ifdef PBASE_SLOW_CHECKS
#define PBASE_ASSERT_SLOW(condition) PBASE_ASSERT(condition)
#else
#define PBASE_ASSERT_SLOW(condition) ((void)(0 && (condition)))
#endif
/* Writes one line to standard error and aborts. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
PBASE_API void
pbase_assert_failed(const char *condition, const char *file, uint32_t line);

PBASE_END_DECLS
#endif
