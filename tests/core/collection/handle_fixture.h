/* handle_fixture.h - a context for handles on a heap source, and an observer that writes down what it
 * hears. */
#ifndef PBASE_TEST_HANDLE_FIXTURE_H
#define PBASE_TEST_HANDLE_FIXTURE_H
#include "collection/handle.h"
#include "heap_source.h"
#include "plain_coder.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Hears reads as text: "key 'a'; range ['b' to 'c']; whole; ". */
typedef struct {
    read_observer base; /* first member: the contract */
    char text[4096];
    char start[64];
    bool fail_next; /* the next call fails with LIMIT */
} recorder;

typedef struct {
    heap_source store;
    collection_context context;
    recorder reads;
    pbase_arena arena;
} fixture;

static inline recorder *recorder_of(read_observer *self)
{
    return (recorder *)self;
}
static inline pbase_status record(recorder *self, pbase_error *err, const char *a, const char *b,
                                  const char *c, const char *d)
{
    if (self->fail_next) {
        self->fail_next = false;
        return PBASE_FAIL(err, PBASE_LIMIT, "the read set is full");
    }
    size_t used = strlen(self->text);
    (void)snprintf(self->text + used, sizeof self->text - used, "%s%s%s%s", a, b, c, d);
    return PBASE_OK;
}
/* A key, or the index of a list as a number. */
static inline void describe_key(pbase_bytes key, char out[64])
{
    if (key.size == KEY_INDEX_BYTES && key.data[0] == 0) {
        (void)snprintf(out, 64, "#%u", key.data[7]);
    } else {
        key_describe(key, out, 64);
    }
}
static inline pbase_status recorder_key(read_observer *self, pbase_collection_id id,
                                        pbase_bytes key, pbase_error *err)
{
    char text[64];
    (void)id; /* there is one collection */
    describe_key(key, text);
    return record(recorder_of(self), err, "key ", text, "; ", "");
}
static inline pbase_status recorder_begin(read_observer *self, pbase_collection_id id,
                                          const observed_range *range, uint64_t *out,
                                          pbase_error *err)
{
    char text[64];
    (void)id; /* there is one collection */
    describe_key(range->start, text);
    *out = 1;
    return record(recorder_of(self), err, range->reverse ? "range down " : "range ",
                  range->start_exclusive ? "past " : "", range->start.size == 0 ? "edge" : text,
                  ":");
}
static inline pbase_status recorder_extend(read_observer *self, uint64_t range, pbase_bytes edge,
                                           bool exclusive, pbase_error *err)
{
    char text[64];
    assert_int_equal(range, 1);
    describe_key(edge, text);
    return record(recorder_of(self), err, exclusive ? " before " : " ",
                  edge.size == 0 ? "edge" : text, ";", "");
}
static inline pbase_status recorder_whole(read_observer *self, pbase_collection_id id,
                                          pbase_error *err)
{
    (void)id; /* there is one collection */
    return record(recorder_of(self), err, "whole; ", "", "", "");
}
static const read_observer_vtable recorder_vtable = {recorder_key, recorder_begin, recorder_extend,
                                                     recorder_whole};

/* With `observed`, what is read is written down. */
static inline void fixture_init(fixture *self, const pbase_alloc *alloc, bool observed)
{
    memset(self, 0, sizeof *self);
    heap_source_init(&self->store, alloc);
    self->reads.base.vtable = &recorder_vtable;
    self->context = (collection_context){.source = &self->store.source,
                                         .alloc = alloc,
                                         .coder = plain_coder(),
                                         .reads = observed ? &self->reads.base : NULL};
    pbase_arena_init(&self->arena, pbase_alloc_default());
}
static inline void fixture_fini(fixture *self)
{
    pbase_arena_fini(&self->arena);
    heap_source_fini(&self->store);
}
static inline void assert_reads(fixture *self, const char *text)
{
    assert_string_equal(self->reads.text, text);
    self->reads.text[0] = '\0';
}
/* A handle on a version; root NONE: an empty collection. */
static inline collection *open_on(fixture *self, uint8_t kind, atom_ref root)
{
    collection_options options = {.context = &self->context,
                                  .kind = kind,
                                  .id = {3, 1},
                                  .root = root,
                                  .name = pbase_bytes_text("things")};
    collection *out = NULL;
    assert_int_equal(collection_open(&options, &out, NULL), PBASE_OK);
    return out;
}
/* Applying a handle's log to its base gives its content: what replay does. */
static inline void assert_log_replays(fixture *self, const collection *handle)
{
    bool positional = tree_kind_positional(collection_kind(handle));
    tree replayed =
        tree_of(&self->store.source, atom_ref_keep(collection_base(handle)), positional);
    pbase_status status = change_apply_all(change_log_view(collection_log(handle)),
                                           collection_kind(handle), &replayed, NULL);
    uint64_t a = 0, b = 0;
    assert_int_equal(status, PBASE_OK);
    assert_int_equal(tree_count(&replayed, &a, NULL), PBASE_OK);
    assert_int_equal(tree_count(collection_tree(handle), &b, NULL), PBASE_OK);
    assert_int_equal(a, b);
    assert_int_equal(replayed.sum, collection_tree(handle)->sum);
    for (uint64_t i = 0; i < a; i++) {
        tree_item x, y;
        bool found = false;
        assert_int_equal(tree_at(&replayed, i, &x, &found, NULL), PBASE_OK);
        assert_int_equal(tree_at(collection_tree(handle), i, &y, &found, NULL), PBASE_OK);
        assert_true(pbase_bytes_equal(x.value.bytes, y.value.bytes));
        assert_true(pbase_bytes_equal(x.spelling, y.spelling));
        tree_item_release(&self->store.source, &x);
        tree_item_release(&self->store.source, &y);
    }
    tree_fini(&replayed);
}

#endif
