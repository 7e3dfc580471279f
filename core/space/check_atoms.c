/* check_atoms.c - following references from what is kept to the places a scan found sound or not. */
#include "space/check_atoms.h"

#include "collection/kind.h"
#include "space/place.h"
#include "txn/history.h"
#include "txn/replay.h"

#include <inttypes.h>
#include <stdio.h>

#define WHERE_BYTES 1400u
#define MESSAGE_BYTES 700u

/* ------------------------------------------------------------------------ one damaged atom ---- */

static void place_write(const check_atoms *self, const tree_walk_atom *atom, char out[WHERE_BYTES])
{
    char within[PLACE_TEXT_BYTES], entries[PLACE_TEXT_BYTES];
    atom_source *atoms = store_atoms(self->space->bytes);
    int size = (int)self->database.size;
    if (self->database.data == NULL) {
        (void)snprintf(out, WHERE_BYTES, "the list of databases%s", self->when);
        return;
    }
    if (self->kind == 0) {
        (void)snprintf(out, WHERE_BYTES, "database '%.*s'%s, the table of its collections", size,
                       (const char *)self->database.data, self->when);
        return;
    }
    place_of_collection(atoms, self->collections, self->id, self->kind, within);
    place_of_entries(self->kind, atom, entries);
    (void)snprintf(out, WHERE_BYTES, "database '%.*s'%s, %s, %s", size,
                   (const char *)self->database.data, self->when, within, entries);
}

/* Damage told once for each atom. */
static pbase_status hear_damage(void *state, const tree_walk_atom *atom, pbase_status code,
                                const char *why, pbase_error *err)
{
    check_atoms *self = state;
    char place[WHERE_BYTES], message[MESSAGE_BYTES], behind[64] = "";
    bool first = false;
    pbase_status status = segment_scan_reach(&self->scan, atom_ref_pointer(atom->ref), &first, err);
    if (status != PBASE_OK || !first) {
        return status;
    }
    self->report->damaged_atoms++;
    self->report->lost_entries += atom->count;
    self->has_damaged_inner =
        self->has_damaged_inner || atom->level > 0 || (atom->type == ATOM_NODE && atom->count == 0);
    if (atom->count > 1 || atom->type == ATOM_NODE) {
        (void)snprintf(behind, sizeof behind,
                       atom->count > 0 ? "; %" PRIu64 " entries behind it"
                                       : "; it is the root of a tree",
                       atom->count);
    }
    place_write(self, atom, place);
    (void)snprintf(message, sizeof message, "atom at segment %" PRIu32 " byte %" PRIu64 ": %s%s",
                   pbase_atom_pointer_log(atom_ref_pointer(atom->ref)),
                   pbase_atom_pointer_offset(atom_ref_pointer(atom->ref)), why, behind);
    return self->tell(self->tell_state, code, place, message, err);
}

/* ------------------------------------------------------------------------------- following ---- */

static pbase_status visit(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    check_atoms *self = state;
    bool first = true;
    pbase_status status = pbase_call_check(self->call, self->space->host->os, err);
    if (status == PBASE_OK && atom_ref_is_stored(atom->ref)) {
        status = segment_scan_sound(&self->scan, atom_ref_pointer(atom->ref), err);
        if (status == PBASE_OK) {
            status = segment_scan_reach(&self->scan, atom_ref_pointer(atom->ref), &first, err);
        }
    }
    return status == PBASE_OK && !first ? PBASE_END : status;
}

static pbase_status follow(check_atoms *self, atom_ref root, bool positional,
                           pbase_status (*enter)(void *, const encoded_key *, const tree_value *,
                                                 pbase_error *),
                           pbase_error *err)
{
    /* Leaves are read only where nobody has read them before: a storage without segments to read. */
    const tree_visitor visitor = {.state = self,
                                  .atom = visit,
                                  .enter = enter,
                                  .damaged = hear_damage,
                                  .inner_only = !self->scan.is_blind};
    return tree_walk(store_atoms(self->space->bytes), root, positional, &visitor, err);
}

static uint64_t big_endian(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

/* An entry of the table of collections: the tree behind it. */
static pbase_status enter_collection(void *state, const encoded_key *key, const tree_value *value,
                                     pbase_error *err)
{
    check_atoms *self = state;
    pbase_status status = PBASE_OK;
    if (key->bytes.size == 16 && value->bytes.size > 0) {
        self->id =
            (pbase_collection_id){big_endian(key->bytes.data), big_endian(key->bytes.data + 8)};
        self->kind = value->bytes.data[0];
        status = follow(self, value->root, tree_kind_positional(value->tree_kind), NULL, err);
        self->kind = 0;
    }
    return status == PBASE_OK ? PBASE_END : status;
}

/* An entry of the catalog: the table behind it. */
static pbase_status enter_database(void *state, const encoded_key *key, const tree_value *value,
                                   pbase_error *err)
{
    check_atoms *self = state;
    pbase_reader_bytes reader = pbase_reader_bytes_of(value->bytes);
    (void)key;
    if (!pbase_read_sized(&reader, &self->database)) {
        self->database = pbase_bytes_text("?");
    }
    self->collections = value->root;
    pbase_status status = follow(self, value->root, false, enter_collection, err);
    self->database = pbase_bytes_of(NULL, 0);
    return status == PBASE_OK ? PBASE_END : status;
}

static pbase_status follow_state(check_atoms *self, const space_state *state, pbase_error *err)
{
    return state->catalog == ATOM_REF_NONE
               ? PBASE_OK
               : follow(self, state->catalog, false, enter_database, err);
}

/* --------------------------------------------------------------------------------- the past --- */

/* The kept checkpoint at or before `sequence`, as a state, which holds its atoms from then on.
 * `*out_is_later`: it was made since the segments were listed. */
static pbase_status past_state(const check_atoms *self, uint64_t sequence, space_state **out,
                               bool *out_is_later, pbase_error *err)
{
    engine_pin pin = {.is_set = false};
    retained_checkpoint checkpoint;
    engine *of = self->space->engine;
    pbase_status status = history_pin(of, sequence, &pin, &checkpoint, err);
    if (status == PBASE_OK) {
        status = history_checkpoint_state(of, &checkpoint, out, err);
        *out_is_later = checkpoint.replay > self->listed_replay;
    }
    history_unpin(of, &pin);
    return status;
}

/* What a later checkpoint wrote is not in the list. */
static pbase_status note_newest_checkpoint(check_atoms *self, pbase_error *err)
{
    engine_pin pin = {.is_set = false};
    retained_checkpoint checkpoint = {.replay = 0};
    engine *of = self->space->engine;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = history_pin(of, self->newest->sequence, &pin, &checkpoint, &why);
    history_unpin(of, &pin);
    self->listed_replay = checkpoint.replay;
    if (status != PBASE_OK && status != PBASE_NOT_FOUND && err != NULL) {
        *err = why;
    }
    return status == PBASE_NOT_FOUND ? PBASE_OK : status;
}

static pbase_status follow_past(check_atoms *self, pbase_error *err)
{
    char when[64];
    uint64_t sequence = self->newest->sequence;
    pbase_status status = PBASE_OK;
    for (bool more = true; status == PBASE_OK && more;) {
        space_state *state = NULL;
        bool is_later = false;
        pbase_error why;
        pbase_error_init(&why);
        status = past_state(self, sequence, &state, &is_later, &why);
        if (status == PBASE_NOT_FOUND) { /* none is older */
            return PBASE_OK;
        }
        if (status != PBASE_OK) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
        (void)snprintf(when, sizeof when, " as of commit %" PRIu64 " (kept past only)",
                       state->sequence);
        self->when = when;
        status = is_later ? PBASE_OK : follow_state(self, state, err);
        more = state->sequence > 0;
        sequence = state->sequence - 1;
        space_state_unref(state);
    }
    self->when = "";
    return status;
}

/* -------------------------------------------------------------------------- what is adopted --- */

static pbase_status follow_adopted(void *state, uint64_t database, const delta_group *group,
                                   const adopted_content *content, pbase_error *err)
{
    check_atoms *self = state;
    char name[64];
    (void)snprintf(name, sizeof name, "number %" PRIu64, database);
    self->database = pbase_bytes_text(name);
    self->collections = ATOM_REF_NONE;
    self->id = group->id;
    self->kind = group->kind;
    pbase_status status = follow(self, atom_ref_of_pointer(content->root),
                                 tree_kind_positional(group->kind), NULL, err);
    self->kind = 0;
    self->database = pbase_bytes_of(NULL, 0);
    return status;
}

static pbase_status follow_journal(check_atoms *self, pbase_error *err)
{
    record_scan scan;
    replay_record record;
    pbase_error why;
    pbase_error_init(&why);
    record_scan_init(&scan, self->space->bytes, engine_storage(self->space->engine));
    pbase_status status = record_scan_open(&scan, self->call, 0, &why);
    self->when = " (adopted by a kept record)";
    while (status == PBASE_OK) {
        status = record_scan_next(&scan, self->call, &record, &why);
        if (status == PBASE_OK && record.head.sequence <= self->newest->sequence) {
            status = record_adopted_each(&record, follow_adopted, self, &why); /* else too late */
        }
    }
    self->when = "";
    record_scan_close(&scan);
    if (status == PBASE_END || status == PBASE_TRIMMED || status == PBASE_CORRUPT ||
        status == PBASE_FORMAT || status == PBASE_INVALID) {
        return PBASE_OK; /* damage of the journal itself is the storage's to tell */
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

/* ------------------------------------------------------------------------ what nobody needs --- */

static pbase_status tell_unused(check_atoms *self, const scanned_segment *segment,
                                const segment_damage *damage, pbase_error *err)
{
    char place[96];
    bool is_given_back = false;
    if (segment_scan_is_reached(segment, damage->from, damage->to)) {
        return PBASE_OK; /* told with what it serves */
    }
    pbase_status status =
        segment_scan_given_back(&self->scan, segment->log_id, damage, &is_given_back, err);
    if (status != PBASE_OK || is_given_back) {
        return status;
    }
    self->report->unused_damages++;
    (void)snprintf(place, sizeof place, "segment %" PRIu32 ", bytes %" PRIu64 " to %" PRIu64,
                   segment->log_id, damage->from, damage->to - 1);
    return self->tell(self->tell_state, PBASE_CORRUPT, place,
                      damage->is_gap ? "not zeros between two atoms; no atom is touched"
                      : self->has_damaged_inner
                          ? "damaged; nothing that can still be followed leads there"
                          : "damaged; nobody needs it",
                      err);
}

/* Of a segment that a crash left, or that another process writes to, nobody knows how much of what no
 * reference leads to should be there. */
static pbase_status tell_all_unused(check_atoms *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->scan.count && status == PBASE_OK; i++) {
        const scanned_segment *segment = &self->scan.items[i];
        if (segment->is_gone || (segment->sealed & PBASE_SEGMENT_LOOSE) != 0) {
            continue;
        }
        for (size_t j = 0; j < segment->damage_count && status == PBASE_OK; j++) {
            status = tell_unused(self, segment, &segment->damages[j], err);
        }
    }
    return status;
}

/* ------------------------------------------------------------------------------- all of it ---- */

pbase_status check_atoms_run(check_atoms *self, pbase_error *err)
{
    const segment_scan_options options = {
        .call = self->call, .progress = self->options->progress, .state = self->options->state};
    self->when = "";
    pbase_status status = note_newest_checkpoint(self, err);
    if (status == PBASE_OK) {
        status = segment_scan_list(&self->scan, self->call, err);
    }
    if (status == PBASE_OK) {
        status = segment_scan_run(&self->scan, &options, err);
    }
    self->report->atoms = self->scan.atoms;
    self->report->bytes = self->scan.bytes;
    if (status == PBASE_OK) {
        status = follow_state(self, self->newest, err);
    }
    if (status == PBASE_OK) {
        status = follow_journal(self, err);
    }
    if (status == PBASE_OK) {
        status = follow_past(self, err);
    }
    return status == PBASE_OK ? tell_all_unused(self, err) : status;
}
