/* stats.c - the figures of a store and of its caches (docs/stats.md). */
#include "store/store_private.h"

#include <stdio.h>

typedef struct {
    const char *name;
    uint64_t value;
    const char *unit;
} figure;

static pbase_status tell(const figure *figures, size_t count, pbase_stat_each each, void *state,
                         pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = each(state, figures[i].name, figures[i].value, figures[i].unit, err);
    }
    return status;
}

/* The figures of one cache, under its name. */
static pbase_status tell_cache(atom_cache *cache, const char *prefix, pbase_stat_each each,
                               void *state, pbase_error *err)
{
    atom_cache_stats now;
    const latency *loads = atom_cache_load_latency(cache);
    atom_cache_stats_get(cache, &now);
    const figure figures[] = {
        {"bytes", now.bytes, "bytes"},
        {"entries", now.entries, "count"},
        {"hits", now.hits, "count"},
        {"shared", now.shared, "count"},
        {"misses", now.misses, "count"},
        {"insertions", now.insertions, "count"},
        {"evictions", now.evictions, "count"},
        {"load_p50", latency_quantile(loads, 500), "ns"},
        {"load_p99", latency_quantile(loads, 990), "ns"},
    };
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < sizeof figures / sizeof figures[0] && status == PBASE_OK; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s_%s", prefix, figures[i].name);
        status = each(state, name, figures[i].value, figures[i].unit, err);
    }
    return status;
}

pbase_status latency_tell(const latency *times, const char *prefix, pbase_stat_each each,
                          void *state, pbase_error *err)
{
    static const struct {
        const char *name;
        uint32_t per_mille;
    } quantiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}};
    char name[64];
    (void)snprintf(name, sizeof name, "%s_timed", prefix);
    pbase_status status = each(state, name, latency_count(times), "count", err);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0] && status == PBASE_OK; i++) {
        (void)snprintf(name, sizeof name, "%s_%s", prefix, quantiles[i].name);
        status = each(state, name, latency_quantile(times, quantiles[i].per_mille), "ns", err);
    }
    return status;
}

pbase_status store_stats(store *self, pbase_stat_each each, void *state, pbase_error *err)
{
    const figure figures[] = {
        {"memory_atoms", atomic_load(&self->atoms.memory_count), "count"},
        {"memory_atom_bytes", atomic_load(&self->atoms.memory_bytes), "bytes"},
        {"atoms_written", atomic_load(&self->atoms_written), "count"},
        {"atom_bytes_written", atomic_load(&self->atom_bytes_written), "bytes"},
        {"patches_written", atomic_load(&self->patches_written), "count"},
        {"patches_folded", atomic_load(&self->atoms.patches_folded), "count"},
        {"atoms_verified", atomic_load(&self->atoms_verified), "count"},
    };
    pbase_status status = tell(figures, sizeof figures / sizeof figures[0], each, state, err);
    status = status == PBASE_OK ? latency_tell(&self->reads, "read", each, state, err) : status;
    status =
        status == PBASE_OK ? latency_tell(&self->loads, "first_touch", each, state, err) : status;
    status =
        status == PBASE_OK ? tell_cache(self->objects, "object_cache", each, state, err) : status;
    return status == PBASE_OK ? tell_cache(self->stored, "bytes_cache", each, state, err) : status;
}
