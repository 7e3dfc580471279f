/* 19-encryption.c - a space on files whose key changes, and what is said when one is missing.
 *
 *     19-encryption         data in ./encryption-data, keys in the environment of this program
 *
 * docs/encryption.md tells where keys come from and what they protect. */
#include <protobase/protobase.h>

#include <stdio.h>
#include <stdlib.h>

#define CONFIGURATION(keys)                                                                        \
    "version: 1\n"                                                                                 \
    "storage:\n"                                                                                   \
    "  type: file\n"                                                                               \
    "  blocks: {type: file, path: ./encryption-data}\n"                                            \
    "codecs: [msgpack, zstd, {type: aes-256-gcm, keys: " keys ", key_env: 'DEMO_KEY_{id}'}]\n"

static pbase_status note(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_value value = pbase_value_text(state);
    return pbase_txn_store_value(txn, "note", &value, err);
}

static void print_note(pbase_database *database)
{
    pbase_arena arena;
    pbase_value value;
    pbase_error err;
    pbase_snapshot *snapshot = NULL;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_error_init(&err);
    pbase_status status = pbase_snapshot_open(database, &snapshot, &err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_value(snapshot, "note", &arena, &value, &err);
    }
    if (status == PBASE_OK) {
        printf("read: %.*s\n", (int)value.as.string.size, (const char *)value.as.string.data);
    } else {
        printf("nothing to read: %s\n", err.message);
    }
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
}

/* Opens the space, reads the note and writes another, unless that is NULL. */
static pbase_status visit(const char *configuration, char *text)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_error err;
    pbase_error_init(&err);
    source.text = configuration;
    pbase_status status = pbase_space_open(&source, NULL, &space, &err);
    if (status == PBASE_OK) {
        status = pbase_database_ensure(space, "main", &database, &err);
    }
    if (status == PBASE_OK) {
        print_note(database);
    }
    if (status == PBASE_OK && text != NULL) {
        status = pbase_txn_run(database, NULL, NULL, note, text, &err);
    }
    if (status != PBASE_OK) {
        printf("%s: %s\n  %s\n", pbase_status_name(status), err.message, err.hint);
    }
    pbase_database_close(database);
    pbase_space_close(space);
    return status;
}

int main(void)
{
    char first[] = "written under k1", second[] = "written under k2";
    /* Only here for the example: real keys come from `openssl rand -hex 32`, and not from a program. */
    if (setenv("DEMO_KEY_K1", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
               1) ||
        setenv("DEMO_KEY_K2", "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
               1)) {
        return 1;
    }
    bool ok = visit(CONFIGURATION("[k1, k2]"), first) == PBASE_OK &&  /* k1 writes */
              visit(CONFIGURATION("[k2, k1]"), second) == PBASE_OK && /* now k2 does */
              visit(CONFIGURATION("[k2, k1]"), NULL) == PBASE_OK;
    return ok && visit(CONFIGURATION("[k2]"), NULL) == PBASE_AUTH ? 0 : 1; /* k1 is missing */
}
