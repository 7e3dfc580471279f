/* past.c - snapshots of moments that are over. */
#include "space/snapshot.h"
#include "txn/history.h"

#include <inttypes.h>
#include <protobase/history.h>

/* Digits alone are a sequence. */
static bool parse_sequence(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return at != text && *at == '\0';
}

pbase_status pbase_moment_parse(const char *text, pbase_moment *out, pbase_error *err)
{
    uint64_t sequence = 0;
    int64_t time_ns = 0;
    if (parse_sequence(text, &sequence)) {
        *out = pbase_moment_of_sequence(sequence);
        return PBASE_OK;
    }
    if (pbase_time_parse(pbase_bytes_text(text), &time_ns, NULL) != PBASE_OK) {
        pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "'%s' is no moment", text);
        pbase_error_hint(err, "give the sequence of a commit, or a time: 2026-06-01T12:00:00Z");
        return status;
    }
    *out = pbase_moment_of_time(time_ns);
    return PBASE_OK;
}

/* The state at a moment, with one count. */
static pbase_status state_at(pbase_space *space, const pbase_moment *at, const pbase_call *call,
                             space_state **out, pbase_error *err)
{
    uint64_t sequence = at->sequence;
    pbase_status status = space_refresh(space, err);
    if (status == PBASE_OK && at->is_time != 0) {
        status = history_sequence_at(space->engine, call, at->time_ns, &sequence, err);
    }
    return status == PBASE_OK ? history_state_at(space->engine, call, sequence, out, err) : status;
}

static pbase_status snapshot_at(pbase_space *space, const pbase_moment *at, const pbase_call *call,
                                pbase_snapshot **out, pbase_error *err)
{
    space_state *state = NULL;
    pbase_status status = state_at(space, at, call, &state, err);
    return status == PBASE_OK ? snapshot_create(space, state, out, err) : status;
}

static pbase_status not_yet(const char *name, const space_state *state, uint64_t made,
                            pbase_error *err)
{
    pbase_status status =
        PBASE_FAIL(err, PBASE_NOT_FOUND, "database '%s' did not exist at commit %" PRIu64, name,
                   state->sequence);
    if (made > state->sequence) {
        pbase_error_hint(err, "commit %" PRIu64 " made it", made);
    }
    return status;
}

pbase_status pbase_snapshot_open_at(pbase_database *database, const pbase_moment *at,
                                    const pbase_call *call, pbase_snapshot **out, pbase_error *err)
{
    pbase_snapshot *self = NULL;
    atom_ref collections = ATOM_REF_NONE;
    bool called = false; /* it may have had another name */
    pbase_bytes name = pbase_bytes_of(database->name, database->name_size);
    pbase_status status = snapshot_at(database->space, at, call, &self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status =
        catalog_database_called(self->place.state, database->id, name, &collections, &called, err);
    if (status == PBASE_NOT_FOUND) {
        status = not_yet(database->name, self->place.state, database->id, err);
    }
    if (status != PBASE_OK) {
        pbase_snapshot_close(self);
        return status;
    }
    snapshot_see(self, collections);
    *out = self;
    return PBASE_OK;
}

pbase_status pbase_snapshot_open_named(pbase_space *space, const char *name, const pbase_moment *at,
                                       const pbase_call *call, pbase_snapshot **out,
                                       pbase_error *err)
{
    pbase_snapshot *self = NULL;
    catalog_entry entry;
    pbase_status status = snapshot_at(space, at, call, &self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = catalog_database_find(self->place.state, pbase_bytes_text(name), &entry, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "as of commit %" PRIu64, self->place.state->sequence);
        pbase_snapshot_close(self);
        return status;
    }
    snapshot_see(self, entry.collections);
    *out = self;
    return PBASE_OK;
}
