/* serializer_suite.h - what every serializer must do, shipped, fake or a stranger's.
 *
 * A test program describes its subject and runs the suite; what is special to one format (its
 * bytes, its places of errors) is tested beside it. */
#ifndef PBASE_TEST_SERIALIZER_SUITE_H
#define PBASE_TEST_SERIALIZER_SUITE_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

typedef struct {
    const char *name;
    /* The component's constructor; it is given a host and no options. */
    pbase_status (*open)(const pbase_component_open *open, void **out, pbase_error *err);
    uint32_t kinds;        /* 1u << PBASE_NULL | ...: what it carries; the rest is UNSUPPORTED */
    bool describes_itself; /* any value can be told from garbage: malformed input is possible */
} serializer_subject;

#define SERIALIZER_KINDS_ALL ((2u << PBASE_CHILD) - 1u)

/* Runs all of it as one cmocka group. Returns the number of failures. */
int serializer_suite_run(const serializer_subject *subject);

#endif
