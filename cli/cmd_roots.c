/* cmd_roots.c - roots, drop: what there is, and getting rid of it. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

const char *cli_root_kind_name(uint32_t kind)
{
    return kind == PBASE_ROOT_VALUE ? "value" : pbase_collection_kind_name((int)kind);
}

static pbase_status print_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    cli *self = state;
    if (!self->json) {
        return cli_print(err, "%-32.*s %-11s %12" PRIu64 "\n", (int)root->name.size,
                         (const char *)root->name.data, cli_root_kind_name(root->kind),
                         root->count);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("name"), pbase_value_string(root->name)},
        {pbase_bytes_text("type"), pbase_value_text(cli_root_kind_name(root->kind))},
        {pbase_bytes_text("count"), pbase_value_int((int64_t)root->count)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

static pbase_status print_root_name(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)state;
    return cli_print(err, "%.*s\n", (int)root->name.size, (const char *)root->name.data);
}

CLI_COMMAND(cmd_roots)
{
    bool only_names = arguments->values[ROOTS_NAMES] != NULL;
    pbase_snapshot *snapshot = NULL;
    self->must_exist = only_names; /* shells ask for names: Tab must not make a space */
    pbase_status status = cli_open_snapshot(self, arguments->values[ROOTS_AS_OF], &snapshot, err);
    if (status == PBASE_OK) {
        status =
            pbase_snapshot_roots(snapshot, only_names ? print_root_name : print_root, self, err);
    }
    pbase_snapshot_close(snapshot);
    return status;
}

static pbase_status drop_body(pbase_txn *txn, void *state, pbase_error *err)
{
    const char *name = state;
    return pbase_txn_drop_root(txn, name, err);
}

CLI_COMMAND(cmd_drop)
{
    char name[PBASE_NAME_BYTES_MAX + 1];
    (void)snprintf(name, sizeof name, "%s", arguments->operands[0]);
    if (strlen(arguments->operands[0]) > PBASE_NAME_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a name has at most %u bytes", PBASE_NAME_BYTES_MAX);
    }
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK) {
        status = cli_run_in_txn(self, drop_body, name, err);
    }
    return status == PBASE_OK ? cli_print_done(self, "dropped", name, 1, err) : status;
}
