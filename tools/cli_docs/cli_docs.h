/* cli_docs.h - what main.c of the generator has from its other files. */
#ifndef PBASE_TOOLS_CLI_DOCS_H
#define PBASE_TOOLS_CLI_DOCS_H
#include "command_table.h"

#include <stdio.h>

/* man.c: troff in the man macros. `first` is the first of the commands that share its first word. */
void man_page_of_program(FILE *out);
void man_page_of_word(const cli_command *first, FILE *out);

/* bash.c, zsh.c, fish.c */
void bash_completion(FILE *out);
void zsh_completion(FILE *out);
void fish_completion(FILE *out);

/* main.c: commands of one first word lie together in the table. */
bool docs_same_word(const cli_command *a, const cli_command *b);
/* NULL for a command of one word. */
const cli_group *docs_group(const cli_command *command);
/* The second word; NULL when there is none. */
const char *docs_verb(const cli_command *command);

#endif
