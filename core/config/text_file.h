/* text_file.h - reads a small text file whole. */
#ifndef PROTOBASE_CONFIG_TEXT_FILE_H
#define PROTOBASE_CONFIG_TEXT_FILE_H
#include <protobase/base/os.h>

/* Appends the file's bytes to `out`. Symbolic links are followed; anything but a regular file is
 * INVALID (a pipe would never end), more than `bytes_max` is LIMIT. On failure `out` is as before. */
pbase_status config_text_file_read(const pbase_os *os, const char *path, size_t bytes_max,
                                   pbase_buffer *out, pbase_error *err);

#endif
