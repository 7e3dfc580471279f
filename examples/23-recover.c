/* 23-recover.c - saves what is left of a damaged space into a new one.
 *
 *     23-recover DAMAGED NEW        folders; exits with 1 when anything is lost */
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

int main(int argc, char **argv)
{
    pbase_error err;
    pbase_recover_report report;
    const pbase_recover_options options = {.each = tell};
    pbase_config_source from = PBASE_CONFIG_SOURCE_INIT, to = PBASE_CONFIG_SOURCE_INIT;
    if (argc != 3) {
        fprintf(stderr, "usage: 23-recover DAMAGED NEW\n");
        return 2;
    }
    from.data = argv[1];
    to.data = argv[2];
    pbase_error_init(&err);
    if (pbase_space_recover(&from, &to, &options, NULL, &report, &err) != PBASE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%" PRIu64 " entries saved, up to commit %" PRIu64 "\n", report.entries,
           report.sequence);
    return report.findings > 0;
}
