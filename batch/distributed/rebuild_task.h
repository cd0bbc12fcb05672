/* A rebuild as its tasks know it: what the process that runs it tells the others, as bytes, and the
 * struct rebuild that a task works with. Private to batch/. */
#pragma once

#include "batch/rebuild/rebuild_job.h"
#include "core/store/archive/archive_parts.h"

struct rebuild_task {
    struct rebuild_options options;
    struct rebuild rebuild; /* without parts, writer and spill, which each kind of task makes */
    size_t shares;          /* partitions of the shuffle */
    size_t part_count;      /* of the archive */
    struct archive_part_bounds *parts;
    char *scratch;
};

/* Appends the description of a rebuild that is partitioned. shares: partitions of the shuffle. */
void rebuild_task_describe(const struct rebuild *rebuild, size_t shares, struct buffer *ret_bytes);

/* scratch: a folder for what does not fit in memory_bytes. ERROR_UNSUPPORTED: another version of
 * the library wrote the description. ERROR_INVALID: it is damaged. */
int rebuild_task_open(struct text description, const char *scratch, uint64_t memory_bytes,
                      struct rebuild_task **ret_task, struct error *ret_error);
void rebuild_task_close(struct rebuild_task *task); /* NULL is allowed */

/* Streams are dealt out to shares in order, so that shares in order give the tables in order. */
static inline int32_t rebuild_task_share(size_t streams, size_t shares, size_t stream) {
    return (int32_t)(stream * shares / streams);
}

/* A new, empty spill for the task's streams. */
struct spill *rebuild_task_spill(struct rebuild_task *task);
