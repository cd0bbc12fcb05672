/* A rebuild's options, phases and report. */
#pragma once

#include "batch/thresholds/threshold_report.h"

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/snapshot.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/overlay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Less is accepted but cannot be kept to: LMDB's pages alone take a good part of it. */
#define REBUILD_MEMORY_MIN (UINT64_C(64) << 20)
#define REBUILD_KEEP       3

/* A group that thresholds keep in the tables. */
typedef int rebuild_baseline_take(void *user, uint64_t hash, struct text key, double value,
                                  struct error *ret_error);

/* Reads the archive for rebuild_run() in some other way: batch/distributed. */
struct rebuild;
struct threshold_job;
struct score_counts;
struct rebuild_elsewhere {
    /* Hands all entries to rebuild->writer and all sums to rebuild_take_sums(). 1: the guessed
     * policy was wrong, and the right one is loaded now. */
    int (*run)(struct rebuild_elsewhere *self, struct rebuild *rebuild, struct error *ret_error);
    /* As sample_compute() and sample_compute_baselines() have them, of the values that the job
     * needs; these come second. */
    int (*values)(struct rebuild_elsewhere *self, struct threshold_job *job,
                  struct threshold_values **ret_values, struct error *ret_error);
    int (*baselines)(struct rebuild_elsewhere *self, rebuild_baseline_take *take, void *user,
                     struct error *ret_error);
    /* Adds the scores of each budget's period to its counts: recorded ones, or those that the
     * policy gives with these thresholds. 1: recorded ones will not do. */
    int (*scores)(struct rebuild_elsewhere *self, struct threshold_job *job,
                  const struct threshold_set *values, int64_t longest_us, bool recorded,
                  struct score_counts *counts, struct error *ret_error);
    uint64_t range_bytes; /* wanted size of a range of keys */
    size_t streams_max;   /* ranges of all tables */
};

struct rebuild_report;

/* Hears of a rebuild right before its tables are published, when all else is done: a job that must
 * not lose the report writes it down. place: of the tables. < 0: nothing is published. */
struct rebuild_listener {
    int (*publishes)(struct rebuild_listener *self, struct archive_place place,
                     const struct rebuild_report *report, struct error *ret_error);
};

struct rebuild_options {
    const char *archive;     /* folder of the archive */
    const char *generations; /* folder of the generations; made when missing */
    const char *policy; /* folder whose features are folded; NULL: the archive's last snapshot */
    struct snapshot *snapshot; /* the same, loaded already; NULL: see policy */
    /* Fold up to this place, which ends a segment; position 0: up to the last sync mark. */
    struct archive_place until;
    /* Folder of the tables that servers adopt, where thresholds that are kept have values of groups
     * in such tables; NULL: generations. */
    const char *adopted_in;
    bool force;            /* even if the current generation is what would be built */
    bool full;             /* not from the current generation on, but from the first record, or
                              the tables of the place where the archive begins since a prune */
    const char *version;   /* of this program, for the manifest */
    int64_t now_us;        /* for the manifest */
    uint64_t memory_bytes; /* limit, without memory-mapped files; 0: a quarter of the machine's */
    size_t threads;        /* that read and fold, beside one that writes; 0: one for each core */
    size_t partitions;     /* ranges of each table's keys, for tests; 0: chosen by size */
    size_t preview_max;    /* decisions that are made again only to be compared, for tests; 0: the
                              default */
    size_t keep;           /* generations to keep, including the new one; 0: REBUILD_KEEP */
    uint64_t id_days;      /* how long ids are kept; 0: as the current tables say */
    bool keep_all_ids;     /* for ever, whatever they say */
    bool keep_thresholds;  /* keep those in force instead of computing new ones */
    bool accept_changes;   /* of thresholds and cut-offs, whatever their guards say */
    /* Of these alone, likewise; NULL: of none. */
    const struct threshold_accepted *accepted;
    bool drop_cache; /* drop what was read from the page cache, which a server needs */
    struct rebuild_listener *listener;   /* NULL: none */
    struct rebuild_elsewhere *elsewhere; /* NULL: here. A rebuild elsewhere is full */
};

enum rebuild_phase {
    REBUILD_PREPARE,    /* finds the last sync mark, the policy, the generation to continue from */
    REBUILD_SCAN,       /* reads the archive: entries for each entity */
    REBUILD_FOLD,       /* entries into states, written as tables in key order */
    REBUILD_THRESHOLDS, /* thresholds and cut-offs, from transactions and states */
    REBUILD_VERIFY,     /* syncs the tables and reads them back */
    REBUILD_PUBLISH,    /* makes the generation current, removes old ones */
    REBUILD_PHASE_COUNT
};

const char *rebuild_phase_name(enum rebuild_phase phase); /* "prepare", "scan", … */

struct rebuild_report {
    bool up_to_date; /* nothing was built: the current generation is what would be built */
    struct generation_manifest manifest; /* of the generation that is current now */
    struct tally tally;                  /* of the archive up to the manifest's place */
    uint64_t from_position;              /* of the generation it continued from; 0: none */
    char full_because[512];              /* why it was full; "": it was not */
    bool from_beginning; /* full, from the tables of the place where a pruned archive begins */
    char warning[512];   /* for the operator; "": none */
    uint64_t records;    /* read */
    size_t threads;
    uint64_t memory_bytes;
    uint64_t spilled_bytes; /* written to scratch files for lack of memory */
    size_t removed;         /* old generations */
    uint64_t baselines;     /* values of groups that thresholds keep in the tables */
    struct threshold_report thresholds;
    double seconds[REBUILD_PHASE_COUNT];
    double cpu_seconds[REBUILD_PHASE_COUNT]; /* of all threads */
};
