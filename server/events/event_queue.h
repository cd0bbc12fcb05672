/* Events that wait to be delivered to one destination: rows of JSON, bounded in bytes. Adding never
 * waits for the reader, who holds the lock only to exchange two buffers; what does not fit is
 * refused. Memory: up to twice the size, once for what waits and once for what is being read. */
#pragma once

#include "core/base/buffer.h"

#include <pthread.h>
#include <stdbool.h>

#define EVENT_BATCH_ROWS_MAX  100         /* of one delivery */
#define EVENT_BATCH_BYTES_MAX (256 << 10) /* likewise, unless it is a single row */

struct event_queue {
    size_t size; /* bytes */
    pthread_mutex_t lock;
    struct buffer waiting; /* rows, each with a newline; under the lock */
    /* The reader's: */
    struct buffer reading;
    size_t at; /* the first row that is left there */
};

void event_queue_init(struct event_queue *queue, size_t size);
void event_queue_deinit(struct event_queue *queue);

/* Any thread. row: without newlines. False: no room. *ret_was_empty: nothing was waiting, so the
 * reader may not know. */
bool event_queue_add(struct event_queue *queue, struct text row, bool *ret_was_empty);

/* Appends the oldest rows to out, separated by commas. Returns how many; 0: there are none. Reader
 * only. */
size_t event_queue_take(struct event_queue *queue, struct buffer *out);
/* Drops everything. Returns how many rows that was. Reader only. */
size_t event_queue_clear(struct event_queue *queue);
