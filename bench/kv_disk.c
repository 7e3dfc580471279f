/* kv_disk.c - /proc/diskstats, /proc/self/io, lstat, and appends. */
#include "kv_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

/* The fields of a line, as far as they are wanted; how many there are. */
static size_t split(char *text, char **fields, size_t wanted)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *at = strtok_r(text, " :\n", &rest); at != NULL && count < wanted;
         at = strtok_r(NULL, " :\n", &rest)) {
        fields[count++] = at;
    }
    return count;
}

/* Field `index` of the first line of a file whose fields begin as `lead`; NAN: there is none. */
static double find_number(const char *path, const char *const *lead, size_t lead_count,
                          size_t index)
{
    FILE *file = fopen(path, "r");
    char text[512], *fields[16];
    double found = (double)NAN;
    while (file != NULL && isnan(found) && fgets(text, sizeof text, file) != NULL) {
        bool matches = split(text, fields, index + 1) == index + 1;
        for (size_t i = 0; i < lead_count && matches; i++) {
            matches = strcmp(fields[i], lead[i]) == 0;
        }
        found = matches ? strtod(fields[index], NULL) : found;
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    return found;
}

double kv_device_bytes(const char *folder)
{
    struct stat place;
    char first[16], second[16];
    const char *const lead[] = {first, second};
    if (stat(folder, &place) != 0) {
        return (double)NAN;
    }
    (void)snprintf(first, sizeof first, "%u", major(place.st_dev));
    (void)snprintf(second, sizeof second, "%u", minor(place.st_dev));
    return find_number("/proc/diskstats", lead, 2, 9) * 512; /* sectors written */
}

double kv_process_bytes(void)
{
    static const char *const lead[] = {"write_bytes"};
    return find_number("/proc/self/io", lead, 1, 1);
}

double kv_folder_bytes(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    double bytes = 0;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char inner[4096];
        struct stat file;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(inner, sizeof inner, "%s/%s", folder, entry->d_name);
        if (lstat(inner, &file) == 0) {
            bytes += S_ISDIR(file.st_mode) ? kv_folder_bytes(inner) : (double)file.st_blocks * 512;
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    return bytes;
}

#define APPEND_BYTES 4096u
#define APPEND_FILE_BYTES (8u << 20)

/* A file full of zeros that lie on the disk. */
static void write_zeros(const char *path, const void *zeros)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool written = file >= 0;
    for (size_t at = 0; at < APPEND_FILE_BYTES && written; at += APPEND_BYTES) {
        written = write(file, zeros, APPEND_BYTES) == (ssize_t)APPEND_BYTES;
    }
    if (!written || fdatasync(file) != 0) {
        bench_fail("cannot prepare %s", path);
    }
    (void)close(file);
}

/* 0: the file cannot be written this way. */
static double append_rate_by(const char *path, int flags, void *block, double seconds)
{
    int file = open(path, O_WRONLY | flags);
    struct iovec part = {block, APPEND_BYTES};
    double count = 0, began = bench_seconds(), now = began;
    off_t at = 0;
    bool written = file >= 0;
    while (written && now - began < seconds) {
        written = pwritev2(file, &part, 1, at, RWF_DSYNC) == (ssize_t)APPEND_BYTES;
        at = (at + (off_t)APPEND_BYTES) % (off_t)APPEND_FILE_BYTES;
        count++;
        now = bench_seconds();
    }
    if (file >= 0) {
        (void)close(file);
    }
    return written ? count / (now - began) : 0;
}

double kv_append_rate(const char *folder, double seconds)
{
    char path[4096];
    void *block = aligned_alloc(APPEND_BYTES, APPEND_BYTES);
    if (block == NULL) {
        bench_fail("no memory");
    }
    memset(block, 0, APPEND_BYTES);
    (void)snprintf(path, sizeof path, "%s/append", folder);
    write_zeros(path, block);
    double direct = append_rate_by(path, O_DIRECT, block, seconds);
    double buffered = append_rate_by(path, 0, block, seconds);
    (void)unlink(path);
    free(block);
    return direct > buffered ? direct : buffered;
}
