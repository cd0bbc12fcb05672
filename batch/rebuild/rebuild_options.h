/* What a rebuild is asked for, its phases, and what it reports. */
#pragma once

#include "batch/thresholds/threshold_report.h"

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/overlay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Less is taken, but not kept: LMDB's pages alone take a part of it. */
#define REBUILD_MEMORY_MIN (UINT64_C(64) << 20)
#define REBUILD_KEEP       3

struct rebuild_options {
    const char *archive;     /* folder of the archive */
    const char *generations; /* folder of the generations; made when missing */
    const char *policy;    /* folder whose features are folded; NULL: the archive's last snapshot */
    bool force;            /* also when the current generation is what would be built */
    bool full;             /* not from the current generation on */
    const char *version;   /* of this program, for the manifest */
    int64_t now_us;        /* for the manifest */
    uint64_t memory_bytes; /* at most, files that are mapped not counted; 0: a quarter of the
                              machine's */
    size_t threads;        /* that read and fold, beside one that writes; 0: one for each core */
    size_t partitions;     /* ranges of each table's keys, for tests; 0: as many as are good */
    size_t keep;           /* generations to keep, the new one included; 0: REBUILD_KEEP */
    bool keep_thresholds;  /* those in force, as they are: computes none */
    bool accept_changes;   /* of thresholds and cut-offs, whatever their guards say */
    bool drop_cache;       /* tell the system that what was read is not needed again */
};

enum rebuild_phase {
    REBUILD_PREPARE,    /* finding the last sync mark, the policy, where to go on from */
    REBUILD_SCAN,       /* reading the archive: what each record means to whom */
    REBUILD_FOLD,       /* states out of that, and tables in key order */
    REBUILD_THRESHOLDS, /* thresholds and cut-offs, from the transactions and the states */
    REBUILD_VERIFY,     /* reading them back */
    REBUILD_PUBLISH,    /* syncing, switching over, removing old ones */
    REBUILD_PHASE_COUNT
};

const char *rebuild_phase_name(enum rebuild_phase phase); /* "prepare", "scan", … */

struct rebuild_report {
    bool up_to_date; /* nothing was built: the current generation is what would be built */
    struct generation_manifest manifest; /* of the generation that is current now */
    struct tally tally;                  /* of the archive up to its place */
    uint64_t from_position;              /* what the rebuild went on from; 0: it was full */
    char full_because[512];              /* where it was: why */
    char warning[512];                   /* what somebody should look at; "" mostly */
    uint64_t records;                    /* read */
    size_t threads;
    uint64_t memory_bytes;
    uint64_t spilled_bytes; /* that did not fit into memory */
    size_t removed;         /* old generations */
    struct threshold_report thresholds;
    double seconds[REBUILD_PHASE_COUNT];
    double cpu_seconds[REBUILD_PHASE_COUNT]; /* of all threads */
};
