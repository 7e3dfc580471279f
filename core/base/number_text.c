/* number_text.c - strtod and snprintf, with the locale's decimal point replaced by ours. */
#include "base/number_text.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static char decimal_point(void)
{
    const struct lconv *locale = localeconv();
    return locale->decimal_point[0] != '\0' ? locale->decimal_point[0] : '.';
}

static void point_replace(char *text, char from, char to)
{
    char *at = strchr(text, from);
    if (at != NULL) {
        *at = to;
    }
}

void number_text_format(double real, char out[NUMBER_TEXT_BYTES])
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, NUMBER_TEXT_BYTES, "%.*g", digits, real); /* 24 bytes at most */
        if (strtod(out, NULL) == real) {
            break;
        }
    }
    point_replace(out, decimal_point(), '.');
    if (strpbrk(out, ".e") == NULL) {
        memcpy(out + strlen(out), ".0", sizeof ".0");
    }
}

double number_text_parse(pbase_bytes text)
{
    char copy[NUMBER_TEXT_BYTES_MAX + 1];
    PBASE_ASSERT(text.size <= NUMBER_TEXT_BYTES_MAX);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    point_replace(copy, '.', decimal_point());
    return strtod(copy, NULL);
}
