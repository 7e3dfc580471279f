#include "temp_dir.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what, const char *path)
{
    (void)fprintf(stderr, "temp_dir: %s '%s'", what, path); /* the end is near anyway */
    perror("");
    abort();
}

static const char *usual_parent = "/tmp";

void temp_dir_in_memory(void)
{
    if (access("/dev/shm", R_OK | W_OK | X_OK) == 0) {
        usual_parent = "/dev/shm";
    }
}

void temp_dir_create(temp_dir *dir)
{
    char template[PATH_MAX];
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') {
        parent = usual_parent;
    }
    int size = snprintf(template, sizeof template, "%s/protobase-test-XXXXXX", parent);
    if (size < 0 || (size_t)size >= sizeof template || mkdtemp(template) == NULL ||
        realpath(template, dir->path) == NULL) {
        die("cannot create a directory in", parent);
    }
    dir->joined[0] = '\0';
}

const char *temp_dir_path(temp_dir *dir, const char *name)
{
    int size = snprintf(dir->joined, sizeof dir->joined, "%s/%s", dir->path, name);
    if (size < 0 || (size_t)size >= sizeof dir->joined) {
        die("the path is too long:", name);
    }
    return dir->joined;
}

static int unlock_each(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)place;
    if (type == FTW_D || type == FTW_DNR) {
        (void)chmod(path, S_IRWXU); /* removing tells when this was in vain */
    }
    return 0;
}

static int remove_each(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

void temp_dir_remove(temp_dir *dir)
{
    if (nftw(dir->path, unlock_each, 16, FTW_PHYS) != 0 ||
        nftw(dir->path, remove_each, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        die("cannot remove", dir->path);
    }
    dir->path[0] = '\0';
}
