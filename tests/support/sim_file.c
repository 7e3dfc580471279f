/* sim_file.c - the file and directory tables over the simulated disk. */
#include "sim_os_internal.h"
#include <stdlib.h>

struct pbase_os_file {
    sim_os *sim;
    sim_node node;
    uint32_t flags;
    bool locked;
    bool shares; /* while locked */
    struct pbase_os_file *next_locked;
};

struct pbase_os_map {
    sim_os *sim;
};

/* ------------------------------------------------------------------------------------ files --- */

static pbase_status open_node(sim_os *sim, const char *path, uint32_t flags, sim_node *out,
                              pbase_error *err)
{
    pbase_status status = sim_disk_find(sim->disk, path, out, NULL);
    if (status == PBASE_OK && (flags & PBASE_OS_CREATE) != 0 && (flags & PBASE_OS_EXCLUSIVE) != 0) {
        return PBASE_FAIL(err, PBASE_EXISTS, "'%s' is there already", path);
    }
    if (status == PBASE_NOT_FOUND && (flags & PBASE_OS_CREATE) != 0) {
        return sim_disk_make(sim->disk, path, false, sim->wall_offset_ns + (int64_t)*sim_clock(sim),
                             out, err);
    }
    if (status != PBASE_OK) {
        return PBASE_FAIL(err, status, "'%s': no such file", path);
    }
    if (sim_disk_is_directory(sim->disk, *out)) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' is a directory", path);
    }
    if ((flags & PBASE_OS_TRUNCATE) != 0) {
        return sim_disk_resize(sim->disk, *out, 0, 0, err);
    }
    return PBASE_OK;
}

static pbase_status file_open(const pbase_os *os, const char *path, uint32_t flags,
                              pbase_os_file **out, pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_turn turn;
    sim_node node = SIM_NODE_NONE;
    pbase_os_file *file = pbase_alloc_zeroed(os->memory, 1, sizeof(*file));
    if (file == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "opening '%s'", path);
    }
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, OS_CALL_OPEN, &turn, err);
    if (turn != SIM_FAILS && (flags & PBASE_OS_DIRECT) != 0 && sim->pieces.direct_bytes == 0) {
        status =
            PBASE_FAIL(err, PBASE_UNSUPPORTED, "'%s': its file system has no direct I/O", path);
    } else if (turn != SIM_FAILS) {
        pbase_status opened = open_node(sim, path, flags, &node, err);
        status = turn == SIM_DIES ? status : opened;
    }
    sim_leave(sim);
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, file, sizeof(*file));
        return status;
    }
    *file = (pbase_os_file){.sim = sim, .node = node, .flags = flags};
    *out = file;
    return PBASE_OK;
}

static pbase_status file_read(pbase_os_file *file, uint64_t offset, void *data, size_t size,
                              size_t *out_read, pbase_error *err)
{
    sim_turn turn;
    sim_enter(file->sim);
    pbase_status status = sim_turn_take(file->sim, OS_CALL_READ, &turn, err);
    if (turn == SIM_GOES) {
        *out_read = sim_disk_read(file->sim->disk, file->node, offset, data, size);
    }
    sim_leave(file->sim);
    return status;
}

/* The kernel takes writes past the cache in whole pieces of the device only. */
static bool is_whole(const pbase_os_file *file, uint64_t offset, const void *data, size_t size)
{
    uint64_t all = offset | (uintptr_t)data | size;
    return (file->flags & PBASE_OS_DIRECT) == 0 || all % file->sim->pieces.direct_bytes == 0;
}

/* How much of a write that fails or dies gets as far as the cache: whole sectors, or all of it when
 * the machine dies, since what of it lasts is then the crash's choice. */
static size_t write_part(sim_os *sim, sim_turn turn, pbase_status code, size_t size)
{
    if (turn != SIM_FAILS) {
        return size;
    }
    size_t sectors = size / SIM_SECTOR_BYTES;
    return sim->crashed || code != PBASE_IO || sectors == 0
               ? 0
               : (size_t)seed_below(&sim->random, sectors + 1) * SIM_SECTOR_BYTES;
}

static pbase_status file_write(pbase_os_file *file, uint64_t offset, const void *data, size_t size,
                               pbase_error *err)
{
    sim_os *sim = file->sim;
    sim_turn turn;
    if ((file->flags & PBASE_OS_WRITE) == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "writing a file that was opened for reading");
    }
    sim_enter(sim);
    if (!is_whole(file, offset, data, size)) {
        sim_leave(sim);
        return PBASE_FAIL(err, PBASE_INVALID, "a direct write that is not aligned");
    }
    pbase_status status = sim_turn_take(sim, OS_CALL_WRITE, &turn, err);
    size_t part = write_part(sim, turn, status, size);
    bool durable = turn == SIM_GOES && (file->flags & PBASE_OS_DSYNC) != 0 && !sim->lies;
    pbase_status written = sim_disk_write(sim->disk, file->node, offset, data, part, durable,
                                          sim->wall_offset_ns + (int64_t)*sim_clock(sim),
                                          turn == SIM_GOES ? err : NULL);
    sim_leave(sim);
    return turn == SIM_GOES ? written : status;
}

static pbase_status file_sync(pbase_os_file *file, pbase_error *err)
{
    sim_turn turn;
    sim_enter(file->sim);
    bool crashed = file->sim->crashed;
    pbase_status status = sim_turn_take(file->sim, OS_CALL_SYNC, &turn, err);
    if (turn == SIM_GOES && !file->sim->lies) {
        sim_disk_sync(file->sim->disk, file->node);
    } else if (turn == SIM_FAILS && !crashed) {
        sim_disk_sync_lose(file->sim->disk, file->node);
    }
    sim_leave(file->sim);
    return status;
}

static pbase_status file_size(pbase_os_file *file, uint64_t *out_bytes, pbase_error *err)
{
    sim_turn turn;
    sim_enter(file->sim);
    pbase_status status = sim_turn_take(file->sim, OS_CALL_SIZE, &turn, err);
    if (turn == SIM_GOES) {
        *out_bytes = sim_disk_size(file->sim->disk, file->node);
    }
    sim_leave(file->sim);
    return status;
}

static pbase_status file_truncate(pbase_os_file *file, uint64_t size_bytes, pbase_error *err)
{
    sim_os *sim = file->sim;
    sim_turn turn;
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, OS_CALL_TRUNCATE, &turn, err);
    if (turn != SIM_FAILS) {
        pbase_status resized = sim_disk_resize(sim->disk, file->node, size_bytes,
                                               sim->wall_offset_ns + (int64_t)*sim_clock(sim), err);
        status = turn == SIM_DIES ? status : resized;
    }
    sim_leave(sim);
    return status;
}

static pbase_status file_allocate(pbase_os_file *file, uint64_t offset, uint64_t size,
                                  pbase_error *err)
{
    sim_turn turn;
    (void)offset; /* space is counted by size, so a reservation changes nothing */
    (void)size;
    sim_enter(file->sim);
    pbase_status status = sim_turn_take(file->sim, OS_CALL_ALLOCATE, &turn, err);
    sim_leave(file->sim);
    return status;
}

static pbase_status file_punch(pbase_os_file *file, uint64_t offset, uint64_t size,
                               pbase_error *err)
{
    sim_turn turn;
    sim_enter(file->sim);
    pbase_status status = sim_turn_take(file->sim, OS_CALL_PUNCH, &turn, err);
    if (turn != SIM_FAILS) {
        sim_disk_punch(file->sim->disk, file->node, offset, size);
    }
    sim_leave(file->sim);
    return status;
}

static pbase_status file_map(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                             const uint8_t **out_data, pbase_error *err)
{
    sim_os *sim = file->sim;
    sim_turn turn;
    pbase_os_map *map = pbase_alloc_new(&sim->memory, sizeof(*map));
    if (map == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "mapping a file");
    }
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, OS_CALL_MAP, &turn, err);
    if (turn == SIM_GOES && size == 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "mapping nothing");
    }
    if (status == PBASE_OK) {
        map->sim = sim;
        *out = map;
        *out_data = sim_disk_map(sim->disk, file->node, size);
        map = NULL;
    }
    sim_leave(sim);
    pbase_alloc_free(&sim->memory, map, sizeof(*map));
    return status;
}

/* What is stored there is seen by all, and never becomes durable. */
static pbase_status file_map_shared(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                                    uint8_t **out_data, pbase_error *err)
{
    const uint8_t *data = NULL;
    pbase_status status = file_map(file, size, out, &data, err);
    if (status == PBASE_OK) {
        *out_data = (uint8_t *)(uintptr_t)data;
    }
    return status;
}

static void file_unmap(pbase_os_map *map)
{
    if (map != NULL) {
        pbase_alloc_free(&map->sim->memory, map, sizeof(*map));
    }
}

/* True when another open has the file locked in a way that forbids `shared` or not. */
static bool is_locked(const sim_os *sim, const pbase_os_file *file, bool shared)
{
    for (const pbase_os_file *one = sim->locks; one != NULL; one = one->next_locked) {
        if (one != file && one->node == file->node && !(shared && one->shares)) {
            return true;
        }
    }
    return false;
}

static void locks_drop(pbase_os_file *file)
{
    for (pbase_os_file **at = &file->sim->locks; *at != NULL; at = &(*at)->next_locked) {
        if (*at == file) {
            *at = file->next_locked;
            break;
        }
    }
    file->locked = false;
}

/* With the lock of the simulation held. */
static pbase_status lock_take(pbase_os_file *file, bool shared, pbase_error *err)
{
    sim_os *sim = file->sim;
    if (is_locked(sim, file, shared)) {
        locks_drop(file);
        return PBASE_FAIL(err, PBASE_BUSY, "locked by process %u", SIM_PROCESS_ID);
    }
    if (!file->locked) {
        file->locked = true;
        file->next_locked = sim->locks;
        sim->locks = file;
    }
    file->shares = shared;
    return PBASE_OK;
}

static pbase_status file_lock(pbase_os_file *file, uint64_t *out_holder, pbase_error *err)
{
    sim_os *sim = file->sim;
    sim_turn turn;
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, OS_CALL_LOCK, &turn, err);
    if (turn == SIM_GOES) {
        status = lock_take(file, false, err);
    }
    if (status == PBASE_BUSY && out_holder != NULL) {
        *out_holder = SIM_PROCESS_ID;
    }
    sim_leave(sim);
    return status;
}

static pbase_status file_lock_try(pbase_os_file *file, bool shared, pbase_error *err)
{
    sim_os *sim = file->sim;
    sim_turn turn;
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, OS_CALL_LOCK, &turn, err);
    if (turn == SIM_GOES) {
        status = lock_take(file, shared, err);
    }
    sim_leave(sim);
    return status;
}

static void file_unlock(pbase_os_file *file)
{
    sim_enter(file->sim);
    locks_drop(file);
    sim_leave(file->sim);
}

static void file_close(pbase_os_file *file)
{
    if (file == NULL) {
        return;
    }
    file_unlock(file);
    pbase_alloc_free(&file->sim->memory, file, sizeof(*file));
}

static void file_pieces(pbase_os_file *file, pbase_os_pieces *out)
{
    sim_enter(file->sim);
    *out = file->sim->pieces;
    sim_leave(file->sim);
}

const pbase_os_file_ops sim_file_ops = {
    .struct_size = sizeof(pbase_os_file_ops),
    .open = file_open,
    .read = file_read,
    .write = file_write,
    .sync = file_sync,
    .size = file_size,
    .truncate = file_truncate,
    .allocate = file_allocate,
    .punch = file_punch,
    .map = file_map,
    .map_shared = file_map_shared,
    .unmap = file_unmap,
    .lock = file_lock,
    .lock_try = file_lock_try,
    .unlock = file_unlock,
    .close = file_close,
    .pieces = file_pieces,
};

/* ------------------------------------------------------------------------------ directories --- */

/* A change of names: `change` is done when the call goes or dies. */
static pbase_status names_change(const pbase_os *os, os_call kind, const char *path,
                                 const char *other,
                                 pbase_status (*change)(sim_os *sim, const char *path,
                                                        const char *other, pbase_error *err),
                                 pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_turn turn;
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, kind, &turn, err);
    if (turn == SIM_GOES) {
        status = change(sim, path, other, err);
    } else if (turn == SIM_DIES) {
        (void)change(sim, path, other, NULL); /* the machine stops in any case */
    }
    sim_leave(sim);
    return status;
}

static pbase_status make_directory(sim_os *sim, const char *path, const char *other,
                                   pbase_error *err)
{
    sim_node node;
    (void)other;
    return sim_disk_make(sim->disk, path, true, sim->wall_offset_ns + (int64_t)*sim_clock(sim),
                         &node, err);
}

static pbase_status rename_entry(sim_os *sim, const char *path, const char *other, pbase_error *err)
{
    return sim_disk_rename(sim->disk, path, other, err);
}

static pbase_status remove_file(sim_os *sim, const char *path, const char *other, pbase_error *err)
{
    (void)other;
    return sim_disk_remove(sim->disk, path, false, err);
}

static pbase_status remove_directory(sim_os *sim, const char *path, const char *other,
                                     pbase_error *err)
{
    (void)other;
    return sim_disk_remove(sim->disk, path, true, err);
}

static pbase_status directory_create(const pbase_os *os, const char *path, pbase_error *err)
{
    return names_change(os, OS_CALL_DIRECTORY_CREATE, path, NULL, make_directory, err);
}

static pbase_status directory_rename(const pbase_os *os, const char *from, const char *to,
                                     pbase_error *err)
{
    return names_change(os, OS_CALL_RENAME, from, to, rename_entry, err);
}

static pbase_status directory_remove_file(const pbase_os *os, const char *path, pbase_error *err)
{
    return names_change(os, OS_CALL_REMOVE, path, NULL, remove_file, err);
}

static pbase_status directory_remove_directory(const pbase_os *os, const char *path,
                                               pbase_error *err)
{
    return names_change(os, OS_CALL_REMOVE, path, NULL, remove_directory, err);
}

/* The names are copied first, so that `each` may use the rest of the os. */
typedef struct {
    char **names;
    size_t count;
} name_list;

static pbase_status name_list_add(void *state, const char *name, pbase_error *err)
{
    name_list *list = state;
    (void)err;
    char **grown = realloc(list->names, (list->count + 1) * sizeof(*grown));
    char *copy = strdup(name);
    if (grown == NULL || copy == NULL) {
        abort(); /* a test without memory cannot go on */
    }
    list->names = grown;
    list->names[list->count++] = copy;
    return PBASE_OK;
}

static pbase_status directory_list(const pbase_os *os, const char *path,
                                   pbase_status (*each)(void *state, const char *name,
                                                        pbase_error *err),
                                   void *state, pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_turn turn;
    name_list list = {0};
    sim_enter(sim);
    pbase_status status = sim_turn_take(sim, OS_CALL_DIRECTORY_LIST, &turn, err);
    if (turn == SIM_GOES) {
        status = sim_disk_list(sim->disk, path, name_list_add, &list, err);
    }
    sim_leave(sim);
    for (size_t i = 0; i < list.count; i++) {
        status = status != PBASE_OK ? status : each(state, list.names[i], err);
        free(list.names[i]);
    }
    free(list.names);
    return status;
}

/* Finds a node for one of the calls that only look. */
static pbase_status look(const pbase_os *os, os_call kind, const char *path, sim_node *out,
                         pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_turn turn;
    pbase_status status = sim_turn_take(sim, kind, &turn, err);
    return status != PBASE_OK ? status : sim_disk_find(sim->disk, path, out, err);
}

static pbase_status directory_sync(const pbase_os *os, const char *path, pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_node node = SIM_NODE_ROOT;
    sim_enter(sim);
    pbase_status status = look(os, OS_CALL_DIRECTORY_SYNC, path, &node, err);
    if (status == PBASE_OK && !sim->lies) {
        sim_disk_sync(sim->disk, node);
    }
    sim_leave(sim);
    return status;
}

static pbase_status directory_stat(const pbase_os *os, const char *path, pbase_os_stat *out,
                                   pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_node node = SIM_NODE_ROOT;
    sim_enter(sim);
    pbase_status status = look(os, OS_CALL_STAT, path, &node, err);
    if (status == PBASE_OK) {
        sim_disk_stat(sim->disk, node, out);
    }
    sim_leave(sim);
    return status;
}

static pbase_status directory_resolve(const pbase_os *os, const char *path, pbase_buffer *out,
                                      pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_node node;
    sim_enter(sim);
    pbase_status status = look(os, OS_CALL_STAT, path, &node, err);
    sim_leave(sim);
    if (status == PBASE_OK) { /* there are no links, so the text only has to become absolute */
        status = pbase_buffer_append_text(out, err, "%s%s", path[0] == '/' ? "" : "/", path);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(out, 0, err);
        out->size -= status == PBASE_OK; /* the NUL is not counted */
    }
    return status;
}

static pbase_status directory_space(const pbase_os *os, const char *path, uint64_t *out_free,
                                    uint64_t *out_total, pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_node node;
    sim_enter(sim);
    pbase_status status = look(os, OS_CALL_SPACE, path, &node, err);
    if (status == PBASE_OK) {
        uint64_t total = sim_disk_limit_get(sim->disk);
        uint64_t used = sim_disk_used(sim->disk);
        *out_total = total;
        *out_free = total > used ? total - used : 0;
    }
    sim_leave(sim);
    return status;
}

static pbase_status directory_network_type(const pbase_os *os, const char *path, char *out,
                                           pbase_error *err)
{
    sim_os *sim = sim_of(os);
    sim_node node;
    sim_enter(sim);
    pbase_status status = look(os, OS_CALL_STAT, path, &node, err);
    sim_leave(sim);
    if (status == PBASE_OK) {
        memcpy(out, sim->network_type, sizeof(sim->network_type));
    }
    return status;
}

const pbase_os_directory_ops sim_directory_ops = {
    .struct_size = sizeof(pbase_os_directory_ops),
    .create = directory_create,
    .list = directory_list,
    .sync = directory_sync,
    .rename = directory_rename,
    .remove_file = directory_remove_file,
    .remove_directory = directory_remove_directory,
    .stat = directory_stat,
    .resolve = directory_resolve,
    .space = directory_space,
    .network_type = directory_network_type,
};
