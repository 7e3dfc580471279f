/* json_form.c - the names of the forms. */
#include "json_form.h"

json_form json_form_of(pbase_bytes name)
{
    static const struct {
        const char *name;
        json_form form;
    } forms[] = {
        {"$bytes", JSON_FORM_BYTES},
        {"$time", JSON_FORM_TIME},
        {"$float", JSON_FORM_FLOAT},
        {"$vec", JSON_FORM_VECTOR},
        {"$ref", JSON_FORM_REFERENCE},
        {"$child", JSON_FORM_CHILD},
        {"$map", JSON_FORM_MAP},
        {"$object", JSON_FORM_OBJECT},
        {"$collection", JSON_FORM_COLLECTION},
    };
    if (name.size == 0 || name.data[0] != '$') {
        return JSON_FORM_NONE;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(forms[i].name))) {
            return forms[i].form;
        }
    }
    return JSON_FORM_NONE;
}
