/* Rows on their way out of a task, in batches of a few megabytes. Private to batch/. */
#pragma once

#include "arrow_blocks.h"

struct block_queue { /* zeros: empty */
    struct arrow_blocks **batches;
    size_t first, count, capacity;
};

/* Copies the block. */
void block_queue_add(struct block_queue *queue, const struct arrow_row *row);
/* The oldest batch, which the caller frees; NULL: there is none. */
struct arrow_blocks *block_queue_take(struct block_queue *queue);
size_t block_queue_batches(const struct block_queue *queue);
void block_queue_deinit(struct block_queue *queue);
