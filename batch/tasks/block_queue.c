#include "block_queue.h"

#include "core/base/check.h"

#include <stdlib.h>

#define BATCH_BYTES ((size_t)4 << 20)

void block_queue_add(struct block_queue *queue, const struct arrow_row *row) {
    if (queue->first == queue->count)
        queue->first = queue->count = 0;
    if (queue->count == queue->first ||
        arrow_blocks_bytes(queue->batches[queue->count - 1]) >= BATCH_BYTES) {
        if (queue->count == queue->capacity) {
            queue->capacity = queue->capacity ? 2 * queue->capacity : 16;
            queue->batches =
                check_reallocarray(queue->batches, queue->capacity, sizeof(struct arrow_blocks *));
        }
        queue->batches[queue->count++] = arrow_blocks_new();
    }
    arrow_blocks_add(queue->batches[queue->count - 1], row);
}

struct arrow_blocks *block_queue_take(struct block_queue *queue) {
    return queue->first < queue->count ? queue->batches[queue->first++] : NULL;
}

size_t block_queue_batches(const struct block_queue *queue) {
    return queue->count - queue->first;
}

void block_queue_deinit(struct block_queue *queue) {
    for (size_t i = queue->first; i < queue->count; i++)
        arrow_blocks_free(queue->batches[i]);
    free(queue->batches);
}
