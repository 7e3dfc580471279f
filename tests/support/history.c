/* history.c - from observations to versions, from versions to edges, from edges to cycles. */
#include "history.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool reads;
    uint32_t key;
    int64_t value; /* of an append */
    int64_t *values;
    size_t count;
} history_op;

typedef struct {
    uint32_t client;
    history_outcome outcome;
    uint64_t began_ns, ended_ns;
    history_op *ops;
    size_t count, capacity;
} history_txn;

struct history {
    history_txn *txns;
    size_t count, capacity;
};

static const char *const names[ANOMALY_KINDS] = {
    "internal", "duplicate", "order", "aborted read", "intermediate read", "lost append", "G0",
    "G1c",      "G-single",  "G2",    "stale"};

const char *anomaly_name(anomaly kind)
{
    return names[kind];
}

static void *grown(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    void *more = realloc(items, *capacity * size);
    if (more == NULL) {
        abort();
    }
    return more;
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* ------------------------------------------------------------------------- writing down ---- */

history *history_create(void)
{
    return zeroed(1, sizeof(history));
}

void history_destroy(history *self)
{
    for (size_t i = 0; self != NULL && i < self->count; i++) {
        for (size_t op = 0; op < self->txns[i].count; op++) {
            free(self->txns[i].ops[op].values);
        }
        free(self->txns[i].ops);
    }
    if (self != NULL) {
        free(self->txns);
    }
    free(self);
}

size_t history_begin(history *self, uint32_t client, uint64_t began_ns)
{
    self->txns = grown(self->txns, &self->capacity, self->count, sizeof *self->txns);
    self->txns[self->count] = (history_txn){
        .client = client, .outcome = HISTORY_UNKNOWN, .began_ns = began_ns, .ended_ns = UINT64_MAX};
    return self->count++;
}

static history_op *add_op(history *self, size_t txn)
{
    history_txn *t = &self->txns[txn];
    t->ops = grown(t->ops, &t->capacity, t->count, sizeof *t->ops);
    memset(&t->ops[t->count], 0, sizeof *t->ops);
    return &t->ops[t->count++];
}

void history_append(history *self, size_t txn, uint32_t key, int64_t value)
{
    history_op *op = add_op(self, txn);
    op->key = key;
    op->value = value;
}

void history_read(history *self, size_t txn, uint32_t key, const int64_t *values, size_t count)
{
    history_op *op = add_op(self, txn);
    op->reads = true;
    op->key = key;
    op->count = count;
    op->values = zeroed(count, sizeof *values);
    if (count > 0) {
        memcpy(op->values, values, count * sizeof *values);
    }
}

void history_end(history *self, size_t txn, history_outcome outcome, uint64_t ended_ns)
{
    self->txns[txn].outcome = outcome;
    self->txns[txn].ended_ns = ended_ns;
}

size_t history_count(const history *self)
{
    return self->count;
}

size_t history_verdict_total(const history_verdict *verdict)
{
    size_t total = 0;
    for (size_t i = 0; i < ANOMALY_KINDS; i++) {
        total += verdict->counts[i];
    }
    return total;
}

/* ------------------------------------------------------------------------------ checking ---- */

typedef enum { EDGE_WW = 1, EDGE_WR = 2, EDGE_RW = 4, EDGE_TIME = 8 } edge_kind;
typedef struct {
    size_t to;
    edge_kind kind;
} edge;
typedef struct {
    edge *items;
    size_t count, capacity;
} edges;

/* Who appended a value, and whether that was its last append to that list. */
typedef struct {
    bool used;
    bool seen; /* by a transaction other than its own */
    bool last;
    uint32_t key;
    int64_t value;
    size_t txn;
    const history_op *met_in; /* the read looked at last */
} append_fact;

/* The order of versions of one list: the longest read. */
typedef struct {
    const int64_t *values;
    size_t count;
    size_t txn;
} version_order;

typedef struct {
    const history *history;
    history_verdict *verdict;
    append_fact *facts; /* open addressing by key and value */
    size_t fact_capacity;
    version_order *orders; /* by key */
    size_t key_count;
    bool *happened; /* by transaction */
    edges *graph;   /* by node: transactions, then moments */
    size_t node_count;
} checker;

static void found(checker *self, anomaly kind, const char *text)
{
    if (self->verdict->counts[kind]++ == 0) {
        (void)snprintf(self->verdict->example[kind], sizeof self->verdict->example[kind], "%s",
                       text);
    }
}

static void found_value(checker *self, anomaly kind, size_t txn, const char *what, uint32_t key,
                        int64_t value)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "transaction %zu of client %" PRIu32 ": %s (list %" PRIu32 ", value %" PRId64
                   ")",
                   txn, self->history->txns[txn].client, what, key, value);
    found(self, kind, text);
}

static append_fact *fact_of(const checker *self, uint32_t key, int64_t value)
{
    uint64_t h = ((uint64_t)value + key * 0x9e3779b97f4a7c15u) * 0xc2b2ae3d27d4eb4fu;
    size_t at = (size_t)(h >> 20) & (self->fact_capacity - 1);
    while (self->facts[at].used && (self->facts[at].key != key || self->facts[at].value != value)) {
        at = (at + 1) & (self->fact_capacity - 1);
    }
    return &self->facts[at];
}

static void note_appends(checker *self, size_t txn)
{
    const history_txn *t = &self->history->txns[txn];
    for (size_t i = 0; i < t->count; i++) {
        if (t->ops[i].reads) {
            continue;
        }
        append_fact *fact = fact_of(self, t->ops[i].key, t->ops[i].value);
        *fact = (append_fact){
            .used = true, .last = true, .key = t->ops[i].key, .value = t->ops[i].value, .txn = txn};
        for (size_t later = i + 1; later < t->count; later++) {
            if (!t->ops[later].reads && t->ops[later].key == t->ops[i].key) {
                fact->last = false;
            }
        }
    }
}

static void collect_facts(checker *self)
{
    size_t appends = 0;
    for (size_t i = 0; i < self->history->count; i++) {
        for (size_t op = 0; op < self->history->txns[i].count; op++) {
            const history_op *o = &self->history->txns[i].ops[op];
            appends += !o->reads;
            self->key_count = o->key >= self->key_count ? o->key + 1u : self->key_count;
        }
    }
    self->fact_capacity = 64;
    while (self->fact_capacity < appends * 2) {
        self->fact_capacity *= 2;
    }
    self->facts = zeroed(self->fact_capacity, sizeof *self->facts);
    self->orders = zeroed(self->key_count, sizeof *self->orders);
    for (size_t i = 0; i < self->history->count; i++) {
        note_appends(self, i);
    }
}

/* -------------------------------------------------------------------------- single reads ---- */

/* Values at the end of a read that the transaction itself appended before it. */
static size_t own_tail(const history_txn *t, size_t op)
{
    size_t own = 0;
    for (size_t i = 0; i < op; i++) {
        own += !t->ops[i].reads && t->ops[i].key == t->ops[op].key;
    }
    return own;
}

static void check_internal(checker *self, size_t txn, size_t op)
{
    const history_txn *t = &self->history->txns[txn];
    const history_op *read = &t->ops[op];
    size_t own = own_tail(t, op), at = read->count - (own < read->count ? own : read->count);
    bool fits = own <= read->count;
    for (size_t i = 0; fits && i < op; i++) {
        if (!t->ops[i].reads && t->ops[i].key == read->key) {
            fits = read->values[at++] == t->ops[i].value;
        } else if (t->ops[i].reads && t->ops[i].key == read->key) {
            size_t before = own_tail(t, i);
            size_t outer = t->ops[i].count - (before < t->ops[i].count ? before : t->ops[i].count);
            fits = outer == read->count - own;
        }
    }
    if (!fits) {
        found_value(self, ANOMALY_INTERNAL, txn, "does not see a list as it left it", read->key,
                    read->count > 0 ? read->values[read->count - 1] : 0);
    }
}

static void check_values(checker *self, size_t txn, const history_op *read)
{
    for (size_t i = 0; i < read->count; i++) {
        append_fact *fact = fact_of(self, read->key, read->values[i]);
        if (!fact->used) {
            found_value(self, ANOMALY_DUPLICATE, txn, "reads what nobody appended", read->key,
                        read->values[i]);
            continue;
        }
        if (fact->met_in == read) {
            found_value(self, ANOMALY_DUPLICATE, txn, "reads a value twice", read->key,
                        read->values[i]);
        }
        fact->met_in = read;
        fact->seen = fact->seen || fact->txn != txn;
        self->happened[fact->txn] =
            self->happened[fact->txn] || self->history->txns[fact->txn].outcome != HISTORY_FAILED;
        if (fact->txn != txn && self->history->txns[fact->txn].outcome == HISTORY_FAILED) {
            found_value(self, ANOMALY_ABORTED, txn, "reads what was never committed", read->key,
                        read->values[i]);
        }
    }
    const append_fact *last =
        read->count > 0 ? fact_of(self, read->key, read->values[read->count - 1]) : NULL;
    if (last != NULL && last->used && last->txn != txn && !last->last) {
        found_value(self, ANOMALY_INTERMEDIATE, txn, "reads a state inside another transaction",
                    read->key, last->value);
    }
}

/* Own appends at the end may be merged behind those of others later: they say nothing yet. */
static void take_order(checker *self, size_t txn, size_t op)
{
    const history_op *read = &self->history->txns[txn].ops[op];
    size_t own = own_tail(&self->history->txns[txn], op);
    size_t outer = read->count - (own < read->count ? own : read->count);
    version_order *order = &self->orders[read->key];
    size_t common = outer < order->count ? outer : order->count;
    if (common > 0 && memcmp(read->values, order->values, common * sizeof *read->values) != 0) {
        found_value(self, ANOMALY_ORDER, txn, "reads a list in another order than others",
                    read->key, read->values[common - 1]);
    } else if (outer > order->count) {
        *order = (version_order){read->values, outer, txn};
    }
}

static void check_reads(checker *self)
{
    for (size_t i = 0; i < self->history->count; i++) {
        const history_txn *t = &self->history->txns[i];
        for (size_t op = 0; op < t->count && t->outcome == HISTORY_COMMITTED; op++) {
            if (t->ops[op].reads) {
                check_internal(self, i, op);
                check_values(self, i, &t->ops[op]);
                take_order(self, i, op);
            }
        }
    }
}

static void check_lost(checker *self, size_t final)
{
    for (size_t i = 0; i < self->fact_capacity && final != SIZE_MAX; i++) {
        const append_fact *fact = &self->facts[i];
        if (fact->used && self->happened[fact->txn] && fact->txn != final && !fact->seen) {
            found_value(self, ANOMALY_LOST, fact->txn, "was committed, and nobody ever saw it",
                        fact->key, fact->value);
        }
    }
}

/* --------------------------------------------------------------------------------- edges ---- */

static void add_edge(checker *self, size_t from, size_t to, edge_kind kind)
{
    if (from == to) {
        return;
    }
    edges *list = &self->graph[from];
    list->items = grown(list->items, &list->capacity, list->count, sizeof *list->items);
    list->items[list->count++] = (edge){to, kind};
}

static size_t writer_of(const checker *self, uint32_t key, int64_t value)
{
    const append_fact *fact = fact_of(self, key, value);
    return fact->used ? fact->txn : SIZE_MAX;
}

static void add_version_edges(checker *self, uint32_t key)
{
    const version_order *order = &self->orders[key];
    for (size_t i = 0; i + 1 < order->count; i++) {
        size_t from = writer_of(self, key, order->values[i]);
        size_t to = writer_of(self, key, order->values[i + 1]);
        if (from != SIZE_MAX && to != SIZE_MAX) {
            add_edge(self, from, to, EDGE_WW);
        }
    }
}

static void add_read_edges(checker *self, size_t txn, size_t op)
{
    const history_txn *t = &self->history->txns[txn];
    const history_op *read = &t->ops[op];
    const version_order *order = &self->orders[read->key];
    size_t own = own_tail(t, op);
    size_t outer = read->count - (own < read->count ? own : read->count);
    if (outer > 0) {
        size_t from = writer_of(self, read->key, read->values[outer - 1]);
        if (from != SIZE_MAX) {
            add_edge(self, from, txn, EDGE_WR);
        }
    }
    if (outer < order->count) {
        size_t to = writer_of(self, read->key, order->values[outer]);
        if (to != SIZE_MAX) {
            add_edge(self, txn, to, EDGE_RW);
        }
    }
}

typedef struct {
    uint64_t at_ns;
    size_t txn;
} moment;

static int moment_compare(const void *a, const void *b)
{
    uint64_t x = ((const moment *)a)->at_ns, y = ((const moment *)b)->at_ns;
    return x < y ? -1 : x > y;
}

/* The moments at which transactions ended, in a row: each ended one leads to its moment, each moment
 * to the next, and the last moment before a transaction began to it. Linear in their number. */
static void add_time_edges(checker *self)
{
    size_t count = 0, txns = self->history->count;
    moment *ends = zeroed(txns, sizeof *ends);
    for (size_t i = 0; i < txns; i++) {
        if (self->history->txns[i].outcome == HISTORY_COMMITTED) {
            ends[count++] = (moment){self->history->txns[i].ended_ns, i};
        }
    }
    qsort(ends, count, sizeof *ends, moment_compare);
    for (size_t i = 0; i < count; i++) {
        add_edge(self, ends[i].txn, txns + i, EDGE_TIME);
        if (i + 1 < count) {
            add_edge(self, txns + i, txns + i + 1, EDGE_TIME);
        }
    }
    for (size_t i = 0; i < txns; i++) {
        size_t low = 0, high = count; /* ends before its begin */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (ends[middle].at_ns < self->history->txns[i].began_ns) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low > 0 && self->happened[i]) {
            add_edge(self, txns + low - 1, i, EDGE_TIME);
        }
    }
    free(ends);
}

static void build_graph(checker *self)
{
    self->node_count = 2 * self->history->count;
    self->graph = zeroed(self->node_count, sizeof *self->graph);
    for (uint32_t key = 0; key < self->key_count; key++) {
        add_version_edges(self, key);
    }
    for (size_t i = 0; i < self->history->count; i++) {
        const history_txn *t = &self->history->txns[i];
        for (size_t op = 0; op < t->count && t->outcome == HISTORY_COMMITTED; op++) {
            if (t->ops[op].reads) {
                add_read_edges(self, i, op);
            }
        }
    }
    add_time_edges(self);
}

/* -------------------------------------------------------------------------------- cycles ---- */

/* Strongly connected components over edges of `kinds` (R. Tarjan, "Depth-First Search and Linear
 * Graph Algorithms", 1972), with a stack of its own. */
typedef struct {
    size_t *number, *low, *component; /* by node; 0: not visited */
    size_t *stack, *path, *next;      /* of the component; of the search; edge to look at next */
    bool *on_stack;
    size_t stack_count, path_count, numbers, components;
} tarjan;

static void tarjan_enter(tarjan *t, size_t node)
{
    t->number[node] = t->low[node] = ++t->numbers;
    t->stack[t->stack_count++] = node;
    t->on_stack[node] = true;
    t->next[node] = 0;
    t->path[t->path_count++] = node;
}

static void tarjan_leave(tarjan *t, size_t node)
{
    t->path_count--;
    if (t->path_count > 0) {
        size_t above = t->path[t->path_count - 1];
        t->low[above] = t->low[node] < t->low[above] ? t->low[node] : t->low[above];
    }
    if (t->low[node] != t->number[node]) {
        return;
    }
    t->components++;
    size_t member;
    do {
        member = t->stack[--t->stack_count];
        t->on_stack[member] = false;
        t->component[member] = t->components;
    } while (member != node);
}

static void tarjan_search(const checker *self, tarjan *t, size_t root, unsigned kinds)
{
    tarjan_enter(t, root);
    while (t->path_count > 0) {
        size_t node = t->path[t->path_count - 1];
        const edges *list = &self->graph[node];
        if (t->next[node] == list->count) {
            tarjan_leave(t, node);
            continue;
        }
        const edge *e = &list->items[t->next[node]++];
        if (((unsigned)e->kind & kinds) == 0) {
            continue;
        }
        if (t->number[e->to] == 0) {
            tarjan_enter(t, e->to);
        } else if (t->on_stack[e->to] && t->number[e->to] < t->low[node]) {
            t->low[node] = t->number[e->to];
        }
    }
}

/* The component of each node; to be freed. */
static size_t *components(const checker *self, unsigned kinds)
{
    size_t n = self->node_count;
    tarjan t = {.number = zeroed(n, sizeof(size_t)),
                .low = zeroed(n, sizeof(size_t)),
                .component = zeroed(n, sizeof(size_t)),
                .stack = zeroed(n, sizeof(size_t)),
                .path = zeroed(n, sizeof(size_t)),
                .next = zeroed(n, sizeof(size_t)),
                .on_stack = zeroed(n, sizeof(bool))};
    for (size_t node = 0; node < n; node++) {
        if (t.number[node] == 0) {
            tarjan_search(self, &t, node, kinds);
        }
    }
    free(t.number);
    free(t.low);
    free(t.stack);
    free(t.path);
    free(t.next);
    free(t.on_stack);
    return t.component;
}

static void found_edge(checker *self, anomaly kind, size_t from, size_t to)
{
    char text[256];
    (void)snprintf(text, sizeof text, "transactions %zu and %zu lie on a cycle (%s)", from, to,
                   names[kind]);
    found(self, kind, text);
}

/* Every edge of kind `closing` inside a component of `kinds` lies on a cycle: one finding for each
 * component. */
static void check_cycles(checker *self, unsigned kinds, edge_kind closing, anomaly kind)
{
    size_t *component = components(self, kinds);
    bool *told = zeroed(self->node_count + 1, sizeof *told);
    for (size_t from = 0; from < self->node_count; from++) {
        for (size_t i = 0; i < self->graph[from].count; i++) {
            const edge *e = &self->graph[from].items[i];
            if (e->kind == closing && component[from] == component[e->to] &&
                !told[component[from]]) {
                told[component[from]] = true;
                found_edge(self, kind, from, e->to);
            }
        }
    }
    free(told);
    free(component);
}

/* True when `to` can be reached from `from` over edges of `kinds`. */
static bool reaches(const checker *self, size_t from, size_t to, unsigned kinds)
{
    bool *visited = zeroed(self->node_count, sizeof *visited);
    size_t *queue = zeroed(self->node_count, sizeof *queue);
    size_t head = 0, tail = 0;
    queue[tail++] = from;
    visited[from] = true;
    while (head < tail && !visited[to]) {
        const edges *list = &self->graph[queue[head++]];
        for (size_t i = 0; i < list->count; i++) {
            if (((unsigned)list->items[i].kind & kinds) != 0 && !visited[list->items[i].to]) {
                visited[list->items[i].to] = true;
                queue[tail++] = list->items[i].to;
            }
        }
    }
    bool found_it = visited[to];
    free(queue);
    free(visited);
    return found_it;
}

#define REACHES_MAX 2000u /* edges looked at */

/* What was found of one component. */
typedef struct {
    anomaly kind; /* ANOMALY_INTERNAL: nothing */
    size_t from, to;
} finding;

/* Looks at an rw edge that lies on a cycle: with one rw, or only with more. */
static void judge_edge(checker *self, size_t from, size_t to, unsigned kinds, anomaly single,
                       anomaly several, finding *worst)
{
    bool alone = worst->kind != single && reaches(self, to, from, kinds & ~(unsigned)EDGE_RW);
    if (alone || worst->kind == ANOMALY_INTERNAL) {
        *worst = (finding){alone ? single : several, from, to};
    }
}

/* Components of `kinds` that have an rw edge inside and, when `needed` is a kind, one of that. */
static void check_dependency_cycles(checker *self, unsigned kinds, unsigned needed, anomaly single,
                                    anomaly several)
{
    size_t *component = components(self, kinds);
    finding *worst = zeroed(self->node_count + 1, sizeof *worst);
    bool *has_needed = zeroed(self->node_count + 1, sizeof *has_needed);
    size_t searches = 0;
    for (size_t from = 0; from < self->node_count; from++) {
        for (size_t i = 0; i < self->graph[from].count; i++) {
            const edge *e = &self->graph[from].items[i];
            size_t c = component[from];
            if (c != component[e->to]) {
                continue;
            }
            has_needed[c] = has_needed[c] || ((unsigned)e->kind & needed) != 0;
            if (e->kind == EDGE_RW && worst[c].kind != single && searches++ < REACHES_MAX) {
                judge_edge(self, from, e->to, kinds, single, several, &worst[c]);
            }
        }
    }
    for (size_t c = 0; c <= self->node_count; c++) {
        if (worst[c].kind != ANOMALY_INTERNAL && has_needed[c]) {
            found_edge(self, worst[c].kind, worst[c].from, worst[c].to);
        }
    }
    free(has_needed);
    free(worst);
    free(component);
}

void history_check(const history *self, size_t final, history_verdict *out)
{
    const unsigned dependencies = EDGE_WW | EDGE_WR | EDGE_RW;
    checker run = {.history = self, .verdict = out};
    memset(out, 0, sizeof *out);
    run.happened = zeroed(self->count, sizeof *run.happened);
    for (size_t i = 0; i < self->count; i++) {
        run.happened[i] = self->txns[i].outcome == HISTORY_COMMITTED;
    }
    collect_facts(&run);
    check_reads(&run);
    check_lost(&run, final);
    build_graph(&run);
    check_cycles(&run, EDGE_WW, EDGE_WW, ANOMALY_WRITE_CYCLE);
    check_cycles(&run, EDGE_WW | EDGE_WR, EDGE_WR, ANOMALY_CYCLE);
    check_dependency_cycles(&run, dependencies, dependencies, ANOMALY_SINGLE, ANOMALY_SKEW);
    check_cycles(&run, EDGE_WW | EDGE_WR | EDGE_TIME, EDGE_TIME, ANOMALY_STALE);
    check_dependency_cycles(&run, dependencies | EDGE_TIME, EDGE_TIME, ANOMALY_STALE,
                            ANOMALY_STALE_SKEW);
    for (size_t i = 0; i < run.node_count; i++) {
        free(run.graph[i].items);
    }
    free(run.graph);
    free(run.orders);
    free(run.facts);
    free(run.happened);
}
