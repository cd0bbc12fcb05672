/* Messages have the form "FIELD … ; expected …", and never more of a value than field_quote()
 * shows. */
#include "field_text.h"

#include <inttypes.h>
#include <stdio.h>

#define TIME_US_MAX            INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */
#define CARD_NUMBER_DIGITS_MIN 13

/* Never splits a character, so what is cut is still UTF-8. */
struct text field_cut(struct text value, size_t max) {
    if (value.length <= max)
        return value;
    /* Back to the first byte of the character that does not fit. */
    while (max > 0 && ((unsigned char)value.data[max] & 0xc0) == 0x80)
        max--;
    value.length = max;
    return value;
}

static size_t count_digits(struct text value) {
    size_t digits = 0;
    for (size_t i = 0; i < value.length; i++)
        digits += value.data[i] >= '0' && value.data[i] <= '9';
    return digits;
}

/* Any 13 digits hide a value, in whatever order and with whatever between them: a card number must
 * not get into logs. */
struct quoted field_quote(struct text value) {
    struct quoted quoted;
    struct text shown = field_cut(value, QUOTED_BYTES_MAX);
    if (count_digits(value) >= CARD_NUMBER_DIGITS_MIN)
        snprintf(quoted.string, sizeof quoted.string, "(%zu bytes, not shown)", value.length);
    else if (!text_is_clean(value, NULL))
        snprintf(quoted.string, sizeof quoted.string, "(%zu bytes, not text)", value.length);
    else
        snprintf(quoted.string, sizeof quoted.string, "\"%" TEXT_FORMAT "%s\"", TEXT_ARGS(shown),
                 shown.length < value.length ? "…" : "");
    return quoted;
}

/* Names the first bad byte by its offset: the text itself may not be printable. */
int field_check_any_text(const char *field, struct text value, size_t max,
                         struct error *ret_error) {
    if (value.length > max)
        return error_set(ret_error, ERROR_INVALID, "%s has %zu bytes; expected at most %zu", field,
                         value.length, max);
    size_t offset;
    if (text_is_clean(value, &offset))
        return 0;
    unsigned char byte = (unsigned char)value.data[offset];
    if (byte < 0x20 || byte == 0x7f)
        return error_set(ret_error, ERROR_INVALID,
                         "%s has a control character (0x%02x) at byte %zu; expected none", field,
                         byte, offset);
    return error_set(ret_error, ERROR_INVALID, "%s is not valid UTF-8 at byte %zu (0x%02x)", field,
                     offset, byte);
}

int field_check_required(const char *field, struct text value, size_t max,
                         struct error *ret_error) {
    if (value.length == 0)
        return error_set(ret_error, ERROR_INVALID, "%s is missing; expected 1 to %zu bytes", field,
                         max);
    return field_check_text(field, value, max, ret_error);
}

int field_check_time(const char *field, int64_t time_us, struct error *ret_error) {
    if (time_us < 0)
        return error_set(ret_error, ERROR_INVALID,
                         "%s %" PRId64 " is before 1970-01-01; expected microseconds since then",
                         field, time_us);
    if (time_us > TIME_US_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "%s %" PRId64
                         " is after 9999-12-31; expected microseconds since 1970-01-01",
                         field, time_us);
    return 0;
}

int field_check_count(const char *field, size_t count, size_t max, struct error *ret_error) {
    if (count == 0)
        return error_set(ret_error, ERROR_INVALID, "%s are missing; expected 1 to %zu", field, max);
    if (count > max)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: %zu; expected at most %zu", field, count,
                         max);
    return 0;
}
