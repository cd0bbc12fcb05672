/* A run of bytes that somebody else owns: what protobuf, YAML and the archive hand us.
 *
 * Not NUL-terminated and may hold any byte; whoever accepts one from outside calls text_is_clean().
 * A struct text in a struct that crosses a layer points into memory named in that struct's comment.
 */
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

static inline bool text_equal(struct text a, struct text b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool text_is(struct text a, const char *string) {
    return text_equal(a, text_of(string));
}

/* Bytewise order, the shorter of two equal prefixes first: <0, 0, >0. */
int text_compare(struct text a, struct text b);

/* ASCII's, whatever the locale. */
static inline bool text_is_digit(int c) {
    return c >= '0' && c <= '9';
}
/* Of UTF-8: does a character begin with this byte? */
static inline bool text_begins_character(char byte) {
    return ((unsigned char)byte & 0xc0) != 0x80;
}

/* Well-formed UTF-8 without NUL or other C0 control characters (RFC 3629: no surrogates, no
 * overlong forms). On false, *ret_offset (may be NULL) is the first offending byte. */
bool text_is_clean(struct text t, size_t *ret_offset);

/* A 13–19 digit number that passes the Luhn check, once spaces and hyphens are left out: it looks
 * like a card number and must not be stored (PCI DSS 3.3/3.5). */
bool text_is_card_number(struct text t);

/* A heap copy with a NUL behind it; free() it. Never NULL (out of memory ends the process). */
char *text_copy(struct text t);

/* How far apart two names are (Damerau–Levenshtein, adjacent swaps count once), for "did you mean".
 * Bounded: names over 64 bytes compare as SIZE_MAX. */
size_t text_distance(struct text a, struct text b);
