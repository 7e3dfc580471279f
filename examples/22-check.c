/* 22-check.c - verifies a space and says what is damaged, and what it serves.
 *
 *     22-check FOLDER        a space of files; exits with 1 when something is damaged */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

static pbase_status tell(void *state, pbase_status code, const char *place, const char *message,
                         pbase_error *err)
{
    (void)state;
    (void)err;
    printf("%s: %s: %s\n", pbase_status_name(code), place, message);
    return PBASE_OK;
}

static pbase_status show(void *state, uint64_t done, uint64_t total, pbase_error *err)
{
    (void)state;
    (void)err;
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " bytes\n", done, total);
    return PBASE_OK;
}

int main(int argc, char **argv)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_check_report report = {0};
    pbase_check_options options = {.each = tell, .progress = show};
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.data = argc == 2 ? argv[1] : NULL;
    place.memory = argc != 2;
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    if (status == PBASE_OK) {
        status = pbase_space_check_with(space, &options, NULL, &report, &err);
    }
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%" PRIu64 " databases, %" PRIu64 " atoms, %" PRIu64 " findings\n", report.databases,
           report.atoms, report.findings);
    return report.findings > 0;
}
