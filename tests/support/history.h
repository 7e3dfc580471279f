/* history.h - what clients did to lists and saw in them, and the anomalies in it.
 *
 * Transactions append numbers, each used once, to lists by key, and read whole lists. Because a list
 * keeps the order of its appends, reads reveal the order of versions, and with it every dependency:
 *   ww  one appended right behind the other     wr  one read what the other appended last
 *   rw  one read the list before the other appended to it
 * A cycle of them is an anomaly; which one, its edges say. With real time (began and ended, of one
 * clock) a cycle through "ended before the other began" is a breach of strictness.
 * Source: P. Alvaro and K. Kingsbury, "Elle: Inferring Isolation Anomalies from Experimental
 * Observations", VLDB 2020, sections 3-6; anomalies of A. Adya, "Weak Consistency", 1999.
 *
 * Memory is the C library's; a lack of it ends the test program. Threads: confined. */
#ifndef PBASE_TEST_HISTORY_H
#define PBASE_TEST_HISTORY_H
#include <stddef.h>
#include <stdint.h>

typedef enum {
    HISTORY_COMMITTED,
    HISTORY_FAILED, /* it never happened */
    HISTORY_UNKNOWN /* it may have: counts as committed once somebody saw it */
} history_outcome;

typedef struct history history;
history *history_create(void);
void history_destroy(history *self); /* NULL is fine */
/* A new transaction, by its number. */
size_t history_begin(history *self, uint32_t client, uint64_t began_ns);
void history_append(history *self, size_t txn, uint32_t key, int64_t value);
void history_read(history *self, size_t txn, uint32_t key, const int64_t *values, size_t count);
void history_end(history *self, size_t txn, history_outcome outcome, uint64_t ended_ns);
size_t history_count(const history *self);

typedef enum {
    ANOMALY_INTERNAL,     /* a transaction does not see its own appends, or sees a list change */
    ANOMALY_DUPLICATE,    /* a list holds a value twice, or one that nobody appended */
    ANOMALY_ORDER,        /* two reads of a list are not prefixes of one another */
    ANOMALY_ABORTED,      /* G1a: a value of a transaction that failed */
    ANOMALY_INTERMEDIATE, /* G1b: not the last state of the transaction that made it */
    ANOMALY_LOST,         /* a committed append is in no final read */
    ANOMALY_WRITE_CYCLE,  /* G0: a cycle of ww */
    ANOMALY_CYCLE,        /* G1c: of ww and wr */
    ANOMALY_SINGLE,       /* G-single: with one rw: read skew, lost update */
    ANOMALY_SKEW,         /* G2: with several rw: write skew */
    ANOMALY_STALE,      /* a cycle that real time closes, with at most one rw: a read of the past */
    ANOMALY_STALE_SKEW, /* one with several rw */
    ANOMALY_KINDS
} anomaly;
const char *anomaly_name(anomaly kind);

typedef struct {
    size_t counts[ANOMALY_KINDS];
    char example[ANOMALY_KINDS][256]; /* the first of each, in words */
} history_verdict;
/* `final`: the transaction that read every list at the end, after all others; SIZE_MAX: none did,
 * and nothing counts as lost. Linear but for the cycles it finds. */
void history_check(const history *self, size_t final, history_verdict *out);
size_t history_verdict_total(const history_verdict *verdict);

#endif
