/* problem.c - the list of problems: adding, ordering, reporting. */
#include "config/problem.h"
#include <inttypes.h>
#include <stdio.h>

void problem_list_init(problem_list *list, pbase_arena *arena)
{
    list->arena = arena;
    list->count = list->dropped = 0;
    list->last = NULL;
    list->no_memory = false;
}

/* A formatted text in the arena, "" without memory. */
PBASE_PRINTF(2, 0)
static const char *arena_format(problem_list *list, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : pbase_arena_alloc(list->arena, (size_t)length + 1);
    if (text == NULL) {
        list->no_memory = true;
        return "";
    }
    (void)vsnprintf(text, (size_t)length + 1, format, args); /* the length is known to fit */
    return text;
}

PBASE_PRINTF(6, 0)
static void add(problem_list *list, pbase_status code, const config_origin *origin, uint32_t line,
                uint32_t column, const char *format, va_list args)
{
    if (list->count == PBASE_CONFIG_PROBLEMS_MAX) {
        list->dropped++;
        list->last = NULL;
        return;
    }
    pbase_config_problem *problem = &list->items[list->count++];
    problem->struct_size = sizeof(*problem);
    problem->code = code;
    problem->file = origin->name;
    problem->line = origin->has_lines ? line : 0;
    problem->column = origin->has_lines ? column : 0;
    problem->message = arena_format(list, format, args);
    problem->hint = "";
    list->last = problem;
}

void problem_add(problem_list *list, pbase_status code, const config_node *node, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    add(list, code, node->origin, node->line, node->column, format, args);
    va_end(args);
}

void problem_add_at(problem_list *list, pbase_status code, const config_origin *origin,
                    uint32_t line, uint32_t column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(list, code, origin, line, column, format, args);
    va_end(args);
}

void problem_hint(problem_list *list, const char *format, ...)
{
    if (list->last == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    list->last->hint = arena_format(list, format, args);
    va_end(args);
}

bool problem_hint_nearest(problem_list *list, const nearest *search)
{
    if (search->best.size > 0) {
        problem_hint(list, "did you mean '%.*s'?", (int)search->best.size, search->text);
    }
    return search->best.size > 0;
}

/* Whether `a` stands after `b` in the same text. Texts keep the order in which they were read. */
static bool stands_after(const pbase_config_problem *a, const pbase_config_problem *b)
{
    return strcmp(a->file, b->file) == 0 &&
           (a->line != b->line ? a->line > b->line : a->column > b->column);
}

static void sort(problem_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        pbase_config_problem moving = list->items[i];
        size_t at = i;
        for (; at > 0 && stands_after(&list->items[at - 1], &moving); at--) {
            list->items[at] = list->items[at - 1];
        }
        list->items[at] = moving;
    }
    list->last = NULL;
}

/* Describes the first problem in `err` and yields its code. */
static pbase_status describe_first(const problem_list *list, pbase_error *err)
{
    const pbase_config_problem *first = &list->items[0];
    size_t more = list->count + list->dropped - 1;
    pbase_status code = more == 0 ? PBASE_FAIL(err, first->code, "%s", first->message)
                                  : PBASE_FAIL(err, first->code, "%s (and %zu more problem%s)",
                                               first->message, more, more == 1 ? "" : "s");
    if (first->line > 0) {
        pbase_error_where(err, "%s:%" PRIu32 ":%" PRIu32, first->file, first->line, first->column);
    } else {
        pbase_error_where(err, "%s", first->file);
    }
    if (first->hint[0] != '\0') {
        pbase_error_hint(err, "%s", first->hint);
    }
    return code;
}

pbase_status problem_list_finish(problem_list *list, pbase_config_problem_each each, void *state,
                                 pbase_error *err)
{
    if (list->no_memory) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the configuration");
    }
    if (list->count == 0) {
        return PBASE_OK;
    }
    sort(list);
    for (size_t i = 0; each != NULL && i < list->count; i++) {
        each(state, &list->items[i]);
    }
    return describe_first(list, err);
}

pbase_status pbase_config_problem_format(const pbase_config_problem *problem, pbase_buffer *out,
                                         pbase_error *err)
{
    size_t before = out->size;
    pbase_status status =
        problem->line > 0 ? pbase_buffer_append_text(out, err, "%s:%" PRIu32 ":%" PRIu32,
                                                     problem->file, problem->line, problem->column)
                          : pbase_buffer_append_text(out, err, "%s", problem->file);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_text(out, err, ": error: %s%s%s", problem->message,
                                          problem->hint[0] == '\0' ? "" : "; ", problem->hint);
    }
    if (status != PBASE_OK) {
        out->size = before;
    }
    return status;
}

const char *config_place(const config_node *node, pbase_arena *arena)
{
    if (!node->origin->has_lines) {
        return node->origin->name;
    }
    char numbers[32];
    int digits =
        snprintf(numbers, sizeof(numbers), ":%" PRIu32 ":%" PRIu32, node->line, node->column);
    size_t length = strlen(node->origin->name);
    char *place = pbase_arena_alloc(arena, length + (size_t)digits + 1);
    if (place != NULL) {
        memcpy(place, node->origin->name, length);
        memcpy(place + length, numbers, (size_t)digits + 1);
    }
    return place;
}
