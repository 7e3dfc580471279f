/* fake_plugin.c - constructors that write down what they are asked. */
#include "fake_plugin.h"
#include <dlfcn.h>
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/storage.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_BYTES 4096

static struct {
    char record[RECORD_BYTES];
    unsigned openings;
    unsigned fail_at;
    bool empty_handed;
    int open_count;
} fake;

void fake_plugin_reset(unsigned fail_at, bool empty_handed)
{
    fake.record[0] = '\0';
    fake.openings = 0;
    fake.fail_at = fail_at;
    fake.empty_handed = empty_handed;
}

const char *fake_plugin_record(void)
{
    return fake.record;
}

int fake_plugin_open_count(void)
{
    return fake.open_count;
}

static void note(const char *sign, const char *word)
{
    size_t used = strlen(fake.record);
    (void)snprintf(fake.record + used, RECORD_BYTES - used, "%s%s%s", used == 0 ? "" : " ", sign,
                   word);
}

/* One object of any kind: the table first, as in every contract. */
typedef struct {
    const void *vtable;
    char word[64];
} fake_object;

static pbase_status object_open(const void *vtable, const char *word, const char *label, void **out,
                                pbase_error *err)
{
    if (++fake.openings == fake.fail_at) {
        return fake.empty_handed ? PBASE_OK : PBASE_FAIL(err, PBASE_BUSY, "held by process 7");
    }
    fake_object *object = malloc(sizeof(*object));
    PBASE_ASSERT(object != NULL);
    object->vtable = vtable;
    (void)snprintf(object->word, sizeof(object->word), "%s%s%s", word, label == NULL ? "" : ":",
                   label == NULL ? "" : label);
    note("+", object->word);
    fake.open_count++;
    *out = object;
    return PBASE_OK;
}

static void object_close(void *self)
{
    fake_object *object = self;
    note("-", object->word);
    fake.open_count--;
    free(object);
}

/* --------------------------------------------------------------------------------- storage --- */
static pbase_storage_vtable storage_table;
static pbase_storage_admin_ops storage_admin;
static pbase_blocks_vtable blocks_table;
static pbase_blocks_name_ops blocks_names;

static void storage_close(pbase_storage *self)
{
    object_close(self);
}

static void blocks_close(pbase_blocks *self)
{
    object_close(self);
}

static pbase_status storage_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    PBASE_ASSERT(open->child_count == 2 && open->children[0] != NULL);
    return object_open(&storage_table, "storage", open->children[1] == NULL ? NULL : "spare", out,
                       err);
}

static pbase_status blocks_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    return object_open(&blocks_table, "blocks", pbase_config_text(open->config, "label"), out, err);
}

/* ---------------------------------------------------------------------------------- codecs --- */
static pbase_status plain_encode(pbase_serializer *self, const pbase_value *value,
                                 pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)value;
    (void)out;
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "only recorded");
}

static pbase_status plain_decode(pbase_serializer *self, pbase_bytes bytes,
                                 const pbase_decode_limits *limits, pbase_arena *arena,
                                 pbase_value *out, pbase_error *err)
{
    (void)self;
    (void)bytes;
    (void)limits;
    (void)arena;
    (void)out;
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "only recorded");
}

static void plain_close(pbase_serializer *self)
{
    object_close(self);
}

static pbase_status copy_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)context;
    return pbase_buffer_append_bytes(out, in, err);
}

static pbase_status copy_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                size_t size_max, pbase_buffer *out, pbase_error *err)
{
    (void)size_max;
    return copy_encode(self, in, context, out, err);
}

static void copy_close(pbase_transform *self)
{
    object_close(self);
}

static const pbase_serializer_vtable plain_table = {
    .struct_size = sizeof(pbase_serializer_vtable),
    .encode = plain_encode,
    .decode = plain_decode,
    .close = plain_close,
};
static const pbase_transform_vtable squeeze_table = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_COMPRESS,
    .encode = copy_encode,
    .decode = copy_decode,
    .close = copy_close,
};
static const pbase_transform_vtable lock_table = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_ENCRYPT,
    .encode = copy_encode,
    .decode = copy_decode,
    .close = copy_close,
};

static pbase_status plain_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    (void)open;
    return object_open(&plain_table, "plain", NULL, out, err);
}

static pbase_status squeeze_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    (void)open;
    return object_open(&squeeze_table, "squeeze", NULL, out, err);
}

static pbase_status lock_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    (void)open;
    return object_open(&lock_table, "lock", NULL, out, err);
}

/* ------------------------------------------------------------------------------ descriptor --- */
static const pbase_slot storage_slots[] = {
    {"blocks", PBASE_KIND_BLOCK_PROVIDER, 1, 1, 0, 0, NULL, "Where bytes would be kept."},
    {"spare", PBASE_KIND_STORAGE, 0, 1, 0, 0, NULL, "A second storage."},
};
static const pbase_option blocks_options[] = {
    {"label", PBASE_OPTION_STRING, 0, NULL, NULL, "A word for the record."},
};
static const pbase_option lock_options[] = {
    {"key", PBASE_OPTION_STRING, PBASE_OPTION_REQUIRED | PBASE_OPTION_SECRET, NULL, NULL, "A key."},
};
static pbase_component components[] = {
    {.kind = PBASE_KIND_STORAGE,
     .name = "recorded",
     .doc = "Records its life.",
     .open = storage_open,
     .vtable = &storage_table,
     PBASE_SLOTS(storage_slots)},
    {.kind = PBASE_KIND_BLOCK_PROVIDER,
     .name = "recorded",
     .doc = "Records its life.",
     .open = blocks_open,
     .vtable = &blocks_table,
     PBASE_OPTIONS(blocks_options)},
    {.kind = PBASE_KIND_SERIALIZER,
     .name = "plain",
     .doc = "Records its life.",
     .format_version = 3,
     .open = plain_open,
     .vtable = &plain_table},
    {.kind = PBASE_KIND_TRANSFORM,
     .name = "squeeze",
     .doc = "Records its life.",
     .open = squeeze_open,
     .vtable = &squeeze_table},
    {.kind = PBASE_KIND_TRANSFORM,
     .name = "lock",
     .doc = "Records its life.",
     .open = lock_open,
     .vtable = &lock_table,
     PBASE_OPTIONS(lock_options)},
};
static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD, .name = "fake",          .version = "1.2.3",
    .license = "MIT",  .summary = "For tests.", PBASE_COMPONENTS(components),
};

/* Fills the tables of storage and blocks from those of storage-memory.so. */
static void borrow_tables(const char *memory_plugin)
{
    void *library = dlopen(memory_plugin, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    PBASE_ASSERT(library != NULL);
    pbase_plugin_entry_fn entry = NULL;
    *(void **)&entry = dlsym(library, "pbase_plugin_entry");
    PBASE_ASSERT(entry != NULL);
    const pbase_plugin *memory = entry(PBASE_ABI_MAJOR, PBASE_ABI_MINOR);
    storage_table = *(const pbase_storage_vtable *)memory->components[0].vtable;
    storage_admin = *storage_table.admin;
    storage_admin.close = storage_close;
    storage_table.admin = &storage_admin;
    components[0].capabilities = storage_table.capabilities;
    blocks_table = *(const pbase_blocks_vtable *)memory->components[1].vtable;
    blocks_names = *blocks_table.name;
    blocks_names.close = blocks_close;
    blocks_table.name = &blocks_names;
    components[1].capabilities = blocks_table.capabilities;
}

const pbase_plugin *fake_plugin(const char *memory_plugin)
{
    if (storage_table.struct_size == 0) {
        borrow_tables(memory_plugin);
    }
    return &plugin;
}
