/* The command line of `harrier train`. */
#pragma once

#include "batch/train/train_confirm.h"
#include "clients/cli/terminal/progress_bar.h"

struct train_command {
    const char *archive, *policy, *model, *out;
    struct train_range train, test;
    struct train_confirm_options confirm;
    int64_t outcomes_after_us; /* −1: not given */
    uint64_t seed, threads, memory_bytes;
    bool json, quiet;
    enum progress_choice progress;
};

/* Ends the process on faults (64) and after --help, as argp does. */
void train_command_parse(int argc, char **argv, struct train_command *ret_command);
