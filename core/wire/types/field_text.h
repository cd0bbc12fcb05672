/* Checks and quotation of texts from outside, for messages that name a field. Internal to
 * core/wire. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

/* A value in quotation marks as a message may show it: at most QUOTED_BYTES_MAX bytes, and nothing
 * of a value with 13 or more digits, which may contain a card number. */
#define QUOTED_BYTES_MAX 40
struct quoted {
    char string[QUOTED_BYTES_MAX + 16];
};
struct quoted field_quote(struct text value);

/* At most `max` bytes of UTF-8 without control characters; empty is allowed. The message starts
 * with `field`. ERROR_INVALID. */
int field_check_any_text(const char *field, struct text value, size_t max, struct error *ret_error);
/* The same, without a call for printable ASCII, which most texts are. */
static inline int field_check_text(const char *field, struct text value, size_t max,
                                   struct error *ret_error) {
    if (value.length <= max && text_is_plain(value))
        return 0;
    return field_check_any_text(field, value, max, ret_error);
}
/* The same, and not empty. */
int field_check_required(const char *field, struct text value, size_t max, struct error *ret_error);

/* 0, or ERROR_INVALID outside 1970-01-01…9999-12-31 in microseconds. 0 itself is allowed. */
int field_check_time(const char *field, int64_t time_us, struct error *ret_error);

/* 1 to `max`: ERROR_INVALID for none, ERROR_TOO_LARGE for more. */
int field_check_count(const char *field, size_t count, size_t max, struct error *ret_error);

/* At most `max` bytes of a well-formed text, cut between two characters. */
struct text field_cut(struct text value, size_t max);
