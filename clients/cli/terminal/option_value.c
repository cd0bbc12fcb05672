/* One parser and one message for each kind of value, so that every command refuses a wrong value in
 * the same words. */
#include "option_value.h"

#include "core/base/text.h"
#include "quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORDS_BYTES 128 /* all words of a choice, with commas */

void one_word_refuse(const char *word, const char *what, struct argp_state *state) {
    argp_error(state, "\"%s\": one %s at a time", word, what);
}

void any_word_refuse(const char *word, const char *hint, struct argp_state *state) {
    argp_error(state, "unexpected \"%s\" (%s)", word, hint);
}

uint64_t count_option_parse(const char *name, const char *value, uint64_t least, uint64_t most,
                            struct argp_state *state) {
    uint64_t count = least;
    if (quantity_parse_count(value, least, most, &count))
        return count;
    /* Without a limit worth naming, the largest integer would only puzzle the reader. */
    if (most == UINT64_MAX)
        argp_error(state, "%s: \"%s\" is not a whole number from %" PRIu64 " on", name, value,
                   least);
    else
        argp_error(state, "%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64, name, value,
                   least, most);
    return count;
}

uint64_t duration_option_parse(const char *name, const char *value, uint64_t least_us,
                               uint64_t most_us, struct argp_state *state) {
    char least[QUANTITY_DURATION_SIZE], most[QUANTITY_DURATION_SIZE];
    int64_t us = 0;
    if (!quantity_parse_duration(value, &us))
        argp_error(state, "%s: \"%s\" is not a duration (expected for example 500ms, 30s, 36h, 7d)",
                   name, value);
    else if ((uint64_t)us < least_us)
        argp_error(state, "%s: \"%s\" is too short (expected at least %s)", name, value,
                   quantity_format_duration(least_us, least));
    else if ((uint64_t)us > most_us)
        argp_error(state, "%s: \"%s\" is too long (expected at most %s)", name, value,
                   quantity_format_duration(most_us, most));
    return (uint64_t)us;
}

uint64_t bytes_option_parse(const char *name, const char *value, uint64_t least,
                            struct argp_state *state) {
    char needed[QUANTITY_BYTES_SIZE];
    uint64_t bytes = 0;
    if (!quantity_parse_bytes(value, &bytes))
        argp_error(state, "%s: \"%s\" is not an amount of memory (expected for example 512M or 2G)",
                   name, value);
    else if (bytes < least)
        argp_error(state, "%s: \"%s\" is too small (expected at least %s)", name, value,
                   quantity_format_bytes(least, needed));
    return bytes;
}

size_t choice_option_parse(const char *name, const char *value, const char *const *words,
                           size_t count, struct argp_state *state) {
    char expected[WORDS_BYTES];
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], value) == 0)
            return i;
    text_join_names(words, count, " or ", expected, sizeof expected);
    argp_error(state, "%s: \"%s\" (expected %s)", name, value, expected);
    return 0;
}

bool id_horizon_option_parse(const char *value, uint64_t *ret_days, struct argp_state *state) {
    const uint64_t day_us = UINT64_C(86400) * 1000000;
    *ret_days = 0;
    if (strcmp(value, "all") == 0)
        return true;
    uint64_t us =
        duration_option_parse("--id-horizon", value, day_us, UINT64_C(36500) * day_us, state);
    if (us % day_us != 0)
        argp_error(state, "--id-horizon: \"%s\" is not a number of days, such as 400d", value);
    *ret_days = us / day_us;
    return false;
}
