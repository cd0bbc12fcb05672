/* Applies an archive's list changes and brakes, and the numbers of sources, in the order of their
 * positions although its segments are read in parallel.
 *
 * Each segment is one job. What it has of them is kept until all jobs before it are finished; then
 * it is applied and freed. That is about two bytes of memory for a transaction with a source,
 * beside what a rebuild's limit counts. Private to batch/. */
#pragma once

#include "core/base/buffer.h"
#include "core/policy/lists/list_table.h"
#include "core/store/sources/source_tape.h"

#include <stddef.h>

struct list_queue;

/* The tables stay the caller's. */
struct list_queue *list_queue_new(struct list_table *lists, struct source_table *sources,
                                  size_t jobs);
void list_queue_free(struct list_queue *queue); /* NULL is allowed */

/* What later has to be applied in order: encoded list changes and brakes, and the sources of
 * transactions. Also for another process that reads a segment. */
struct list_parcel {
    struct buffer changes; /* each: position, type, length of the payload, payload */
    struct source_tape sources;
};
void list_parcel_init(struct list_parcel *parcel);
void list_parcel_deinit(struct list_parcel *parcel);
/* Records of any type, in the order of positions: takes what matters here. */
void list_parcel_take(struct list_parcel *parcel, const struct record *record);
/* After the last record, of a parcel that is not a job's. */
void list_parcel_end(struct list_parcel *parcel);

/* The parcel of a job, to take its records. Needs no lock: only the thread that has the job uses
 * it, until list_queue_finish(). */
struct list_parcel *list_queue_parcel(struct list_queue *queue, size_t job);
/* Takes the content of a parcel that was filled elsewhere. */
void list_queue_put_kept(struct list_queue *queue, size_t job, struct text changes,
                         struct text sources);
/* After the job's last record: applies what is complete now, of later jobs too. Any thread.
 * ERROR_DAMAGED or ERROR_TOO_LARGE if a change cannot be decoded. */
int list_queue_finish(struct list_queue *queue, size_t job, struct error *ret_error);
