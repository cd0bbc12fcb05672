/* Changes are kept encoded: list changes and brakes are rare, and a decoded one would need an arena
 * of its own until it is applied. */
#include "list_queue.h"

#include "core/base/check.h"

#include <pthread.h>
#include <stdlib.h>

#define LIST_CHANGE_BYTES_MAX (1u << 20) /* decoded */

struct list_job {
    struct buffer changes; /* each: position, type, length of the payload, payload */
    bool is_done;
};

struct list_queue {
    struct list_table *table;
    pthread_mutex_t lock; /* of what follows, and of the jobs that are done */
    size_t next;          /* job whose changes are to be applied */
    struct arena arena;
    size_t count;
    struct list_job jobs[];
};

struct list_queue *list_queue_new(struct list_table *table, size_t jobs) {
    struct list_queue *queue = check_calloc(1, sizeof *queue + jobs * sizeof *queue->jobs);
    queue->table = table;
    queue->count = jobs;
    pthread_mutex_init(&queue->lock, NULL);
    arena_init(&queue->arena, LIST_CHANGE_BYTES_MAX);
    for (size_t i = 0; i < jobs; i++)
        buffer_init(&queue->jobs[i].changes);
    return queue;
}

void list_queue_free(struct list_queue *queue) {
    if (!queue)
        return;
    for (size_t i = 0; i < queue->count; i++)
        buffer_deinit(&queue->jobs[i].changes);
    arena_deinit(&queue->arena);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void list_queue_keep(struct buffer *changes, const struct record *record) {
    buffer_append_u64(changes, record->position);
    buffer_append_u32(changes, (uint32_t)record->type);
    size_t at = changes->length;
    buffer_append_u32(changes, 0);
    record_encode(record, changes);
    store_u32(changes->bytes + at, (uint32_t)(changes->length - at - sizeof(uint32_t)));
}

void list_queue_put(struct list_queue *queue, size_t job, const struct record *record) {
    check(job < queue->count && !queue->jobs[job].is_done);
    list_queue_keep(&queue->jobs[job].changes, record);
}

void list_queue_put_kept(struct list_queue *queue, size_t job, struct text changes) {
    check(job < queue->count && !queue->jobs[job].is_done);
    buffer_append(&queue->jobs[job].changes, changes.data, changes.length);
}

static int apply(struct list_queue *queue, const struct buffer *changes, struct error *ret_error) {
    const size_t head = sizeof(uint64_t) + 2 * sizeof(uint32_t);
    int r = 0;
    for (size_t at = 0; at < changes->length && r == 0;) {
        struct record record;
        enum record_type type = (enum record_type)load_u32(changes->bytes + at + sizeof(uint64_t));
        uint32_t length = load_u32(changes->bytes + at + sizeof(uint64_t) + sizeof(uint32_t));
        arena_reset(&queue->arena);
        r = record_decode(type, changes->bytes + at + head, length, &queue->arena, &record,
                          ret_error);
        if (r < 0)
            break;
        record.position = load_u64(changes->bytes + at);
        list_table_apply(queue->table, &record);
        at += head + length;
    }
    return r;
}

int list_queue_finish(struct list_queue *queue, size_t job, struct error *ret_error) {
    int r = 0;
    pthread_mutex_lock(&queue->lock);
    queue->jobs[job].is_done = true;
    for (; r == 0 && queue->next < queue->count && queue->jobs[queue->next].is_done;
         queue->next++) {
        r = apply(queue, &queue->jobs[queue->next].changes, ret_error);
        buffer_deinit(&queue->jobs[queue->next].changes);
        buffer_init(&queue->jobs[queue->next].changes);
    }
    pthread_mutex_unlock(&queue->lock);
    return r;
}
