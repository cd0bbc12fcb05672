/* The command line of `harrier tune`. What it says about rules and money is checked against the
 * policy, once that is loaded. */
#pragma once

#include "batch/tune/tune.h"
#include "clients/cli/terminal/progress_bar.h"

struct tune_command {
    const char *archive, *policy, *out, *flips; /* out, flips: NULL: not given */
    const char *rules;                          /* names between commas; NULL: all live ones */
    const char *missed;                         /* --max-money-missed as typed; NULL: not given */
    struct tune_range train, test;
    struct tune_aim aim;
    bool kinds[TUNABLE_KINDS];
    int64_t outcomes_after_us; /* −1: not given */
    uint64_t threads, memory_bytes, listed;
    bool json, quiet;
    enum progress_choice progress;
};

/* Ends the process on faults (64) and after --help, as argp does. */
void tune_command_parse(int argc, char **argv, struct tune_command *ret_command);

/* The rules of --rules, or all live ones; *ret_rules is heap memory. ERROR_INVALID: no such rule,
 * or it is not live. */
int tune_command_rules(const struct tune_command *command, const struct snapshot *policy,
                       size_t **ret_rules, size_t *ret_count, struct error *ret_error);
/* The aim, with --max-money-missed in the policy's currency. ERROR_INVALID */
int tune_command_aim(const struct tune_command *command, const struct snapshot *policy,
                     struct tune_aim *ret_aim, struct error *ret_error);
