/* dump_reader.h - the lines of a dump, each checked as far as it can be alone.
 *
 * Threads: confined. */
#ifndef PBASE_CLI_DUMP_READER_H
#define PBASE_CLI_DUMP_READER_H
#include "dump_sum.h"
#include "rows.h"

typedef enum {
    DUMP_HEADER,       /* {"dump": "protobase", "version": 1} */
    DUMP_DATABASE,     /* {"database": NAME} */
    DUMP_ROOT,         /* {"root": NAME, "kind": KIND} */
    DUMP_ENTRY,        /* {"value": V}, {"key": K, "value": V} or {"value": V, "count": N} */
    DUMP_CHILD,        /* {"child": N, "kind": KIND}: a collection in the entry before */
    DUMP_CHILD_END,    /* {"end": "child"} */
    DUMP_OBJECT,       /* {"object": ID, "class": NAME, "value": V} */
    DUMP_ROOT_END,     /* {"end": "root", "entries": N, "xxh3": SUM} */
    DUMP_INDEX,        /* {"index": NAME, "root": NAME, "fields": [PATH, ...], "unique": BOOL} */
    DUMP_DATABASE_END, /* {"end": "database", "roots": N, "indexes": N} */
    DUMP_END           /* {"end": "dump", "databases": N} */
} dump_line_kind;

typedef struct {
    dump_line_kind kind;
    const char *name;    /* of DATABASE, ROOT and INDEX; NUL-ended, in the arena */
    const char *root;    /* of INDEX */
    const char **fields; /* likewise */
    size_t field_count;
    bool is_unique;
    uint64_t indexes;         /* of DATABASE_END */
    pbase_bytes collection;   /* of ROOT and CHILD: its kind, as text */
    pbase_object_id id;       /* of OBJECT; `name` is its class */
    const pbase_value *key;   /* of ENTRY; NULL: it has none */
    const pbase_value *value; /* of ENTRY */
    const pbase_value *times; /* of ENTRY: its count; NULL: it has none */
    uint64_t count;           /* of the ends; of CHILD its number */
    pbase_bytes sum;          /* of ROOT_END */
    pbase_bytes text;         /* the line without its end; lent until the next */
} dump_line;

typedef struct {
    cli *run;
    rows *input;
    pbase_arena arena; /* of one line */
    uint64_t line;     /* of the last one */
} dump_reader;

void dump_reader_init(dump_reader *self, cli *run, rows *input);
void dump_reader_fini(dump_reader *self);
/* END at the end of the file. INVALID with its place: not a line of a dump. FORMAT: made by a newer
 * release. What `out` points to is lent until the next call. */
PBASE_MUST_CHECK pbase_status dump_reader_next(dump_reader *self, dump_line *out, pbase_error *err);
/* Refuses the last line at a column of it: fills err->where. */
pbase_status dump_reader_refuse(const dump_reader *self, pbase_status code, pbase_error *err,
                                const char *format, ...) PBASE_PRINTF(4, 5);

#endif
