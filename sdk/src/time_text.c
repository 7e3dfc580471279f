/* time_text.c - timestamps as RFC 3339 text.
 *
 * Days are turned to dates and back by the algorithms days_from_civil and civil_from_days of Howard
 * Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013): years begin in March, so that the
 * leap day is the last, and 400 years are an era of 146,097 days. Nothing here asks the time zone
 * or the locale. */
#include <inttypes.h>
#include <protobase/base/value.h>
#include <stdio.h>

#define NS_PER_SECOND 1000000000
#define SECONDS_PER_DAY 86400
#define DAYS_PER_ERA 146097
#define DAYS_BEFORE_1970 719468 /* from 0000-03-01 */
#define FRACTION_DIGITS_MAX 9u
#define QUOTED_BYTES_MAX 40u

typedef struct {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
} date;

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_from_date(date d)
{
    int64_t year = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = d.month > 2 ? d.month - 3 : d.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + d.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_1970;
}

static date date_from_days(int64_t days)
{
    days += DAYS_BEFORE_1970;
    int64_t era = floor_divide(days, DAYS_PER_ERA);
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    date d;
    d.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    d.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    d.year = year_of_era + era * 400 + (d.month <= 2);
    return d;
}

void pbase_time_format(int64_t time_ns, char out[PBASE_TIME_TEXT_BYTES])
{
    int64_t seconds = floor_divide(time_ns, NS_PER_SECOND);
    int64_t fraction = time_ns % NS_PER_SECOND;
    fraction += fraction < 0 ? NS_PER_SECOND : 0;
    int64_t days = floor_divide(seconds, SECONDS_PER_DAY);
    int64_t of_day = seconds - days * SECONDS_PER_DAY;
    date d = date_from_days(days);
    int size =
        snprintf(out, PBASE_TIME_TEXT_BYTES,
                 "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64
                 ".%09" PRId64,
                 d.year, d.month, d.day, of_day / 3600, of_day / 60 % 60, of_day % 60, fraction);
    while (out[size - 1] == '0') {
        size--;
    }
    size -= out[size - 1] == '.';
    out[size] = 'Z';
    out[size + 1] = '\0';
}

/* ----------------------------------------------------------------------------------- parsing --- */

typedef struct {
    pbase_bytes text;
    size_t at;
} scanner;

/* Names what was expected at the place where the scanner stands. */
static pbase_status expected(const scanner *s, const char *what, pbase_error *err)
{
    size_t shown = s->text.size > QUOTED_BYTES_MAX ? QUOTED_BYTES_MAX : s->text.size;
    pbase_status status =
        PBASE_FAIL(err, PBASE_INVALID, "timestamp '%.*s': expected %s at byte %zu", (int)shown,
                   shown == 0 ? "" : (const char *)s->text.data, what, s->at);
    pbase_error_hint(err, "write it as 2026-01-31T23:59:59.123456789Z, or with an offset +02:00");
    return status;
}

static bool take(scanner *s, char wanted)
{
    if (s->at < s->text.size && s->text.data[s->at] == (uint8_t)wanted) {
        s->at++;
        return true;
    }
    return false;
}

static bool take_digit(scanner *s, int64_t *digit)
{
    if (s->at < s->text.size && s->text.data[s->at] >= '0' && s->text.data[s->at] <= '9') {
        *digit = s->text.data[s->at] - '0';
        s->at++;
        return true;
    }
    return false;
}

/* Exactly `digits` digits with a value from `low` to `high`; on failure stays where it was. */
static bool take_number(scanner *s, unsigned digits, int64_t low, int64_t high, int64_t *out)
{
    size_t start = s->at;
    int64_t value = 0;
    int64_t digit = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (!take_digit(s, &digit)) {
            s->at = start;
            return false;
        }
        value = value * 10 + digit;
    }
    if (value < low || value > high) {
        s->at = start;
        return false;
    }
    *out = value;
    return true;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

static pbase_status parse_date(scanner *s, date *out, pbase_error *err)
{
    if (!take_number(s, 4, 0, 9999, &out->year)) {
        return expected(s, "a year of four digits", err);
    }
    if (!take(s, '-')) {
        return expected(s, "'-'", err);
    }
    if (!take_number(s, 2, 1, 12, &out->month)) {
        return expected(s, "a month 01..12", err);
    }
    if (!take(s, '-')) {
        return expected(s, "'-'", err);
    }
    if (!take_number(s, 2, 1, days_of_month(out->year, out->month), &out->day)) {
        return expected(s, "a day of that month", err);
    }
    return PBASE_OK;
}

/* Seconds of the day; second 60 is a leap second, counted as the first of the next minute. */
static pbase_status parse_time(scanner *s, int64_t *out_seconds, bool *out_is_leap,
                               pbase_error *err)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    if (!take_number(s, 2, 0, 23, &hour)) {
        return expected(s, "an hour 00..23", err);
    }
    if (!take(s, ':')) {
        return expected(s, "':'", err);
    }
    if (!take_number(s, 2, 0, 59, &minute)) {
        return expected(s, "a minute 00..59", err);
    }
    if (!take(s, ':')) {
        return expected(s, "':'", err);
    }
    if (!take_number(s, 2, 0, 60, &second)) {
        return expected(s, "a second 00..60", err);
    }
    *out_seconds = hour * 3600 + minute * 60 + second;
    *out_is_leap = second == 60;
    return PBASE_OK;
}

static pbase_status parse_fraction(scanner *s, int64_t *out_ns, pbase_error *err)
{
    *out_ns = 0;
    if (!take(s, '.')) {
        return PBASE_OK;
    }
    unsigned digits = 0;
    int64_t digit = 0;
    while (digits < FRACTION_DIGITS_MAX && take_digit(s, &digit)) {
        *out_ns = *out_ns * 10 + digit;
        digits++;
    }
    if (digits == 0) {
        return expected(s, "a digit", err);
    }
    if (take_digit(s, &digit)) {
        s->at--;
        return expected(s, "no more than nine digits of fraction", err);
    }
    for (; digits < FRACTION_DIGITS_MAX; digits++) {
        *out_ns *= 10;
    }
    return PBASE_OK;
}

static pbase_status parse_offset(scanner *s, int64_t *out_seconds, pbase_error *err)
{
    *out_seconds = 0;
    if (take(s, 'Z') || take(s, 'z')) {
        return PBASE_OK;
    }
    int64_t sign = take(s, '-') ? -1 : 1;
    if (sign > 0 && !take(s, '+')) {
        return expected(s, "'Z' or an offset", err);
    }
    int64_t hours = 0;
    int64_t minutes = 0;
    if (!take_number(s, 2, 0, 23, &hours) || !take(s, ':') || !take_number(s, 2, 0, 59, &minutes)) {
        return expected(s, "an offset of the form +hh:mm", err);
    }
    *out_seconds = sign * (hours * 3600 + minutes * 60);
    return PBASE_OK;
}

/* False when the sum does not fit. The earliest instants need the fraction taken from above. */
static bool join(int64_t seconds, int64_t fraction_ns, int64_t *out_ns)
{
    if (seconds < 0 && fraction_ns > 0) {
        seconds++;
        fraction_ns -= NS_PER_SECOND;
    }
    int64_t ns = 0;
    return !__builtin_mul_overflow(seconds, (int64_t)NS_PER_SECOND, &ns) &&
           !__builtin_add_overflow(ns, fraction_ns, out_ns);
}

/* The parts in the order of the text. `out_seconds` are of UTC since 1970. */
static pbase_status parse_parts(scanner *s, int64_t *out_seconds, int64_t *out_fraction_ns,
                                pbase_error *err)
{
    date d = {0, 0, 0};
    int64_t of_day = 0;
    int64_t offset = 0;
    bool is_leap_second = false;
    pbase_status status = parse_date(s, &d, err);
    if (status == PBASE_OK && !take(s, 'T') && !take(s, 't') && !take(s, ' ')) {
        status = expected(s, "'T'", err);
    }
    if (status == PBASE_OK) {
        status = parse_time(s, &of_day, &is_leap_second, err);
    }
    if (status == PBASE_OK) {
        status = parse_fraction(s, out_fraction_ns, err);
    }
    if (status == PBASE_OK) {
        status = parse_offset(s, &offset, err);
    }
    if (status == PBASE_OK && s->at != s->text.size) {
        status = expected(s, "the end", err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    *out_seconds = days_from_date(d) * SECONDS_PER_DAY + of_day - offset;
    if (is_leap_second && *out_seconds % SECONDS_PER_DAY != 0) {
        s->at = 17; /* of the seconds */
        return expected(s, "a second 00..59 (60 only at 23:59 UTC)", err);
    }
    return PBASE_OK;
}

pbase_status pbase_time_parse(pbase_bytes text, int64_t *out_ns, pbase_error *err)
{
    scanner s = {text, 0};
    int64_t seconds = 0;
    int64_t fraction_ns = 0;
    int64_t ns = 0;
    pbase_status status = parse_parts(&s, &seconds, &fraction_ns, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!join(seconds, fraction_ns, &ns)) {
        return PBASE_FAIL(err, PBASE_LIMIT,
                          "timestamp '%.*s' is outside 1677-09-21T00:12:43.145224192Z to "
                          "2262-04-11T23:47:16.854775807Z",
                          (int)text.size, (const char *)text.data);
    }
    *out_ns = ns;
    return PBASE_OK;
}
