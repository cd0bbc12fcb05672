/* One parser per kind, each of which must consume the whole text. Results are checked by
 * converting back, which catches 31 February and hour 24. The machine's time zone and locale play
 * no part; of strptime() only patterns without %s are taken for that reason. */
#include "timestamp.h"

#include "decimal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define TEXT_MAX    64

/* Has it only conversions that glibc's strptime() reads? Better found here than at each row. */
static bool is_pattern(const char *name) {
    for (const char *at = strchr(name, '%'); at; at = strchr(at + 1, '%')) {
        at += strspn(at + 1, "_-0^#EO") + 1;
        if (*at == '\0' || !strchr("%nthaAbBcCdDeFgGHIjklmMpPrRStTuUVwWxXyYzZ", *at))
            return false;
    }
    return true;
}

int timestamp_format_parse(const char *name, struct timestamp_format *ret_format,
                           struct error *ret_error) {
    static const struct {
        const char *name;
        enum timestamp_kind kind;
    } names[] = {
        {"rfc3339", TIMESTAMP_RFC3339},
        {"unix", TIMESTAMP_UNIX_SECONDS},
        {"unix_ms", TIMESTAMP_UNIX_MILLISECONDS},
        {"unix_us", TIMESTAMP_UNIX_MICROSECONDS},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *ret_format = (struct timestamp_format){.kind = names[i].kind};
            return 0;
        }
    }
    /* strptime's %s reads in the machine's time zone. */
    if (strstr(name, "%s"))
        return error_set(ret_error, ERROR_INVALID,
                         "%%s depends on the machine's time zone; use format: unix");
    if (!strchr(name, '%'))
        return error_set(
            ret_error, ERROR_INVALID,
            "\"%s\" is not a time format (expected rfc3339, unix, unix_ms, unix_us, or a "
            "pattern such as \"%%Y-%%m-%%d %%H:%%M:%%S\")",
            name);
    if (!is_pattern(name))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" is not a pattern of strptime(3); expected for example "
                         "\"%%Y-%%m-%%d %%H:%%M:%%S\"",
                         name);
    *ret_format = (struct timestamp_format){.kind = TIMESTAMP_PATTERN, .pattern = name};
    return 0;
}

/* Quotes the text, cut to a length that fits a message. */
static int not_a_time(struct text t, const char *expected, struct error *ret_error) {
    if (t.length > TEXT_MAX)
        t.length = TEXT_MAX;
    return error_set(ret_error, ERROR_INVALID, "\"%" TEXT_FORMAT "\" is not a time (expected %s)",
                     TEXT_ARGS(t), expected);
}

/* timegm() makes 31 February a day in March: what does not come back the same is not a date. */
static bool to_seconds(struct tm *tm, int64_t *ret_seconds) {
    struct tm asked = *tm, got;
    time_t seconds = timegm(tm);
    if (!gmtime_r(&seconds, &got) || got.tm_year != asked.tm_year || got.tm_mon != asked.tm_mon ||
        got.tm_mday != asked.tm_mday || got.tm_hour != asked.tm_hour ||
        got.tm_min != asked.tm_min || got.tm_sec != asked.tm_sec)
        return false;
    *ret_seconds = seconds;
    return true;
}

/* Up to six digits behind a point count; further ones are read and dropped. Returns what is behind
 * the fraction, NULL when there is a point without digits. */
static const char *parse_fraction(const char *at, int64_t *ret_us) {
    int64_t us = 0;
    *ret_us = 0;
    if (*at != '.')
        return at;
    const char *first = ++at;
    for (; *at >= '0' && *at <= '9'; at++)
        if (at - first < 6)
            us = us * 10 + (*at - '0');
    if (at == first)
        return NULL;
    for (long i = at - first; i < 6; i++)
        us *= 10;
    *ret_us = us;
    return at;
}

static bool two_digits(const char *at, int *ret_number) {
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *ret_number = (at[0] - '0') * 10 + (at[1] - '0');
    return true;
}

/* "Z", "+02:00", "-0330" or nothing at all. */
static bool parse_zone(const char *at, int64_t *ret_offset_seconds) {
    *ret_offset_seconds = 0;
    if (*at == '\0')
        return true;
    if (*at == 'Z' || *at == 'z')
        return at[1] == '\0';
    int hours, minutes;
    if ((*at != '+' && *at != '-') || !two_digits(at + 1, &hours))
        return false;
    const char *rest = at + 3;
    if (*rest == ':')
        rest++;
    if (!two_digits(rest, &minutes) || rest[2] != '\0' || hours > 23 || minutes > 59)
        return false;
    *ret_offset_seconds = (hours * 3600 + minutes * 60) * (*at == '-' ? -1 : 1);
    return true;
}

/* The separators' places are fixed, so the shape is walked along with the text. */
static bool parse_rfc3339(const char *string, int64_t *ret_us) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    int parts[7] = {0}; /* century, year, month, day, hour, minute, second */
    size_t part = 0;
    for (size_t i = 0; shape[i];) {
        if (shape[i] == 'd') {
            if (!two_digits(string + i, &parts[part++]))
                return false;
            i += 2;
        } else {
            bool separator = shape[i] == 'T' ? strchr("Tt ", string[i]) != NULL && string[i]
                                             : string[i] == shape[i];
            if (!separator)
                return false;
            i++;
        }
    }
    struct tm tm = {
        .tm_year = parts[0] * 100 + parts[1] - 1900,
        .tm_mon = parts[2] - 1,
        .tm_mday = parts[3],
        .tm_hour = parts[4],
        .tm_min = parts[5],
        .tm_sec = parts[6],
    };
    int64_t seconds, fraction, offset;
    const char *rest = parse_fraction(string + sizeof shape - 1, &fraction);
    if (!rest || !parse_zone(rest, &offset) || !to_seconds(&tm, &seconds))
        return false;
    *ret_us = (seconds - offset) * 1000000 + fraction;
    return true;
}

/* A fraction is only looked for where the seconds are last: elsewhere a point belongs to the
 * pattern. */
static bool parse_pattern(const char *string, const char *pattern, int64_t *ret_us) {
    struct tm tm = {.tm_year = 70, .tm_mday = 1};
    const char *rest = strptime(string, pattern, &tm);
    int64_t seconds, fraction = 0;
    if (!rest)
        return false;
    size_t length = strlen(pattern);
    if (length >= 2 &&
        (strcmp(pattern + length - 2, "%S") == 0 || strcmp(pattern + length - 2, "%T") == 0))
        rest = parse_fraction(rest, &fraction);
    long offset = tm.tm_gmtoff; /* of a %z; 0 without */
    if (!rest || *rest || !to_seconds(&tm, &seconds))
        return false;
    *ret_us = (seconds - offset) * 1000000 + fraction;
    return true;
}

/* Finer than a microsecond is rounded. */
static bool parse_unix(struct text t, unsigned digits, int64_t *ret_us) {
    struct error ignored;
    return decimal_parse_rounded(t, digits, ret_us, &ignored) == 0;
}

int timestamp_parse(struct text t, const struct timestamp_format *format, int64_t *ret_us,
                    struct error *ret_error) {
    char string[TEXT_MAX + 32] = {
        0}; /* room behind the text: fixed shapes may be read past its end */
    const char *expected = "RFC 3339, as 2018-04-01T00:00:31Z";
    int64_t us = 0;
    bool valid = t.length > 0 && t.length <= TEXT_MAX && !memchr(t.data, 0, t.length);
    if (valid)
        memcpy(string, t.data, t.length);
    switch (format->kind) {
    case TIMESTAMP_RFC3339:
        valid = valid && parse_rfc3339(string, &us);
        break;
    case TIMESTAMP_UNIX_SECONDS:
        expected = "seconds since 1970";
        valid = valid && parse_unix(t, 6, &us);
        break;
    case TIMESTAMP_UNIX_MILLISECONDS:
        expected = "milliseconds since 1970";
        valid = valid && parse_unix(t, 3, &us);
        break;
    case TIMESTAMP_UNIX_MICROSECONDS:
        expected = "microseconds since 1970";
        valid = valid && parse_unix(t, 0, &us);
        break;
    case TIMESTAMP_PATTERN:
        expected = format->pattern;
        valid = valid && parse_pattern(string, format->pattern, &us);
        break;
    }
    if (!valid)
        return not_a_time(t, expected, ret_error);
    if (us < 0 || us / 1000000 > SECONDS_MAX)
        return not_a_time(t, "a time between 1970 and 9999", ret_error);
    *ret_us = us;
    return 0;
}
