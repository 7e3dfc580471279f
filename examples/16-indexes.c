/* 16-indexes.c - secondary indexes: made on what is there, kept by every commit, unique, multikey.
 *
 *     16-indexes        everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

typedef struct {
    int64_t id;
    const char *name;
    const char *city;
    const char *tags[2];
} person;

static pbase_status put_person(pbase_txn *txn, void *state, pbase_error *err)
{
    const person *one = state;
    pbase_value tags[] = {pbase_value_text(one->tags[0]), pbase_value_text(one->tags[1])};
    pbase_field fields[] = {
        {pbase_bytes_text("name"), pbase_value_text(one->name)},
        {pbase_bytes_text("city"), pbase_value_text(one->city)},
        {pbase_bytes_text("tags"), pbase_value_list(tags, 2)},
    };
    pbase_value key = pbase_value_int(one->id), document = pbase_value_map(fields, 3);
    pbase_dict *people = NULL;
    pbase_status status = pbase_txn_dict(txn, "people", &people, err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &people, err);
    }
    if (status == PBASE_OK) {
        status = pbase_dict_put(&people, &key, &document, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "people", people, err);
    }
    pbase_dict_close(people);
    return status;
}

static pbase_status put(pbase_database *database, person one, pbase_error *err)
{
    return pbase_txn_run(database, NULL, NULL, put_person, &one, err);
}

static pbase_status create(pbase_database *database, const char *name, const char *field,
                           bool unique, pbase_error *err)
{
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = unique, .fields = &field, .field_count = 1};
    return pbase_index_create(database, "people", name, &options, NULL, err);
}

static pbase_status show_index(void *state, const pbase_index_info *info, pbase_error *err)
{
    (void)state;
    (void)err;
    printf("%.*s on %.*s: %" PRIu64 " entries%s%s\n", (int)info->name.size,
           (const char *)info->name.data, (int)info->fields[0].size,
           (const char *)info->fields[0].data, info->entries, info->unique ? ", unique" : "",
           info->multikey ? ", multikey" : "");
    return PBASE_OK;
}

static pbase_status show_finding(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *err)
{
    (void)state;
    (void)err;
    printf("%s: %s: %s\n", pbase_status_name(code), place, message);
    return PBASE_OK;
}

static pbase_status show(pbase_database *database, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_index_report report;
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_index_list(snapshot, "people", show_index, NULL, err);
    }
    if (status == PBASE_OK) {
        status =
            pbase_index_check(snapshot, "people", NULL, NULL, show_finding, NULL, &report, err);
    }
    if (status == PBASE_OK) {
        printf("%" PRIu64 " indexes checked, %" PRIu64 " findings\n", report.indexes,
               report.findings);
    }
    pbase_snapshot_close(snapshot);
    return status;
}

static pbase_status run(pbase_database *database, pbase_error *err)
{
    pbase_status status = put(database, (person){1, "Ada", "London", {"maths", "engines"}}, err);
    status = status == PBASE_OK ? create(database, "by_name", "name", true, err) : status;
    status = status == PBASE_OK ? create(database, "by_tag", "tags[*]", false, err) : status;
    if (status == PBASE_OK) {
        status = put(database, (person){2, "Grace", "New York", {"maths", "compilers"}}, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_error why; /* by_name is unique: this one is refused, and nothing of it is there */
    pbase_error_init(&why);
    if (put(database, (person){3, "Ada", "Paris", {"a", "b"}}, &why) == PBASE_EXISTS) {
        printf("refused: %s\n", why.message);
    }
    return show(database, err);
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
    pbase_database_close(database);
    pbase_space_close(space);
    if (status != PBASE_OK) {
        fprintf(stderr, "%s: %s\n", pbase_status_name(status), err.message);
    }
    return status == PBASE_OK ? 0 : 1;
}
