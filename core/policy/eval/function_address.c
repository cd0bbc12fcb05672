/* Functions on addresses, of machines and of mail. */
#include "function_address.h"

#include "core/policy/lang/ip_network.h"
#include "function_text.h"

#define DOMAIN_MAX 253 /* bytes of a name in the DNS (RFC 1035) */

struct value function_network(const struct value *a, struct arena *arena) {
    char text[IP_NETWORK_SIZE];
    if (a[1].integer < 0 || a[1].integer > IP_NETWORK_V4_BITS_MAX || a[2].integer < 0 ||
        a[2].integer > IP_NETWORK_V6_BITS_MAX)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    size_t length = ip_network(a[0].text, (unsigned)a[1].integer, (unsigned)a[2].integer, text);
    if (length == 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    struct text t = arena_text(arena, (struct text){.data = text, .length = length});
    return t.data ? value_text(t) : error_value(EXPRESSION_TOO_LARGE);
}

/* What may be in a label: bit c % 64 of [c / 64]. Letters, digits, hyphens, underscores and what is
 * not ASCII. */
static const uint64_t label_characters[4] = {
    UINT64_C(0x3ff) << '0' | UINT64_C(1) << '-',
    UINT64_C(0x3ffffff) << ('A' - 64) | UINT64_C(0x3ffffff) << ('a' - 64) |
        UINT64_C(1) << ('_' - 64),
    UINT64_MAX,
    UINT64_MAX,
};

/* Labels with dots between them. */
static bool is_domain(struct text t) {
    bool label = false; /* has the current one a character? */
    for (size_t i = 0; i < t.length; i++) {
        unsigned char c = (unsigned char)t.data[i];
        if (label_characters[c / 64] >> c % 64 & 1) {
            label = true;
            continue;
        }
        if (c != '.' || !label)
            return false;
        label = false;
    }
    return label && t.length <= DOMAIN_MAX;
}

struct value function_email_domain(const struct value *a, struct arena *arena) {
    struct text t = a[0].text;
    const char *at = t.data ? memrchr(t.data, '@', t.length) : NULL;
    if (!at || at == t.data)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    struct text domain = {.data = at + 1, .length = t.length - (size_t)(at + 1 - t.data)};
    if (!is_domain(domain))
        return error_value(EXPRESSION_BAD_ARGUMENT);
    struct value v = value_text(domain);
    return function_lower_ascii(&v, arena);
}
