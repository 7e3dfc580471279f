/* fuzz_record.c - any bytes as a journal record: refused, or applied to a small state, without harm.
 *
 * The first byte says how the rest is taken: 0 as a wrapped record, through the store's own decoding
 * with transforms; 1 to 3 as the body of a delta, catalog or checkpoint record right away, which is
 * where most inputs get somewhere. An accepted record is told as a feed tells it, with every path, and
 * applied once more on its own result, and
 * everything it made is dropped: what is left then is a leak or a count too many. The checkpoints that
 * a checkpoint keeps are shortened by every bound, and searched. */
#include "collection/change.h"
#include "os/os.h"
#include "plain_coder.h"
#include "scripted_storage.h"
#include "store/store_private.h"
#include "test_host.h"
#include "txn/feed_record.h"
#include "txn/working.h"
#include <stdlib.h>

static const uint8_t small_state[][2] = {{1, 'd'}, {2, 'l'}, {3, 's'},
                                         {4, 'h'}, {5, 'm'}, {6, 'c'}};
#define SMALL_COLLECTIONS (sizeof small_state / sizeof small_state[0])

/* No transform, no storage: stored atoms lead nowhere. */
static pbase_status nowhere(atom_source *source, pbase_atom_pointer pointer, atom_view *out,
                            pbase_error *err)
{
    (void)source;
    (void)out;
    return PBASE_FAIL(err, PBASE_CORRUPT, "nothing is stored at %llu", (unsigned long long)pointer);
}

static void no_release(atom_source *source, void *pin)
{
    (void)source; /* nothing is pinned */
    (void)pin;
}

typedef struct {
    pbase_host host;
    atom_source source;
    space_state *state;
} world;

static void must(pbase_status status)
{
    if (status != PBASE_OK) {
        abort(); /* the small state is ours */
    }
}

static codec_table *no_codecs(void);

/* Tells what the record did between two states. */
#define EVENTS_MAX 5000
static void tell(world *w, space_state *before, space_state *after, const record_head *head,
                 pbase_bytes body)
{
    feed_record told;
    feed_event event;
    feed_filter everything = {.database = 0};
    replay_record record = {.head = *head, .body = body};
    store bytes = {.host = &w->host, .codecs = no_codecs()};
    pbase_arena arena;
    pbase_value path;
    pbase_buffer_init(&event.copy, w->host.alloc);
    pbase_arena_init(&arena, w->host.alloc);
    feed_record_init(&told, w->host.alloc, &w->source, &everything);
    pbase_status status = feed_record_load(&told, &record, before, after, NULL);
    for (int i = 0; i < EVENTS_MAX && status == PBASE_OK; i++) {
        pbase_arena_reset(&arena);
        status = feed_record_next(&told, &event, NULL);
        if (status == PBASE_OK && event.place == FEED_IN_NESTED && event.is_known) {
            (void)place_path(feed_record_view(&told, event.in_before), &bytes, event.collection,
                             &arena, &path, NULL); /* values of unknown codecs are no fault */
        }
    }
    feed_record_fini(&told);
    pbase_arena_fini(&arena);
    pbase_buffer_fini(&event.copy);
}

/* A link that is read is written again as the same bytes. */
static void read_link(pbase_bytes link)
{
    holder up;
    pbase_buffer again;
    pbase_buffer_init(&again, pbase_alloc_default());
    if (holder_read(link, &up) && !up.is_cut) {
        must(holder_write(up.by, up.key, up.index, &again, NULL));
        if (again.size > link.size || again.data[0] != link.data[0]) {
            abort(); /* at most its numbers were spelled at more length */
        }
    }
    pbase_buffer_fini(&again);
}

/* Applies a record; the state moves when it was accepted. */
static bool apply(world *w, uint8_t kind, pbase_bytes body)
{
    working *trees = NULL;
    space_state *next = NULL;
    record_head head = {.kind = kind, .sequence = w->state->sequence + 1};
    must(working_begin(&w->host, w->state, plain_coder(), &trees, NULL));
    pbase_status status = working_apply(trees, &head, body, NULL, NULL);
    if (status == PBASE_OK) {
        status = working_finish(&trees, &next, NULL);
    }
    working_abandon(&trees);
    if (status == PBASE_OK) {
        tell(w, w->state, next, &head, body);
        space_state_unref(w->state);
        w->state = next;
    }
    return status == PBASE_OK;
}

static void put_root(pbase_buffer *operations, uint8_t name, uint8_t kind, uint8_t ordinal)
{
    const uint8_t text[] = {name}, child[] = {1, 1, kind, 0, ordinal};
    key_scratch scratch;
    change operation = {.op = CHANGE_PUT, .value = pbase_bytes_of(child, sizeof child)};
    pbase_value value = pbase_value_string(pbase_bytes_of(text, 1));
    key_scratch_init(&scratch, pbase_alloc_default());
    must(key_encode(&value, &scratch, &operation.key, NULL));
    must(change_write(&operation, operations, NULL));
    key_scratch_fini(&scratch);
}

/* Database 1 with an empty collection of every kind, made by record 2. */
static void make_state(world *w)
{
    pbase_buffer body, operations;
    catalog_change create = {.operation = CATALOG_CREATE, .name = pbase_bytes_text("main")};
    pbase_buffer_init(&body, w->host.alloc);
    pbase_buffer_init(&operations, w->host.alloc);
    must(catalog_change_write(&create, &body, NULL));
    (void)apply(w, RECORD_CATALOG, pbase_buffer_view(&body));
    body.size = 0;
    must(pbase_buffer_append_varint(&body, 1, NULL));
    must(pbase_buffer_append_varint(&body, SMALL_COLLECTIONS + 1, NULL));
    for (uint8_t i = 0; i < SMALL_COLLECTIONS; i++) {
        delta_group group = {.id = {0, i + 1u}, .form = GROUP_CREATE, .kind = small_state[i][0]};
        must(delta_group_write(&group, &body, NULL));
        put_root(&operations, small_state[i][1], small_state[i][0], (uint8_t)(i + 1));
    }
    delta_group roots = {.form = GROUP_CHANGE,
                         .kind = PBASE_COLLECTION_DICT,
                         .operations = pbase_buffer_view(&operations)};
    must(delta_group_write(&roots, &body, NULL));
    if (!apply(w, RECORD_DELTA, pbase_buffer_view(&body))) {
        abort();
    }
    pbase_buffer_fini(&operations);
    pbase_buffer_fini(&body);
}

/* The table of a new space: every transform that a record names is unknown. */
static codec_table *no_codecs(void)
{
    static scripted_storage storage;
    static test_host host;
    static codec_table *table;
    if (table == NULL) {
        test_host_init(&host, pbase_os_real());
        scripted_storage_init(&storage, &scripted_storage_full);
        must(codec_table_open(&host.base, &storage.base, NULL, CODEC_TABLE_MAKE, &table, NULL));
    }
    return table;
}

/* The record inside a wrapped one, as recovery reads it. */
static bool unwrap(store *bytes, pbase_bytes wrapped, pbase_buffer *plain, record_head *head,
                   pbase_bytes *body)
{
    if (store_record_decode(bytes, wrapped, plain, NULL) != PBASE_OK) {
        return false;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(plain));
    bool ok = record_head_read(&reader, head, NULL) == PBASE_OK;
    *body = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    return ok;
}

/* What is read is in order, and stays so however it is shortened. */
static void read_checkpoint(pbase_bytes body)
{
    retained_list kept;
    checkpoint_body fields;
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    retained_list_init(&kept, pbase_alloc_default());
    if (checkpoint_body_read(&reader, &fields, &kept, NULL) == PBASE_OK && kept.count > 0) {
        const retained_checkpoint newest = kept.items[kept.count - 1];
        const retention_policy policy = {.age_ns = fields.root, .bytes = fields.replay};
        retention_apply(&policy, newest.timestamp_ns, newest.replay, &kept);
        bool is_there = retained_list_find(&kept, newest.sequence) + 1 == kept.count &&
                        retained_list_find_time(&kept, newest.timestamp_ns) + 1 == kept.count;
        if (!is_there || kept.items[kept.count - 1].sequence != newest.sequence) {
            abort(); /* the newest one always stays */
        }
    }
    retained_list_fini(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const atom_source_vtable vtable = {.acquire = nowhere, .release = no_release};
    if (size < 1 || size > 1u << 16) {
        return 0;
    }
    world w = {.host = {.struct_size = sizeof w.host, .alloc = pbase_alloc_default()}};
    w.source.vtable = &vtable;
    w.source.alloc = w.host.alloc;
    w.state = space_state_create(NULL, &w.source, ATOM_REF_NONE, 0, 0);
    make_state(&w);
    store bytes = {.host = &w.host, .codecs = no_codecs()};
    pbase_buffer plain;
    pbase_buffer_init(&plain, w.host.alloc);
    record_head head = {.kind = (uint8_t)(data[0] % 4)};
    pbase_bytes body = pbase_bytes_of(data + 1, size - 1);
    read_link(body);
    if (head.kind == RECORD_CHECKPOINT) {
        read_checkpoint(body);
    } else if ((head.kind == RECORD_DELTA || head.kind == RECORD_CATALOG ||
                unwrap(&bytes, body, &plain, &head, &body)) &&
               head.kind != RECORD_CHECKPOINT && apply(&w, head.kind, body)) {
        (void)apply(&w, head.kind, body);
    }
    pbase_buffer_fini(&plain);
    space_state_unref(w.state);
    if (w.source.memory_count != 0) {
        abort(); /* an atom outlived the last state */
    }
    return 0;
}
