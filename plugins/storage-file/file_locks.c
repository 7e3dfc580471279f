/* file_locks.c - a short list of names, each with its two files, opened at the first use. */
#include "file_locks.h"

#include <stdatomic.h>
#include <stdio.h>

#define LOCK_FILE "LOCK."
#define BOARD_FILE "BOARD."
#define SLOT_FILE "SLOT."
#define NAME_NEXT ".NEXT"
#define OPEN_FLAGS (PBASE_OS_READ | PBASE_OS_WRITE | PBASE_OS_CREATE)
#define HINT_BYTES 8u
#define HASTY_USES 4u         /* without looking who waits, so that a short use opens one file */
#define YIELDS_MAX 4u         /* tries before the first sleep */
#define SLEEP_FIRST_NS 20000u /* doubled with each further try */
#define SLEEP_LAST_NS 500000u

typedef struct named_lock named_lock;
struct named_lock {
    named_lock *next;
    pbase_os_file *main; /* locked by the holder */
    _Atomic uint32_t uses;
    /* NULL until they are needed; under the mutex, and never changed again */
    pbase_os_file *gate; /* locked by whoever is next */
    pbase_os_map *map;   /* of the gate */
    /* In the map: somebody is next; stays set when he dies, which costs time only. */
    _Atomic(_Atomic uint32_t *) waits;
    char name[PBASE_LOCK_NAME_BYTES + 1];
};

typedef struct named_board named_board;
struct named_board {
    named_board *next;
    pbase_os_file *file; /* of a slot: locked */
    pbase_os_map *map;
    uint32_t slot;                        /* its number; */
    char name[PBASE_LOCK_NAME_BYTES + 1]; /* of a slot, "": it is a board */
};

struct file_locks {
    const file_folder *folder;
    pbase_os_mutex *mutex; /* guards the lists; entries never go before destroy */
    named_lock *names;
    named_board *boards;
};

static const pbase_os *os_of(const file_locks *locks)
{
    return locks->folder->host->os;
}

pbase_status file_locks_create(const file_folder *folder, file_locks **out, pbase_error *err)
{
    file_locks *locks = pbase_alloc_zeroed(folder->host->alloc, 1, sizeof *locks);
    if (locks == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the locks of a folder");
    }
    locks->folder = folder;
    pbase_status status = os_of(locks)->lock->mutex_create(os_of(locks), &locks->mutex, err);
    if (status != PBASE_OK) {
        file_locks_destroy(locks);
        return status;
    }
    *out = locks;
    return PBASE_OK;
}

static void named_lock_destroy(file_locks *locks, named_lock *lock)
{
    const pbase_os *os = os_of(locks);
    if (lock->map != NULL) {
        os->file->unmap(lock->map);
    }
    os->file->close(lock->main);
    os->file->close(lock->gate);
    pbase_alloc_free(locks->folder->host->alloc, lock, sizeof *lock);
}

static void named_board_destroy(file_locks *locks, named_board *board)
{
    const pbase_os *os = os_of(locks);
    if (board->map != NULL) {
        os->file->unmap(board->map);
    }
    os->file->close(board->file);
    pbase_alloc_free(locks->folder->host->alloc, board, sizeof *board);
}

void file_locks_destroy(file_locks *locks)
{
    if (locks == NULL) {
        return;
    }
    while (locks->names != NULL) {
        named_lock *lock = locks->names;
        locks->names = lock->next;
        named_lock_destroy(locks, lock);
    }
    while (locks->boards != NULL) {
        named_board *board = locks->boards;
        locks->boards = board->next;
        named_board_destroy(locks, board);
    }
    if (locks->mutex != NULL) {
        os_of(locks)->lock->mutex_destroy(locks->mutex);
    }
    pbase_alloc_free(locks->folder->host->alloc, locks, sizeof *locks);
}

/* ------------------------------------------------------------------------------------ names --- */

static pbase_status file_open(file_locks *locks, const char *prefix, const char *name,
                              const char *suffix, uint32_t flags, pbase_os_file **out,
                              pbase_error *err)
{
    const pbase_os *os = os_of(locks);
    char file[sizeof BOARD_FILE + PBASE_LOCK_NAME_BYTES];
    pbase_buffer path;
    (void)snprintf(file, sizeof file, "%s%s", prefix, name); /* it fits */
    pbase_buffer_init(&path, locks->folder->host->alloc);
    pbase_status status = file_folder_path(locks->folder, file, suffix, &path, err);
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path.data, flags, out, err);
    }
    pbase_buffer_fini(&path);
    return status;
}

/* Maps the first `size` bytes of a file, which are made zeros where it ends before. */
static pbase_status file_map(file_locks *locks, pbase_os_file *file, size_t size,
                             pbase_os_map **out, uint8_t **out_data, pbase_error *err)
{
    static const uint8_t zeros[PBASE_BOARD_BYTES_MAX];
    const pbase_os_file_ops *files = os_of(locks)->file;
    uint64_t before = 0;
    pbase_status status = files->size(file, &before, err);
    if (status == PBASE_OK && before < size) { /* whoever else does it writes the same */
        status = files->write(file, before, zeros, size - (size_t)before, err);
    }
    return status == PBASE_OK ? files->map_shared(file, size, out, out_data, err) : status;
}

static named_lock *name_find(const file_locks *locks, const char *name)
{
    named_lock *lock = locks->names;
    while (lock != NULL && strcmp(lock->name, name) != 0) {
        lock = lock->next;
    }
    return lock;
}

/* With the mutex held. */
static pbase_status name_add(file_locks *locks, const char *name, named_lock **out,
                             pbase_error *err)
{
    named_lock *lock = pbase_alloc_zeroed(locks->folder->host->alloc, 1, sizeof *lock);
    if (lock == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the lock '%s'", name);
    }
    PBASE_ASSERT(strlen(name) <= PBASE_LOCK_NAME_BYTES); /* the checked call saw to it */
    memcpy(lock->name, name, strlen(name) + 1);
    pbase_status status = file_open(locks, LOCK_FILE, name, "", OPEN_FLAGS, &lock->main, err);
    if (status != PBASE_OK) {
        named_lock_destroy(locks, lock);
        return status;
    }
    lock->next = locks->names;
    locks->names = lock;
    *out = lock;
    return PBASE_OK;
}

/* NULL with the reason in `err`. */
static named_lock *name_ensure(file_locks *locks, const char *name, pbase_error *err)
{
    const pbase_os *os = os_of(locks);
    os->lock->mutex_lock(locks->mutex);
    named_lock *lock = name_find(locks, name);
    if (lock == NULL && name_add(locks, name, &lock, err) != PBASE_OK) {
        lock = NULL;
    }
    os->lock->mutex_unlock(locks->mutex);
    return lock;
}

/* With the mutex held. */
static pbase_status gate_open(file_locks *locks, named_lock *lock, pbase_error *err)
{
    uint8_t *hint = NULL;
    pbase_status status = PBASE_OK;
    if (lock->gate == NULL) {
        status = file_open(locks, LOCK_FILE, lock->name, NAME_NEXT, OPEN_FLAGS, &lock->gate, err);
    }
    if (status == PBASE_OK) {
        status = file_map(locks, lock->gate, HINT_BYTES, &lock->map, &hint, err);
    }
    if (status == PBASE_OK) {
        atomic_store(&lock->waits, (void *)hint);
    }
    return status;
}

static pbase_status gate_ensure(file_locks *locks, named_lock *lock, pbase_error *err)
{
    const pbase_os *os = os_of(locks);
    if (atomic_load(&lock->waits) != NULL) {
        return PBASE_OK;
    }
    os->lock->mutex_lock(locks->mutex);
    pbase_status status =
        atomic_load(&lock->waits) == NULL ? gate_open(locks, lock, err) : PBASE_OK;
    os->lock->mutex_unlock(locks->mutex);
    return status;
}

/* ------------------------------------------------------------------------------------ waits --- */

static void pause_before(const pbase_os *os, unsigned tries)
{
    if (tries < YIELDS_MAX) {
        os->thread->yield(os);
        return;
    }
    unsigned doublings = tries - YIELDS_MAX;
    uint64_t sleep_ns = doublings > 5 ? SLEEP_LAST_NS : (uint64_t)SLEEP_FIRST_NS << doublings;
    os->system->sleep_ns(os, sleep_ns < SLEEP_LAST_NS ? sleep_ns : SLEEP_LAST_NS);
}

static pbase_status file_wait(file_locks *locks, const pbase_call *call, pbase_os_file *file,
                              bool shared, pbase_error *err)
{
    const pbase_os *os = os_of(locks);
    pbase_error why;
    pbase_error_init(&why);
    for (unsigned tries = 0;; tries++) {
        pbase_status status = os->file->lock_try(file, shared, &why);
        if (status != PBASE_BUSY) {
            if (status != PBASE_OK && err != NULL) {
                *err = why;
            }
            return status;
        }
        status = pbase_call_check(call, os, err);
        if (status != PBASE_OK) {
            return status == PBASE_TIMEOUT ? PBASE_BUSY : status;
        }
        pause_before(os, tries);
    }
}

/* Through the gate: whoever holds that is next. Where it cannot be made, on a full disk, without it:
 * then others may be quicker. */
static pbase_status turn_wait(file_locks *locks, const pbase_call *call, named_lock *lock,
                              bool shared, pbase_error *err)
{
    if (gate_ensure(locks, lock, NULL) != PBASE_OK) {
        return file_wait(locks, call, lock->main, shared, err);
    }
    pbase_status status = file_wait(locks, call, lock->gate, false, err);
    if (status == PBASE_OK) {
        _Atomic uint32_t *waits = atomic_load(&lock->waits);
        atomic_store(waits, 1);
        status = file_wait(locks, call, lock->main, shared, err);
        atomic_store(waits, 0);
        os_of(locks)->file->unlock(lock->gate);
    }
    return status;
}

pbase_status file_locks_acquire(file_locks *locks, const pbase_call *call, const char *name,
                                bool shared, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    named_lock *lock = name_ensure(locks, name, &why);
    if (lock == NULL) {
        if (err != NULL) {
            *err = why;
        }
        return why.code;
    }
    if (atomic_fetch_add(&lock->uses, 1) >= HASTY_USES) {
        pbase_status made = gate_ensure(locks, lock, NULL);
        (void)made; /* who waits without it does so, too */
    }
    const _Atomic uint32_t *waits = atomic_load(&lock->waits);
    if ((waits == NULL || atomic_load(waits) == 0) &&
        os_of(locks)->file->lock_try(lock->main, shared, NULL) == PBASE_OK) {
        return PBASE_OK;
    }
    pbase_status status = turn_wait(locks, call, lock, shared, err);
    if (status == PBASE_BUSY) {
        status = PBASE_FAIL(err, PBASE_BUSY, "the lock '%s' of the folder '%s' is held elsewhere",
                            name, (const char *)locks->folder->root.data);
        pbase_error_hint(err,
                         "try again; a process that is stopped within a commit keeps it until it "
                         "goes on or ends: `fuser %s/LOCK.%s` names it",
                         (const char *)locks->folder->root.data, name);
    }
    return status;
}

void file_locks_release(file_locks *locks, const char *name)
{
    const pbase_os *os = os_of(locks);
    os->lock->mutex_lock(locks->mutex);
    named_lock *lock = name_find(locks, name);
    os->lock->mutex_unlock(locks->mutex);
    if (lock != NULL) {
        os->file->unlock(lock->main);
    }
}

/* ----------------------------------------------------------------------------------- boards --- */

/* From now on it lasts until destroy. */
static void board_keep(file_locks *locks, named_board *board)
{
    os_of(locks)->lock->mutex_lock(locks->mutex);
    board->next = locks->boards;
    locks->boards = board;
    os_of(locks)->lock->mutex_unlock(locks->mutex);
}

pbase_status file_locks_board(file_locks *locks, const char *name, size_t size, uint8_t **out,
                              pbase_error *err)
{
    named_board *board = pbase_alloc_zeroed(locks->folder->host->alloc, 1, sizeof *board);
    if (board == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the board '%s'", name);
    }
    pbase_status status = file_open(locks, BOARD_FILE, name, "", OPEN_FLAGS, &board->file, err);
    if (status == PBASE_OK) {
        status = file_map(locks, board->file, size, &board->map, out, err);
    }
    if (status != PBASE_OK) {
        named_board_destroy(locks, board);
        return status;
    }
    board_keep(locks, board);
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------ slots --- */

static pbase_status slot_open(file_locks *locks, const char *name, uint32_t number, uint32_t flags,
                              pbase_os_file **out, pbase_error *err)
{
    char suffix[16];
    (void)snprintf(suffix, sizeof suffix, ".%u", (unsigned)number); /* it fits */
    return file_open(locks, SLOT_FILE, name, suffix, flags, out, err);
}

/* The first one that can be locked: BUSY, none. */
static pbase_status slot_lock(file_locks *locks, const char *name, named_board *slot,
                              pbase_error *err)
{
    const pbase_os_file_ops *files = os_of(locks)->file;
    pbase_status status = PBASE_BUSY;
    for (uint32_t i = 0; i < PBASE_SLOTS_MAX && status == PBASE_BUSY; i++) {
        status = slot_open(locks, name, i, OPEN_FLAGS, &slot->file, err);
        if (status == PBASE_OK) {
            status = files->lock_try(slot->file, false, err);
            slot->slot = i;
        }
        if (status != PBASE_OK) {
            files->close(slot->file);
            slot->file = NULL;
        }
    }
    return status == PBASE_BUSY
               ? PBASE_FAIL(err, PBASE_LIMIT, "%u processes use the folder '%s' at once",
                            PBASE_SLOTS_MAX, (const char *)locks->folder->root.data)
               : status;
}

pbase_status file_locks_slot_take(file_locks *locks, const char *name, size_t size, uint8_t **out,
                                  pbase_error *err)
{
    named_board *slot = pbase_alloc_zeroed(locks->folder->host->alloc, 1, sizeof *slot);
    if (slot == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a slot '%s'", name);
    }
    PBASE_ASSERT(strlen(name) <= PBASE_LOCK_NAME_BYTES); /* the checked call saw to it */
    memcpy(slot->name, name, strlen(name) + 1);
    pbase_status status = slot_lock(locks, name, slot, err);
    if (status == PBASE_OK) {
        status = file_map(locks, slot->file, size, &slot->map, out, err);
    }
    if (status != PBASE_OK) {
        named_board_destroy(locks, slot);
        return status;
    }
    board_keep(locks, slot);
    return PBASE_OK;
}

static bool slot_is_ours(file_locks *locks, const char *name, uint32_t number)
{
    const pbase_os *os = os_of(locks);
    os->lock->mutex_lock(locks->mutex);
    const named_board *board = locks->boards;
    while (board != NULL && (board->slot != number || strcmp(board->name, name) != 0)) {
        board = board->next;
    }
    os->lock->mutex_unlock(locks->mutex);
    return board != NULL;
}

typedef struct {
    size_t size;
    pbase_status (*each)(void *state, const uint8_t *slot, pbase_error *err);
    void *state;
} slot_reader;

/* Nothing to tell when nobody has it locked, or whoever has is only about to make it. */
static pbase_status slot_read(file_locks *locks, pbase_os_file *file, const slot_reader *reader,
                              pbase_error *err)
{
    const pbase_os_file_ops *files = os_of(locks)->file;
    pbase_os_map *map = NULL;
    const uint8_t *data = NULL;
    uint64_t bytes = 0;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = files->lock_try(file, true, &why);
    if (status != PBASE_BUSY) {
        if (status != PBASE_OK && err != NULL) {
            *err = why;
        }
        return status;
    }
    status = files->size(file, &bytes, err);
    if (status != PBASE_OK || bytes < reader->size) {
        return status;
    }
    status = files->map(file, reader->size, &map, &data, err);
    if (status == PBASE_OK) {
        status = reader->each(reader->state, data, err);
        files->unmap(map);
    }
    return status;
}

pbase_status file_locks_slots_each(file_locks *locks, const pbase_call *call, const char *name,
                                   size_t size,
                                   pbase_status (*each)(void *state, const uint8_t *slot,
                                                        pbase_error *err),
                                   void *state, pbase_error *err)
{
    const slot_reader reader = {.size = size, .each = each, .state = state};
    pbase_status status = PBASE_OK;
    pbase_error why;
    for (uint32_t i = 0; i < PBASE_SLOTS_MAX && status == PBASE_OK; i++) {
        pbase_os_file *file = NULL;
        if (slot_is_ours(locks, name, i)) {
            continue;
        }
        pbase_error_init(&why);
        status = pbase_call_check(call, os_of(locks), &why);
        if (status == PBASE_OK) {
            status = slot_open(locks, name, i, PBASE_OS_READ | PBASE_OS_WRITE, &file, &why);
        }
        if (status == PBASE_NOT_FOUND) { /* they were made one after the other */
            return PBASE_OK;
        }
        if (status == PBASE_OK) {
            status = slot_read(locks, file, &reader, &why);
        }
        os_of(locks)->file->close(file);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}
