/* test_codec_table.c - the meta document: made, read, refused when it is not one. */
#include "store/codec_table.h"

#include "os/os.h"
#include "scripted_storage.h"
#include "test_host.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEAD "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat 1\nfeature 1\n"

typedef struct {
    codec_provider base; /* first member: the contract */
    unsigned asked;
} provider;

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
    codecs = (provider){.base = {.serializer = give_serializer, .transform = give_transform}};
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
        codec_table_open(&host.base, &storage.base, &codecs.base, false, &table, err);
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
        "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat 1\nfeature 3\n",
        "protobase space\nid 000102030405060708090a0b0c0d0e0f\nformat x\nfeature 1\n",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        pbase_status status = open_on(documents[i], NULL, NULL);
        if (status != PBASE_FORMAT) {
            fail_msg("%s: %s", documents[i], pbase_status_name(status));
        }
    }
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_new_space_gets_a_document),
        SENTENCE(a_document_is_read_back),
        SENTENCE(a_space_of_an_older_level_is_raised_before_it_needs_more),
        SENTENCE(all_codecs_that_cannot_be_loaded_are_named_at_once),
        SENTENCE(a_codec_is_in_the_table_only_when_it_is_durable),
        SENTENCE(what_is_not_a_whole_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
