/* msgpack_extract.c - one walk over the bytes with the set of paths that are still alive.
 *
 * Paths are bits of a word, 64 to a pass. At each container the set splits: the paths whose next
 * step names a child go into it, and a child that none enters is passed over. Recursion is bounded
 * by the steps of the paths and by PBASE_DEPTH_MAX. */
#include "msgpack_extract.h"
#include "msgpack_decode.h"

#define PATHS_PER_PASS 64u

typedef uint64_t path_set;

typedef struct {
    msgpack_reader reader;
    const pbase_path *paths;
    pbase_value *out;
    pbase_arena *arena;
    pbase_decode_limits limits;
    path_set sought; /* not found yet, and perhaps still ahead */
} extraction;

static pbase_status walk(extraction *x, path_set alive, size_t depth);

/* The lowest path of a set that is not empty. */
static unsigned first_of(path_set set)
{
    return (unsigned)__builtin_ctzll(set);
}

static path_set without_first(path_set set)
{
    return set & (set - 1);
}

static path_set ending_at(const extraction *x, path_set alive, size_t depth)
{
    path_set ending = 0;
    for (path_set rest = alive; rest != 0; rest = without_first(rest)) {
        unsigned i = first_of(rest);
        ending |= (path_set)(x->paths[i].count == depth) << i;
    }
    return ending;
}

static const pbase_value *step_down(const pbase_value *value, const pbase_path_step *step)
{
    if (step->name.data != NULL) {
        return pbase_value_field(value, step->name);
    }
    if (value->kind != PBASE_LIST) {
        return NULL;
    }
    uint64_t count = value->as.list.count;
    uint64_t index = step->index < 0 ? count + (uint64_t)step->index : (uint64_t)step->index;
    return index < count ? &value->as.list.items[index] : NULL;
}

/* What path `i` leads to from a decoded value that its first `depth` steps led to. */
static void follow(extraction *x, unsigned i, size_t depth, const pbase_value *value)
{
    for (; depth < x->paths[i].count && value != NULL; depth++) {
        value = step_down(value, &x->paths[i].steps[depth]);
    }
    if (value != NULL) {
        x->out[i] = *value;
    }
}

/* A path ends at this value: it is decoded whole, and those that go on follow it there. */
static pbase_status decode_here(extraction *x, path_set alive, size_t depth)
{
    pbase_value value;
    pbase_status status = msgpack_decode_next(&x->reader, &x->limits, x->arena, &value);
    if (status != PBASE_OK) {
        return status;
    }
    for (path_set rest = alive; rest != 0; rest = without_first(rest)) {
        follow(x, first_of(rest), depth, &value);
    }
    x->sought &= ~alive;
    return PBASE_OK;
}

static path_set named(const extraction *x, path_set alive, size_t depth, pbase_bytes name)
{
    path_set set = 0;
    for (path_set rest = alive; rest != 0; rest = without_first(rest)) {
        unsigned i = first_of(rest);
        const pbase_path_step *step = &x->paths[i].steps[depth];
        if (step->name.data != NULL && pbase_bytes_equal(step->name, name)) {
            set |= (path_set)1 << i;
        }
    }
    return set;
}

static path_set indexed(const extraction *x, path_set alive, size_t depth, uint64_t index,
                        uint64_t count)
{
    path_set set = 0;
    for (path_set rest = alive; rest != 0; rest = without_first(rest)) {
        unsigned i = first_of(rest);
        const pbase_path_step *step = &x->paths[i].steps[depth];
        uint64_t wanted = step->index < 0 ? count + (uint64_t)step->index : (uint64_t)step->index;
        if (step->name.data == NULL && wanted == index) {
            set |= (path_set)1 << i;
        }
    }
    return set;
}

/* Inside a container of `count` children: enters those that paths lead to. */
static pbase_status walk_children(extraction *x, path_set alive, size_t depth, uint64_t count,
                                  bool is_map)
{
    for (uint64_t i = 0; i < count && x->sought != 0; i++) {
        pbase_bytes name = {NULL, 0};
        if (alive == 0) { /* all of them found: pass over the rest */
            return msgpack_skip(&x->reader, (count - i) << is_map);
        }
        pbase_status status = is_map ? msgpack_read_name(&x->reader, &name) : PBASE_OK;
        if (status != PBASE_OK) {
            return status;
        }
        path_set entering =
            is_map ? named(x, alive, depth, name) : indexed(x, alive, depth, i, count);
        status = entering != 0 ? walk(x, entering, depth + 1) : msgpack_skip(&x->reader, 1);
        if (status != PBASE_OK) {
            return status;
        }
        alive &= ~entering;
    }
    x->sought &= ~alive; /* these are missing */
    return PBASE_OK;
}

/* The reader stands before the value that the first `depth` steps of `alive` lead to. */
static pbase_status walk(extraction *x, path_set alive, size_t depth)
{
    if (ending_at(x, alive, depth) != 0) {
        return decode_here(x, alive, depth);
    }
    const uint8_t *at = x->reader.at;
    msgpack_head head;
    pbase_status status = msgpack_read_head(&x->reader, &head);
    if (status != PBASE_OK) {
        return status;
    }
    if (head.kind != MSGPACK_HEAD_LIST && head.kind != MSGPACK_HEAD_MAP) {
        x->sought &= ~alive; /* nothing is below a scalar */
        return PBASE_OK;
    }
    if (depth == PBASE_DEPTH_MAX) {
        return msgpack_failed_at(&x->reader, at,
                                 PBASE_FAIL(x->reader.err, PBASE_LIMIT,
                                            "the value nests deeper than %u levels",
                                            PBASE_DEPTH_MAX));
    }
    return walk_children(x, alive, depth, head.as.count, head.kind == MSGPACK_HEAD_MAP);
}

pbase_status msgpack_extract(pbase_bytes bytes, const pbase_path *paths, size_t count,
                             pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    extraction x = {.arena = arena, .limits = pbase_decode_limits_default()};
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count; i++) {
        out[i] = pbase_value_null();
        out[i].kind = PBASE_VALUE_MISSING;
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i += PATHS_PER_PASS) {
        size_t group = count - i < PATHS_PER_PASS ? count - i : PATHS_PER_PASS;
        x.reader = msgpack_reader_of(bytes, err);
        x.paths = paths + i;
        x.out = out + i;
        x.sought = UINT64_MAX >> (PATHS_PER_PASS - group);
        status = walk(&x, x.sought, 0);
    }
    return status;
}
