/* test_host.h - opens components from plugin files, as the host does, without YAML.
 *
 *     static const char *const settings[] = {"max_size", "1MiB", NULL};
 *     static const test_wiring memory = {"storage-memory", "storage", "memory", settings, NULL};
 *     test_host host;
 *     test_host_init(&host, pbase_os_real());
 *     status = test_wiring_open(&memory, &host, &graph, &err);
 *     ... test_graph_object(graph) is a pbase_storage * ...
 *     test_wiring_close(graph);
 *
 * A plugin is loaded through dlopen from the folders in PBASE_PLUGIN_DIR and PBASE_TEST_PLUGIN_DIR
 * and checked with the contract's own check. Settings are texts in YAML syntax, read by the
 * component's option table; a key or a value that it does not know ends the test program.
 * Threads: confined, but for what the components themselves do. */
#ifndef PBASE_TEST_HOST_H
#define PBASE_TEST_HOST_H
#include "fault_alloc.h"
#include "fault_plan.h"

#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>

typedef struct {
    pbase_host base;    /* what components are lent */
    fault_alloc memory; /* base.alloc: counts, and fails when told to */
    fault_plan faults;  /* of the components storage/faulty and block_provider/faulty */
} test_host;

/* Borrows `os`; the struct must not move afterwards. */
void test_host_init(test_host *host, const pbase_os *os);

/* One component, the settings it gets, and the one it stands on. */
typedef struct test_wiring test_wiring;
struct test_wiring {
    const char *plugin;          /* file name without .so */
    const char *kind;            /* PBASE_KIND_* */
    const char *name;            /* of the component */
    const char *const *settings; /* key, value, ..., NULL; NULL: none */
    const test_wiring *child;    /* fills the first slot; NULL: none */
};

/* The descriptor of one component. Ends the test program when it is not there. */
const pbase_component *test_component_load(const test_wiring *wiring);

typedef struct test_graph test_graph;
/* Opens leaves first. Nothing stays open after a failure. */
pbase_status test_wiring_open(const test_wiring *wiring, test_host *host, test_graph **out,
                              pbase_error *err);
/* Closes roots first. NULL is fine. */
void test_wiring_close(test_graph *graph);
/* The object of the outermost component: a pbase_storage * or pbase_blocks *. */
void *test_graph_object(test_graph *graph);
/* The graph of the child, NULL when there is none. */
test_graph *test_graph_child(test_graph *graph);

#endif
