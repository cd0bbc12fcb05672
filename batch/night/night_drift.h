/* How far each feature's values of the reported day differ from those of the week before, and what
 * models were given then from what training saw.
 *
 * Values are computed by a replay under the archive's last policy. Each night keeps the histograms
 * of its day, so the next ones replay one day: from the tables of the night before last, which a
 * rebuild keeps. Without earlier histograms of the same features (a first night, a changed policy)
 * the whole week is replayed, from the tables of an earlier night if there are any, else from the
 * archive's first record. A replay holds in memory the states that its records touch, and a
 * histogram of each feature, day and thread; if that could be more than the limit, there is no
 * drift, and the reason says so. */
#pragma once

#include "batch/report/report_models.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive_place.h"
#include "night_histogram.h"

struct night_drift_options {
    const char *archive, *generations;
    int folder;                /* of the kept histograms */
    struct snapshot *snapshot; /* the archive's last policy */
    struct archive_place until;
    int64_t day;
    uint64_t memory_bytes, states; /* of the tables */
    size_t threads;                /* 0: one for each processor */
};

struct night_feature_drift {
    struct text name;
    bool is_compared;
    double index, noise;
    uint64_t absent, absent_before; /* rows without the value */
    int64_t reach_days; /* that its window goes back; 0: not known, as it is computed from others */
};

struct night_drift {
    char reason[512]; /* why there is none; "": there is */
    struct night_feature_drift *features;
    size_t count;
    uint64_t rows, rows_before;
    unsigned days_before; /* that were compared with */
    uint64_t replayed;    /* records */
    /* The reported day against training; texts are the snapshot's. */
    struct report_model_drift *models;
    size_t model_count;
};

/* Errors of a replay. The snapshot must outlive the result. */
int night_drift_make(const struct night_drift_options *options, struct progress *progress,
                     struct night_drift *ret_drift, struct error *ret_error);
void night_drift_deinit(struct night_drift *drift);
