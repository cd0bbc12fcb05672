/* Folds streams of transaction ids into the table of ids. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* Folds a stream of ids and hands the result to the maker. */
int rebuild_fold_ids(struct rebuild *rebuild, size_t stream, struct generation *before,
                     uint8_t **scratch, size_t *scratch_size, struct ordered_queue_maker *maker,
                     struct error *ret_error);
