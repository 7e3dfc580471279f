/* transform_suite.h - what every transform must do, shipped, fake or a stranger's. */
#ifndef PBASE_TEST_TRANSFORM_SUITE_H
#define PBASE_TEST_TRANSFORM_SUITE_H
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

typedef struct {
    const char *name;
    /* The component's constructor, and the options it is given (fake_config.h). */
    pbase_status (*open)(const pbase_component_open *open, void **out, pbase_error *err);
    const pbase_config *config;
    uint32_t stage;         /* PBASE_TRANSFORM_* */
    size_t overhead_max;    /* bytes by which the output may exceed the input */
    bool is_deterministic;  /* the same input gives the same output */
    bool is_authenticating; /* the context is bound in, damage is always found */
} transform_subject;

/* Runs all of it as one cmocka group. Returns the number of failures. */
int transform_suite_run(const transform_subject *subject);

#endif
