/* sim_disk.c - nodes, the two contents of each, and the list of pending items. */
#include "sim_disk.h"
#include "seed.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint8_t *data; /* zeros between `size` and `capacity` */
    uint64_t size;
    uint64_t capacity;
} content;

typedef struct {
    char *name;
    sim_node node;
} entry;

typedef struct {
    entry *entries;
    size_t count;
} names;

/* A buffer that a map still shows after the file outgrew it; `size` is all of it. */
typedef struct retired {
    struct retired *next;
    uint8_t *data;
    uint64_t size;
} retired;

typedef struct {
    bool directory;
    bool mapped;
    int64_t modified_ns;
    content seen;    /* files */
    content durable; /* files */
    retired *retired;
    names seen_names;    /* directories */
    names durable_names; /* directories */
} node_body;

typedef enum { ITEM_SECTOR, ITEM_HOLE, ITEM_SIZE, ITEM_NAME } item_kind;

typedef struct {
    item_kind kind;
    sim_node node;    /* sector, hole, size: the file; name: what is named, NONE for a removal */
    uint64_t number;  /* the sector, the first of the hole, or the size */
    uint64_t sectors; /* of the hole */
    uint8_t *sector;  /* SIM_SECTOR_BYTES */
    sim_node from;    /* directory that loses `from_name`, or NONE */
    sim_node to;      /* directory that gets `to_name`, or NONE */
    bool from_synced; /* a rename between two directories wants both synced */
    bool to_synced;
    char *from_name;
    char *to_name;
} item;

struct sim_disk {
    uint64_t version; /* of names and contents, seen or durable */
    node_body *nodes;
    size_t node_count;
    item *items;
    size_t item_count;
    size_t item_capacity;
    uint64_t limit;
};

#define HOLES_MAX 1u /* pending at once */

static const uint8_t zero_sector[SIM_SECTOR_BYTES];

static void *must_resize(void *memory, size_t size)
{
    void *grown = realloc(memory, size == 0 ? 1 : size);
    if (grown == NULL) {
        abort(); /* a test without memory cannot go on */
    }
    return grown;
}

static char *must_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(must_resize(NULL, size), text, size);
}

/* ---------------------------------------------------------------------------------- content --- */

static void content_reserve(content *bytes, uint64_t size)
{
    if (size > bytes->capacity) {
        uint64_t capacity = bytes->capacity * 2 > size ? bytes->capacity * 2 : size;
        capacity = (capacity + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES * SIM_SECTOR_BYTES;
        bytes->data = must_resize(bytes->data, capacity);
        memset(bytes->data + bytes->capacity, 0, capacity - bytes->capacity);
        bytes->capacity = capacity;
    }
}

static void content_resize(content *bytes, uint64_t size)
{
    if (size < bytes->size) {
        memset(bytes->data + size, 0, bytes->size - size);
    }
    content_reserve(bytes, size);
    bytes->size = size;
}

/* The sector `number`, zeros where there is none. */
static const uint8_t *content_sector(const content *bytes, uint64_t number)
{
    return (number + 1) * SIM_SECTOR_BYTES <= bytes->capacity
               ? bytes->data + number * SIM_SECTOR_BYTES
               : zero_sector;
}

static void content_put_sector(content *bytes, uint64_t number, const uint8_t *sector)
{
    content_reserve(bytes, (number + 1) * SIM_SECTOR_BYTES);
    memcpy(bytes->data + number * SIM_SECTOR_BYTES, sector, SIM_SECTOR_BYTES);
}

/* Zeros, also in sectors that are not whole yet. */
static void content_put_hole(content *bytes, uint64_t first, uint64_t sectors)
{
    for (uint64_t i = first; i < first + sectors; i++) {
        if ((i + 1) * SIM_SECTOR_BYTES <= bytes->capacity) {
            memset(bytes->data + i * SIM_SECTOR_BYTES, 0, SIM_SECTOR_BYTES);
        }
    }
}

/* ------------------------------------------------------------------------------------ names --- */

static entry *names_find(const names *in, const char *name, size_t size)
{
    for (size_t i = 0; i < in->count; i++) {
        if (strlen(in->entries[i].name) == size && memcmp(in->entries[i].name, name, size) == 0) {
            return &in->entries[i];
        }
    }
    return NULL;
}

static void names_set(names *in, const char *name, sim_node node)
{
    entry *there = names_find(in, name, strlen(name));
    if (there == NULL) {
        in->entries = must_resize(in->entries, (in->count + 1) * sizeof(entry));
        there = &in->entries[in->count++];
        there->name = must_copy(name);
    }
    there->node = node;
}

static void names_unset(names *in, const char *name)
{
    entry *there = names_find(in, name, strlen(name));
    if (there != NULL) {
        free(there->name);
        *there = in->entries[--in->count];
    }
}

static void names_copy(names *to, const names *from)
{
    for (size_t i = 0; i < from->count; i++) {
        names_set(to, from->entries[i].name, from->entries[i].node);
    }
}

static void names_fini(names *in)
{
    for (size_t i = 0; i < in->count; i++) {
        free(in->entries[i].name);
    }
    free(in->entries);
}

/* ------------------------------------------------------------------------------------ items --- */

static item *item_new(sim_disk *disk, item_kind kind, sim_node node)
{
    if (disk->item_count == disk->item_capacity) {
        disk->item_capacity = disk->item_capacity * 2 + 16;
        disk->items = must_resize(disk->items, disk->item_capacity * sizeof(item));
    }
    item *made = &disk->items[disk->item_count++];
    *made = (item){.kind = kind, .node = node, .from = SIM_NODE_NONE, .to = SIM_NODE_NONE};
    return made;
}

static void item_fini(item *one)
{
    free(one->sector);
    free(one->from_name);
    free(one->to_name);
}

/* Removes the items for which `ends` is true, keeping the order of the others. */
static void items_end(sim_disk *disk, sim_node node,
                      bool (*ends)(sim_disk *disk, item *one, sim_node node))
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->item_count; i++) {
        if (ends(disk, &disk->items[i], node)) {
            item_fini(&disk->items[i]);
        } else {
            disk->items[kept++] = disk->items[i];
        }
    }
    disk->item_count = kept;
}

/* Whatever earlier rename was lost, a moved file is never left under two names. */
static void names_unset_node(names *in, sim_node node)
{
    for (size_t i = in->count; i > 0; i--) {
        if (in->entries[i - 1].node == node) {
            names_unset(in, in->entries[i - 1].name);
        }
    }
}

static void name_item_apply(sim_disk *disk, const item *one)
{
    if (one->from != SIM_NODE_NONE && one->node == SIM_NODE_NONE) {
        names_unset(&disk->nodes[one->from].durable_names, one->from_name);
    } else if (one->from != SIM_NODE_NONE) {
        names_unset_node(&disk->nodes[one->from].durable_names, one->node);
    }
    if (one->to != SIM_NODE_NONE) {
        names_set(&disk->nodes[one->to].durable_names, one->to_name, one->node);
    }
}

static bool name_item_is_synced_by(item *one, sim_node directory)
{
    one->from_synced = one->from_synced || one->from == directory;
    one->to_synced = one->to_synced || one->to == directory;
    return (one->from == SIM_NODE_NONE || one->from_synced) &&
           (one->to == SIM_NODE_NONE || one->to_synced);
}

static bool item_sync(sim_disk *disk, item *one, sim_node node)
{
    content *durable = &disk->nodes[node].durable;
    if (one->kind == ITEM_NAME) {
        if (!disk->nodes[node].directory || !name_item_is_synced_by(one, node)) {
            return false;
        }
        name_item_apply(disk, one);
        return true;
    }
    if (one->node != node) {
        return false;
    }
    if (one->kind == ITEM_SECTOR) {
        content_put_sector(durable, one->number, one->sector);
    } else if (one->kind == ITEM_HOLE) {
        content_put_hole(durable, one->number, one->sectors);
    } else {
        content_resize(durable, one->number);
    }
    return true;
}

static bool item_lose(sim_disk *disk, item *one, sim_node node)
{
    if (one->kind == ITEM_NAME) {
        return disk->nodes[node].directory && name_item_is_synced_by(one, node);
    }
    return one->node == node;
}

void sim_disk_sync(sim_disk *disk, sim_node node)
{
    disk->version++;
    items_end(disk, node, item_sync);
}

void sim_disk_sync_lose(sim_disk *disk, sim_node node)
{
    disk->version++;
    items_end(disk, node, item_lose);
}

uint64_t sim_disk_version(const sim_disk *disk)
{
    return disk->version;
}

void sim_disk_settle(sim_disk *disk)
{
    for (size_t i = 0; i < disk->node_count; i++) {
        sim_disk_sync(disk, (sim_node)i);
    }
}

size_t sim_disk_pending(const sim_disk *disk)
{
    return disk->item_count;
}

/* ------------------------------------------------------------------------------------- disk --- */

static sim_node node_new(sim_disk *disk, bool directory, int64_t now_ns)
{
    disk->nodes = must_resize(disk->nodes, (disk->node_count + 1) * sizeof(node_body));
    disk->nodes[disk->node_count] = (node_body){.directory = directory, .modified_ns = now_ns};
    return (sim_node)disk->node_count++;
}

sim_disk *sim_disk_create(void)
{
    sim_disk *disk = must_resize(NULL, sizeof(*disk));
    *disk = (sim_disk){0};
    (void)node_new(disk, true, 0); /* it is SIM_NODE_ROOT */
    return disk;
}

static void node_fini(node_body *body)
{
    while (body->retired != NULL) {
        retired *next = body->retired->next;
        free(body->retired->data);
        free(body->retired);
        body->retired = next;
    }
    free(body->seen.data);
    free(body->durable.data);
    names_fini(&body->seen_names);
    names_fini(&body->durable_names);
}

void sim_disk_destroy(sim_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    for (size_t i = 0; i < disk->node_count; i++) {
        node_fini(&disk->nodes[i]);
    }
    for (size_t i = 0; i < disk->item_count; i++) {
        item_fini(&disk->items[i]);
    }
    free(disk->nodes);
    free(disk->items);
    free(disk);
}

void sim_disk_limit(sim_disk *disk, uint64_t bytes)
{
    disk->limit = bytes;
}

uint64_t sim_disk_limit_get(const sim_disk *disk)
{
    return disk->limit == 0 ? UINT64_MAX : disk->limit;
}

static uint64_t space_of(uint64_t size)
{
    return (size + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES * SIM_SECTOR_BYTES;
}

/* Files that still have a name; those removed but open are forgiven. */
static uint64_t names_used(const sim_disk *disk, const names *in)
{
    uint64_t used = 0;
    for (size_t i = 0; i < in->count; i++) {
        const node_body *body = &disk->nodes[in->entries[i].node];
        used += body->directory ? names_used(disk, &body->seen_names) : space_of(body->seen.size);
    }
    return used;
}

uint64_t sim_disk_used(const sim_disk *disk)
{
    return names_used(disk, &disk->nodes[SIM_NODE_ROOT].seen_names);
}

static pbase_status space_check(const sim_disk *disk, sim_node node, uint64_t size,
                                pbase_error *err)
{
    uint64_t now = space_of(disk->nodes[node].seen.size);
    uint64_t then = space_of(size);
    if (disk->limit != 0 && then > now && sim_disk_used(disk) + (then - now) > disk->limit) {
        return PBASE_FAIL(err, PBASE_NO_SPACE, "the simulated disk of %" PRIu64 " bytes is full",
                          disk->limit);
    }
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------ paths --- */

/* Walks to the directory that holds the last part of `path`; a path without parts gives "/" and an
 * empty last part. */
static pbase_status path_walk(const sim_disk *disk, const char *path, sim_node *out_directory,
                              const char **out_last, size_t *out_size, pbase_error *err)
{
    sim_node at = SIM_NODE_ROOT;
    const char *last = "";
    size_t last_size = 0;
    for (const char *part = path; *part != '\0';) {
        size_t size = strcspn(part, "/");
        if (size > 0 && !(size == 1 && part[0] == '.')) {
            if (last_size > 0) {
                entry *there = names_find(&disk->nodes[at].seen_names, last, last_size);
                if (there == NULL || !disk->nodes[there->node].directory) {
                    return PBASE_FAIL(err, PBASE_NOT_FOUND, "'%s': no such directory", path);
                }
                at = there->node;
            }
            last = part;
            last_size = size;
        }
        part += size + (part[size] == '/');
    }
    *out_directory = at;
    *out_last = last;
    *out_size = last_size;
    return PBASE_OK;
}

pbase_status sim_disk_find(const sim_disk *disk, const char *path, sim_node *out, pbase_error *err)
{
    sim_node directory;
    const char *last;
    size_t size;
    entry *there;
    pbase_status status = path_walk(disk, path, &directory, &last, &size, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (size == 0) {
        *out = SIM_NODE_ROOT;
        return PBASE_OK;
    }
    there = names_find(&disk->nodes[directory].seen_names, last, size);
    if (there == NULL) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "'%s': no such file", path);
    }
    *out = there->node;
    return PBASE_OK;
}

/* The directory and the last name of a path that must have one. */
static pbase_status path_parent(const sim_disk *disk, const char *path, sim_node *out_directory,
                                char **out_name, pbase_error *err)
{
    const char *last;
    size_t size;
    pbase_status status = path_walk(disk, path, out_directory, &last, &size, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (size == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' names the root", path);
    }
    *out_name = must_resize(NULL, size + 1);
    memcpy(*out_name, last, size);
    (*out_name)[size] = '\0';
    return PBASE_OK;
}

pbase_status sim_disk_make(sim_disk *disk, const char *path, bool directory, int64_t now_ns,
                           sim_node *out, pbase_error *err)
{
    disk->version++;
    sim_node parent;
    char *name;
    pbase_status status = path_parent(disk, path, &parent, &name, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (names_find(&disk->nodes[parent].seen_names, name, strlen(name)) != NULL) {
        free(name);
        return PBASE_FAIL(err, PBASE_EXISTS, "'%s' is there already", path);
    }
    *out = node_new(disk, directory, now_ns);
    names_set(&disk->nodes[parent].seen_names, name, *out);
    item *made = item_new(disk, ITEM_NAME, *out);
    made->to = parent;
    made->to_name = name;
    return PBASE_OK;
}

pbase_status sim_disk_rename(sim_disk *disk, const char *from, const char *to, pbase_error *err)
{
    disk->version++;
    sim_node from_parent;
    sim_node to_parent;
    sim_node moved;
    char *from_name = NULL;
    char *to_name = NULL;
    pbase_status status = sim_disk_find(disk, from, &moved, err);
    status = status != PBASE_OK ? status : path_parent(disk, from, &from_parent, &from_name, err);
    status = status != PBASE_OK ? status : path_parent(disk, to, &to_parent, &to_name, err);
    if (status != PBASE_OK) {
        free(from_name);
        return status;
    }
    names_unset(&disk->nodes[from_parent].seen_names, from_name);
    names_set(&disk->nodes[to_parent].seen_names, to_name, moved);
    item *made = item_new(disk, ITEM_NAME, moved);
    made->from = from_parent;
    made->from_name = from_name;
    made->to = to_parent;
    made->to_name = to_name;
    return PBASE_OK;
}

pbase_status sim_disk_remove(sim_disk *disk, const char *path, bool directory, pbase_error *err)
{
    disk->version++;
    sim_node parent;
    sim_node removed;
    char *name;
    pbase_status status = sim_disk_find(disk, path, &removed, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (disk->nodes[removed].directory != directory ||
        (directory && disk->nodes[removed].seen_names.count > 0)) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' is %s", path,
                          directory ? "not an empty directory" : "a directory");
    }
    status = path_parent(disk, path, &parent, &name, err);
    if (status != PBASE_OK) {
        return status;
    }
    names_unset(&disk->nodes[parent].seen_names, name);
    item *made = item_new(disk, ITEM_NAME, SIM_NODE_NONE);
    made->from = parent;
    made->from_name = name;
    return PBASE_OK;
}

pbase_status sim_disk_list(const sim_disk *disk, const char *path,
                           pbase_status (*each)(void *state, const char *name, pbase_error *err),
                           void *state, pbase_error *err)
{
    sim_node node;
    pbase_status status = sim_disk_find(disk, path, &node, err);
    if (status == PBASE_OK && !disk->nodes[node].directory) {
        status = PBASE_FAIL(err, PBASE_INVALID, "'%s' is not a directory", path);
    }
    for (size_t i = 0; status == PBASE_OK && i < disk->nodes[node].seen_names.count; i++) {
        status = each(state, disk->nodes[node].seen_names.entries[i].name, err);
    }
    return status;
}

/* --------------------------------------------------------------------------------- contents --- */

bool sim_disk_is_directory(const sim_disk *disk, sim_node node)
{
    return disk->nodes[node].directory;
}

uint64_t sim_disk_size(const sim_disk *disk, sim_node node)
{
    return disk->nodes[node].seen.size;
}

void sim_disk_stat(const sim_disk *disk, sim_node node, pbase_os_stat *out)
{
    const node_body *body = &disk->nodes[node];
    uint64_t filled = 0;
    for (uint64_t i = 0; i < space_of(body->seen.size) / SIM_SECTOR_BYTES; i++) {
        const uint8_t *sector = content_sector(&body->seen, i);
        filled += memcmp(sector, zero_sector, SIM_SECTOR_BYTES) != 0;
    }
    *out = (pbase_os_stat){
        .size_bytes = body->seen.size,
        .allocated_bytes = filled * SIM_SECTOR_BYTES,
        .modified_ns = body->modified_ns,
        .mode = body->directory ? 0755 : 0644,
        .owner = 1000,
        .is_directory = body->directory,
        .is_regular = !body->directory,
    };
}

size_t sim_disk_read(const sim_disk *disk, sim_node node, uint64_t offset, void *out, size_t size)
{
    const content *seen = &disk->nodes[node].seen;
    if (offset >= seen->size) {
        return 0;
    }
    size = size < seen->size - offset ? size : (size_t)(seen->size - offset);
    memcpy(out, seen->data + offset, size);
    return size;
}

/* True when the item changes the sector of the file, but for a change of its size. */
static bool item_covers(const item *one, sim_node node, uint64_t number)
{
    uint64_t sectors = one->kind == ITEM_HOLE ? one->sectors : 1;
    return (one->kind == ITEM_SECTOR || one->kind == ITEM_HOLE) && one->node == node &&
           number >= one->number && number - one->number < sectors;
}

static bool sector_is_pending(const sim_disk *disk, sim_node node, uint64_t number)
{
    for (size_t i = 0; i < disk->item_count; i++) {
        if (item_covers(&disk->items[i], node, number)) {
            return true;
        }
    }
    return false;
}

/* Makes a pending hole durable, and so forgets what was written into it before. */
static void hole_settle(sim_disk *disk, size_t index)
{
    item hole = disk->items[index];
    size_t kept = 0;
    content_put_hole(&disk->nodes[hole.node].durable, hole.number, hole.sectors);
    for (size_t i = 0; i < disk->item_count; i++) {
        item *one = &disk->items[i];
        bool is_under =
            i < index && one->kind == ITEM_SECTOR && item_covers(&hole, one->node, one->number);
        if (i == index || is_under) {
            item_fini(one);
        } else {
            disk->items[kept++] = *one;
        }
    }
    disk->item_count = kept;
}

static void sector_forget(sim_disk *disk, sim_node node, uint64_t number)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->item_count; i++) {
        if (disk->items[i].kind == ITEM_HOLE && item_covers(&disk->items[i], node, number)) {
            hole_settle(disk, i);
            i = (size_t)-1; /* the list has changed: from the start */
        }
    }
    for (size_t i = 0; i < disk->item_count; i++) {
        item *one = &disk->items[i];
        if (one->kind == ITEM_SECTOR && one->node == node && one->number == number) {
            item_fini(one);
        } else {
            disk->items[kept++] = *one;
        }
    }
    disk->item_count = kept;
}

/* True when a pending cut takes away what is durable of a sector. */
static bool sector_is_cut(const sim_disk *disk, sim_node node, uint64_t number)
{
    const content *durable = &disk->nodes[node].durable;
    for (size_t i = 0; i < disk->item_count; i++) {
        const item *one = &disk->items[i];
        if (one->kind == ITEM_SIZE && one->node == node && one->number < durable->size &&
            one->number < (number + 1) * SIM_SECTOR_BYTES) {
            return true;
        }
    }
    return false;
}

/* Enters what a reader now sees of one sector into the durable content, or as a pending item. A
 * sector that cannot differ in any crash leaves none. */
static void sector_enter(sim_disk *disk, sim_node node, uint64_t number, bool durable)
{
    node_body *body = &disk->nodes[node];
    const uint8_t *sector = content_sector(&body->seen, number);
    if (durable) {
        sector_forget(disk, node, number);
        content_put_sector(&body->durable, number, sector);
    } else if (memcmp(sector, content_sector(&body->durable, number), SIM_SECTOR_BYTES) != 0 ||
               sector_is_pending(disk, node, number) || sector_is_cut(disk, node, number)) {
        item *made = item_new(disk, ITEM_SECTOR, node);
        made->number = number;
        made->sector = memcpy(must_resize(NULL, SIM_SECTOR_BYTES), sector, SIM_SECTOR_BYTES);
    }
}

static bool size_item_sync(sim_disk *disk, item *one, sim_node node)
{
    return one->kind == ITEM_SIZE && item_sync(disk, one, node);
}

/* Makes room for `size` bytes; a buffer that a map shows is kept aside when it has to move. */
static void seen_reserve(node_body *body, uint64_t size)
{
    if (body->mapped && size > body->seen.capacity) {
        retired *old = must_resize(NULL, sizeof(*old));
        *old = (retired){body->retired, body->seen.data, body->seen.capacity};
        body->retired = old;
        body->seen.data =
            memcpy(must_resize(NULL, body->seen.capacity), body->seen.data, body->seen.capacity);
        body->mapped = false;
    }
    content_reserve(&body->seen, size);
}

static void seen_resize(sim_disk *disk, sim_node node, uint64_t size)
{
    seen_reserve(&disk->nodes[node], size);
    content_resize(&disk->nodes[node].seen, size);
    item_new(disk, ITEM_SIZE, node)->number = size;
}

static void retired_write(node_body *body, uint64_t offset, const void *data, size_t size)
{
    for (retired *old = body->retired; old != NULL; old = old->next) {
        if (offset < old->size) {
            size_t part = size < old->size - offset ? size : (size_t)(old->size - offset);
            memcpy(old->data + offset, data, part);
        }
    }
}

pbase_status sim_disk_write(sim_disk *disk, sim_node node, uint64_t offset, const void *data,
                            size_t size, bool durable, int64_t now_ns, pbase_error *err)
{
    disk->version++;
    node_body *body = &disk->nodes[node];
    pbase_status status = space_check(disk, node, offset + size, err);
    if (status != PBASE_OK || size == 0) {
        return status;
    }
    if (offset + size > body->seen.size) {
        seen_resize(disk, node, offset + size);
    }
    memcpy(body->seen.data + offset, data, size);
    retired_write(body, offset, data, size);
    body->modified_ns = now_ns;
    for (uint64_t at = offset / SIM_SECTOR_BYTES; at * SIM_SECTOR_BYTES < offset + size; at++) {
        sector_enter(disk, node, at, durable);
    }
    if (durable) {
        items_end(disk, node, size_item_sync);
    }
    return PBASE_OK;
}

pbase_status sim_disk_resize(sim_disk *disk, sim_node node, uint64_t size, int64_t now_ns,
                             pbase_error *err)
{
    disk->version++;
    pbase_status status = space_check(disk, node, size, err);
    if (status == PBASE_OK && size != disk->nodes[node].seen.size) {
        seen_resize(disk, node, size);
        disk->nodes[node].modified_ns = now_ns;
    }
    return status;
}

/* True when the sectors cannot differ in any crash. */
static bool hole_is_durable(const sim_disk *disk, sim_node node, uint64_t first, uint64_t sectors)
{
    bool same = true;
    for (uint64_t i = first; same && i < first + sectors; i++) {
        const uint8_t *durable = content_sector(&disk->nodes[node].durable, i);
        same = memcmp(durable, zero_sector, SIM_SECTOR_BYTES) == 0 &&
               !sector_is_pending(disk, node, i) && !sector_is_cut(disk, node, i);
    }
    return same;
}

/* A hole is one change of the file's map of blocks. Nobody ever has to make one durable, so that the
 * oldest ones become so by themselves. */
static void hole_enter(sim_disk *disk, sim_node node, uint64_t first, uint64_t sectors)
{
    size_t holes = 0, oldest = 0;
    if (sectors == 0 || hole_is_durable(disk, node, first, sectors)) {
        return;
    }
    item *made = item_new(disk, ITEM_HOLE, node);
    made->number = first;
    made->sectors = sectors;
    for (size_t i = disk->item_count; i > 0; i--) {
        bool is_hole = disk->items[i - 1].kind == ITEM_HOLE;
        holes += is_hole;
        oldest = is_hole ? i - 1 : oldest;
    }
    if (holes > HOLES_MAX) {
        hole_settle(disk, oldest);
    }
}

void sim_disk_punch(sim_disk *disk, sim_node node, uint64_t offset, uint64_t size)
{
    disk->version++;
    content *seen = &disk->nodes[node].seen;
    uint64_t end = offset + size < seen->size ? offset + size : seen->size;
    uint64_t first = (offset + SIM_SECTOR_BYTES - 1) / SIM_SECTOR_BYTES,
             past = end / SIM_SECTOR_BYTES;
    for (uint64_t at = offset; at < end;) {
        uint64_t part = SIM_SECTOR_BYTES - at % SIM_SECTOR_BYTES;
        part = part < end - at ? part : end - at;
        memset(seen->data + at, 0, part);
        retired_write(&disk->nodes[node], at, zero_sector, part);
        if (part != SIM_SECTOR_BYTES) {
            sector_enter(disk, node, at / SIM_SECTOR_BYTES, false);
        }
        at += part;
    }
    hole_enter(disk, node, first, past > first ? past - first : 0);
}

const uint8_t *sim_disk_map(sim_disk *disk, sim_node node, uint64_t size)
{
    seen_reserve(&disk->nodes[node], size);
    disk->nodes[node].mapped = true;
    return disk->nodes[node].seen.data;
}

void sim_disk_flip(sim_disk *disk, sim_node node, uint64_t offset, uint8_t mask)
{
    content *seen = &disk->nodes[node].seen;
    content *durable = &disk->nodes[node].durable;
    if (offset < seen->size) {
        seen->data[offset] ^= mask;
    }
    if (offset < durable->size) {
        durable->data[offset] ^= mask;
    }
}

/* ------------------------------------------------------------------------------------ crash --- */

/* The directories of the new disk, each with its durable names and the chosen pending ones. */
static void crash_names(sim_disk *after, const sim_disk *disk, const sim_fate *fates)
{
    for (size_t i = 0; i < disk->node_count; i++) {
        if (i > 0) {
            (void)node_new(after, disk->nodes[i].directory, disk->nodes[i].modified_ns);
        }
        names_copy(&after->nodes[i].durable_names, &disk->nodes[i].durable_names);
    }
    for (size_t i = 0; i < disk->item_count; i++) {
        if (disk->items[i].kind == ITEM_NAME && fates[i] != SIM_LOST) {
            name_item_apply(after, &disk->items[i]);
        }
    }
}

static void crash_sector(content *bytes, const item *one, sim_fate fate, seed_random *random)
{
    uint8_t sector[SIM_SECTOR_BYTES];
    size_t fresh = SIM_SECTOR_BYTES;
    if (fate == SIM_TORN) {
        fresh = 1 + (size_t)seed_below(random, SIM_SECTOR_BYTES - 1);
    }
    memcpy(sector, content_sector(bytes, one->number), SIM_SECTOR_BYTES);
    memcpy(sector, one->sector, fresh);
    content_put_sector(bytes, one->number, sector);
}

/* The content of a file that still has a name. */
static void crash_content(sim_disk *after, const sim_disk *disk, sim_node node,
                          const sim_fate *fates, seed_random *random)
{
    content *bytes = &after->nodes[node].durable;
    content *seen = &after->nodes[node].seen;
    content_reserve(bytes, disk->nodes[node].durable.capacity);
    bytes->size = disk->nodes[node].durable.size;
    if (bytes->capacity > 0) {
        memcpy(bytes->data, disk->nodes[node].durable.data, disk->nodes[node].durable.capacity);
    }
    for (size_t i = 0; i < disk->item_count; i++) {
        const item *one = &disk->items[i];
        if (one->node != node || fates[i] == SIM_LOST) {
            continue;
        }
        if (one->kind == ITEM_SECTOR) {
            crash_sector(bytes, one, fates[i], random);
        } else if (one->kind == ITEM_HOLE) { /* torn: the first half of it */
            uint64_t half = (one->sectors + 1) / 2;
            content_put_hole(bytes, one->number, fates[i] == SIM_TORN ? half : one->sectors);
        } else if (one->kind == ITEM_SIZE) {
            content_resize(bytes, one->number);
        }
    }
    if (bytes->capacity > bytes->size) { /* sectors that came without their size */
        memset(bytes->data + bytes->size, 0, bytes->capacity - bytes->size);
    }
    content_resize(seen, bytes->size);
    if (bytes->size > 0) {
        memcpy(seen->data, bytes->data, bytes->size);
    }
}

static void crash_tree(sim_disk *after, const sim_disk *disk, sim_node directory,
                       const sim_fate *fates, seed_random *random)
{
    names_copy(&after->nodes[directory].seen_names, &after->nodes[directory].durable_names);
    for (size_t i = 0; i < after->nodes[directory].seen_names.count; i++) {
        sim_node node = after->nodes[directory].seen_names.entries[i].node;
        if (after->nodes[node].directory) {
            crash_tree(after, disk, node, fates, random);
        } else {
            crash_content(after, disk, node, fates, random);
        }
    }
}

sim_disk *sim_disk_after_crash(const sim_disk *disk, const sim_fate *fates, uint64_t random)
{
    seed_random tears = {random};
    sim_disk *after = sim_disk_create();
    after->limit = disk->limit;
    crash_names(after, disk, fates);
    crash_tree(after, disk, SIM_NODE_ROOT, fates, &tears);
    return after;
}
