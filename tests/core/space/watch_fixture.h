/* watch_fixture.h - a space that keeps its past, and what a watch tells of it as lines of text.
 *
 * A line is "5 main a put 1 = 10.": sequence, database, root (with the path below it in brackets),
 * change, key, "@index", "xcount" or "bulkcount", value; "*" marks entries of content that came whole, "!"
 * what the commit ended, and the dot ends the commit. */
#ifndef TEST_WATCH_FIXTURE_H
#define TEST_WATCH_FIXTURE_H
#include "space_case.h"
#include <protobase/watch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static inline void open_keeping(const char *retention)
{
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_set(&f, retention);
    fixture_open(&f);
}

static inline int begin(void **unused)
{
    (void)unused;
    open_keeping("storage.retention_bytes=1GiB");
    return 0;
}

static inline uint64_t newest(void)
{
    pbase_history_range range;
    assert_int_equal(pbase_history_describe(f.space, &range, NULL), PBASE_OK);
    return range.newest_sequence;
}

static inline void add_value(pbase_buffer *out, pbase_status status, const char *before,
                             const pbase_value *value)
{
    assert_int_equal(status, PBASE_OK);
    assert_int_equal(pbase_buffer_append_text(out, NULL, "%s", before), PBASE_OK);
    assert_int_equal(pbase_json_format(f.space, value, out, NULL), PBASE_OK);
}

static inline void add_place(pbase_buffer *out, pbase_watch *watch, const pbase_change *event,
                             pbase_arena *arena)
{
    pbase_value value;
    const char *name = event->place == PBASE_IN_DATABASE ? event->origin : event->root;
    assert_int_equal(pbase_buffer_append_text(out, NULL, "%llu %s %s",
                                              (unsigned long long)event->sequence, event->database,
                                              name),
                     PBASE_OK);
    if (event->place == PBASE_IN_NESTED) {
        add_value(out, pbase_watch_path(watch, arena, &value, NULL), "", &value);
    } else if (event->place != PBASE_IN_DATABASE) {
        assert_int_equal(pbase_watch_path(watch, arena, &value, NULL), PBASE_OK);
        assert_int_equal(value.as.list.count, 0);
    }
    if (event->place == PBASE_IN_OBJECTS || (event->place == PBASE_IN_NESTED && name[0] == '\0')) {
        pbase_status status = pbase_watch_class(watch, arena, &value, NULL);
        if (status != PBASE_NOT_FOUND) { /* an index on objects is of no object */
            add_value(out, status, "(objects)", &value);
        }
    }
}

static inline void add_event(pbase_buffer *out, pbase_watch *watch, const pbase_change *event)
{
    pbase_arena arena;
    pbase_value value;
    bool is_whole = event->is_bulk && event->change == PBASE_CHANGE_REPLACED;
    pbase_arena_init(&arena, pbase_alloc_default());
    add_place(out, watch, event, &arena);
    assert_int_equal(pbase_buffer_append_text(out, NULL, " %s%s", pbase_change_name(event->change),
                                              event->is_bulk && !is_whole ? "*" : ""),
                     PBASE_OK);
    if (event->has_key) {
        add_value(out, pbase_watch_key(watch, &arena, &value, NULL), " ", &value);
    }
    if (event->change >= PBASE_CHANGE_SET && event->change <= PBASE_CHANGE_REMOVED_RANGE) {
        value = pbase_value_int((int64_t)event->index);
        add_value(out, PBASE_OK, " @", &value);
    }
    if (event->count > 0 || is_whole) {
        value = pbase_value_int((int64_t)event->count);
        add_value(out, PBASE_OK, is_whole ? " bulk" : " x", &value);
    }
    if (event->has_value) {
        add_value(out, pbase_watch_value(watch, &arena, &value, NULL), " = ", &value);
    }
    for (uint32_t n = 0; n < event->children; n++) {
        pbase_change_child child;
        assert_int_equal(pbase_watch_child(watch, n, &child, NULL), PBASE_OK);
        assert_int_equal(pbase_buffer_append_text(out, NULL, " %s %s", child.is_new ? "new" : "old",
                                                  pbase_collection_kind_name((int)child.kind)),
                         PBASE_OK);
    }
    assert_int_equal(pbase_buffer_append_text(out, NULL, event->is_last ? ".\n" : "\n"), PBASE_OK);
    pbase_arena_fini(&arena);
}

/* Everything a watch has to tell now; ends it. */
static inline void tell_all(pbase_watch *watch, pbase_buffer *out)
{
    const pbase_change *event = NULL;
    pbase_error err;
    pbase_call now = {.deadline_ns = 1};
    pbase_error_init(&err);
    pbase_status status = pbase_watch_next(watch, &now, &event, &err);
    while (status == PBASE_OK) {
        add_event(out, watch, event);
        status = pbase_watch_next(watch, &now, &event, &err);
    }
    if (status != PBASE_TIMEOUT) {
        assert_ok(status, &err);
    }
    assert_int_equal(pbase_watch_sequence(watch), newest());
    pbase_watch_close(watch);
}

static inline pbase_watch *open_from(pbase_database *database, const char *root, uint64_t from)
{
    pbase_error err;
    pbase_watch *watch = NULL;
    pbase_watch_options options = PBASE_WATCH_OPTIONS_INIT;
    options.root = root;
    options.from = from;
    pbase_error_init(&err);
    pbase_status status = pbase_watch_open(f.space, database, &options, &watch, &err);
    assert_ok(status, &err);
    return watch;
}

static inline void expect_from(pbase_database *database, const char *root, uint64_t from,
                               const char *wanted)
{
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    tell_all(open_from(database, root, from), &text);
    assert_int_equal(pbase_buffer_append_u8(&text, 0, NULL), PBASE_OK);
    assert_string_equal((const char *)text.data, wanted);
    pbase_buffer_fini(&text);
}

#endif
