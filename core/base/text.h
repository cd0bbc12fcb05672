/* Bytes that another object owns: what protobuf, YAML and the archive give us.
 *
 * Not NUL-terminated, and may contain any byte; code that accepts one from outside calls
 * text_is_clean(). A struct text in a struct that crosses a layer points into memory named in that
 * struct's comment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *data;
    size_t length; /* bytes */
};

/* For printf: printf("%" TEXT_FORMAT, TEXT_ARGS(t)) */
#define TEXT_FORMAT     ".*s"
#define TEXT_ARGS(t)    ((int)(t).length), ((t).data ? (t).data : "")
#define TEXT_LITERAL(s) ((struct text){.data = (s), .length = sizeof(s) - 1})

static inline struct text text_of(const char *string) {
    return (struct text){.data = string, .length = string ? strlen(string) : 0};
}

/* A text whose two members were written a moment ago: read with one wide load, as compilers like
 * to, the processor would wait until both writes are done (no store forwarding). */
static inline struct text text_just_written(const struct text *t) {
    const char *data = t->data;
    __asm__("" : "+r"(data));
    return (struct text){.data = data, .length = t->length};
}

static inline uint64_t text_load8(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}
static inline uint32_t text_load4(const char *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Are two texts of the same length, at most TEXT_SHORT_MAX, equal? Two loads of each that may
 * overlap. */
#define TEXT_SHORT_MAX 16
static inline bool text_equal_short(struct text a, struct text b) {
    size_t length = a.length;
    if (length >= 8)
        return ((text_load8(a.data) ^ text_load8(b.data)) |
                (text_load8(a.data + length - 8) ^ text_load8(b.data + length - 8))) == 0;
    if (length >= 4)
        return ((text_load4(a.data) ^ text_load4(b.data)) |
                (text_load4(a.data + length - 4) ^ text_load4(b.data + length - 4))) == 0;
    if (length == 0)
        return true;
    size_t middle = length / 2, last = length - 1;
    return ((a.data[0] ^ b.data[0]) | (a.data[middle] ^ b.data[middle]) |
            (a.data[last] ^ b.data[last])) == 0;
}

/* Most texts are short, and a call takes longer than comparing them. */
static inline bool text_equal(struct text a, struct text b) {
    if (a.length != b.length)
        return false;
    return a.length > TEXT_SHORT_MAX ? memcmp(a.data, b.data, a.length) == 0
                                     : text_equal_short(a, b);
}

static inline bool text_is(struct text a, const char *string) {
    return text_equal(a, text_of(string));
}

/* memcpy() without a call for short texts, which most are: two pieces that may overlap. */
static inline void text_put(uint8_t *to, struct text t) {
    size_t length = t.length;
    if (length > TEXT_SHORT_MAX) {
        memcpy(to, t.data, length);
    } else if (length >= 8) {
        memcpy(to, t.data, 8);
        memcpy(to + length - 8, t.data + length - 8, 8);
    } else if (length >= 4) {
        memcpy(to, t.data, 4);
        memcpy(to + length - 4, t.data + length - 4, 4);
    } else if (length > 0) {
        to[0] = (uint8_t)t.data[0];
        to[length / 2] = (uint8_t)t.data[length / 2];
        to[length - 1] = (uint8_t)t.data[length - 1];
    }
}

/* For messages: "a, b or c", where `last` is what stands before the last one, such as " or ". Cut
 * if `size` bytes are too few. Returns ret_string. */
const char *text_join_names(const char *const *names, size_t count, const char *last,
                            char *ret_string, size_t size);

/* Bytewise order, the shorter of two equal prefixes first: <0, 0, >0. */
int text_compare(struct text a, struct text b);

/* ASCII's, whatever the locale. */
static inline bool text_is_digit(int c) {
    return c >= '0' && c <= '9';
}
/* Does a UTF-8 character start with this byte? */
static inline bool text_begins_character(char byte) {
    return ((unsigned char)byte & 0xc0) != 0x80;
}

/* Are the eight bytes not all printable ASCII? Additions do not carry into the next byte as long as
 * all are ASCII. */
static inline bool text_word_is_odd(uint64_t bytes) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (bytes | (bytes + ones) | ~(bytes + 0x60 * ones)) & 0x80 * ones;
}
/* Printable ASCII, as most texts are: a fast test that implies text_is_clean(). */
static inline bool text_is_plain(struct text t) {
    uint64_t bytes = 0;
    if (t.length >= 8) {
        for (size_t at = 0; at < t.length - 8; at += 8) {
            memcpy(&bytes, t.data + at, 8);
            if (text_word_is_odd(bytes))
                return false;
        }
        memcpy(&bytes, t.data + t.length - 8, 8);
    } else if (t.length >= 4) {
        uint32_t first, last;
        memcpy(&first, t.data, 4);
        memcpy(&last, t.data + t.length - 4, 4);
        bytes = (uint64_t)last << 32 | first;
    } else if (t.length > 0) {
        const unsigned char *at = (const unsigned char *)t.data;
        bytes = UINT64_C(0x2020202020000000) | (uint64_t)at[0] << 16 |
                (uint64_t)at[t.length / 2] << 8 | at[t.length - 1];
    } else {
        return true;
    }
    return !text_word_is_odd(bytes);
}

/* Well-formed UTF-8 without NUL or other C0 control characters (RFC 3629: no surrogates, no
 * overlong forms). On false, *ret_offset (may be NULL) is the first offending byte. */
bool text_is_clean(struct text t, size_t *ret_offset);

/* A 13–19 digit number that passes the Luhn check, once spaces and hyphens are left out: it looks
 * like a card number and must not be stored (PCI DSS 3.3/3.5). */
bool text_is_card_number(struct text t);
/* false: certainly not, without reading it. */
static inline bool text_may_be_card_number(struct text t) {
    return t.length >= 13 && t.data[0] <= '9';
}

/* A heap copy with a NUL after it; free() it. Never NULL (out of memory ends the process). */
char *text_copy(struct text t);

/* How far apart two names are (Damerau–Levenshtein, adjacent swaps count once), for "did you mean".
 * Bounded: names over 64 bytes compare as SIZE_MAX. */
size_t text_distance(struct text a, struct text b);
