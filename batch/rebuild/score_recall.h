/* The scores that earlier nights gave the transactions of the budgets' periods, so that a night
 * decides only what is new. They are those of one policy with one set of thresholds: a change of
 * either begins anew.
 *
 *   GENERATIONS/samples/c-<last position, 20 digits>
 *
 * A file as batch/thresholds/sample_file.h has it, with all scores of the period: one group, whose
 * values are the integers (position × 1024 + score) × 16 + label. In place of the chain where it
 * begins is the event time of the newest transaction that another policy has decided; 0: there is
 * none. Private to batch/rebuild. */
#pragma once

#include "batch/thresholds/threshold_job.h"

#include "core/policy/eval/threshold.h"
#include "core/wire/types/decision.h"

struct score_recall;

struct recalled_score {
    uint64_t position;
    int64_t event_time_us;
    uint32_t score;
    enum label label; /* at the rebuild's target */
    bool is_other;    /* the archived decision is another policy's; of new ones only */
};

/* longest_us: of the budgets' periods. thresholds: with the new values. *ret_recall NULL: scores
 * are not kept, since there are no budgets or the rebuild is elsewhere. */
int score_recall_open(struct threshold_job *job, const struct thresholds *thresholds,
                      int64_t longest_us, struct score_recall **ret_recall,
                      struct error *ret_error);
/* Without keeping anything, unless it was kept. NULL is allowed. */
void score_recall_close(struct score_recall *recall);

/* Are there scores up to the tables that the rebuild continues from? */
bool score_recall_has_earlier(const struct score_recall *recall);
/* Is one of them of the period and decided by another policy, so that recorded scores will not do?
 */
bool score_recall_has_other(const struct score_recall *recall);
/* Calls take() for those of the period, in the order of positions, and keeps them. ERROR_DAMAGED:
 * the file is removed, and some scores have been taken; score_recall_restart() then begins anew. */
int score_recall_read(struct score_recall *recall,
                      void (*take)(void *user, const struct recalled_score *score), void *user,
                      struct error *ret_error);
int score_recall_restart(struct score_recall *recall, struct error *ret_error);
/* A new one, behind those before. */
int score_recall_put(struct score_recall *recall, const struct recalled_score *score,
                     struct error *ret_error);
/* After the last one: makes the file, which the rebuild keeps once its tables are published. */
int score_recall_keep(struct score_recall *recall, struct error *ret_error);
