/* A journal used by many threads at once: appenders, a flusher, a trimmer, readers and a waiter. */
#include "journal_bed.h"
#include "os/os.h"

#define APPENDERS 3
#define APPENDS 4000u

typedef struct {
    bed on;
    _Atomic uint64_t next_number;
    _Atomic bool is_over;
    _Atomic uint64_t faults;
    _Atomic uint64_t records_seen;
} arena;

static void fault(arena *all)
{
    all->faults++;
}

static void append_many(void *state)
{
    arena *all = state;
    for (uint32_t i = 0; i < APPENDS; i++) {
        uint64_t number = all->next_number++;
        pbase_journal_appended done = {0, 0};
        pbase_status status = bed_append(
            &all->on, number, 1 + number % 3, 50 + number % 700,
            number % 4 == 0 ? PBASE_DURABILITY_SYNC : PBASE_DURABILITY_ASYNC, &done, NULL);
        if (status != PBASE_OK || done.first >= done.end) {
            fault(all);
        }
    }
}

static void flush_often(void *state)
{
    arena *all = state;
    while (!all->is_over) {
        pbase_journal_head head = {0, 0, 0, 0};
        journal_head(all->on.journal, &head);
        if (head.synced > head.head || head.first > head.head ||
            journal_sync(all->on.journal, NULL, head.head, NULL) != PBASE_OK ||
            journal_prepare(all->on.journal, NULL, NULL) != PBASE_OK) {
            fault(all);
        }
        pbase_os_real()->thread->yield(pbase_os_real());
    }
}

/* Reads from the oldest kept record to the head, again and again. */
static void read_often(void *state)
{
    arena *all = state;
    do {
        pbase_journal_scan *scan = NULL;
        pbase_journal_record record = {0};
        pbase_position last = 0;
        pbase_status status = journal_scan_open(all->on.journal, NULL, 0, &scan, NULL);
        while (status == PBASE_OK) {
            status = journal_scan_next(scan, NULL, &record, NULL);
            if (status == PBASE_OK) {
                all->records_seen++;
                if (record.position <= last || !bed_record_is_right(&record)) {
                    fault(all);
                }
                last = record.position;
            }
        }
        journal_scan_close(scan);
        if (status != PBASE_END && status != PBASE_TRIMMED) {
            fault(all);
        }
    } while (!all->is_over);
}

/* More than what one trim forgets, however its records are padded: something is left to read at the end. */
#define KEPT_BYTES 262144u
#define TRIMMED_RECORDS 40

/* Forgets the oldest records while there are many, at places a reader has found. */
static void trim_often(void *state)
{
    arena *all = state;
    while (!all->is_over) {
        pbase_journal_scan *scan = NULL;
        pbase_journal_record record = {0};
        pbase_position upto = 0;
        pbase_journal_head head = {0, 0, 0, 0};
        journal_head(all->on.journal, &head);
        pbase_os_real()->thread->yield(pbase_os_real());
        if (head.head - head.first < KEPT_BYTES) {
            continue;
        }
        pbase_status status = journal_scan_open(all->on.journal, NULL, 0, &scan, NULL);
        for (int i = 0; status == PBASE_OK && i < TRIMMED_RECORDS; i++) {
            status = journal_scan_next(scan, NULL, &record, NULL);
            upto = status == PBASE_OK ? record.position : upto;
        }
        journal_scan_close(scan);
        if (journal_trim(all->on.journal, NULL, upto, NULL) != PBASE_OK) {
            fault(all);
        }
    }
}

static void wait_often(void *state)
{
    arena *all = state;
    pbase_position seen = 0;
    while (!all->is_over) {
        const pbase_os *os = all->on.host.os;
        pbase_call call = {.deadline_ns = pbase_os_deadline(os, 10)};
        pbase_journal_head head = {0, 0, 0, 0};
        pbase_status status = journal_wait(all->on.journal, &call, seen, NULL);
        journal_head(all->on.journal, &head);
        if (status == PBASE_OK ? head.head <= seen : status != PBASE_TIMEOUT) {
            fault(all);
        }
        seen = head.head;
    }
}

static void threads_of_every_kind_get_along(void **state)
{
    static void (*const others[])(void *) = {flush_often, trim_often, wait_often, read_often,
                                             read_often};
    enum { OTHERS = sizeof(others) / sizeof(others[0]) };
    const pbase_os *os = pbase_os_real();
    pbase_os_thread *threads[APPENDERS + OTHERS];
    arena all = {0};
    (void)state;
    sim_os *sim = sim_os_create(1);
    bed_init(&all.on, sim);
    assert_int_equal(bed_open(&all.on, NULL), PBASE_OK);

    for (int i = 0; i < APPENDERS + OTHERS; i++) {
        void (*run)(void *) = i < APPENDERS ? append_many : others[i - APPENDERS];
        assert_int_equal(os->thread->start(os, "journal-test", run, &all, &threads[i], NULL),
                         PBASE_OK);
    }
    for (int i = 0; i < APPENDERS; i++) {
        os->thread->join(threads[i]);
    }
    all.is_over = true;
    for (int i = APPENDERS; i < APPENDERS + OTHERS; i++) {
        os->thread->join(threads[i]);
    }

    read_often(&all); /* once, as it is over */

    journal_stats stats;
    journal_stats_get(all.on.journal, &stats);
    assert_int_equal(all.faults, 0);
    assert_int_equal(stats.append_count, APPENDERS * APPENDS);
    assert_true(all.records_seen > 0);
    bed_close(&all.on);
    sim_os_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_of_every_kind_get_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
