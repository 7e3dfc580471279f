/* cli_docs.c - man pages and shell completions of the program, made from its command table.
 *
 *     cli_docs FOLDER      writes man pages in man1, bash/protobase, zsh/_protobase, fish/protobase.fish
 *
 * A page for the program, and one for each first word of a command. The completions know commands,
 * options, the words that an option takes, files and folders; names of collections, databases and
 * components they ask the program for. */
#include "cli_docs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        perror(path);
        exit(1);
    }
    return out;
}

static void end(FILE *out)
{
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        perror("cli_docs");
        exit(1);
    }
}

static void make_folder(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)mkdir(path, 0777); /* it may be there; creating files in it tells */
}

bool docs_same_word(const cli_command *a, const cli_command *b)
{
    size_t length = cli_command_first_word(a);
    return length == cli_command_first_word(b) && strncmp(a->name, b->name, length) == 0;
}

const cli_group *docs_group(const cli_command *command)
{
    char word[64];
    (void)snprintf(word, sizeof word, "%.*s", (int)cli_command_first_word(command), command->name);
    return cli_group_find(word);
}

const char *docs_verb(const cli_command *command)
{
    size_t length = cli_command_first_word(command);
    return command->name[length] == '\0' ? NULL : command->name + length + 1;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(FILE *out);
    } files[] = {{"bash/protobase", bash_completion},
                 {"zsh/_protobase", zsh_completion},
                 {"fish/protobase.fish", fish_completion},
                 {"man1/protobase.1", man_page_of_program}};
    static const char *const folders[] = {"", "man1", "bash", "zsh", "fish"};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        make_folder(argv[1], folders[i]);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *out = create(argv[1], files[i].name);
        files[i].write(out);
        end(out);
    }
    for (size_t i = 0; i < cli_command_count; i++) {
        if (i > 0 && docs_same_word(&cli_commands[i - 1], &cli_commands[i])) {
            continue;
        }
        char name[100];
        (void)snprintf(name, sizeof name, "man1/protobase-%.*s.1",
                       (int)cli_command_first_word(&cli_commands[i]), cli_commands[i].name);
        FILE *out = create(argv[1], name);
        man_page_of_word(&cli_commands[i], out);
        end(out);
    }
    return 0;
}
