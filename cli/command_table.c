/* command_table.c - every command, once: dispatch and help read this table. */
#include "commands.h"

#define NO_OPTIONS                                                                                 \
    (const cli_option[])                                                                           \
    {                                                                                              \
        {                                                                                          \
            NULL, NULL, NULL, false                                                                \
        }                                                                                          \
    }

static const cli_option import_options[] = {
    [IMPORT_FORMAT] = {"--format", "FORMAT", "jsonl (default): one value a line; json: one array",
                       false},
    [IMPORT_KEY] = {"--key", "FIELD", "a dictionary keyed by that field of each document", false},
    [IMPORT_TYPE] = {"--type", "TYPE", "dict (with --key), list (default without) or set", false},
    [IMPORT_BATCH] = {"--batch", "N", "records in one transaction (default 10000)", false},
    [IMPORT_REJECTS] = {"--rejects", "FILE", "bad rows go there instead of ending the import",
                        false},
    {NULL, NULL, NULL, false},
};
static const cli_option export_options[] = {
    [EXPORT_FORMAT] = {"--format", "FORMAT", "jsonl (default) or json: one array", false},
    [EXPORT_KEYS] = {"--keys", NULL, "write {\"key\": ..., \"value\": ...} for each entry", false},
    {NULL, NULL, NULL, false},
};
static const cli_option query_options[] = {
    [QUERY_PLAN] = {"--plan", "FILE", "a JSON plan instead of TEXT; - reads standard input", false},
    [QUERY_FORMAT] = {"--format", "FORMAT", "table (default on a terminal), jsonl, json or csv",
                      false},
    [QUERY_PARAM] = {"--param", "NAME=VALUE", "parameter $NAME; may be given again", true},
    [QUERY_TIMEOUT] = {"--timeout", "DURATION", "give up after it: 500ms, 10s, 2m", false},
    {NULL, NULL, NULL, false},
};
static const cli_option explain_options[] = {
    [EXPLAIN_FORMAT] = {"--format", "FORMAT", "text (default), json, or plan: the JSON plan",
                        false},
    {NULL, NULL, NULL, false},
};

const cli_command cli_commands[] = {
    {"import", "COLLECTION FILE", "documents in; FILE - is standard input",
     "protobase import people people.jsonl --key id", import_options, 2, 2, cmd_import},
    {"export", "COLLECTION", "documents out, in collection order",
     "protobase export people --format json", export_options, 1, 1, cmd_export},
    {"put", "COLLECTION KEY JSON", "store one entry of a dictionary",
     "protobase put people 7 '{\"name\": \"Ada\"}'", NO_OPTIONS, 3, 3, cmd_put},
    {"get", "COLLECTION [KEY]", "one entry, or the collection's description",
     "protobase get people 7", NO_OPTIONS, 1, 2, cmd_get},
    {"delete", "COLLECTION KEY", "remove one entry", "protobase delete people 7", NO_OPTIONS, 2, 2,
     cmd_delete},
    {"drop", "COLLECTION", "remove a collection with everything in it", "protobase drop people",
     NO_OPTIONS, 1, 1, cmd_drop},
    {"roots", "", "the roots of the database: name, type, count", "protobase roots", NO_OPTIONS, 0,
     0, cmd_roots},
    {"databases", "[list | create NAME | drop NAME]", "the databases of the space",
     "protobase databases create shop", NO_OPTIONS, 0, 2, cmd_databases},
    {"query", "[TEXT]", "run a query", "protobase query 'from people | where age > 30 | count'",
     query_options, 0, 1, cmd_query},
    {"explain", "TEXT", "how a query would run", "protobase explain 'from people | where age > 30'",
     explain_options, 1, 1, cmd_explain},
    {"stats", "", "figures of the space", "protobase stats", NO_OPTIONS, 0, 0, cmd_stats},
    {"check", "", "verify every checksum and every value", "protobase check", NO_OPTIONS, 0, 0,
     cmd_check},
    {"plugins", "list | show KIND/NAME | check FILE",
     "what is installed, and what is wrong with it", "protobase plugins show storage/file",
     NO_OPTIONS, 1, 2, cmd_plugins},
    {"config", "check FILE", "everything that is wrong with a configuration",
     "protobase config check protobase.yaml", NO_OPTIONS, 2, 2, cmd_config},
    {"version", "", "version, ABI, plugins", "protobase version", NO_OPTIONS, 0, 0, cmd_version},
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];
