/* Times on a command line: "2026-01-31T18:00:00Z", or a day, "2026-01-31", which is its first
 * moment in UTC. */
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* Microseconds. false: the text is not a time. */
bool time_text_parse(const char *text, int64_t *ret_us);

/* The same for an option. What is not a time ends the process with a message about --name, as argp
 * does. */
int64_t time_option_parse(const char *name, const char *value, struct argp_state *state);

/* Two of them, "2026-01-01..2026-03-01": event times in [from, until). */
void range_option_parse(const char *name, const char *value, struct argp_state *state,
                        int64_t *ret_from_us, int64_t *ret_until_us);
/* Ends the process if the range [from, until) holds nothing. Without an end, until_us is INT64_MAX.
 */
void time_range_check(const char *from_name, int64_t from_us, const char *until_name,
                      int64_t until_us, const struct argp_state *state);

/* --for and --until of what ends at some time: a period from now, 1 s to ten years, and a moment.
 * Microseconds; they end the process likewise. */
int64_t for_option_parse(const char *value, struct argp_state *state);
int64_t until_option_parse(const char *value, struct argp_state *state);
