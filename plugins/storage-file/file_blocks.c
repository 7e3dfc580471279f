/* file_blocks.c - the names and keys of a folder behind the block provider contract.
 *
 * One mutex makes changes of names atomic within the process (an open segment follows its rename)
 * and serializes keys. Reads and writes of segments do not take it. Between processes, LOCK is held
 * exclusively by the only user or shared by each of several, and keys have a lock of their own. */
#include "file_blocks.h"

#include "file_folder.h"
#include "file_key.h"
#include "file_locks.h"
#include "file_segment.h"

#include <inttypes.h>

#define PREFERRED_BYTES 1048576u
#define SEGMENT_BYTES_MAX ((uint64_t)1 << 40)
#define IN_FLIGHT_MAX 4u

typedef struct {
    pbase_blocks base;
    const pbase_host *host; /* borrowed until close */
    file_folder folder;
    uint64_t segment_bytes;
    file_direct direct;
    bool only_reads;       /* nothing in the folder is changed, not even marks and locks */
    pbase_os_mutex *mutex; /* guards names, keys, and all below */
    bool found_clean;      /* the last who used the folder ended in order: nothing in it is torn */
    bool mark_is_gone;     /* of that end, for good */
    bool names_durable;    /* what was there when we came, has been synced */
    bool names_pending;    /* a segment was made and closed without a flush */
    file_segment *open_segments;
    pbase_os_file *lock_file; /* NULL while not locked */
    bool keys_failed;         /* a key may or may not have been written: no more writes */
    bool attached;            /* one of several users; else `lock_file` is held exclusively */
    bool alone;               /* after leave: nobody else is left */
    file_locks *locks;        /* between users; has its own lock */
} file_blocks;

static file_blocks *from(pbase_blocks *self)
{
    PBASE_ASSERT(self->vtable == &file_blocks_vtable);
    return (file_blocks *)self;
}

static file_segment *segment_from(pbase_segment *segment)
{
    PBASE_ASSERT(segment->blocks->vtable == &file_blocks_vtable);
    return (file_segment *)segment;
}

static void lock(file_blocks *self)
{
    self->host->os->lock->mutex_lock(self->mutex);
}

static void unlock(file_blocks *self)
{
    self->host->os->lock->mutex_unlock(self->mutex);
}

static pbase_status call_check(const pbase_segment *segment, const pbase_call *call,
                               pbase_error *err)
{
    return pbase_call_check(call, from(segment->blocks)->host->os, err);
}

static pbase_status check_writes(const file_blocks *self, pbase_error *err)
{
    return self->only_reads
               ? PBASE_FAIL(err, PBASE_READ_ONLY, "the folder '%s' is opened for reading only",
                            (const char *)self->folder.root.data)
               : PBASE_OK;
}

/* Slots that touch names begin so: with names that are durable. */
static pbase_status enter(file_blocks *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    if (!self->names_durable) {
        status = file_folder_sync_all(&self->folder, err);
        self->names_durable = status == PBASE_OK;
    }
    if (status != PBASE_OK) {
        unlock(self);
    }
    return status;
}

/* --------------------------------------------------------------------------------- segment --- */

static pbase_status geometry(pbase_blocks *base, pbase_blocks_geometry *out, pbase_error *err)
{
    const file_blocks *self = from(base);
    (void)err;
    *out = (pbase_blocks_geometry){
        .struct_size = sizeof *out,
        .atomic_bytes = self->direct.unit_bytes,
        .is_direct = atomic_load(&self->direct.way) == FILE_WAY_DIRECT,
        .preferred_bytes = PREFERRED_BYTES,
        .segment_bytes = self->segment_bytes,
        .segment_bytes_max = SEGMENT_BYTES_MAX,
        .in_flight_max = IN_FLIGHT_MAX,
    };
    return PBASE_OK;
}

/* Which of its two names a segment has. With the mutex held. */
static pbase_status name_find(file_blocks *self, const char *name, bool *out_plain,
                              bool *out_sealed, pbase_error *err)
{
    pbase_status status = file_folder_exists(&self->folder, name, "", out_plain, err);
    if (status == PBASE_OK) {
        status = file_folder_exists(&self->folder, name, FILE_FOLDER_SEALED, out_sealed, err);
    }
    return status;
}

/* NOT_FOUND unless the segment is there; its suffix. With the mutex held. */
static pbase_status name_require(file_blocks *self, const char *name, const char **out_suffix,
                                 pbase_error *err)
{
    bool plain = false;
    bool sealed = false;
    pbase_status status = name_find(self, name, &plain, &sealed, err);
    if (status != PBASE_OK) {
        return status;
    }
    *out_suffix = sealed ? FILE_FOLDER_SEALED : "";
    return plain || sealed ? PBASE_OK
                           : PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no segment '%s'", name);
}

/* EXISTS if the segment is there. With the mutex held. */
static pbase_status name_refuse(file_blocks *self, const char *name, pbase_error *err)
{
    bool plain = false;
    bool sealed = false;
    pbase_status status = name_find(self, name, &plain, &sealed, err);
    if (status == PBASE_OK && (plain || sealed)) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "there is a segment '%s' already", name);
    }
    return status;
}

/* Folders on the way to `name`. With the mutex held. */
static pbase_status parents_make(file_blocks *self, const char *name, pbase_error *err)
{
    pbase_status status = file_folder_make_parents(&self->folder, name, err);
    self->names_durable = status == PBASE_OK; /* a folder may be there whose sync has failed */
    return status;
}

/* Opens the file of a segment that is there, under whichever of its names. With the mutex held. */
static pbase_status file_find(file_blocks *self, const char *name, uint32_t os_flags,
                              pbase_buffer *path, pbase_os_file **out, bool *out_sealed,
                              pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_error missing;
    pbase_error_init(&missing);
    *out_sealed = false;
    pbase_status status = file_folder_path(&self->folder, name, "", path, &missing);
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path->data, os_flags, out, &missing);
    }
    if (status != PBASE_NOT_FOUND) {
        if (status != PBASE_OK && err != NULL) {
            *err = missing;
        }
        return status;
    }
    const char *suffix = "";
    status = name_require(self, name, &suffix, err);
    *out_sealed = suffix[0] != '\0';
    if (status == PBASE_OK && *out_sealed && (os_flags & PBASE_OS_WRITE) != 0) {
        return PBASE_FAIL(err, PBASE_READ_ONLY, "the segment '%s' is sealed", name);
    }
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, name, suffix, path, err);
    }
    return status == PBASE_OK ? os->file->open(os, (const char *)path->data, os_flags, out, err)
                              : status;
}

/* Opens the file for an open segment. With the mutex held. */
static pbase_status file_obtain(file_blocks *self, const char *name, uint32_t flags,
                                pbase_os_file **out, bool *out_sealed, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    bool creates = (flags & PBASE_SEGMENT_CREATE) != 0;
    bool writes = creates || (flags & PBASE_SEGMENT_WRITE) != 0;
    uint32_t os_flags = PBASE_OS_READ | (writes ? PBASE_OS_WRITE : 0);
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    if (!creates) {
        pbase_status found = file_find(self, name, os_flags, &path, out, out_sealed, err);
        pbase_buffer_fini(&path);
        return found;
    }
    *out_sealed = false;
    pbase_status status = name_refuse(self, name, err);
    if (status == PBASE_OK) {
        status = parents_make(self, name, err);
    }
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, name, "", &path, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path.data,
                                os_flags | PBASE_OS_CREATE | PBASE_OS_EXCLUSIVE, out, err);
    }
    pbase_buffer_fini(&path);
    return status;
}

static pbase_status segment_open(pbase_blocks *base, const pbase_call *call, const char *name,
                                 uint32_t flags, pbase_segment **out, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_os_file *file = NULL;
    file_segment *segment = NULL;
    bool sealed = false;
    bool writable = (flags & PBASE_SEGMENT_WRITE) != 0;
    pbase_status status = writable ? check_writes(self, err) : PBASE_OK;
    status = status == PBASE_OK ? enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = file_obtain(self, name, flags, &file, &sealed, err);
    if (status == PBASE_OK) {
        status =
            file_segment_create(&self->folder, name, writable, &self->direct, &file, &segment, err);
    }
    if (status == PBASE_OK) {
        segment->base.blocks = base;
        atomic_init(&segment->sealed, sealed);
        atomic_init(&segment->name_pending, (flags & PBASE_SEGMENT_CREATE) != 0);
        segment->next = self->open_segments;
        self->open_segments = segment;
        *out = &segment->base;
    }
    unlock(self);
    return status;
}

static pbase_status segment_preallocate(pbase_segment *segment, const pbase_call *call,
                                        uint64_t size, pbase_error *err)
{
    return file_segment_preallocate(segment_from(segment), call, size, err);
}

static pbase_status segment_write(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                  pbase_bytes data, uint32_t flags, pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_write(segment_from(segment), offset, data, flags, err)
                              : status;
}

static pbase_status segment_sync(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_sync(segment_from(segment), err) : status;
}

static pbase_status segment_read(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                 void *out, size_t size, size_t *out_read, pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK
               ? file_segment_read(segment_from(segment), offset, out, size, out_read, err)
               : status;
}

static pbase_status segment_size(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err)
{
    const pbase_os *os = from(segment->blocks)->host->os;
    return os->file->size(segment_from(segment)->file, out_bytes, err);
}

/* Cuts a path down to its folder and makes the names in that durable. Takes no memory, so that a
 * change of names which has happened never ends as one that has not. */
static pbase_status folder_of_path_sync(const pbase_os *os, pbase_buffer *path, pbase_error *err)
{
    char *last = strrchr((char *)path->data, '/');
    PBASE_ASSERT(last != NULL);
    *last = '\0';
    return os->directory->sync(os, (const char *)path->data, err);
}

/* Renames a file and makes that durable. NO_MEMORY: nothing was changed. With the mutex held. */
static pbase_status file_rename(file_blocks *self, const char *old_name, const char *old_suffix,
                                const char *new_name, const char *new_suffix, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_buffer old_path;
    pbase_buffer new_path;
    pbase_buffer_init(&old_path, self->host->alloc);
    pbase_buffer_init(&new_path, self->host->alloc);
    pbase_status status = file_folder_path(&self->folder, old_name, old_suffix, &old_path, err);
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, new_name, new_suffix, &new_path, err);
    }
    if (status == PBASE_OK) {
        status = os->directory->rename(os, (const char *)old_path.data, (const char *)new_path.data,
                                       err);
    }
    if (status == PBASE_OK) {
        status = folder_of_path_sync(os, &new_path, err);
        if (status == PBASE_OK && strcmp(old_name, new_name) != 0) {
            status = folder_of_path_sync(os, &old_path, err);
        }
        self->names_durable = status == PBASE_OK;
    }
    pbase_buffer_fini(&old_path);
    pbase_buffer_fini(&new_path);
    return status;
}

/* With the mutex held. */
static pbase_status seal_check(file_segment *segment, pbase_error *err)
{
    bool there = false;
    pbase_status status = PBASE_OK;
    if (segment->removed) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "the segment '%s' was removed", segment->name);
    }
    if (!atomic_load(&segment->sealed)) {
        status =
            file_folder_exists(segment->folder, segment->name, FILE_FOLDER_SEALED, &there, err);
    }
    if (status == PBASE_OK && (there || atomic_load(&segment->sealed))) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "the segment '%s' is sealed already", segment->name);
    }
    return status;
}

static pbase_status segment_seal(pbase_segment *base, const pbase_call *call, uint64_t size_bytes,
                                 pbase_error *err)
{
    file_blocks *self = from(base->blocks);
    file_segment *segment = segment_from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = seal_check(segment, err);
    if (status == PBASE_OK) {
        status = file_segment_cut(segment, size_bytes, err);
    }
    if (status == PBASE_OK) {
        status = file_rename(self, segment->name, "", segment->name, FILE_FOLDER_SEALED, err);
    }
    for (file_segment *other = self->open_segments; status == PBASE_OK && other != NULL;
         other = other->next) {
        if (!other->removed && strcmp(other->name, segment->name) == 0) {
            atomic_store(&other->sealed, true);
        }
    }
    unlock(self);
    return status;
}

static pbase_status segment_cut(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                                pbase_error *err)
{
    pbase_status status = call_check(segment, call, err);
    return status == PBASE_OK ? file_segment_cut(segment_from(segment), size_bytes, err) : status;
}

static void segment_close(pbase_segment *base)
{
    file_blocks *self = from(base->blocks);
    file_segment *segment = segment_from(base);
    lock(self);
    file_segment **at = &self->open_segments;
    while (*at != segment) {
        at = &(*at)->next;
    }
    *at = segment->next;
    self->names_pending =
        self->names_pending || (atomic_load(&segment->name_pending) && !segment->removed);
    unlock(self);
    file_segment_destroy(segment);
}

static const pbase_blocks_segment_ops segment_ops = {
    .struct_size = sizeof(pbase_blocks_segment_ops),
    .geometry = geometry,
    .open = segment_open,
    .preallocate = segment_preallocate,
    .write = segment_write,
    .sync = segment_sync,
    .read = segment_read,
    .size = segment_size,
    .seal = segment_seal,
    .close = segment_close,
    .cut = segment_cut,
};

/* ----------------------------------------------------------------------------------- names --- */

static pbase_status name_remove(pbase_blocks *base, const pbase_call *call, const char *name,
                                pbase_error *err)
{
    file_blocks *self = from(base);
    const pbase_os *os = self->host->os;
    const char *suffix = "";
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    pbase_status status = check_writes(self, err);
    status = status == PBASE_OK ? enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = name_require(self, name, &suffix, err);
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, name, suffix, &path, err);
    }
    if (status == PBASE_OK) {
        status = os->directory->remove_file(os, (const char *)path.data, err);
    }
    for (file_segment *other = self->open_segments; status == PBASE_OK && other != NULL;
         other = other->next) {
        other->removed = other->removed || strcmp(other->name, name) == 0;
    }
    if (status == PBASE_OK) {
        status = file_folder_sync(&self->folder, name, err);
        self->names_durable = status == PBASE_OK;
    }
    unlock(self);
    pbase_buffer_fini(&path);
    return status;
}

static pbase_status name_rename(pbase_blocks *base, const pbase_call *call, const char *old_name,
                                const char *new_name, pbase_error *err)
{
    file_blocks *self = from(base);
    const char *suffix = "";
    pbase_status status = check_writes(self, err);
    status = status == PBASE_OK ? enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    status = name_require(self, old_name, &suffix, err);
    if (status == PBASE_OK) {
        status = name_refuse(self, new_name, err);
    }
    if (status == PBASE_OK) {
        status = parents_make(self, new_name, err);
    }
    if (status == PBASE_OK) {
        status = file_rename(self, old_name, suffix, new_name, suffix, err);
    }
    for (file_segment *other = self->open_segments; status == PBASE_OK && other != NULL;
         other = other->next) {
        if (!other->removed && strcmp(other->name, old_name) == 0) {
            memcpy(other->name, new_name, strlen(new_name) + 1);
        }
    }
    unlock(self);
    return status;
}

static pbase_status name_list(pbase_blocks *base, const pbase_call *call, const char *prefix,
                              pbase_status (*each)(void *state, const pbase_block_info *info,
                                                   pbase_error *err),
                              void *state, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    unlock(self); /* `each` may take its time; names that come and go may be listed or not */
    return file_folder_list(&self->folder, prefix, each, state, err);
}

/* ------------------------------------------------------------------------------------ keys --- */

/* Keys are read and replaced by several steps; between processes a lock makes them one. */
#define KEYS_LOCK "keys"

static pbase_status keys_enter(file_blocks *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = enter(self, call, err);
    if (status == PBASE_OK && self->attached) {
        status = file_locks_acquire(self->locks, NULL, KEYS_LOCK, false, err); /* held briefly */
        if (status != PBASE_OK) {
            unlock(self);
        }
    }
    return status;
}

static void keys_leave(file_blocks *self)
{
    if (self->attached) {
        file_locks_release(self->locks, KEYS_LOCK);
    }
    unlock(self);
}

static pbase_status key_get(pbase_blocks *base, const pbase_call *call, const char *key,
                            pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                            pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = keys_enter(self, call, err);
    if (status == PBASE_OK) {
        status = file_key_get(&self->folder, key, arena, out, out_version, err);
        keys_leave(self);
    }
    return status;
}

static pbase_status key_verify(pbase_blocks *base, const pbase_call *call, const char *key,
                               pbase_key_finding *out, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = keys_enter(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->found_clean && !self->keys_failed) { /* else a slot may be torn, which is no damage */
        status = file_key_verify(&self->folder, key, out, err);
    }
    keys_leave(self);
    return status;
}

/* Before the first write to a key: a crash from now on is never taken for an orderly end. */
static pbase_status mark_forget(file_blocks *self, pbase_error *err)
{
    pbase_status status = self->found_clean && !self->mark_is_gone
                              ? file_folder_sync(&self->folder, FILE_FOLDER_CLEAN, err)
                              : PBASE_OK;
    self->mark_is_gone = self->mark_is_gone || status == PBASE_OK;
    return status;
}

static pbase_status key_cas(pbase_blocks *base, const pbase_call *call, const char *key,
                            uint64_t expected, pbase_bytes document, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_error failure;
    pbase_error_init(&failure);
    pbase_status status = check_writes(self, err);
    status = status == PBASE_OK ? keys_enter(self, call, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    if (self->keys_failed) {
        status = PBASE_FAIL(&failure, PBASE_READ_ONLY,
                            "a key could not be flushed before: open the folder again");
    } else {
        status = mark_forget(self, &failure);
    }
    if (status == PBASE_OK) {
        status = file_key_cas(&self->folder, key, expected, document, &failure);
        self->keys_failed = failure.outcome == PBASE_OUTCOME_UNKNOWN;
        self->names_durable = status == PBASE_OK || status == PBASE_CONFLICT;
    }
    keys_leave(self);
    if (status != PBASE_OK && err != NULL) {
        *err = failure;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ users --- */

static pbase_status busy(const file_blocks *self, uint64_t holder, pbase_error *err)
{
    pbase_status status =
        holder == 0 ? PBASE_FAIL(err, PBASE_BUSY, "the folder '%s' is in use by another process",
                                 (const char *)self->folder.root.data)
                    : PBASE_FAIL(err, PBASE_BUSY, "the folder '%s' is in use by process %" PRIu64,
                                 (const char *)self->folder.root.data, holder);
    pbase_error_hint(err, "close it there first; who opens it for itself alone shares it with "
                          "nobody");
    return status;
}

static pbase_status lock_file_open(file_blocks *self, pbase_os_file **out, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    pbase_status status = file_folder_path(&self->folder, FILE_FOLDER_LOCK, "", &path, err);
    if (status == PBASE_OK) {
        uint32_t flags =
            self->only_reads ? PBASE_OS_READ : PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE;
        status = os->file->open(os, (const char *)path.data, flags, out, err);
    }
    pbase_buffer_fini(&path);
    return status;
}

/* With the mutex held. */
static pbase_status lock_take(file_blocks *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_os_file *file = NULL;
    uint64_t holder = 0;
    pbase_status status = lock_file_open(self, &file, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = os->file->lock(file, &holder, err);
    if (status == PBASE_OK) {
        self->lock_file = file;
        return PBASE_OK;
    }
    os->file->close(file);
    return status == PBASE_BUSY ? busy(self, holder, err) : status;
}

/* Takes away the mark of an orderly end. With it, no folder needs a sync; a power failure may bring
 * it back, but then every name that can be seen is durable. With the mutex held. */
static pbase_status clean_take(file_blocks *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_error missing;
    pbase_buffer path;
    pbase_error_init(&missing);
    pbase_buffer_init(&path, self->host->alloc);
    pbase_status status = file_folder_path(&self->folder, FILE_FOLDER_CLEAN, "", &path, &missing);
    if (status == PBASE_OK) {
        status = os->directory->remove_file(os, (const char *)path.data, &missing);
    }
    pbase_buffer_fini(&path);
    self->names_durable = self->names_durable || status == PBASE_OK;
    self->found_clean = status == PBASE_OK;
    if (status == PBASE_NOT_FOUND) {
        return PBASE_OK; /* it was not closed in order, or is new */
    }
    if (status != PBASE_OK && err != NULL) {
        *err = missing;
    }
    return status;
}

/* Sets the mark of an orderly end; without it the next opening syncs a little more. */
static void clean_leave(file_blocks *self)
{
    const pbase_os *os = self->host->os;
    pbase_os_file *file = NULL;
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    if (self->names_durable && !self->names_pending && !self->keys_failed &&
        file_folder_path(&self->folder, FILE_FOLDER_CLEAN, "", &path, NULL) == PBASE_OK &&
        os->file->open(os, (const char *)path.data, PBASE_OS_WRITE | PBASE_OS_CREATE, &file,
                       NULL) == PBASE_OK) {
        os->file->close(file);
    }
    pbase_buffer_fini(&path);
}

static pbase_status exclusive_lock(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    if (self->lock_file != NULL) {
        status = busy(self, self->host->os->system->process_id(self->host->os), err);
    } else {
        status = lock_take(self, err);
        if (status == PBASE_NOT_FOUND && self->only_reads) { /* nobody can have it open */
            status = PBASE_OK;
        } else if (status == PBASE_OK && !self->only_reads) {
            status = clean_take(self, err);
        }
    }
    unlock(self);
    return status;
}

/* Takes the place among the users: exclusively for a moment, when that is possible. With the mutex
 * held. */
static pbase_status place_take(file_blocks *self, pbase_os_file *file, bool *out_alone,
                               pbase_error *err)
{
    const pbase_os_file_ops *files = self->host->os->file;
    uint64_t holder = 0;
    pbase_status status = files->lock(file, &holder, err);
    *out_alone = status == PBASE_OK;
    if (status == PBASE_OK) {
        status = clean_take(self, err);
        self->names_durable = self->names_durable && status == PBASE_OK;
    } else if (status != PBASE_BUSY) {
        return status;
    } else { /* those who are here made their names durable */
        self->names_durable = true;
        status = PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = files->lock_try(file, true, err);
    }
    return status == PBASE_BUSY ? busy(self, holder, err) : status;
}

static pbase_status attach(pbase_blocks *base, const pbase_call *call, bool *out_alone,
                           pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_os_file *file = NULL;
    pbase_status status = pbase_call_check(call, self->host->os, err);
    status = status == PBASE_OK ? check_writes(self, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    lock(self);
    if (self->lock_file != NULL) {
        status = busy(self, self->host->os->system->process_id(self->host->os), err);
    } else {
        status = lock_file_open(self, &file, err);
    }
    if (status == PBASE_OK) {
        status = place_take(self, file, out_alone, err);
        if (status == PBASE_OK) {
            self->lock_file = file;
            self->attached = true;
        } else {
            self->host->os->file->close(file);
        }
    }
    unlock(self);
    return status;
}

static bool leave(pbase_blocks *base)
{
    file_blocks *self = from(base);
    lock(self);
    self->alone =
        self->attached && self->host->os->file->lock_try(self->lock_file, false, NULL) == PBASE_OK;
    bool alone = self->alone;
    unlock(self);
    return alone;
}

static pbase_status named_acquire(pbase_blocks *base, const pbase_call *call, const char *name,
                                  bool shared, pbase_error *err)
{
    return file_locks_acquire(from(base)->locks, call, name, shared, err);
}

static void named_release(pbase_blocks *base, const char *name)
{
    file_locks_release(from(base)->locks, name);
}

static pbase_status named_board(pbase_blocks *base, const pbase_call *call, const char *name,
                                size_t size, uint8_t **out, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    return status == PBASE_OK ? file_locks_board(self->locks, name, size, out, err) : status;
}

static pbase_status slot_take(pbase_blocks *base, const pbase_call *call, const char *name,
                              size_t size, uint8_t **out, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    return status == PBASE_OK ? file_locks_slot_take(self->locks, name, size, out, err) : status;
}

static pbase_status slots_each(pbase_blocks *base, const pbase_call *call, const char *name,
                               size_t size,
                               pbase_status (*each)(void *state, const uint8_t *slot,
                                                    pbase_error *err),
                               void *state, pbase_error *err)
{
    return file_locks_slots_each(from(base)->locks, call, name, size, each, state, err);
}

static pbase_status names_sync(pbase_blocks *base, const pbase_call *call, pbase_error *err)
{
    file_blocks *self = from(base);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status == PBASE_OK) {
        lock(self);
        status = file_folder_sync_all(&self->folder, err);
        self->names_durable = status == PBASE_OK;
        unlock(self);
    }
    return status;
}

static const pbase_blocks_share_ops share_ops = {
    .struct_size = sizeof(pbase_blocks_share_ops),
    .attach = attach,
    .leave = leave,
    .acquire = named_acquire,
    .release = named_release,
    .board = named_board,
    .names_sync = names_sync,
    .slot_take = slot_take,
    .slots_each = slots_each,
};

/* ------------------------------------------------------------------------------------- rest --- */

static pbase_status map(pbase_segment *segment, uint64_t size, const uint8_t **out,
                        pbase_error *err)
{
    return file_segment_map(segment_from(segment), size, out, err);
}

static void unmap(pbase_segment *segment, const uint8_t *data, uint64_t size)
{
    (void)size; /* the map knows */
    file_segment_unmap(segment_from(segment), data);
}

/* A descriptor that may write, of a segment whose own may not: sealed, or opened for reading. */
static pbase_status punching_open(file_blocks *self, const file_segment *segment,
                                  pbase_os_file **out, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    const char *suffix = "";
    pbase_buffer path;
    pbase_buffer_init(&path, self->host->alloc);
    lock(self);
    pbase_status status =
        segment->removed
            ? PBASE_FAIL(err, PBASE_NOT_FOUND, "the segment '%s' was removed", segment->name)
            : name_require(self, segment->name, &suffix, err);
    if (status == PBASE_OK) {
        status = file_folder_path(&self->folder, segment->name, suffix, &path, err);
    }
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path.data, PBASE_OS_WRITE, out, err);
    }
    unlock(self);
    pbase_buffer_fini(&path);
    return status;
}

static pbase_status punch(pbase_segment *base, const pbase_call *call, uint64_t offset,
                          uint64_t size, pbase_error *err)
{
    file_blocks *self = from(base->blocks);
    const pbase_os *os = self->host->os;
    file_segment *segment = segment_from(base);
    pbase_status status = call_check(base, call, err);
    if (status != PBASE_OK || segment->writable) {
        return status == PBASE_OK ? os->file->punch(segment->file, offset, size, err) : status;
    }
    pbase_os_file *file = NULL;
    status = punching_open(self, segment, &file, err);
    if (status == PBASE_OK) {
        status = os->file->punch(file, offset, size, err);
        os->file->close(file);
    }
    return status;
}

static void provider_close(pbase_blocks *base)
{
    file_blocks *self = from(base);
    const pbase_host *host = self->host;
    PBASE_ASSERT(self->open_segments == NULL);
    if (self->lock_file != NULL) {
        if (!self->only_reads && (!self->attached || self->alone)) {
            clean_leave(self);
        }
        host->os->file->close(self->lock_file);
    }
    file_locks_destroy(self->locks);
    if (self->mutex != NULL) {
        host->os->lock->mutex_destroy(self->mutex);
    }
    file_folder_close(&self->folder);
    pbase_alloc_free(host->alloc, self, sizeof *self);
}

static const pbase_blocks_name_ops name_ops = {
    .struct_size = sizeof(pbase_blocks_name_ops),
    .remove = name_remove,
    .rename = name_rename,
    .list = name_list,
    .key_get = key_get,
    .key_cas = key_cas,
    .lock = exclusive_lock,
    .map = map,
    .unmap = unmap,
    .punch = punch,
    .close = provider_close,
    .key_verify = key_verify,
};

const pbase_blocks_vtable file_blocks_vtable = {
    .struct_size = sizeof(pbase_blocks_vtable),
    .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PUNCH |
                    PBASE_BLOCKS_EXCLUSIVE_SEAL | PBASE_BLOCKS_RANGE_READ | PBASE_BLOCKS_MAP |
                    PBASE_BLOCKS_PERSISTENT | PBASE_BLOCKS_LOCK | PBASE_BLOCKS_SHARED,
    .segment = &segment_ops,
    .name = &name_ops,
    .share = &share_ops,
};

static file_direct_wish direct_wish(const pbase_config *config)
{
    const char *text = pbase_config_text(config, "direct_io");
    return strcmp(text, "never") == 0    ? FILE_DIRECT_REFUSED
           : strcmp(text, "always") == 0 ? FILE_DIRECT_ALWAYS
                                         : FILE_DIRECT_AUTO;
}

pbase_status file_blocks_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_host *host = open->host;
    const pbase_config *config = open->config;
    file_blocks *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a block provider");
    }
    self->base.vtable = &file_blocks_vtable;
    self->host = host;
    self->segment_bytes = (uint64_t)pbase_config_int(config, "segment_size");
    self->only_reads = pbase_config_bool(config, "read_only");
    self->names_durable = self->only_reads;
    bool allow_network = strcmp(pbase_config_text(config, "network"), "allow") == 0;
    pbase_status status = file_folder_open(&self->folder, host, pbase_config_text(config, "path"),
                                           allow_network, self->only_reads, err);
    if (status == PBASE_OK) {
        status = file_direct_init(&self->direct, &self->folder, direct_wish(config), err);
    }
    if (status == PBASE_OK) {
        status = host->os->lock->mutex_create(host->os, &self->mutex, err);
    }
    if (status == PBASE_OK) {
        status = file_locks_create(&self->folder, &self->locks, err);
    }
    if (status != PBASE_OK) {
        pbase_error_where(err, "%s", pbase_config_place(config, "path"));
        provider_close(&self->base);
        return status;
    }
    *out = self;
    return PBASE_OK;
}
