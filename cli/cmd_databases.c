/* cmd_databases.c - the databases of a space: listing, making, renaming, copying, dropping. */
#include "commands.h"

#include <inttypes.h>

static pbase_status print_database(void *state, const char *name, pbase_error *err)
{
    cli *self = state;
    pbase_value text = pbase_value_text(name);
    return self->json ? cli_print_json(self, &text, err) : cli_print(err, "%s\n", name);
}

CLI_COMMAND(cmd_databases_list)
{
    self->must_exist = arguments->values[DATABASES_LIST_NAMES] != NULL;
    self->json = self->json && !self->must_exist;
    pbase_status status = cli_open_space(self, err);
    return status == PBASE_OK ? pbase_database_list(self->space, print_database, self, err)
                              : status;
}

/* A transaction belongs to one database, and the list of them to none. */
static pbase_status open_list(cli *self, pbase_error *err)
{
    pbase_status status =
        cli_check_no_txn(self, "a change of the list of databases is a commit of its own", err);
    return status == PBASE_OK ? cli_open_space(self, err) : status;
}

CLI_COMMAND(cmd_databases_create)
{
    const char *name = arguments->operands[0];
    pbase_status status = open_list(self, err);
    status = status == PBASE_OK ? pbase_database_create(self->space, name, err) : status;
    return status == PBASE_OK ? cli_print_done(self, "created", name, 1, err) : status;
}

CLI_COMMAND(cmd_databases_drop)
{
    const char *name = arguments->operands[0];
    pbase_status status = open_list(self, err);
    status = status == PBASE_OK ? pbase_database_drop(self->space, name, err) : status;
    return status == PBASE_OK ? cli_print_done(self, "dropped", name, 1, err) : status;
}

/* One name to another. */
typedef pbase_status (*database_change)(pbase_space *space, const char *from, const char *to,
                                        pbase_error *err);

static pbase_status change(cli *self, const cli_arguments *arguments, database_change run,
                           const char *verb, pbase_error *err)
{
    const char *name = arguments->operands[1];
    pbase_status status = open_list(self, err);
    status = status == PBASE_OK ? run(self->space, arguments->operands[0], name, err) : status;
    return status == PBASE_OK ? cli_print_done(self, verb, name, 1, err) : status;
}

CLI_COMMAND(cmd_databases_rename)
{
    return change(self, arguments, pbase_database_rename, "renamed", err);
}

CLI_COMMAND(cmd_databases_snapshot)
{
    return change(self, arguments, pbase_database_snapshot, "created", err);
}

CLI_COMMAND(cmd_databases_branch)
{
    return change(self, arguments, pbase_database_branch, "created", err);
}

static pbase_status print_info(void *state, const pbase_database_info *info, pbase_error *err)
{
    static const char *const kinds[] = {"database", "snapshot", "branch"};
    cli *self = state;
    if (!self->json) {
        return cli_print(err, "%-32s %-9s %12" PRIu64 " %s\n", info->name, kinds[info->kind],
                         info->sequence, info->origin);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("name"), pbase_value_text(info->name)},
        {pbase_bytes_text("kind"), pbase_value_text(kinds[info->kind])},
        {pbase_bytes_text("sequence"), pbase_value_int((int64_t)info->sequence)},
        {pbase_bytes_text("origin"),
         info->origin[0] == '\0' ? pbase_value_null() : pbase_value_text(info->origin)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

CLI_COMMAND(cmd_databases_info)
{
    (void)arguments;
    pbase_status status = cli_open_space(self, err);
    return status == PBASE_OK ? pbase_database_infos(self->space, print_info, self, err) : status;
}
