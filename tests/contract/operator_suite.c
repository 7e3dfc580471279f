/* operator_suite.c - drives one operator over columns a and b, in chunks of several sizes. */
#include "operator_suite.h"
#include "expr/wanted.h"
#include "fault_alloc.h"
#include "json_value.h"
#include "os/os.h"
#include "query/chunk.h"
#include "query/services.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

#define ROWS_MAX 512u

typedef struct {
    const operator_case *tested;
    fault_alloc fault;
    pbase_arena plan_arena;  /* nodes and schemas, on the fault allocator */
    pbase_arena chunk_arena; /* likewise */
    pbase_arena out_arena;   /* likewise, of one that expands */
    pbase_arena arena;       /* the suite's own */
    pbase_value input;
    pbase_value second;
    pbase_value rows[ROWS_MAX];
    size_t row_count;
    pbase_operator_node *node;
    pbase_schema schema;
    pbase_run run;
    void *shared;
    void *local;
    uint32_t chunk_rows;
    bool is_selective; /* chunks also hold rows that do not count */
} drive;

static const pbase_column input_columns[2] = {{{(const uint8_t *)"a", 1}, NULL},
                                              {{(const uint8_t *)"b", 1}, NULL}};
static const pbase_schema input_schema = {input_columns, 2};

static void drive_init(drive *d, const operator_case *tested)
{
    memset(d, 0, sizeof *d);
    d->tested = tested;
    fault_alloc_init(&d->fault);
    pbase_arena_init(&d->plan_arena, &d->fault.alloc);
    pbase_arena_init(&d->chunk_arena, &d->fault.alloc);
    pbase_arena_init(&d->out_arena, &d->fault.alloc);
    pbase_arena_init(&d->arena, pbase_alloc_default());
    d->input = json_value(tested->input, &d->arena);
    d->second = json_value(tested->second == NULL ? "[]" : tested->second, &d->arena);
}

static void drive_fini(drive *d)
{
    pbase_arena_fini(&d->plan_arena);
    pbase_arena_fini(&d->chunk_arena);
    pbase_arena_fini(&d->out_arena);
    pbase_arena_fini(&d->arena);
    assert_int_equal(fault_alloc_live_bytes(&d->fault), 0);
}

static pbase_status drive_bind(drive *d, const char *step)
{
    pbase_value json = json_value(step, &d->arena);
    pbase_binder binder = {.struct_size = sizeof binder,
                           .position = 2,
                           .input = &input_schema,
                           .second = d->tested->second == NULL ? NULL : &input_schema,
                           .arena = &d->plan_arena,
                           .services = query_services(),
                           .alloc = &d->fault.alloc};
    pbase_status status =
        pbase_operator_bind(d->tested->vtable, &json, &binder, &d->node, &d->schema, NULL);
    for (size_t c = 0; c < d->schema.count && status == PBASE_OK; c++) { /* as the result does */
        if (d->schema.columns[c].wanted != NULL) {
            wanted_whole(d->schema.columns[c].wanted, WANTED_ALWAYS);
        }
    }
    return status == PBASE_OK ? pbase_operator_settle(d->tested->vtable, d->node, &binder, NULL)
                              : status;
}

static pbase_status drive_open(drive *d)
{
    const pbase_operator_run_ops *ops = d->tested->vtable->run;
    d->run = (pbase_run){.struct_size = sizeof d->run,
                         .worker_count = 1,
                         .chunk_rows = d->chunk_rows,
                         .os = pbase_os_real(),
                         .alloc = &d->fault.alloc,
                         .services = query_services()};
    pbase_status status = ops->open(d->node, &d->run, &d->shared, NULL);
    return status == PBASE_OK && ops->open_worker != NULL
               ? ops->open_worker(d->shared, &d->local, NULL)
               : status;
}

static void drive_close(drive *d)
{
    const pbase_operator_run_ops *ops = d->tested->vtable->run;
    if (ops->close_worker != NULL) {
        ops->close_worker(d->shared, d->local);
    }
    ops->close(d->shared); /* NULL is fine */
    d->shared = d->local = NULL;
}

/* Rows first .. first + count of an input. Selective chunks have a stranger before each row. */
static pbase_status make_chunk(drive *d, const pbase_value *rows, size_t first, uint32_t count,
                               pbase_chunk *out)
{
    uint32_t stride = d->is_selective ? 2 : 1;
    chunk_init(out, &d->chunk_arena);
    out->row_count = count * stride;
    out->selected_count = count;
    pbase_status status = chunk_columns(out, 2, NULL);
    uint16_t *selection = pbase_arena_array(&d->chunk_arena, count, sizeof *selection);
    for (size_t c = 0; c < 2 && status == PBASE_OK; c++) {
        pbase_value *cells = NULL;
        status = chunk_cells(out, &cells, NULL);
        for (uint32_t n = 0; n < count && status == PBASE_OK; n++) {
            const pbase_value *row = &rows->as.list.items[first + n];
            const pbase_value *found = pbase_value_field(row, input_columns[c].name);
            cells[n * stride] = pbase_value_text("a stranger");
            cells[n * stride + stride - 1] = found == NULL ? pbase_value_null() : *found;
        }
        out->columns[c].cells = cells;
    }
    for (uint32_t n = 0; n < count && selection != NULL; n++) {
        selection[n] = (uint16_t)(n * stride + stride - 1);
    }
    out->selection = d->is_selective ? selection : NULL;
    return selection == NULL ? PBASE_NO_MEMORY : status;
}

/* The rows of an output chunk, copied. */
static void keep_rows(drive *d, const pbase_chunk *chunk)
{
    assert_true(chunk->selected_count == 0 || chunk->column_count == d->schema.count);
    for (uint32_t n = 0; n < chunk->selected_count; n++) {
        pbase_field *fields = pbase_arena_array(&d->arena, d->schema.count, sizeof *fields);
        for (size_t c = 0; c < d->schema.count; c++) {
            const pbase_value *cell = &chunk->columns[c].cells[pbase_chunk_row(chunk, n)];
            fields[c].name = d->schema.columns[c].name;
            assert_int_equal(pbase_value_copy(cell, &d->arena, &fields[c].value, NULL), PBASE_OK);
        }
        assert_true(d->row_count < ROWS_MAX);
        d->rows[d->row_count++] = pbase_value_map(fields, d->schema.count);
    }
}

static pbase_status transform_all(drive *d, pbase_chunk *in, int32_t *state)
{
    pbase_status status = PBASE_OK;
    pbase_chunk *given = in;
    bool expands = (d->tested->vtable->traits & PBASE_OPERATOR_EXPANDS) != 0;
    do {
        pbase_chunk out;
        if (expands) {
            pbase_arena_reset(&d->out_arena);
        }
        chunk_init(&out, expands ? &d->out_arena : &d->chunk_arena);
        status =
            pbase_operator_apply(d->tested->vtable, d->shared, d->local, given, &out, state, NULL);
        if (status == PBASE_OK) {
            assert_true(!expands || out.selected_count <= d->chunk_rows);
            keep_rows(d, &out);
        }
        given = NULL;
    } while (status == PBASE_OK && *state == PBASE_MORE);
    return status;
}

typedef pbase_status take_chunk(drive *d, pbase_chunk *chunk, int32_t *state);

static pbase_status take_first(drive *d, pbase_chunk *chunk, int32_t *state)
{
    const pbase_operator_vtable *vtable = d->tested->vtable;
    return (vtable->traits & PBASE_OPERATOR_SINK) != 0
               ? pbase_operator_consume(vtable, d->shared, d->local, chunk, state, NULL)
               : transform_all(d, chunk, state);
}

static pbase_status take_to_build(drive *d, pbase_chunk *chunk, int32_t *state)
{
    return pbase_operator_build(d->tested->vtable, d->shared, d->local, chunk, state, NULL);
}

static pbase_status take_to_append(drive *d, pbase_chunk *chunk, int32_t *state)
{
    pbase_chunk out;
    chunk_init(&out, &d->chunk_arena);
    pbase_status status =
        pbase_operator_append(d->tested->vtable, d->shared, d->local, chunk, &out, state, NULL);
    if (status == PBASE_OK) {
        keep_rows(d, &out);
    }
    return status;
}

/* Every row of an input, a chunk at a time. */
static pbase_status feed_rows(drive *d, const pbase_value *rows, take_chunk *take)
{
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = PBASE_OK;
    size_t count = rows->as.list.count;
    for (size_t at = 0; at < count && status == PBASE_OK && state != PBASE_DONE;) {
        uint32_t size = (uint32_t)(count - at < d->chunk_rows ? count - at : (size_t)d->chunk_rows);
        pbase_chunk chunk;
        pbase_arena_reset(&d->chunk_arena);
        status = make_chunk(d, rows, at, size, &chunk);
        if (status == PBASE_OK) {
            status = take(d, &chunk, &state);
        }
        at += size;
    }
    return status;
}

static pbase_status give_rest(drive *d)
{
    int32_t state = PBASE_MORE;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && state == PBASE_MORE) {
        pbase_chunk out;
        pbase_arena_reset(&d->chunk_arena);
        chunk_init(&out, &d->chunk_arena);
        status = pbase_operator_rest(d->tested->vtable, d->shared, d->local, &out, &state, NULL);
        if (status == PBASE_OK) {
            keep_rows(d, &out);
        }
    }
    return status;
}

static pbase_status feed(drive *d)
{
    const pbase_operator_vtable *vtable = d->tested->vtable;
    pbase_status status = PBASE_OK;
    if (pbase_operator_builds(vtable)) {
        status = feed_rows(d, &d->second, take_to_build);
        status = status == PBASE_OK ? vtable->second->built(d->shared, NULL) : status;
    }
    if (status == PBASE_OK) {
        status = feed_rows(d, &d->input, take_first);
    }
    if (status == PBASE_OK && pbase_operator_appends(vtable)) {
        status = feed_rows(d, &d->second, take_to_append);
    }
    return status == PBASE_OK && pbase_operator_has_rest(vtable) ? give_rest(d) : status;
}

static pbase_status finish_and_scan(drive *d)
{
    const pbase_operator_run_ops *ops = d->tested->vtable->run;
    int32_t state = PBASE_MORE;
    pbase_status status = ops->combine == NULL ? PBASE_OK : ops->combine(d->shared, d->local, NULL);
    if (status == PBASE_OK) {
        status = ops->finish(d->shared, NULL);
    }
    while (status == PBASE_OK && state == PBASE_MORE) {
        pbase_chunk out;
        pbase_arena_reset(&d->chunk_arena);
        chunk_init(&out, &d->chunk_arena);
        status = pbase_operator_scan(d->tested->vtable, d->shared, d->local, &out, &state, NULL);
        if (status == PBASE_OK) {
            assert_true(out.row_count <= d->chunk_rows);
            keep_rows(d, &out);
        }
    }
    return status;
}

static pbase_status drive_all(drive *d)
{
    pbase_status status = drive_bind(d, d->tested->step);
    if (status == PBASE_OK) {
        status = drive_open(d);
    }
    if (status == PBASE_OK) {
        status = feed(d);
    }
    if (status == PBASE_OK && (d->tested->vtable->traits & PBASE_OPERATOR_SINK) != 0) {
        status = finish_and_scan(d);
    }
    drive_close(d);
    return status;
}

static void gives_its_rows_whatever_the_chunks(const operator_case *tested)
{
    static const uint32_t sizes[] = {1, 2, 7, PBASE_CHUNK_ROWS / 2};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        drive d;
        drive_init(&d, tested);
        d.chunk_rows = sizes[i / 2];
        d.is_selective = i % 2 == 1;
        pbase_value wanted = json_value(tested->output, &d.arena);
        assert_int_equal(drive_all(&d), PBASE_OK);
        pbase_value found = pbase_value_list(d.rows, d.row_count);
        if (!pbase_value_identical(&found, &wanted)) {
            fail_msg("'%s' in chunks of %u gives %s and should give %s", tested->vtable->name,
                     d.chunk_rows, json_text(&found, &d.arena), tested->output);
        }
        drive_fini(&d);
    }
}

static void ends_cleanly_wherever_it_is_left(const operator_case *tested)
{
    for (unsigned steps = 0; steps < 3; steps++) {
        drive d;
        drive_init(&d, tested);
        d.chunk_rows = 2;
        assert_int_equal(drive_bind(&d, tested->step), PBASE_OK);
        if (steps > 0) {
            assert_int_equal(drive_open(&d), PBASE_OK);
        }
        if (steps > 1) {
            assert_int_equal(feed(&d), PBASE_OK);
        }
        drive_close(&d);
        drive_fini(&d);
    }
}

static void refuses_steps_that_are_wrong(const operator_case *tested)
{
    for (size_t i = 0; tested->junk != NULL && tested->junk[i] != NULL; i++) {
        drive d;
        drive_init(&d, tested);
        if (drive_bind(&d, tested->junk[i]) != PBASE_INVALID) {
            fail_msg("'%s' takes the step %s", tested->vtable->name, tested->junk[i]);
        }
        drive_fini(&d);
    }
}

static void survives_every_failed_allocation(const operator_case *tested)
{
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        drive d;
        drive_init(&d, tested);
        d.chunk_rows = 3;
        fault_alloc_fail_at(&d.fault, n);
        pbase_status status = drive_all(&d);
        has_failed = fault_alloc_has_failed(&d.fault);
        assert_int_equal(status, has_failed ? PBASE_NO_MEMORY : PBASE_OK);
        drive_fini(&d);
    }
}

void operator_suite_run(const operator_case *tested)
{
    assert_int_equal(pbase_operator_check(tested->vtable, NULL), PBASE_OK);
    gives_its_rows_whatever_the_chunks(tested);
    ends_cleanly_wherever_it_is_left(tested);
    refuses_steps_that_are_wrong(tested);
    survives_every_failed_allocation(tested);
}
