/* Pseudonyms against tests/cases/pseudonyms.json (argument), which Python's hmac has made. */
#include "core/base/pseudonym.h"

#include "tests/unit/unit.h"

#include <jansson.h>

static json_t *cases;

static struct text member(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_string(value));
    return (struct text){.data = json_string_value(value), .length = json_string_length(value)};
}

static struct hmac *key_of(const json_t *object) {
    struct text hex = member(object, "key");
    uint8_t bytes[PSEUDONYM_KEY_BYTES_MAX];
    for (size_t i = 0; i < hex.length / 2; i++) {
        const char digits[] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return hmac_new(bytes, hex.length / 2);
}

static void all_are_as_published(void **state) {
    (void)state;
    const json_t *pseudonyms = json_object_get(cases, "pseudonyms");
    assert_true(json_array_size(pseudonyms) > 50);
    for (size_t i = 0; i < json_array_size(pseudonyms); i++) {
        const json_t *one = json_array_get(pseudonyms, i);
        struct hmac *key = key_of(one);
        char made[PSEUDONYM_SIZE];
        size_t length = pseudonym_make(key, member(one, "key_id"), member(one, "domain"),
                                       member(one, "value"), made);
        assert_int_equal(length, strlen(made));
        assert_string_equal(made, member(one, "pseudonym").data);
        hmac_free(key);
    }
}

static void they_have_the_form(void **state) {
    (void)state;
    const json_t *pseudonyms = json_object_get(cases, "pseudonyms");
    for (size_t i = 0; i < json_array_size(pseudonyms); i++) {
        const json_t *one = json_array_get(pseudonyms, i);
        struct text key_id;
        assert_true(pseudonym_has_form(member(one, "pseudonym")));
        assert_true(pseudonym_parse(member(one, "pseudonym"), &key_id));
        assert_true(text_equal(key_id, member(one, "key_id")));
    }
}

static void others_do_not(void **state) {
    (void)state;
    const json_t *others = json_object_get(cases, "not_pseudonyms");
    assert_true(json_array_size(others) > 10);
    for (size_t i = 0; i < json_array_size(others); i++) {
        const json_t *other = json_array_get(others, i);
        struct text text = {.data = json_string_value(other), .length = json_string_length(other)};
        if (pseudonym_has_form(text))
            fail_msg("\"%s\" is said to be a pseudonym", text.data);
    }
}

/* Each character of one that is good, replaced by every byte: what is still good differs. */
static void forms_are_unique(void **state) {
    (void)state;
    const char good[] = "p1.k1.jtf2noxhbpijpjo5qxfv4dmsmi";
    size_t still_good = 0;
    for (size_t at = 0; at < sizeof good - 1; at++)
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof good];
            memcpy(text, good, sizeof good);
            text[at] = (char)byte;
            still_good += pseudonym_has_form((struct text){text, sizeof good - 1});
        }
    /* p 1 . fixed; two of a key id: 36 each; the dot; 25 digits: 32 each; the last: 8 */
    assert_int_equal(still_good, 3 + 2 * 36 + 1 + 25 * 32 + 8);
}

static void fingerprints_tell_keys_apart(void **state) {
    (void)state;
    uint8_t bytes[32] = {0};
    char first[PSEUDONYM_FINGERPRINT_SIZE], again[PSEUDONYM_FINGERPRINT_SIZE],
        other[PSEUDONYM_FINGERPRINT_SIZE];
    struct hmac *a = hmac_new(bytes, sizeof bytes), *b = hmac_new(bytes, sizeof bytes);
    bytes[31] = 1;
    struct hmac *c = hmac_new(bytes, sizeof bytes);
    pseudonym_fingerprint(a, first);
    pseudonym_fingerprint(b, again);
    pseudonym_fingerprint(c, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    /* hmac.new(bytes(32), b"\0fingerprint", "sha256").hexdigest()[:16] */
    assert_string_equal(first, "97ac7e30f33c4bec");
    hmac_free(a);
    hmac_free(b);
    hmac_free(c);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_as_published),
        cmocka_unit_test(they_have_the_form),
        cmocka_unit_test(others_do_not),
        cmocka_unit_test(forms_are_unique),
        cmocka_unit_test(fingerprints_tell_keys_apart),
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
