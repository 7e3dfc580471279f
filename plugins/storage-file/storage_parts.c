/* storage_parts.c - from the super block and the options to an open journal and store.
 *
 * Reads only what is needed to go on where the last user stopped; writes nothing but the board of a
 * shared space, and the super block of a new one. */
#include "storage_parts.h"

#include "storage_journal.h"

#define SPARES_BESIDE 2 /* segments that are filled while a checkpoint runs */
#define SPARES_MAX 64
/* So often is asked whether the next segment is due: also by who has no more of one left than a clean close
 * leaves. */
#define PREPARES_OF_SEGMENT 16

static pbase_status store_take_id(void *state, uint32_t at_least, uint32_t *out, pbase_error *err)
{
    file_storage *self = state;
    return file_super_take_id(&self->super, at_least, out, err);
}

static pbase_status store_start(file_storage *self, pbase_error *err)
{
    const super_block *block = &self->super.block;
    file_store_options options = {
        .host = self->host,
        .blocks = self->blocks,
        .space_id = block->space_id,
        .next_log_id = block->next_log_id,
        .active_log_id = self->turn.is_alone ? block->active_log_id : 0,
        .active_bytes = self->turn.is_alone ? block->active_bytes : 0,
        .is_shared = self->turn.is_shared,
        .is_alone = self->turn.is_alone,
        .large_pages = self->large_pages,
        .take_id = store_take_id,
        .state = self,
    };
    return file_store_open(&options, NULL, &self->store, err);
}

static pbase_position others_first(void *state)
{
    const file_storage *self = state;
    return file_board_first(&self->turn.board);
}

static pbase_status entered(void *state, const journal_entered *segment, pbase_error *err)
{
    file_storage *self = state;
    return file_super_enter(&self->super, segment, err);
}

/* What is let go of at a checkpoint is what the next ones need: kept whole, no segment has to be
 * written full of zeros twice. A clean close gives it all back. */
static uint32_t spares_wanted(const pbase_config *config)
{
    int64_t segment_bytes = pbase_config_int(config, "journal_segment_size");
    int64_t count = pbase_config_int(config, "checkpoint_bytes") / segment_bytes + SPARES_BESIDE;
    return count < SPARES_MAX ? (uint32_t)count : SPARES_MAX;
}

/* An older super block, where the newer one is damaged, may miss what a clean close cut off since. */
static pbase_status journal_open_doubtful(file_storage *self, journal_options *options,
                                          pbase_error *err)
{
    pbase_key_finding finding;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = journal_open(options, NULL, &self->journal, &why);
    if (status == PBASE_CORRUPT && options->entered.base != 0 &&
        pbase_blocks_key_verify(self->blocks, NULL, SUPER_KEY, &finding, NULL) == PBASE_OK &&
        finding.is_doubtful) {
        options->entered = (journal_entered){0};
        return journal_open(options, NULL, &self->journal, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static pbase_status journal_start(file_storage *self, const pbase_config *config, pbase_error *err)
{
    journal_mark mark;
    pbase_journal_head head = {0};
    journal_options options = {
        .host = self->host,
        .blocks = self->blocks,
        .id = self->super.block.space_id,
        .first = self->super.block.first,
        .start = self->super.block.anchor,
        .closed_at = self->super.block.closed_at,
        .entered = self->super.block.entered,
        .enter = entered,
        .spares_max = spares_wanted(config),
        .segment_bytes = (uint64_t)pbase_config_int(config, "journal_segment_size"),
        .is_shared = self->turn.is_shared,
        .first_now = self->turn.is_shared ? others_first : NULL,
        .state = self,
    };
    pbase_status status = PBASE_OK;
    if (!self->turn.is_alone) {
        status = file_turn_joins(&self->turn, &self->super, &mark, err);
        options.joins = &mark;
    }
    self->prepare_bytes = options.segment_bytes / PREPARES_OF_SEGMENT;
    if (status == PBASE_OK) {
        status = journal_open_doubtful(self, &options, err);
    }
    if (status == PBASE_OK && options.closed_at != 0) {
        journal_head(self->journal, &head);
        if (head.head > options.closed_at) { /* an older super block: its newer one is damaged */
            file_store_leave_active(self->store);
        }
    }
    return status;
}

static pbase_status flusher_flush(void *state, pbase_error *err)
{
    file_storage *self = state;
    pbase_journal_head head = {0};
    journal_head(self->journal, &head);
    return storage_journal_flush_upto(self, NULL, head.head, err);
}

static pbase_status flusher_prepare(void *state, pbase_error *err)
{
    file_storage *self = state;
    return journal_prepare(self->journal, NULL, err);
}

static pbase_status flusher_start(file_storage *self, const pbase_config *config, pbase_error *err)
{
    file_flusher_options options = {
        .host = self->host,
        .interval_ns = (uint64_t)pbase_config_int(config, "async_interval"),
        .flush = flusher_flush,
        .prepare = flusher_prepare,
        .state = self,
    };
    return file_flusher_create(&options, &self->flusher, err);
}

pbase_status storage_parts_start(file_storage *self, const pbase_config *config, pbase_error *err)
{
    uint32_t capabilities = self->vtable.capabilities;
    pbase_status status = file_turn_open(&self->turn, self->host, self->blocks,
                                         (capabilities & PBASE_STORAGE_SHARED) != 0, err);
    if (status == PBASE_OK) {
        status = file_super_open(&self->super, self->host, self->blocks, self->turn.is_shared,
                                 !self->turn.is_alone, err);
    }
    if (status == PBASE_OK) {
        status = store_start(self, err);
    }
    if (status == PBASE_OK) {
        status = journal_start(self, config, err);
    }
    if (status == PBASE_OK) {
        status = flusher_start(self, config, err);
    }
    return status == PBASE_OK ? file_turn_start(&self->turn, &self->super, self->journal, err)
                              : status;
}
