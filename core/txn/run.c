/* run.c - a transaction that is begun anew as long as it meets a conflict. */
#include "txn/turns.h"
#include "txn/txn_private.h"

#define RUN_PAUSE_FIRST_NS 20000u
#define RUN_PAUSE_MAX_NS 5000000u
#define RUN_TURN_WAIT_MS 1000u
#define RUN_PRESS_AFTER 4u /* attempts that the first of the line loses to newcomers */

static pbase_status run_once(pbase_database *database, const pbase_txn_options *options,
                             const pbase_call *call, pbase_txn_body body, void *state,
                             pbase_error *err)
{
    pbase_txn *txn = NULL;
    pbase_status status = pbase_txn_begin(database, options, &txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = body(txn, state, err);
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, call, NULL, err);
}

/* A pause of up to twice the last one, at random, so that two losers do not meet again. */
static void pause_before_retry(const pbase_os *os, uint64_t *pause_ns)
{
    uint64_t random = 0;
    os->system->random(os, &random, sizeof random);
    os->system->sleep_ns(os, random % *pause_ns + 1);
    *pause_ns = *pause_ns * 2 > RUN_PAUSE_MAX_NS ? RUN_PAUSE_MAX_NS : *pause_ns * 2;
}

/* Runs again and again, from a place in the line of those who lost. One that only began while the
 * line was pressed has its first attempt here: one of its retries. */
static pbase_status run_in_turn(pbase_database *database, const pbase_txn_options *options,
                                const pbase_call *call, pbase_txn_body body, void *state,
                                pbase_error *err)
{
    const pbase_os *os = engine_host(database->engine)->os;
    turns *line = engine_turns(database->engine);
    uint32_t retries =
        options == NULL || options->retries_max == 0 ? PBASE_TXN_RETRIES : options->retries_max;
    uint64_t pause_ns = RUN_PAUSE_FIRST_NS;
    uint32_t lost = 0; /* as the first of the line */
    pbase_status status = PBASE_CONFLICT;
    turn place;
    turns_enter(line, &place);
    while (status == PBASE_CONFLICT && retries-- > 0) {
        if (!turns_wait(line, &place, RUN_TURN_WAIT_MS, call)) {
            pause_before_retry(os, &pause_ns);
        } else if (lost++ == RUN_PRESS_AFTER) {
            turns_press(line, &place);
        }
        pbase_status over = pbase_call_check(call, os, err);
        status = over == PBASE_OK ? run_once(database, options, call, body, state, err) : over;
    }
    turns_leave(line, &place);
    return status;
}

pbase_status pbase_txn_run(pbase_database *database, const pbase_txn_options *options,
                           const pbase_call *call, pbase_txn_body body, void *state,
                           pbase_error *err)
{
    pbase_status status = PBASE_CONFLICT;
    if (!turns_pressed(engine_turns(database->engine))) {
        status = run_once(database, options, call, body, state, err);
    }
    return status == PBASE_CONFLICT ? run_in_turn(database, options, call, body, state, err)
                                    : status;
}
