/* cmd_index.c - secondary indexes: making, dropping, listing and checking them. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

/* ----------------------------------------------------------------------------- create and drop -- */

/* Where a comma ends a field, or the text: commas between double quotes belong to a name. */
static char *field_end(char *text)
{
    bool is_quoted = false;
    while (*text != '\0' && (is_quoted || *text != ',')) {
        is_quoted = is_quoted != (*text == '"');
        text++;
    }
    return text;
}

/* "city,name" as its fields, which point into a copy in the arena. */
static pbase_status split_fields(cli *self, const char *list, const char **out, size_t *out_count,
                                 pbase_error *err)
{
    char *text = pbase_arena_text(&self->arena, pbase_bytes_text(list));
    if (text == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the fields of an index");
    }
    for (;;) {
        char *end = field_end(text);
        bool is_last = *end == '\0';
        if (*out_count == PBASE_INDEX_FIELDS_MAX) {
            return cli_usage(err, "more than %u fields in '%s'", PBASE_INDEX_FIELDS_MAX, list);
        }
        if (end == text) {
            return cli_usage(err, "an empty field in '%s'", list);
        }
        *end = '\0';
        out[(*out_count)++] = text;
        if (is_last) {
            return PBASE_OK;
        }
        text = end + 1;
    }
}

static pbase_status check_no_txn(const cli *self, pbase_error *err)
{
    return cli_check_no_txn(self, "an index is made and dropped in a commit of its own", err);
}

CLI_COMMAND(cmd_index_create)
{
    const char *fields[PBASE_INDEX_FIELDS_MAX];
    const char *name = arguments->operands[1];
    pbase_index_options options = {.struct_size = sizeof options,
                                   .unique = arguments->values[INDEX_CREATE_UNIQUE] != NULL,
                                   .fields = fields};
    pbase_status status = check_no_txn(self, err);
    status = status == PBASE_OK
                 ? split_fields(self, arguments->operands[2], fields, &options.field_count, err)
                 : status;
    status = status == PBASE_OK ? cli_open_database(self, err) : status;
    if (status == PBASE_OK) {
        status = pbase_index_create(self->database, arguments->operands[0], name, &options,
                                    &self->call, err);
    }
    return status == PBASE_OK ? cli_print_done(self, "created", name, 1, err) : status;
}

CLI_COMMAND(cmd_index_drop)
{
    const char *name = arguments->operands[1];
    pbase_status status = check_no_txn(self, err);
    status = status == PBASE_OK ? cli_open_database(self, err) : status;
    if (status == PBASE_OK) {
        status = pbase_index_drop(self->database, arguments->operands[0], name, &self->call, err);
    }
    return status == PBASE_OK ? cli_print_done(self, "dropped", name, 1, err) : status;
}

/* ---------------------------------------------------------------------------------------- list -- */

static pbase_status print_json_index(cli *self, const pbase_index_info *info, pbase_error *err)
{
    pbase_value names[PBASE_INDEX_FIELDS_MAX];
    for (size_t i = 0; i < info->field_count; i++) {
        names[i] = pbase_value_string(info->fields[i]);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("collection"), pbase_value_string(info->root)},
        {pbase_bytes_text("name"), pbase_value_string(info->name)},
        {pbase_bytes_text("fields"), pbase_value_list(names, info->field_count)},
        {pbase_bytes_text("unique"), pbase_value_bool(info->unique)},
        {pbase_bytes_text("multikey"), pbase_value_bool(info->multikey)},
        {pbase_bytes_text("entries"), pbase_value_int((int64_t)info->entries)},
        {pbase_bytes_text("cut"), pbase_value_int((int64_t)info->cut)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

static pbase_status print_index(void *state, const pbase_index_info *info, pbase_error *err)
{
    cli *self = state;
    if (self->json) {
        return print_json_index(self, info, err);
    }
    pbase_status status = cli_print(err, "%-24.*s %-24.*s %12" PRIu64 " ", (int)info->root.size,
                                    (const char *)info->root.data, (int)info->name.size,
                                    (const char *)info->name.data, info->entries);
    for (size_t i = 0; i < info->field_count && status == PBASE_OK; i++) {
        status = cli_print(err, "%s%.*s", i == 0 ? "" : ",", (int)info->fields[i].size,
                           (const char *)info->fields[i].data);
    }
    return status == PBASE_OK ? cli_print(err, "%s%s\n", info->unique ? " unique" : "",
                                          info->multikey ? " multikey" : "")
                              : status;
}

CLI_COMMAND(cmd_index_list)
{
    const char *root = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_status status = cli_open_snapshot(self, NULL, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_index_list(snapshot, root, print_index, self, err);
    }
    pbase_snapshot_close(snapshot);
    return status;
}

/* --------------------------------------------------------------------------------------- check -- */

static pbase_status print_index_report(cli *self, const pbase_index_report *report,
                                       pbase_error *err)
{
    if (!self->json) {
        return cli_print(err,
                         "%" PRIu64 " indexes, %" PRIu64 " entries compared with %" PRIu64
                         " rows; %" PRIu64 " findings\n",
                         report->indexes, report->entries, report->rows, report->findings);
    }
    pbase_field fields[] = {
        {pbase_bytes_text("indexes"), pbase_value_int((int64_t)report->indexes)},
        {pbase_bytes_text("entries"), pbase_value_int((int64_t)report->entries)},
        {pbase_bytes_text("rows"), pbase_value_int((int64_t)report->rows)},
        {pbase_bytes_text("findings"), pbase_value_int((int64_t)report->findings)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &line, err);
}

CLI_COMMAND(cmd_index_check)
{
    const char *root = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
    const char *name = arguments->operand_count > 1 ? arguments->operands[1] : NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_index_report report = {.findings = 0};
    pbase_status status = cli_open_snapshot(self, NULL, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_index_check(snapshot, root, name, &self->call, cli_print_finding, self,
                                   &report, err);
    }
    pbase_snapshot_close(snapshot);
    status = status == PBASE_OK ? print_index_report(self, &report, err) : status;
    if (status == PBASE_OK && report.findings > 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "%" PRIu64 " findings", report.findings);
        pbase_error_hint(err, "drop the index and create it again: the collection is not touched");
    }
    return status;
}
