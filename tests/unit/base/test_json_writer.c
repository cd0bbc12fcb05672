/* Texts by chance: what is well-formed is escaped as jansson escapes it, and what is not becomes
 * JSON that jansson reads, with U+FFFD in place of each byte that is no text. */
#include "core/base/json_writer.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <jansson.h>

#define LENGTH_MAX 24

/* Mostly what is special in JSON or UTF-8. */
static size_t random_bytes(uint64_t *random, char *bytes) {
    static const char *const pieces[] = {"\"",
                                         "\\",
                                         "/",
                                         "a",
                                         "b ",
                                         "\t",
                                         "\n",
                                         "\r",
                                         "\b",
                                         "\f",
                                         "\x01",
                                         "é",
                                         "€",
                                         "\xf0\x9f\x98\x80",
                                         "\x7f",
                                         "\x1f",
                                         "\xc3",
                                         "\xff",
                                         "\xed\xa0\x80",
                                         "\x80"};
    const size_t well_formed = 16, all = sizeof pieces / sizeof *pieces;
    size_t length = 0, count = split_mix(random) % 7;
    bool is_bad = split_mix(random) % 3 == 0;
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[split_mix(random) % (is_bad ? all : well_formed)];
        memcpy(bytes + length, piece, strlen(piece));
        length += strlen(piece);
    }
    if (is_bad && split_mix(random) % 4 == 0)
        bytes[length++] = '\0';
    return length;
}

static void texts_are_escaped_as_jansson_does(void **state) {
    (void)state;
    uint64_t random = asked_seed(1), well_formed = 0, others = 0;
    for (uint64_t step = asked_steps(20000); step > 0; step--) {
        char bytes[LENGTH_MAX + 8];
        struct text text = {.data = bytes, .length = random_bytes(&random, bytes)};
        struct buffer written;
        buffer_init(&written);
        json_add_text(&written, NULL, text);
        json_t *string = json_stringn(text.data, text.length);
        json_error_t error;
        json_t *read = json_loadb((char *)written.bytes, written.length,
                                  JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (!read)
            fail_msg("%.*s: %s", (int)written.length, written.bytes, error.text);
        if (string) {
            char *expected = json_dumps(string, JSON_ENCODE_ANY);
            assert_int_equal(strlen(expected), written.length);
            assert_memory_equal(expected, written.bytes, written.length);
            free(expected);
            assert_true(json_equal(string, read));
            well_formed++;
        } else {
            assert_non_null(strstr(json_string_value(read), "\xef\xbf\xbd"));
            others++;
        }
        json_decref(string);
        json_decref(read);
        buffer_deinit(&written);
    }
    assert_true(well_formed > 0 && others > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_escaped_as_jansson_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
