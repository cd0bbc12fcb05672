/* Where the log is: what such an address may look like. */
#include "server/lifecycle/log_address.h"
#include "tests/unit/unit.h"

static void brokers_and_topic_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *text, *brokers, *topic;
    } good[] = {
        {"", "", ""},
        {"kafka://h:9092/t", "h:9092", "t"},
        {"kafka://h1:9092,h2:9093,10.0.0.1:1/harrier-log", "h1:9092,h2:9093,10.0.0.1:1",
         "harrier-log"},
        {"kafka://[::1]:9092/A.b_c-9", "[::1]:9092", "A.b_c-9"},
        {"kafka://h:9092/...", "h:9092", "..."},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct log_address address = {.brokers = "before", .topic = "before"};
        struct error error;
        if (log_address_parse(good[i].text, &address, &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(address.brokers, good[i].brokers);
        assert_string_equal(address.topic, good[i].topic);
    }
}

static void expect_refused(const char *text, enum error_code code, const char *word) {
    struct log_address address;
    struct error error = {0};
    int r = log_address_parse(text, &address, &error);
    if (r != -(int)code || !strstr(error.text, word) || strncmp(error.text, "log: ", 5) != 0)
        fail_msg("\"%s\": %d %s", text, r, error.text);
}

static void other_forms_are_refused(void **state) {
    (void)state;
    static const char *const schemes[] = {"h:9092/t",          "http://h:9092/t",
                                          "kafka:/h:9092/t",   "KAFKA://h:9092/t",
                                          " kafka://h:9092/t", "/t"};
    static const char *const forms[] = {"kafka://", "kafka://h:9092", "kafka:///t", "kafka://,h"};
    static const char *const topics[] = {
        "kafka://h:9092/",     "kafka://h:9092/a/b", "kafka://h:9092/a b", "kafka://h:9092/a?b",
        "kafka://h:9092/\xc3", "kafka://h:9092/.",   "kafka://h:9092/..",  "kafka://h:9092//"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        expect_refused(schemes[i], ERROR_UNSUPPORTED, "expected kafka://HOST:PORT");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        expect_refused(forms[i], ERROR_INVALID, "expected kafka://HOST:PORT");
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        expect_refused(topics[i], ERROR_INVALID, "no name of a topic");
}

static void lengths_have_limits(void **state) {
    (void)state;
    struct log_address address;
    struct error error;
    char text[2048], part[1100];
    memset(part, 'x', sizeof part);
    for (int length = 200; length < 300; length++) {
        snprintf(text, sizeof text, "kafka://h:1/%.*s", length, part);
        int r = log_address_parse(text, &address, &error);
        assert_int_equal(r, length <= 249 ? 0 : -ERROR_INVALID);
        if (r == 0)
            assert_int_equal(strlen(address.topic), length);
    }
    for (int length = 1000; length < 1100; length++) {
        snprintf(text, sizeof text, "kafka://%.*s/t", length, part);
        int r = log_address_parse(text, &address, &error);
        assert_int_equal(r, length <= 1023 ? 0 : -ERROR_INVALID);
        if (r == 0)
            assert_int_equal(strlen(address.brokers), length);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brokers_and_topic_are_told_apart),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(lengths_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
