/* Networks of addresses: Python's ipaddress module (tests/cases/networks, argument) and, on random
 * texts, inet_pton() as the judge of what an address is and a mask of bits one by one. */
#include "core/policy/lang/ip_network.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>

static const char *cases_folder;

static void expect(const char *address, unsigned v4_bits, unsigned v6_bits, const char *expected) {
    char found[IP_NETWORK_SIZE] = "refused";
    size_t length = ip_network(text_of(address), v4_bits, v6_bits, found);
    if (strcmp(found, expected) != 0)
        fail_msg("\"%s\" with %u or %u bits is %s, expected %s", address, v4_bits, v6_bits, found,
                 expected);
    assert_int_equal(length, strcmp(expected, "refused") == 0 ? 0 : strlen(expected));
}

static void test_cases(void **state) {
    (void)state;
    char path[4096], line[512];
    snprintf(path, sizeof path, "%s/networks.tsv", cases_folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t count = 0, refused = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        line[strcspn(line, "\n")] = '\0';
        char *rest = line, *address = strsep(&rest, "\t"), *v4 = strsep(&rest, "\t");
        char *v6 = strsep(&rest, "\t");
        assert_non_null(rest);
        expect(address, (unsigned)atoi(v4), (unsigned)atoi(v6), rest);
        count++;
        refused += strcmp(rest, "refused") == 0;
    }
    fclose(file);
    assert_true(count > 900 && refused > 200);
}

/* The network of an address that inet_pton() reads, by the book; "refused" when it reads none. */
static void naive(const char *address, unsigned v4_bits, unsigned v6_bits, char *ret_bytes,
                  size_t *ret_length) {
    uint8_t bytes[16] = {0};
    *ret_length = 0;
    unsigned bits = v4_bits;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (inet_pton(AF_INET, address, bytes) == 1) {
        *ret_length = 4;
    } else if (inet_pton(AF_INET6, address, bytes) == 1) {
        bool v4 = memcmp(bytes, mapped, 12) == 0;
        *ret_length = v4 ? 4 : 16;
        bits = v4 ? v4_bits : v6_bits;
        memmove(bytes, bytes + (v4 ? 12 : 0), *ret_length);
    }
    for (unsigned bit = bits; bit < 8 * *ret_length; bit++)
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] & ~(0x80u >> bit % 8));
    memcpy(ret_bytes, bytes, *ret_length);
}

static void compare_with_naive(const char *address, unsigned v4_bits, unsigned v6_bits) {
    char expected[16], found[16], text[IP_NETWORK_SIZE];
    size_t length;
    naive(address, v4_bits, v6_bits, expected, &length);
    size_t text_length = ip_network(text_of(address), v4_bits, v6_bits, text);
    if ((text_length > 0) != (length > 0))
        fail_msg("\"%s\": inet_pton() says %zu bytes, ip_network() %zu", address, length,
                 text_length);
    if (length == 0)
        return;
    char *slash = strchr(text, '/');
    assert_non_null(slash);
    *slash = '\0';
    assert_int_equal(inet_pton(length == 4 ? AF_INET : AF_INET6, text, found), 1);
    if (memcmp(found, expected, length) != 0)
        fail_msg("\"%s\" with %u or %u bits is %s", address, v4_bits, v6_bits, text);
    char written[INET_ADDRSTRLEN]; /* there is one way to write IPv4 */
    if (length == 4 && strcmp(inet_ntop(AF_INET, expected, written, sizeof written), text) != 0)
        fail_msg("\"%s\" with %u bits is %s", address, v4_bits, text);
    assert_int_equal(atoi(slash + 1), length == 4 ? v4_bits : v6_bits);
}

static uint64_t random_state = 88172645463325252u;

static unsigned next(unsigned below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

/* Texts of the characters of addresses, most of them nearly one. */
static void test_random_texts(void **state) {
    (void)state;
    static const char *const pieces[] = {
        ":", "::", ".", "0", "1", "ffff", "ffff:", "12.", "255", "ab", "0:", "1.2.3.4", "00", "%"};
    for (unsigned step = 0; step < 300000; step++) {
        char address[128] = "";
        unsigned count = 1 + next(17);
        for (unsigned i = 0; i < count; i++)
            strcat(address, pieces[next(sizeof pieces / sizeof *pieces)]);
        compare_with_naive(address, next(33), next(129));
    }
}

static void test_random_addresses(void **state) {
    (void)state;
    for (unsigned step = 0; step < 100000; step++) {
        uint8_t bytes[16];
        char address[64];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = next(3) ? 0 : (uint8_t)next(256);
        inet_ntop(step % 4 ? AF_INET6 : AF_INET, bytes, address, sizeof address);
        compare_with_naive(address, next(33), next(129));
    }
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    cases_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_random_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
