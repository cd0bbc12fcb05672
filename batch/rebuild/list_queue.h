/* Applies an archive's list changes and brakes in the order of their positions although its
 * segments are read in parallel.
 *
 * Each segment is one job. Its changes are kept until all jobs before it are finished; then they
 * are applied and freed. Private to batch/. */
#pragma once

#include "core/base/buffer.h"
#include "core/policy/lists/list_table.h"

#include <stddef.h>

struct list_queue;

/* The table stays the caller's. */
struct list_queue *list_queue_new(struct list_table *table, size_t jobs);
void list_queue_free(struct list_queue *queue); /* NULL is allowed */

/* A list change or brake encoded, behind those before it: for another process that reads a segment.
 */
void list_queue_keep(struct buffer *changes, const struct record *record);
/* Takes all changes of a job that were kept so. */
void list_queue_put_kept(struct list_queue *queue, size_t job, struct text changes);

/* Copies a list change or brake; in the order of positions within a job. Needs no lock: only the
 * thread that has the job calls it. */
void list_queue_put(struct list_queue *queue, size_t job, const struct record *record);
/* After the job's last change: applies what is complete now, of later jobs too. Any thread.
 * ERROR_DAMAGED or ERROR_TOO_LARGE if a change cannot be decoded. */
int list_queue_finish(struct list_queue *queue, size_t job, struct error *ret_error);
