/* Parsing, checking and printing entries, one kind after the other. An entry has one canonical
 * text: state, archive and hashes hold that text, so two ways of writing a network are one entry.
 */
#include "list_entry.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name, *contents, *hint;
    enum value_type type;
    uint32_t steps;
} kinds[LIST_KIND_COUNT] = {
    [LIST_TEXTS] = {"string", "texts", "a string, for example string(…)", VALUE_TEXT, 0},
    [LIST_NETWORKS] = {"network", "networks", "the text of an address, such as ip", VALUE_TEXT,
                       500},
    [LIST_INTEGERS] = {"int", "numbers", "an int, for example int(…)", VALUE_INT, 60},
};

const char *list_kind_name(enum list_kind kind) {
    return kinds[kind].name;
}

const char *list_kind_contents(enum list_kind kind) {
    return kinds[kind].contents;
}

const char *list_kind_hint(enum list_kind kind) {
    return kinds[kind].hint;
}

uint32_t list_kind_steps(enum list_kind kind) {
    return kinds[kind].steps;
}

enum value_type list_kind_type(enum list_kind kind) {
    return kinds[kind].type;
}

/* Sets the message and returns false. */
static bool __attribute__((format(printf, 2, 3)))
refuse(struct list_diagnostic *diagnostic, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(diagnostic->text, sizeof diagnostic->text, format, arguments);
    va_end(arguments);
    return false;
}

/* ------------------------------------------------------------------------------------------------
 * Networks */

/* At most three digits, without zeros in front. */
static bool parse_bits(struct text t, unsigned most, unsigned *ret_bits) {
    unsigned bits = 0;
    if (t.length == 0 || t.length > 3 || (t.length > 1 && t.data[0] == '0'))
        return false;
    for (size_t i = 0; i < t.length; i++) {
        if (!text_is_digit(t.data[i]))
            return false;
        bits = bits * 10 + (unsigned)(t.data[i] - '0');
    }
    *ret_bits = bits;
    return bits <= most;
}

/* Works on 16 bytes for both versions; an IPv4 prefix arrives with its 96 leading bits counted. */
bool list_network_cut(struct list_network *network, uint8_t bits) {
    bool clear = true;
    network->bits = bits;
    for (unsigned i = bits / 8; i < IP_ADDRESS_BYTES; i++) {
        unsigned mask = i == bits / 8 ? 0xff00u >> bits % 8 & 0xffu : 0;
        clear &= (network->address[i] & ~mask) == 0;
        network->address[i] = (uint8_t)(network->address[i] & mask);
    }
    return clear;
}

/* *ret_clear: nothing is set after the prefix. */
static bool parse_network(struct text value, struct list_network *ret_network, bool *ret_clear) {
    const char *slash = value.length ? memchr(value.data, '/', value.length) : NULL;
    size_t length = slash ? (size_t)(slash - value.data) : value.length;
    struct list_network network;
    if (!ip_address_parse((struct text){.data = value.data, .length = length}, network.address,
                          &network.is_v4))
        return false;
    unsigned first = network.is_v4 ? IP_NETWORK_V6_BITS_MAX - IP_NETWORK_V4_BITS_MAX : 0;
    unsigned bits = IP_NETWORK_V6_BITS_MAX - first;
    struct text behind = {.data = slash ? slash + 1 : NULL,
                          .length = slash ? value.length - length - 1 : 0};
    /* An IPv4 address that is written as an IPv6 one has the IPv6 bits. */
    bool is_mapped = network.is_v4 && memchr(value.data, ':', length);
    if (slash && is_mapped) {
        if (!parse_bits(behind, IP_NETWORK_V6_BITS_MAX, &bits) || bits < first)
            return false;
        bits -= first;
    } else if (slash && !parse_bits(behind, bits, &bits)) {
        return false;
    }
    *ret_clear = list_network_cut(&network, (uint8_t)(first + bits));
    *ret_network = network;
    return true;
}

/* Most values are addresses, without a slash: these are tried first. */
bool list_network_parse(struct text value, struct list_network *ret_network) {
    bool ignored;
    if (ip_address_parse(value, ret_network->address, &ret_network->is_v4)) {
        ret_network->bits = IP_NETWORK_V6_BITS_MAX;
        return true;
    }
    return parse_network(value, ret_network, &ignored);
}

static struct text format_network(const struct list_network *network,
                                  char ret_bytes[LIST_ENTRY_TEXT_SIZE]) {
    size_t length = ip_address_format(network->address, ret_bytes);
    unsigned first = network->is_v4 ? IP_NETWORK_V6_BITS_MAX - IP_NETWORK_V4_BITS_MAX : 0;
    if (network->bits < IP_NETWORK_V6_BITS_MAX)
        length += (size_t)snprintf(ret_bytes + length, LIST_ENTRY_TEXT_SIZE - length, "/%u",
                                   network->bits - first);
    return (struct text){.data = ret_bytes, .length = length};
}

static bool parse_network_entry(struct text value, struct list_entry *entry,
                                struct list_diagnostic *diagnostic) {
    bool clear;
    char bytes[LIST_ENTRY_TEXT_SIZE];
    if (!parse_network(value, &entry->network, &clear))
        return refuse(diagnostic,
                      "the value is neither an address nor a network; expected for example "
                      "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
    if (clear)
        return true;
    struct text network = format_network(&entry->network, bytes);
    return refuse(diagnostic,
                  "the address has bits set after its prefix; expected the network %" TEXT_FORMAT,
                  TEXT_ARGS(network));
}

/* ------------------------------------------------------------------------------------------------
 * Integers */

/* Digits, perhaps with a sign in front, from *at on; stops after them. */
static bool parse_integer(struct text t, size_t *at, int64_t *ret_number) {
    bool negative = *at < t.length && t.data[*at] == '-';
    size_t start = *at + negative;
    int64_t number = 0;
    size_t i = start;
    for (; i < t.length && text_is_digit(t.data[i]); i++) {
        int digit = t.data[i] - '0';
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, negative ? -digit : digit, &number))
            return false;
    }
    *at = i;
    *ret_number = number;
    return i > start;
}

static bool parse_range_entry(struct text value, struct list_entry *entry,
                              struct list_diagnostic *diagnostic) {
    size_t at = 0;
    bool good = parse_integer(value, &at, &entry->low);
    entry->high = entry->low;
    if (good && at < value.length && value.data[at] == '-') {
        at++;
        good = parse_integer(value, &at, &entry->high);
    }
    if (!good || at != value.length)
        return refuse(diagnostic, "the value is neither a 64-bit whole number nor a range of them; "
                                  "expected for example 42 or 1000-1999");
    if (entry->low > entry->high)
        return refuse(diagnostic,
                      "the range ends before it begins; expected the smaller number first");
    return true;
}

static struct text format_range(const struct list_entry *entry,
                                char ret_bytes[LIST_ENTRY_TEXT_SIZE]) {
    int length = snprintf(ret_bytes, LIST_ENTRY_TEXT_SIZE, "%" PRId64, entry->low);
    if (entry->high != entry->low)
        length += snprintf(ret_bytes + length, LIST_ENTRY_TEXT_SIZE - (size_t)length, "-%" PRId64,
                           entry->high);
    return (struct text){.data = ret_bytes, .length = (size_t)length};
}

/* ------------------------------------------------------------------------------------------------
 * Entries */

/* A range is checked by its ends only: a range of accounts legitimately contains numbers with a
 * valid check digit. */
static bool has_card_number(enum list_kind kind, struct text value,
                            const struct list_entry *entry) {
    if (text_is_card_number(value))
        return true;
    if (kind != LIST_INTEGERS)
        return false;
    for (int i = 0; i < 2; i++) {
        char digits[24];
        int length = snprintf(digits, sizeof digits, "%" PRId64, i ? entry->high : entry->low);
        if (text_is_card_number((struct text){.data = digits, .length = (size_t)length}))
            return true;
    }
    return false;
}

bool list_entry_parse(enum list_kind kind, bool card_numbers, struct text value,
                      struct list_entry *ret_entry, struct list_diagnostic *ret_diagnostic) {
    struct list_entry entry = {.text = value, .until_us = LIST_FOREVER};
    if (value.length == 0)
        return refuse(ret_diagnostic, "the value is empty");
    if (value.length > LIST_ENTRY_SIZE_MAX)
        return refuse(ret_diagnostic, "the value is longer than %u bytes", LIST_ENTRY_SIZE_MAX);
    if (!text_is_clean(value, NULL))
        return refuse(ret_diagnostic, "the value contains a control character or invalid UTF-8");
    if (kind == LIST_NETWORKS && !parse_network_entry(value, &entry, ret_diagnostic))
        return false;
    if (kind == LIST_INTEGERS && !parse_range_entry(value, &entry, ret_diagnostic))
        return false;
    if (!card_numbers && has_card_number(kind, value, &entry))
        return refuse(ret_diagnostic, "the value looks like a card number; expected a token (or "
                                      "card_numbers: allow for this list)");
    *ret_entry = entry;
    return true;
}

struct text list_entry_format(enum list_kind kind, const struct list_entry *entry,
                              char ret_bytes[LIST_ENTRY_TEXT_SIZE]) {
    switch (kind) {
    case LIST_NETWORKS:
        return format_network(&entry->network, ret_bytes);
    case LIST_INTEGERS:
        return format_range(entry, ret_bytes);
    case LIST_TEXTS:
    case LIST_KIND_COUNT:
        break;
    }
    return entry->text;
}

bool list_until_parse(struct text value, int64_t *ret_until_us) {
    int64_t us;
    if (calendar_parse_date(value, &us) < 0 && calendar_parse_timestamp(value, &us) < 0)
        return false;
    if (us <= 0)
        return false;
    *ret_until_us = us;
    return true;
}
