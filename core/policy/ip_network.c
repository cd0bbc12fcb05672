/* Read and written here, not by inet_pton() and inet_ntop(): the text becomes the key of an entity,
 * and C libraries differ in where they put "::" and in what they take for an IPv4 address.
 *
 * An address is its 16 bytes, IPv4 as ::ffff:a.b.c.d; that is what makes the two ways of writing
 * one IPv4 address the same network. */
#include "ip_network.h"

#include "../base/check.h"

#include <stdint.h>

#define V4_BYTES 4u
#define V6_BYTES 16u
#define V4_START (V6_BYTES - V4_BYTES)

static const uint8_t v4_prefix[V4_START] = {[10] = 0xff, [11] = 0xff};

/* ------------------------------------------------------------------------------------------------
 * Reading */

static bool read_v4(struct text t, uint8_t bytes[V4_BYTES]) {
    const char *at = t.data, *end = at + t.length;
    if (t.length < sizeof "0.0.0.0" - 1 || t.length > sizeof "255.255.255.255" - 1)
        return false;
    for (size_t i = 0; i < V4_BYTES; i++) {
        unsigned number = at < end ? (unsigned)(unsigned char)*at - '0' : 10;
        if (number > 9)
            return false;
        const char *start = at++;
        for (unsigned digit; at < end && (digit = (unsigned)(unsigned char)*at - '0') <= 9; at++)
            if ((number = number * 10 + digit) > 255 || *start == '0')
                return false;
        bytes[i] = (uint8_t)number;
        if (i + 1 < V4_BYTES && (at == end || *at++ != '.'))
            return false;
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

/* Puts the groups behind "::" where they belong: at the end. */
static bool fill_gap(uint8_t bytes[V6_BYTES], size_t length, size_t gap) {
    if (length == V6_BYTES) /* "::" stands for one group at least */
        return false;
    memmove(bytes + V6_BYTES - (length - gap), bytes + gap, length - gap);
    memset(bytes + gap, 0, V6_BYTES - length);
    return true;
}

static bool read_v6(struct text t, uint8_t bytes[V6_BYTES]) {
    size_t length = 0, gap = SIZE_MAX; /* of the bytes so far; where "::" stands among them */
    if (t.length >= 2 && t.data[0] == ':' && t.data[1] == ':') {
        gap = 0;
        t = (struct text){.data = t.data + 2, .length = t.length - 2};
    }
    while (t.length > 0) {
        if (length <= V4_START && read_v4(t, bytes + length)) {
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
        if (i > 0 && i != start + run) /* not right behind "::" */
            *at++ = ':';
        at = put_group(at, group_at(bytes, i));
    }
    return at;
}

size_t ip_network(struct text address, unsigned v4_bits, unsigned v6_bits,
                  char ret_text[IP_NETWORK_SIZE]) {
    check(v4_bits <= IP_NETWORK_V4_BITS_MAX && v6_bits <= IP_NETWORK_V6_BITS_MAX);
    uint8_t bytes[V6_BYTES];
    bool v4 = read_v4(address, bytes + V4_START);
    if (!v4) {
        if (!read_v6(address, bytes))
            return 0;
        v4 = memcmp(bytes, v4_prefix, V4_START) == 0;
    }
    char *at = ret_text;
    if (v4) {
        clear_bits(bytes + V4_START, V4_BYTES, v4_bits);
        at = put_v4(at, bytes + V4_START);
    } else {
        clear_bits(bytes, V6_BYTES, v6_bits);
        at = put_v6(at, bytes);
    }
    *at++ = '/';
    at = put_number(at, v4 ? v4_bits : v6_bits);
    *at = '\0';
    return (size_t)(at - ret_text);
}

bool ip_address_parse(struct text address, uint8_t ret_bytes[IP_ADDRESS_BYTES], bool *ret_is_v4) {
    uint8_t bytes[V6_BYTES];
    if (read_v4(address, bytes)) {
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
