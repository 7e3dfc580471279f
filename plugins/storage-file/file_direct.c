/* file_direct.c - the unit is the device's, and the way is decided by the first write; both are found out
 * by then. */
#include "file_direct.h"

#define COMPONENT "block_provider/file"

/* Units of 512 bytes need a device that takes them whole: one that has larger sectors reads, changes and
 * writes a sector, and what was acknowledged before lies in the same one. */
static uint32_t unit_of(const pbase_os_pieces *pieces)
{
    return pieces->whole_bytes == FILE_UNIT_BYTES_MIN && pieces->direct_bytes <= FILE_UNIT_BYTES_MIN
               ? FILE_UNIT_BYTES_MIN
               : FILE_UNIT_BYTES_MAX;
}

/* Opens a file of the folder as a durable write would. */
static pbase_status try_open(const file_folder *folder, pbase_error *err)
{
    const pbase_os *os = folder->host->os;
    pbase_os_file *file = NULL;
    pbase_buffer path;
    pbase_buffer_init(&path, folder->host->alloc);
    pbase_status status = file_folder_path(folder, FILE_FOLDER_FORMAT, "", &path, err);
    if (status == PBASE_OK) {
        status = os->file->open(os, (const char *)path.data,
                                PBASE_OS_WRITE | PBASE_OS_DIRECT | PBASE_OS_DSYNC, &file, err);
    }
    if (status == PBASE_OK) {
        os->file->close(file);
    } else if (status == PBASE_UNSUPPORTED) {
        pbase_error_hint(err, "use another file system, or direct_io: auto");
    }
    pbase_buffer_fini(&path);
    return status;
}

pbase_status file_direct_init(file_direct *direct, const file_folder *folder, file_direct_wish wish,
                              pbase_error *err)
{
    direct->folder = folder;
    direct->wish = wish;
    atomic_init(&direct->unit_bytes, FILE_UNIT_BYTES_MAX);
    atomic_init(&direct->is_measured, false);
    atomic_init(&direct->way, wish == FILE_DIRECT_REFUSED ? FILE_WAY_CACHED : FILE_WAY_UNTRIED);
    return wish == FILE_DIRECT_ALWAYS ? try_open(folder, err) : PBASE_OK;
}

void file_direct_measure(file_direct *direct, pbase_os_file *file)
{
    pbase_os_pieces pieces;
    if (!atomic_load_explicit(&direct->is_measured, memory_order_relaxed)) {
        direct->folder->host->os->file->pieces(file, &pieces);
        atomic_store_explicit(&direct->unit_bytes, unit_of(&pieces), memory_order_relaxed);
        atomic_store_explicit(&direct->is_measured, true, memory_order_release);
    }
}

static void decide(file_direct *direct, int way, const char *text)
{
    if (atomic_exchange(&direct->way, way) != way) {
        const pbase_host *host = direct->folder->host;
        pbase_log_write(host->log, PBASE_LOG_INFO, COMPONENT,
                        "durable writes to '%s' go %s, in units of %u bytes",
                        (const char *)direct->folder->root.data, text, file_direct_unit(direct));
    }
}

void file_direct_works(file_direct *direct)
{
    if (atomic_load_explicit(&direct->way, memory_order_relaxed) == FILE_WAY_UNTRIED) {
        decide(direct, FILE_WAY_DIRECT, "past the page cache");
    }
}

void file_direct_refused(file_direct *direct)
{
    decide(direct, FILE_WAY_CACHED, "through the page cache and are flushed");
}
