/* json_form.h - the one-field maps that stand for values JSON lacks.
 *
 * A map whose only field has one of these names is such a form, however it was meant; a user's map
 * that looks like one is written as {"$map": {...}}. Any other "$" name is an ordinary field. */
#ifndef PBASE_JSON_FORM_H
#define PBASE_JSON_FORM_H
#include <protobase/base/value.h>

typedef enum {
    JSON_FORM_NONE,
    JSON_FORM_BYTES,      /* {"$bytes": base64} */
    JSON_FORM_TIME,       /* {"$time": RFC 3339} */
    JSON_FORM_FLOAT,      /* {"$float": "nan" | "inf" | "-inf"} */
    JSON_FORM_VECTOR,     /* {"$vec": [number, ...]} */
    JSON_FORM_REFERENCE,  /* {"$ref": 32 hexadecimal digits} */
    JSON_FORM_CHILD,      /* {"$child": n} */
    JSON_FORM_MAP,        /* {"$map": {...}}: the inner map, as it is */
    JSON_FORM_OBJECT,     /* {"$object": ...}: reserved */
    JSON_FORM_COLLECTION, /* {"$collection": ...}: reserved */
} json_form;

json_form json_form_of(pbase_bytes name);

#endif
