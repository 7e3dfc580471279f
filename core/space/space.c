/* space.c - from a configuration to an open space and back.
 *
 * Opened in this order, closed in the reverse: the graph of components (host/), the store with its
 * codecs, the commit engine with recovery. */
#include "space/snapshot.h"
#include "txn/sweep.h"

#include "collection/tree.h"
#include "os/os.h"

#include <inttypes.h>
#include <protobase/io.h>
#include <protobase/protobase.h>

const char *pbase_version(void)
{
    return PBASE_VERSION_STRING;
}

/* ------------------------------------------------------------------------------- codecs ---- */

static pbase_status find_codec(codec_provider *self, const char *name, const wiring_codec **out,
                               pbase_error *err)
{
    return wiring_codec_find(((wiring_codecs *)self)->graph, name, out, err);
}

static pbase_status wrong_role(const char *name, const char *role, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_PLUGIN, "codec '%s' is not a %s", name, role);
}

static pbase_status provide_serializer(codec_provider *self, const char *name,
                                       pbase_serializer **out, pbase_error *err)
{
    const wiring_codec *codec = NULL;
    pbase_status status = find_codec(self, name, &codec, err);
    if (status == PBASE_OK && codec->serializer == NULL) {
        status = wrong_role(name, "serializer", err);
    }
    if (status == PBASE_OK) {
        *out = codec->serializer;
    }
    return status;
}

static pbase_status provide_transform(codec_provider *self, const char *name, pbase_transform **out,
                                      pbase_error *err)
{
    const wiring_codec *codec = NULL;
    pbase_status status = find_codec(self, name, &codec, err);
    if (status == PBASE_OK && codec->transform == NULL) {
        status = wrong_role(name, "transform", err);
    }
    if (status == PBASE_OK) {
        *out = codec->transform;
    }
    return status;
}

static const pbase_codec_table_ops *provide_tables(codec_provider *self, const char *name)
{
    const wiring_codec *codec = NULL;
    pbase_status status = find_codec(self, name, &codec, NULL);
    return status == PBASE_OK ? codec->tables : NULL; /* it was given before: it is found */
}

/* --------------------------------------------------------------------------------- open ---- */

static atom_cache_options cache_options(const pbase_config *config, const char *size,
                                        const char *entries)
{
    atom_cache_options options = {
        .bytes_max = (uint64_t)pbase_config_int(config, size),
        .entries_max = (uint64_t)pbase_config_int(config, entries),
        .stripes = (uint32_t)pbase_config_int(config, "cache_stripes"),
    };
    return options;
}

/* One compresses, one encrypts: the plan refuses more. */
#define WRITING_TRANSFORMS_MAX 2u

/* The names of those that new data goes through. */
static size_t writing_transforms(const wiring *graph, const char **out)
{
    size_t count = 0;
    for (size_t i = 0; i < wiring_transform_count(graph); i++) {
        const wiring_codec *listed = wiring_transform(graph, i);
        if (listed->writes) {
            PBASE_ASSERT(count < WRITING_TRANSFORMS_MAX);
            out[count++] = listed->name;
        }
    }
    return count;
}

static pbase_status open_store(pbase_space *self, codec_table_opening opening, pbase_error *err)
{
    const pbase_config *config = wiring_storage_config(self->graph);
    const char *transforms[WRITING_TRANSFORMS_MAX];
    size_t count = writing_transforms(self->graph, transforms);
    store_options wanted = {
        .host = self->host,
        .storage = wiring_storage(self->graph),
        .codecs = &self->codecs.base,
        .serializer = wiring_serializer(self->graph)->name,
        .transforms = transforms,
        .transform_count = count,
        .object_cache = cache_options(config, "object_cache_size", "object_cache_entries"),
        .bytes_cache = cache_options(config, "bytes_cache_size", "bytes_cache_entries"),
        .write_through = pbase_config_bool(config, "cache_write_through"),
        .use_map = true, /* a storage configured without one does not offer it */
        .opening = opening,
        .check_node = tree_atom_check,
        .patch_leaves = (uint64_t)pbase_config_int(config, "patch_leaves"),
    };
    return store_open(&wanted, &self->bytes, err);
}

static pbase_status open_engine(pbase_space *self, pbase_error *err)
{
    const pbase_config *config = wiring_storage_config(self->graph);
    engine_options wanted = {
        .host = self->host,
        .bytes = self->bytes,
        .storage = wiring_storage(self->graph),
        .durability = wiring_durability(self->graph),
        .checkpoint_bytes = (uint64_t)pbase_config_int(config, "checkpoint_bytes"),
        .retention = {.age_ns = (uint64_t)pbase_config_int(config, "retention_age"),
                      .count = (uint64_t)pbase_config_int(config, "retention_count"),
                      .bytes = (uint64_t)pbase_config_int(config, "retention_bytes")},
    };
    return engine_open(&wanted, &self->engine, err);
}

static pbase_status open_bytes(pbase_space *self, codec_table_opening opening, pbase_error *err)
{
    self->codecs.base.serializer = provide_serializer;
    self->codecs.base.transform = provide_transform;
    self->codecs.base.tables = provide_tables;
    self->codecs.graph = self->graph;
    pbase_status status = open_store(self, opening, err);
    if (status == PBASE_OK) {
        store_coder_init(&self->coder, self->bytes);
    }
    return status;
}

static pbase_status open_parts(pbase_space *self, const pbase_space_options *options,
                               pbase_error *err)
{
    pbase_status status =
        open_bytes(self, options->must_exist ? CODEC_TABLE_FIND : CODEC_TABLE_MAKE, err);
    return status == PBASE_OK ? open_engine(self, err) : status;
}

pbase_status space_open_parts(const pbase_config_source *config,
                              pbase_status (*prepare)(void *state, pbase_storage *storage,
                                                      pbase_error *err),
                              void *state, pbase_space **out, pbase_error *err)
{
    const wiring_options wanted = {.os = config->os};
    wiring *graph = NULL;
    pbase_status status = wiring_open(config, &wanted, &graph, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_host *host = wiring_host(graph);
    pbase_space *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        wiring_close(graph);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a space");
    }
    self->host = host;
    self->graph = graph;
    status = prepare == NULL ? PBASE_OK : prepare(state, wiring_storage(graph), err);
    if (status == PBASE_OK) {
        status = open_bytes(self, CODEC_TABLE_SALVAGE, err);
    }
    if (status != PBASE_OK) {
        pbase_space_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

pbase_status pbase_space_open(const pbase_config_source *config, const pbase_space_options *options,
                              pbase_space **out, pbase_error *err)
{
    pbase_space_options chosen = PBASE_SPACE_OPTIONS_INIT;
    if (options != NULL) {
        chosen = *options;
    }
    wiring_options wanted = {.os = chosen.os,
                             .log = chosen.log,
                             .report = chosen.report,
                             .report_state = chosen.report_state};
    const pbase_os *os = chosen.os != NULL    ? chosen.os
                         : config->os != NULL ? config->os
                                              : pbase_os_real();
    uint64_t began_ns = os->system->monotonic_ns(os);
    wiring *graph = NULL;
    pbase_status status = wiring_open(config, &wanted, &graph, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_host *host = wiring_host(graph);
    pbase_space *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        wiring_close(graph);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a space");
    }
    self->host = host;
    self->graph = graph;
    status = open_parts(self, &chosen, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "opening the space on %s", wiring_storage_label(graph));
        pbase_space_close(self);
        return status;
    }
    self->open_ns = os->system->monotonic_ns(os) - began_ns;
    *out = self;
    return PBASE_OK;
}

void pbase_space_close(pbase_space *space)
{
    if (space == NULL) {
        return;
    }
    if (space->engine != NULL && space_check_process(space, NULL) != PBASE_OK) {
        return; /* a child after fork: everything is the parent's */
    }
    wiring *graph = space->graph;
    snapshots_end(space);
    engine_close(space->engine);
    store_close(space->bytes);
    pbase_alloc_free(space->host->alloc, space, sizeof *space);
    wiring_close(graph);
}

pbase_status space_check_process(const pbase_space *space, pbase_error *err)
{
    return engine_process_check(space->engine, err);
}

pbase_status space_refresh(const pbase_space *space, pbase_error *err)
{
    pbase_status status = engine_process_check(space->engine, err);
    return status == PBASE_OK ? engine_refresh(space->engine, err) : status;
}

/* ------------------------------------------------------------------------------ the rest ---- */

pbase_status pbase_space_checkpoint(pbase_space *space, const pbase_call *call, pbase_error *err)
{
    pbase_status status = space_check_process(space, err);
    return status == PBASE_OK ? engine_checkpoint(space->engine, call, err) : status;
}

pbase_status pbase_space_compact_with(pbase_space *space, const pbase_compact_options *options,
                                      const pbase_call *call, pbase_compact_report *out,
                                      pbase_error *err)
{
    sweep_report report = {.segments = 0};
    sweep_listener listener = {NULL, NULL};
    pbase_status status = space_check_process(space, err);
    if (status == PBASE_OK && options != NULL && options->struct_size < sizeof *options) {
        status = PBASE_FAIL(err, PBASE_INVALID, "options of %" PRIu32 " bytes, %zu are expected",
                            options->struct_size, sizeof *options);
    } else if (options != NULL) {
        listener = (sweep_listener){options->progress, options->state};
    }
    if (status == PBASE_OK) {
        status = engine_compact(space->engine, call, &listener, &report, err);
    }
    if (status == PBASE_OK && out != NULL) {
        *out = (pbase_compact_report){.segments = report.segments,
                                      .bytes = report.bytes,
                                      .live_bytes = report.live_bytes,
                                      .freed_segments = report.freed_segments,
                                      .freed_bytes = report.freed_bytes};
    }
    return status;
}

pbase_status pbase_space_compact(pbase_space *space, const pbase_call *call,
                                 pbase_compact_report *out, pbase_error *err)
{
    return pbase_space_compact_with(space, NULL, call, out, err);
}

pbase_status pbase_space_sync(pbase_space *space, const pbase_call *call, pbase_error *err)
{
    pbase_status status = space_check_process(space, err);
    return status == PBASE_OK ? engine_sync(space->engine, call, err) : status;
}

pbase_status pbase_space_outcome(pbase_space *space, const pbase_call *call, pbase_token token,
                                 bool *out_applied, pbase_error *err)
{
    pbase_status status = space_check_process(space, err);
    return status == PBASE_OK ? engine_outcome(space->engine, call, token, out_applied, err)
                              : status;
}

void pbase_space_recovery(const pbase_space *space, pbase_recovery *out)
{
    engine_recovery(space->engine, out);
}

/* --------------------------------------------------------------------------------- JSON ---- */

static pbase_status json_codec(pbase_space *space, pbase_serializer **out, pbase_error *err)
{
    return provide_serializer(&space->codecs.base, "json", out, err);
}

pbase_status pbase_json_parse(pbase_space *space, pbase_bytes text, pbase_arena *arena,
                              pbase_value *out, pbase_error *err)
{
    pbase_serializer *json = NULL;
    pbase_status status = json_codec(space, &json, err);
    return status == PBASE_OK ? pbase_serializer_decode(json, text, NULL, arena, out, err) : status;
}

pbase_status pbase_json_format(pbase_space *space, const pbase_value *value, pbase_buffer *out,
                               pbase_error *err)
{
    pbase_serializer *json = NULL;
    pbase_status status = json_codec(space, &json, err);
    return status == PBASE_OK ? pbase_serializer_encode(json, value, out, err) : status;
}
