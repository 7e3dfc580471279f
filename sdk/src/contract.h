/* contract.h - what the checked calls of all contracts share: tables with required and optional
 * slots, and statuses that keep to the rules.
 *
 * Every table begins with a uint32_t struct_size; slots are pointers. A slot is named by its text
 * and its offset, so that one function checks every table. */
#ifndef PBASE_SDK_CONTRACT_H
#define PBASE_SDK_CONTRACT_H
#include <protobase/base/bytes.h>

typedef struct {
    const char *name;
    size_t offset;
} contract_slot;
#define CONTRACT_SLOT(type, slot)                                                                  \
    {                                                                                              \
#slot, offsetof(type, slot)                                                                \
    }

/* Slots in an array of them. */
#define CONTRACT_COUNT(slots) (sizeof(slots) / sizeof((slots)[0]))

/* A slot (or two that belong together) that is there exactly when a capability bit is set. */
typedef struct {
    uint32_t capability;
    const char *capability_name;
    contract_slot slot;
} contract_option;

/* True when the table, as its author compiled it, has a slot at `offset` and fills it. */
bool contract_has(const void *table, size_t offset);
/* PLUGIN unless `table` is there and has each of the `count` slots. `what` names it: "storage.meta". */
pbase_status contract_check_required(const void *table, const char *what,
                                     const contract_slot *required, size_t count, pbase_error *err);
/* PLUGIN unless each option's slot and capability bit agree. */
pbase_status contract_check_options(const void *table, const char *what, uint32_t capabilities,
                                    const contract_option *options, size_t count, pbase_error *err);

/* Passes on the failure of a slot; OK stays OK. PLUGIN when `status` is no error code. An `err` that
 * was not filled says so, one with another code gets this one. */
pbase_status contract_result(pbase_status status, const char *slot, pbase_error *err);
/* The same for a slot that may also answer END. */
pbase_status contract_result_or_end(pbase_status status, const char *slot, pbase_error *err);

/* Fills `err`: the implementation broke `rule` in `slot`. Yields PBASE_PLUGIN. */
#define CONTRACT_BROKEN(err, slot, rule)                                                           \
    PBASE_FAIL((err), PBASE_PLUGIN, "%s broke its contract: %s", (slot), (rule))
/* Fills `err`: an optional slot is absent. Yields PBASE_UNSUPPORTED. */
#define CONTRACT_ABSENT(err, slot)                                                                 \
    PBASE_FAIL((err), PBASE_UNSUPPORTED, "%s is not offered by this component", (slot))

#endif
