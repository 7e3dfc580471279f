/* The checked calls of the block provider contract, over a provider that says what it is told. */
#include <protobase/plugin/block_provider.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

typedef struct {
    pbase_blocks base;
    pbase_segment segment; /* the one that open gives */
    pbase_status status;
    unsigned calls;
    bool is_lost; /* open answers OK without a segment */
    pbase_blocks_geometry geometry;
    size_t read;
    pbase_block_info info;
    pbase_bytes document;
    uint64_t version;
    const uint8_t *map;
    uint8_t *board;
} fake;

static pbase_status answer(pbase_blocks *self, pbase_error *err)
{
    fake *f = (fake *)self;
    f->calls++;
    return f->status == PBASE_OK ? PBASE_OK : PBASE_FAIL(err, f->status, "as told");
}

static pbase_status fake_geometry(pbase_blocks *self, pbase_blocks_geometry *out, pbase_error *err)
{
    assert_int_equal(out->struct_size, sizeof *out);
    *out = ((fake *)self)->geometry;
    return answer(self, err);
}

static pbase_status fake_open(pbase_blocks *self, const pbase_call *call, const char *name,
                              uint32_t flags, pbase_segment **out, pbase_error *err)
{
    (void)call;
    (void)name;
    (void)flags;
    fake *f = (fake *)self;
    *out = f->is_lost ? NULL : &f->segment;
    return answer(self, err);
}

static pbase_status fake_preallocate(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                     pbase_error *err)
{
    (void)call;
    (void)size;
    return answer(segment->blocks, err);
}

static pbase_status fake_write(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                               pbase_bytes data, uint32_t flags, pbase_error *err)
{
    (void)call;
    (void)offset;
    (void)data;
    (void)flags;
    return answer(segment->blocks, err);
}

static pbase_status fake_sync(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    (void)call;
    return answer(segment->blocks, err);
}

static pbase_status fake_read(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                              void *out, size_t size, size_t *out_read, pbase_error *err)
{
    (void)call;
    (void)offset;
    (void)out;
    (void)size;
    *out_read = ((fake *)segment->blocks)->read;
    return answer(segment->blocks, err);
}

static pbase_status fake_size(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err)
{
    *out_bytes = 5;
    return answer(segment->blocks, err);
}

static pbase_status fake_seal(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                              pbase_error *err)
{
    (void)call;
    (void)size_bytes;
    return answer(segment->blocks, err);
}

static pbase_status fake_cut(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                             pbase_error *err)
{
    (void)call;
    (void)size_bytes;
    return answer(segment->blocks, err);
}

static pbase_status fake_reserve(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                 pbase_error *err)
{
    (void)call;
    (void)size;
    return answer(segment->blocks, err);
}

static void fake_segment_close(pbase_segment *segment)
{
    ((fake *)segment->blocks)->calls++;
}

static const pbase_blocks_segment_ops segment_ops = {
    .struct_size = sizeof segment_ops,
    .geometry = fake_geometry,
    .open = fake_open,
    .preallocate = fake_preallocate,
    .write = fake_write,
    .sync = fake_sync,
    .read = fake_read,
    .size = fake_size,
    .seal = fake_seal,
    .close = fake_segment_close,
    .cut = fake_cut,
    .reserve = fake_reserve,
};

static pbase_status fake_remove(pbase_blocks *self, const pbase_call *call, const char *name,
                                pbase_error *err)
{
    (void)call;
    (void)name;
    return answer(self, err);
}

static pbase_status fake_rename(pbase_blocks *self, const pbase_call *call, const char *from,
                                const char *to, pbase_error *err)
{
    (void)call;
    (void)from;
    (void)to;
    return answer(self, err);
}

static pbase_status fake_list(pbase_blocks *self, const pbase_call *call, const char *prefix,
                              pbase_status (*each)(void *state, const pbase_block_info *info,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    (void)call;
    (void)prefix;
    ((fake *)self)->calls++;
    return each(state, &((fake *)self)->info, err);
}

static pbase_status fake_key_get(pbase_blocks *self, const pbase_call *call, const char *key,
                                 pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                                 pbase_error *err)
{
    (void)call;
    (void)key;
    (void)arena;
    *out = ((fake *)self)->document;
    *out_version = ((fake *)self)->version;
    return answer(self, err);
}

static pbase_status fake_key_cas(pbase_blocks *self, const pbase_call *call, const char *key,
                                 uint64_t expected, pbase_bytes document, pbase_error *err)
{
    (void)call;
    (void)key;
    (void)expected;
    (void)document;
    return answer(self, err);
}

static pbase_status fake_lock(pbase_blocks *self, const pbase_call *call, pbase_error *err)
{
    (void)call;
    return answer(self, err);
}

static pbase_status fake_map(pbase_segment *segment, uint64_t size, const uint8_t **out,
                             pbase_error *err)
{
    (void)size;
    *out = ((fake *)segment->blocks)->map;
    return answer(segment->blocks, err);
}

static void fake_unmap(pbase_segment *segment, const uint8_t *data, uint64_t size)
{
    (void)data;
    (void)size;
    ((fake *)segment->blocks)->calls++;
}

static pbase_status fake_punch(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                               uint64_t size, pbase_error *err)
{
    (void)call;
    (void)offset;
    (void)size;
    return answer(segment->blocks, err);
}

static void fake_close(pbase_blocks *self)
{
    ((fake *)self)->calls++;
}

static pbase_status fake_attach(pbase_blocks *self, const pbase_call *call, bool *out_alone,
                                pbase_error *err)
{
    (void)call;
    *out_alone = true;
    return answer(self, err);
}

static bool fake_leave(pbase_blocks *self)
{
    ((fake *)self)->calls++;
    return true;
}

static pbase_status fake_acquire(pbase_blocks *self, const pbase_call *call, const char *name,
                                 bool shared, pbase_error *err)
{
    (void)call;
    (void)name;
    (void)shared;
    return answer(self, err);
}

static void fake_release(pbase_blocks *self, const char *name)
{
    (void)name;
    ((fake *)self)->calls++;
}

static pbase_status fake_board(pbase_blocks *self, const pbase_call *call, const char *name,
                               size_t size, uint8_t **out, pbase_error *err)
{
    (void)call;
    (void)name;
    (void)size;
    *out = ((fake *)self)->board;
    return answer(self, err);
}

static pbase_status fake_names_sync(pbase_blocks *self, const pbase_call *call, pbase_error *err)
{
    (void)call;
    return answer(self, err);
}

static pbase_status fake_slots_each(pbase_blocks *self, const pbase_call *call, const char *name,
                                    size_t size,
                                    pbase_status (*each)(void *state, const uint8_t *slot,
                                                         pbase_error *err),
                                    void *state, pbase_error *err)
{
    (void)call;
    (void)name;
    (void)size;
    pbase_status status = answer(self, err);
    return status == PBASE_OK ? each(state, ((fake *)self)->board, err) : status;
}

static const pbase_blocks_share_ops share_ops = {
    .struct_size = sizeof share_ops,
    .attach = fake_attach,
    .leave = fake_leave,
    .acquire = fake_acquire,
    .release = fake_release,
    .board = fake_board,
    .names_sync = fake_names_sync,
    .slot_take = fake_board, /* asked in the same way */
    .slots_each = fake_slots_each,
};

static const pbase_blocks_name_ops name_ops = {
    .struct_size = sizeof name_ops,
    .remove = fake_remove,
    .rename = fake_rename,
    .list = fake_list,
    .key_get = fake_key_get,
    .key_cas = fake_key_cas,
    .lock = fake_lock,
    .map = fake_map,
    .unmap = fake_unmap,
    .punch = fake_punch,
    .close = fake_close,
};

static const pbase_blocks_vtable full = {
    .struct_size = sizeof full,
    .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_LOCK | PBASE_BLOCKS_MAP |
                    PBASE_BLOCKS_PUNCH | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_SHARED,
    .segment = &segment_ops,
    .name = &name_ops,
    .share = &share_ops,
};

static const pbase_blocks_name_ops name_ops_bare = {
    .struct_size = sizeof name_ops_bare,
    .remove = fake_remove,
    .rename = fake_rename,
    .list = fake_list,
    .key_get = fake_key_get,
    .key_cas = fake_key_cas,
    .close = fake_close,
};
static const pbase_blocks_vtable bare = {
    .struct_size = sizeof bare, .segment = &segment_ops, .name = &name_ops_bare};

static void fake_init(fake *f, const pbase_blocks_vtable *vtable)
{
    memset(f, 0, sizeof *f);
    f->base.vtable = vtable;
    f->segment.blocks = &f->base;
}

#define ASSERT_BROKEN(call, slot)                                                                  \
    do {                                                                                           \
        pbase_error err;                                                                           \
        pbase_error_init(&err);                                                                    \
        assert_int_equal((call), PBASE_PLUGIN);                                                    \
        assert_non_null(strstr(err.message, slot));                                                \
        assert_non_null(strstr(err.message, "contract"));                                          \
    } while (0)

static void whole_and_bare_tables_pass(void **state)
{
    (void)state;
    assert_int_equal(pbase_blocks_check(&full, NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_check(&bare, NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_check(NULL, NULL), PBASE_PLUGIN);
}

static void missing_slots_are_refused_one_by_one(void **state)
{
    (void)state;
    pbase_blocks_vtable whole = full;
    pbase_blocks_segment_ops s;
    pbase_blocks_name_ops n;
    whole.segment = &s;
    whole.name = &n;
    for (size_t at = offsetof(pbase_blocks_segment_ops, geometry); at < sizeof s;
         at += sizeof(void *)) {
        s = segment_ops;
        n = name_ops;
        assert_int_equal(pbase_blocks_check(&whole, NULL), PBASE_OK);
        memset((uint8_t *)&s + at, 0, sizeof(void *));
        bool is_optional = at == offsetof(pbase_blocks_segment_ops, cut) ||
                           at == offsetof(pbase_blocks_segment_ops, reserve);
        assert_int_equal(pbase_blocks_check(&whole, NULL), is_optional ? PBASE_OK : PBASE_PLUGIN);
    }
    for (size_t at = offsetof(pbase_blocks_name_ops, remove); at < sizeof n; at += sizeof(void *)) {
        s = segment_ops;
        n = name_ops;
        memset((uint8_t *)&n + at, 0, sizeof(void *));
        bool is_optional = at == offsetof(pbase_blocks_name_ops, key_verify) ||
                           at == offsetof(pbase_blocks_name_ops, key_read);
        assert_int_equal(pbase_blocks_check(&whole, NULL), is_optional ? PBASE_OK : PBASE_PLUGIN);
    }
    pbase_blocks_share_ops share;
    n = name_ops;
    whole.share = &share;
    for (size_t at = offsetof(pbase_blocks_share_ops, attach); at < sizeof share;
         at += sizeof(void *)) {
        share = share_ops;
        assert_int_equal(pbase_blocks_check(&whole, NULL), PBASE_OK);
        memset((uint8_t *)&share + at, 0, sizeof(void *));
        assert_int_equal(pbase_blocks_check(&whole, NULL), PBASE_PLUGIN);
    }
    share = share_ops;
    n.struct_size = offsetof(pbase_blocks_name_ops, close); /* an older, shorter table */
    assert_int_equal(pbase_blocks_check(&whole, NULL), PBASE_PLUGIN);
    whole.name = NULL;
    assert_int_equal(pbase_blocks_check(&whole, NULL), PBASE_PLUGIN);
}

static void capabilities_and_slots_must_agree(void **state)
{
    (void)state;
    static const uint32_t tied[] = {PBASE_BLOCKS_LOCK, PBASE_BLOCKS_MAP, PBASE_BLOCKS_PUNCH,
                                    PBASE_BLOCKS_SHARED};
    for (size_t i = 0; i < sizeof tied / sizeof tied[0]; i++) {
        pbase_blocks_vtable too_modest = full;
        pbase_blocks_vtable too_proud = bare;
        too_modest.capabilities &= ~tied[i];
        too_proud.capabilities |= tied[i];
        assert_int_equal(pbase_blocks_check(&too_modest, NULL), PBASE_PLUGIN);
        assert_int_equal(pbase_blocks_check(&too_proud, NULL), PBASE_PLUGIN);
    }
}

static void names_keep_to_their_alphabet(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "journal/0000000000001000", "a.b", "..a", "a/b/c", "_", "-", "...", "0"};
    static const char *const bad[] = {"",     ".",   "..", "/",   "a/",   "/a",  "a//b",    "a/..",
                                      "../a", "a/.", "A",  "a b", "a\\b", "a\n", "\xc3\xa9"};
    fake f;
    fake_init(&f, &full);
    char long_name[257];
    memset(long_name, 'n', 256);
    long_name[256] = '\0';
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(pbase_blocks_remove(&f.base, NULL, good[i], NULL), PBASE_OK);
    }
    f.calls = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pbase_blocks_remove(&f.base, NULL, bad[i], NULL), PBASE_INVALID);
        assert_int_equal(pbase_blocks_rename(&f.base, NULL, "a", bad[i], NULL), PBASE_INVALID);
    }
    assert_int_equal(pbase_blocks_remove(&f.base, NULL, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_blocks_remove(&f.base, NULL, long_name, NULL), PBASE_LIMIT);
    assert_int_equal(f.calls, 0);
    assert_int_equal(pbase_blocks_remove(&f.base, NULL, long_name + 1, NULL), PBASE_OK);
}

static void impossible_arguments_never_reach_the_provider(void **state)
{
    (void)state;
    fake f;
    fake_init(&f, &full);
    pbase_segment *segment = NULL;
    pbase_bytes data = pbase_bytes_text("data");
    const uint8_t *map = NULL;
    size_t read = 0;
    pbase_bytes huge = pbase_bytes_of("x", PBASE_KEY_DOCUMENT_BYTES_MAX + 1);
    assert_int_equal(pbase_blocks_open(&f.base, NULL, "a", 8, &segment, NULL), PBASE_INVALID);
    assert_int_equal(pbase_segment_write(&f.segment, NULL, UINT64_MAX - 3, data, 0, NULL),
                     PBASE_INVALID);
    assert_int_equal(pbase_segment_write(&f.segment, NULL, 0, data, 4, NULL), PBASE_INVALID);
    assert_int_equal(pbase_segment_read(&f.segment, NULL, UINT64_MAX, &read, 8, &read, NULL),
                     PBASE_INVALID);
    assert_int_equal(pbase_blocks_key_cas(&f.base, NULL, "key", 0, huge, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_segment_map(&f.segment, 0, &map, NULL), PBASE_INVALID);
    assert_int_equal(pbase_segment_punch(&f.segment, NULL, UINT64_MAX, 1, NULL), PBASE_INVALID);
    assert_int_equal(f.calls, 0);
}

static void impossible_geometries_break_the_contract(void **state)
{
    (void)state;
    const pbase_blocks_geometry fine = {.struct_size = sizeof fine,
                                        .atomic_bytes = 4096,
                                        .preferred_bytes = 1 << 20,
                                        .segment_bytes = 1 << 26,
                                        .segment_bytes_max = 1 << 30};
    fake f;
    fake_init(&f, &full);
    pbase_blocks_geometry out = {.atomic_bytes = 42};
    for (int broken = 0; broken < 5; broken++) {
        f.geometry = fine;
        f.geometry.atomic_bytes = broken == 0 ? 0 : broken == 1 ? 1000 : 512;
        f.geometry.preferred_bytes = broken == 2 ? 0 : 1;
        f.geometry.segment_bytes = broken == 3 ? 0 : 1 << 26;
        f.geometry.segment_bytes_max = broken == 4 ? 1 : 1 << 30;
        ASSERT_BROKEN(pbase_blocks_geometry_get(&f.base, &out, &err), "geometry");
        assert_int_equal(out.atomic_bytes, 42);
    }
    f.geometry = fine;
    assert_int_equal(pbase_blocks_geometry_get(&f.base, &out, NULL), PBASE_OK);
    assert_int_equal(out.atomic_bytes, 4096);
}

static pbase_status count_name(void *state, const pbase_block_info *info, pbase_error *err)
{
    (void)info;
    (void)err;
    ++*(unsigned *)state;
    return PBASE_OK;
}

static void impossible_results_break_the_contract(void **state)
{
    (void)state;
    fake f;
    fake_init(&f, &full);
    pbase_segment *segment = NULL;
    uint8_t bytes[4];
    size_t read = 42;
    const uint8_t *map = NULL;
    uint64_t version = 42;
    pbase_bytes document;
    unsigned shown = 0;
    f.is_lost = true;
    ASSERT_BROKEN(pbase_blocks_open(&f.base, NULL, "a", 0, &segment, &err), "segment.open");
    f.is_lost = false;
    f.segment.blocks = NULL;
    ASSERT_BROKEN(pbase_blocks_open(&f.base, NULL, "a", 0, &segment, &err), "segment.open");
    assert_null(segment);
    f.segment.blocks = &f.base;
    f.read = 5;
    ASSERT_BROKEN(pbase_segment_read(&f.segment, NULL, 0, bytes, 4, &read, &err), "segment.read");
    assert_int_equal(read, 42);
    ASSERT_BROKEN(pbase_segment_map(&f.segment, 4, &map, &err), "name.map");
    f.document = pbase_bytes_text("x");
    ASSERT_BROKEN(pbase_blocks_key_get(&f.base, NULL, "k", NULL, &document, &version, &err),
                  "name.key_get");
    f.version = 1;
    f.document = pbase_bytes_of("x", PBASE_KEY_DOCUMENT_BYTES_MAX + 1);
    ASSERT_BROKEN(pbase_blocks_key_get(&f.base, NULL, "k", NULL, &document, &version, &err),
                  "name.key_get");
    assert_int_equal(version, 42);
    f.info.name = "other/name";
    ASSERT_BROKEN(pbase_blocks_list(&f.base, NULL, "journal/", count_name, &shown, &err),
                  "name.list");
    f.info.name = "journal/../../etc";
    ASSERT_BROKEN(pbase_blocks_list(&f.base, NULL, "journal/", count_name, &shown, &err),
                  "name.list");
    assert_int_equal(shown, 0);
    f.status = 99;
    ASSERT_BROKEN(pbase_segment_sync(&f.segment, NULL, &err), "segment.sync");
}

static void absent_capabilities_are_unsupported(void **state)
{
    (void)state;
    fake f;
    fake_init(&f, &bare);
    const uint8_t *map = NULL;
    pbase_bytes data = pbase_bytes_text("data");
    assert_int_equal(pbase_blocks_lock(&f.base, NULL, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_segment_map(&f.segment, 4, &map, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_segment_punch(&f.segment, NULL, 0, 4, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_segment_write(&f.segment, NULL, 0, data, PBASE_WRITE_SYNC, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(f.calls, 0);
}

static pbase_status slot_is(void *state, const uint8_t *slot, pbase_error *err)
{
    (void)err;
    *(const uint8_t **)state = slot;
    return PBASE_OK;
}

static void slots_are_checked_like_boards(void **state)
{
    (void)state;
    static uint64_t words[2];
    fake f;
    uint8_t *slot = NULL;
    const uint8_t *seen = NULL;
    fake_init(&f, &bare);
    assert_int_equal(pbase_blocks_slot_take(&f.base, NULL, "a", 8, &slot, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_blocks_slots_each(&f.base, NULL, "a", 8, slot_is, &seen, NULL),
                     PBASE_UNSUPPORTED);
    assert_int_equal(f.calls, 0);

    fake_init(&f, &full);
    assert_int_equal(pbase_blocks_slot_take(&f.base, NULL, "a.b", 8, &slot, NULL), PBASE_INVALID);
    assert_int_equal(pbase_blocks_slot_take(&f.base, NULL, "a", 0, &slot, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_blocks_slots_each(&f.base, NULL, "a", PBASE_BOARD_BYTES_MAX + 1, slot_is,
                                             &seen, NULL),
                     PBASE_LIMIT);
    f.board = (uint8_t *)words + 1;
    ASSERT_BROKEN(pbase_blocks_slot_take(&f.base, NULL, "a", 8, &slot, &err), "share.slot_take");
    f.board = (uint8_t *)words;
    assert_int_equal(pbase_blocks_slot_take(&f.base, NULL, "a", 8, &slot, NULL), PBASE_OK);
    assert_ptr_equal(slot, words);
    assert_int_equal(pbase_blocks_slots_each(&f.base, NULL, "a", 8, slot_is, &seen, NULL),
                     PBASE_OK);
    assert_ptr_equal(seen, words);
}

static void sharing_is_checked_before_and_after(void **state)
{
    (void)state;
    static uint64_t words[2];
    fake f;
    bool alone = false;
    uint8_t *board = NULL;
    char longest[PBASE_LOCK_NAME_BYTES + 2];
    fake_init(&f, &bare);
    assert_int_equal(pbase_blocks_attach(&f.base, NULL, &alone, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_blocks_acquire(&f.base, NULL, "a", true, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_blocks_board(&f.base, NULL, "a", 8, &board, NULL), PBASE_UNSUPPORTED);
    assert_int_equal(pbase_blocks_names_sync(&f.base, NULL, NULL), PBASE_UNSUPPORTED);
    assert_false(pbase_blocks_leave(&f.base));
    pbase_blocks_release(&f.base, "a");
    assert_int_equal(f.calls, 0);

    fake_init(&f, &full);
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(pbase_blocks_acquire(&f.base, NULL, longest, true, NULL), PBASE_INVALID);
    assert_int_equal(pbase_blocks_acquire(&f.base, NULL, "a.b", true, NULL), PBASE_INVALID);
    ASSERT_BROKEN(pbase_blocks_board(&f.base, NULL, "a", 8, &board, &err), "share.board");
    f.board = (uint8_t *)words + 1;
    ASSERT_BROKEN(pbase_blocks_board(&f.base, NULL, "a", 8, &board, &err), "share.board");
    f.board = (uint8_t *)words;
    assert_int_equal(pbase_blocks_board(&f.base, NULL, longest + 1, 8, &board, NULL), PBASE_OK);
    assert_ptr_equal(board, words);
    assert_int_equal(pbase_blocks_attach(&f.base, NULL, &alone, NULL), PBASE_OK);
    assert_true(alone);
    assert_int_equal(pbase_blocks_acquire(&f.base, NULL, "a-1", false, NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_names_sync(&f.base, NULL, NULL), PBASE_OK);
    assert_true(pbase_blocks_leave(&f.base));
}

static void everything_else_reaches_the_provider(void **state)
{
    (void)state;
    fake f;
    fake_init(&f, &full);
    pbase_segment *segment = NULL;
    pbase_bytes data = pbase_bytes_text("data");
    pbase_bytes document;
    uint64_t number = 0;
    uint8_t bytes[4];
    size_t read = 0;
    const uint8_t *map = NULL;
    unsigned shown = 0;
    f.map = bytes;
    f.info.name = "journal/a";
    assert_int_equal(pbase_blocks_open(&f.base, NULL, "a",
                                       PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, &segment, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_segment_preallocate(segment, NULL, 4096, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_write(segment, NULL, 0, data, PBASE_WRITE_SYNC, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_sync(segment, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_read(segment, NULL, 0, bytes, 4, &read, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_size(segment, &number, NULL), PBASE_OK);
    assert_int_equal(number, 5);
    assert_int_equal(pbase_segment_seal(segment, NULL, 4, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_cut(segment, NULL, 4, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_reserve(segment, NULL, 4096, NULL), PBASE_OK);
    assert_int_equal(pbase_segment_map(segment, 4, &map, NULL), PBASE_OK);
    pbase_segment_unmap(segment, map, 4);
    pbase_segment_unmap(segment, NULL, 4);
    assert_int_equal(pbase_segment_punch(segment, NULL, 0, 4, NULL), PBASE_OK);
    pbase_segment_close(segment);
    pbase_segment_close(NULL);
    assert_int_equal(pbase_blocks_rename(&f.base, NULL, "a", "b", NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_list(&f.base, NULL, "journal/", count_name, &shown, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_list(&f.base, NULL, "", count_name, &shown, NULL), PBASE_OK);
    assert_int_equal(shown, 2);
    assert_int_equal(pbase_blocks_key_get(&f.base, NULL, "k", NULL, &document, &number, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_blocks_key_cas(&f.base, NULL, "k", 0, data, NULL), PBASE_OK);
    assert_int_equal(pbase_blocks_lock(&f.base, NULL, NULL), PBASE_OK);
    pbase_blocks_close(&f.base);
    pbase_blocks_close(NULL);
    assert_int_equal(f.calls, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_bare_tables_pass),
        cmocka_unit_test(missing_slots_are_refused_one_by_one),
        cmocka_unit_test(capabilities_and_slots_must_agree),
        cmocka_unit_test(names_keep_to_their_alphabet),
        cmocka_unit_test(impossible_arguments_never_reach_the_provider),
        cmocka_unit_test(impossible_geometries_break_the_contract),
        cmocka_unit_test(impossible_results_break_the_contract),
        cmocka_unit_test(absent_capabilities_are_unsupported),
        cmocka_unit_test(slots_are_checked_like_boards),
        cmocka_unit_test(sharing_is_checked_before_and_after),
        cmocka_unit_test(everything_else_reaches_the_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
