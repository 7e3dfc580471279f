/* list_parts.c - parts of lists and lists put together: slices, splits, ranges removed, lists behind
 * lists. Nodes off the cut are shared; what a stored list commits is the cut, not the content. */
#include "collection/collection_private.h"
#include "collection/tree_cursor.h"

static const collection *self_of(const pbase_list *list)
{
    return (const collection *)list;
}

/* The elements first..past-1. */
typedef struct {
    uint64_t count; /* of the list */
    uint64_t first, past;
} list_span;

/* What a slice means now; an end that is told from the length is a read of it. */
static pbase_status span_of(const collection *self, int64_t from, int64_t to, list_span *out,
                            pbase_error *err)
{
    pbase_status status = tree_count(&self->tree, &out->count, err);
    if (status == PBASE_OK && (from < 0 || to < 0)) {
        status = collection_read_whole(self, err);
    }
    if (status != PBASE_OK) {
        return collection_noted(self, status, err);
    }
    out->first = collection_slice_end(from, out->count);
    out->past = collection_slice_end(to, out->count);
    out->past = out->past < out->first ? out->first : out->past;
    return PBASE_OK;
}

/* The elements of a span were read; one that ends with the list is open to what is appended. */
static pbase_status span_read(const collection *self, const list_span *span, pbase_error *err)
{
    uint8_t first[KEY_INDEX_BYTES], past[KEY_INDEX_BYTES];
    pbase_bytes none = pbase_bytes_of(NULL, 0);
    return collection_read_range(
        self, span->first == 0 ? none : key_of_index(span->first, first), false,
        span->past == span->count ? none : key_of_index(span->past, past), true, err);
}

static pbase_status remove_span(collection *self, uint64_t first, uint64_t past, pbase_error *err)
{
    change operation = {.op = CHANGE_LIST_REMOVE_RANGE, .index = first, .count = past - first};
    return first == past ? PBASE_OK : collection_change(self, &operation, err);
}

/* ------------------------------------------------------------------------------- parts -------- */

/* A second handle on the elements of a span. */
static pbase_status keep_span(const collection *self, const list_span *span, pbase_list **out,
                              pbase_error *err)
{
    collection *part = NULL;
    pbase_status status = collection_keep_part(self, self->context, &part, err);
    if (status == PBASE_OK) {
        status = remove_span(part, span->past, span->count, err);
    }
    if (status == PBASE_OK) {
        status = remove_span(part, 0, span->first, err);
    }
    if (status != PBASE_OK) {
        collection_close(part);
        return status;
    }
    *out = collection_list(part);
    return PBASE_OK;
}

pbase_status pbase_list_slice(const pbase_list *list, int64_t from, int64_t to, pbase_list **out,
                              pbase_error *err)
{
    const collection *self = self_of(list);
    list_span span;
    pbase_status status = span_of(self, from, to, &span, err);
    if (status == PBASE_OK) {
        status = span_read(self, &span, err);
    }
    return status == PBASE_OK ? keep_span(self, &span, out, err) : status;
}

static int64_t index_of_count(uint64_t count)
{
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

pbase_status pbase_list_head(const pbase_list *list, uint64_t count, pbase_list **out,
                             pbase_error *err)
{
    return pbase_list_slice(list, 0, index_of_count(count), out, err);
}

pbase_status pbase_list_tail(const pbase_list *list, uint64_t from, pbase_list **out,
                             pbase_error *err)
{
    return pbase_list_slice(list, index_of_count(from), INT64_MAX, out, err);
}

pbase_status pbase_list_split(const pbase_list *list, int64_t index, pbase_list **out_before,
                              pbase_list **out_after, pbase_error *err)
{
    const collection *self = self_of(list);
    list_span span;
    pbase_list *before = NULL, *after = NULL;
    pbase_status status = span_of(self, index, INT64_MAX, &span, err);
    if (status == PBASE_OK) {
        status = collection_read_whole(self, err);
    }
    if (status == PBASE_OK) {
        status = keep_span(self, &span, &after, err);
    }
    if (status == PBASE_OK) {
        span.past = span.first;
        span.first = 0;
        status = keep_span(self, &span, &before, err);
    }
    if (status != PBASE_OK) {
        pbase_list_close(after);
        return status;
    }
    *out_before = before;
    *out_after = after;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------- editing ------ */

pbase_status pbase_list_remove_range(pbase_list **list, int64_t from, int64_t to,
                                     uint64_t *out_removed, pbase_error *err)
{
    collection *self = collection_of_list(*list);
    list_span span;
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = span_of(self, from, to, &span, err);
    }
    if (status == PBASE_OK) {
        status = remove_span(self, span.first, span.past, err);
    }
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = span.past - span.first;
    }
    return status;
}

pbase_status pbase_list_append_first(pbase_list **list, const pbase_value *value, pbase_error *err)
{
    return pbase_list_insert(list, 0, value, err);
}

pbase_status pbase_list_remove_first(pbase_list **list, bool *out_removed, pbase_error *err)
{
    return pbase_list_remove(list, 0, out_removed, err);
}

pbase_status pbase_list_remove_last(pbase_list **list, bool *out_removed, pbase_error *err)
{
    return pbase_list_remove(list, -1, out_removed, err);
}

/* ------------------------------------------------------------------------ lists behind lists -- */

static pbase_status append_entry(collection *self, const collection *other, tree_cursor *from,
                                 pbase_error *err)
{
    change operation = {.op = CHANGE_LIST_APPEND};
    tree_value value;
    pbase_status status = tree_cursor_value(from, &value, err);
    if (status == PBASE_OK) {
        status = collection_take_value(self, &operation, other, value.bytes, err);
    }
    if (status == PBASE_OK) {
        status = collection_change(self, &operation, err);
    }
    return status;
}

static pbase_status append_entries(collection *self, const collection *other, pbase_error *err)
{
    tree_cursor from;
    tree_cursor_init(&from, &other->tree, self->context->alloc);
    pbase_status status = tree_cursor_first(&from, err);
    while (status == PBASE_OK) {
        status = append_entry(self, other, &from, err);
        if (status == PBASE_OK) {
            status = tree_cursor_next(&from, err);
        }
    }
    tree_cursor_fini(&from);
    return status == PBASE_END ? PBASE_OK : status;
}

/* What both ways of putting a list behind another begin with. */
static pbase_status behind_check(const collection *self, const collection *other, pbase_error *err)
{
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = collection_same_space(self, other, err);
    }
    return status == PBASE_OK ? collection_read_whole(other, err) : status;
}

pbase_status pbase_list_extend(pbase_list **list, const pbase_list *other, pbase_error *err)
{
    collection *self = collection_of_list(*list);
    collection_mark mark;
    pbase_status status = behind_check(self, self_of(other), err);
    if (status != PBASE_OK) {
        return status;
    }
    collection_mark_set(self, &mark);
    status = append_entries(self, self_of(other), err);
    collection_mark_end(self, &mark, status);
    return collection_noted(self, status, err);
}

#define CONCAT_APPENDS_MAX 4096u /* a list up to it is appended element by element */

pbase_status pbase_list_concat(pbase_list **list, const pbase_list *other, pbase_error *err)
{
    collection *self = collection_of_list(*list);
    uint64_t count = 0;
    pbase_status status = tree_count(&self_of(other)->tree, &count, err);
    bool nests = self->nests || self_of(other)->nests; /* collections inside are placed anew */
    if (status == PBASE_OK && (nests || count <= CONCAT_APPENDS_MAX)) {
        return pbase_list_extend(list, other, err);
    }
    if (status == PBASE_OK) {
        status = behind_check(self, self_of(other), err);
    }
    if (status == PBASE_OK) {
        status = collection_read_whole(self, err); /* it is written whole: nothing may be lost */
    }
    if (status == PBASE_OK) {
        status = tree_join(&self->tree, &self_of(other)->tree, err);
    }
    if (status == PBASE_OK) { /* from here on its tree alone says what it is */
        change_log_fini(&self->log);
        self->applied = 0;
        self->bulk = self->foreign = true;
    }
    return collection_noted(self, status, err);
}
