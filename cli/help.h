/* help.h - what --help says: of the program, of a group of commands, of one command. */
#ifndef PBASE_CLI_HELP_H
#define PBASE_CLI_HELP_H
#include "command_table.h"

#include <stdio.h>

void help_of_program(FILE *out);
void help_of_group(const cli_group *group, FILE *out);
void help_of_command(const cli_command *command, FILE *out);

#endif
