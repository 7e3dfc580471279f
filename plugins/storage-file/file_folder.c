/* file_folder.c - a name is durable once its folder has been synced; a folder, once its parent has.
 *
 * A process that dies leaves names that are visible but perhaps not durable; the next one syncs
 * every folder, so that whatever it lists will still be there after a power failure. */
#include "file_folder.h"

#include <inttypes.h>
#include <stdio.h>

#define FORMAT_NAME_NEW FILE_FOLDER_FORMAT ".NEW"
#define FORMAT_SUFFIX_BYTES 18u
#define FORMAT_TEXT "protobase block_provider/file 1\n"
#define FORMAT_FAMILY "protobase block_provider/file "

/* ----------------------------------------------------------------------------------- paths --- */

static pbase_status text_append(pbase_buffer *buffer, const char *text, pbase_error *err)
{
    return pbase_buffer_append(buffer, text, strlen(text), err);
}

static const char *text_of(const pbase_buffer *buffer)
{
    return (const char *)buffer->data;
}

pbase_status file_folder_path(const file_folder *folder, const char *name, const char *suffix,
                              pbase_buffer *out, pbase_error *err)
{
    out->size = 0;
    pbase_status status = text_append(out, text_of(&folder->root), err);
    if (status == PBASE_OK && name[0] != '\0') {
        status = text_append(out, "/", err);
    }
    if (status == PBASE_OK) {
        status = text_append(out, name, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append(out, suffix, strlen(suffix) + 1, err);
    }
    return status;
}

/* Cuts a NUL-ended path to its folder. */
static void path_to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        path[0] = '.'; /* a path is never empty */
        path[1] = '\0';
    } else {
        slash[slash == path ? 1 : 0] = '\0';
    }
}

/* Syncs the folder that holds the file or folder at `path`. */
static pbase_status parent_sync(const pbase_host *host, const char *path, pbase_error *err)
{
    pbase_buffer parent;
    pbase_buffer_init(&parent, host->alloc);
    pbase_status status = text_append(&parent, path, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append(&parent, "\0", 2, err); /* "x" may become "." */
    }
    if (status == PBASE_OK) {
        path_to_parent((char *)parent.data);
        status = host->os->directory->sync(host->os, text_of(&parent), err);
    }
    pbase_buffer_fini(&parent);
    return status;
}

pbase_status file_folder_sync(const file_folder *folder, const char *name, pbase_error *err)
{
    pbase_buffer path;
    pbase_buffer_init(&path, folder->host->alloc);
    pbase_status status = file_folder_path(folder, name, "", &path, err);
    if (status == PBASE_OK) {
        status = parent_sync(folder->host, text_of(&path), err);
    }
    if (status == PBASE_NO_SPACE) { /* would be tried again once there is some */
        status = PBASE_FAIL(err, PBASE_IO, "flushing the folder of '%s' found no space", name);
    }
    pbase_buffer_fini(&path);
    return status;
}

/* A folder, made durably; one that is there already is fine. */
static pbase_status directory_make(const pbase_host *host, const char *path, pbase_error *err)
{
    pbase_error ignored;
    pbase_error_init(&ignored);
    pbase_status status = host->os->directory->create(host->os, path, &ignored);
    if (status == PBASE_EXISTS) {
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        return parent_sync(host, path, err);
    }
    if (err != NULL) {
        *err = ignored;
    }
    return status;
}

pbase_status file_folder_make_parents(const file_folder *folder, const char *name, pbase_error *err)
{
    pbase_buffer path;
    pbase_buffer_init(&path, folder->host->alloc);
    pbase_status status = file_folder_path(folder, name, "", &path, err);
    if (status == PBASE_OK) {
        char *text = (char *)path.data;
        char *slash = strchr(text + folder->root.size, '/'); /* behind the root's own slash */
        while (slash != NULL && status == PBASE_OK) {
            *slash = '\0';
            status = directory_make(folder->host, text, err);
            *slash = '/';
            slash = strchr(slash + 1, '/');
        }
    }
    pbase_buffer_fini(&path);
    return status;
}

pbase_status file_folder_exists(const file_folder *folder, const char *name, const char *suffix,
                                bool *out, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    pbase_os_stat about;
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_buffer path;
    pbase_buffer_init(&path, folder->host->alloc);
    pbase_status status = file_folder_path(folder, name, suffix, &path, &failure);
    if (status == PBASE_OK) {
        status = os->directory->stat(os, text_of(&path), &about, &failure);
    }
    pbase_buffer_fini(&path);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        *out = status == PBASE_OK;
        return PBASE_OK;
    }
    if (err != NULL) {
        *err = failure;
    }
    return status;
}

/* ----------------------------------------------------------------------------------- names --- */

/* What a listing found: NUL-ended names, one after the other. */
typedef struct {
    pbase_buffer names;
    bool format;  /* FORMAT is there */
    bool foreign; /* something that is not ours is there */
} found_names;

/* Bytes of a segment's name, its folders apart. */
static bool name_is_segment(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return size != 0;
}

/* The length of `name` without the suffix of a sealed segment. */
static size_t plain_size(const char *name, bool *out_sealed)
{
    size_t size = strlen(name);
    size_t suffix = strlen(FILE_FOLDER_SEALED);
    *out_sealed = size > suffix && strcmp(name + size - suffix, FILE_FOLDER_SEALED) == 0;
    return *out_sealed ? size - suffix : size;
}

static pbase_status found_name(void *state, const char *name, pbase_error *err)
{
    found_names *found = state;
    bool sealed = false;
    size_t size = plain_size(name, &sealed);
    if (strcmp(name, FILE_FOLDER_FORMAT) == 0) {
        found->format = true;
    } else if (strncmp(name, FORMAT_NAME_NEW, strlen(FORMAT_NAME_NEW)) != 0 &&
               strcmp(name, "lost+found") != 0) {
        found->foreign = true;
    }
    if (!name_is_segment(name, size)) {
        return PBASE_OK;
    }
    return pbase_buffer_append(&found->names, name, strlen(name) + 1, err);
}

/* ------------------------------------------------------------------------------------ list --- */

typedef struct {
    const file_folder *folder;
    const char *prefix;
    pbase_status (*each)(void *state, const pbase_block_info *info, pbase_error *err);
    void *state;
    pbase_buffer folders; /* still to be listed: names that end in '/' or are empty, NUL-ended */
    pbase_buffer path;
    pbase_buffer name;
} folder_walk;

/* True when names below or at `name` can begin with `prefix`. */
static bool prefix_matches(const char *name, const char *prefix)
{
    size_t name_bytes = strlen(name);
    size_t prefix_bytes = strlen(prefix);
    return strncmp(name, prefix, name_bytes < prefix_bytes ? name_bytes : prefix_bytes) == 0;
}

/* Gives one file, or keeps one folder for later. `base` is the folder's name with its slash. */
static pbase_status walk_entry(folder_walk *walk, const char *base, const char *entry,
                               pbase_error *err)
{
    const pbase_os *os = walk->folder->host->os;
    pbase_os_stat about;
    bool sealed = false;
    size_t entry_bytes = plain_size(entry, &sealed);
    walk->name.size = 0;
    pbase_status status = text_append(&walk->name, base, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append(&walk->name, entry, entry_bytes, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&walk->name, 0, err);
    }
    if (status != PBASE_OK || !prefix_matches(text_of(&walk->name), walk->prefix)) {
        return status;
    }
    status = file_folder_path(walk->folder, text_of(&walk->name), sealed ? FILE_FOLDER_SEALED : "",
                              &walk->path, err);
    if (status == PBASE_OK) {
        status = os->directory->stat(os, text_of(&walk->path), &about, err);
    }
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK; /* removed since it was listed */
    }
    if (status == PBASE_OK && about.is_directory) {
        walk->name.data[walk->name.size - 1] = '/';
        status = pbase_buffer_append_bytes(&walk->folders, pbase_buffer_view(&walk->name), err);
        return status == PBASE_OK ? pbase_buffer_append_u8(&walk->folders, 0, err) : status;
    }
    if (status != PBASE_OK || !about.is_regular ||
        strlen(text_of(&walk->name)) < strlen(walk->prefix)) {
        return status;
    }
    pbase_block_info info = {.name = text_of(&walk->name),
                             .size_bytes = about.size_bytes,
                             .held_bytes = about.allocated_bytes,
                             .sealed = sealed};
    return walk->each(walk->state, &info, err);
}

/* Lists one folder; a missing one is empty. */
static pbase_status walk_folder(folder_walk *walk, const char *base, pbase_error *err)
{
    const pbase_os *os = walk->folder->host->os;
    found_names found = {0};
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_buffer_init(&found.names, walk->folder->host->alloc);
    pbase_status status = file_folder_path(walk->folder, base, "", &walk->path, &failure);
    if (status == PBASE_OK) {
        status = os->directory->list(os, text_of(&walk->path), found_name, &found, &failure);
    }
    for (size_t at = 0; status == PBASE_OK && at < found.names.size;) {
        const char *entry = text_of(&found.names) + at;
        at += strlen(entry) + 1;
        status = walk_entry(walk, base, entry, &failure);
    }
    pbase_buffer_fini(&found.names);
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = failure;
    }
    return status;
}

/* Visits the folders queued in `walk`, and those found on the way. */
static pbase_status walk_run(folder_walk *walk, pbase_error *err)
{
    const pbase_alloc *alloc = walk->folder->host->alloc;
    pbase_buffer base; /* a copy: the queue may move while its folder is listed */
    pbase_buffer_init(&base, alloc);
    pbase_status status = PBASE_OK;
    for (size_t at = 0; status == PBASE_OK && at < walk->folders.size;) {
        base.size = 0;
        status = pbase_buffer_append(&base, walk->folders.data + at,
                                     strlen(text_of(&walk->folders) + at) + 1, err);
        if (status == PBASE_OK) {
            at += base.size;
            status = walk_folder(walk, text_of(&base), err);
        }
    }
    pbase_buffer_fini(&base);
    return status;
}

pbase_status file_folder_list(const file_folder *folder, const char *prefix,
                              pbase_status (*each)(void *state, const pbase_block_info *info,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    const pbase_alloc *alloc = folder->host->alloc;
    folder_walk walk = {.folder = folder, .prefix = prefix, .each = each, .state = state};
    pbase_buffer_init(&walk.folders, alloc);
    pbase_buffer_init(&walk.path, alloc);
    pbase_buffer_init(&walk.name, alloc);
    const char *slash = strrchr(prefix, '/');
    size_t start_bytes = slash == NULL ? 0 : (size_t)(slash - prefix) + 1;
    pbase_status status = pbase_buffer_append(&walk.folders, prefix, start_bytes, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&walk.folders, 0, err);
    }
    if (status == PBASE_OK) {
        status = walk_run(&walk, err);
    }
    pbase_buffer_fini(&walk.folders);
    pbase_buffer_fini(&walk.path);
    pbase_buffer_fini(&walk.name);
    return status;
}

/* ------------------------------------------------------------------------------------ open --- */

/* Writes FORMAT under another name first, so that it is never seen half written. */
static pbase_status format_write(file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    pbase_os_file *file = NULL;
    pbase_buffer path;
    pbase_buffer final_path;
    pbase_buffer_init(&path, folder->host->alloc);
    pbase_buffer_init(&final_path, folder->host->alloc);
    char suffix[FORMAT_SUFFIX_BYTES]; /* several processes may be doing this */
    uint64_t number = 0;
    os->system->random(os, &number, sizeof number);
    (void)snprintf(suffix, sizeof suffix, ".%016" PRIx64, number); /* it fits */
    pbase_status status = file_folder_path(folder, FORMAT_NAME_NEW, suffix, &path, err);
    if (status == PBASE_OK) {
        status = file_folder_path(folder, FILE_FOLDER_FORMAT, "", &final_path, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, text_of(&path),
                                PBASE_OS_WRITE | PBASE_OS_CREATE | PBASE_OS_TRUNCATE, &file, err);
    }
    if (status == PBASE_OK) {
        status = os->file->write(file, 0, FORMAT_TEXT, strlen(FORMAT_TEXT), err);
    }
    if (status == PBASE_OK) {
        status = os->file->sync(file, err);
    }
    if (file != NULL) {
        os->file->close(file);
    }
    if (status == PBASE_OK) {
        status = os->directory->rename(os, text_of(&path), text_of(&final_path), err);
    }
    if (status == PBASE_OK) {
        status = os->directory->sync(os, text_of(&folder->root), err);
    }
    pbase_buffer_fini(&path);
    pbase_buffer_fini(&final_path);
    return status;
}

/* FORMAT holds one known line. */
static pbase_status format_check(file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    pbase_os_file *file = NULL;
    char text[64];
    size_t size = 0;
    pbase_buffer path;
    pbase_buffer_init(&path, folder->host->alloc);
    pbase_status status = file_folder_path(folder, FILE_FOLDER_FORMAT, "", &path, err);
    if (status == PBASE_OK) {
        status = os->file->open(os, text_of(&path), PBASE_OS_READ, &file, err);
    }
    if (status == PBASE_OK) {
        status = os->file->read(file, 0, text, sizeof text, &size, err);
        os->file->close(file);
    }
    pbase_buffer_fini(&path);
    if (status != PBASE_OK) {
        return status;
    }
    if (size == strlen(FORMAT_TEXT) && memcmp(text, FORMAT_TEXT, size) == 0) {
        return PBASE_OK;
    }
    bool newer =
        size > strlen(FORMAT_FAMILY) && memcmp(text, FORMAT_FAMILY, strlen(FORMAT_FAMILY)) == 0;
    return PBASE_FAIL(err, PBASE_FORMAT, "'%s/%s' %s", text_of(&folder->root), FILE_FOLDER_FORMAT,
                      newer ? "was written by a newer version of ProtoBase"
                            : "is not what ProtoBase writes: this is another program's folder");
}

/* Reads what lies in a folder without FORMAT; an empty one becomes ours. */
static pbase_status format_make(file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    found_names found = {0};
    pbase_buffer_init(&found.names, folder->host->alloc);
    pbase_status status = os->directory->list(os, text_of(&folder->root), found_name, &found, err);
    pbase_buffer_fini(&found.names);
    if (status != PBASE_OK) {
        return status;
    }
    if (!found.format && found.foreign) { /* made while it was listed? */
        status = file_folder_exists(folder, FILE_FOLDER_FORMAT, "", &found.format, err);
    }
    if (status != PBASE_OK || found.format) {
        return status == PBASE_OK ? format_check(folder, err) : status;
    }
    if (!found.foreign) {
        return format_write(folder, err);
    }
    status = PBASE_FAIL(err, PBASE_FORMAT, "the folder '%s' is not empty, and it is not a space",
                        text_of(&folder->root));
    pbase_error_hint(err, "give an empty folder, a new name, or the folder of a space");
    return status;
}

static pbase_status format_ensure(file_folder *folder, pbase_error *err)
{
    pbase_error missing;
    pbase_error_init(&missing);
    pbase_status status = format_check(folder, &missing);
    if (status == PBASE_NOT_FOUND) {
        return format_make(folder, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = missing;
    }
    return status;
}

/* Finds or makes the folder itself. */
static pbase_status root_ensure(const file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    const char *root = text_of(&folder->root);
    pbase_os_stat about;
    pbase_error missing;
    pbase_error_init(&missing);
    pbase_status status = os->directory->stat(os, root, &about, &missing);
    if (status == PBASE_NOT_FOUND) {
        status = directory_make(folder->host, root, err);
        if (status != PBASE_OK) {
            pbase_error_hint(err,
                             "make the folder that shall hold it, and let this user write there");
        }
        return status;
    }
    if (status != PBASE_OK) {
        if (err != NULL) {
            *err = missing;
        }
        return status;
    }
    if (!about.is_directory && !about.is_symlink) {
        status = PBASE_FAIL(err, PBASE_FORMAT, "'%s' is a file, not a folder", root);
        pbase_error_hint(err, "give the path of a folder");
    }
    return status;
}

static pbase_status root_require(const file_folder *folder, pbase_error *err)
{
    pbase_os_stat about;
    const pbase_os *os = folder->host->os;
    return os->directory->stat(os, text_of(&folder->root), &about, err);
}

static pbase_status network_refuse(const file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    char type[PBASE_OS_TYPE_BYTES] = "";
    pbase_status status = os->directory->network_type(os, text_of(&folder->root), type, err);
    if (status == PBASE_OK && type[0] != '\0') {
        status = PBASE_FAIL(err, PBASE_UNSUPPORTED,
                            "'%s' lies on a file system of type '%s', which is reached over a "
                            "network",
                            text_of(&folder->root), type);
        pbase_error_hint(err,
                         "its locks and flushes cannot be relied upon: use a folder on a local "
                         "disk, or set network: allow at your own risk");
    }
    return status;
}

static pbase_status folder_sync_each(void *state, const pbase_block_info *info, pbase_error *err)
{
    (void)state;
    (void)info; /* folders are what matters: the walk leaves them behind */
    (void)err;
    return PBASE_OK;
}

/* Fills `walk->folders` with the root, the folder of keys, and all folders below them. */
static pbase_status folders_find(folder_walk *walk, pbase_error *err)
{
    bool keys = false;
    pbase_status status = file_folder_exists(walk->folder, FILE_FOLDER_KEYS, "", &keys, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&walk->folders, 0, err);
    }
    if (status == PBASE_OK && keys) {
        status =
            pbase_buffer_append(&walk->folders, FILE_FOLDER_KEYS, sizeof FILE_FOLDER_KEYS, err);
    }
    return status == PBASE_OK ? walk_run(walk, err) : status;
}

/* The folder that holds the root; one that we may not read was not made for us. */
static pbase_status root_name_sync(const file_folder *folder, pbase_error *err)
{
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_status status = parent_sync(folder->host, text_of(&folder->root), &failure);
    if (status == PBASE_OK || status == PBASE_AUTH) {
        return PBASE_OK;
    }
    if (err != NULL) {
        *err = failure;
    }
    return status;
}

pbase_status file_folder_sync_all(const file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    const pbase_alloc *alloc = folder->host->alloc;
    folder_walk walk = {.folder = folder, .prefix = "", .each = folder_sync_each};
    pbase_buffer_init(&walk.folders, alloc);
    pbase_buffer_init(&walk.path, alloc);
    pbase_buffer_init(&walk.name, alloc);
    pbase_status status = root_name_sync(folder, err);
    if (status == PBASE_OK) {
        status = folders_find(&walk, err);
    }
    for (size_t at = 0; status == PBASE_OK && at < walk.folders.size;) {
        const char *name = text_of(&walk.folders) + at;
        at += strlen(name) + 1;
        status = file_folder_path(folder, name, "", &walk.path, err);
        if (status == PBASE_OK) {
            status = os->directory->sync(os, text_of(&walk.path), err);
        }
    }
    pbase_buffer_fini(&walk.folders);
    pbase_buffer_fini(&walk.path);
    pbase_buffer_fini(&walk.name);
    return status;
}

pbase_status file_folder_open(file_folder *folder, const pbase_host *host, const char *path,
                              bool allow_network, bool only_reads, pbase_error *err)
{
    folder->host = host;
    pbase_buffer_init(&folder->root, host->alloc);
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    pbase_status status = pbase_buffer_append(&folder->root, path, size, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&folder->root, 0, err);
    }
    if (status == PBASE_OK) {
        status = only_reads ? root_require(folder, err) : root_ensure(folder, err);
    }
    if (status == PBASE_OK && !allow_network) {
        status = network_refuse(folder, err);
    }
    if (status == PBASE_OK && !only_reads) {
        status = format_ensure(folder, err);
    }
    if (status != PBASE_OK) {
        pbase_error_note(err, "opening the folder '%s'", path);
        file_folder_close(folder);
    }
    return status;
}

void file_folder_close(file_folder *folder)
{
    pbase_buffer_fini(&folder->root);
}
