/* key_source.c - three places, asked in their order. */
#include "key_source.h"

#include "key_text.h"
#include <inttypes.h>
#include <openssl/crypto.h>

#define KEY_FILE_BYTES_MAX 256u /* more is no key */
#define GROUP_AND_OTHERS 077u
#define OTHERS 07u
#define CREDENTIALS "CREDENTIALS_DIRECTORY"

/* What is read, and where was looked so far. */
typedef struct {
    const key_source *from;
    const char *id;
    pbase_buffer name;   /* NUL-ended: the pattern filled in, then the resolved path */
    pbase_buffer places; /* for the message when the key is nowhere */
    uint8_t *out;
    pbase_error *err;
} search;

/* ---------------------------------------------------------------------------------- patterns --- */

static char as_variable(char c)
{
    if (c >= 'a' && c <= 'z') {
        return (char)(c - 'a' + 'A');
    }
    return c == '-' || c == '.' ? '_' : c;
}

static pbase_status append_id(search *s, bool is_variable)
{
    pbase_status status = PBASE_OK;
    for (const char *at = s->id; *at != '\0' && status == PBASE_OK; at++) {
        char c = is_variable ? as_variable(*at) : *at;
        status = pbase_buffer_append_u8(&s->name, (uint8_t)c, s->err);
    }
    return status;
}

/* Appends `pattern` to the name, the id in the place of each "{id}", and a NUL. */
static pbase_status append_pattern(search *s, const char *pattern, bool is_variable)
{
    static const char mark[] = "{id}";
    pbase_status status = PBASE_OK;
    const char *found;
    while (status == PBASE_OK && (found = strstr(pattern, mark)) != NULL) {
        status = pbase_buffer_append(&s->name, pattern, (size_t)(found - pattern), s->err);
        status = status == PBASE_OK ? append_id(s, is_variable) : status;
        pattern = found + sizeof mark - 1;
    }
    return status == PBASE_OK ? pbase_buffer_append(&s->name, pattern, strlen(pattern) + 1, s->err)
                              : status;
}

static const char *name_of(const search *s)
{
    return (const char *)s->name.data;
}

static pbase_status note_place(search *s, const char *kind, const char *why)
{
    return pbase_buffer_append_text(&s->places, s->err, "%s%s%s%s", s->places.size == 0 ? "" : ", ",
                                    kind, name_of(s), why);
}

/* ------------------------------------------------------------------------------------- files --- */

static pbase_status check_owner(const search *s, const char *path, const pbase_os_stat *found,
                                uint32_t forbidden)
{
    const pbase_os *os = s->from->os;
    pbase_status status = PBASE_OK;
    if (!found->is_regular) {
        return PBASE_FAIL(s->err, PBASE_CONFIG, "'%s' is no regular file", path);
    }
    if (found->owner != 0 && found->owner != os->system->user_id(os)) {
        status =
            PBASE_FAIL(s->err, PBASE_CONFIG,
                       "the key file '%s' belongs to user %" PRIu32 ", who could replace the key",
                       path, found->owner);
        pbase_error_hint(s->err, "give it to the user who runs this, or to root: chown");
    } else if ((found->mode & forbidden) != 0) {
        status = PBASE_FAIL(s->err, PBASE_CONFIG,
                            "the key file '%s' has mode %03" PRIo32 ": others may read it", path,
                            found->mode & 0777u);
        pbase_error_hint(s->err, "chmod 600 '%s'; make a new key if somebody may have read it",
                         path);
    }
    return status;
}

static pbase_status read_text(search *s, const char *path)
{
    const pbase_os_file_ops *files = s->from->os->file;
    uint8_t text[KEY_FILE_BYTES_MAX + 1];
    pbase_os_file *file = NULL;
    size_t size = 0;
    pbase_status status = files->open(s->from->os, path, PBASE_OS_READ, &file, s->err);
    if (status != PBASE_OK) {
        return status;
    }
    status = files->read(file, 0, text, sizeof text, &size, s->err);
    files->close(file);
    if (status == PBASE_OK) {
        status = key_text_read(pbase_bytes_of(text, size), true, s->out, s->err);
    }
    OPENSSL_cleanse(text, sizeof text);
    return status;
}

/* Reads the key file that is named. NOT_FOUND: it is missing. */
static pbase_status read_file(search *s, uint32_t forbidden)
{
    const pbase_os *os = s->from->os;
    pbase_buffer path;
    pbase_os_stat found;
    pbase_buffer_init(&path, s->from->alloc);
    pbase_status status = os->directory->resolve(os, name_of(s), &path, s->err);
    const char *resolved = (const char *)path.data;
    if (status == PBASE_OK) {
        status = os->directory->stat(os, resolved, &found, s->err);
    }
    if (status == PBASE_OK) {
        status = check_owner(s, resolved, &found, forbidden);
    }
    if (status == PBASE_OK) {
        status = read_text(s, resolved);
    }
    if (status == PBASE_NOT_FOUND && s->err != NULL) {
        pbase_error_init(s->err); /* another place may have it */
    } else if (status != PBASE_OK) {
        pbase_error_note(s->err, "key '%s' from the file '%s'", s->id, name_of(s));
    }
    pbase_buffer_fini(&path);
    return status;
}

/* ------------------------------------------------------------------------------- three places --- */

static pbase_status from_file(search *s)
{
    s->name.size = 0;
    pbase_status status = append_pattern(s, s->from->file, false);
    if (status != PBASE_OK) {
        return status;
    }
    status = read_file(s, GROUP_AND_OTHERS);
    if (status == PBASE_NOT_FOUND) {
        pbase_status noted = note_place(s, "the file ", " (missing)");
        status = noted == PBASE_OK ? status : noted;
    }
    return status;
}

static pbase_status from_environment(search *s)
{
    const pbase_os *os = s->from->os;
    s->name.size = 0;
    pbase_status status = append_pattern(s, s->from->env, true);
    if (status != PBASE_OK) {
        return status;
    }
    const char *text = os->system->environment(os, name_of(s));
    if (text == NULL || text[0] == '\0') {
        status = note_place(s, "the environment variable ", " (unset)");
        return status == PBASE_OK ? PBASE_NOT_FOUND : status;
    }
    status = key_text_read(pbase_bytes_text(text), false, s->out, s->err);
    if (status != PBASE_OK) {
        pbase_error_note(s->err, "key '%s' from the environment variable %s", s->id, name_of(s));
    }
    return status;
}

/* The folder is the service manager's: an access list for the service shows as the group's bits. */
static pbase_status from_credentials(search *s)
{
    const pbase_os *os = s->from->os;
    const char *folder = os->system->environment(os, CREDENTIALS);
    bool has_folder = folder != NULL && folder[0] == '/';
    s->name.size = 0;
    pbase_status status = PBASE_OK;
    if (has_folder) {
        status = pbase_buffer_append_text(&s->name, s->err, "%s/", folder);
    }
    if (status == PBASE_OK) {
        status = append_pattern(s, s->from->credential, false);
    }
    if (status == PBASE_OK) {
        status = has_folder ? read_file(s, OTHERS) : PBASE_NOT_FOUND;
    }
    if (status == PBASE_NOT_FOUND) {
        pbase_status noted = note_place(s, "the credential ",
                                        has_folder ? " (missing)" : " (" CREDENTIALS " is unset)");
        status = noted == PBASE_OK ? status : noted;
    }
    return status;
}

static pbase_status nowhere(search *s)
{
    pbase_status status = PBASE_FAIL(s->err, PBASE_AUTH, "there is no key '%s': looked for %.*s",
                                     s->id, (int)s->places.size, (const char *)s->places.data);
    pbase_error_hint(s->err, "put the key where it is looked for, or name another place with "
                             "key_file, key_env or credential");
    return status;
}

pbase_status key_source_read(const key_source *self, const char *id, uint8_t *out, pbase_error *err)
{
    search s = {.from = self, .id = id, .out = out, .err = err};
    pbase_buffer_init(&s.name, self->alloc);
    pbase_buffer_init(&s.places, self->alloc);
    pbase_status status = PBASE_NOT_FOUND;
    if (self->file != NULL) {
        status = from_file(&s);
    }
    if (status == PBASE_NOT_FOUND && self->env != NULL) {
        status = from_environment(&s);
    }
    if (status == PBASE_NOT_FOUND) {
        status = from_credentials(&s);
    }
    if (status == PBASE_NOT_FOUND) {
        status = nowhere(&s);
    }
    pbase_buffer_fini(&s.name);
    pbase_buffer_fini(&s.places);
    return status;
}
