/* database_info.c - what databases there are, and where each came from.
 *
 * Infos are gathered from one state before anybody is told, so that whoever is told may do anything. */
#include "space/space_private.h"
#include "txn/catalog.h"

typedef struct {
    pbase_arena *arena;
    pbase_database_info *infos;
    uint64_t *origins; /* ids, parallel to infos; 0: none */
    size_t count, capacity;
} info_list;

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to describe databases");
}

static pbase_status list_grow(info_list *list, pbase_error *err)
{
    size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    pbase_database_info *infos = pbase_arena_array(list->arena, capacity, sizeof *infos);
    uint64_t *origins = pbase_arena_array(list->arena, capacity, sizeof *origins);
    if (infos == NULL || origins == NULL) {
        return no_memory(err);
    }
    if (list->count > 0) {
        memcpy(infos, list->infos, list->count * sizeof *infos);
        memcpy(origins, list->origins, list->count * sizeof *origins);
    }
    list->infos = infos;
    list->origins = origins;
    list->capacity = capacity;
    return PBASE_OK;
}

static pbase_status collect(void *state, const catalog_entry *entry, pbase_error *err)
{
    info_list *list = state;
    if (list->count == list->capacity) {
        pbase_status status = list_grow(list, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    char *name = pbase_arena_text(list->arena, entry->name);
    if (name == NULL) {
        return no_memory(err);
    }
    list->origins[list->count] = entry->kind == DATABASE_PLAIN ? 0 : entry->origin;
    list->infos[list->count++] = (pbase_database_info){.struct_size = sizeof(pbase_database_info),
                                                       .kind = entry->kind,
                                                       .sequence = entry->id,
                                                       .name = name,
                                                       .origin = ""};
    return PBASE_OK;
}

/* From ids to names: infos come in the order of ids, which are the sequences of their making. */
static const char *name_of(const info_list *list, uint64_t id)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->infos[middle].sequence < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < list->count && list->infos[low].sequence == id ? list->infos[low].name : "";
}

static pbase_status gather(pbase_space *space, info_list *list, pbase_error *err)
{
    pbase_status status = space_refresh(space, err);
    if (status != PBASE_OK) {
        return status;
    }
    space_state *newest = engine_state(space->engine);
    status = catalog_databases(newest, collect, list, err);
    space_state_unref(newest);
    for (size_t i = 0; i < list->count && status == PBASE_OK; i++) {
        list->infos[i].origin = list->origins[i] == 0 ? "" : name_of(list, list->origins[i]);
    }
    return status;
}

/* Insertion sort by name: databases are few and nearly in order. */
static void sort_by_name(pbase_database_info *infos, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        pbase_database_info info = infos[i];
        size_t at = i;
        while (at > 0 && strcmp(infos[at - 1].name, info.name) > 0) {
            infos[at] = infos[at - 1];
            at--;
        }
        infos[at] = info;
    }
}

pbase_status pbase_database_infos(pbase_space *space, pbase_database_info_each each, void *state,
                                  pbase_error *err)
{
    pbase_arena arena;
    info_list list = {.arena = &arena};
    pbase_arena_init(&arena, space->host->alloc);
    pbase_status status = gather(space, &list, err);
    sort_by_name(list.infos, list.count);
    for (size_t i = 0; i < list.count && status == PBASE_OK; i++) {
        status = each(state, &list.infos[i], err);
    }
    pbase_arena_fini(&arena);
    return status;
}

typedef struct {
    pbase_status (*each)(void *state, const char *name, pbase_error *err);
    void *state;
} name_teller;

static pbase_status tell_name(void *state, const pbase_database_info *info, pbase_error *err)
{
    const name_teller *teller = state;
    return teller->each(teller->state, info->name, err);
}

pbase_status pbase_database_list(pbase_space *space,
                                 pbase_status (*each)(void *state, const char *name,
                                                      pbase_error *err),
                                 void *state, pbase_error *err)
{
    name_teller teller = {.each = each, .state = state};
    return pbase_database_infos(space, tell_name, &teller, err);
}

pbase_status pbase_database_describe(pbase_space *space, const char *name, pbase_arena *arena,
                                     pbase_database_info *out, pbase_error *err)
{
    info_list list = {.arena = arena};
    pbase_status status = gather(space, &list, err);
    for (size_t i = 0; i < list.count && status == PBASE_OK; i++) {
        if (strcmp(list.infos[i].name, name) == 0) {
            *out = list.infos[i];
            return PBASE_OK;
        }
    }
    if (status == PBASE_OK) { /* to name the nearest one */
        catalog_entry ignored;
        space_state *newest = engine_state(space->engine);
        status = catalog_database_find(newest, pbase_bytes_text(name), &ignored, err);
        space_state_unref(newest);
    }
    return status == PBASE_OK ? pbase_database_describe(space, name, arena, out, err) : status;
}
