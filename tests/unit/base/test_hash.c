/* The hashes against published values, so that a library that computes them differently is noticed.
 */
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

/* A bit at a time, as RFC 3720 defines it. */
static uint32_t slow_crc32c(uint32_t crc, const uint8_t *bytes, size_t length) {
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* The library sums short and long runs in different ways. */
static void crc32c_is_the_same_for_any_length(void **state) {
    (void)state;
    uint8_t bytes[700];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + (i >> 3));
    for (size_t length = 0; length < sizeof bytes - 8; length++)
        for (size_t from = 0; from < 8; from += 3)
            for (uint32_t before = 0; before < 2; before++)
                assert_int_equal(crc32c(before * 0xdeadbeefu, bytes + from, length),
                                 slow_crc32c(before * 0xdeadbeefu, bytes + from, length));
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

/* The library's own, in its shared object: ours is compiled in, long ones in several ways. */
uint64_t XXH3_64bits_withSeed(const void *bytes, size_t length, uint64_t seed);

static void it_is_what_the_library_gives(void **state) {
    (void)state;
    static const uint64_t seeds[] = {0, 1, UINT64_C(0x9e3779b97f4a7c15), UINT64_MAX};
    uint8_t bytes[3000 + 3];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + i / 256);
    for (size_t length = 0; length <= 3000; length++)
        for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
            const uint8_t *at = bytes + length % 4;
            assert_true(hash64(at, length, seeds[i]) == XXH3_64bits_withSeed(at, length, seeds[i]));
        }
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

/* RFC 4231: test cases 1, 2, 3 and 6 (a key longer than a block). */
static void hmac_has_the_published_values(void **state) {
    (void)state;
    static const struct {
        size_t key_length;
        const char *key; /* "": filled with 0x.. of the next */
        uint8_t fill;
        const char *bytes;
        size_t length;
        const char *digest;
    } cases[] = {
        {20, "", 0x0b, "Hi There", 8,
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {4, "Jefe", 0, "what do ya want for nothing?", 28,
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {20, "", 0xaa, NULL, 50,
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {131, "", 0xaa, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t key[131], bytes[64], digest[32];
        char hex[65];
        memset(key, cases[i].fill, sizeof key);
        memcpy(key, cases[i].key, strlen(cases[i].key));
        memset(bytes, 0xdd, sizeof bytes);
        if (cases[i].bytes)
            memcpy(bytes, cases[i].bytes, cases[i].length);
        struct hmac *hmac = hmac_new(key, cases[i].key_length);
        for (int again = 0; again < 2; again++) {
            hmac_digest(hmac, bytes, cases[i].length, digest);
            for (size_t at = 0; at < sizeof digest; at++)
                snprintf(hex + 2 * at, 3, "%02x", digest[at]);
            assert_string_equal(hex, cases[i].digest);
        }
        hmac_free(hmac);
    }
    hmac_free(NULL);
}

/* That it takes equally long is the library's promise; here it is what it says. */
static void equal_is_equal(void **state) {
    (void)state;
    uint8_t a[32] = {1, 2, 3}, b[32] = {1, 2, 3};
    assert_true(hash_equal_constant_time(a, b, sizeof a));
    for (size_t i = 0; i < 8 * sizeof b; i++) {
        b[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(hash_equal_constant_time(a, b, sizeof a));
        b[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_true(hash_equal_constant_time(a, "x", 0));
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
        cmocka_unit_test(crc32c_is_the_same_for_any_length),
        cmocka_unit_test(sha256_of_abc),
        cmocka_unit_test(xxh3_is_the_stable_one),
        cmocka_unit_test(it_is_what_the_library_gives),
        cmocka_unit_test(stream_equals_one_call),
        cmocka_unit_test(hmac_has_the_published_values),
        cmocka_unit_test(equal_is_equal),
        cmocka_unit_test(hex_reads_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
