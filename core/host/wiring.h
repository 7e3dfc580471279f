/* wiring.h - from a configuration to a live graph of components.
 *
 * wiring_open reads the configuration, finds the plugins it names through their notes, checks every
 * option, and only when all of it is right loads those plugins and opens the components: leaves
 * (block providers) before what stands on them (the storage), codecs last. wiring_close ends them
 * in the reverse order. On failure nothing stays open.
 *
 * Codecs that the configuration does not list are opened on demand, with their defaults, so that
 * data written by them stays readable.
 *
 * Threads: synchronized; open and close are for one thread. */
#ifndef PROTOBASE_HOST_WIRING_H
#define PROTOBASE_HOST_WIRING_H
#include <protobase/config.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>

typedef struct wiring wiring;

typedef struct {
    const pbase_os *os;        /* reads the configuration, lent to plugins; NULL: the real one */
    const pbase_os *loader_os; /* reads plugin files; NULL: the real one */
    const pbase_log *log;      /* lent to plugins; may be NULL */
    /* Plugins linked into the program: found before any file. Borrowed until close. */
    const pbase_plugin *const *builtins;
    size_t builtin_count;
    pbase_config_problem_each report; /* each problem of the configuration; NULL: only `err` */
    void *report_state;
} wiring_options;

/* One open codec. Exactly one of serializer and transform is set. Lent until wiring_close. */
typedef struct {
    const char *name;           /* "msgpack" */
    const char *plugin_version; /* "1.0.0" */
    uint32_t format_version;
    uint32_t stage; /* of a transform: PBASE_TRANSFORM_* */
    bool writes;    /* of a transform: new records and nodes go through it */
    pbase_serializer *serializer;
    pbase_transform *transform;
    const pbase_codec_table_ops *tables; /* NULL: it owns none */
} wiring_codec;

/* Options NULL: all defaults. CONFIG with `err` describing the first problem (all go to report);
 * PLUGIN when one cannot be loaded; what a component's open said otherwise, with its name and place
 * put before it. */
pbase_status wiring_open(const pbase_config_source *source, const wiring_options *options,
                         wiring **out, pbase_error *err);
/* Everything of it but opening: no component is made and nothing is touched. Only wiring_path and
 * wiring_os may be asked of it; ended by wiring_close. */
pbase_status wiring_plan(const pbase_config_source *source, const wiring_options *options,
                         wiring **out, pbase_error *err);
/* Ends roots first, then leaves. NULL is fine. Nothing else may be using it. */
void wiring_close(wiring *self);

/* What was opened. All lent until wiring_close. */
pbase_storage *wiring_storage(const wiring *self);
/* The keys of the mapping `storage:`: the component's own options and those of core
 * (pbase_config_core_options): durability, checkpoint_bytes, the caches. */
const pbase_config *wiring_storage_config(const wiring *self);
/* The paths of this machine that the storage keeps bytes at, as configured: those that options of block
 * providers name. NULL from the number of them on; none for memory or what lies elsewhere. */
const char *wiring_path(const wiring *self, size_t index);
/* "storage/file", and the plugin's version. */
const char *wiring_storage_label(const wiring *self);
const pbase_host *wiring_host(const wiring *self);
const pbase_os *wiring_os(const wiring *self);
/* What reading the configuration, looking for plugins and loading them took. */
uint64_t wiring_parts_ns(const wiring *self);

/* PBASE_DURABILITY_* of the key `durability`: offered by the storage, that has been checked. */
int32_t wiring_durability(const wiring *self);

/* The serializer of new values: the first one of `codecs`. */
const wiring_codec *wiring_serializer(const wiring *self);
/* The transforms that are listed, in the order they are applied when writing. */
size_t wiring_transform_count(const wiring *self);
const wiring_codec *wiring_transform(const wiring *self, size_t index);

/* Any codec by name, opened with its defaults if the configuration does not list it. PLUGIN: not
 * installed, naming the codec and the file expected; CONFIG: it has required options, so it must be
 * listed. The same pointer each time. Any thread. */
pbase_status wiring_codec_find(wiring *self, const char *name, const wiring_codec **out,
                               pbase_error *err);

#endif
