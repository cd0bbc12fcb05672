/* List changes of an archive whose segments are read side by side: applied in the order of their
 * positions all the same.
 *
 * Each segment is one job. Its changes wait until all jobs before it are done; then they are
 * applied and forgotten. Private to batch/. */
#pragma once

#include "core/policy/lists/list_table.h"

#include <stddef.h>

struct list_queue;

/* The table stays the caller's. */
struct list_queue *list_queue_new(struct list_table *table, size_t jobs);
void list_queue_free(struct list_queue *queue); /* NULL is allowed */

/* A list change, in the job's order. One thread has the job. */
void list_queue_put(struct list_queue *queue, size_t job, const struct record *record);
/* That was all of the job. Any thread. ERROR_DAMAGED, ERROR_TOO_LARGE */
int list_queue_finish(struct list_queue *queue, size_t job, struct error *ret_error);
