/* shell_input.c - lines from a terminal by way of libedit, or from standard input as they are.
 *
 * On a terminal Ctrl-C is a key like others while a line is edited (it drops the line), and a signal
 * while a statement runs. Characters are read here, not by libedit, so that a signal to end is seen
 * while the shell waits. History is kept below XDG_STATE_HOME. */
#include "shell.h"
#include "signals.h"

#include <errno.h>
#include <histedit.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#define HISTORY_LINES 2000
#define WORDS_SHOWN_MAX 200u
#define LOOK_UP_MS 200 /* how late a signal is noticed that came at a bad moment */

struct shell_input {
    shell *owner;
    uint64_t line;
    /* not a terminal */
    char *text, *ahead; /* the last line, and the one behind it when it was looked at */
    size_t text_room, ahead_room;
    bool has_ahead, at_end;
    /* a terminal */
    EditLine *edit;
    History *history;
    char *history_path; /* NULL: none is kept */
    const char *prompt;
    bool is_cancelled;
};

/* ------------------------------------------------------------------------------------- history -- */

/* Makes every folder of `path` up to its last name; what fails here fails when the file is written. */
static void make_folders(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(path, 0700);
            *at = '/';
        }
    }
}

/* "$XDG_STATE_HOME/protobase/history", by default below ~/.local/state. NULL: nowhere to keep it. */
static char *history_place(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int size = state != NULL && state[0] == '/' ? asprintf(&path, "%s/protobase/history", state)
               : home != NULL && home[0] == '/'
                   ? asprintf(&path, "%s/.local/state/protobase/history", home)
                   : -1;
    return size < 0 ? NULL : path;
}

static void open_history(shell_input *self)
{
    HistEvent event;
    self->history = history_init();
    self->history_path = history_place();
    if (self->history == NULL) {
        return;
    }
    (void)history(self->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(self->history, &event, H_SETUNIQUE, 1);
    if (self->history_path != NULL) {
        (void)history(self->history, &event, H_LOAD, self->history_path); /* the first time: none */
    }
    (void)el_set(self->edit, EL_HIST, history, self->history);
}

static void close_history(shell_input *self)
{
    HistEvent event;
    if (self->history != NULL && self->history_path != NULL) {
        mode_t before = umask(077); /* lines may hold anything */
        make_folders(self->history_path);
        (void)history(self->history, &event, H_SAVE,
                      self->history_path); /* a full disk is no failure */
        (void)umask(before);
    }
    if (self->history != NULL) {
        history_end(self->history);
    }
    free(self->history_path);
}

/* ------------------------------------------------------------------------------------- editing -- */

static shell_input *input_of(EditLine *edit)
{
    void *data = NULL;
    (void)el_get(edit, EL_CLIENTDATA, &data);
    return data;
}

static char *show_prompt(EditLine *edit)
{
    static char none[] = "";
    shell_input *self = input_of(edit);
    return self->prompt == NULL ? none : (char *)(uintptr_t)self->prompt; /* only read */
}

/* One byte; false at the end, which a signal to end is, too. It may come just before the wait, or to
 * another thread, and then ends no call: so the wait looks up now and then. */
static bool read_byte(EditLine *edit, char *out)
{
    for (;;) {
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        int ready = poll(&keys, 1, LOOK_UP_MS);
        if (signals_resized()) {
            el_resize(edit);
        }
        if (signals_ended() || (ready < 0 && errno != EINTR)) {
            return false;
        }
        if (ready > 0) {
            ssize_t got = read(STDIN_FILENO, out, 1);
            if (got >= 0 || errno != EINTR) {
                return got > 0;
            }
        }
    }
}

/* One character; 0 at the end. */
static int read_character(EditLine *edit, wchar_t *out)
{
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (;;) {
        char byte;
        if (!read_byte(edit, &byte)) {
            return 0;
        }
        size_t used = mbrtowc(out, &byte, 1, &state);
        if (used != (size_t)-2) { /* a whole character, or none: what is no UTF-8 is passed over */
            if (used != (size_t)-1) {
                return 1;
            }
            memset(&state, 0, sizeof state);
        }
    }
}

static unsigned char drop_line(EditLine *edit, int key)
{
    shell_input *self = input_of(edit);
    (void)key;
    self->is_cancelled = true;
    (void)fputs("^C\n", stdout);
    return CC_NEWLINE;
}

/* What completion found. */
typedef struct {
    char *words[WORDS_SHOWN_MAX];
    size_t count, left_out;
    size_t common; /* bytes that all of them begin with */
} found_words;

static void take_word(void *state, const char *word)
{
    found_words *found = state;
    for (size_t i = 0; i < found->count; i++) {
        if (strcmp(found->words[i], word) == 0) {
            return;
        }
    }
    char *kept = found->count < WORDS_SHOWN_MAX ? strdup(word) : NULL;
    size_t common = 0, before = found->count == 0 ? strlen(word) : found->common;
    while (found->count > 0 && common < before && word[common] == found->words[0][common]) {
        common++;
    }
    found->common = found->count == 0 ? before : common;
    if (kept == NULL) {
        found->left_out++;
    } else {
        found->words[found->count++] = kept;
    }
}

static void list_words(const found_words *found)
{
    (void)fputc('\n', stdout);
    for (size_t i = 0; i < found->count; i++) {
        (void)fprintf(stdout, "%s%s", i == 0 ? "" : "  ", found->words[i]);
    }
    if (found->left_out > 0) {
        (void)fprintf(stdout, "  and %zu more", found->left_out);
    }
    (void)fputc('\n', stdout);
}

/* Puts in what all the words have in common; lists them when that adds nothing. */
static unsigned char insert_common(EditLine *edit, found_words *found, size_t typed)
{
    if (found->count == 0) {
        return CC_ERROR;
    }
    size_t common = found->common;
    while (common > typed && ((unsigned char)found->words[0][common] & 0xc0u) == 0x80u) {
        common--; /* not inside a character */
    }
    bool is_one = found->count == 1 && found->left_out == 0;
    if (common > typed || is_one) {
        char text[1024];
        (void)snprintf(text, sizeof text, "%.*s%s", (int)(common - typed), found->words[0] + typed,
                       is_one ? " " : "");
        return el_insertstr(edit, text) == 0 ? CC_REFRESH : CC_ERROR;
    }
    list_words(found);
    return CC_REDISPLAY;
}

static unsigned char complete_word(EditLine *edit, int key)
{
    shell_input *self = input_of(edit);
    const LineInfo *line = el_line(edit);
    found_words found = {.count = 0};
    pbase_buffer text;
    size_t start = 0;
    unsigned char answer = CC_ERROR;
    (void)key;
    pbase_buffer_init(&text, pbase_alloc_default());
    if (pbase_buffer_append_bytes(&text, pbase_buffer_view(&self->owner->pending), NULL) ==
            PBASE_OK &&
        pbase_buffer_append(&text, line->buffer, (size_t)(line->cursor - line->buffer), NULL) ==
            PBASE_OK &&
        pbase_buffer_append_u8(&text, '\0', NULL) == PBASE_OK) {
        shell_complete(self->owner, (const char *)text.data, &start, take_word, &found);
        answer = insert_common(edit, &found, text.size - 1 - start);
    }
    for (size_t i = 0; i < found.count; i++) {
        free(found.words[i]);
    }
    pbase_buffer_fini(&text);
    return answer;
}

static pbase_status open_terminal(shell_input *self, pbase_error *err)
{
    self->edit = el_init("protobase", stdin, stdout, stderr);
    if (self->edit == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to edit lines");
    }
    (void)el_set(self->edit, EL_CLIENTDATA, self);
    (void)el_set(self->edit, EL_PROMPT, show_prompt);
    (void)el_set(self->edit, EL_EDITOR, "emacs");
    (void)el_set(self->edit, EL_GETCFN, read_character);
    /* Given as narrow text these names would be copied, and never freed. */
    (void)el_wset(self->edit, EL_ADDFN, L"drop-line", L"Drops the line", drop_line);
    (void)el_wset(self->edit, EL_ADDFN, L"complete-word", L"Completes a word", complete_word);
    (void)el_set(self->edit, EL_BIND, "^I", "complete-word", NULL);
    (void)el_set(self->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_set(self->edit, EL_SETTY, "-d", "-isig", NULL);
    (void)el_set(self->edit, EL_BIND, "^C", "drop-line", NULL);
    open_history(self);
    (void)el_source(self->edit, NULL); /* ~/.editrc, if there is one */
    return PBASE_OK;
}

static pbase_status next_of_terminal(shell_input *self, const char *prompt, const char **out,
                                     pbase_error *err)
{
    int length = 0;
    HistEvent event;
    self->prompt = prompt;
    self->is_cancelled = false;
    (void)fflush(stdout);
    /* el_gets shows the prompt first: a key typed at once would reach the terminal's own editing. */
    (void)el_set(self->edit, EL_PREP_TERM, 1);
    const char *line = el_gets(self->edit, &length);
    if (self->is_cancelled) {
        return PBASE_FAIL(err, PBASE_CANCELLED, "cancelled");
    }
    if (line == NULL || length <= 0) {
        return PBASE_END;
    }
    if (self->history != NULL && line[strspn(line, " \t\n")] != '\0') {
        (void)history(self->history, &event, H_ENTER, line); /* without memory it is not kept */
    }
    size_t size = (size_t)length - (line[length - 1] == '\n');
    char *kept = realloc(self->text, size + 1);
    if (kept == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a line");
    }
    memcpy(kept, line, size);
    kept[size] = '\0';
    self->text = kept;
    self->line++;
    *out = kept;
    return PBASE_OK;
}

/* -------------------------------------------------------------------------------------- script -- */

/* Reads a line of standard input into a buffer; false at the end. */
static bool read_line(char **line, size_t *room)
{
    ssize_t length = getline(line, room, stdin);
    while (length > 0 && ((*line)[length - 1] == '\n' || (*line)[length - 1] == '\r')) {
        (*line)[--length] = '\0';
    }
    return length >= 0;
}

static pbase_status next_of_script(shell_input *self, const char **out, pbase_error *err)
{
    if (self->has_ahead) {
        char *text = self->text;
        size_t room = self->text_room;
        self->text = self->ahead;
        self->text_room = self->ahead_room;
        self->ahead = text;
        self->ahead_room = room;
        self->has_ahead = false;
    } else if (self->at_end || !read_line(&self->text, &self->text_room)) {
        self->at_end = true;
        pbase_status status = cli_check_cancelled(&self->owner->run->call, err);
        return status != PBASE_OK   ? status
               : ferror(stdin) != 0 ? PBASE_FAIL_ERRNO(err, errno, "cannot read standard input")
                                    : PBASE_END;
    }
    self->line++;
    *out = self->text;
    return PBASE_OK;
}

bool shell_input_goes_on(shell_input *self)
{
    if (self->edit != NULL || self->at_end) {
        return false;
    }
    if (!self->has_ahead) {
        self->has_ahead = read_line(&self->ahead, &self->ahead_room);
        self->at_end = !self->has_ahead;
    }
    return self->has_ahead && self->ahead[strspn(self->ahead, " \t")] == '|';
}

/* ----------------------------------------------------------------------------------------- all -- */

pbase_status shell_input_open(shell *owner, shell_input **out, pbase_error *err)
{
    shell_input *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the shell");
    }
    self->owner = owner;
    pbase_status status = owner->is_terminal ? open_terminal(self, err) : PBASE_OK;
    if (status != PBASE_OK) {
        shell_input_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

pbase_status shell_input_next(shell_input *self, const char *prompt, const char **out,
                              pbase_error *err)
{
    return self->edit != NULL ? next_of_terminal(self, prompt, out, err)
                              : next_of_script(self, out, err);
}

uint64_t shell_input_line(const shell_input *self)
{
    return self->line;
}

void shell_input_close(shell_input *self)
{
    if (self == NULL) {
        return;
    }
    close_history(self);
    if (self->edit != NULL) {
        el_end(self->edit);
    }
    free(self->text);
    free(self->ahead);
    free(self);
}
