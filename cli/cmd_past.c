/* cmd_past.c - history, watch, and snapshots of moments that are over. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

pbase_status cli_open_snapshot(cli *self, const char *as_of, pbase_snapshot **out, pbase_error *err)
{
    pbase_moment at;
    if (as_of == NULL) {
        pbase_status status = cli_open_database(self, err);
        return status == PBASE_OK ? pbase_snapshot_open(self->database, out, err) : status;
    }
    if (pbase_moment_parse(as_of, &at, NULL) != PBASE_OK) {
        return cli_usage(err,
                         "--as-of is the sequence of a commit or a time such as "
                         "2026-06-01T12:00:00Z, not '%s'",
                         as_of);
    }
    self->must_exist = true;
    pbase_status status = cli_open_space(self, err);
    return status == PBASE_OK ? pbase_snapshot_open_named(self->space, self->database_name, &at,
                                                          &self->call, out, err)
                              : status;
}

/* ------------------------------------------------------------------------------------ history -- */

static const char *const commit_kinds[] = {"transaction", "create",   "drop",
                                           "rename",      "snapshot", "branch"};

static pbase_status print_commit(void *state, const pbase_commit_info *commit, pbase_error *err)
{
    cli *self = state;
    char time[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(commit->time_ns, time);
    if (!self->json) {
        return cli_print(err, "%10" PRIu64 "  %-30s  %-11s  %8" PRIu64 "  %10" PRIu64 "  %s%s%s\n",
                         commit->sequence, time, commit_kinds[commit->kind], commit->operations,
                         commit->bytes, commit->database, commit->origin[0] == '\0' ? "" : " of ",
                         commit->origin);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("sequence"), pbase_value_int((int64_t)commit->sequence)},
        {pbase_bytes_text("time"), pbase_value_text(time)},
        {pbase_bytes_text("kind"), pbase_value_text(commit_kinds[commit->kind])},
        {pbase_bytes_text("database"), pbase_value_text(commit->database)},
        {pbase_bytes_text("origin"),
         commit->origin[0] == '\0' ? pbase_value_null() : pbase_value_text(commit->origin)},
        {pbase_bytes_text("operations"), pbase_value_int((int64_t)commit->operations)},
        {pbase_bytes_text("bytes"), pbase_value_int((int64_t)commit->bytes)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

static pbase_status print_range(cli *self, pbase_error *err)
{
    pbase_history_range range;
    pbase_status status = pbase_history_describe(self->space, &range, err);
    return status == PBASE_OK
               ? cli_print(err,
                           "commits %" PRIu64 " to %" PRIu64 " can be read; %" PRIu64
                           " checkpoints and %" PRIu64 " bytes of journal are kept\n",
                           range.oldest_sequence, range.newest_sequence, range.checkpoints,
                           range.journal_bytes)
               : status;
}

/* The value of an option that is a sequence. */
static pbase_status sequence_of(const char *option, const char *text, uint64_t *out,
                                pbase_error *err)
{
    pbase_moment at;
    if (text == NULL) {
        return PBASE_OK;
    }
    if (pbase_moment_parse(text, &at, NULL) != PBASE_OK || at.is_time != 0) {
        return cli_usage(err, "%s is the sequence of a commit, not '%s'", option, text);
    }
    *out = at.sequence;
    return PBASE_OK;
}

CLI_COMMAND(cmd_history)
{
    uint64_t from = 0, to = UINT64_MAX;
    pbase_status status = sequence_of("--from", arguments->values[HISTORY_FROM], &from, err);
    if (status == PBASE_OK) {
        status = sequence_of("--to", arguments->values[HISTORY_TO], &to, err);
    }
    self->must_exist = true;
    if (status == PBASE_OK) {
        status = cli_open_space(self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_history(self->space, from, to, &self->call, print_commit, self, err);
    }
    return status == PBASE_OK && !self->json ? print_range(self, err) : status;
}

/* -------------------------------------------------------------------------------------- watch -- */

#define EVENT_FIELDS_MAX 20u

typedef struct {
    pbase_field items[EVENT_FIELDS_MAX];
    size_t count;
} event_fields;

static void add_field(event_fields *fields, const char *name, pbase_value value)
{
    fields->items[fields->count++] = (pbase_field){pbase_bytes_text(name), value};
}

static void add_text(event_fields *fields, const char *name, const char *text)
{
    if (text[0] != '\0') {
        add_field(fields, name, pbase_value_text(text));
    }
}

static bool has_index(const pbase_change *event)
{
    return event->change == PBASE_CHANGE_SET || event->change == PBASE_CHANGE_INSERTED ||
           event->change == PBASE_CHANGE_REMOVED_AT || event->change == PBASE_CHANGE_REMOVED_RANGE;
}

/* Adds what the watch could say of the event; NOT_FOUND: it has no such thing. */
static pbase_status add_told(event_fields *fields, const char *name, pbase_status told,
                             const pbase_value *value)
{
    if (told == PBASE_OK) {
        add_field(fields, name, *value);
    }
    return told == PBASE_NOT_FOUND ? PBASE_OK : told;
}

/* Where it happened in the database: the way down to it, and of objects their class. */
static pbase_status add_way(event_fields *fields, pbase_watch *watch, const pbase_change *event,
                            pbase_arena *arena, pbase_error *err)
{
    pbase_value told = pbase_value_null();
    pbase_status status = PBASE_OK;
    bool nests = event->place == PBASE_IN_NESTED;
    if (event->place != PBASE_IN_OBJECTS && !nests) {
        return PBASE_OK;
    }
    add_field(fields, "in", pbase_value_text(nests ? "nested" : "objects"));
    if (nests) {
        status = pbase_watch_path(watch, arena, &told, err);
        status = add_told(fields, "path", status, &told);
    }
    if (status == PBASE_OK && event->root[0] == '\0') {
        status = pbase_watch_class(watch, arena, &told, err);
        status = add_told(fields, "class", status, &told);
    }
    return status;
}

/* What one change is about. */
static pbase_status add_place(event_fields *fields, pbase_watch *watch, const pbase_change *event,
                              pbase_arena *arena, pbase_error *err)
{
    add_field(fields, "database", pbase_value_text(event->database));
    add_text(fields, "origin", event->origin);
    add_text(fields, "root", event->root);
    pbase_status status = add_way(fields, watch, event, arena, err);
    add_field(fields, "change", pbase_value_text(pbase_change_name(event->change)));
    return status;
}

/* The collections in the value: of each its kind, and whether it begins empty. */
static pbase_status add_children(event_fields *fields, pbase_watch *watch,
                                 const pbase_change *event, pbase_arena *arena, pbase_error *err)
{
    if (event->children == 0) {
        return PBASE_OK;
    }
    pbase_value *items = pbase_arena_array(arena, event->children, sizeof *items);
    pbase_field *parts = pbase_arena_array(arena, event->children, 2 * sizeof *parts);
    pbase_status status = PBASE_OK;
    if (items == NULL || parts == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to print a change");
    }
    for (uint32_t n = 0; n < event->children && status == PBASE_OK; n++) {
        pbase_change_child child;
        status = pbase_watch_child(watch, n, &child, err);
        if (status == PBASE_OK) {
            pbase_field *part = &parts[2 * (size_t)n];
            part[0] = (pbase_field){pbase_bytes_text("kind"),
                                    pbase_value_text(pbase_collection_kind_name((int)child.kind))};
            part[1] = (pbase_field){pbase_bytes_text("new"), pbase_value_bool(child.is_new)};
            items[n] = pbase_value_map(part, 2);
        }
    }
    add_field(fields, "children", pbase_value_list(items, event->children));
    return status;
}

static pbase_status print_event(cli *self, pbase_watch *watch, const pbase_change *event,
                                pbase_arena *arena, pbase_error *err)
{
    event_fields fields = {.count = 0};
    char time[PBASE_TIME_TEXT_BYTES];
    pbase_value value;
    pbase_status status = PBASE_OK;
    pbase_time_format(event->time_ns, time);
    add_field(&fields, "sequence", pbase_value_int((int64_t)event->sequence));
    add_field(&fields, "time", pbase_value_text(time));
    status = add_place(&fields, watch, event, arena, err);
    if (status == PBASE_OK && event->has_key) {
        status = pbase_watch_key(watch, arena, &value, err);
        add_field(&fields, "key", value);
    }
    if (has_index(event)) {
        add_field(&fields, "index", pbase_value_int((int64_t)event->index));
    }
    if (event->count > 0) {
        bool is_whole = event->is_bulk && event->change == PBASE_CHANGE_REPLACED;
        add_field(&fields, is_whole ? "entries" : "count", pbase_value_int((int64_t)event->count));
    }
    if (status == PBASE_OK && event->has_value) {
        status = pbase_watch_value(watch, arena, &value, err);
        add_field(&fields, "value", value);
    }
    if (status == PBASE_OK) {
        status = add_children(&fields, watch, event, arena, err);
    }
    if (event->is_bulk) {
        add_field(&fields, "bulk", pbase_value_bool(true));
    }
    if (event->is_last) {
        add_field(&fields, "last", pbase_value_bool(true));
    }
    pbase_value line = pbase_value_map(fields.items, fields.count);
    return status == PBASE_OK ? cli_print_json(self, &line, err) : status;
}

/* Whoever reads the other end sees each line at once. */
static pbase_status flush_lines(pbase_error *err)
{
    return fflush(stdout) == 0 ? PBASE_OK
                               : PBASE_FAIL(err, PBASE_IO, "standard output cannot be written");
}

static pbase_status print_events(cli *self, pbase_watch *watch, uint64_t idle_ns, pbase_error *err)
{
    pbase_arena arena;
    pbase_status status = PBASE_OK;
    pbase_arena_init(&arena, pbase_alloc_default());
    while (status == PBASE_OK) {
        const pbase_change *event = NULL;
        pbase_call call = self->call;
        call.deadline_ns = idle_ns == 0 ? PBASE_NO_DEADLINE : cli_now_ns() + idle_ns;
        pbase_arena_reset(&arena);
        status = pbase_watch_next(watch, &call, &event, err);
        status = status == PBASE_OK ? print_event(self, watch, event, &arena, err) : status;
        status = status == PBASE_OK ? flush_lines(err) : status;
    }
    pbase_arena_fini(&arena);
    bool ended = status == PBASE_CANCELLED || (status == PBASE_TIMEOUT && idle_ns != 0);
    return ended ? PBASE_OK : status; /* that is how a watch ends */
}

CLI_COMMAND(cmd_watch)
{
    uint64_t idle_ns = 0;
    pbase_watch *watch = NULL;
    const char *timeout = arguments->values[WATCH_TIMEOUT];
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    options.root = arguments->operand_count == 0 ? NULL : arguments->operands[0];
    pbase_status status = sequence_of("--from", arguments->values[WATCH_FROM], &options.from, err);
    if (status == PBASE_OK && timeout != NULL) {
        status = cli_parse_duration("--timeout", timeout, &idle_ns, err);
    }
    status = status == PBASE_OK ? cli_open_database(self, err) : status;
    if (status == PBASE_OK) {
        status = pbase_watch_open(self->space, self->database, &options, &watch, err);
    }
    if (status == PBASE_OK) {
        status = print_events(self, watch, idle_ns, err);
    }
    pbase_watch_close(watch);
    return status;
}
