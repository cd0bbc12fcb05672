/* Changes are kept encoded: list changes and brakes are rare, and a decoded one would need an arena
 * of its own until it is applied. */
#include "list_queue.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdlib.h>

#define LIST_CHANGE_BYTES_MAX (1u << 20) /* decoded */

struct list_job {
    struct list_parcel parcel;
    bool is_done;
};

struct list_queue {
    struct list_table *lists;
    struct source_table *sources;
    pthread_mutex_t lock; /* of what follows, and of the jobs that are done */
    size_t next;          /* job whose changes are to be applied */
    struct arena arena;
    size_t count;
    struct list_job jobs[];
};

void list_parcel_init(struct list_parcel *parcel) {
    buffer_init(&parcel->changes);
    source_tape_init(&parcel->sources);
}

void list_parcel_deinit(struct list_parcel *parcel) {
    buffer_deinit(&parcel->changes);
    source_tape_deinit(&parcel->sources);
}

struct list_queue *list_queue_new(struct list_table *lists, struct source_table *sources,
                                  size_t jobs) {
    struct list_queue *queue = check_calloc(1, sizeof *queue + jobs * sizeof *queue->jobs);
    queue->lists = lists;
    queue->sources = sources;
    queue->count = jobs;
    lock_init(&queue->lock, LOCK_LIST_QUEUE);
    arena_init(&queue->arena, LIST_CHANGE_BYTES_MAX);
    for (size_t i = 0; i < jobs; i++)
        list_parcel_init(&queue->jobs[i].parcel);
    return queue;
}

void list_queue_free(struct list_queue *queue) {
    if (!queue)
        return;
    for (size_t i = 0; i < queue->count; i++)
        list_parcel_deinit(&queue->jobs[i].parcel);
    arena_deinit(&queue->arena);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static void put_change(struct buffer *changes, const struct record *record) {
    buffer_append_u64(changes, record->position);
    buffer_append_u32(changes, (uint32_t)record->type);
    size_t at = changes->length;
    buffer_append_u32(changes, 0);
    record_encode(record, changes);
    store_u32(changes->bytes + at, (uint32_t)(changes->length - at - sizeof(uint32_t)));
}

void list_parcel_take(struct list_parcel *parcel, const struct record *record) {
    if (list_table_takes(record->type))
        put_change(&parcel->changes, record);
    else if (source_table_takes(record))
        source_tape_put(&parcel->sources, &record->transaction.transaction,
                        record->receive_time_us);
}

void list_parcel_end(struct list_parcel *parcel) {
    source_tape_end(&parcel->sources);
}

struct list_parcel *list_queue_parcel(struct list_queue *queue, size_t job) {
    check(job < queue->count && !queue->jobs[job].is_done);
    return &queue->jobs[job].parcel;
}

void list_queue_put_kept(struct list_queue *queue, size_t job, struct text changes,
                         struct text sources) {
    struct list_parcel *parcel = list_queue_parcel(queue, job);
    buffer_append(&parcel->changes, changes.data, changes.length);
    buffer_append(&parcel->sources.bytes, sources.data, sources.length);
}

static int apply_changes(struct list_queue *queue, const struct buffer *changes,
                         struct error *ret_error) {
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
        list_table_apply(queue->lists, &record);
        at += head + length;
    }
    return r;
}

int list_queue_finish(struct list_queue *queue, size_t job, struct error *ret_error) {
    int r = 0;
    list_parcel_end(&queue->jobs[job].parcel);
    pthread_mutex_lock(&queue->lock);
    queue->jobs[job].is_done = true;
    for (; r == 0 && queue->next < queue->count && queue->jobs[queue->next].is_done;
         queue->next++) {
        struct list_parcel *parcel = &queue->jobs[queue->next].parcel;
        r = apply_changes(queue, &parcel->changes, ret_error);
        if (r == 0)
            r = source_tape_apply(buffer_text(&parcel->sources.bytes), queue->sources, ret_error);
        list_parcel_deinit(parcel);
        list_parcel_init(parcel);
    }
    pthread_mutex_unlock(&queue->lock);
    return r;
}
