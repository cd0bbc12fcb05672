/* A batch whose partitions have been taken away is dropped: whoever has them now reads its records
 * again, and the server answers them as before. A transaction that was undone for another reason is
 * tried again with the same batches, after a pause that grows. */
#include "commit_thread.h"

#include "clients/cli/output/decision_output.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "core/wire/message/message_item.h"
#include "stream_metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS   2000
#define UNDONE_US      UINT64_C(600000000)
#define SCRATCH_BYTES  ((size_t)64 << 20)

struct commit_thread {
    struct commit_settings settings;
    pthread_t thread;
    struct sent_decision sent;
    struct buffer value;
    struct arena scratch;
    pthread_mutex_t lock;
    pthread_cond_t changed;            /* of all below */
    struct stream_batch *first, *last; /* handed over */
    struct stream_batch *done;
    bool is_busy, is_stopping, has_failed;
    struct error failure;
};

/* ---- writing ---- */

static int write_decision(struct commit_thread *thread, const struct batch_item *item,
                          struct error *ret_error) {
    char source[TOPIC_PLACE_BYTES];
    const struct harrier_decision *made = &item->result->decision;
    const struct decision decision = sent_decision_convert(&thread->sent, made);
    const struct topic_header header = {
        "harrier.source", topic_reader_place(thread->settings.reader, &item->record, source)};
    buffer_clear(&thread->value);
    if (thread->settings.format == RECORD_PROTOBUF)
        message_encode_decision(&decision, &thread->scratch, &thread->value);
    else
        decision_json(&thread->value, &decision, thread->settings.features);
    struct text value = {.data = (const char *)thread->value.bytes, .length = thread->value.length};
    return topic_writer_add(thread->settings.writer, COMMIT_DECISIONS, decision.transaction_id,
                            value, &header, 1, ret_error);
}

/* The record as it was, and why it was not taken. */
static int write_dead_letter(struct commit_thread *thread, const struct batch_item *item,
                             struct error *ret_error) {
    char source[TOPIC_PLACE_BYTES];
    const struct topic_header headers[] = {
        {"harrier.source", topic_reader_place(thread->settings.reader, &item->record, source)},
        {"harrier.code", text_of(item->code)},
        {"harrier.reason", text_of(item->reason)},
    };
    struct text key = {0}, value = {0};
    if (item->record.has_key)
        key = item->record.key;
    if (item->record.has_value)
        value = item->record.value;
    return topic_writer_add(thread->settings.writer, COMMIT_DEAD_LETTERS, key, value, headers,
                            sizeof headers / sizeof *headers, ret_error);
}

static int write_batch(struct commit_thread *thread, const struct stream_batch *batch,
                       struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < batch->count && r == 0; i++) {
        if (batch->items[i].state == ITEM_DECIDED)
            r = write_decision(thread, &batch->items[i], ret_error);
        else if (batch->items[i].state == ITEM_DEAD)
            r = write_dead_letter(thread, &batch->items[i], ret_error);
    }
    return r;
}

/* Behind the last record of each partition. */
static void add_offsets(const struct commit_thread *thread, const struct stream_batch *batch,
                        rd_kafka_topic_partition_list_t *offsets) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct topic_record *record = &batch->items[i].record;
        const char *topic = thread->settings.topics[record->topic];
        rd_kafka_topic_partition_t *place =
            rd_kafka_topic_partition_list_find(offsets, topic, (int32_t)record->number);
        if (!place)
            place = rd_kafka_topic_partition_list_add(offsets, topic, (int32_t)record->number);
        place->offset = record->offset + 1;
    }
}

/* As topic_writer_commit(). */
static int commit_once(struct commit_thread *thread, const struct stream_batch *batches,
                       const rd_kafka_consumer_group_metadata_t *group, struct error *ret_error) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(16);
    int r = topic_writer_begin(thread->settings.writer, ret_error);
    for (const struct stream_batch *batch = batches; batch && r == 0; batch = batch->next) {
        r = write_batch(thread, batch, ret_error);
        add_offsets(thread, batch, offsets);
    }
    if (r == 0)
        r = topic_writer_commit(thread->settings.writer, offsets, group, ret_error);
    rd_kafka_topic_partition_list_destroy(offsets);
    return r;
}

/* ---- counting ---- */

static int64_t count_item(struct metric_set *metrics, const struct stream_batch *batch,
                          const struct batch_item *item) {
    if (item->state == ITEM_DEAD) {
        metric_add(metrics, STREAM_DEAD_LETTERS, stream_code_index(item->code), 1);
    } else if (item->state == ITEM_DECIDED) {
        metric_add(metrics, STREAM_DECISIONS, (size_t)item->result->decision.verdict, 1);
        metric_add(metrics, STREAM_DUPLICATES, 0, item->result->decision.duplicate);
    } else if (batch->kind == BATCH_OUTCOMES) {
        metric_add(metrics, STREAM_OUTCOMES, 0, 1);
    } else if (batch->kind == BATCH_AMENDMENTS) {
        metric_add(metrics, STREAM_AMENDMENTS, 0, 1);
    }
    return item->record.time_ms < 0 ? INT64_MAX : item->record.time_ms;
}

static void count_committed(struct commit_thread *thread, const struct stream_batch *batches,
                            uint64_t begun_us) {
    struct metric_set *metrics = thread->settings.metrics;
    int64_t oldest_ms = INT64_MAX, now_ms = realtime_us() / 1000;
    for (const struct stream_batch *batch = batches; batch; batch = batch->next)
        for (size_t i = 0; i < batch->count; i++) {
            int64_t time_ms = count_item(metrics, batch, &batch->items[i]);
            oldest_ms = time_ms < oldest_ms ? time_ms : oldest_ms;
        }
    metric_add(metrics, STREAM_COMMITS, 0, 1);
    metric_observe(metrics, STREAM_COMMIT_TIME, 0, (int64_t)(monotonic_us() - begun_us));
    if (oldest_ms != INT64_MAX)
        metric_observe(metrics, STREAM_RECORD_AGE, 0,
                       oldest_ms < now_ms ? (now_ms - oldest_ms) * 1000 : 0);
}

/* ---- the thread ---- */

/* false: it is to stop. */
static bool pause_for(struct commit_thread *thread, unsigned milliseconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&thread->lock);
    while (!thread->is_stopping &&
           pthread_cond_timedwait(&thread->changed, &thread->lock, &until) == 0)
        ;
    bool goes_on = !thread->is_stopping;
    pthread_mutex_unlock(&thread->lock);
    return goes_on;
}

static bool is_ours(const struct commit_thread *thread, const struct stream_batch *batches) {
    return batches->generation == topic_reader_generation(thread->settings.reader);
}

/* As commit_once(); 0 also where the batches are not ours any more. The group is asked for its
 * present generation before ours is looked at: librdkafka joins anew only once the partitions have
 * been given up here, so batches never go out in the name of a later generation. */
static int commit_if_ours(struct commit_thread *thread, const struct stream_batch *batches,
                          struct error *ret_error) {
    rd_kafka_consumer_group_metadata_t *group = topic_reader_group(thread->settings.reader);
    uint64_t begun_us = monotonic_us();
    int r = 0;
    if (is_ours(thread, batches)) {
        r = commit_once(thread, batches, group, ret_error);
        if (r == 0)
            count_committed(thread, batches, begun_us);
    }
    rd_kafka_consumer_group_metadata_destroy(group);
    return r;
}

/* Until the batches are committed, or are not ours any more. < 0: the thread cannot go on: also
 * where the same records were undone for UNDONE_US, for they will be again. */
static int commit(struct commit_thread *thread, const struct stream_batch *batches,
                  struct error *ret_error) {
    unsigned pause_ms = PAUSE_FIRST_MS;
    uint64_t begun_us = monotonic_us();
    for (;;) {
        int r = commit_if_ours(thread, batches, ret_error);
        if (r <= 0)
            return r;
        metric_add(thread->settings.metrics, STREAM_UNDONE, 0, 1);
        fprintf(stderr, "harrier: %s; the transaction was undone\n", ret_error->text);
        if (monotonic_us() - begun_us > UNDONE_US)
            return error_prefix(ret_error, "the same records could not be committed for %d minutes",
                                (int)(UNDONE_US / 60000000));
        if (!pause_for(thread, pause_ms))
            return 0;
        pause_ms = 2 * pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : 2 * pause_ms;
    }
}

/* All that is there and was read between the same two changes of the group. */
static struct stream_batch *take_waiting(struct commit_thread *thread) {
    struct stream_batch *batches = thread->first, *last = batches;
    while (last->next && last->next->generation == batches->generation)
        last = last->next;
    thread->first = last->next;
    if (!thread->first)
        thread->last = NULL;
    last->next = NULL;
    return batches;
}

static void give_back(struct commit_thread *thread, struct stream_batch *batches) {
    while (batches) {
        struct stream_batch *next = batches->next;
        stream_batch_clear(batches);
        batches->next = thread->done;
        thread->done = batches;
        batches = next;
    }
}

static void *run(void *user) {
    struct commit_thread *thread = user;
    pthread_mutex_lock(&thread->lock);
    while (!thread->is_stopping && !thread->has_failed) {
        if (!thread->first) {
            pthread_cond_wait(&thread->changed, &thread->lock);
            continue;
        }
        struct stream_batch *batches = take_waiting(thread);
        struct error error;
        thread->is_busy = true;
        pthread_mutex_unlock(&thread->lock);
        int r = commit(thread, batches, &error);
        pthread_mutex_lock(&thread->lock);
        give_back(thread, batches);
        thread->is_busy = false;
        if (r < 0) {
            thread->has_failed = true;
            thread->failure = error;
        }
        pthread_cond_broadcast(&thread->changed);
        topic_reader_wake(thread->settings.reader);
    }
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

struct commit_thread *commit_thread_start(const struct commit_settings *settings) {
    struct commit_thread *thread = check_calloc(1, sizeof *thread);
    pthread_condattr_t attributes;
    thread->settings = *settings;
    buffer_init(&thread->value);
    arena_init(&thread->scratch, SCRATCH_BYTES);
    lock_init(&thread->lock, LOCK_STREAM_COMMIT);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    check(pthread_create(&thread->thread, NULL, run, thread) == 0);
    return thread;
}

static void free_list(struct stream_batch *batches) {
    while (batches) {
        struct stream_batch *next = batches->next;
        stream_batch_free(batches);
        batches = next;
    }
}

void commit_thread_stop(struct commit_thread *thread) {
    if (!thread)
        return;
    pthread_mutex_lock(&thread->lock);
    thread->is_stopping = true;
    topic_writer_hurry(thread->settings.writer);
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    free_list(thread->first);
    free_list(thread->done);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    sent_decision_deinit(&thread->sent);
    buffer_deinit(&thread->value);
    arena_deinit(&thread->scratch);
    free(thread);
}

void commit_thread_hand(struct commit_thread *thread, struct stream_batch *batch) {
    batch->next = NULL;
    pthread_mutex_lock(&thread->lock);
    if (thread->last)
        thread->last->next = batch;
    else
        thread->first = batch;
    thread->last = batch;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

struct stream_batch *commit_thread_take_back(struct commit_thread *thread) {
    pthread_mutex_lock(&thread->lock);
    struct stream_batch *done = thread->done;
    thread->done = NULL;
    pthread_mutex_unlock(&thread->lock);
    return done;
}

bool commit_thread_drain(struct commit_thread *thread, unsigned milliseconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    pthread_mutex_lock(&thread->lock);
    int waited = 0;
    while ((thread->first || thread->is_busy) && !thread->has_failed && waited == 0)
        waited = pthread_cond_timedwait(&thread->changed, &thread->lock, &until);
    bool is_drained = !thread->first && !thread->is_busy;
    pthread_mutex_unlock(&thread->lock);
    return is_drained;
}

int commit_thread_failure(struct commit_thread *thread, struct error *ret_error) {
    pthread_mutex_lock(&thread->lock);
    bool has_failed = thread->has_failed;
    if (has_failed)
        *ret_error = thread->failure;
    pthread_mutex_unlock(&thread->lock);
    return has_failed ? -(int)ret_error->code : 0;
}
