/* kv_disk.h - what the disk below a folder says: bytes written, sizes, the rate of one append. */
#ifndef PBASE_BENCH_KV_DISK_H
#define PBASE_BENCH_KV_DISK_H
#include "bench.h"

/* Bytes that the block device under `folder` was given, by anybody; NAN: it keeps no count. */
double kv_device_bytes(const char *folder);
/* Bytes this process sent towards devices. Whole folios count when one byte of them changed, so only
 * direct writes are told exactly. NAN: the kernel keeps no count. */
double kv_process_bytes(void);
/* Bytes that the files below `folder` occupy. */
double kv_folder_bytes(const char *folder);
/* Synchronous appends of 4 KB a second into a zeroed file, by the quicker of direct and buffered
 * writing: what one durable writer can reach. */
double kv_append_rate(const char *folder, double seconds);

#endif
