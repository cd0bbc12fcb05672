/* harrier_pseudonym() against tests/cases/pseudonyms.json (argument), and what it refuses. */
#include "clients/c/harrier.h"

#include "tests/unit/unit.h"

#include <jansson.h>

#define KEY_BYTES_MAX 1024

static json_t *cases;

static const char *member(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    assert_int_equal(strlen(text), json_string_length(json_object_get(object, name)));
    return text;
}

static size_t key_of(const json_t *object, unsigned char ret_bytes[KEY_BYTES_MAX]) {
    const char *hex = member(object, "key");
    size_t length = strlen(hex) / 2;
    assert_true(length <= KEY_BYTES_MAX);
    for (size_t i = 0; i < length; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        ret_bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return length;
}

static void all_are_as_published(void **state) {
    (void)state;
    const json_t *pseudonyms = json_object_get(cases, "pseudonyms");
    assert_true(json_array_size(pseudonyms) > 50);
    for (size_t i = 0; i < json_array_size(pseudonyms); i++) {
        const json_t *one = json_array_get(pseudonyms, i);
        unsigned char key[KEY_BYTES_MAX];
        char made[HARRIER_PSEUDONYM_SIZE];
        struct harrier_error error;
        size_t length = key_of(one, key);
        if (harrier_pseudonym(key, length, member(one, "key_id"), member(one, "domain"),
                              member(one, "value"), made, &error) < 0)
            fail_msg("%s: %s", error.field, error.message);
        assert_string_equal(made, member(one, "pseudonym"));
    }
}

static void assert_refused(size_t key_length, const char *key_id, const char *domain,
                           const char *value, const char *field) {
    static const unsigned char key[32];
    char made[HARRIER_PSEUDONYM_SIZE];
    struct harrier_error error;
    assert_int_equal(harrier_pseudonym(key, key_length, key_id, domain, value, made, &error),
                     -HARRIER_ERROR_INVALID);
    assert_string_equal(error.field, field);
    if (value)
        assert_null(strstr(error.message, value));
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    char wide[65 + 1], value[1025 + 1];
    memset(wide, 'a', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    memset(value, '4', sizeof value);
    value[sizeof value - 1] = '\0';
    assert_refused(31, "k1", "card", "4111", "key");
    assert_refused(32, "K1", "card", "4111", "key_id");
    assert_refused(32, "ninechars", "card", "4111", "key_id");
    assert_refused(32, "k1", "", "4111", "domain");
    assert_refused(32, "k1", wide, "4111", "domain");
    assert_refused(32, "k1", "card", value, "value");
    assert_refused(32, "k1", "card", NULL, "value");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_as_published),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    json_error_t error;
    cases = argc == 2 ? json_load_file(argv[1], 0, &error) : NULL;
    if (!cases) {
        fprintf(stderr, "usage: test_pseudonym CASES\n");
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(cases);
    return failed;
}
