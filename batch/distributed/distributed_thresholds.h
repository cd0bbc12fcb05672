/* The part of a distributed rebuild that makes thresholds: says what tasks have to do, and takes
 * what comes out of them (threshold_task.h). Private to batch/. */
#pragma once

#include "batch/rebuild/rebuild_options.h"
#include "batch/tasks/arrow_blocks.h"
#include "batch/thresholds/threshold_job.h"
#include "distributed_options.h"

struct distributed_thresholds;

struct distributed_thresholds *
distributed_thresholds_new(struct distributed_rebuild *rebuild,
                           const struct distributed_options *options);
void distributed_thresholds_free(struct distributed_thresholds *thresholds);

/* As struct rebuild_elsewhere has them. */
int distributed_thresholds_values(struct distributed_thresholds *thresholds,
                                  struct threshold_job *job, struct threshold_values **ret_values,
                                  struct error *ret_error);
int distributed_thresholds_baselines(struct distributed_thresholds *thresholds,
                                     rebuild_baseline_take *take, void *user,
                                     struct error *ret_error);
int distributed_thresholds_scores(struct distributed_thresholds *thresholds,
                                  struct threshold_job *job, const struct threshold_set *values,
                                  int64_t longest_us, bool recorded, struct score_counts *counts,
                                  struct error *ret_error);

/* Rows of tasks, of the stage that runs. ERROR_INVALID: they are damaged, or are not those of the
 * stage. */
int distributed_thresholds_take(struct distributed_thresholds *thresholds,
                                const struct arrow_rows *rows, struct error *ret_error);
