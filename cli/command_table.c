/* command_table.c - every command, its words and its options, once. */
#include "commands.h"

#include <string.h>

/* ---------------------------------------------------------------------------- global options -- */

const cli_option cli_global_options[] = {
    [GLOBAL_CONFIG] = {"--config", "FILE", CLI_FILE, false,
                       "open the space that a YAML file describes"},
    [GLOBAL_DATA] = {"--data", "DIR", CLI_FOLDER, false,
                     "file storage in a folder, made on first use"},
    [GLOBAL_MEMORY] = {"--memory", NULL, CLI_FLAG, false, "storage in memory, gone at exit"},
    [GLOBAL_DATABASE] = {"--database", "NAME", CLI_DATABASE, false,
                         "the database to work on (default: main)"},
    [GLOBAL_PLUGIN_DIR] = {"--plugin-dir", "DIR", CLI_FOLDER, true,
                           "look for plugins there first; may be given again"},
    [GLOBAL_SET] = {"--set", "KEY=VALUE", CLI_TEXT, true,
                    "replace a value of the configuration; may be given again"},
    [GLOBAL_JSON] = {"--json", NULL, CLI_FLAG, false, "machine output"},
    [GLOBAL_HELP] = {"--help", NULL, CLI_FLAG, false, "help, also of a command"},
    [GLOBAL_VERSION] = {"--version", NULL, CLI_FLAG, false, "the version of the program"},
};
const size_t cli_global_option_count = sizeof cli_global_options / sizeof cli_global_options[0];

/* ------------------------------------------------------------------------------------- words -- */

#define NO_MORE                                                                                    \
    {                                                                                              \
        NULL, CLI_TEXT, false, NULL                                                                \
    }
#define NO_MORE_OPTIONS                                                                            \
    {                                                                                              \
        NULL, NULL, CLI_FLAG, false, NULL                                                          \
    }
#define AS_OF                                                                                      \
    {                                                                                              \
        "--as-of", "TIME|SEQ", CLI_TEXT, false, "as it was at that time, or after that commit"     \
    }
#define COLLECTION                                                                                 \
    {                                                                                              \
        "COLLECTION", CLI_COLLECTION, false, "name of a root of the database"                      \
    }

static const cli_operand no_operands[] = {NO_MORE};
static const cli_option no_options[] = {NO_MORE_OPTIONS};
static const cli_operand collection_only[] = {COLLECTION, NO_MORE};
static const cli_operand entry_words[] = {
    COLLECTION,
    {"KEY", CLI_TEXT, false, "a JSON scalar or list of scalars; anything else is a string"},
    NO_MORE,
};

/* ---------------------------------------------------------------------------------- documents -- */

static const cli_operand import_words[] = {
    COLLECTION,
    {"FILE", CLI_FILE, false, "what to read; - is standard input"},
    NO_MORE,
};
static const cli_option import_options[] = {
    [IMPORT_FORMAT] = {"--format", "jsonl|json|csv", CLI_WORD, false,
                       "jsonl (default): one value a line; json: one array; csv: RFC 4180, with a "
                       "header"},
    [IMPORT_KEY] = {"--key", "FIELD", CLI_TEXT, false,
                    "a dictionary keyed by that field of each document"},
    [IMPORT_TYPE] =
        {"--type", "dict|list|set|hash_dict|multi_dict|counted_set", CLI_WORD, false,
         "dict (default with --key), list (default without) or another kind; those whose "
         "name ends in dict need --key"},
    [IMPORT_BATCH] = {"--batch", "N", CLI_TEXT, false,
                      "records in one transaction (default 10000)"},
    [IMPORT_REJECTS] =
        {"--rejects", "FILE", CLI_FILE, false,
         "bad rows go there instead of ending the import, the reasons to FILE.reasons"},
    [IMPORT_CELLS] = {"--cells", "auto|text|json", CLI_WORD, false,
                      "of csv: auto (default) knows numbers, true, false, null, lists and maps; "
                      "text: strings; json: each cell is JSON"},
    NO_MORE_OPTIONS,
};
static const cli_option export_options[] = {
    [EXPORT_FORMAT] = {"--format", "jsonl|json|csv", CLI_WORD, false,
                       "jsonl (default), json: one array, or csv"},
    [EXPORT_KEYS] = {"--keys", NULL, CLI_FLAG, false,
                     "write {\"key\": ..., \"value\": ...} for each entry; of csv, a column key"},
    [EXPORT_CELLS] = {"--cells", "auto|text|json", CLI_WORD, false,
                      "of csv: as import reads them (auto), plain text, or JSON"},
    [EXPORT_COLUMNS] = {"--columns", "NAME,NAME", CLI_TEXT, false,
                        "of csv: these columns; without it, every field there is"},
    [EXPORT_AS_OF] = AS_OF,
    NO_MORE_OPTIONS,
};
static const cli_operand put_words[] = {
    COLLECTION,
    {"KEY", CLI_TEXT, false, "a JSON scalar or list of scalars; anything else is a string"},
    {"JSON", CLI_TEXT, false, "the value"},
    NO_MORE,
};
static const cli_operand get_words[] = {
    COLLECTION,
    {"KEY", CLI_TEXT, true, "of one entry; of a list the index, from the end when negative"},
    NO_MORE,
};
static const cli_option get_options[] = {[GET_AS_OF] = AS_OF, NO_MORE_OPTIONS};
static const cli_option roots_options[] = {
    [ROOTS_NAMES] = {"--names", NULL, CLI_FLAG, false,
                     "only the names, one a line; makes no space that is not there"},
    [ROOTS_AS_OF] = AS_OF,
    NO_MORE_OPTIONS,
};

/* -------------------------------------------------------------------------------- the others -- */

static const cli_option stats_options[] = {
    [STATS_PINNED] =
        {"--pinned", NULL, CLI_FLAG, false,
         "also what snapshots, the kept past and other processes hold, which takes longer"},
    NO_MORE_OPTIONS,
};
static const cli_option check_options[] = {
    [CHECK_QUICK] = {"--quick", NULL, CLI_FLAG, false,
                     "checksums and references alone: not entries, values and indexes"},
    [CHECK_FINDINGS] = {"--findings", "N", CLI_TEXT, false,
                        "tell so many one by one (default 1000); all are counted"},
    NO_MORE_OPTIONS,
};
static const cli_operand recover_words[] = {
    {"SRC", CLI_FOLDER, false, "the damaged space; it is only read"},
    {"DEST", CLI_FOLDER, false, "a new folder for what is left"},
    NO_MORE,
};
static const cli_option recover_options[] = {
    [RECOVER_WITHOUT_STALE] = {"--without-stale", NULL, CLI_FLAG, false,
                               "take nothing from older checkpoints"},
    [RECOVER_WITHOUT_ORPHANS] = {"--without-orphans", NULL, CLI_FLAG, false,
                                 "make no database lost+found of leaves that nothing leads to"},
    [RECOVER_STOP_AT_GAP] = {"--stop-at-gap", NULL, CLI_FLAG, false,
                             "apply no commit behind a missing one"},
    NO_MORE_OPTIONS,
};
static const cli_operand new_database[] = {{"NAME", CLI_TEXT, false, "of the new database"},
                                           NO_MORE};
static const cli_operand old_database[] = {{"NAME", CLI_DATABASE, false, "of the database"},
                                           NO_MORE};
static const cli_operand two_names[] = {{"NAME", CLI_DATABASE, false, "of the database"},
                                        {"NEW", CLI_TEXT, false, "a name that is free"},
                                        NO_MORE};
static const cli_option databases_list_options[] = {
    [DATABASES_LIST_NAMES] = {"--names", NULL, CLI_FLAG, false,
                              "plain names; makes no space that is not there"},
    NO_MORE_OPTIONS,
};
static const cli_operand index_create_words[] = {
    COLLECTION,
    {"NAME", CLI_TEXT, false, "of the new index, free on that collection"},
    {"FIELD[,FIELD]", CLI_TEXT, false,
     "paths in order; one may end in [*]: an entry for each element of that list"},
    NO_MORE,
};
static const cli_operand index_drop_words[] = {
    COLLECTION,
    {"NAME", CLI_TEXT, false, "of the index"},
    NO_MORE,
};
static const cli_operand some_indexes[] = {
    {"COLLECTION", CLI_COLLECTION, true, "those of one collection; without it, of all"},
    NO_MORE,
};
static const cli_operand one_index[] = {
    {"COLLECTION", CLI_COLLECTION, true, "those of one collection; without it, of all"},
    {"NAME", CLI_TEXT, true, "one of its indexes; without it, each"},
    NO_MORE,
};
static const cli_option index_create_options[] = {
    [INDEX_CREATE_UNIQUE] = {"--unique", NULL, CLI_FLAG, false,
                             "at most one record for each key; those with a null are exempt"},
    NO_MORE_OPTIONS,
};
static const cli_option history_options[] = {
    [HISTORY_FROM] = {"--from", "SEQ", CLI_TEXT, false,
                      "the first commit (default: the oldest kept)"},
    [HISTORY_TO] = {"--to", "SEQ", CLI_TEXT, false, "the last commit (default: the newest)"},
    NO_MORE_OPTIONS,
};
static const cli_operand watch_words[] = {
    {"COLLECTION", CLI_COLLECTION, true, "only that root; without it, everything in the database"},
    NO_MORE,
};
static const cli_option watch_options[] = {
    [WATCH_FROM] = {"--from", "SEQ", CLI_TEXT, false,
                    "the first commit told (default: the next one)"},
    [WATCH_TIMEOUT] = {"--timeout", "DURATION", CLI_TEXT, false,
                       "end when nothing came for that long: 500ms, 10s, 2m"},
    NO_MORE_OPTIONS,
};
static const cli_operand query_words[] = {
    {"TEXT", CLI_TEXT, true, "the query; without it, --plan gives one"}, NO_MORE};
static const cli_operand explain_words[] = {{"TEXT", CLI_TEXT, false, "the query"}, NO_MORE};
static const cli_option query_options[] = {
    [QUERY_PLAN] = {"--plan", "FILE", CLI_FILE, false,
                    "a JSON plan instead of TEXT; - reads standard input"},
    [QUERY_FORMAT] = {"--format", "table|jsonl|json|csv", CLI_WORD, false,
                      "table is the default on a terminal, jsonl elsewhere"},
    [QUERY_PARAM] = {"--param", "NAME=VALUE", CLI_TEXT, true,
                     "parameter $NAME; may be given again"},
    [QUERY_TIMEOUT] = {"--timeout", "DURATION", CLI_TEXT, false,
                       "give up after it: 500ms, 10s, 2m"},
    [QUERY_AS_OF] = AS_OF,
    NO_MORE_OPTIONS,
};
static const cli_option explain_options[] = {
    [EXPLAIN_FORMAT] = {"--format", "text|json|plan", CLI_WORD, false,
                        "text (default), json, or plan: the JSON plan"},
    [EXPLAIN_AS_OF] = AS_OF,
    NO_MORE_OPTIONS,
};
static const cli_option dump_options[] = {[DUMP_AS_OF] = AS_OF, NO_MORE_OPTIONS};
static const cli_operand dump_words[] = {
    {"FILE", CLI_FILE, true, "to write; without it, or with -, standard output"}, NO_MORE};
static const cli_operand load_words[] = {{"FILE", CLI_FILE, false, "a dump; - is standard input"},
                                         NO_MORE};
static const cli_operand backup_words[] = {
    {"DEST", CLI_FOLDER, false, "a folder of backups; a named pipe; - is standard output"},
    NO_MORE};
static const cli_option backup_options[] = {
    [BACKUP_INCREMENTAL] = {"--incremental", NULL, CLI_FLAG, false,
                            "only what the newest backup in the folder, or the base, lacks"},
    [BACKUP_BASE] = {"--base", "FILE", CLI_FILE, false,
                     "the backup to continue, or a folder whose newest is meant"},
    [BACKUP_FILE] = {"--file", NULL, CLI_FLAG, false, "DEST is to be one file, not a folder"},
    NO_MORE_OPTIONS,
};
static const cli_operand restore_words[] = {
    {"SRC", CLI_FILE, false, "a folder of backups, or a full one; - is standard input"},
    {"INCREMENT", CLI_FILE, true, "that continues it"},
    {"INCREMENT", CLI_FILE, true, "that continues that"},
    {"INCREMENT", CLI_FILE, true, "and so on"},
    {"INCREMENT", CLI_FILE, true, "and so on"},
    {"INCREMENT", CLI_FILE, true, "and so on"},
    {"INCREMENT", CLI_FILE, true, "and so on; more go into a folder"},
    NO_MORE,
};
static const cli_option restore_options[] = {
    [RESTORE_AS_OF] = AS_OF,
    [RESTORE_CHECK] = {"--check", NULL, CLI_FLAG, false,
                       "read and check everything, restore nothing"},
    NO_MORE_OPTIONS,
};
static const cli_operand component_words[] = {
    {"KIND/NAME", CLI_COMPONENT, false, "a component, as `plugins list` shows it"}, NO_MORE};
static const cli_operand plugin_words[] = {{"FILE", CLI_FILE, false, "a plugin: NAME.so"}, NO_MORE};
static const cli_operand config_words[] = {{"FILE", CLI_FILE, false, "a configuration in YAML"},
                                           NO_MORE};
static const cli_operand explained_config[] = {
    {"FILE", CLI_FILE, true, "a configuration in YAML; without it, what the other commands use"},
    NO_MORE,
};
static const cli_option plugins_list_options[] = {
    [PLUGINS_LIST_NAMES] = {"--names", NULL, CLI_FLAG, false,
                            "only the names of components, one a line"},
    NO_MORE_OPTIONS,
};

/* ---------------------------------------------------------------------------------- commands -- */

const cli_command cli_commands[] = {
    {"import", "documents in",
     "Each batch of rows is one transaction, durable when it ends. Without --key the rows make a "
     "list, or with --type set a set; a collection that exists is added to. With --rejects the "
     "rows "
     "that cannot go in are written there as they came; the exit code is 15 if there are any.",
     "protobase import people people.jsonl --key id\n"
     "zcat events.jsonl.gz | protobase import events -\n"
     "protobase import cities cities.csv --format csv --key name --rejects bad.csv",
     import_words, import_options, cmd_import},
    {"export", "documents out, in collection order", NULL,
     "protobase export people --format json\nprotobase export people --keys\n"
     "protobase export people --format csv --columns id,name",
     collection_only, export_options, cmd_export},
    {"put", "store one entry of a dictionary",
     "A dictionary that is missing is made; a multi-dictionary gets one more record.",
     "protobase put people 7 '{\"name\": \"Ada\"}'", put_words, no_options, cmd_put},
    {"get", "one entry, or the collection's description", "A missing entry exits with 3.",
     "protobase get people 7\nprotobase get steps -1", get_words, get_options, cmd_get},
    {"delete", "remove one entry", "A missing entry exits with 3.", "protobase delete people 7",
     entry_words, no_options, cmd_delete},
    {"drop", "remove a collection with everything in it", NULL, "protobase drop people",
     collection_only, no_options, cmd_drop},
    {"roots", "the roots of the database: name, type, count", NULL, "protobase roots", no_operands,
     roots_options, cmd_roots},
    {"databases list", "their names", NULL, "protobase databases list", no_operands,
     databases_list_options, cmd_databases_list},
    {"databases create", "make an empty one", NULL,
     "protobase databases create shop\n"
     "protobase --database shop import orders orders.jsonl --key id",
     new_database, no_options, cmd_databases_create},
    {"databases rename", "give one another name",
     "Never onto a name that is taken. What was opened by the old name fails, naming the new one.",
     "protobase databases rename shop store", two_names, no_options, cmd_databases_rename},
    {"databases snapshot", "keep one as it is now, read only", "Nothing is copied.",
     "protobase databases snapshot shop shop-june", two_names, no_options, cmd_databases_snapshot},
    {"databases branch", "a second one that begins as this one is now",
     "Nothing is copied; both are changed apart from each other.",
     "protobase databases branch shop trial", two_names, no_options, cmd_databases_branch},
    {"databases info", "name, kind, commit that made it, and what it was copied from", NULL,
     "protobase databases info --json", no_operands, no_options, cmd_databases_info},
    {"databases drop", "remove one with everything in it", NULL, "protobase databases drop shop",
     old_database, no_options, cmd_databases_drop},
    {"index create", "make one on a collection, from what is there",
     "Queries read by it where that is cheaper; explain says so. docs/indexes.md has more.",
     "protobase index create people by_city city,name\n"
     "protobase index create people by_mail mail --unique\n"
     "protobase index create people by_tag 'tags[*]'",
     index_create_words, index_create_options, cmd_index_create},
    {"index drop", "remove one; the collection stays", NULL, "protobase index drop people by_city",
     index_drop_words, no_options, cmd_index_drop},
    {"index list", "collection, name, entries and fields of each", NULL,
     "protobase index list\nprotobase index list people --json", some_indexes, no_options,
     cmd_index_list},
    {"index check", "compare every entry with its collection, and back", "Findings exit with 6.",
     "protobase index check\nprotobase index check people by_city", one_index, no_options,
     cmd_index_check},
    {"history", "the commits that are kept, and what can be read as of when",
     "storage.retention_age, _count and _bytes say what is kept.",
     "protobase history\nprotobase history --from 100 --json", no_operands, history_options,
     cmd_history},
    {"watch", "changes as they are committed, one JSON object a line",
     "Ends at Ctrl-C, with exit code 0. What is below a root has the path down to it.",
     "protobase watch people\nprotobase watch --from 100 --timeout 1s", watch_words, watch_options,
     cmd_watch},
    {"query", "run a query", "docs/query.md is the language.",
     "protobase query 'from people | where age > 30 | count'\n"
     "protobase query 'from people | where born > $since' --param since=1900",
     query_words, query_options, cmd_query},
    {"explain", "how a query would run", NULL, "protobase explain 'from people | where age > 30'",
     explain_words, explain_options, cmd_explain},
    {"shell", "queries and commands, line by line",
     "On a terminal with history, completion and queries over several lines; Ctrl-C ends the query "
     "that runs. Without one the lines of standard input are a script, which the first failure "
     "ends. "
     ".help tells what there is.",
     "protobase shell\nprotobase shell <report.pbq", no_operands, no_options, cmd_shell},
    {"stats", "figures of the space",
     "Times are quantiles: commit_p99 is what 99 of 100 commits took at most. What is live is "
     "looked "
     "for in the inner nodes of every collection.",
     "protobase stats\nprotobase stats --pinned --json", no_operands, stats_options, cmd_stats},
    {"check", "verify every checksum, every reference and every value",
     "Reads all segments from end to end; a damaged atom is told with the collection and the keys "
     "that it serves, one that nobody needs as such. Goes on behind damage. --quick leaves "
     "entries, "
     "values and indexes out. Findings exit with 6; docs/check.md says what to do then.",
     "protobase check\nprotobase check --quick --findings 100000", no_operands, check_options,
     cmd_check},
    {"recover", "save what is left of a damaged space into a new one",
     "Reads SRC without trusting anything in it and without changing it, saves everything whose "
     "checksum holds into the new folder DEST, and tells what is lost, doubtful or was mended: "
     "docs/recover.md. With --config the codecs and keys are those of the file. Exits with 6 when "
     "anything is lost.",
     "protobase recover ./protobase-data ./saved\nprotobase recover --stop-at-gap damaged saved",
     recover_words, recover_options, cmd_recover},
    {"compact", "give back space in which nothing is alive",
     "A checkpoint, then segments of the store that nothing reaches are removed. The background "
     "does "
     "the same now and then. Other processes may have the space open: what they can still see "
     "stays. Exits with 11 while a large transaction is being written.",
     "protobase compact", no_operands, no_options, cmd_compact},
    {"backup", "a copy of the space while it is in use",
     "Into a folder, as one more numbered file; with --file into a file of its own; into a pipe. "
     "What it "
     "has can be restored as of each commit that is kept. Nothing of a backup that failed is left.",
     "protobase backup /backups/shop\nprotobase backup /backups/shop --incremental\n"
     "protobase backup - | ssh other 'cat >shop.backup'",
     backup_words, backup_options, cmd_backup},
    {"restore", "a space from its backups",
     "Into a place that is empty: --data or --config say which. Nothing that is damaged is "
     "restored, "
     "not even in part.",
     "protobase --data new restore /backups/shop\n"
     "protobase restore /backups/shop --check\n"
     "protobase --data new restore /backups/shop --as-of 2026-06-01T12:00:00Z\n"
     "ssh other 'cat shop.backup' | protobase --data new restore -",
     restore_words, restore_options, cmd_restore},
    {"dump", "everything as text, one JSON object a line",
     "All databases, or with --database one; with --as-of always one, the default database when "
     "none is named. What goes through load and dump again is the same, byte for byte. "
     "docs/dump.md "
     "is the format.",
     "protobase dump backup.jsonl\nprotobase dump | zstd >backup.jsonl.zst\n"
     "protobase --database shop dump --as-of 1041 shop.jsonl",
     dump_words, dump_options, cmd_dump},
    {"load", "a dump back into databases",
     "Databases that are there must be empty. A dump that is damaged changes nothing.",
     "protobase load backup.jsonl\nzstdcat backup.jsonl.zst | protobase --data new load -",
     load_words, no_options, cmd_load},
    {"plugins list", "what is installed, and where", NULL, "protobase plugins list", no_operands,
     plugins_list_options, cmd_plugins_list},
    {"plugins show", "the options and slots of a component", NULL,
     "protobase plugins show storage/file", component_words, no_options, cmd_plugins_show},
    {"plugins check", "every rule that a plugin file breaks", "Any exits with 8.",
     "protobase plugins check ./my-plugin.so", plugin_words, no_options, cmd_plugins_check},
    {"config check", "everything that is wrong with a configuration", "Anything exits with 5.",
     "protobase config check protobase.yaml", config_words, no_options, cmd_config_check},
    {"config explain", "every setting, its value and where it is from",
     "Defaults too, with references replaced; secrets are shown as ***.",
     "protobase config explain protobase.yaml\n"
     "protobase --set storage.durability=none config explain",
     explained_config, no_options, cmd_config_explain},
    {"config schema", "a JSON Schema of configurations, for editors",
     "Made of the plugins that are installed.", "protobase config schema >protobase.schema.json",
     no_operands, no_options, cmd_config_schema},
    {"version", "version, ABI, plugins", NULL, "protobase version", no_operands, no_options,
     cmd_version},
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

const cli_group cli_groups[] = {
    {"databases", "the databases of the space", "list"},
    {"index", "secondary indexes of collections", "list"},
    {"plugins", "what is installed, and what is wrong with it", NULL},
    {"config", "what a configuration says, and what is wrong with it", NULL},
};
const size_t cli_group_count = sizeof cli_groups / sizeof cli_groups[0];

/* ----------------------------------------------------------------------------- asking for it -- */

const cli_group *cli_group_find(const char *name)
{
    for (size_t i = 0; i < cli_group_count; i++) {
        if (strcmp(cli_groups[i].name, name) == 0) {
            return &cli_groups[i];
        }
    }
    return NULL;
}

size_t cli_command_first_word(const cli_command *command)
{
    return strcspn(command->name, " ");
}

void cli_command_operand_range(const cli_command *command, size_t *out_min, size_t *out_max)
{
    *out_min = *out_max = 0;
    for (const cli_operand *word = command->operands; word->name != NULL; word++) {
        *out_min += !word->is_optional;
        ++*out_max;
    }
}

void cli_command_usage(const cli_command *command, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const cli_operand *word = command->operands; word->name != NULL && used < size; word++) {
        int length = snprintf(out + used, size - used, word->is_optional ? "%s[%s]" : "%s%s",
                              word == command->operands ? "" : " ", word->name);
        used += length < 0 ? size : (size_t)length;
    }
}
