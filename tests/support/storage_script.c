/* storage_script.c - the steps, and what must be true afterwards. */
#include "storage_script.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void storage_script_init(storage_script *script)
{
    memset(script, 0, sizeof *script);
}

static uint8_t byte_of(uint64_t seed, size_t i)
{
    return (uint8_t)((seed * 2654435761u + i * 40503u) >> 7);
}

/* `size` bytes that belong to `seed`; the caller frees them. */
static uint8_t *bytes_of(uint64_t seed, size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) {
        abort();
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = byte_of(seed, i);
    }
    return bytes;
}

static bool bytes_belong(const uint8_t *bytes, uint64_t seed, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte_of(seed, i)) {
            return false;
        }
    }
    return true;
}

/* ----------------------------------------------------------------------------------- steps --- */

typedef struct {
    storage_script *script;
    pbase_storage *storage;
    pbase_error err;
} run;

/* What is known of a step that answered `status`. */
static int state_of(run *r, pbase_status status)
{
    if (status == PBASE_OK) {
        return SCRIPT_DONE;
    }
    r->script->failed = true;
    return r->err.outcome == PBASE_OUTCOME_NOT_APPLIED ? SCRIPT_REFUSED : SCRIPT_MAYBE;
}

static uint64_t record_seed(size_t append, uint32_t index)
{
    return 1000 + append * 100 + index;
}

static void step_append(run *r, uint32_t count, size_t size, int32_t durability)
{
    storage_script *s = r->script;
    size_t number = s->append_count++;
    script_append *a = &s->appends[number];
    pbase_bytes records[8];
    pbase_journal_appended appended = {0};
    for (uint32_t i = 0; i < count; i++) {
        records[i] = pbase_bytes_of(bytes_of(record_seed(number, i), size), size);
    }
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = durability,
                                   .records = records,
                                   .record_count = count,
                                   .expected = PBASE_POSITION_ANY,
                                   .fence = UINT64_MAX};
    pbase_put_u64(append.token.bytes, number + 1);
    a->state = state_of(r, pbase_storage_append(r->storage, NULL, &append, &appended, &r->err));
    a->count = count;
    a->size_bytes = size;
    a->first = appended.first;
    a->atom_count = s->atom_count;
    a->durable = a->state == SCRIPT_DONE && durability == PBASE_DURABILITY_SYNC;
    for (uint32_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)records[i].data);
    }
}

static void step_sync(run *r)
{
    storage_script *s = r->script;
    pbase_journal_head head = {0};
    pbase_status status =
        pbase_storage_journal_head(r->storage, NULL, PBASE_HEAD_LATEST, &head, &r->err);
    if (status == PBASE_OK) {
        status = pbase_storage_sync(r->storage, NULL, head.head, PBASE_DURABILITY_SYNC, &r->err);
    }
    if (state_of(r, status) != SCRIPT_DONE) {
        return;
    }
    for (size_t i = 0; i < s->append_count; i++) {
        s->appends[i].durable = s->appends[i].state == SCRIPT_DONE;
    }
    for (size_t i = 0; i < s->atom_count; i++) {
        s->atoms[i].durable = s->atoms[i].pointer != PBASE_ATOM_NONE;
    }
}

static void step_atoms(run *r, const size_t *sizes, size_t count, uint32_t mode)
{
    storage_script *s = r->script;
    pbase_bytes atoms[8];
    pbase_atom_pointer pointers[8] = {0};
    for (size_t i = 0; i < count; i++) {
        atoms[i] = pbase_bytes_of(bytes_of(s->atom_count + i, sizes[i]), sizes[i]);
    }
    pbase_status status =
        pbase_storage_atoms_write(r->storage, NULL, atoms, count, mode, pointers, &r->err);
    for (size_t i = 0; i < count; i++) {
        script_atom *atom = &s->atoms[s->atom_count + i];
        free((void *)(uintptr_t)atoms[i].data);
        atom->pointer = status == PBASE_OK ? pointers[i] : PBASE_ATOM_NONE;
        atom->size_bytes = sizes[i];
        atom->durable = status == PBASE_OK && mode == PBASE_ATOMS_DURABLE;
    }
    s->atom_count += count;
    (void)state_of(r, status);
}

static void step_meta(run *r)
{
    storage_script *s = r->script;
    char text[32];
    snprintf(text, sizeof text, "meta %llu", (unsigned long long)s->meta_version + 1);
    if (s->meta_maybe) {
        return; /* nobody knows which version to expect */
    }
    int state = state_of(r, pbase_storage_meta_cas(r->storage, NULL, s->meta_version,
                                                   pbase_bytes_text(text), &r->err));
    s->meta_version += state == SCRIPT_DONE;
    s->meta_maybe = state == SCRIPT_MAYBE;
}

/* Trims up to append `upto`, with the anchor at append `anchor`. */
static void step_trim(run *r, size_t upto, size_t anchor)
{
    storage_script *s = r->script;
    if (s->appends[upto].state != SCRIPT_DONE || s->appends[anchor].state != SCRIPT_DONE) {
        return;
    }
    int state = state_of(r, pbase_storage_trim(r->storage, NULL, s->appends[upto].first,
                                               s->appends[anchor].first, &r->err));
    s->kept_maybe = upto;
    s->anchor_maybe = anchor + 1;
    if (state == SCRIPT_DONE || r->err.outcome == PBASE_OUTCOME_APPLIED) {
        s->kept = upto;
        s->anchor = anchor + 1;
        for (size_t i = 0; i <= anchor; i++) {
            s->appends[i].durable = s->appends[i].state == SCRIPT_DONE;
        }
    } else if (state == SCRIPT_REFUSED) {
        s->kept_maybe = s->kept;
        s->anchor_maybe = s->anchor;
    }
}

/* Retires the segment of atom `number`. */
static void step_retire(run *r, size_t number)
{
    storage_script *s = r->script;
    uint32_t log_id = pbase_atom_pointer_log(s->atoms[number].pointer);
    if (log_id == 0) {
        return;
    }
    int state = state_of(r, pbase_storage_segment_retire(r->storage, NULL, log_id, &r->err));
    for (size_t i = 0; i < s->atom_count; i++) {
        if (pbase_atom_pointer_log(s->atoms[i].pointer) == log_id) {
            s->atoms[i].retired = true;
            s->atoms[i].gone = s->atoms[i].gone || state == SCRIPT_DONE;
        }
    }
}

static void life_first(run *r)
{
    static const size_t some[] = {100, 5000, 20000};
    static const size_t more[] = {30000, 300};
    static const size_t last[] = {40000};
    step_meta(r);
    step_append(r, 1, 50, PBASE_DURABILITY_SYNC); /* 0 */
    step_append(r, 3, 700, PBASE_DURABILITY_SYNC);
    step_atoms(r, some, 3, PBASE_ATOMS_DURABLE);
    step_append(r, 1, 9000, PBASE_DURABILITY_NONE); /* 2 */
    step_atoms(r, more, 2, PBASE_ATOMS_WITH_APPEND);
    step_append(r, 1, 20, PBASE_DURABILITY_SYNC);
    step_atoms(r, last, 1, PBASE_ATOMS_DURABLE);  /* another segment */
    step_append(r, 2, 10, PBASE_DURABILITY_NONE); /* 4 */
    step_sync(r);
    step_trim(r, 1, 3);
    step_retire(r, 0);
    step_meta(r);
    step_append(r, 1, 600, PBASE_DURABILITY_SYNC); /* 5 */
    step_append(r, 1, 0, PBASE_DURABILITY_NONE);
}

static void life_second(run *r)
{
    static const size_t some[] = {3000};
    static const size_t stream[] = {30000, 9000, 30000};
    size_t base = r->script->append_count;
    step_append(r, 1, 500, PBASE_DURABILITY_NONE);
    step_atoms(r, some, 1, PBASE_ATOMS_WITH_APPEND);
    step_append(r, 1, 60, PBASE_DURABILITY_NONE);
    step_append(r, 1, 60, PBASE_DURABILITY_SYNC);
    step_atoms(r, some, 1, PBASE_ATOMS_WITH_APPEND);
    step_sync(r);
    step_append(r, 1, 40, PBASE_DURABILITY_NONE); /* base + 3 */
    step_trim(r, base, base + 3);
    step_meta(r);
    step_atoms(r, stream, 3, PBASE_ATOMS_STREAMED);
    step_append(r, 1, 33, PBASE_DURABILITY_SYNC);
}

void storage_script_run(storage_script *script, unsigned life, pbase_storage *storage)
{
    run r = {.script = script, .storage = storage};
    pbase_error_init(&r.err);
    (life == 0 ? life_first : life_second)(&r);
}

void storage_script_crashed(storage_script *script)
{
    for (size_t i = 0; i < script->append_count; i++) {
        if (script->appends[i].state == SCRIPT_REFUSED) {
            script->appends[i].state = SCRIPT_MAYBE;
        }
    }
    script->meta_maybe = true;
}

/* ----------------------------------------------------------------------------------- check --- */

static bool wrong(storage_script *s, const char *format, ...) PBASE_PRINTF(2, 3);
static bool wrong(storage_script *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->why, sizeof s->why, format, arguments);
    va_end(arguments);
    return false;
}

/* Which append and which record of it these bytes are; false: none of the script. */
static bool record_identify(const storage_script *s, const pbase_journal_record *record,
                            size_t *out_append)
{
    size_t number = (size_t)pbase_get_u64(record->token.bytes) - 1;
    if (number >= s->append_count) {
        return false;
    }
    const script_append *a = &s->appends[number];
    *out_append = number;
    return record->count == a->count && record->bytes.size == a->size_bytes &&
           bytes_belong(record->bytes.data, record_seed(number, record->index), a->size_bytes);
}

/* True when every append from `from` up to `to` may be missing. */
static bool may_be_missing(const storage_script *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (s->appends[i].state == SCRIPT_DONE) {
            return false;
        }
    }
    return from <= to;
}

/* One walk over all records. */
typedef struct {
    bool begun;
    size_t append;  /* expected next */
    uint32_t index; /* of the expected record in it */
} record_walk;

/* Checks one record and moves the expectation behind it. */
static bool walk_record(storage_script *s, record_walk *walk, const pbase_journal_record *record)
{
    size_t append = 0;
    if (!record_identify(s, record, &append) || s->appends[append].state == SCRIPT_REFUSED) {
        return wrong(s, "a record that nobody wrote at %llu", (unsigned long long)record->position);
    }
    if (!walk->begun && append == s->kept_maybe) {
        walk->append = append;
    }
    walk->begun = true;
    if (walk->index == 0 && may_be_missing(s, walk->append, append)) {
        walk->append = append;
    }
    if (append != walk->append || record->index != walk->index) {
        return wrong(s, "append %zu record %u found, append %zu record %u expected", append,
                     record->index, walk->append, walk->index);
    }
    walk->index = record->index + 1 == record->count ? 0 : record->index + 1;
    walk->append += walk->index == 0;
    return true;
}

/* Walks all records; `out_end` is the append after the last one found. */
static bool check_records(storage_script *s, pbase_storage *storage, size_t *out_end)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_error err;
    record_walk walk = {.append = s->kept};
    bool sound = true;
    pbase_error_init(&err);
    pbase_status status = pbase_storage_scan_open(storage, NULL, 0, &scan, &err);
    while (status == PBASE_OK && sound) {
        status = pbase_storage_scan_next(storage, NULL, scan, &record, &err);
        sound = status != PBASE_OK || walk_record(s, &walk, &record);
    }
    pbase_storage_scan_close(storage, scan);
    if (sound && status != PBASE_END) {
        return wrong(s, "scanning: %s: %s", pbase_status_name(status), err.message);
    }
    if (sound && walk.index != 0) {
        return wrong(s, "half of append %zu is there", walk.append);
    }
    *out_end = walk.begun ? walk.append : 0;
    return sound;
}

/* Nothing durable is missing at either end. */
static bool check_extent(storage_script *s, pbase_storage *storage, size_t end)
{
    pbase_journal_head head = {0};
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_storage_journal_head(storage, NULL, PBASE_HEAD_LATEST, &head, &err);
    if (status != PBASE_OK) {
        return wrong(s, "head: %s", err.message);
    }
    for (size_t i = end; i < s->append_count; i++) {
        if (s->appends[i].durable) {
            return wrong(s, "append %zu was durable and is missing (%zu found)", i, end);
        }
    }
    pbase_position kept = s->kept == 0 ? 0 : s->appends[s->kept].first;
    pbase_position maybe = s->kept_maybe == 0 ? 0 : s->appends[s->kept_maybe].first;
    if (s->kept != 0 && head.first != kept && head.first != maybe) {
        return wrong(s, "the journal begins at %llu", (unsigned long long)head.first);
    }
    pbase_position anchor = s->anchor == 0 ? 0 : s->appends[s->anchor - 1].first;
    maybe = s->anchor_maybe == 0 ? 0 : s->appends[s->anchor_maybe - 1].first;
    if (head.anchor != anchor && head.anchor != maybe) {
        return wrong(s, "the anchor is %llu", (unsigned long long)head.anchor);
    }
    return true;
}

/* True when atom `i` reads back as it was written. */
static bool atom_is_there(const storage_script *s, pbase_storage *storage, size_t i,
                          pbase_status *out_status)
{
    const script_atom *atom = &s->atoms[i];
    size_t read = 0;
    uint8_t *bytes = bytes_of(0, atom->size_bytes);
    *out_status = pbase_storage_atoms_read(storage, NULL, atom->pointer, bytes, atom->size_bytes,
                                           &read, NULL);
    bool same = *out_status == PBASE_OK && read == atom->size_bytes &&
                bytes_belong(bytes, i, atom->size_bytes);
    free(bytes);
    return same;
}

/* Every atom that was promised, by its write or by a record after it, is there; every one that was
 * retired is not. */
static bool check_atoms(storage_script *s, pbase_storage *storage, size_t end)
{
    size_t promised = end == 0 ? 0 : s->appends[end - 1].atom_count;
    for (size_t i = 0; i < s->atom_count; i++) {
        const script_atom *atom = &s->atoms[i];
        pbase_status status = PBASE_OK;
        if (atom->pointer == PBASE_ATOM_NONE || (!atom->durable && i >= promised)) {
            continue;
        }
        bool there = atom_is_there(s, storage, i, &status);
        if (!there && !atom->retired) {
            return wrong(s, "atom %zu is not what was written: %s", i, pbase_status_name(status));
        }
        if (atom->gone && status != PBASE_LOST && status != PBASE_NOT_FOUND) {
            return wrong(s, "atom %zu was retired and is there again: %s", i,
                         pbase_status_name(status));
        }
    }
    return true;
}

static bool check_meta(storage_script *s, pbase_storage *storage, const pbase_alloc *alloc)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    char text[32];
    pbase_error err;
    pbase_error_init(&err);
    pbase_arena_init(&arena, alloc);
    pbase_status status = pbase_storage_meta_get(storage, NULL, &arena, &document, &version, &err);
    snprintf(text, sizeof text, "meta %llu", (unsigned long long)version);
    bool known = version == s->meta_version || (s->meta_maybe && version == s->meta_version + 1);
    bool same = status == PBASE_OK && known &&
                pbase_bytes_equal(document, pbase_bytes_text(version == 0 ? "" : text));
    pbase_arena_fini(&arena);
    return same ||
           wrong(s, "the meta document has version %llu, %llu was promised: %s",
                 (unsigned long long)version, (unsigned long long)s->meta_version, err.message);
}

static pbase_status finding(void *state, pbase_status code, const char *place, const char *message,
                            pbase_error *err)
{
    (void)err;
    (void)wrong(state, "verify: %s: %s: %s", pbase_status_name(code), place, message);
    return PBASE_CORRUPT;
}

static bool check_verify(storage_script *s, pbase_storage *storage)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_storage_verify(storage, NULL, finding, s, &err);
    return status == PBASE_OK || s->why[0] != '\0' ||
           wrong(s, "verify could not look: %s", err.message);
}

/* What a check found is promised from now on: the work that follows makes it durable. */
static void promise(storage_script *s, size_t end)
{
    for (size_t i = s->kept; i < end; i++) {
        s->appends[i].durable = s->appends[i].state == SCRIPT_DONE;
    }
    for (size_t i = end; i < s->append_count; i++) { /* it never happened, and never will */
        s->appends[i].state = SCRIPT_REFUSED;
    }
}

/* New atoms go where none lies; new records are appended. */
static bool check_new_work(storage_script *s, pbase_storage *storage)
{
    static const size_t size[] = {70};
    run r = {.script = s, .storage = storage};
    pbase_error_init(&r.err);
    size_t fresh = s->atom_count;
    step_atoms(&r, size, 1, PBASE_ATOMS_DURABLE);
    step_append(&r, 1, 90, PBASE_DURABILITY_SYNC);
    if (!s->atoms[fresh].durable || !s->appends[s->append_count - 1].durable) {
        return wrong(s, "new work: %s", r.err.message);
    }
    for (size_t i = 0; i < fresh; i++) {
        if (s->atoms[i].pointer == s->atoms[fresh].pointer &&
            (s->atoms[i].durable || s->atoms[i].retired)) {
            return wrong(s, "the place of atom %zu was given out again", i);
        }
    }
    return true;
}

bool storage_script_check(storage_script *script, pbase_storage *storage, const pbase_alloc *alloc)
{
    size_t end = 0;
    script->why[0] = '\0';
    if (!check_records(script, storage, &end) || !check_extent(script, storage, end) ||
        !check_atoms(script, storage, end) || !check_meta(script, storage, alloc) ||
        !check_verify(script, storage) || script->why[0] != '\0') {
        return false;
    }
    promise(script, end);
    return check_new_work(script, storage);
}
