/* value_build.c - the frames of the containers being built, and what their building costs. */
#include "value_build.h"
#include "field_order.h"
#include <inttypes.h>

pbase_status value_build_init(value_build *build, const pbase_decode_limits *limits,
                              pbase_arena *arena, pbase_error *err)
{
    build->arena = arena;
    build->nodes_left = limits->nodes_max;
    build->bytes_left = limits->bytes_max;
    build->depth = 0;
    build->depth_max = limits->depth_max < PBASE_DEPTH_MAX ? limits->depth_max : PBASE_DEPTH_MAX;
    build->duplicate = 0;
    build->frames[0] = (value_build_frame){0};
    if (build->nodes_left == 0) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the limit allows no value at all");
    }
    build->nodes_left--;
    return PBASE_OK;
}

pbase_status value_build_memory(value_build *build, size_t size, void **out, pbase_error *err)
{
    if (size > build->bytes_left) {
        return PBASE_FAIL(err, PBASE_LIMIT,
                          "the value needs %zu more bytes of memory; its limit leaves %" PRIu64,
                          size, build->bytes_left);
    }
    void *memory = pbase_arena_alloc(build->arena, size);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu bytes of a value", size);
    }
    build->bytes_left -= size;
    *out = memory;
    return PBASE_OK;
}

/* Room for the children of a container, within every limit. */
static pbase_status children_new(value_build *build, size_t count, size_t child_bytes, void **out,
                                 pbase_error *err)
{
    if (build->depth == build->depth_max) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the value nests deeper than %" PRIu32 " levels",
                          build->depth_max);
    }
    if (count > PBASE_ITEMS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu items in a container; the limit is %u", count,
                          PBASE_ITEMS_MAX);
    }
    if (count > build->nodes_left) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu more values; the limit leaves %" PRIu64, count,
                          build->nodes_left);
    }
    pbase_status status = value_build_memory(build, count * child_bytes, out, err);
    if (status == PBASE_OK) {
        build->nodes_left -= count;
    }
    return status;
}

pbase_status value_build_list(value_build *build, pbase_value *place, size_t count,
                              pbase_error *err)
{
    void *items = NULL;
    pbase_status status = children_new(build, count, sizeof(pbase_value), &items, err);
    if (status != PBASE_OK) {
        return status;
    }
    *place = pbase_value_list((const pbase_value *)items, count);
    build->frames[++build->depth] =
        (value_build_frame){.item = (pbase_value *)items, .left = count, .count = count};
    return PBASE_OK;
}

pbase_status value_build_map(value_build *build, pbase_value *place, size_t count, pbase_error *err)
{
    void *fields = NULL;
    pbase_status status = children_new(build, count, sizeof(pbase_field), &fields, err);
    if (status != PBASE_OK) {
        return status;
    }
    *place = pbase_value_map((const pbase_field *)fields, count);
    build->frames[++build->depth] =
        (value_build_frame){.field = (pbase_field *)fields, .left = count, .count = count};
    return PBASE_OK;
}

pbase_status value_build_close(value_build *build, pbase_error *err)
{
    PBASE_ASSERT(build->depth > 0);
    const value_build_frame *frame = &build->frames[build->depth];
    PBASE_ASSERT(frame->left == 0);
    build->depth--;
    if (frame->field == NULL) {
        return PBASE_OK;
    }
    const pbase_field *fields = frame->field - frame->count;
    const pbase_field *later = NULL;
    pbase_value map = pbase_value_map(fields, frame->count);
    pbase_status status = field_order_check_unique(&map, &later, err);
    if (status == PBASE_INVALID) {
        build->duplicate = (size_t)(later - fields);
    }
    return status;
}
