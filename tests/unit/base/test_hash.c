/* The hashes against published values, so that a library's change of mind would show. */
#include "core/base/hash.h"

#include "tests/unit/unit.h"

static void crc32c_has_the_published_check_value(void **state) {
    (void)state;
    /* RFC 3720 B.4 and the catalogue of parametrised CRCs */
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    uint8_t zeros[32] = {0};
    assert_int_equal(crc32c(0, zeros, sizeof zeros), 0x8a9136aau);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void crc32c_goes_on_over_pieces(void **state) {
    (void)state;
    const char *all = "the quick brown fox jumps over the lazy dog";
    size_t length = strlen(all);
    for (size_t cut = 0; cut <= length; cut++)
        assert_int_equal(crc32c(crc32c(0, all, cut), all + cut, length - cut),
                         crc32c(0, all, length));
}

static void sha256_of_abc(void **state) {
    (void)state;
    static const uint8_t expected[4] = {0xba, 0x78, 0x16, 0xbf}; /* FIPS 180-2, B.1 */
    struct sha256 *sha = sha256_new();
    sha256_add(sha, "a", 1);
    sha256_add(sha, "bc", 2);
    uint8_t digest[32];
    sha256_finish(sha, digest);
    assert_memory_equal(digest, expected, sizeof expected);
}

static void xxh3_is_the_stable_one(void **state) {
    (void)state;
    assert_true(hash64("", 0, 0) == UINT64_C(0x2d06800538d394c2)); /* xxHash's own test vector */
    assert_true(hash64(NULL, 0, 0) == hash64("", 0, 0));
    assert_true(hash64("a", 1, 0) != hash64("a", 1, 1));
}

static void stream_equals_one_call(void **state) {
    (void)state;
    uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    struct hash_stream *stream = hash_stream_new();
    size_t at = 0;
    for (size_t piece = 0; at < sizeof bytes; piece++) {
        size_t length = piece % 97 < sizeof bytes - at ? piece % 97 : sizeof bytes - at;
        hash_stream_add(stream, bytes + at, length);
        at += length;
    }
    assert_true(hash_stream_value(stream) == hash64(bytes, sizeof bytes, 0));
    hash_stream_free(stream);
}

static void hex_reads_what_it_writes(void **state) {
    (void)state;
    char hex[HASH_HEX_SIZE];
    uint64_t back = 0;
    hash_hex(UINT64_C(0x0123456789abcdef), hex);
    assert_string_equal(hex, "0123456789abcdef");
    assert_int_equal(hash_parse_hex(text_of(hex), &back), 0);
    assert_true(back == UINT64_C(0x0123456789abcdef));
    assert_int_equal(hash_parse_hex(text_of("0123456789abcde"), &back), -1);
    assert_int_equal(hash_parse_hex(text_of("0123456789abcdeg"), &back), -1);
    assert_int_equal(hash_parse_hex(text_of("0123456789ABCDEF"), &back), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_has_the_published_check_value),
        cmocka_unit_test(crc32c_goes_on_over_pieces),
        cmocka_unit_test(sha256_of_abc),
        cmocka_unit_test(xxh3_is_the_stable_one),
        cmocka_unit_test(stream_equals_one_call),
        cmocka_unit_test(hex_reads_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
