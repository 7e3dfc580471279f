/* 13-nesting.c - collections inside documents and inside one another.
 *
 *     13-nesting            everything in memory, gone at the end */
#include <protobase/protobase.h>

#include <inttypes.h>
#include <stdio.h>

/* A document with a set inside: {"name": ..., "tags": the set}. */
static pbase_status put_person(pbase_txn *txn, pbase_dict **people, const char *name,
                               const char *tag, pbase_error *err)
{
    pbase_set *tags = NULL;
    pbase_value key = pbase_value_text(name), element = pbase_value_text(tag);
    pbase_status status = pbase_txn_new_set(txn, &tags, err);
    if (status == PBASE_OK) {
        status = pbase_set_add(&tags, &element, NULL, err);
    }
    if (status == PBASE_OK) {
        pbase_field fields[] = {{pbase_bytes_text("name"), key},
                                {pbase_bytes_text("tags"), pbase_value_of_set(tags)}};
        pbase_value person = pbase_value_map(fields, 2);
        status = pbase_dict_put(people, &key, &person, NULL, err);
    }
    pbase_set_close(tags);
    return status;
}

static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_dict *people = NULL;
    (void)state;
    pbase_status status = pbase_txn_new_dict(txn, &people, err);
    if (status == PBASE_OK) {
        status = put_person(txn, &people, "ann", "red", err);
    }
    if (status == PBASE_OK) {
        status = put_person(txn, &people, "bob", "blue", err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, "people", people, err);
    }
    pbase_dict_close(people);
    return status;
}

/* One change deep inside: the set alone is written, so it merges with other changes around it. */
static pbase_status add_tag(pbase_txn *txn, void *tag, pbase_error *err)
{
    pbase_value path[] = {pbase_value_text("ann"), pbase_value_text("tags")};
    pbase_value element = pbase_value_text(tag);
    pbase_collection *found = NULL;
    pbase_status status = pbase_txn_at(txn, "people", path, 2, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_set *tags = pbase_collection_set(found);
    if (tags == NULL) {
        status = PBASE_FAIL(err, PBASE_INVALID, "ann's tags are no set");
    }
    if (status == PBASE_OK) {
        status = pbase_set_add(&tags, &element, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_at(txn, "people", path, 2, pbase_set_as_collection(tags), err);
    }
    pbase_collection_close(found);
    return status;
}

/* Dictionaries of lists of dictionaries: each step makes one level. */
static pbase_status build_deep(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_value path[] = {pbase_value_int(2026), pbase_value_text("november"),
                          pbase_value_text("days"), pbase_value_text("26"),
                          pbase_value_text("hours")};
    pbase_status status = PBASE_OK;
    (void)state;
    for (size_t depth = 0; depth <= sizeof path / sizeof path[0] && status == PBASE_OK; depth++) {
        pbase_dict *level = NULL;
        status = pbase_txn_new_dict(txn, &level, err);
        if (status == PBASE_OK) {
            status = pbase_txn_store_at(txn, "calendar", path, depth,
                                        pbase_dict_as_collection(level), err);
        }
        pbase_dict_close(level);
    }
    return status;
}

static pbase_status show_tags(pbase_snapshot *snapshot, pbase_error *err)
{
    pbase_value path[] = {pbase_value_text("ann"), pbase_value_text("tags")}, tag;
    pbase_collection *tags = NULL;
    pbase_cursor *cursor = NULL;
    pbase_status status = pbase_snapshot_at(snapshot, "people", path, 2, &tags, err);
    if (status == PBASE_OK) {
        status = pbase_collection_cursor(tags, &cursor, err);
    }
    printf("ann:");
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
        if (status == PBASE_OK) {
            status = pbase_cursor_value(cursor, &tag, err);
        }
        if (status == PBASE_OK) {
            printf(" %.*s", (int)tag.as.string.size, (const char *)tag.as.string.data);
        }
    }
    printf("\n");
    pbase_cursor_close(cursor);
    pbase_collection_close(tags);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status show_depth(pbase_snapshot *snapshot, pbase_error *err)
{
    pbase_value path[] = {pbase_value_int(2026), pbase_value_text("november"),
                          pbase_value_text("days"), pbase_value_text("26"),
                          pbase_value_text("hours")};
    pbase_collection *hours = NULL;
    pbase_status status = pbase_snapshot_at(snapshot, "calendar", path, 5, &hours, err);
    if (status == PBASE_OK) {
        printf("six levels down: a %s\n", pbase_collection_kind_name(pbase_collection_kind(hours)));
    }
    pbase_collection_close(hours);
    return status;
}

/* The other way round: who has which tag. */
static pbase_status show_who(pbase_snapshot *snapshot, pbase_error *err)
{
    static const char text[] = "from people | unnest tags as tag | order by tag | select tag, name";
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_status status = pbase_query_parse(NULL, pbase_bytes_text(text), &query, err);
    if (status == PBASE_OK) {
        status = pbase_query_run(query, snapshot, NULL, &result, err);
    }
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, err);
        if (status == PBASE_OK) {
            const pbase_value *tag = pbase_value_field(&row, pbase_bytes_text("tag"));
            const pbase_value *name = pbase_value_field(&row, pbase_bytes_text("name"));
            printf("%.*s: %.*s\n", (int)tag->as.string.size, (const char *)tag->as.string.data,
                   (int)name->as.string.size, (const char *)name->as.string.data);
        }
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status run(pbase_database *database, pbase_error *err)
{
    char green[] = "green";
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_txn_run(database, NULL, NULL, fill, NULL, err);
    if (status == PBASE_OK) {
        status = pbase_txn_run(database, NULL, NULL, add_tag, green, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_run(database, NULL, NULL, build_deep, NULL, err);
    }
    if (status == PBASE_OK) {
        status = pbase_snapshot_open(database, &snapshot, err);
    }
    if (status == PBASE_OK) {
        status = show_tags(snapshot, err);
    }
    if (status == PBASE_OK) {
        status = show_depth(snapshot, err);
    }
    if (status == PBASE_OK) {
        status = show_who(snapshot, err);
    }
    pbase_snapshot_close(snapshot);
    return status;
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
