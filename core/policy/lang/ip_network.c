/* Read and written here, not by inet_pton() and inet_ntop(): the text becomes the key of an entity,
 * and C libraries differ in where they put "::" and in what they take for an IPv4 address.
 *
 * An address is its 16 bytes, IPv4 as ::ffff:a.b.c.d; that is what makes the two ways of writing
 * one IPv4 address the same network. */
#include "ip_network.h"

#include "core/base/check.h"

#include <stdint.h>

#define V4_BYTES 4u
#define V6_BYTES 16u
#define V4_START (V6_BYTES - V4_BYTES)

static const uint8_t v4_prefix[V4_START] = {[10] = 0xff, [11] = 0xff};

/* ------------------------------------------------------------------------------------------------
 * Reading */

static inline unsigned digit_at(const char *at, const char *end) {
    return at < end ? (unsigned)(unsigned char)*at - '0' : 10;
}

/* One number up to 255, without zeros in front. Returns where it ends; NULL: there is none. */
static inline const char *read_number(const char *at, const char *end, uint8_t *ret_number) {
    unsigned number = digit_at(at, end), first = number;
    if (first > 9)
        return NULL;
    unsigned digit = digit_at(++at, end);
    if (digit <= 9) {
        number = number * 10 + digit;
        digit = digit_at(++at, end);
        if (digit <= 9) {
            number = number * 10 + digit;
            at++;
        }
        if (first == 0 || number > 255)
            return NULL;
    }
    *ret_number = (uint8_t)number;
    return at;
}

/* ret_ends: how much of the text each of the numbers ends after. */
static inline bool read_v4(struct text t, uint8_t bytes[V4_BYTES], uint8_t ret_ends[V4_BYTES]) {
    const char *at = t.data, *end = at + t.length;
    if (t.length < sizeof "0.0.0.0" - 1 || t.length > sizeof "255.255.255.255" - 1)
        return false;
    for (size_t i = 0; i < V4_BYTES; i++) {
        if (i > 0 && (at == end || *at++ != '.'))
            return false;
        at = read_number(at, end, &bytes[i]);
        if (!at)
            return false;
        ret_ends[i] = (uint8_t)(at - t.data);
    }
    return at == end;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One to four hexadecimal digits at the start of t. Returns how many there are, 0 when none. */
static size_t read_group(struct text t, uint8_t bytes[2]) {
    unsigned number = 0;
    size_t at = 0;
    for (; at < t.length && at < 4 && hex_digit(t.data[at]) >= 0; at++)
        number = number << 4 | (unsigned)hex_digit(t.data[at]);
    bytes[0] = (uint8_t)(number >> 8);
    bytes[1] = (uint8_t)number;
    return at;
}

/* Puts the groups after "::" where they belong: at the end. */
static bool fill_gap(uint8_t bytes[V6_BYTES], size_t length, size_t gap) {
    if (length == V6_BYTES) /* "::" stands for one group at least */
        return false;
    memmove(bytes + V6_BYTES - (length - gap), bytes + gap, length - gap);
    memset(bytes + gap, 0, V6_BYTES - length);
    return true;
}

/* Groups of four hexadecimal digits, "::" once for a run of zero groups, and an IPv4 address in
 * place of the last two groups (RFC 4291, 2.2). */
static bool read_v6(struct text t, uint8_t bytes[V6_BYTES]) {
    size_t length = 0, gap = SIZE_MAX; /* of the bytes so far; where "::" is among them */
    uint8_t ignored[V4_BYTES];
    if (t.length >= 2 && t.data[0] == ':' && t.data[1] == ':') {
        gap = 0;
        t = (struct text){.data = t.data + 2, .length = t.length - 2};
    }
    while (t.length > 0) {
        if (length <= V4_START && read_v4(t, bytes + length, ignored)) {
            length += V4_BYTES;
            break;
        }
        if (length == V6_BYTES)
            return false;
        size_t digits = read_group(t, bytes + length);
        if (digits == 0)
            return false;
        length += 2;
        t = (struct text){.data = t.data + digits, .length = t.length - digits};
        if (t.length == 0)
            break;
        bool twice = t.length >= 2 && t.data[1] == ':';
        if (t.data[0] != ':' || t.length == 1 || (twice && gap != SIZE_MAX))
            return false;
        if (twice)
            gap = length;
        t = (struct text){.data = t.data + 1 + twice, .length = t.length - 1 - twice};
    }
    return gap == SIZE_MAX ? length == V6_BYTES : fill_gap(bytes, length, gap);
}

/* ------------------------------------------------------------------------------------------------
 * Writing */

/* Zeroes everything after the first `bits` bits. */
static void clear_bits(uint8_t *bytes, size_t count, unsigned bits) {
    size_t i = bits / 8;
    if (i < count)
        bytes[i] = (uint8_t)(bytes[i] & (0xff00u >> bits % 8));
    while (++i < count)
        bytes[i] = 0;
}

static unsigned group_at(const uint8_t bytes[V6_BYTES], size_t group) {
    return (unsigned)bytes[2 * group] << 8 | bytes[2 * group + 1];
}

/* The longest run of two zero groups or more, the first of equals; its length, 0 for none. */
static size_t zero_run(const uint8_t bytes[V6_BYTES], size_t *ret_start) {
    size_t longest = 1;
    for (size_t i = 0, run = 0; i < V6_BYTES / 2; i++) {
        run = group_at(bytes, i) == 0 ? run + 1 : 0;
        if (run > longest) {
            longest = run;
            *ret_start = i + 1 - run;
        }
    }
    return longest > 1 ? longest : 0;
}

/* By hand: snprintf() would be most of what a transaction's derived fields cost. */
static char *put_number(char *at, unsigned number) {
    unsigned tens = number / 10, hundreds = number / 100;
    if (hundreds > 0)
        *at++ = (char)('0' + hundreds);
    if (tens > 0)
        *at++ = (char)('0' + (tens - hundreds * 10));
    *at++ = (char)('0' + (number - tens * 10));
    return at;
}

static char *put_group(char *at, unsigned group) {
    int shift = 12;
    while (shift > 0 && group >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[group >> shift & 15];
    return at;
}

static char *put_v4(char *at, const uint8_t bytes[V4_BYTES]) {
    at = put_number(at, bytes[0]);
    for (size_t i = 1; i < V4_BYTES; i++) {
        *at++ = '.';
        at = put_number(at, bytes[i]);
    }
    return at;
}

static char *put_v6(char *at, const uint8_t bytes[V6_BYTES]) {
    size_t start = SIZE_MAX, run = zero_run(bytes, &start);
    for (size_t i = 0; i < V6_BYTES / 2; i++) {
        if (i == start) {
            *at++ = ':';
            *at++ = ':';
            i += run - 1;
            continue;
        }
        if (i > 0 && i != start + run) /* not right after "::" */
            *at++ = ':';
        at = put_group(at, group_at(bytes, i));
    }
    return at;
}

/* An IPv4 address in dotted form can only be written one way, so whole octets are copied from its
 * text and the rest is zeros: cheaper than printing the numbers. */
static char *put_v4_of_text(char *at, struct text address, const uint8_t ends[V4_BYTES],
                            size_t numbers) {
    size_t length = numbers > 0 ? ends[numbers - 1] : 0;
    memcpy(at, address.data, length);
    at += length;
    for (size_t i = numbers; i < V4_BYTES; i++) {
        if (i > 0)
            *at++ = '.';
        *at++ = '0';
    }
    return at;
}

static char *put_masked(char *at, const struct ip_address *address, unsigned bits) {
    size_t start = address->is_v4 ? V4_START : 0;
    uint8_t bytes[V6_BYTES];
    memcpy(bytes, address->bytes, V6_BYTES);
    clear_bits(bytes + start, V6_BYTES - start, bits);
    return address->is_v4 ? put_v4(at, bytes + V4_START) : put_v6(at, bytes);
}

bool ip_address_read(struct text text, struct ip_address *ret_address) {
    struct ip_address *address = ret_address;
    address->text = text;
    if (read_v4(text, address->bytes + V4_START, address->ends)) {
        memcpy(address->bytes, v4_prefix, V4_START);
        address->is_v4 = true;
        return true;
    }
    memset(address->ends, 0, sizeof address->ends);
    if (!read_v6(text, address->bytes))
        return false;
    address->is_v4 = memcmp(address->bytes, v4_prefix, V4_START) == 0;
    return true;
}

size_t ip_address_network(const struct ip_address *address, unsigned v4_bits, unsigned v6_bits,
                          char ret_text[IP_NETWORK_SIZE]) {
    check(v4_bits <= IP_NETWORK_V4_BITS_MAX && v6_bits <= IP_NETWORK_V6_BITS_MAX);
    unsigned bits = address->is_v4 ? v4_bits : v6_bits;
    bool is_text = address->ends[0] > 0 && bits % 8 == 0;
    char *at = is_text ? put_v4_of_text(ret_text, address->text, address->ends, bits / 8)
                       : put_masked(ret_text, address, bits);
    *at++ = '/';
    at = put_number(at, bits);
    *at = '\0';
    return (size_t)(at - ret_text);
}

size_t ip_network(struct text address, unsigned v4_bits, unsigned v6_bits,
                  char ret_text[IP_NETWORK_SIZE]) {
    struct ip_address read;
    return ip_address_read(address, &read) ? ip_address_network(&read, v4_bits, v6_bits, ret_text)
                                           : 0;
}

bool ip_address_parse(struct text address, uint8_t ret_bytes[IP_ADDRESS_BYTES], bool *ret_is_v4) {
    uint8_t bytes[V6_BYTES], ignored[V4_BYTES];
    if (read_v4(address, bytes, ignored)) {
        memcpy(ret_bytes, v4_prefix, V4_START);
        memcpy(ret_bytes + V4_START, bytes, V4_BYTES);
        *ret_is_v4 = true;
        return true;
    }
    if (!read_v6(address, bytes))
        return false;
    memcpy(ret_bytes, bytes, V6_BYTES);
    *ret_is_v4 = memcmp(bytes, v4_prefix, V4_START) == 0;
    return true;
}

size_t ip_address_format(const uint8_t bytes[IP_ADDRESS_BYTES], char ret_text[IP_NETWORK_SIZE]) {
    bool v4 = memcmp(bytes, v4_prefix, V4_START) == 0;
    char *end = v4 ? put_v4(ret_text, bytes + V4_START) : put_v6(ret_text, bytes);
    return (size_t)(end - ret_text);
}
