/* The report page as text: it holds its document, whatever that says; and what its
 * Content-Security-Policy allows is what is in it. What a browser makes of it: tests/browser. */
#include "clients/cli/replay/report_page.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <openssl/evp.h>

#define DATA_BEGIN  "<script type=\"application/json\" id=\"report\">"
#define SCRIPT_END  "</script>"
#define STYLE_BEGIN "<style>"
#define STYLE_END   "</style>"
#define CODE_BEGIN  "<script type=\"module\">"

/* The page of a document; free() it. */
static char *page_of(const char *json, size_t length) {
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    assert_non_null(to);
    struct error error;
    int status = report_page_write(json, length, to, &error);
    assert_int_equal(fclose(to), 0);
    if (status < 0)
        fail_msg("%s", error.text);
    assert_int_equal(strlen(page), size);
    return page;
}

/* The text between two marks, the first of each; free() it. */
static char *between(const char *page, const char *begin, const char *end) {
    const char *from = strstr(page, begin);
    assert_non_null(from);
    from += strlen(begin);
    const char *to = strstr(from, end);
    assert_non_null(to);
    return strndup(from, (size_t)(to - from));
}

static size_t count_of(const char *page, const char *words) {
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, words)); at += strlen(words))
        count++;
    return count;
}

static void assert_holds(const char *json) {
    char *page = page_of(json, strlen(json));
    char *held = between(page, DATA_BEGIN, SCRIPT_END);
    json_t *wanted = json_loads(json, 0, NULL), *got = json_loads(held, 0, NULL);
    assert_non_null(wanted);
    assert_non_null(got);
    assert_true(json_equal(wanted, got));
    /* Two elements begin and two end, and no comment does either. */
    assert_int_equal(count_of(page, "<script"), 2);
    assert_int_equal(count_of(page, SCRIPT_END), 2);
    assert_int_equal(count_of(page, "<!--"), 0);
    assert_null(strpbrk(held, "<>"));
    assert_null(strstr(held, "\xe2\x80\xa8"));
    assert_null(strstr(held, "\xe2\x80\xa9"));
    json_decref(wanted);
    json_decref(got);
    free(held);
    free(page);
}

static void test_holds_the_document(void **state) {
    (void)state;
    assert_holds("{}");
    assert_holds("{\"days\": [{\"date\": \"2026-04-01\", \"alert\": 19}], \"rate\": 0.00123,\n"
                 " \"auc\": null, \"name\": \"\\u00fcber \\\\ \\\" \xc3\xa9\"}");
}

static void test_texts_cannot_end_the_script(void **state) {
    (void)state;
    assert_holds("{\"policy\": {\"name\": \"</script><script>alert(1)</script><!-- <script>\"}}");
    assert_holds("{\"</ScRiPt>\": \"-->\", \"a\": \"]]>\", \"b\": \"\\u003c/script\"}");
    assert_holds("{\"a\": \"\xe2\x80\xa8 \xe2\x80\xa9\xe2\x80\xa8\", \"b\": \"\xe2\x80\xa7\"}");
}

/* Sums are written with up to 39 digits. */
static void test_long_numbers(void **state) {
    (void)state;
    const char *json =
        "{\"currency\": \"EUR\", \"currency_digits\": 2, \"detection\": {\"replayed\": "
        "{\"net\": 170141183460469231731687303715884105727}}}";
    char *page = page_of(json, strlen(json));
    char *held = between(page, DATA_BEGIN, SCRIPT_END);
    assert_string_equal(held, json);
    free(held);
    free(page);
}

/* -- what the page may do -- */

/* The policy names the SHA-256 of what stands between two marks. */
static void assert_allowed(const char *policy, const char *directive, const char *page,
                           const char *begin, const char *end) {
    char *text = between(page, begin, end);
    unsigned char digest[EVP_MAX_MD_SIZE], encoded[EVP_MAX_MD_SIZE * 2];
    unsigned int size = 0;
    assert_int_equal(EVP_Digest(text, strlen(text), digest, &size, EVP_sha256(), NULL), 1);
    EVP_EncodeBlock(encoded, digest, (int)size);
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%s 'sha256-%s';", directive, (const char *)encoded);
    assert_non_null(strstr(policy, wanted));
    free(text);
}

static void test_policy_allows_what_is_there(void **state) {
    (void)state;
    char *page = page_of("{}", 2);
    char *policy = between(page, "\"Content-Security-Policy\" content=\"", "\"");
    assert_ptr_equal(strstr(policy, "default-src 'none';"), policy);
    assert_null(strstr(policy, "unsafe"));
    assert_allowed(policy, "script-src", page, CODE_BEGIN, SCRIPT_END);
    assert_allowed(policy, "style-src", page, STYLE_BEGIN, STYLE_END);
    free(policy);
    free(page);
}

static void test_asks_for_nothing(void **state) {
    (void)state;
    char *page = page_of("{}", 2);
    assert_int_equal(count_of(page, "https:"), 0);
    /* Names of SVG, which nobody fetches: in the icon and in the scripts. */
    assert_int_equal(count_of(page, "http:"), count_of(page, "http://www.w3.org/2000/svg"));
    assert_int_equal(count_of(page, "<link"), 1);
    assert_non_null(strstr(page, "<link rel=\"icon\" href=\"data:"));
    assert_int_equal(count_of(page, "@import"), 0);
    assert_int_equal(count_of(page, "url("), 0);
    const char *const slots[] = {"{{title}}", "{{figures}}", "{{report}}", "{{style", "{{script"};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        assert_int_equal(count_of(page, slots[i]), 0);
    free(page);
}

/* -- without JavaScript -- */

static void test_title(void **state) {
    (void)state;
    const char *json = "{\"policy\": {\"name\": \"a</title><b>&\\\"\"}, \"archive\": "
                       "{\"from\": \"2026-04-01T00:00:00Z\", \"to\": \"2026-04-30T23:59:16.8Z\"}}";
    char *page = page_of(json, strlen(json));
    char *title = between(page, "<title>", "</title>");
    assert_string_equal(title,
                        "Replay of a&lt;/title&gt;&lt;b&gt;&amp;&quot;, 2026-04-01 to 2026-04-30");
    free(title);
    free(page);
    json = "{\"archive\": {\"from\": null, \"to\": \"2026\"}}";
    page = page_of(json, strlen(json));
    title = between(page, "<title>", "</title>");
    assert_string_equal(title, "Replay");
    free(title);
    free(page);
}

static void assert_row(const char *figures, const char *name, const char *replayed,
                       const char *against) {
    char row[256];
    snprintf(row, sizeof row, "<tr><th>%s</th><td>%s</td><td>%s</td></tr>", name, replayed,
             against);
    if (!strstr(figures, row))
        fail_msg("no %s in %s", row, figures);
}

static void test_main_figures(void **state) {
    (void)state;
    const char *json = "{\"currency\": \"<B>\", \"currency_digits\": 2,"
                       " \"rates\": {\"replayed\": {\"alert\": {\"value\": 0.0130166}}},"
                       " \"detection\": {\"replayed\": {\"precision\": {\"value\": 0.31608},"
                       " \"money_caught\": 6012183, \"net\": -705},"
                       " \"against\": {\"precision\": {\"value\": null}, \"net\": 0}}}";
    char *page = page_of(json, strlen(json));
    char *figures = between(page, "<noscript>", "</noscript>");
    assert_row(figures, "Alert rate", "1.30%", "\xe2\x80\x93");
    assert_row(figures, "Precision of alerts", "31.61%", "\xe2\x80\x93");
    assert_row(figures, "Money caught", "60121.83 &lt;B&gt;", "\xe2\x80\x93");
    assert_row(figures, "Net", "-7.05 &lt;B&gt;", "0.00 &lt;B&gt;");
    free(figures);
    free(page);
}

/* -- errors -- */

static void assert_refused(const char *json, size_t length) {
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    assert_non_null(to);
    struct error error = {.code = ERROR_CODE_COUNT};
    assert_int_equal(report_page_write(json, length, to, &error), -ERROR_INVALID);
    assert_int_equal(error.code, ERROR_INVALID);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(size, 0); /* nothing was written */
    free(page);
}

static void test_refuses_what_is_no_document(void **state) {
    (void)state;
    assert_refused("", 0);
    assert_refused("[]", 2);
    assert_refused("{\"a\": 1", 7);
    assert_refused("{} {}", 5);
    assert_refused("{}</script>", 11);
    assert_refused("{\"a\": \"\0\"}", 9);
    assert_refused("{\"a\": \"\xff\"}", 9);
}

static void test_tells_that_it_could_not_write(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    struct error error;
    assert_int_equal(report_page_write("{}", 2, full, &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "No space left"));
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_the_document),
        cmocka_unit_test(test_texts_cannot_end_the_script),
        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_policy_allows_what_is_there),
        cmocka_unit_test(test_asks_for_nothing),
        cmocka_unit_test(test_title),
        cmocka_unit_test(test_main_figures),
        cmocka_unit_test(test_refuses_what_is_no_document),
        cmocka_unit_test(test_tells_that_it_could_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
