/* A night on its way: what was asked for, its folders and its journal. */
#pragma once

#include "clients/cli/terminal/progress_bar.h"
#include "core/base/error.h"
#include "core/store/nights/night_journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum night_verification { NIGHT_VERIFY_SAMPLE, NIGHT_VERIFY_WHOLE, NIGHT_VERIFY_NONE };

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
