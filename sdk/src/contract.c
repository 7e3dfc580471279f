/* contract.c - checks of tables and statuses that all contracts share. */
#include "contract.h"

static uint32_t table_size(const void *table)
{
    uint32_t size;
    memcpy(&size, table, sizeof size);
    return size;
}

bool contract_has(const void *table, size_t offset)
{
    void *slot;
    if (table_size(table) < offset + sizeof slot) {
        return false;
    }
    memcpy(&slot, (const uint8_t *)table + offset, sizeof slot);
    return slot != NULL;
}

pbase_status contract_check_required(const void *table, const char *what,
                                     const contract_slot *required, size_t count, pbase_error *err)
{
    if (table == NULL) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "the table %s is missing", what);
    }
    for (size_t i = 0; i < count; i++) {
        if (!contract_has(table, required[i].offset)) {
            return PBASE_FAIL(err, PBASE_PLUGIN, "the table %s (%u bytes) lacks the slot '%s'",
                              what, (unsigned)table_size(table), required[i].name);
        }
    }
    return PBASE_OK;
}

pbase_status contract_check_options(const void *table, const char *what, uint32_t capabilities,
                                    const contract_option *options, size_t count, pbase_error *err)
{
    for (size_t i = 0; i < count; i++) {
        bool is_promised = (capabilities & options[i].capability) != 0;
        if (contract_has(table, options[i].slot.offset) != is_promised) {
            return PBASE_FAIL(err, PBASE_PLUGIN,
                              "the table %s %s the slot '%s', but %s the capability %s", what,
                              is_promised ? "lacks" : "has", options[i].slot.name,
                              is_promised ? "has" : "lacks", options[i].capability_name);
        }
    }
    return PBASE_OK;
}

static bool is_error_code(pbase_status status)
{
    return status == PBASE_INTERNAL || strcmp(pbase_status_name(status), "INTERNAL") != 0;
}

pbase_status contract_result_or_end(pbase_status status, const char *slot, pbase_error *err)
{
    if (status == PBASE_OK || status == PBASE_END) {
        return status;
    }
    if (!is_error_code(status)) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "%s broke its contract: it answered with status %d",
                          slot, (int)status);
    }
    if (err != NULL && err->code == PBASE_OK) {
        return PBASE_FAIL(err, status, "%s failed and did not say why", slot);
    }
    if (err != NULL) {
        err->code = status; /* what was returned counts */
    }
    return status;
}

pbase_status contract_result(pbase_status status, const char *slot, pbase_error *err)
{
    if (status == PBASE_END) {
        return CONTRACT_BROKEN(err, slot, "END is not an answer of it");
    }
    return contract_result_or_end(status, slot, err);
}
