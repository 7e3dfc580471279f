/* heap_source.c - see heap_source.h. */
#include "heap_source.h"

#include "collection/tree.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static heap_source *heap_source_from(atom_source *source)
{
    return (heap_source *)source;
}

/* True when the n-th call has come. */
static bool comes_due(heap_source *self, uint64_t *countdown)
{
    if (*countdown == 0 || --*countdown != 0) {
        return false;
    }
    self->has_failed = true;
    return true;
}

static pbase_status heap_acquire(atom_source *source, pbase_atom_pointer pointer, atom_view *out,
                                 pbase_error *err)
{
    heap_source *self = heap_source_from(source);
    if (self->fail_acquire != 0 && comes_due(self, &self->fail_acquire)) {
        return PBASE_FAIL(err, PBASE_IO, "acquire fails as asked");
    }
    size_t index = (size_t)(pointer / 8) - 1;
    pthread_mutex_lock(&self->lock);
    bool known = pointer % 8 == 0 && index < self->count;
    if (known) {
        out->payload = self->atoms[index];
        out->size = self->sizes[index];
        out->type = self->types[index];
        out->pin = self;
    }
    pthread_mutex_unlock(&self->lock);
    if (!known) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no atom is stored there");
    }
    atomic_fetch_add(&self->pins, 1);
    atomic_fetch_add(&self->acquires, 1);
    return PBASE_OK;
}

static void heap_release(atom_source *source, void *pin)
{
    heap_source *self = heap_source_from(source);
    assert_ptr_equal(pin, self);
    assert_true(atomic_fetch_sub(&self->pins, 1) > 0);
}

pbase_atom_pointer heap_source_store(heap_source *self, uint32_t type, pbase_bytes payload)
{
    pthread_mutex_lock(&self->lock);
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        self->atoms = realloc(self->atoms, self->room * sizeof *self->atoms);
        self->sizes = realloc(self->sizes, self->room * sizeof *self->sizes);
        self->types = realloc(self->types, self->room * sizeof *self->types);
        assert_non_null(self->atoms);
        assert_non_null(self->sizes);
        assert_non_null(self->types);
    }
    uint8_t *copy = malloc(payload.size);
    assert_non_null(copy);
    memcpy(copy, payload.data, payload.size);
    self->atoms[self->count] = copy;
    self->sizes[self->count] = (uint32_t)payload.size;
    self->types[self->count] = type;
    self->stored_bytes += payload.size;
    pbase_atom_pointer pointer = ++self->count * 8;
    pthread_mutex_unlock(&self->lock);
    return pointer;
}

static pbase_status heap_write(atom_source *source, const uint32_t *types,
                               const pbase_bytes *payloads, size_t count, pbase_atom_pointer *out,
                               pbase_error *err)
{
    heap_source *self = heap_source_from(source);
    self->writes++;
    if (self->fail_write != 0 && comes_due(self, &self->fail_write)) {
        return PBASE_FAIL(err, PBASE_NO_SPACE, "write fails as asked");
    }
    for (size_t i = 0; i < count; i++) {
        pbase_error why;
        pbase_error_init(&why);
        pbase_status status = tree_atom_check(types[i], payloads[i], &why);
        assert_string_equal(why.message, "");
        assert_int_equal(status, PBASE_OK);
        out[i] = heap_source_store(self, types[i], payloads[i]);
    }
    return PBASE_OK;
}

static const atom_source_vtable heap_vtable = {
    .acquire = heap_acquire, .release = heap_release, .write = heap_write};

void heap_source_init(heap_source *self, const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    self->source.vtable = &heap_vtable;
    self->source.alloc = alloc;
    self->source.patch_leaves = 1; /* so that there are some in every test */
    pthread_mutex_init(&self->lock, NULL);
}

void heap_source_fini(heap_source *self)
{
    assert_int_equal(atomic_load(&self->pins), 0);
    assert_int_equal(atomic_load(&self->source.memory_count), 0);
    assert_int_equal(atomic_load(&self->source.memory_bytes), 0);
    for (size_t i = 0; i < self->count; i++) {
        free(self->atoms[i]);
    }
    free(self->atoms);
    free(self->sizes);
    free(self->types);
    pthread_mutex_destroy(&self->lock);
}
