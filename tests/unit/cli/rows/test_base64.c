/* The vectors of RFC 4648, all bytes there and back, and what is no base 64. */
#include "clients/cli/rows/base64.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

static void published_vectors(void **state) {
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct buffer buffer;
        buffer_init(&buffer);
        base64_encode(&buffer, text_of(vectors[i][0]));
        assert_true(text_is(buffer_text(&buffer), vectors[i][1]));
        buffer_clear(&buffer);
        assert_true(base64_decode(&buffer, text_of(vectors[i][1])));
        assert_true(text_is(buffer_text(&buffer), vectors[i][0]));
        buffer_deinit(&buffer);
    }
}

static void any_bytes_come_back(void **state) {
    (void)state;
    uint64_t mix = 7;
    for (size_t length = 0; length < 300; length++) {
        uint8_t bytes[300];
        struct buffer encoded, decoded;
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)split_mix(&mix);
        buffer_init(&encoded);
        buffer_init(&decoded);
        base64_encode(&encoded, (struct text){.data = (char *)bytes, .length = length});
        assert_int_equal(encoded.length, (length + 2) / 3 * 4);
        assert_true(base64_decode(&decoded, buffer_text(&encoded)));
        assert_int_equal(decoded.length, length);
        if (length > 0)
            assert_memory_equal(decoded.bytes, bytes, length);
        buffer_deinit(&encoded);
        buffer_deinit(&decoded);
    }
}

static void what_is_none(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Z", "Zg=", "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "Z=g=", "Zm9v\n", "Zm-_", "====", "Zm 9"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buffer buffer;
        buffer_init(&buffer);
        if (base64_decode(&buffer, text_of(texts[i])))
            fail_msg("\"%s\" was decoded", texts[i]);
        buffer_deinit(&buffer);
    }
    struct buffer buffer;
    buffer_init(&buffer);
    assert_false(base64_decode(&buffer, (struct text){.data = "Zm9\0", .length = 4}));
    buffer_deinit(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
