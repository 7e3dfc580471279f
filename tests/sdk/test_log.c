/* What reaches the sink of an application. */
#include <protobase/base/log.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

typedef struct {
    unsigned count;
    int32_t level;
    char component[32];
    char message[2000];
} sink;

static void keep(const pbase_log *log, int32_t level, const char *component, pbase_bytes message)
{
    sink *to = (sink *)log->state;
    to->count++;
    to->level = level;
    (void)strncpy(to->component, component, sizeof to->component - 1); /* zeroed before */
    memcpy(to->message, message.data, message.size);
    to->message[message.size] = '\0';
}

static void message_reaches_the_sink_formatted(void **state)
{
    (void)state;
    sink to = {0};
    pbase_log log = {.level_max = PBASE_LOG_INFO, .state = &to, .write = keep};
    pbase_log_write(&log, PBASE_LOG_WARNING, "storage/file", "cut %d bytes at %s", 12, "x");
    assert_int_equal(to.count, 1);
    assert_int_equal(to.level, PBASE_LOG_WARNING);
    assert_string_equal(to.component, "storage/file");
    assert_string_equal(to.message, "cut 12 bytes at x");
}

static void level_above_the_maximum_is_dropped(void **state)
{
    (void)state;
    sink to = {0};
    pbase_log log = {.level_max = PBASE_LOG_ERROR, .state = &to, .write = keep};
    pbase_log_write(&log, PBASE_LOG_WARNING, "c", "not wanted");
    pbase_log_write(&log, PBASE_LOG_ERROR, "c", "wanted");
    pbase_log_write(NULL, PBASE_LOG_ERROR, "c", "nobody listens");
    assert_int_equal(to.count, 1);
    assert_string_equal(to.message, "wanted");
}

static void long_message_is_cut_at_1000_bytes_and_a_border(void **state)
{
    (void)state;
    sink to = {0};
    pbase_log log = {.level_max = PBASE_LOG_DEBUG, .state = &to, .write = keep};
    char text[1500] = "";
    for (size_t i = 0; i + 3 < sizeof text; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 4);
    }
    pbase_log_write(&log, PBASE_LOG_DEBUG, "c", "%s", text);
    assert_int_equal(strlen(to.message), 999);
    assert_memory_equal(to.message, text, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_reaches_the_sink_formatted),
        cmocka_unit_test(level_above_the_maximum_is_dropped),
        cmocka_unit_test(long_message_is_cut_at_1000_bytes_and_a_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
