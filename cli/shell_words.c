/* shell_words.c - when a query is whole, and what may come next. */
#include "shell.h"

#include <ctype.h>
#include <string.h>

#define SAMPLE_ROWS 100u
#define SAMPLE_NS 300000000u /* a Tab must not hang */

const shell_command shell_commands[] = {
    {".help", NULL, "this list"},
    {".tables", NULL, "the roots of the database; .roots is the same"},
    {".database", "NAME", "work on another database"},
    {".mode", "table|jsonl|json|csv", "how rows are shown"},
    {".timer", "on|off", "tell how long each query took"},
    {".begin", NULL, "changes and queries from here on are one transaction"},
    {".commit", NULL, "end it, applying all of it"},
    {".abort", NULL, "end it without a trace"},
    {".exit", NULL, "the end; Ctrl-D is the same"},
    {NULL, NULL, NULL},
};

/* ------------------------------------------------------------------------------ a whole query -- */

/* How a text ends. */
typedef struct {
    bool in_quotes;
    int depth;  /* of brackets */
    size_t end; /* behind the last byte that is neither blank nor comment */
} ending;

static ending ending_of(pbase_bytes text)
{
    ending out = {false, 0, 0};
    uint8_t quote = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (quote == 0 && byte == '-' && i + 1 < text.size && text.data[i + 1] == '-') {
            while (i < text.size && text.data[i] != '\n') {
                i++;
            }
            continue;
        }
        out.end = isspace(byte) == 0 ? i + 1 : out.end;
        if (quote != 0) {
            quote = byte == quote ? 0 : quote;
        } else if (byte == '\'' || byte == '"') {
            quote = byte;
        } else {
            out.depth += byte == '(' || byte == '[' || byte == '{';
            out.depth -= byte == ')' || byte == ']' || byte == '}';
        }
    }
    out.in_quotes = quote != 0;
    return out;
}

/* Whether "line L column C" is at or behind the byte `end` of `text`. */
static bool is_behind(const char *where, pbase_bytes text, size_t end)
{
    uint64_t line = 1, column = 1;
    for (size_t i = 0; i < end; i++) {
        line += text.data[i] == '\n';
        column = text.data[i] == '\n' ? 1 : column + ((text.data[i] & 0xc0u) != 0x80u);
    }
    uint64_t at_line = 0, at_column = 0;
    if (!cli_parse_place(where, &at_line, &at_column)) {
        return false;
    }
    return at_line > line || (at_line == line && at_column >= column);
}

bool shell_query_is_whole(pbase_bytes text)
{
    pbase_query *query = NULL;
    pbase_error err;
    ending end = ending_of(text);
    if (end.in_quotes || end.end == 0) {
        return false;
    }
    if (text.data[end.end - 1] == ';') {
        return true;
    }
    if (end.depth > 0 || text.data[end.end - 1] == '|') {
        return false;
    }
    pbase_error_init(&err);
    pbase_status status = pbase_query_parse(NULL, text, &query, &err);
    pbase_query_destroy(query);
    return status != PBASE_INVALID || !is_behind(err.where, text, end.end);
}

/* ------------------------------------------------------------------------------------- words --- */

/* Copies one word without its quotes, up to a blank; moves `at`. False: a quote is not closed. */
static bool take_word(const char **at, char *out)
{
    char quote = 0;
    for (; **at != '\0' && (quote != 0 || strchr(" \t", **at) == NULL); ++*at) {
        if (quote == 0 && (**at == '\'' || **at == '"')) {
            quote = **at;
        } else if (quote != 0 && **at == quote) {
            quote = 0;
        } else {
            *at += quote == '"' && **at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\');
            *out++ = **at;
        }
    }
    *out = '\0';
    return quote == 0;
}

pbase_status shell_split(const char *line, pbase_arena *arena, char ***out, int *out_count,
                         pbase_error *err)
{
    size_t size = strlen(line) + 1;
    char **words = pbase_arena_array(arena, size / 2 + 2, sizeof *words);
    int count = 0;
    if (words == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a line");
    }
    for (const char *at = line + strspn(line, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        words[count] = pbase_arena_alloc(arena, size);
        if (words[count] == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a word");
        }
        if (!take_word(&at, words[count++])) {
            return cli_usage(err, "a quote is opened and not closed");
        }
    }
    words[count] = NULL;
    *out = words;
    *out_count = count;
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------- completion -- */

typedef struct {
    shell *owner;
    const char *prefix; /* what the word begins with */
    shell_word_each each;
    void *state;
} completion;

static void offer(const completion *self, const char *word)
{
    if (strncmp(word, self->prefix, strlen(self->prefix)) == 0) {
        self->each(self->state, word);
    }
}

/* Each of "a|b|c". */
static void offer_words(const completion *self, const char *words)
{
    for (const char *at = words; at != NULL && *at != '\0';) {
        char word[64];
        size_t length = strcspn(at, "|");
        (void)snprintf(word, sizeof word, "%.*s", (int)length, at);
        offer(self, word);
        at += length + (at[length] == '|');
    }
}

/* A name as queries take it: in double quotes where it is no plain word. */
static void offer_name(const completion *self, pbase_bytes name)
{
    char word[PBASE_NAME_BYTES_MAX + 3];
    bool is_plain =
        name.size > 0 && name.size <= PBASE_NAME_BYTES_MAX && isdigit(name.data[0]) == 0;
    for (size_t i = 0; i < name.size && is_plain; i++) {
        is_plain = isalnum(name.data[i]) != 0 || name.data[i] == '_' || name.data[i] >= 0x80;
    }
    if (name.size > PBASE_NAME_BYTES_MAX || memchr(name.data, '"', name.size) != NULL) {
        return;
    }
    (void)snprintf(word, sizeof word, is_plain ? "%.*s" : "\"%.*s\"", (int)name.size,
                   (const char *)name.data);
    offer(self, word);
}

static pbase_status offer_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)err;
    offer_name(state, root->name);
    return PBASE_OK;
}

static void offer_roots(completion *self)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_snapshot_open(self->owner->run->database, &snapshot, NULL);
    if (status == PBASE_OK) {
        status = pbase_snapshot_roots(snapshot, offer_root, self, NULL);
    }
    (void)status; /* what cannot be read is not offered */
    pbase_snapshot_close(snapshot);
}

static pbase_status offer_database(void *state, const char *name, pbase_error *err)
{
    (void)err;
    offer(state, name);
    return PBASE_OK;
}

/* The fields of the first documents that `query` gives. */
static void offer_fields_of(completion *self, const pbase_query *query)
{
    pbase_snapshot *snapshot = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_call call = {.deadline_ns = cli_now_ns() + SAMPLE_NS, .cancelled = NULL};
    pbase_query_options options = {.struct_size = sizeof options, .call = &call};
    pbase_status status = pbase_snapshot_open(self->owner->run->database, &snapshot, NULL);
    status =
        status == PBASE_OK ? pbase_query_run(query, snapshot, &options, &result, NULL) : status;
    status = status == PBASE_OK ? pbase_result_next(result, &row, NULL) : status;
    for (; status == PBASE_OK; status = pbase_result_next(result, &row, NULL)) {
        for (size_t i = 0; row.kind == PBASE_MAP && i < row.as.map.count; i++) {
            offer_name(self, row.as.map.fields[i].name);
        }
    }
    pbase_result_close(result);
    pbase_snapshot_close(snapshot);
}

static void offer_fields(completion *self, const char *collection, size_t length)
{
    char text[PBASE_NAME_BYTES_MAX + 40];
    pbase_query *query = NULL;
    if (length == 0 || length > PBASE_NAME_BYTES_MAX) {
        return;
    }
    (void)snprintf(text, sizeof text, "from %.*s | limit %u", (int)length, collection, SAMPLE_ROWS);
    if (pbase_query_parse(NULL, pbase_bytes_text(text), &query, NULL) == PBASE_OK) {
        offer_fields_of(self, query);
    }
    pbase_query_destroy(query);
}

/* Bytes of the word at `at`, as queries cut them; a name in quotes is one word. */
static size_t word_length(const char *at)
{
    if (*at == '"') {
        const char *end = strchr(at + 1, '"');
        return end == NULL ? strlen(at) : (size_t)(end - at) + 1;
    }
    size_t length = 0;
    while (isalnum((unsigned char)at[length]) != 0 || at[length] == '_' ||
           (unsigned char)at[length] >= 0x80) {
        length++;
    }
    return length;
}

/* Whether the `length` bytes at `word` are one of "a|b|c", in any case. */
static bool is_one_of(const char *word, size_t length, const char *words)
{
    for (const char *at = words; *at != '\0'; at += strcspn(at, "|") + (strchr(at, '|') != NULL)) {
        if (strcspn(at, "|") == length && strncasecmp(word, at, length) == 0) {
            return true;
        }
    }
    return false;
}

static const char source_words[] = "from|join|union|union_all|intersect|except|up|down";
static const char join_kinds[] = "inner|left|right|full|cross|semi|anti";
static const char keywords[] =
    "from|where|select|extend|order by|limit|offset|count|distinct|join|on|union|union_all|"
    "intersect|except|unnest|outer|traverse|up|down|key|ref|depth|bfs|dfs|include start|group "
    "by|as|"
    "and|or|not|in|between|is null|is not "
    "null|like|ilike|exists|case|when|then|else|end|true|false|"
    "null|asc|desc|nulls first|nulls last|sum|avg|min|max|collect|length|lower|upper|substr|"
    "coalesce|contains|starts_with|ends_with|abs|concat|type";

/* Goes over the words of a query up to the one that is to be completed: fields of every collection
 * that it names are offered, and a collection where one is to be named. */
static void complete_query(completion *self, const char *text, size_t start)
{
    bool follows_source = false, follows_join = false;
    for (size_t at = 0; at < start;) {
        size_t length = word_length(text + at);
        if (length == 0) {
            follows_source = follows_source && isspace((unsigned char)text[at]) != 0;
            at++;
            continue;
        }
        if (follows_source && is_one_of(text + at, length, join_kinds)) {
            at += length; /* the collection comes behind it */
            continue;
        }
        if (follows_source) {
            offer_fields(self, text + at, length);
        }
        follows_source = is_one_of(text + at, length, source_words);
        follows_join = is_one_of(text + at, length, "join");
        at += length;
    }
    if (follows_source) {
        offer_roots(self);
        offer_words(self, follows_join ? join_kinds : "");
    } else {
        offer_words(self, keywords);
    }
}

static void offer_type(completion *self, cli_word_type type, const char *words)
{
    if (type == CLI_WORD) {
        offer_words(self, words);
    } else if (type == CLI_COLLECTION) {
        offer_roots(self);
    } else if (type == CLI_DATABASE && pbase_database_list(self->owner->run->space, offer_database,
                                                           self, NULL) != PBASE_OK) {
        return; /* what cannot be read is not offered */
    }
}

static void offer_command_names(const completion *self)
{
    for (const shell_command *at = shell_commands; at->name != NULL; at++) {
        offer(self, at->name);
    }
    for (size_t i = 0; i < cli_command_count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, ".%s", cli_commands[i].name);
        offer(self, name);
    }
}

/* What follows the words of a command of the program. `count` words are behind its name. */
static void complete_program_command(completion *self, const cli_command *command, char **words,
                                     int count)
{
    size_t operand = 0;
    const cli_option *pending = NULL;
    for (int i = 0; i < count; i++) {
        const cli_option *option = command->options;
        if (pending != NULL) {
            pending = NULL;
            continue;
        }
        while (option->name != NULL && strcmp(option->name, words[i]) != 0) {
            option++;
        }
        pending = option->name != NULL && option->value != NULL ? option : NULL;
        operand += strncmp(words[i], "--", 2) != 0;
    }
    if (pending != NULL) {
        offer_type(self, pending->type, pending->value);
        return;
    }
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        if (self->prefix[0] == '-') {
            offer(self, option->name);
        }
    }
    for (size_t i = 0; command->operands[i].name != NULL && i <= operand; i++) {
        if (i == operand) {
            offer_type(self, command->operands[i].type, command->operands[i].name);
        }
    }
}

/* The words behind the first, of a line that begins with a dot. */
static void complete_command(completion *self, char **words, int count)
{
    for (const shell_command *at = shell_commands; at->name != NULL; at++) {
        if (strcmp(at->name, words[0]) == 0) {
            bool is_name = at->words != NULL && strcmp(at->words, "NAME") == 0;
            offer_type(self, is_name ? CLI_DATABASE : CLI_WORD, at->words == NULL ? "" : at->words);
            return;
        }
    }
    for (size_t i = 0; i < cli_command_count; i++) {
        size_t length = cli_command_first_word(&cli_commands[i]);
        const char *verb = cli_commands[i].name + length;
        if (strlen(words[0]) != length + 1 ||
            strncmp(words[0] + 1, cli_commands[i].name, length) != 0) {
            continue;
        }
        if (*verb == '\0') {
            complete_program_command(self, &cli_commands[i], words + 1, count - 1);
        } else if (count == 1) {
            offer(self, verb + 1);
        } else if (strcmp(verb + 1, words[1]) == 0) {
            complete_program_command(self, &cli_commands[i], words + 2, count - 2);
        }
    }
}

void shell_complete(shell *self, const char *text, size_t *out_start, shell_word_each each,
                    void *state)
{
    size_t start = strlen(text);
    bool is_command = self->pending.size == 0 && text[0] == '.';
    while (start > 0 && (is_command ? strchr(" \t", text[start - 1]) == NULL
                                    : isalnum((unsigned char)text[start - 1]) != 0 ||
                                          strchr("_\"", text[start - 1]) != NULL ||
                                          (unsigned char)text[start - 1] >= 0x80)) {
        start--;
    }
    completion work = {.owner = self, .prefix = text + start, .each = each, .state = state};
    *out_start = start;
    if (!is_command) {
        complete_query(&work, text, start);
        return;
    }
    if (start == 0) {
        offer_command_names(&work);
        return;
    }
    pbase_arena arena;
    char **words = NULL, *before = NULL;
    int count = 0;
    pbase_arena_init(&arena, pbase_alloc_default());
    before = pbase_arena_text(&arena, pbase_bytes_of(text, start));
    if (before != NULL && shell_split(before, &arena, &words, &count, NULL) == PBASE_OK &&
        count > 0) {
        complete_command(&work, words, count);
    }
    pbase_arena_fini(&arena);
}
