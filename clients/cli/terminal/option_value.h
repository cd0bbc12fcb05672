/* Values of command-line options. Each function ends the process with a message about the option
 * (exit status 64, as argp does) when the value is not valid. `name` is the option as the user
 * types it: "--jobs". */
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For one argument too many: the word, and that there is one `what` at a time ("archive"). */
void one_word_refuse(const char *word, const char *what, struct argp_state *state);
/* For an argument where there are only options; hint: what to write instead. */
void any_word_refuse(const char *word, const char *hint, struct argp_state *state);

/* A whole number from `least` to `most`. */
uint64_t count_option_parse(const char *name, const char *value, uint64_t least, uint64_t most,
                            struct argp_state *state);

/* A duration with its unit ("500ms") from `least_us` to `most_us`; in microseconds. */
uint64_t duration_option_parse(const char *name, const char *value, uint64_t least_us,
                               uint64_t most_us, struct argp_state *state);

/* How long ids are kept: whole days, "400d", or "all", which returns true. */
bool id_horizon_option_parse(const char *value, uint64_t *ret_days, struct argp_state *state);
#define ID_HORIZON_ARGUMENT(key)                                                                   \
    {"id-horizon",                                                                                 \
     (key),                                                                                        \
     "DAYS",                                                                                       \
     0,                                                                                            \
     "Know ids for this many days, \"400d\", at least as long as the policy's windows; \"all\": "  \
     "for "                                                                                        \
     "ever (default: as the current tables say, at first all)",                                    \
     0}

/* An amount of memory with its unit ("512M"), at least `least`; in bytes. */
uint64_t bytes_option_parse(const char *name, const char *value, uint64_t least,
                            struct argp_state *state);

/* One of `count` words; returns its index. */
size_t choice_option_parse(const char *name, const char *value, const char *const *words,
                           size_t count, struct argp_state *state);
