/* 14-objects.c - objects with a class and an id, references between them, many read at once.
 *
 *     14-objects            everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

#define PEOPLE 3
typedef struct {
    pbase_object_id company;
    pbase_object_id people[PEOPLE];
} ids;

static pbase_status create(pbase_txn *txn, void *state, pbase_error *err)
{
    static const char *const names[PEOPLE] = {"ann", "bob", "cleo"};
    ids *made = state;
    pbase_field title = {pbase_bytes_text("title"), pbase_value_text("Trees & Sons")};
    pbase_value company = pbase_value_map(&title, 1);
    pbase_status status = pbase_object_create(txn, "Company", &company, &made->company, err);
    for (size_t i = 0; i < PEOPLE && status == PBASE_OK; i++) {
        pbase_field fields[] = {
            {pbase_bytes_text("name"), pbase_value_text(names[i])},
            {pbase_bytes_text("employer"), pbase_value_reference(made->company)}};
        pbase_value person = pbase_value_map(fields, i == 2 ? 1 : 2); /* cleo has no employer */
        status = pbase_object_create(txn, "Person", &person, &made->people[i], err);
    }
    return status;
}

/* The id stays, whatever becomes of the attributes. */
static pbase_status rename_company(pbase_txn *txn, void *state, pbase_error *err)
{
    const ids *made = state;
    pbase_field title = {pbase_bytes_text("title"), pbase_value_text("Trees & Daughters")};
    pbase_value company = pbase_value_map(&title, 1);
    return pbase_object_put(txn, made->company, &company, err);
}

static void print_text(const char *label, pbase_value value)
{
    if (value.kind == PBASE_STRING) {
        printf("%s %.*s", label, (int)value.as.string.size, (const char *)value.as.string.data);
    } else {
        printf("%s nobody", label);
    }
}

static pbase_status show(pbase_txn *txn, void *state, pbase_error *err)
{
    const ids *made = state;
    pbase_object people[PEOPLE], employer;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_object_get_many(txn, made->people, PEOPLE, &arena, people, err);
    for (size_t i = 0; i < PEOPLE && status == PBASE_OK; i++) {
        print_text("", pbase_object_attribute(&people[i], "name"));
        pbase_value title = pbase_value_null();
        if (pbase_object_attribute(&people[i], "employer").kind != PBASE_NULL) {
            status = pbase_object_follow(txn, &people[i], "employer", &arena, &employer, err);
            title = status == PBASE_OK ? pbase_object_attribute(&employer, "title") : title;
        }
        print_text(" works for", title);
        printf("\n");
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status run(pbase_database *database, pbase_error *err)
{
    ids made;
    pbase_status status = pbase_txn_run(database, NULL, NULL, create, &made, err);
    if (status == PBASE_OK) {
        status = pbase_txn_run(database, NULL, NULL, rename_company, &made, err);
    }
    return status == PBASE_OK ? pbase_txn_run(database, NULL, NULL, show, &made, err) : status;
}

int main(void)
{
    pbase_error err;
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_config_source place = PBASE_CONFIG_SOURCE_INIT;
    place.memory = 1;
    pbase_error_init(&err);
    pbase_status status = pbase_space_open(&place, NULL, &space, &err);
    status = status == PBASE_OK ? pbase_database_ensure(space, "main", &database, &err) : status;
    status = status == PBASE_OK ? run(database, &err) : status;
    if (status != PBASE_OK) {
        fprintf(stderr, "%s\n%s\n", err.message, err.hint);
    }
    pbase_database_close(database);
    pbase_space_close(space);
    return status != PBASE_OK;
}
