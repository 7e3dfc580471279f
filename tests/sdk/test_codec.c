/* The checked calls of both codec roles, over codecs that say what they are told to say. */
#include <protobase/plugin/codec.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

/* Decodes to `value` whatever the bytes; encodes to `text`. */
typedef struct {
    pbase_serializer base;
    pbase_status status;
    unsigned calls;
    pbase_value value;
    pbase_decode_limits limits; /* as last given */
    size_t encoded_size;
    bool cuts; /* encode takes bytes away that others wrote */
} fake_serializer;

static pbase_status fake_encode(pbase_serializer *self, const pbase_value *value, pbase_buffer *out,
                                pbase_error *err)
{
    (void)value;
    fake_serializer *f = (fake_serializer *)self;
    f->calls++;
    if (f->cuts) {
        out->size = 0;
        return PBASE_OK;
    }
    pbase_status status = pbase_buffer_append_zeros(out, f->encoded_size, err);
    if (status == PBASE_OK && f->status != PBASE_OK) {
        status = PBASE_FAIL(err, f->status, "as told");
    }
    return status;
}

static pbase_status fake_decode(pbase_serializer *self, pbase_bytes bytes,
                                const pbase_decode_limits *limits, pbase_arena *arena,
                                pbase_value *out, pbase_error *err)
{
    (void)bytes;
    (void)arena;
    fake_serializer *f = (fake_serializer *)self;
    f->calls++;
    f->limits = *limits;
    *out = f->value;
    return f->status == PBASE_OK ? PBASE_OK : PBASE_FAIL(err, f->status, "as told");
}

static pbase_status fake_extract(pbase_serializer *self, pbase_bytes bytes, const pbase_path *paths,
                                 size_t count, pbase_arena *arena, pbase_value *out,
                                 pbase_error *err)
{
    (void)bytes;
    (void)paths;
    (void)arena;
    fake_serializer *f = (fake_serializer *)self;
    f->calls++;
    for (size_t i = 0; i < count; i++) {
        out[i] = f->value;
    }
    return f->status == PBASE_OK ? PBASE_OK : PBASE_FAIL(err, f->status, "as told");
}

static void fake_close(pbase_serializer *self)
{
    ((fake_serializer *)self)->calls++;
}

static const pbase_serializer_vtable full = {.struct_size = sizeof full,
                                             .encode = fake_encode,
                                             .decode = fake_decode,
                                             .extract = fake_extract,
                                             .close = fake_close};
static const pbase_serializer_vtable bare = {
    .struct_size = sizeof bare, .encode = fake_encode, .decode = fake_decode, .close = fake_close};

static fake_serializer serializer_with(const pbase_serializer_vtable *vtable)
{
    fake_serializer f;
    memset(&f, 0, sizeof f);
    f.base.vtable = vtable;
    f.encoded_size = 10;
    return f;
}

static const pbase_bytes some = {(const uint8_t *)"bytes", 5};

static void tables_are_checked(void **state)
{
    (void)state;
    assert_int_equal(pbase_serializer_check(&full, NULL), PBASE_OK);
    assert_int_equal(pbase_serializer_check(&bare, NULL), PBASE_OK);
    assert_int_equal(pbase_serializer_check(NULL, NULL), PBASE_PLUGIN);
    for (int slot = 0; slot < 4; slot++) {
        pbase_serializer_vtable broken = full;
        broken.encode = slot == 0 ? NULL : fake_encode;
        broken.decode = slot == 1 ? NULL : fake_decode;
        broken.close = slot == 2 ? NULL : fake_close;
        broken.struct_size = slot == 3 ? 8 : sizeof broken;
        pbase_error err;
        assert_int_equal(pbase_serializer_check(&broken, &err), PBASE_PLUGIN);
        assert_non_null(strstr(err.message, "serializer"));
    }
}

static void encode_refuses_what_may_not_be_stored(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());
    pbase_value bad = pbase_value_string(pbase_bytes_of("\xff", 1));
    assert_int_equal(pbase_serializer_encode(&f.base, &bad, &out, NULL), PBASE_INVALID);
    assert_int_equal(f.calls, 0);
    pbase_value fine = pbase_value_null();
    f.encoded_size = (size_t)PBASE_VALUE_BYTES_MAX + 1;
    assert_int_equal(pbase_serializer_encode(&f.base, &fine, &out, NULL), PBASE_LIMIT);
    assert_int_equal(out.size, 0);
    pbase_buffer_fini(&out);
}

static void failed_encode_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());
    pbase_value value = pbase_value_int(1);
    assert_int_equal(pbase_serializer_encode(&f.base, &value, &out, NULL), PBASE_OK);
    assert_int_equal(out.size, 10);
    f.status = PBASE_UNSUPPORTED;
    assert_int_equal(pbase_serializer_encode(&f.base, &value, &out, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(out.size, 10);
    f.cuts = true;
    assert_int_equal(pbase_serializer_encode(&f.base, &value, &out, NULL), PBASE_PLUGIN);
    pbase_buffer_fini(&out);
}

static void decode_is_given_limits(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    pbase_value out;
    assert_int_equal(pbase_serializer_decode(&f.base, some, NULL, NULL, &out, NULL), PBASE_OK);
    assert_int_equal(f.limits.struct_size, sizeof(pbase_decode_limits));
    assert_int_equal(f.limits.depth_max, PBASE_DEPTH_MAX);
    assert_true(f.limits.nodes_max >= PBASE_VALUE_BYTES_MAX);
    assert_true(f.limits.bytes_max >= PBASE_VALUE_BYTES_MAX * sizeof(pbase_value));
    pbase_decode_limits own = pbase_decode_limits_default();
    own.depth_max = 3;
    assert_int_equal(pbase_serializer_decode(&f.base, some, &own, NULL, &out, NULL), PBASE_OK);
    assert_int_equal(f.limits.depth_max, 3);
}

static void decoded_kind_must_be_known(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    pbase_value out = pbase_value_int(42);
    pbase_error err;
    f.value.kind = PBASE_CHILD + 1;
    assert_int_equal(pbase_serializer_decode(&f.base, some, NULL, NULL, &out, &err), PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "serializer.decode"));
    f.value.kind = PBASE_VALUE_MISSING;
    assert_int_equal(pbase_serializer_decode(&f.base, some, NULL, NULL, &out, &err), PBASE_PLUGIN);
    assert_int_equal(out.as.integer, 42);
}

static void decoded_value_is_walked_in_slow_builds(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    pbase_value bad = pbase_value_string(pbase_bytes_of("\xff", 1));
    f.value = pbase_value_list(&bad, 1);
    pbase_value out = pbase_value_int(42);
#ifdef PBASE_SLOW_CHECKS
    pbase_status expected = PBASE_PLUGIN;
#else
    pbase_status expected = PBASE_OK;
#endif
    assert_int_equal(pbase_serializer_decode(&f.base, some, NULL, NULL, &out, NULL), expected);
}

static void failed_decode_leaves_out_untouched(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    f.status = PBASE_CORRUPT;
    pbase_value out = pbase_value_int(42);
    pbase_error err;
    assert_int_equal(pbase_serializer_decode(&f.base, some, NULL, NULL, &out, &err), PBASE_CORRUPT);
    assert_string_equal(err.message, "as told");
    assert_int_equal(out.as.integer, 42);
}

#define NAME(text)                                                                                 \
    {                                                                                              \
        .name = {(const uint8_t *)(text), sizeof(text) - 1 }                                       \
    }

static void extract_falls_back_to_decoding(void **state)
{
    (void)state;
    /* given {"a": {"": 1, "b": [10, 20, 30]}, "n": null} */
    pbase_value items[] = {pbase_value_int(10), pbase_value_int(20), pbase_value_int(30)};
    pbase_field inner[] = {{pbase_bytes_text(""), pbase_value_int(1)},
                           {pbase_bytes_text("b"), pbase_value_list(items, 3)}};
    pbase_field outer[] = {{pbase_bytes_text("a"), pbase_value_map(inner, 2)},
                           {pbase_bytes_text("n"), pbase_value_null()}};
    fake_serializer f = serializer_with(&bare);
    f.value = pbase_value_map(outer, 2);
    const pbase_path_step empty_name[] = {NAME("a"), NAME("")};
    const pbase_path_step second[] = {NAME("a"), NAME("b"), {.index = 1}};
    const pbase_path_step last[] = {NAME("a"), NAME("b"), {.index = -1}};
    const pbase_path_step first_from_end[] = {NAME("a"), NAME("b"), {.index = -3}};
    const pbase_path_step beyond[] = {NAME("a"), NAME("b"), {.index = 3}};
    const pbase_path_step before[] = {NAME("a"), NAME("b"), {.index = -4}};
    const pbase_path_step extreme[] = {NAME("a"), NAME("b"), {.index = INT64_MIN}};
    const pbase_path_step null_field[] = {NAME("n")};
    const pbase_path_step into_null[] = {NAME("n"), NAME("x")};
    const pbase_path_step index_of_map[] = {{.index = 0}};
    const pbase_path_step name_of_list[] = {NAME("a"), NAME("b"), NAME("x")};
    const struct {
        pbase_path path;
        uint8_t kind;
        int64_t integer;
    } cases[] = {
        {{NULL, 0}, PBASE_MAP, 0},
        {{empty_name, 2}, PBASE_INT, 1},
        {{second, 3}, PBASE_INT, 20},
        {{last, 3}, PBASE_INT, 30},
        {{first_from_end, 3}, PBASE_INT, 10},
        {{beyond, 3}, PBASE_VALUE_MISSING, 0},
        {{before, 3}, PBASE_VALUE_MISSING, 0},
        {{extreme, 3}, PBASE_VALUE_MISSING, 0},
        {{null_field, 1}, PBASE_NULL, 0},
        {{into_null, 2}, PBASE_VALUE_MISSING, 0},
        {{index_of_map, 1}, PBASE_VALUE_MISSING, 0},
        {{name_of_list, 3}, PBASE_VALUE_MISSING, 0},
    };
    pbase_path paths[sizeof cases / sizeof cases[0]];
    pbase_value out[sizeof cases / sizeof cases[0]];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        paths[i] = cases[i].path;
    }
    /* when */
    assert_int_equal(pbase_serializer_extract(&f.base, some, paths, sizeof cases / sizeof cases[0],
                                              NULL, out, NULL),
                     PBASE_OK);
    /* then */
    assert_int_equal(f.calls, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(out[i].kind, cases[i].kind);
        if (out[i].kind == PBASE_INT) {
            assert_int_equal(out[i].as.integer, cases[i].integer);
        }
    }
}

static void extract_of_the_serializer_is_used_and_checked(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    const pbase_path_step step = NAME("a");
    const pbase_path path = {&step, 1};
    pbase_value out;
    f.value.kind = PBASE_VALUE_MISSING;
    assert_int_equal(pbase_serializer_extract(&f.base, some, &path, 1, NULL, &out, NULL), PBASE_OK);
    assert_int_equal(out.kind, PBASE_VALUE_MISSING);
    f.value.kind = 0x20;
    assert_int_equal(pbase_serializer_extract(&f.base, some, &path, 1, NULL, &out, NULL),
                     PBASE_PLUGIN);
    f.status = PBASE_INVALID;
    assert_int_equal(pbase_serializer_extract(&f.base, some, &path, 1, NULL, &out, NULL),
                     PBASE_INVALID);
}

static void closing_null_is_fine(void **state)
{
    (void)state;
    fake_serializer f = serializer_with(&full);
    pbase_serializer_close(NULL);
    pbase_serializer_close(&f.base);
    pbase_transform_close(NULL);
    assert_int_equal(f.calls, 1);
}

/* ------------------------------------------------------------------------------- transforms --- */

typedef struct {
    pbase_transform base;
    pbase_status status;
    size_t size; /* appended */
    bool is_closed;
} fake_transform;

static pbase_status fake_apply(pbase_transform *self, pbase_buffer *out, pbase_error *err)
{
    fake_transform *f = (fake_transform *)self;
    pbase_status status = pbase_buffer_append_zeros(out, f->size, err);
    if (status == PBASE_OK && f->status != PBASE_OK) {
        status = PBASE_FAIL(err, f->status, "as told");
    }
    return status;
}

static pbase_status fake_transform_encode(pbase_transform *self, pbase_bytes in,
                                          pbase_bytes context, pbase_buffer *out, pbase_error *err)
{
    (void)in;
    (void)context;
    return fake_apply(self, out, err);
}

static pbase_status fake_transform_decode(pbase_transform *self, pbase_bytes in,
                                          pbase_bytes context, size_t size_max, pbase_buffer *out,
                                          pbase_error *err)
{
    (void)in;
    (void)context;
    (void)size_max;
    return fake_apply(self, out, err);
}

static void fake_transform_close(pbase_transform *self)
{
    ((fake_transform *)self)->is_closed = true;
}

static const pbase_transform_vtable transform_table = {.struct_size = sizeof transform_table,
                                                       .stage = PBASE_TRANSFORM_COMPRESS,
                                                       .encode = fake_transform_encode,
                                                       .decode = fake_transform_decode,
                                                       .close = fake_transform_close};

static void transform_table_is_checked(void **state)
{
    (void)state;
    assert_int_equal(pbase_transform_check(&transform_table, NULL), PBASE_OK);
    assert_int_equal(pbase_transform_check(NULL, NULL), PBASE_PLUGIN);
    for (int broken = 0; broken < 5; broken++) {
        pbase_transform_vtable table = transform_table;
        table.stage = broken == 0 ? 0 : broken == 1 ? 3 : PBASE_TRANSFORM_ENCRYPT;
        table.encode = broken == 2 ? NULL : fake_transform_encode;
        table.decode = broken == 3 ? NULL : fake_transform_decode;
        table.close = broken == 4 ? NULL : fake_transform_close;
        assert_int_equal(pbase_transform_check(&table, NULL), PBASE_PLUGIN);
    }
}

static void failed_transform_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    fake_transform f = {.base = {&transform_table}, .size = 8};
    pbase_bytes context = pbase_bytes_text("node");
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());
    assert_int_equal(pbase_transform_encode(&f.base, some, context, &out, NULL), PBASE_OK);
    assert_int_equal(pbase_transform_decode(&f.base, some, context, 8, &out, NULL), PBASE_OK);
    assert_int_equal(out.size, 16);
    assert_int_equal(pbase_transform_decode(&f.base, some, context, 7, &out, NULL), PBASE_PLUGIN);
    f.status = PBASE_CORRUPT;
    assert_int_equal(pbase_transform_encode(&f.base, some, context, &out, NULL), PBASE_CORRUPT);
    assert_int_equal(pbase_transform_decode(&f.base, some, context, 8, &out, NULL), PBASE_CORRUPT);
    assert_int_equal(out.size, 16);
    pbase_transform_close(&f.base);
    assert_true(f.is_closed);
    pbase_buffer_fini(&out);
}

/* ------------------------------------------------------------------------- tables of a codec --- */

typedef struct {
    pbase_bytes id, table; /* what table_next gives */
} table_owner;

static pbase_status owner_put(void *codec, pbase_bytes id, pbase_bytes table, pbase_error *err)
{
    table_owner *owner = (table_owner *)codec;
    (void)err;
    owner->id = id;
    owner->table = table;
    return PBASE_OK;
}

static pbase_status owner_next(void *codec, pbase_arena *arena, pbase_bytes *out_id,
                               pbase_bytes *out_table, pbase_error *err)
{
    const table_owner *owner = (const table_owner *)codec;
    (void)arena;
    (void)err;
    *out_id = owner->id;
    *out_table = owner->table;
    return PBASE_OK;
}

static const pbase_codec_table_ops owner_ops = {
    .struct_size = sizeof owner_ops, .table_put = owner_put, .table_next = owner_next};

static void a_codec_without_tables_has_none_to_give_and_takes_none(void **state)
{
    pbase_bytes id, table;
    (void)state;
    assert_int_equal(pbase_codec_tables_check(NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_codec_table_next(NULL, NULL, NULL, &id, &table, NULL), PBASE_END);
    assert_int_equal(pbase_codec_table_put(NULL, NULL, some, some, NULL), PBASE_PLUGIN);
}

static void an_interface_of_tables_lacks_no_slot(void **state)
{
    pbase_codec_table_ops broken = owner_ops;
    (void)state;
    assert_int_equal(pbase_codec_tables_check(&owner_ops, NULL), PBASE_OK);
    broken.table_next = NULL;
    assert_int_equal(pbase_codec_tables_check(&broken, NULL), PBASE_PLUGIN);
}

static void a_table_that_is_given_holds_the_limits(void **state)
{
    static const uint8_t bytes[PBASE_TABLE_BYTES_MAX + 1];
    pbase_bytes id = {NULL, 0}, table = {NULL, 0};
    table_owner owner = {.id = some, .table = some};
    (void)state;
    assert_int_equal(pbase_codec_table_next(&owner_ops, &owner, NULL, &id, &table, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(id, some) && pbase_bytes_equal(table, some));
    const table_owner broken[] = {{pbase_bytes_of(bytes, 0), some},
                                  {pbase_bytes_of(bytes, PBASE_TABLE_ID_BYTES_MAX + 1), some},
                                  {some, pbase_bytes_of(bytes, 0)},
                                  {some, pbase_bytes_of(bytes, PBASE_TABLE_BYTES_MAX + 1)}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        owner = broken[i];
        assert_int_equal(pbase_codec_table_next(&owner_ops, &owner, NULL, &id, &table, NULL),
                         PBASE_PLUGIN);
        assert_ptr_equal(id.data, some.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_checked),
        cmocka_unit_test(encode_refuses_what_may_not_be_stored),
        cmocka_unit_test(failed_encode_leaves_the_buffer_as_it_was),
        cmocka_unit_test(decode_is_given_limits),
        cmocka_unit_test(decoded_kind_must_be_known),
        cmocka_unit_test(decoded_value_is_walked_in_slow_builds),
        cmocka_unit_test(failed_decode_leaves_out_untouched),
        cmocka_unit_test(extract_falls_back_to_decoding),
        cmocka_unit_test(extract_of_the_serializer_is_used_and_checked),
        cmocka_unit_test(closing_null_is_fine),
        cmocka_unit_test(transform_table_is_checked),
        cmocka_unit_test(failed_transform_leaves_the_buffer_as_it_was),
        cmocka_unit_test(a_codec_without_tables_has_none_to_give_and_takes_none),
        cmocka_unit_test(an_interface_of_tables_lacks_no_slot),
        cmocka_unit_test(a_table_that_is_given_holds_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
