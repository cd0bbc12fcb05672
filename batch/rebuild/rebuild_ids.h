/* Folds streams of transaction ids into the table of known ids. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* Folds one stream of ids into the producer's queue. before: NULL if the rebuild is full. scratch:
 * the thread's buffer, grown as needed; the caller frees it. */
int rebuild_fold_ids(struct rebuild *rebuild, size_t stream, struct generation *before,
                     uint8_t **scratch, size_t *scratch_size,
                     struct ordered_queue_producer *producer, struct error *ret_error);
