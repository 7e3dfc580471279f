/* inspection.h - one plugin file held against the rules, without running its code.
 *
 * Rules are those of <protobase/plugins.h>. A broken rule is reported and the next ones are still
 * checked, unless they need what could not be read. */
#ifndef PROTOBASE_HOST_INSPECTION_H
#define PROTOBASE_HOST_INSPECTION_H
#include "host/trust.h"
#include <protobase/plugins.h>

typedef struct {
    pbase_plugin_info info; /* status PBASE_PLUGIN and the first problem when a rule is broken */
    pbase_bytes note;       /* NULL: none was found */
} inspection;

typedef struct {
    const pbase_os *os;
    const trust *trust; /* of the file; its folder is the caller's to check */
    pbase_arena *arena;
    pbase_plugin_finding_each each; /* NULL: nobody listens */
    void *state;
} inspection_options;

/* Inspects the file at `path`, resolved but for a symbolic link at its end. OK whatever was found;
 * NO_MEMORY. The first half looks at the file and finds its note, the second reads that: reading
 * takes longer than all else, and who looks for one plugin need not read what the others say. */
pbase_status inspection_begin(const inspection_options *options, const char *path, inspection *out,
                              pbase_error *err);
/* Once after `begin`; the trust is not asked any more. */
pbase_status inspection_finish(const inspection_options *options, inspection *out,
                               pbase_error *err);
/* Both. */
pbase_status inspection_run(const inspection_options *options, const char *path, inspection *out,
                            pbase_error *err);

/* Reads `json` (the note of a plugin) into out->info, as for the file NAME.so. */
pbase_status inspection_read_note(const inspection_options *options, pbase_bytes json,
                                  const char *name, inspection *out, pbase_error *err);

/* Reports one broken rule from an error, and keeps the first in `out`. */
void inspection_note_finding(const inspection_options *options, inspection *out, int32_t rule,
                             const pbase_error *cause);

#endif
