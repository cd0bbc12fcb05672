/* The network of an IP address, as text that is the same for every way of writing the address. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define IP_NETWORK_V4_BITS_MAX 32
#define IP_NETWORK_V6_BITS_MAX 128
#define IP_NETWORK_SIZE        44 /* the longest network with a NUL after it */

/* "192.0.2.77" with 24 bits → "192.0.2.0/24", "2001:DB8::1" with 48 → "2001:db8::/48" (RFC 5952).
 * An IPv4 address within IPv6 (::ffff:192.0.2.77) is an IPv4 address. Returns the length, or 0 when
 * the text is not an address: leading zeros of a decimal number and zones (%eth0) are refused, as
 * inet_pton() does. The bits must be within their limits. */
size_t ip_network(struct text address, unsigned v4_bits, unsigned v6_bits,
                  char ret_text[IP_NETWORK_SIZE]);

/* The same in two steps, for several networks of one address. */
#define IP_ADDRESS_BYTES 16
struct ip_address {
    struct text text;                /* not copied */
    uint8_t bytes[IP_ADDRESS_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t ends[4]; /* written as IPv4: how much of the text each number ends after; else 0 */
    bool is_v4;
};
/* False: the text is not an address; *ret_address may have changed. */
bool ip_address_read(struct text text, struct ip_address *ret_address);
size_t ip_address_network(const struct ip_address *address, unsigned v4_bits, unsigned v6_bits,
                          char ret_text[IP_NETWORK_SIZE]);

/* The 16 bytes of an address, IPv4 as ::ffff:a.b.c.d; false: the text is not an address. */
bool ip_address_parse(struct text address, uint8_t ret_bytes[IP_ADDRESS_BYTES], bool *ret_is_v4);
/* The other way, without a NUL. Returns the length. */
size_t ip_address_format(const uint8_t bytes[IP_ADDRESS_BYTES], char ret_text[IP_NETWORK_SIZE]);
