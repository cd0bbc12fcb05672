/* The rows of `reading` are taken from its front; once it is empty, the buffers change places. */
#include "event_queue.h"

#include "core/base/lock_order.h"

void event_queue_init(struct event_queue *queue, size_t size) {
    *queue = (struct event_queue){.size = size};
    lock_init(&queue->lock, LOCK_EVENT_QUEUE);
    buffer_init(&queue->waiting);
    buffer_init(&queue->reading);
    buffer_reserve(&queue->waiting, size); /* so that adding never copies what is there */
    buffer_reserve(&queue->reading, size);
}

void event_queue_deinit(struct event_queue *queue) {
    buffer_deinit(&queue->waiting);
    buffer_deinit(&queue->reading);
    pthread_mutex_destroy(&queue->lock);
}

bool event_queue_add(struct event_queue *queue, struct text row, bool *ret_was_empty) {
    pthread_mutex_lock(&queue->lock);
    struct buffer *waiting = &queue->waiting;
    bool fits = waiting->length + row.length + 1 <= queue->size;
    *ret_was_empty = waiting->length == 0;
    if (fits) {
        buffer_append(waiting, row.data, row.length);
        buffer_append_u8(waiting, '\n');
    }
    pthread_mutex_unlock(&queue->lock);
    return fits;
}

/* True: there are rows to read. */
static bool refill(struct event_queue *queue) {
    if (queue->at < queue->reading.length)
        return true;
    buffer_clear(&queue->reading);
    queue->at = 0;
    pthread_mutex_lock(&queue->lock);
    struct buffer empty = queue->reading;
    queue->reading = queue->waiting;
    queue->waiting = empty;
    pthread_mutex_unlock(&queue->lock);
    return queue->reading.length > 0;
}

size_t event_queue_take(struct event_queue *queue, struct buffer *out) {
    size_t rows = 0, bytes = 0;
    while (rows < EVENT_BATCH_ROWS_MAX && refill(queue)) {
        const uint8_t *row = queue->reading.bytes + queue->at;
        const uint8_t *newline = memchr(row, '\n', queue->reading.length - queue->at);
        size_t length = (size_t)(newline - row);
        if (rows > 0 && bytes + length > EVENT_BATCH_BYTES_MAX)
            break;
        if (rows > 0)
            buffer_append_u8(out, ',');
        buffer_append(out, row, length);
        queue->at += length + 1;
        bytes += length;
        rows++;
    }
    return rows;
}

size_t event_queue_clear(struct event_queue *queue) {
    size_t rows = 0;
    while (refill(queue)) {
        for (size_t i = queue->at; i < queue->reading.length; i++)
            rows += queue->reading.bytes[i] == '\n';
        queue->at = queue->reading.length;
    }
    return rows;
}
