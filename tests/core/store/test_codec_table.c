/* test_codec_table.c - the meta document: made, read, refused when it is not one. */
#include "store/codec_table.h"

#include "os/os.h"
#include "scripted_storage.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat 1\nfeature 1\n"

typedef struct {
    codec_provider base; /* first member: the contract */
    unsigned asked;
} provider;

/* Tables that the codec gives, and those it was handed. */
typedef struct {
    unsigned left; /* to give: ids "t1", "t2", ... */
    unsigned handed;
    pbase_status says; /* to what it is handed */
    char last[32];     /* id handed last */
} table_owner;

static table_owner owner;
static bool owns_tables;

static pbase_status owner_put(void *codec, pbase_bytes id, pbase_bytes table, pbase_error *err)
{
    assert_non_null(codec);
    assert_true(pbase_bytes_equal(table, pbase_bytes_text("\xffkey")));
    owner.handed++;
    (void)snprintf(owner.last, sizeof owner.last, "%.*s", (int)id.size, (const char *)id.data);
    return owner.says == PBASE_OK
               ? PBASE_OK
               : PBASE_FAIL(err, owner.says, "nobody has the key '%s'", owner.last);
}

static pbase_status owner_next(void *codec, pbase_arena *arena, pbase_bytes *out_id,
                               pbase_bytes *out_table, pbase_error *err)
{
    static const char *const ids[] = {"t1", "t2"};
    (void)codec, (void)arena, (void)err;
    if (owner.left == 0) {
        return PBASE_END;
    }
    owner.left--;
    *out_id = pbase_bytes_text(ids[owner.left]);
    *out_table = pbase_bytes_text("\xffkey");
    return PBASE_OK;
}

static const pbase_codec_table_ops owner_ops = {
    .struct_size = sizeof owner_ops, .table_put = owner_put, .table_next = owner_next};

static const pbase_codec_table_ops *give_tables(codec_provider *self, const char *name)
{
    (void)self;
    return owns_tables && strcmp(name, "zstd") != 0 ? &owner_ops : NULL;
}

static test_host host;
static scripted_storage storage;
static provider codecs;
static pbase_serializer serializer;
static pbase_transform transform;

/* Knows every name that does not begin with '?'. */
static pbase_status know(provider *self, const char *name, pbase_error *err)
{
    self->asked++;
    return name[0] == '?' ? PBASE_FAIL(err, PBASE_PLUGIN, "nobody has '%s'", name) : PBASE_OK;
}

static pbase_status give_serializer(codec_provider *self, const char *name, pbase_serializer **out,
                                    pbase_error *err)
{
    *out = &serializer;
    return know((provider *)self, name, err);
}

static pbase_status give_transform(codec_provider *self, const char *name, pbase_transform **out,
                                   pbase_error *err)
{
    *out = &transform;
    return know((provider *)self, name, err);
}

static int begin(void **unused)
{
    (void)unused;
    test_host_init(&host, pbase_os_real());
    scripted_storage_init(&storage, &scripted_storage_full);
    codecs = (provider){.base = {.serializer = give_serializer,
                                 .transform = give_transform,
                                 .tables = give_tables}};
    owner = (table_owner){0};
    owns_tables = true;
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    assert_int_equal(fault_alloc_live_blocks(&host.memory), 0);
    return 0;
}

/* Opens on a document; the table is closed again unless `out` wants it. */
static pbase_status open_on(const char *document, codec_table **out, pbase_error *err)
{
    codec_table *table = NULL;
    storage.document = pbase_bytes_text(document);
    storage.version = document[0] == '\0' ? 0 : 7;
    pbase_status status =
        codec_table_open(&host.base, &storage.base, &codecs.base, CODEC_TABLE_MAKE, &table, err);
    if (out != NULL) {
        *out = table;
    } else {
        codec_table_close(table);
    }
    return status;
}

static void a_new_space_gets_a_document(void **unused)
{
    (void)unused;
    codec_table *table = NULL;
    uint8_t first = 0, again = 0, other = 0;
    assert_int_equal(open_on("", &table, NULL), PBASE_OK);
    assert_true(codec_table_created(table));
    assert_null(codec_table_at(table, 1));
    assert_int_equal(codec_table_enter(table, false, "json", &first, NULL), PBASE_OK);
    assert_int_equal(codec_table_enter(table, false, "json", &again, NULL), PBASE_OK);
    assert_int_equal(codec_table_enter(table, true, "json", &other, NULL), PBASE_OK);
    assert_int_equal(first, 1);
    assert_int_equal(again, 1);
    assert_int_equal(other, 2); /* a transform of that name is another codec */
    assert_ptr_equal(codec_table_at(table, 2)->transform, &transform);
    assert_null(codec_table_at(table, 0));
    assert_null(codec_table_at(table, 3));
    codec_table_close(table);
}

static void a_document_is_read_back(void **unused)
{
    (void)unused;
    codec_table *table = NULL;
    assert_int_equal(
        open_on(HEAD "codec 1 serializer msgpack 1\ncodec 2 transform zstd 1\n", &table, NULL),
        PBASE_OK);
    assert_false(codec_table_created(table));
    assert_int_equal(codec_table_space_id(table)[15], 15);
    assert_string_equal(codec_table_at(table, 1)->name, "msgpack");
    assert_string_equal(codec_table_at(table, 2)->name, "zstd");
    codec_table_close(table);
}

#define OTHER "lineage ff0102030405060708090a0b0c0d0e0f\n"

/* Of a space that was restored: kept in every document that is written from then on. */
static void a_lineage_is_the_id_unless_a_line_says_another(void **unused)
{
    (void)unused;
    codec_table *table = NULL;
    uint8_t id = 0;
    assert_int_equal(open_on(HEAD, &table, NULL), PBASE_OK);
    assert_memory_equal(codec_table_lineage(table), codec_table_space_id(table), 16);
    codec_table_close(table);
    assert_int_equal(open_on(HEAD OTHER, &table, NULL), PBASE_OK);
    assert_int_equal(codec_table_lineage(table)[0], 0xff);
    assert_int_equal(codec_table_space_id(table)[0], 0);
    assert_int_equal(codec_table_enter(table, false, "json", &id, NULL), PBASE_OK);
    assert_non_null(strstr(storage.written, OTHER "codec 1 serializer json 1\n"));
    codec_table_close(table);
    assert_int_equal(open_on(HEAD "lineage nonsense\n", NULL, NULL), PBASE_FORMAT);
}

static void a_lineage_takes_the_place_of_another(void **unused)
{
    (void)unused;
    const uint8_t lineage[16] = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const char *old = "lineage 11111111111111111111111111111111\n";
    pbase_buffer out;
    char document[512];
    pbase_buffer_init(&out, host.base.alloc);
    (void)snprintf(document, sizeof document, HEAD "%scodec 1 serializer json 1\n", old);
    assert_int_equal(codec_table_set_lineage(pbase_bytes_text(document), lineage, &out, NULL),
                     PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&out),
                                  pbase_bytes_text(HEAD OTHER "codec 1 serializer json 1\n")));
    assert_int_equal(codec_table_set_lineage(pbase_bytes_text("something"), lineage, &out, NULL),
                     PBASE_FORMAT);
    pbase_buffer_fini(&out);
}

static void a_place_that_is_being_restored_to_is_no_space(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(open_on(CODEC_TABLE_RESTORING, NULL, &err), PBASE_FORMAT);
    assert_non_null(strstr(err.message, "restored"));
}

static void all_codecs_that_cannot_be_loaded_are_named_at_once(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(
        open_on(HEAD "codec 1 serializer ?one 1\ncodec 2 transform ?two 1\n", NULL, &err),
        PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "?one"));
    assert_non_null(strstr(err.message, "?two"));
}

static void a_codec_is_in_the_table_only_when_it_is_durable(void **unused)
{
    (void)unused;
    codec_table *table = NULL;
    uint8_t id = 0;
    assert_int_equal(open_on("", &table, NULL), PBASE_OK);
    storage.status = PBASE_IO;
    assert_int_equal(codec_table_enter(table, false, "json", &id, NULL), PBASE_IO);
    assert_null(codec_table_at(table, 1));
    storage.status = PBASE_OK;
    assert_int_equal(codec_table_enter(table, false, "raw", &id, NULL), PBASE_OK);
    assert_int_equal(id, 1);
    assert_string_equal(codec_table_at(table, 1)->name, "raw");
    codec_table_close(table);
}

static void a_space_of_an_older_level_is_raised_before_it_needs_more(void **unused)
{
    (void)unused;
    codec_table *table = NULL;
    assert_int_equal(open_on(HEAD "codec 1 serializer msgpack 1\n", &table, NULL), PBASE_OK);
    assert_int_equal(codec_table_feature(table), 1);
    assert_int_equal(codec_table_require(table, 1, NULL), PBASE_OK);
    assert_int_equal(storage.version, 7); /* nothing to write */
    storage.status = PBASE_IO;
    assert_int_equal(codec_table_require(table, 2, NULL), PBASE_IO);
    assert_int_equal(codec_table_feature(table), 1); /* only when it is durable */
    storage.status = PBASE_OK;
    assert_int_equal(codec_table_require(table, 2, NULL), PBASE_OK);
    assert_int_equal(codec_table_feature(table), 2);
    codec_table_close(table);
}

static void what_is_not_a_whole_document_is_refused(void **unused)
{
    (void)unused;
    static const char *const documents[] = {
        "something else",
        "protobase space",
        "protobase space\n",
        "protobase space\nid 000102030405060708090a0b0c0d0e0f\n",
        "protobase space\nformat 1\nfeature 1\n",
        "protobase space\nid 00\nformat 1\nfeature 1\n",
        HEAD "codec 1 serializer msgp", /* cut */
        HEAD "codec 2 serializer json 1\n",
        HEAD "codec 1 serializer json 1\ncodec 1 serializer json 1\n",
        HEAD "codec 1 something json 1\n",
        HEAD "codec 1 serializer  1\n",
        HEAD "codec x serializer json 1\n",
        HEAD "codec 99999999999 serializer json 1\n",
        HEAD "unknown\n",
        "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat 2\nfeature 1\n",
        "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat 1\nfeature 4\n",
        "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat x\nfeature 1\n",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        pbase_status status = open_on(documents[i], NULL, NULL);
        if (status != PBASE_FORMAT) {
            fail_msg("%s: %s", documents[i], pbase_status_name(status));
        }
    }
}

/* ----------------------------------------------------------------------------------- tables ---- */

#define WITH_CIPHER HEAD "codec 1 serializer zstd 1\ncodec 2 transform cipher 1\n"

static void new_tables_are_durable_before_the_codec_is_entered_and_handed_back_in(void **unused)
{
    (void)unused;
    codec_table *table = NULL;
    uint8_t id = 0;
    assert_int_equal(open_on(WITH_CIPHER, &table, NULL), PBASE_OK);
    owner.left = 2;
    assert_int_equal(codec_table_enter(table, true, "cipher", &id, NULL), PBASE_OK);
    codec_table_close(table);

    assert_string_equal(storage.written, WITH_CIPHER "table 2 7432 ff6b6579\n"
                                                     "table 2 7431 ff6b6579\n");
    assert_int_equal(owner.handed, 0); /* it gave them itself */
    char kept[sizeof storage.written];
    (void)snprintf(kept, sizeof kept, "%s", storage.written);
    storage.written[0] = '\0';
    assert_int_equal(open_on(kept, &table, NULL), PBASE_OK);
    assert_int_equal(owner.handed, 2);
    assert_string_equal(owner.last, "t1");
    assert_int_equal(codec_table_enter(table, true, "cipher", &id, NULL), PBASE_OK);
    assert_int_equal(id, 2);
    assert_string_equal(storage.written, ""); /* nothing was new */
    codec_table_close(table);
}

static void what_a_codec_says_to_its_table_ends_the_opening(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    owner.says = PBASE_AUTH;
    assert_int_equal(open_on(WITH_CIPHER "table 2 7431 ff6b6579\n", NULL, &err), PBASE_AUTH);
    assert_non_null(strstr(err.message, "nobody has the key 't1'"));
    assert_non_null(strstr(err.message, "'cipher'"));
}

static void a_codec_that_knows_of_no_tables_is_too_old(void **unused)
{
    (void)unused;
    owns_tables = false;
    assert_int_equal(open_on(WITH_CIPHER "table 2 7431 ff6b6579\n", NULL, NULL), PBASE_PLUGIN);
}

static void a_table_of_a_missing_codec_hides_nothing(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(open_on(HEAD "codec 1 transform ?gone 1\ntable 1 7431 ff6b6579\n", NULL, &err),
                     PBASE_PLUGIN);
    assert_non_null(strstr(err.message, "'?gone'"));
}

static void tables_that_are_none_are_refused(void **unused)
{
    (void)unused;
    static const char *const lines[] = {"table",
                                        "table 2",
                                        "table 2 7431",
                                        "table 3 7431 ff\n",
                                        "table 0 7431 ff",
                                        "table x 7431 ff\n",
                                        "table 2 743 ff6b6579\n",
                                        "table 2 74G1 ff6b6579\n",
                                        "table 2 7431 FF\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[400];
        (void)snprintf(text, sizeof text, "%s%s\n", WITH_CIPHER, lines[i]);
        assert_int_equal(open_on(text, NULL, NULL), PBASE_FORMAT);
    }
    assert_int_equal(owner.handed, 0);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_new_space_gets_a_document),
        SENTENCE(a_lineage_is_the_id_unless_a_line_says_another),
        SENTENCE(a_lineage_takes_the_place_of_another),
        SENTENCE(a_place_that_is_being_restored_to_is_no_space),
        SENTENCE(a_document_is_read_back),
        SENTENCE(a_space_of_an_older_level_is_raised_before_it_needs_more),
        SENTENCE(all_codecs_that_cannot_be_loaded_are_named_at_once),
        SENTENCE(a_codec_is_in_the_table_only_when_it_is_durable),
        SENTENCE(what_is_not_a_whole_document_is_refused),
        SENTENCE(new_tables_are_durable_before_the_codec_is_entered_and_handed_back_in),
        SENTENCE(what_a_codec_says_to_its_table_ends_the_opening),
        SENTENCE(a_codec_that_knows_of_no_tables_is_too_old),
        SENTENCE(a_table_of_a_missing_codec_hides_nothing),
        SENTENCE(tables_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
