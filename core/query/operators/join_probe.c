/* join_probe.c - join: left rows paired with the kept right ones, a chunk of pairs at a time.
 *
 * A chunk of left rows becomes a run of items, each a pair to try or the end of a left row; as many
 * as a chunk has rows are worked on at once, and the place is remembered. Pairs that are not settled
 * by their keys are tried by evaluating `on` over all of them together. What an end gives hangs on
 * whether one of its pairs matched: nulls for the right side of a left join, the row itself for a
 * semi or anti join. */
#include "query/group_table.h"
#include "query/operators/join.h"
#include "query/row.h"

static bool gives_left(const join *self)
{
    return self->node->kind == JOIN_SEMI || self->node->kind == JOIN_ANTI;
}

/* Whether the end of a left row can give something. */
static bool has_ends(const join *self)
{
    return gives_left(self) || self->node->kind == JOIN_LEFT || self->node->kind == JOIN_FULL;
}

pbase_status join_keys(const pbase_query_services *services, pbase_chunk *chunk,
                       const pbase_expression *const *expressions, size_t count, pbase_vector **out,
                       pbase_error *err)
{
    pbase_vector *keys = pbase_arena_array(chunk->arena, count, sizeof *keys);
    if (keys == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the keys of a join");
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = services->evaluate(expressions[i], chunk, &keys[i], err);
        for (uint32_t n = 0; n < chunk->selected_count && status == PBASE_OK; n++) {
            status = pbase_cell_raise(pbase_vector_cell(&keys[i], pbase_chunk_row(chunk, n)), err);
        }
    }
    *out = keys;
    return status;
}

/* --- a new chunk of left rows ------------------------------------------------------------------- */

static pbase_status check_clash(join *self, pbase_error *err)
{
    pbase_vector vector;
    if (self->node->clash == NULL) {
        return PBASE_OK;
    }
    pbase_status status =
        self->run->services->evaluate(self->node->clash, &self->left, &vector, err);
    for (uint32_t n = 0; n < self->left.selected_count && status == PBASE_OK; n++) {
        const pbase_value *cell = pbase_vector_cell(&vector, pbase_chunk_row(&self->left, n));
        if (cell->kind == PBASE_BOOL && cell->as.boolean) {
            status = PBASE_FAIL(err, PBASE_INVALID, "a row already has a field named '%.*s'",
                                (int)self->node->alias.size, (const char *)self->node->alias.data);
            pbase_error_hint(err, "give the joined rows another name");
        }
    }
    return status;
}

pbase_status join_begin_chunk(join *self, pbase_chunk *in, pbase_error *err)
{
    const join_side *side = &self->node->left;
    self->in = self->left = *in;
    self->at = self->candidate = 0;
    self->until = self->run_rows > 0 ? 0 : UINT32_MAX;
    self->is_row_begun = self->is_row_matched = false;
    pbase_status status =
        side->is_viewed ? row_view_apply(&side->view, in, &self->left, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = check_clash(self, err);
    }
    return status == PBASE_OK ? join_keys(self->run->services, &self->left, self->node->left_keys,
                                          self->node->key_count, &self->keys, err)
                              : status;
}

/* --- items -------------------------------------------------------------------------------------- */

static void load_key(join *self, uint32_t row)
{
    for (size_t i = 0; i < self->node->key_count; i++) {
        self->key[i] = pbase_vector_cell(&self->keys[i], row);
    }
}

/* The next kept row to try with left row `row`; 0 when there is none left. A semi or anti join is
 * done with a row at its first match (`is_matched`: it had one). */
static uint32_t next_candidate(join *self, uint32_t row, bool is_matched, uint64_t *compared)
{
    load_key(self, row);
    if (!self->is_row_begun) {
        self->is_row_begun = true;
        self->candidate = join_table_first(
            &self->table, group_keys_hash(self->key, self->node->key_count), self->key, compared);
    }
    uint32_t found = gives_left(self) && is_matched ? 0 : self->candidate;
    bool is_settled = gives_left(self) && self->node->residual == NULL;
    if (found != 0) {
        self->candidate =
            is_settled ? 0 : join_table_next(&self->table, found, self->key, compared);
    }
    return found;
}

/* Fills `items`, `room` of them at most, from where pairing stopped. */
static uint32_t fill_items(join *self, join_item *items, uint32_t room)
{
    uint32_t count = 0;
    uint64_t compared = 0;
    bool is_matched = self->is_row_matched; /* known of the row that was begun before */
    while (count < room && self->at < self->left.selected_count && self->at < self->until) {
        uint32_t row = pbase_chunk_row(&self->left, self->at);
        uint32_t right = next_candidate(self, row, is_matched, &compared);
        if (right != 0 || has_ends(self)) {
            items[count++] = (join_item){row, right};
        }
        if (right == 0) {
            self->at++;
            self->is_row_begun = is_matched = false;
        }
    }
    if (self->run->compared != NULL) {
        self->run->compared(self->run, compared);
    }
    return count;
}

/* --- pairs -------------------------------------------------------------------------------------- */

/* The items as rows of both sides; the right side of an end is null. */
static pbase_status gather(join *self, const join_item *items, uint32_t count, pbase_chunk *out,
                           pbase_error *err)
{
    uint32_t *left = pbase_arena_array(out->arena, count, sizeof *left);
    const pbase_value **right = pbase_arena_array(out->arena, count, sizeof *right);
    if (left == NULL || right == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the pairs of a join");
    }
    for (uint32_t i = 0; i < count; i++) {
        left[i] = items[i].left;
        right[i] = items[i].right == 0
                       ? NULL
                       : self->table.rows[items[i].right - 1].cells + self->node->key_count;
    }
    out->row_count = out->selected_count = count;
    pbase_status status = chunk_columns(out, self->node->joined.count, err);
    if (status == PBASE_OK) {
        status = row_layout_gather(&self->left_layout, &self->left, left, out, 0, err);
    }
    return status == PBASE_OK ? row_layout_fill(&self->right_layout, right, self->readers, out,
                                                self->node->left.schema.count, err)
                              : status;
}

/* Which pairs match; ends are left as they are. */
static pbase_status try_pairs(join *self, const join_item *items, uint32_t count,
                              pbase_chunk *pairs, bool *matches, pbase_error *err)
{
    pbase_vector vector;
    uint32_t selected = 0;
    uint16_t *rows = pbase_arena_array(pairs->arena, count, sizeof *rows);
    if (rows == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the pairs of a join");
    }
    for (uint32_t i = 0; i < count; i++) {
        matches[i] = true;
        if (items[i].right != 0) {
            rows[selected++] = (uint16_t)i;
        }
    }
    if (self->node->residual == NULL) {
        return PBASE_OK;
    }
    pbase_chunk tried = *pairs;
    tried.selection = rows;
    tried.selected_count = selected;
    pbase_status status = self->run->services->evaluate(self->node->residual, &tried, &vector, err);
    for (uint32_t n = 0; n < selected && status == PBASE_OK; n++) {
        const pbase_value *cell = pbase_vector_cell(&vector, rows[n]);
        status = pbase_cell_raise(cell, err);
        matches[rows[n]] = cell->kind == PBASE_BOOL && cell->as.boolean;
    }
    return status;
}

/* What the end of a left row gives, now that it is known whether it matched. */
static bool end_gives(const join *self)
{
    return self->node->kind == JOIN_SEMI ? self->is_row_matched : !self->is_row_matched;
}

/* The numbers of the items that are rows of the result; of their left rows for a semi or anti
 * join. */
static uint32_t select_items(join *self, const join_item *items, uint32_t count,
                             const bool *matches, uint16_t *out)
{
    uint32_t selected = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_end = items[i].right == 0, gives = false;
        if (is_end) {
            gives = end_gives(self);
            self->is_row_matched = false;
        } else if (matches[i]) {
            gives = !gives_left(self);
            self->is_row_matched = true;
            self->table.rows[items[i].right - 1].is_matched = true;
        }
        if (gives) {
            out[selected++] = (uint16_t)(gives_left(self) ? items[i].left : i);
        }
    }
    return selected;
}

/* The left rows as they came, with columns that later steps may open without a change to those. */
static pbase_status share_left(join *self, pbase_chunk *out, pbase_error *err)
{
    chunk_share(out, &self->in);
    pbase_status status = chunk_columns(out, self->in.column_count, err);
    if (status == PBASE_OK && self->in.column_count > 0) {
        memcpy(out->columns, self->in.columns, self->in.column_count * sizeof *out->columns);
    }
    return status;
}

static pbase_status pair_rows(join *self, pbase_chunk *out, pbase_error *err)
{
    uint32_t room = self->run->chunk_rows;
    join_item *items = pbase_arena_array(out->arena, room, sizeof *items);
    bool *matches = pbase_arena_array(out->arena, room, sizeof *matches);
    uint16_t *selection = pbase_arena_array(out->arena, room, sizeof *selection);
    if (items == NULL || matches == NULL || selection == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the pairs of a join");
    }
    uint32_t count = fill_items(self, items, room);
    bool needs_pairs = !gives_left(self) || self->node->residual != NULL;
    pbase_status status = needs_pairs ? gather(self, items, count, out, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = try_pairs(self, items, count, out, matches, err);
    }
    if (status == PBASE_OK && gives_left(self)) {
        status = share_left(self, out, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    out->selection = selection;
    out->selected_count = select_items(self, items, count, matches, selection);
    return PBASE_OK;
}

pbase_status join_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                        int32_t *out_state, pbase_error *err)
{
    join *self = shared;
    bool needs_right = !has_ends(self) || self->node->kind == JOIN_SEMI;
    (void)local;
    if (self->table.count == 0 && needs_right && self->run_rows == 0) { /* nothing can match */
        *out_state = PBASE_DONE;
        return chunk_columns(out, self->node->joined.count, err);
    }
    bool begins = in != NULL && !self->is_begun_ahead;
    pbase_status status = begins ? join_begin_chunk(self, in, err) : PBASE_OK;
    self->is_begun_ahead = false;
    if (status == PBASE_OK) {
        status = pair_rows(self, out, err);
    }
    *out_state = self->at < self->left.selected_count ? PBASE_MORE : PBASE_NEED_INPUT;
    return status;
}

/* --- right rows that matched nothing ------------------------------------------------------------ */

static bool gives_rest(const join *self)
{
    return self->node->kind == JOIN_RIGHT || self->node->kind == JOIN_FULL;
}

pbase_status join_rest(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                       pbase_error *err)
{
    join *self = shared;
    uint32_t count = 0, room = self->run->chunk_rows;
    (void)local;
    uint32_t *left = pbase_arena_array(out->arena, room, sizeof *left);
    const pbase_value **right = pbase_arena_array(out->arena, room, sizeof *right);
    if (left == NULL || right == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the pairs of a join");
    }
    self->rest = gives_rest(self) ? self->rest : self->table.count;
    for (; count < room && self->rest < self->table.count; self->rest++) {
        const join_row *row = &self->table.rows[self->rest];
        if (!row->is_matched) {
            left[count] = ROW_NONE;
            right[count++] = row->cells + self->node->key_count;
        }
    }
    *out_state = self->rest < self->table.count ? PBASE_MORE : PBASE_DONE;
    pbase_status status = chunk_columns(out, self->node->joined.count, err);
    out->row_count = out->selected_count = count;
    if (status == PBASE_OK && gives_rest(self)) {
        status = row_layout_gather(&self->left_layout, NULL, left, out, 0, err);
        if (status == PBASE_OK) {
            status = row_layout_fill(&self->right_layout, right, self->readers, out,
                                     self->node->left.schema.count, err);
        }
    }
    return status;
}
