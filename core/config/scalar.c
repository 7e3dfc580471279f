/* scalar.c - numbers, sizes, durations and ranges. */
#include "config/scalar.h"

#define WORD_BYTES 64u

typedef struct {
    const char *name;
    uint64_t factor;
} unit;

static const unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1ull << 10},
    {"MiB", 1ull << 20},
    {"GiB", 1ull << 30},
    {"TiB", 1ull << 40},
};
static const unit duration_units[] = {
    {"ns", 1ull},         {"us", 1000ull},       {"ms", 1000000ull},
    {"s", 1000000000ull}, {"m", 60000000000ull}, {"h", 3600000000000ull},
};

/* Takes decimal digits off `*at`. False: none, or more than fit below `limit`. */
static bool take_digits(const char **at, uint64_t limit, uint64_t *out)
{
    uint64_t value = 0;
    const char *digit = *at;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        uint64_t next = (uint64_t)(*digit - '0');
        if (value > (limit - next) / 10) {
            return false;
        }
        value = value * 10 + next;
    }
    if (digit == *at) {
        return false;
    }
    *at = digit;
    *out = value;
    return true;
}

static bool parse_int(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    const char *at = text + negative;
    uint64_t magnitude;
    if (!take_digits(&at, (uint64_t)INT64_MAX + negative, &magnitude) || *at != '\0') {
        return false;
    }
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static bool parse_with_unit(const char *text, const unit *units, size_t count, int64_t *out)
{
    uint64_t number;
    if (!take_digits(&text, INT64_MAX, &number)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, units[i].name) == 0) {
            if (number > (uint64_t)INT64_MAX / units[i].factor) {
                return false;
            }
            *out = (int64_t)(number * units[i].factor);
            return true;
        }
    }
    return false;
}

/* Digits, at most one point, an exponent. Exact (Clinger, "How to read floating point numbers
 * accurately", 1990, fast path): up to 15 digits and powers of ten up to 22 are exact in a double,
 * so one multiplication or division rounds once. More than that no setting needs. */
static bool parse_float(const char *text, double *out)
{
    double power = 1;
    uint64_t digits = 0;
    int scale = 0;
    int count = 0;
    bool negative = *text == '-';
    bool point = false;
    const char *at = text + negative;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
        } else {
            digits = digits * 10 + (uint64_t)(*at - '0');
            scale -= point;
            if (++count > 15) {
                return false;
            }
        }
    }
    if (count > 0 && (*at == 'e' || *at == 'E')) {
        int64_t exponent;
        at++;
        if (!parse_int(at + (*at == '+'), &exponent) || exponent < -22 || exponent > 22) {
            return false;
        }
        scale += (int)exponent;
        at = "";
    }
    if (count == 0 || *at != '\0' || scale < -22 || scale > 22) {
        return false;
    }
    for (int i = 0; i < (scale < 0 ? -scale : scale); i++) {
        power *= 10;
    }
    double value = scale < 0 ? (double)digits / power : (double)digits * power;
    *out = negative ? -value : value;
    return true;
}

static bool parse_bool(const char *text, bool *out)
{
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) {
        return false;
    }
    *out = is_true;
    return true;
}

bool scalar_parse(uint32_t type, const char *text, scalar_value *out)
{
    scalar_value value = {false, 0, 0};
    bool ok = true;
    switch (type) {
    case PBASE_OPTION_BOOL:
        ok = parse_bool(text, &value.boolean);
        break;
    case PBASE_OPTION_INT:
        ok = parse_int(text, &value.integer);
        break;
    case PBASE_OPTION_FLOAT:
        ok = parse_float(text, &value.number);
        break;
    case PBASE_OPTION_SIZE:
        ok = parse_with_unit(text, size_units, sizeof(size_units) / sizeof(size_units[0]),
                             &value.integer);
        break;
    case PBASE_OPTION_DURATION:
        ok = parse_with_unit(text, duration_units,
                             sizeof(duration_units) / sizeof(duration_units[0]), &value.integer);
        break;
    default:
        break;
    }
    if (ok) {
        *out = value;
    }
    return ok;
}

const char *scalar_expected(uint32_t type)
{
    switch (type) {
    case PBASE_OPTION_BOOL:
        return "true or false";
    case PBASE_OPTION_INT:
        return "a whole number";
    case PBASE_OPTION_FLOAT:
        return "a number of at most 15 digits";
    case PBASE_OPTION_SIZE:
        return "a size such as 4096, 64KiB, 64MiB or 1GiB";
    case PBASE_OPTION_DURATION:
        return "a duration such as 250ms, 5s, 10m or 1h";
    default:
        return "text";
    }
}

const char *scalar_type_name(uint32_t type)
{
    static const char *const names[] = {"unknown", "bool", "int",      "float", "string",
                                        "enum",    "size", "duration", "path",  "list"};
    return names[type < sizeof(names) / sizeof(names[0]) ? type : 0];
}

/* --------------------------------------------------------------------------------- ranges --- */
/* Copies what lies from `from` to `to`; too long is cut. */
static void copy_word(char word[WORD_BYTES], const char *from, const char *to)
{
    size_t length = (size_t)(to - from);
    if (length >= WORD_BYTES) {
        length = WORD_BYTES - 1;
    }
    memcpy(word, from, length);
    word[length] = '\0';
}

void scalar_enum_words(const char *range, void (*each)(void *state, const char *word), void *state)
{
    char word[WORD_BYTES];
    for (const char *at = range;; at++) {
        const char *end = at + strcspn(at, "|");
        copy_word(word, at, end);
        each(state, word);
        if (*end == '\0') {
            return;
        }
        at = end;
    }
}

typedef struct {
    const char *text;
    bool found;
    bool empty; /* some word is "" */
} enum_search;

static void enum_search_word(void *state, const char *word)
{
    enum_search *search = state;
    search->found = search->found || strcmp(word, search->text) == 0;
    search->empty = search->empty || word[0] == '\0';
}

typedef struct {
    bool has_low;
    bool has_high;
    scalar_value low;
    scalar_value high;
} bounds;

/* Splits "low..high". False when it is not one. */
static bool parse_bounds(uint32_t type, const char *range, bounds *out)
{
    const char *dots = strstr(range, "..");
    if (dots == NULL) {
        return false;
    }
    char low[WORD_BYTES];
    copy_word(low, range, dots);
    memset(out, 0, sizeof(*out));
    out->has_low = low[0] != '\0';
    out->has_high = dots[2] != '\0';
    return (!out->has_low || scalar_parse(type, low, &out->low)) &&
           (!out->has_high || scalar_parse(type, dots + 2, &out->high));
}

static bool is_ordered(uint32_t type)
{
    return type == PBASE_OPTION_INT || type == PBASE_OPTION_FLOAT || type == PBASE_OPTION_SIZE ||
           type == PBASE_OPTION_DURATION;
}

static bool below(uint32_t type, const scalar_value *a, const scalar_value *b)
{
    return type == PBASE_OPTION_FLOAT ? a->number < b->number : a->integer < b->integer;
}

bool scalar_in_range(uint32_t type, const char *range, const char *text, const scalar_value *value)
{
    if (range == NULL) {
        return true;
    }
    if (type == PBASE_OPTION_ENUM) {
        enum_search search = {text, false, false};
        scalar_enum_words(range, enum_search_word, &search);
        return search.found;
    }
    bounds limits;
    if (!is_ordered(type) || !parse_bounds(type, range, &limits)) {
        return true;
    }
    return !(limits.has_low && below(type, value, &limits.low)) &&
           !(limits.has_high && below(type, &limits.high, value));
}

bool scalar_range_valid(uint32_t type, const char *range)
{
    if (type == PBASE_OPTION_ENUM) {
        enum_search search = {"", false, false};
        if (range != NULL) {
            scalar_enum_words(range, enum_search_word, &search);
        }
        return range != NULL && !search.empty;
    }
    if (range == NULL) {
        return true;
    }
    bounds limits;
    return is_ordered(type) && parse_bounds(type, range, &limits) &&
           !(limits.has_low && limits.has_high && below(type, &limits.high, &limits.low));
}
