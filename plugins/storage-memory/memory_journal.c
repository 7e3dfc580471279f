/* memory_journal.c - each frame is one block of memory: its head, a table of records, their bytes.
 *
 * Positions count up as if every record lay in a file behind a head of 16 bytes, rounded up to 8,
 * so that each record, the empty one included, has its own. */
#include "memory_journal.h"

#include <inttypes.h>

#define POSITION_FIRST ((pbase_position)8) /* 0 points nowhere */
#define RECORD_HEAD_BYTES 16u

typedef struct {
    pbase_position position;
    pbase_bytes bytes; /* in the block of the frame */
} memory_record;

struct memory_frame {
    size_t block_bytes;
    pbase_token token;
    pbase_position end; /* of the next frame */
    uint32_t count;
    memory_record records[];
};

void memory_journal_init(memory_journal *journal, memory_budget *budget)
{
    memset(journal, 0, sizeof *journal);
    journal->budget = budget;
    journal->head.head = journal->head.first = journal->head.synced = POSITION_FIRST;
}

static void frames_drop(memory_journal *journal, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memory_budget_free(journal->budget, journal->frames[i], journal->frames[i]->block_bytes);
    }
    journal->frame_count -= count;
    if (journal->frame_count != 0) {
        memmove(journal->frames, journal->frames + count,
                journal->frame_count * sizeof *journal->frames);
    }
}

void memory_journal_fini(memory_journal *journal)
{
    frames_drop(journal, journal->frame_count);
    memory_budget_free(journal->budget, journal->frames,
                       journal->frame_capacity * sizeof *journal->frames);
}

static pbase_status frames_reserve(memory_journal *journal, pbase_error *err)
{
    if (journal->frame_count < journal->frame_capacity) {
        return PBASE_OK;
    }
    size_t capacity = journal->frame_capacity == 0 ? 64 : journal->frame_capacity * 2;
    void *larger = NULL;
    pbase_status status = memory_budget_new(journal->budget, capacity * sizeof *journal->frames,
                                            "the journal", &larger, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (journal->frame_count != 0) {
        memcpy(larger, journal->frames, journal->frame_count * sizeof *journal->frames);
    }
    memory_budget_free(journal->budget, journal->frames,
                       journal->frame_capacity * sizeof *journal->frames);
    journal->frames = larger;
    journal->frame_capacity = capacity;
    return PBASE_OK;
}

/* Copies the records behind the table of `frame`; the positions begin at `at`. */
static void frame_fill(memory_frame *frame, const pbase_journal_append *append, pbase_position at)
{
    uint8_t *bytes = (uint8_t *)&frame->records[append->record_count];
    for (size_t i = 0; i < append->record_count; i++) {
        size_t size = append->records[i].size;
        if (size != 0) {
            memcpy(bytes, append->records[i].data, size);
        }
        frame->records[i].position = at;
        frame->records[i].bytes = pbase_bytes_of(bytes, size);
        bytes += size;
        at += (RECORD_HEAD_BYTES + (pbase_position)size + 7) & ~(pbase_position)7;
    }
    frame->token = append->token;
    frame->count = (uint32_t)append->record_count;
    frame->end = at;
}

/* Of the block for one append; SIZE_MAX when that is more than can be. */
static size_t frame_bytes(const pbase_journal_append *append)
{
    size_t size = sizeof(memory_frame);
    for (size_t i = 0; i < append->record_count; i++) {
        size_t extra = sizeof(memory_record) + append->records[i].size;
        if (extra > SIZE_MAX - size) {
            return SIZE_MAX;
        }
        size += extra;
    }
    return size;
}

pbase_status memory_journal_append(memory_journal *journal, const pbase_journal_append *append,
                                   pbase_journal_appended *out, pbase_error *err)
{
    pbase_position head = journal->head.head;
    if (append->expected != PBASE_POSITION_ANY && append->expected != head) {
        return PBASE_FAIL(err, PBASE_CONFLICT,
                          "the head of the journal is %" PRIu64 ", not %" PRIu64, head,
                          append->expected);
    }
    pbase_status status = frames_reserve(journal, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t size = frame_bytes(append);
    void *block = NULL;
    status = memory_budget_new(journal->budget, size, "an append", &block, err);
    if (status != PBASE_OK) {
        return status;
    }
    memory_frame *frame = block;
    frame->block_bytes = size;
    frame_fill(frame, append, head);
    journal->frames[journal->frame_count++] = frame;
    journal->append_count++;
    journal->head.head = journal->head.synced = frame->end;
    out->first = head;
    out->end = frame->end;
    return PBASE_OK;
}

void memory_journal_outcome(const memory_journal *journal, pbase_token token, int32_t *out_outcome,
                            pbase_position *out_position)
{
    for (size_t i = journal->frame_count; i-- > 0;) {
        const memory_frame *frame = journal->frames[i];
        if (memcmp(&frame->token, &token, sizeof token) == 0) {
            *out_outcome = PBASE_OUTCOME_FOUND;
            *out_position = frame->records[0].position;
            return;
        }
    }
    *out_outcome =
        journal->head.first == POSITION_FIRST ? PBASE_OUTCOME_ABSENT : PBASE_OUTCOME_EXPIRED;
}

/* The frame that covers `position`, which is kept and below the head. */
static size_t frame_index(const memory_journal *journal, pbase_position position)
{
    size_t low = 0;
    size_t high = journal->frame_count - 1;
    while (low < high) { /* the first frame that ends above `position` */
        size_t middle = low + (high - low) / 2;
        if (journal->frames[middle]->end > position) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The record that begins at `position`, or the frame's count. */
static uint32_t record_index(const memory_frame *frame, pbase_position position)
{
    uint32_t low = 0;
    uint32_t high = frame->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (frame->records[middle].position < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < frame->count && frame->records[low].position == position ? low : frame->count;
}

pbase_status memory_journal_seek(const memory_journal *journal, pbase_position from,
                                 pbase_error *err)
{
    if (from < journal->head.first) {
        return PBASE_FAIL(err, PBASE_TRIMMED,
                          "position %" PRIu64 " is no longer kept; the first one is %" PRIu64, from,
                          journal->head.first);
    }
    if (from == journal->head.head) {
        return PBASE_OK;
    }
    const memory_frame *frame =
        from < journal->head.head ? journal->frames[frame_index(journal, from)] : NULL;
    if (frame == NULL || record_index(frame, from) == frame->count) {
        return PBASE_FAIL(err, PBASE_INVALID, "no record begins at position %" PRIu64, from);
    }
    return PBASE_OK;
}

pbase_status memory_journal_read(const memory_journal *journal, pbase_position from,
                                 pbase_journal_record *out, pbase_error *err)
{
    pbase_status status = memory_journal_seek(journal, from, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (from == journal->head.head) {
        return PBASE_END;
    }
    const memory_frame *frame = journal->frames[frame_index(journal, from)];
    uint32_t index = record_index(frame, from);
    out->position = from;
    out->next = index + 1 < frame->count ? frame->records[index + 1].position : frame->end;
    out->bytes = frame->records[index].bytes;
    out->token = frame->token;
    out->index = index;
    out->count = frame->count;
    return PBASE_OK;
}

pbase_status memory_journal_trim(memory_journal *journal, pbase_position upto,
                                 pbase_position anchor, pbase_error *err)
{
    pbase_position from = upto > journal->head.first ? upto : journal->head.first;
    if (anchor >= journal->head.head || upto > anchor) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "cannot trim to %" PRIu64 " with the anchor at %" PRIu64
                          ": the head is %" PRIu64,
                          upto, anchor, journal->head.head);
    }
    pbase_status status = memory_journal_seek(journal, from, err);
    if (status == PBASE_OK) {
        status = memory_journal_seek(journal, anchor, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    frames_drop(journal, frame_index(journal, from)); /* below the head: at least one frame stays */
    journal->head.first = from;
    journal->head.anchor = anchor;
    return PBASE_OK;
}
