/* The checked calls of the operator contract, over an operator that says what it is told to say. */
#include <protobase/plugin/operator.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

/* What the fake's slots answer; `shared` and the binder's state point to it. */
typedef struct {
    pbase_status status;
    int32_t state;
    pbase_operator_node *node;
    pbase_schema schema;
    pbase_chunk chunk;
} fake;

static pbase_status answer(const fake *f, pbase_error *err)
{
    return f->status == PBASE_OK ? PBASE_OK : PBASE_FAIL(err, f->status, "as told");
}

static pbase_status fake_bind(const pbase_value *step, pbase_binder *binder,
                              pbase_operator_node **out, pbase_schema *out_schema, pbase_error *err)
{
    (void)step;
    const fake *f = (const fake *)binder->state;
    *out = f->node;
    *out_schema = f->schema;
    return answer(f, err);
}

static pbase_status fake_open(const pbase_operator_node *node, const pbase_run *run,
                              void **out_shared, pbase_error *err)
{
    (void)node;
    (void)run;
    (void)out_shared;
    (void)err;
    return PBASE_OK;
}

static pbase_status fake_open_worker(void *shared, void **out_local, pbase_error *err)
{
    (void)out_local;
    return answer((const fake *)shared, err);
}

static pbase_status fake_scan(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                              pbase_error *err)
{
    (void)local;
    const fake *f = (const fake *)shared;
    *out = f->chunk;
    *out_state = f->state;
    return answer(f, err);
}

static pbase_status fake_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                               int32_t *out_state, pbase_error *err)
{
    (void)in;
    return fake_scan(shared, local, out, out_state, err);
}

static pbase_status fake_consume(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                                 pbase_error *err)
{
    (void)local;
    (void)in;
    const fake *f = (const fake *)shared;
    *out_state = f->state;
    return answer(f, err);
}

static pbase_status fake_finish(void *shared, pbase_error *err)
{
    return answer((const fake *)shared, err);
}

static void fake_close(void *shared)
{
    (void)shared;
}

static const pbase_operator_run_ops run_ops = {
    .struct_size = sizeof run_ops,
    .open = fake_open,
    .scan = fake_scan,
    .apply = fake_apply,
    .consume = fake_consume,
    .finish = fake_finish,
    .close = fake_close,
};
static const pbase_operator_run_ops run_ops_bare = {
    .struct_size = sizeof run_ops_bare, .open = fake_open, .close = fake_close};

static const pbase_operator_vtable full = {
    .struct_size = sizeof full,
    .traits = PBASE_OPERATOR_SOURCE,
    .name = "fake",
    .bind = fake_bind,
    .run = &run_ops,
};

static void whole_table_passes(void **state)
{
    (void)state;
    assert_int_equal(pbase_operator_check(&full, NULL), PBASE_OK);
    assert_int_equal(pbase_operator_check(NULL, NULL), PBASE_PLUGIN);
}

static void table_must_have_what_its_traits_promise(void **state)
{
    (void)state;
    static const uint32_t roles[] = {PBASE_OPERATOR_SOURCE, PBASE_OPERATOR_TRANSFORM,
                                     PBASE_OPERATOR_SINK};
    static const char *const slots[] = {"'scan'", "'apply'", "'consume'"};
    for (size_t i = 0; i < 3; i++) {
        pbase_operator_vtable table = full;
        pbase_error err;
        table.traits = roles[i];
        assert_int_equal(pbase_operator_check(&table, NULL), PBASE_OK);
        table.run = &run_ops_bare;
        assert_int_equal(pbase_operator_check(&table, &err), PBASE_PLUGIN);
        assert_non_null(strstr(err.message, slots[i]));
    }
    for (int broken = 0; broken < 3; broken++) {
        pbase_operator_run_ops run = run_ops;
        pbase_operator_vtable sink = full;
        sink.traits = PBASE_OPERATOR_SINK;
        run.finish = broken == 0 ? NULL : fake_finish;
        run.scan = broken == 1 ? NULL : fake_scan;
        run.open_worker = broken == 2 ? fake_open_worker : NULL; /* without its ender */
        sink.run = &run;
        assert_int_equal(pbase_operator_check(&sink, NULL), PBASE_PLUGIN);
    }
}

static pbase_status fake_append(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                                int32_t *out_state, pbase_error *err)
{
    return fake_apply(shared, local, in, out, out_state, err);
}

static const pbase_operator_second_ops building = {
    .struct_size = sizeof building,
    .build = fake_consume,
    .built = fake_finish,
    .rest = fake_scan,
};
static const pbase_operator_second_ops appending = {
    .struct_size = sizeof appending,
    .append = fake_append,
};

static void a_second_input_is_built_from_or_appended(void **state)
{
    (void)state;
    pbase_operator_vtable table = full;
    table.traits = PBASE_OPERATOR_TRANSFORM;
    assert_false(pbase_operator_builds(&table) || pbase_operator_appends(&table));
    table.second = &building;
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_OK);
    assert_true(pbase_operator_builds(&table) && pbase_operator_has_rest(&table));
    table.second = &appending;
    assert_int_equal(pbase_operator_check(&table, NULL), PBASE_OK);
    assert_true(pbase_operator_appends(&table) && !pbase_operator_has_rest(&table));

    for (int broken = 0; broken < 6; broken++) {
        pbase_operator_second_ops second = building;
        second.built = broken == 0 ? NULL : fake_finish;
        second.build = broken == 1 ? NULL : fake_consume; /* neither */
        second.append = broken == 2 ? fake_append : NULL; /* both */
        table.second = broken == 3 ? &appending : &second;
        table.traits = broken == 3 || broken == 4 ? PBASE_OPERATOR_SINK /* with rows of its own */
                       : broken == 5              ? PBASE_OPERATOR_SOURCE
                                                  : PBASE_OPERATOR_TRANSFORM;
        assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    }
}

static pbase_status fake_settle(pbase_operator_node *node, pbase_binder *binder, pbase_error *err)
{
    (void)node;
    return answer((const fake *)binder->state, err);
}

static void settling_is_optional_and_checked(void **state)
{
    (void)state;
    fake f = {.status = PBASE_LIMIT};
    pbase_binder binder = {.struct_size = sizeof binder, .state = &f};
    pbase_operator_vtable table = full;
    assert_int_equal(pbase_operator_settle(&table, NULL, &binder, NULL), PBASE_OK);
    table.settle = fake_settle;
    assert_int_equal(pbase_operator_settle(&table, NULL, &binder, NULL), PBASE_LIMIT);
    f.status = (pbase_status)4711;
    assert_int_equal(pbase_operator_settle(&table, NULL, &binder, NULL), PBASE_PLUGIN);
    table.struct_size = offsetof(pbase_operator_vtable, settle); /* of an older plugin */
    assert_int_equal(pbase_operator_settle(&table, NULL, &binder, NULL), PBASE_OK);
}

static void calls_for_the_second_input_are_checked(void **state)
{
    (void)state;
    fake f = {.status = PBASE_OK, .state = PBASE_NEED_INPUT};
    pbase_operator_vtable table = full;
    pbase_chunk in = {.struct_size = sizeof in}, out = in;
    int32_t answered = -1;
    table.traits = PBASE_OPERATOR_TRANSFORM;
    assert_int_equal(pbase_operator_build(&table, &f, NULL, &in, &answered, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(pbase_operator_append(&table, &f, NULL, &in, &out, &answered, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(pbase_operator_rest(&table, &f, NULL, &out, &answered, NULL),
                     PBASE_UNSUPPORTED);
    table.second = &building;
    assert_int_equal(pbase_operator_build(&table, &f, NULL, &in, &answered, NULL), PBASE_OK);
    assert_int_equal(answered, PBASE_NEED_INPUT);
    assert_int_equal(pbase_operator_rest(&table, &f, NULL, &out, &answered, NULL), PBASE_PLUGIN);
    f.state = PBASE_MORE;
    assert_int_equal(pbase_operator_build(&table, &f, NULL, &in, &answered, NULL), PBASE_PLUGIN);
    assert_int_equal(pbase_operator_rest(&table, &f, NULL, &out, &answered, NULL), PBASE_OK);
    table.second = &appending;
    assert_int_equal(pbase_operator_append(&table, &f, NULL, &in, &out, &answered, NULL),
                     PBASE_PLUGIN);
    f.state = PBASE_DONE;
    assert_int_equal(pbase_operator_append(&table, &f, NULL, &in, &out, &answered, NULL), PBASE_OK);
    assert_int_equal(answered, PBASE_DONE);
}

static void table_without_role_name_or_slots_is_refused(void **state)
{
    (void)state;
    for (int broken = 0; broken < 5; broken++) {
        pbase_operator_vtable table = full;
        table.traits = broken == 0   ? PBASE_OPERATOR_KEEPS_ORDER
                       : broken == 4 ? PBASE_OPERATOR_SOURCE | PBASE_OPERATOR_SINK
                                     : PBASE_OPERATOR_SOURCE;
        table.name = broken == 1 ? NULL : "fake";
        table.bind = broken == 2 ? NULL : fake_bind;
        table.run = broken == 3 ? NULL : &run_ops;
        assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    }
    for (int broken = 0; broken < 2; broken++) {
        pbase_operator_run_ops run = run_ops;
        pbase_operator_vtable table = full;
        run.open = broken == 0 ? NULL : fake_open;
        run.close = broken == 1 ? NULL : fake_close;
        table.run = &run;
        assert_int_equal(pbase_operator_check(&table, NULL), PBASE_PLUGIN);
    }
}

static void bind_checks_step_node_and_schema(void **state)
{
    (void)state;
    int place = 0;
    pbase_column columns[] = {{.name = {NULL, 0}}, {.name = {NULL, 0}}};
    fake f = {.node = (pbase_operator_node *)(void *)&place};
    pbase_binder binder = {.struct_size = sizeof binder, .state = &f};
    pbase_value step = pbase_value_map(NULL, 0);
    pbase_value no_step = pbase_value_int(1);
    pbase_operator_node *node = NULL;
    pbase_schema schema;
    assert_int_equal(pbase_operator_bind(&full, &no_step, &binder, &node, &schema, NULL),
                     PBASE_INVALID);
    f.schema = (pbase_schema){columns, 2}; /* two nameless columns */
    assert_int_equal(pbase_operator_bind(&full, &step, &binder, &node, &schema, NULL),
                     PBASE_PLUGIN);
    f.schema = (pbase_schema){NULL, 1};
    assert_int_equal(pbase_operator_bind(&full, &step, &binder, &node, &schema, NULL),
                     PBASE_PLUGIN);
    assert_null(node);
    f.schema = (pbase_schema){columns, 1};
    assert_int_equal(pbase_operator_bind(&full, &step, &binder, &node, &schema, NULL), PBASE_OK);
    assert_ptr_equal(node, f.node);
    f.node = NULL;
    assert_int_equal(pbase_operator_bind(&full, &step, &binder, &node, &schema, NULL),
                     PBASE_PLUGIN);
    f.status = PBASE_INVALID;
    assert_int_equal(pbase_operator_bind(&full, &step, &binder, &node, &schema, NULL),
                     PBASE_INVALID);
}

static void only_a_source_stands_first(void **state)
{
    (void)state;
    fake f = {0};
    pbase_schema input = {NULL, 0};
    pbase_binder first = {.struct_size = sizeof first, .state = &f};
    pbase_binder second = {.struct_size = sizeof second, .state = &f, .input = &input};
    pbase_value step = pbase_value_map(NULL, 0);
    pbase_operator_vtable transform = full;
    pbase_operator_node *node = NULL;
    pbase_schema schema;
    pbase_error err;
    transform.traits = PBASE_OPERATOR_TRANSFORM;
    assert_int_equal(pbase_operator_bind(&full, &step, &second, &node, &schema, &err),
                     PBASE_INVALID);
    assert_non_null(strstr(err.message, "cannot follow"));
    assert_int_equal(pbase_operator_bind(&transform, &step, &first, &node, &schema, &err),
                     PBASE_INVALID);
    assert_non_null(strstr(err.message, "needs a step before it"));
}

static void what_is_broken_names_the_operator(void **state)
{
    (void)state;
    fake f = {.state = 7};
    pbase_chunk out = {.struct_size = sizeof out};
    int32_t got = 0;
    pbase_error err;
    assert_int_equal(pbase_operator_scan(&full, &f, NULL, &out, &got, &err), PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "operator 'fake': operator.run.scan"));
}

static pbase_status scan(fake *f, int32_t *out_state)
{
    pbase_chunk out = {.struct_size = sizeof out};
    return pbase_operator_scan(&full, f, NULL, &out, out_state, NULL);
}

static void impossible_chunks_break_the_contract(void **state)
{
    (void)state;
    static const uint16_t all[] = {0, 1};
    pbase_chunk_column column = {0};
    const pbase_chunk impossible[] = {
        {.row_count = PBASE_CHUNK_ROWS + 1, .selected_count = PBASE_CHUNK_ROWS + 1},
        {.row_count = 2, .selected_count = 3, .selection = all},
        {.row_count = 2, .selected_count = 1},
        {.row_count = 2, .selected_count = 2, .column_count = 1},
    };
    int32_t out_state = 42;
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        fake f = {.state = PBASE_MORE, .chunk = impossible[i]};
        assert_int_equal(scan(&f, &out_state), PBASE_PLUGIN);
        assert_int_equal(out_state, 42);
    }
    fake f = {.state = PBASE_DONE,
              .chunk = {.row_count = 2,
                        .selected_count = 2,
                        .selection = all,
                        .column_count = 1,
                        .columns = &column}};
    assert_int_equal(scan(&f, &out_state), PBASE_OK);
    assert_int_equal(out_state, PBASE_DONE);
}

#ifdef PBASE_SLOW_CHECKS
static void selection_must_ascend_within_the_rows(void **state)
{
    (void)state;
    static const uint16_t falling[] = {1, 0};
    static const uint16_t twice[] = {1, 1};
    static const uint16_t outside[] = {0, 5};
    const uint16_t *const selections[] = {falling, twice, outside};
    for (size_t i = 0; i < 3; i++) {
        fake f = {.state = PBASE_MORE,
                  .chunk = {.row_count = 5, .selected_count = 2, .selection = selections[i]}};
        int32_t out_state = 0;
        assert_int_equal(scan(&f, &out_state), PBASE_PLUGIN);
    }
}
#endif

static void states_must_be_those_of_the_slot(void **state)
{
    (void)state;
    pbase_chunk in = {.struct_size = sizeof in};
    pbase_chunk out = {.struct_size = sizeof out};
    for (int32_t answer_state = -1; answer_state <= 3; answer_state++) {
        fake f = {.state = answer_state};
        int32_t got = 42;
        bool is_known = answer_state >= 0 && answer_state <= PBASE_DONE;
        assert_int_equal(scan(&f, &got),
                         is_known && answer_state != PBASE_NEED_INPUT ? PBASE_OK : PBASE_PLUGIN);
        assert_int_equal(pbase_operator_apply(&full, &f, NULL, &in, &out, &got, NULL),
                         is_known ? PBASE_OK : PBASE_PLUGIN);
        assert_int_equal(pbase_operator_consume(&full, &f, NULL, &in, &got, NULL),
                         is_known && answer_state != PBASE_MORE ? PBASE_OK : PBASE_PLUGIN);
    }
}

static void absent_role_is_unsupported(void **state)
{
    (void)state;
    pbase_operator_vtable table = full;
    table.run = &run_ops_bare;
    fake f = {0};
    pbase_chunk chunk = {.struct_size = sizeof chunk};
    int32_t got = 0;
    assert_int_equal(pbase_operator_scan(&table, &f, NULL, &chunk, &got, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_operator_apply(&table, &f, NULL, &chunk, &chunk, &got, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(pbase_operator_consume(&table, &f, NULL, &chunk, &got, NULL),
                     PBASE_UNSUPPORTED);
}

static void error_cells_are_raised_with_their_message(void **state)
{
    (void)state;
    pbase_value cell = pbase_value_text("7 // 0 overflows");
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_cell_raise(&cell, &err), PBASE_OK);
    assert_int_equal(err.code, PBASE_OK);
    cell.kind = PBASE_CELL_ERROR;
    assert_int_equal(pbase_cell_raise(&cell, &err), PBASE_INVALID);
    assert_string_equal(err.message, "7 // 0 overflows");
    cell.as.string = pbase_bytes_of(NULL, 0);
    assert_int_equal(pbase_cell_raise(&cell, &err), PBASE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_table_passes),
        cmocka_unit_test(table_must_have_what_its_traits_promise),
        cmocka_unit_test(table_without_role_name_or_slots_is_refused),
        cmocka_unit_test(a_second_input_is_built_from_or_appended),
        cmocka_unit_test(settling_is_optional_and_checked),
        cmocka_unit_test(calls_for_the_second_input_are_checked),
        cmocka_unit_test(bind_checks_step_node_and_schema),
        cmocka_unit_test(only_a_source_stands_first),
        cmocka_unit_test(what_is_broken_names_the_operator),
        cmocka_unit_test(impossible_chunks_break_the_contract),
#ifdef PBASE_SLOW_CHECKS
        cmocka_unit_test(selection_must_ascend_within_the_rows),
#endif
        cmocka_unit_test(states_must_be_those_of_the_slot),
        cmocka_unit_test(absent_role_is_unsupported),
        cmocka_unit_test(error_cells_are_raised_with_their_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
