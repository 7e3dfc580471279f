/* node_check.c - the structural check of a node that came from a storage. Nothing in the payload is
 * trusted before it has been compared with the payload's size. */
#include "collection/patch.h"
#include "collection/sized.h"
#include "collection/tree_private.h"

#include <inttypes.h>

/* A node while it is checked: what earlier entries have shown. */
typedef struct {
    node node;
    uint32_t offset; /* where the next entry has to begin */
    uint32_t end;    /* of the entries */
    uint64_t total;
    bool owns;
    pbase_bytes last_tail; /* of the entry before; data NULL: there is none */
    uint32_t last_head;
} node_checker;

/* What the header says of entries of one shape; of others it says nothing. */
static bool even_possible(const uint8_t *header)
{
    uint32_t tail = pbase_get_u16(header + NODE_AT_TAIL);
    uint32_t value = pbase_get_u16(header + NODE_AT_VALUE);
    uint8_t flags = header[NODE_AT_FLAGS];
    if ((flags & (NODE_EVEN | NODE_ROW)) == 0) {
        return tail == 0 && value == 0;
    }
    return (flags & NODE_EVEN) != 0 && (flags & NODE_ROW) != 0 && (flags & NODE_OWNS) == 0 &&
           header[NODE_AT_FORMAT] > NODE_FORMAT_PLAIN && header[NODE_AT_LEVEL] == 0 &&
           value <= NODE_INLINE_MAX && tail + value != 0 &&
           (tail == 0 || (flags & NODE_POSITIONAL) == 0);
}

/* A patch is of a keyed leaf that refers to nothing. */
static bool patch_possible(const uint8_t *header)
{
    uint8_t flags = header[NODE_AT_FLAGS];
    return (flags & NODE_PATCH) == 0 ||
           (header[NODE_AT_LEVEL] == 0 && (flags & (NODE_POSITIONAL | NODE_OWNS)) == 0);
}

/* Yields what is wrong, NULL when nothing is. */
static const char *header_fault(pbase_bytes payload)
{
    if (payload.size < NODE_HEADER_BYTES || payload.size > UINT32_MAX) {
        return "is not of a possible size";
    }
    const uint8_t *p = payload.data;
    uint64_t count = pbase_get_u32(p + NODE_AT_COUNT);
    uint64_t prefix = pbase_get_u32(p + NODE_AT_PREFIX);
    bool positional = (p[NODE_AT_FLAGS] & NODE_POSITIONAL) != 0;
    uint64_t room = (prefix + 7u) & ~UINT64_C(7);
    uint64_t each = (positional ? 4u : 8u) - ((p[NODE_AT_FLAGS] & NODE_ROW) != 0 ? 4u : 0u);
    uint64_t index_end = NODE_HEADER_BYTES + room + count * each;
    uint32_t behind = (p[NODE_AT_FLAGS] & NODE_PATCH) != 0 ? NODE_BASE_BYTES : 0;
    if (p[NODE_AT_LEVEL] > NODE_LEVEL_MAX ||
        (p[NODE_AT_FLAGS] & ~(NODE_POSITIONAL | NODE_OWNS | NODE_EVEN | NODE_ROW | NODE_PATCH)) !=
            0 ||
        p[NODE_AT_ZERO] != 0 || !even_possible(p) || !patch_possible(p)) {
        return "has an impossible level or flag";
    }
    if (prefix > PBASE_KEY_BYTES_MAX || (positional && prefix != 0)) {
        return "has an impossible prefix";
    }
    if (count == 0 || index_end + behind > payload.size ||
        payload.size + count * 4 > UINT32_MAX || /* in memory even leaves have slots */
        pbase_get_u32(p + NODE_AT_HEAP) != index_end || pbase_get_u32(p + NODE_AT_DEAD) != 0) {
        return "has a count that does not fit its size";
    }
    for (uint64_t i = prefix; i < room; i++) {
        if (p[NODE_HEADER_BYTES + i] != 0) {
            return "has padding that is not zero";
        }
    }
    return NULL;
}

/* The place of a stored atom, or none where `optional`. */
static bool ref_valid(atom_ref ref, bool optional)
{
    return ref == ATOM_REF_NONE ? optional : atom_ref_is_stored(ref) && atom_ref_pointer(ref) != 0;
}

static bool large_valid(pbase_bytes value)
{
    return value.size == NODE_LARGE_BYTES && ref_valid(pbase_get_u64(value.data), false) &&
           pbase_get_u32(value.data + 8) > NODE_INLINE_MAX &&
           pbase_get_u32(value.data + 8) <= PBASE_VALUE_BYTES_MAX;
}

static bool tree_value_valid(pbase_bytes value)
{
    return value.size >= NODE_TREE_BYTES && value.size <= NODE_TREE_BYTES + TREE_PAYLOAD_MAX &&
           ref_valid(pbase_get_u64(value.data), true);
}

static bool value_valid(node_checker *self, uint8_t kind, pbase_bytes value)
{
    if (kind == NODE_VALUE_INLINE) {
        return value.size <= NODE_INLINE_MAX;
    }
    self->owns = true;
    return kind == NODE_VALUE_LARGE ? large_valid(value)
                                    : kind == NODE_VALUE_TREE && tree_value_valid(value);
}

/* A size and then, later, that many bytes: anything a node can hold fits 32 bits. */
static bool read_size(pbase_reader_bytes *reader, uint64_t *out)
{
    return pbase_read_varint(reader, out) && *out <= pbase_reader_bytes_left(reader);
}

static bool leaf_entry_valid(node_checker *self, pbase_reader_bytes *reader, pbase_bytes *tail)
{
    uint8_t first;
    uint64_t tail_size = 0, value_size, spelling_size = 0;
    pbase_bytes spelling, value;
    bool positional = node_positional(&self->node);
    if (!pbase_read_u8(reader, &first) ||
        (first & ~(NODE_VALUE_KIND_MASK | NODE_ENTRY_SPELLED)) != 0) {
        return false;
    }
    bool spelled = (first & NODE_ENTRY_SPELLED) != 0;
    self->total++;
    return (positional || read_size(reader, &tail_size)) && read_size(reader, &value_size) &&
           (!spelled || (!positional && read_size(reader, &spelling_size) && spelling_size != 0)) &&
           spelling_size <= NODE_SPELLING_MAX && pbase_read_bytes(reader, tail_size, tail) &&
           pbase_read_bytes(reader, spelling_size, &spelling) &&
           pbase_read_bytes(reader, value_size, &value) &&
           value_valid(self, first & NODE_VALUE_KIND_MASK, value);
}

/* Only leaves lie in a row or are patches; those of positional trees or that own are no patches. */
static bool child_flags_valid(const node *parent, uint8_t flags)
{
    bool is_patch = (flags & NODE_PATCH) != 0;
    return (flags & ~(NODE_OWNS | NODE_ROW | NODE_PATCH)) == 0 &&
           (!is_patch ||
            (parent->level == 1 && !node_positional(parent) && (flags & NODE_OWNS) == 0));
}

static bool inner_entry_valid(node_checker *self, pbase_reader_bytes *reader, pbase_bytes *tail)
{
    const uint8_t *fixed = reader->at;
    if (pbase_reader_bytes_left(reader) < NODE_CHILD_BYTES) {
        return false;
    }
    reader->at += NODE_CHILD_BYTES;
    uint64_t count = pbase_get_u64(fixed + NODE_CHILD_COUNT);
    uint8_t flags = fixed[NODE_CHILD_FLAGS];
    self->owns = self->owns || (flags & NODE_OWNS) != 0;
    self->total += count;
    *tail = pbase_bytes_of(reader->at, 0);
    return count != 0 && self->total >= count && child_flags_valid(&self->node, flags) &&
           pbase_get_u32(fixed + NODE_CHILD_SIZE) >= NODE_HEADER_BYTES &&
           ref_valid(pbase_get_u64(fixed + NODE_CHILD_REF), false) &&
           (node_positional(&self->node) || sized_read(reader, tail));
}

static bool even_entry_valid(node_checker *self, pbase_reader_bytes *reader, pbase_bytes *tail)
{
    size_t size = (size_t)self->node.tail_size + self->node.value_size;
    if (pbase_reader_bytes_left(reader) < size) {
        return false;
    }
    self->total++;
    *tail = pbase_bytes_of(reader->at, self->node.tail_size);
    reader->at += size;
    return true;
}

static bool tail_valid(node_checker *self, uint32_t index, pbase_bytes tail)
{
    if (node_positional(&self->node)) {
        return true;
    }
    uint32_t head = node_head(&self->node, index);
    if (head != node_head_of(tail.data, tail.size)) {
        return false;
    }
    if (index == 0 && self->node.level != 0) {
        return tail.size == 0;
    }
    size_t size = self->node.prefix_size + tail.size;
    bool ascends = self->last_tail.data == NULL ||
                   head > self->last_head || /* they compare alike */
                   pbase_bytes_compare(self->last_tail, tail) < 0;
    self->last_tail = tail;
    self->last_head = head;
    return size != 0 && size <= PBASE_KEY_BYTES_MAX && ascends;
}

static bool entry_valid(node_checker *self, uint32_t index)
{
    if (!node_even(&self->node) &&
        pbase_get_u32(self->node.slots + (size_t)index * 4) != self->offset) {
        return false;
    }
    pbase_reader_bytes reader = {self->node.payload + self->offset, self->node.payload + self->end};
    pbase_bytes tail = {reader.at, 0};
    bool valid = node_even(&self->node)  ? even_entry_valid(self, &reader, &tail)
                 : self->node.level == 0 ? leaf_entry_valid(self, &reader, &tail)
                                         : inner_entry_valid(self, &reader, &tail);
    self->offset = (uint32_t)(reader.at - self->node.payload);
    return valid && tail_valid(self, index, tail);
}

/* What a patch says of its base, and how many entries both have together. */
static bool base_valid(const node *patch)
{
    patch_base base = patch_base_of(patch);
    uint64_t total = node_total(patch);
    return ref_valid(base.ref, false) && base.size >= NODE_HEADER_BYTES && base.count != 0 &&
           total >= base.count && total >= patch->count && total - base.count <= patch->count;
}

pbase_status tree_atom_check(uint32_t type, pbase_bytes payload, pbase_error *err)
{
    if (type != ATOM_NODE && type != ATOM_PATCH) {
        return PBASE_OK;
    }
    pbase_status status = tree_node_check(payload, err);
    if (status == PBASE_OK &&
        ((payload.data[NODE_AT_FLAGS] & NODE_PATCH) != 0) != (type == ATOM_PATCH)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "%s",
                            type == ATOM_PATCH ? "a node stands where a patch of a leaf should"
                                               : "a patch of a leaf stands where a node should");
    }
    return status;
}

pbase_status tree_node_check(pbase_bytes payload, pbase_error *err)
{
    if (payload.size >= NODE_HEADER_BYTES && payload.data[NODE_AT_FORMAT] > NODE_FORMAT) {
        return PBASE_FAIL(err, PBASE_FORMAT, "a node of format %u; this version reads up to %u",
                          payload.data[NODE_AT_FORMAT], NODE_FORMAT);
    }
    const char *fault = header_fault(payload);
    if (fault == NULL && payload.data[NODE_AT_FORMAT] == 0) {
        fault = "has no format";
    }
    if (fault != NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a node %s", fault);
    }
    node_checker checker = {.node = node_of(payload.data, (uint32_t)payload.size)};
    checker.offset = pbase_get_u32(payload.data + NODE_AT_HEAP);
    checker.end = (uint32_t)payload.size - node_base_bytes(&checker.node);
    for (uint32_t i = 0; i < checker.node.count; i++) {
        if (!entry_valid(&checker, i)) {
            return PBASE_FAIL(err, PBASE_CORRUPT,
                              "entry %" PRIu32 " of %" PRIu32
                              " of a node is malformed or out of order",
                              i, checker.node.count);
        }
    }
    bool is_patch = (checker.node.flags & NODE_PATCH) != 0;
    if (checker.offset != checker.end || (checker.owns && (checker.node.flags & NODE_OWNS) == 0) ||
        (!is_patch && checker.total != node_total(&checker.node))) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a node's entries do not add up to its header");
    }
    if (is_patch && !base_valid(&checker.node)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a patch says of its leaf what cannot be");
    }
    return PBASE_OK;
}
