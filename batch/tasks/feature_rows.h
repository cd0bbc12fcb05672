/* A task that decides the transactions of some parts, from the values of their features. Private to
 * batch/. */
#pragma once

#include "feature_task.h"

/* Decided transactions, in the order of positions. Everything is valid during the call. */
struct feature_listener {
    void (*row)(void *user, const struct record *record, const struct decision *decision,
                enum label outcome);
    void *user;
};

struct feature_rows;

/* rare: the blocks of feature_rare() of all parts, in the order of parts; it must outlive the task,
 * and so must the listener. folder: of the archive; or a scratch folder, for parts whose files come
 * as rows (FEATURE_FILE). */
struct feature_rows *feature_rows_new(const struct feature_task *task, struct text rare,
                                      const char *folder, const struct feature_listener *listener);
void feature_rows_free(struct feature_rows *rows); /* NULL is allowed */

/* Before the first row: these thresholds decide, whatever was adopted. They must outlive it. */
void feature_rows_use_thresholds(struct feature_rows *rows, const struct thresholds *given);
/* Before the first row: the listener gets the archived decisions. No values must come. */
void feature_rows_use_recorded(struct feature_rows *rows);
/* For the listener, of the row at hand: the policy's frame, and the thresholds that were adopted
 * last; NULL: none. */
const struct value *feature_rows_frame(const struct feature_rows *rows);
const struct thresholds *feature_rows_thresholds(const struct feature_rows *rows);

/* A row with this sequence is the part's file: its name relative to the archive (length of 8 bytes,
 * bytes), then its bytes. */
#define FEATURE_FILE (-1)

/* Takes the next rows, in the order of parts and, within one, of sequences; decides each part once
 * it is complete. ERROR_INVALID: they come in another order. ERROR_DAMAGED: values and records do
 * not belong together. */
int feature_rows_take(struct feature_rows *rows, const struct arrow_rows *batch,
                      struct error *ret_error);
int feature_rows_end(struct feature_rows *rows, struct error *ret_error);

/* Transactions that the policy refuses; they have no row. */
uint64_t feature_rows_refused(const struct feature_rows *rows);
