#include "value.h"

#include "hash.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const type_names[] = {
    [VALUE_ABSENT] = "absent",     [VALUE_BOOL] = "bool",   [VALUE_INT] = "int",
    [VALUE_DOUBLE] = "double",     [VALUE_TEXT] = "string", [VALUE_TIMESTAMP] = "timestamp",
    [VALUE_DURATION] = "duration", [VALUE_ERROR] = "error", [VALUE_LIST] = "list",
    [VALUE_MAP] = "map",
};

const char *value_type_name(enum value_type type) {
    if ((size_t)type >= sizeof type_names / sizeof *type_names)
        return "unknown";
    return type_names[type];
}

static uint64_t double_bits(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static bool items_equal(const struct value_items *a, const struct value_items *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!value_equal(a->values[i], b->values[i]))
            return false;
    return true;
}

bool value_equal(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_ABSENT:
        return true;
    case VALUE_BOOL:
        return a.boolean == b.boolean;
    case VALUE_DOUBLE:
        return double_bits(a.number) == double_bits(b.number);
    case VALUE_TEXT:
        return text_equal(a.text, b.text);
    case VALUE_ERROR:
        return a.error_code == b.error_code;
    case VALUE_LIST:
    case VALUE_MAP:
        return items_equal(a.items, b.items);
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return a.integer == b.integer;
    }
    return false;
}

static uint64_t hash_items(const struct value_items *items) {
    uint64_t hash = items->count;
    for (size_t i = 0; i < items->count; i++)
        hash = value_hash(items->values[i], hash);
    return hash;
}

uint64_t value_hash(struct value v, uint64_t seed) {
    /* Type and eight bytes of payload in a fixed byte order; a text is hashed by itself first. */
    uint64_t payload = 0;
    switch (v.type) {
    case VALUE_ABSENT:
        break;
    case VALUE_BOOL:
        payload = v.boolean;
        break;
    case VALUE_DOUBLE:
        payload = double_bits(v.number);
        break;
    case VALUE_TEXT:
        payload = hash_text(v.text);
        break;
    case VALUE_ERROR:
        payload = (uint64_t)v.error_code;
        break;
    case VALUE_LIST:
    case VALUE_MAP:
        payload = hash_items(v.items);
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        payload = (uint64_t)v.integer;
        break;
    }
    uint8_t bytes[9] = {(uint8_t)v.type};
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (uint8_t)(payload >> (8 * i));
    return hash64(bytes, sizeof bytes, seed);
}

static int format_double(double number, char *ret_string, size_t size) {
    if (isnan(number))
        return snprintf(ret_string, size, "nan");
    if (isinf(number))
        return snprintf(ret_string, size, number < 0 ? "-inf" : "inf");
    /* A decimal of up to DBL_DIG digits comes back from a double, and %g leaves out zeros at its
     * end: so the first of three tries has the fewest digits. Subnormals do not promise that. */
    char digits[40];
    for (int precision = isnormal(number) ? DBL_DIG : 1; precision <= DBL_DECIMAL_DIG;
         precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number)
            break;
    }
    return snprintf(ret_string, size, "%s", digits);
}

static int format_timestamp(int64_t us, char *ret_string, size_t size) {
    int64_t seconds = us / 1000000, rest = us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    struct tm tm;
    time_t time = (time_t)seconds;
    char date[40];
    if (!gmtime_r(&time, &tm) || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return snprintf(ret_string, size, "%" PRId64 "us", us);
    if (rest == 0)
        return snprintf(ret_string, size, "%sZ", date);
    return snprintf(ret_string, size, "%s.%06" PRId64 "Z", date, rest);
}

static int format_duration(int64_t us, char *ret_string, size_t size) {
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    const char *sign = us < 0 ? "-" : "";
    if (magnitude % 1000000 == 0)
        return snprintf(ret_string, size, "%s%" PRIu64 "s", sign, magnitude / 1000000);
    return snprintf(ret_string, size, "%s%" PRIu64 ".%06" PRIu64 "s", sign, magnitude / 1000000,
                    magnitude % 1000000);
}

/* Appends at `length`, like snprintf: what does not fit is counted all the same. */
static int format_part(struct value v, int length, char *ret_string, size_t size) {
    size_t at = (size_t)length < size ? (size_t)length : size;
    return length + value_format(v, ret_string + at, size - at);
}

static int format_items(struct value v, char *ret_string, size_t size) {
    bool list = v.type == VALUE_LIST;
    int length = format_part(value_text(text_of(list ? "[" : "{")), 0, ret_string, size);
    for (size_t i = 0; i < v.items->count; i++) {
        const char *between = i == 0 ? "" : list || i % 2 == 0 ? ", " : ": ";
        length = format_part(value_text(text_of(between)), length, ret_string, size);
        length = format_part(v.items->values[i], length, ret_string, size);
    }
    return format_part(value_text(text_of(list ? "]" : "}")), length, ret_string, size);
}

int value_format(struct value v, char *ret_string, size_t size) {
    switch (v.type) {
    case VALUE_ABSENT:
        return snprintf(ret_string, size, "%s", "");
    case VALUE_BOOL:
        return snprintf(ret_string, size, "%s", v.boolean ? "true" : "false");
    case VALUE_INT:
        return snprintf(ret_string, size, "%" PRId64, v.integer);
    case VALUE_DOUBLE:
        return format_double(v.number, ret_string, size);
    case VALUE_TEXT:
        return snprintf(ret_string, size, "%" TEXT_FORMAT, TEXT_ARGS(v.text));
    case VALUE_TIMESTAMP:
        return format_timestamp(v.integer, ret_string, size);
    case VALUE_DURATION:
        return format_duration(v.integer, ret_string, size);
    case VALUE_ERROR:
        return snprintf(ret_string, size, "error %d", v.error_code);
    case VALUE_LIST:
    case VALUE_MAP:
        return format_items(v, ret_string, size);
    }
    return snprintf(ret_string, size, "%s", "");
}
