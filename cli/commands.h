/* commands.h - what each command's file offers to the table. */
#ifndef PBASE_CLI_COMMANDS_H
#define PBASE_CLI_COMMANDS_H
#include "cli.h"

#define CLI_COMMAND(name)                                                                          \
    pbase_status name(cli *self, const cli_arguments *arguments, pbase_error *err)

CLI_COMMAND(cmd_import);
CLI_COMMAND(cmd_export);
CLI_COMMAND(cmd_put);
CLI_COMMAND(cmd_get);
CLI_COMMAND(cmd_delete);
CLI_COMMAND(cmd_drop);
CLI_COMMAND(cmd_roots);
CLI_COMMAND(cmd_databases_list);
CLI_COMMAND(cmd_databases_create);
CLI_COMMAND(cmd_databases_drop);
CLI_COMMAND(cmd_databases_rename);
CLI_COMMAND(cmd_databases_snapshot);
CLI_COMMAND(cmd_databases_branch);
CLI_COMMAND(cmd_databases_info);
CLI_COMMAND(cmd_index_create);
CLI_COMMAND(cmd_index_drop);
CLI_COMMAND(cmd_index_list);
CLI_COMMAND(cmd_index_check);
CLI_COMMAND(cmd_history);
CLI_COMMAND(cmd_watch);
CLI_COMMAND(cmd_query);
CLI_COMMAND(cmd_explain);
CLI_COMMAND(cmd_stats);
CLI_COMMAND(cmd_check);
CLI_COMMAND(cmd_recover);
CLI_COMMAND(cmd_compact);
CLI_COMMAND(cmd_backup);
CLI_COMMAND(cmd_restore);
CLI_COMMAND(cmd_shell);
CLI_COMMAND(cmd_dump);
CLI_COMMAND(cmd_load);
CLI_COMMAND(cmd_plugins_list);
CLI_COMMAND(cmd_plugins_show);
CLI_COMMAND(cmd_plugins_check);
CLI_COMMAND(cmd_config_check);
CLI_COMMAND(cmd_config_explain);
CLI_COMMAND(cmd_config_schema);
CLI_COMMAND(cmd_version);

/* Positions of options in their tables (command_table.c). */
enum { IMPORT_FORMAT, IMPORT_KEY, IMPORT_TYPE, IMPORT_BATCH, IMPORT_REJECTS, IMPORT_CELLS };
enum { EXPORT_FORMAT, EXPORT_KEYS, EXPORT_CELLS, EXPORT_COLUMNS, EXPORT_AS_OF };
enum { GET_AS_OF };
enum { ROOTS_NAMES, ROOTS_AS_OF };
enum { HISTORY_FROM, HISTORY_TO };
enum { WATCH_FROM, WATCH_TIMEOUT };
enum { DATABASES_LIST_NAMES };
enum { INDEX_CREATE_UNIQUE };
enum { PLUGINS_LIST_NAMES };
enum { QUERY_PLAN, QUERY_FORMAT, QUERY_PARAM, QUERY_TIMEOUT, QUERY_AS_OF };
enum { EXPLAIN_FORMAT, EXPLAIN_AS_OF };
enum { DUMP_AS_OF };
enum { STATS_PINNED };
enum { CHECK_QUICK, CHECK_FINDINGS };
enum { RECOVER_WITHOUT_STALE, RECOVER_WITHOUT_ORPHANS, RECOVER_STOP_AT_GAP };
enum { BACKUP_INCREMENTAL, BACKUP_BASE, BACKUP_FILE };
enum { RESTORE_AS_OF, RESTORE_CHECK };

#endif
