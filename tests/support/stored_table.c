/* stored_table.c - asks the newest state. */
#include "stored_table.h"

#include "space/space_private.h"
#include "txn/catalog.h"

typedef struct {
    pbase_bytes name;
    uint64_t offset;
} wanted_table;

static pbase_status look(void *state, const catalog_entry *entry, pbase_error *err)
{
    wanted_table *self = state;
    (void)err;
    if (pbase_bytes_equal(entry->name, self->name) && atom_ref_is_stored(entry->collections)) {
        self->offset = pbase_atom_pointer_offset(atom_ref_pointer(entry->collections));
    }
    return PBASE_OK;
}

uint64_t stored_table_offset(pbase_space *space, const char *database)
{
    wanted_table wanted = {.name = pbase_bytes_text(database)};
    space_state *state = engine_state(space->engine);
    pbase_status status = catalog_databases(state, look, &wanted, NULL);
    space_state_unref(state);
    return status == PBASE_OK ? wanted.offset : 0;
}
