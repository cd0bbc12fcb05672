/* JUnit XML: counts, escapes, and a suite that could not be run. */
#include "clients/cli/output/junit.h"
#include "tests/unit/unit.h"

static void two_suites(void **state) {
    (void)state;
    struct junit junit;
    struct buffer document;
    const struct junit_case one = {.class_name = TEXT_LITERAL("p.many"),
                                   .name = TEXT_LITERAL("a \"b\" & <c>"),
                                   .file = TEXT_LITERAL("rules/a.yaml"),
                                   .line = 7,
                                   .us = 1250000};
    const struct junit_case other = {.class_name = TEXT_LITERAL("q"), .name = TEXT_LITERAL("load")};
    junit_init(&junit);
    buffer_init(&document);
    junit_begin_suite(&junit, TEXT_LITERAL("p"));
    junit_add(&junit, &one, (struct text){0});
    junit_add(&junit, &one, TEXT_LITERAL("expected a < b\nand \x01 more\n"));
    junit_end_suite(&junit);
    junit_begin_suite(&junit, TEXT_LITERAL("q"));
    junit_add_error(&junit, &other, TEXT_LITERAL("it does not load"));
    junit_end_suite(&junit);
    junit_write(&junit, &document);
    buffer_append_u8(&document, '\0');
    assert_string_equal(
        (const char *)document.bytes,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\" time=\"2.500000\">\n"
        "  <testsuite name=\"p\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" "
        "time=\"2.500000\">\n"
        "    <testcase classname=\"p.many\" name=\"a &quot;b&quot; &amp; &lt;c&gt;\" "
        "file=\"rules/a.yaml\" line=\"7\" time=\"1.250000\"/>\n"
        "    <testcase classname=\"p.many\" name=\"a &quot;b&quot; &amp; &lt;c&gt;\" "
        "file=\"rules/a.yaml\" line=\"7\" time=\"1.250000\">\n"
        "      <failure message=\"expected a &lt; b\">expected a &lt; b\nand   more\n</failure>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        "  <testsuite name=\"q\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" "
        "time=\"0.000000\">\n"
        "    <testcase classname=\"q\" name=\"load\" file=\"\" line=\"0\" time=\"0.000000\">\n"
        "      <error message=\"it does not load\">it does not load</error>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
    buffer_deinit(&document);
    junit_deinit(&junit);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_suites)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
