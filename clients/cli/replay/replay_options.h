/* The command line of `harrier replay`, and which of its options go together. */
#pragma once

#include "clients/cli/terminal/progress_bar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_command {
    const char *archive, *policy, *against;
    const char *features, *json, *html; /* files; "-": standard output */
    const char *resume;                 /* file to resume from; NULL: not given */
    const char *card;                   /* entity; NULL: the report's default */
    const char *review_price;           /* in major units, as typed: its currency is the policy's */
    bool recorded, counterfactual, walk_forward, known_now, from_generations, with_fields, quiet;
    enum progress_choice progress;
    int64_t from_us, to_us;     /* event times in [from, to); 0: no bound */
    int64_t outcomes_after_us;  /* −1: not given */
    int64_t blocked_after_days; /* −1: not given */
    int64_t blocked_from_us;    /* event time; 0: from_us */
    uint64_t threads;           /* 0: one for each processor */
    uint64_t k;
    bool has_listed;
    uint64_t listed;
};

/* Ends the process on faults (64) and after --help, as argp does. */
void replay_command_parse(int argc, char **argv, struct replay_command *ret_command);

/* Are figures wanted? The audit alone needs none. */
bool replay_command_reports(const struct replay_command *command);
/* How many changed decisions the report lists, and how many differences, refusals or changes
 * are reported one by one. */
uint64_t replay_command_kept(const struct replay_command *command);
uint64_t replay_command_reported(const struct replay_command *command);
/* Event time of the first row that the replay reports: those before from_us only say which
 * cards had fraud. 0: no bound. */
int64_t replay_command_first_us(const struct replay_command *command);
/* Does a file of the command go to standard output? Then nothing else does. */
bool replay_command_takes_stdout(const struct replay_command *command);
