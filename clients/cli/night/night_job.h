/* A night on its way: what was asked for, its folders and its journal. */
#pragma once

#include "clients/cli/policy/promotion_terms.h"
#include "clients/cli/terminal/progress_bar.h"
#include "core/base/error.h"
#include "core/store/nights/night_journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum night_verification { NIGHT_VERIFY_SAMPLE, NIGHT_VERIFY_WHOLE, NIGHT_VERIFY_NONE };

/* Of the steps train and compare. */
struct night_model_options {
    const char *policy;  /* folder of the policy in force */
    const char *train;   /* the model to train; NULL: none */
    const char *program; /* that trains it; NULL: this one */
    uint64_t train_days; /* of event time, to train on */
    uint64_t every_days; /* between two trainings */
    int64_t timeout_us;
    int64_t outcomes_after_us;    /* how old mature transactions are */
    uint64_t kept;                /* candidates */
    struct promotion_terms terms; /* none: no comparison */
};

struct night_options {
    const char *data;
    enum night_verification verification;
    const char *hook; /* NULL: none */
    int64_t hook_timeout_us;
    const char *rejects; /* NULL: the usual one in the data folder */
    bool has_drift;
    uint64_t retries;
    int64_t retry_delay_us;
    uint64_t keep_days;
    struct night_model_options models;
    /* of the rebuild */
    uint64_t memory_bytes; /* 0: a quarter of the machine's */
    size_t threads, generations;
    uint64_t id_days; /* as in rebuild_options.h */
    bool full, drop_cache, keep_all_ids;
};

struct night_run {
    const struct night_options *options;
    char *archive, *generations;
    int root;    /* DATA/nights */
    int drift;   /* DATA/nights/drift */
    int folder;  /* of this night */
    int64_t day; /* of its date */
    struct night_journal journal;
    struct progress_bar *progress;
    bool is_final;   /* the step that failed is not to be tried again */
    bool is_belated; /* of a date that was asked for: the summary of a newer night stays */
};
