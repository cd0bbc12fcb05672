/* One entry of a list, as people write it: a text, an address or network, a whole number or a range
 * of them. */
#pragma once

#include "core/base/text.h"
#include "core/base/value.h"
#include "core/policy/lang/ip_network.h"

#include <stdbool.h>
#include <stdint.h>

enum list_kind { LIST_TEXTS, LIST_NETWORKS, LIST_INTEGERS, LIST_KIND_COUNT };

/* "string", "network", "int": as lists.yaml and messages have it. */
const char *list_kind_name(enum list_kind kind);
const char *list_kind_contents(enum list_kind kind); /* "texts", "networks", "numbers" */
const char *list_kind_hint(enum list_kind kind);     /* what is asked about, for messages */
/* Steps of a lookup at worst, beyond that of one value: a network list is asked for each length of
 * prefix, in what is its own and in what was added. */
uint32_t list_kind_steps(enum list_kind kind);
/* The type of the value left of `in`: for a network list, the text of an address or network. */
enum value_type list_kind_type(enum list_kind kind);

/* A network as its first address and how many bits of it count. IPv4 is ::ffff:a.b.c.d, so that its
 * prefixes have 96 to 128 bits; an IPv6 network of fewer never holds an IPv4 address. */
struct list_network {
    uint8_t address[IP_ADDRESS_BYTES];
    uint8_t bits;
    bool is_v4;
};

#define LIST_FOREVER INT64_MAX

/* The list's kind decides which members count: text, network, or low and high. */
struct list_entry {
    struct text text; /* points into what was parsed */
    struct list_network network;
    int64_t low, high;
    int64_t until_us; /* event times from here on do not find it; LIST_FOREVER: all do */
    uint32_t number;  /* what its owner knows it by */
};

#define LIST_ENTRY_SIZE_MAX 1024u /* bytes: as long as the longest field */

/* An error message about an entry. It never repeats a value that may be a card number. */
struct list_diagnostic {
    char text[200];
};

/* All but until_us, which becomes LIST_FOREVER. A card number (either end of a range, too) is
 * refused unless card_numbers. False: *ret_diagnostic says why. */
bool list_entry_parse(enum list_kind kind, bool card_numbers, struct text value,
                      struct list_entry *ret_entry, struct list_diagnostic *ret_diagnostic);

/* Parses the address or network of a lookup. False: it is neither. */
bool list_network_parse(struct text value, struct list_network *ret_network);

/* Shortens it to its first `bits` bits, no more than it has. Were the others zero already? */
bool list_network_cut(struct list_network *network, uint8_t bits);

/* The one way of writing an entry, so that equal entries are equal texts: "192.0.2.0/24",
 * "2001:db8::1", "1000-1999". A text is its own. Points into the entry or the bytes. */
#define LIST_ENTRY_TEXT_SIZE 64
struct text list_entry_format(enum list_kind kind, const struct list_entry *entry,
                              char ret_bytes[LIST_ENTRY_TEXT_SIZE]);

/* "2026-12-31" (its start, 00:00 UTC) or RFC 3339, after 1970: when an entry ends. */
bool list_until_parse(struct text value, int64_t *ret_until_us);
