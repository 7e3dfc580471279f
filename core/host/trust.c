/* trust.c - owners and permission bits. */
#include "host/trust.h"
#include <dlfcn.h>

#define MODE_STICKY 01000u
#define MODE_GROUP_WRITE 0020u
#define MODE_OTHERS_WRITE 0002u
#define USER_ROOT 0u

static void add_owner(trust *self, uint32_t owner)
{
    PBASE_ASSERT(self->owner_count < TRUST_OWNERS_MAX);
    self->owners[self->owner_count++] = owner;
}

/* Finds the file that holds this code; leaves `library` empty when it cannot be known. */
static void find_library(trust *self)
{
    static const char marker; /* any object of the library */
    Dl_info info;
    pbase_buffer path;
    pbase_buffer_init(&path, self->os->memory);
    if (dladdr(&marker, &info) != 0 && info.dli_fname != NULL &&
        self->os->directory->resolve(self->os, info.dli_fname, &path, NULL) == PBASE_OK &&
        path.size < sizeof(self->library)) {
        memcpy(self->library, path.data, path.size);
        self->library[path.size] = '\0';
    }
    pbase_buffer_fini(&path);
}

void trust_init(trust *self, const pbase_os *os)
{
    pbase_os_stat facts;
    memset(self, 0, sizeof(*self));
    self->os = os;
    add_owner(self, USER_ROOT);
    add_owner(self, os->system->user_id(os));
    find_library(self);
    if (self->library[0] != '\0' &&
        os->directory->stat(os, self->library, &facts, NULL) == PBASE_OK) {
        add_owner(self, facts.owner);
        self->library_bits = facts.mode & (MODE_GROUP_WRITE | MODE_OTHERS_WRITE);
    }
}

trust trust_beside_library(const trust *self)
{
    trust beside = *self;
    beside.tolerated = self->library_bits;
    return beside;
}

bool trust_is_beside_library(const trust *self, const char *path)
{
    const char *slash = strrchr(self->library, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - self->library) + 1;
    return length > 1 && strncmp(path, self->library, length) == 0;
}

static bool is_owner_trusted(const trust *self, uint32_t owner)
{
    for (size_t i = 0; i < self->owner_count; i++) {
        if (self->owners[i] == owner) {
            return true;
        }
    }
    return false;
}

pbase_status trust_check_one(const trust *self, const char *path, pbase_error *err)
{
    pbase_os_stat facts;
    pbase_status status = self->os->directory->stat(self->os, path, &facts, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!is_owner_trusted(self, facts.owner)) {
        status =
            PBASE_FAIL(err, PBASE_PLUGIN, "'%s' belongs to user %u, who is neither you nor root",
                       path, (unsigned)facts.owner);
        pbase_error_hint(err, "chown it to root or to yourself");
        return status;
    }
    uint32_t writers = facts.mode & (MODE_GROUP_WRITE | MODE_OTHERS_WRITE) & ~self->tolerated;
    if (writers == 0 || (facts.is_directory && (facts.mode & MODE_STICKY) != 0)) {
        return PBASE_OK;
    }
    status = PBASE_FAIL(err, PBASE_PLUGIN, "%s may write '%s'",
                        (writers & MODE_OTHERS_WRITE) != 0 ? "everybody" : "its group", path);
    pbase_error_hint(err, "chmod go-w '%s'", path);
    return status;
}

pbase_status trust_check_all(const trust *self, const char *path, pbase_error *err)
{
    char part[4096];
    size_t length = strlen(path);
    if (length >= sizeof(part)) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the path '%.100s...' is too long", path);
    }
    pbase_status status = trust_check_one(self, "/", err);
    for (size_t i = 1; i <= length && status == PBASE_OK; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            status = trust_check_one(self, part, err);
        }
    }
    return status;
}
