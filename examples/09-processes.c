/* 09-processes.c - three processes add to one number in one space, and none of them loses a step.
 *
 * A space is opened after fork, by each process for itself. A transaction that loses against another
 * process is run again by pbase_txn_run, like one that loses against another thread. */
#include <inttypes.h>
#include <protobase/protobase.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 3
#define STEPS 100

static int64_t number_of(pbase_status status, const pbase_value *value)
{
    return status == PBASE_OK ? value->as.integer : 0;
}

static pbase_status add_one(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_arena *arena = state;
    pbase_value value;
    pbase_arena_reset(arena);
    pbase_status status = pbase_txn_value(txn, "number", arena, &value, err);
    if (status != PBASE_OK && status != PBASE_NOT_FOUND) {
        return status;
    }
    value = pbase_value_int(number_of(status, &value) + 1);
    return pbase_txn_store_value(txn, "number", &value, err);
}

static pbase_status open_main(const char *folder, pbase_space **out_space, pbase_database **out,
                              pbase_error *err)
{
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.data = folder;
    pbase_status status = pbase_space_open(&place, NULL, out_space, err);
    return status == PBASE_OK ? pbase_database_ensure(*out_space, "main", out, err) : status;
}

static int work(const char *folder)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_arena arena;
    pbase_txn_options options = pbase_txn_options_default();
    options.retries_max = 10000; /* everybody writes the same root */
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = open_main(folder, &space, &database, &err);
    for (int i = 0; i < STEPS && status == PBASE_OK; i++) {
        status = pbase_txn_run(database, &options, NULL, add_one, &arena, &err);
    }
    if (status != PBASE_OK) {
        fprintf(stderr, "process %ld: %s\n", (long)getpid(), err.message);
    }
    pbase_arena_fini(&arena);
    pbase_database_close(database);
    pbase_space_close(space);
    return status == PBASE_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "processes-data";
    pid_t children[PROCESSES];
    int failed = 0;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(work(folder));
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        (void)waitpid(children[i], &status, 0);
        failed += status != 0;
    }

    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_arena arena;
    pbase_value value = pbase_value_int(0);
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = open_main(folder, &space, &database, &err);
    status = status == PBASE_OK ? pbase_snapshot_open(database, &snapshot, &err) : status;
    status = status == PBASE_OK ? pbase_snapshot_value(snapshot, "number", &arena, &value, &err)
                                : status;
    printf("%d processes, %d steps each: %" PRId64 "\n", PROCESSES, STEPS,
           number_of(status, &value));
    pbase_snapshot_close(snapshot);
    pbase_database_close(database);
    pbase_space_close(space);
    pbase_arena_fini(&arena);
    return status == PBASE_OK && failed == 0 ? 0 : 1;
}
