/* Parsers are strict: the whole text or nothing, no signs, no spaces, a unit where one is needed.
 * Arithmetic is in integers, so that "1.5m" is exact; overflow is refused, never wrapped.
 * Formatting rounds for people and is not meant to be parsed again. */
#include "quantity.h"

#include "core/base/value.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DURATION_US_MAX (INT64_C(36525) * 86400 * 1000000)

/* "m" is a minute, never a month. */
static const struct unit {
    const char *name;
    int64_t us;
} units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", INT64_C(60) * 1000000},
    {"min", INT64_C(60) * 1000000},
    {"h", INT64_C(3600) * 1000000},
    {"d", INT64_C(86400) * 1000000},
};

/* Units are case-sensitive: "M" is not a minute. */
static const struct unit *find_unit(const char *name) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

bool quantity_parse_duration(const char *text, int64_t *ret_us) {
    const char *at = text;
    int64_t whole = 0, fraction = 0, scale = 1;
    if (!isdigit((unsigned char)*at))
        return false;
    for (; isdigit((unsigned char)*at); at++) {
        whole = whole * 10 + (*at - '0');
        if (whole > DURATION_US_MAX)
            return false;
    }
    if (*at == '.') {
        at++;
        if (!isdigit((unsigned char)*at))
            return false;
        for (; isdigit((unsigned char)*at); at++) {
            if (scale < 1000000) { /* what is finer than a millionth of the unit is dropped */
                fraction = fraction * 10 + (*at - '0');
                scale *= 10;
            }
        }
    }
    const struct unit *unit = find_unit(at);
    if (!unit || whole > DURATION_US_MAX / unit->us)
        return false;
    int64_t us = whole * unit->us + (int64_t)((__int128)fraction * unit->us / scale);
    if (us > DURATION_US_MAX)
        return false;
    *ret_us = us;
    return true;
}

bool quantity_parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *ret_count) {
    uint64_t count = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text) || count > UINT64_MAX / 10)
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (count * 10 > UINT64_MAX - digit)
            return false;
        count = count * 10 + digit;
    }
    if (count < least || count > most)
        return false;
    *ret_count = count;
    return true;
}

bool quantity_parse_bytes(const char *text, uint64_t *ret_bytes) {
    static const char letters[] = "KMGT";
    uint64_t whole = 0, fraction = 0, scale = 1;
    const char *at = text;
    for (; isdigit((unsigned char)*at) && whole < 1000000000; at++)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (at > text && *at == '.')
        for (at++; isdigit((unsigned char)*at) && scale < 1000; at++) {
            fraction = fraction * 10 + (uint64_t)(*at - '0');
            scale *= 10;
        }
    const char *letter = at > text && *at ? strchr(letters, *at) : NULL;
    if (!letter || (at[1] && strcmp(at + 1, "B") != 0 && strcmp(at + 1, "iB") != 0))
        return false;
    unsigned shift = 10 * (unsigned)(letter - letters + 1);
    if (whole >= UINT64_C(1) << (63 - shift))
        return false;
    *ret_bytes = (whole << shift) + (uint64_t)(((unsigned __int128)fraction << shift) / scale);
    return true;
}

const char *quantity_format_time(int64_t us, char ret_text[QUANTITY_TIME_SIZE]) {
    value_format(value_timestamp(us), ret_text, QUANTITY_TIME_SIZE);
    return ret_text;
}

const char *quantity_format_count(uint64_t count, char ret_text[QUANTITY_COUNT_SIZE]) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *to = ret_text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return ret_text;
}

const char *quantity_format_bytes(uint64_t bytes, char ret_text[QUANTITY_BYTES_SIZE]) {
    static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double amount = (double)bytes;
    size_t i = 0;
    while (amount >= 1024 && i + 1 < sizeof names / sizeof *names) {
        amount /= 1024;
        i++;
    }
    snprintf(ret_text, QUANTITY_BYTES_SIZE, i ? "%.1f %s" : "%.0f %s", amount, names[i]);
    return ret_text;
}

const char *quantity_format_duration(uint64_t us, char ret_text[QUANTITY_DURATION_SIZE]) {
    uint64_t seconds = us / 1000000;
    if (us < 1000)
        snprintf(ret_text, QUANTITY_DURATION_SIZE, "%llu µs", (unsigned long long)us);
    else if (us < 1000000)
        snprintf(ret_text, QUANTITY_DURATION_SIZE, "%.2f ms", (double)us / 1e3);
    else if (seconds < 60)
        snprintf(ret_text, QUANTITY_DURATION_SIZE, "%.2f s", (double)us / 1e6);
    else if (seconds < 3600)
        snprintf(ret_text, QUANTITY_DURATION_SIZE, "%llu min %02llu s",
                 (unsigned long long)(seconds / 60), (unsigned long long)(seconds % 60));
    else if (seconds < 86400)
        snprintf(ret_text, QUANTITY_DURATION_SIZE, "%llu h %02llu min",
                 (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60));
    else
        snprintf(ret_text, QUANTITY_DURATION_SIZE, "%llu d %llu h",
                 (unsigned long long)(seconds / 86400), (unsigned long long)(seconds / 3600 % 24));
    return ret_text;
}
