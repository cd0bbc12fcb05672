/* Checks of texts from outside, and the edit distance for suggestions. Nothing here depends on the
 * locale. */
#include "text.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

const char *text_join_names(const char *const *names, size_t count, const char *last,
                            char *ret_string, size_t size) {
    size_t length = 0;
    ret_string[0] = '\0';
    for (size_t i = 0; i < count && length < size; i++) {
        const char *between = i == 0 ? "" : i + 1 == count ? last : ", ";
        length += (size_t)snprintf(ret_string + length, size - length, "%s%s", between, names[i]);
    }
    return ret_string;
}

/* The order of keys in tables and in canonical states: bytewise, as LMDB and memcmp() have it. */
int text_compare(struct text a, struct text b) {
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order == 0)
        order = (a.length > b.length) - (a.length < b.length);
    return order;
}

/* Length of the well-formed UTF-8 sequence at `at`, 0 if there is none (RFC 3629, table of section
 * 4: the second byte's range depends on the first). */
static size_t utf8_sequence(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t length;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf) {
        length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
        low = first == 0xe0 ? 0xa0 : 0x80;  /* no overlong forms */
        high = first == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
        low = first == 0xf0 ? 0x90 : 0x80;
        high = first == 0xf4 ? 0x8f : 0xbf; /* nothing beyond U+10FFFF */
    } else {
        return 0;
    }
    if (left < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool text_is_clean(struct text t, size_t *ret_offset) {
    const unsigned char *bytes = (const unsigned char *)t.data;
    size_t at = 0;
    if (text_is_plain(t))
        return true;
    while (at < t.length) {
        size_t length = utf8_sequence(bytes + at, t.length - at);
        if (length == 0 || bytes[at] < 0x20 || bytes[at] == 0x7f) {
            if (ret_offset)
                *ret_offset = at;
            return false;
        }
        at += length;
    }
    return true;
}

/* Luhn from the right: every second digit is doubled, and 9 is subtracted from two-digit results
 * (ISO/IEC 7812-1). */
bool text_is_card_number(struct text t) {
    unsigned digits = 0, sum = 0;
    if (t.length > 0 && t.data[0] > '9') /* as most tokens begin */
        return false;
    for (size_t i = t.length; i-- > 0;) {
        char c = t.data[i];
        if (c == ' ' || c == '-')
            continue;
        if (c < '0' || c > '9' || digits == 19)
            return false;
        unsigned digit = (unsigned)(c - '0');
        if (digits % 2 == 1)
            digit = digit < 5 ? digit * 2 : digit * 2 - 9;
        sum += digit;
        digits++;
    }
    return digits >= 13 && sum % 10 == 0;
}

char *text_copy(struct text t) {
    char *copy = check_malloc(t.length + 1);
    if (t.length)
        memcpy(copy, t.data, t.length);
    copy[t.length] = '\0';
    return copy;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment by dynamic programming over prefixes; a transposition looks two rows up.
 */
size_t text_distance(struct text a, struct text b) {
    enum { LONGEST = 64 };
    if (a.length > LONGEST || b.length > LONGEST)
        return SIZE_MAX;
    /* The last three rows of the table of distances between prefixes (optimal string alignment). */
    size_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t *now = rows[i % 3], *above = rows[(i - 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t change = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            now[j] = least(change, least(above[j] + 1, now[j - 1] + 1));
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                now[j] = least(now[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a.length % 3][b.length];
}
