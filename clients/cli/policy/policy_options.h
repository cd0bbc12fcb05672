/* The command line of harrier policy. */
#pragma once

#include "clients/cli/terminal/progress_option.h"
#include "policy_choice.h"
#include "promotion_terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_WORDS_MAX 2 /* after the archive */

enum policy_task {
    POLICY_LIST,
    POLICY_SHOW,
    POLICY_DIFF,
    POLICY_EXPORT,
    POLICY_ROLLBACK,
    POLICY_PROMOTE,
    POLICY_ARMS,
    POLICY_TASK_COUNT
};

/* One of the command line's policies: of the archive, or in a folder. */
struct policy_word {
    struct policy_choice policy;
    const char *folder; /* NULL: of the archive */
};

/* The texts are argv's. */
struct policy_command {
    enum policy_task task; /* POLICY_TASK_COUNT: none yet */
    const char *archive;
    const char *words[POLICY_WORDS_MAX];
    size_t word_count;
    struct policy_word choices[POLICY_WORDS_MAX]; /* the words that are policies */
    const char *target;                           /* the folder whose files change */
    const char *candidate;                        /* promote: its folder; NULL: the challenger */
    bool json, quiet, count, full, dry_run;
    bool has_from, has_range; /* --from; any of it */
    int64_t from_us, until_us, outcomes_after_us;
    struct promotion_terms terms;
    const char *card; /* NULL: the usual one */
    uint64_t k, reviews;
    bool has_contest; /* any option that only a candidate needs */
    enum progress_choice progress;
};

/* Ends the process with a message if it is wrong, or after --help. */
void policy_command_parse(int argc, char **argv, struct policy_command *ret_command);
