/* Each partition has a queue of its own in librdkafka, kept from flowing into the common one before
 * the partition is assigned, and a short buffer here whose head takes part in the merge. librdkafka
 * gives a revoked partition's queue away with the partition: it is asked for anew at each
 * assignment. */
#include "topic_reader.h"

#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_RECORDS 256
#define MERGE_WAIT_MS  1000 /* for a partition whose next record is on its way */
#define COMMITTED_MS   10000
#define WATERMARK_MS   10000

struct partition {
    size_t topic;
    int32_t number;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *buffer[BUFFER_RECORDS];
    size_t first, end; /* in the buffer */
    int64_t head_ms;   /* timestamp of the first in the buffer */
    int64_t last_ms;   /* of the last record with a timestamp */
    int64_t next;      /* offset behind the last buffered; -1: none was */
    int64_t given;     /* behind the last given; -1: none was */
    int64_t stop;      /* without a group: offset at which to stop */
    int64_t empty_since_ms;
    uint64_t dry_round; /* in which its queue had nothing */
    bool is_at_end;
};

struct topic_reader {
    struct topic_reader_options options;
    rd_kafka_t *kafka;
    struct partition *partitions;
    size_t partition_count;
    size_t buffered;  /* partitions whose buffer is not empty */
    bool is_assigned; /* the group has told what this member gets, maybe nothing */
    uint64_t round;   /* calls of topic_reader_poll() */
    int64_t said_ms;  /* when trouble of the group was reported last */
    size_t held_from; /* topics from here on are held back */
    atomic_uint_least64_t generation;
    struct error failure; /* of a callback; code 0: none */
};

static int64_t now_ms(void) {
    return (int64_t)(monotonic_us() / 1000);
}

void topic_record_free(struct topic_record *record) {
    if (record->message)
        rd_kafka_message_destroy(record->message);
    record->message = NULL;
}

/* ---- partitions ---- */

static void partition_deinit(struct partition *partition) {
    for (size_t i = partition->first; i < partition->end; i++)
        rd_kafka_message_destroy(partition->buffer[i]);
    if (partition->queue)
        rd_kafka_queue_destroy(partition->queue);
}

static void forget_partitions(struct topic_reader *reader) {
    for (size_t i = 0; i < reader->partition_count; i++)
        partition_deinit(&reader->partitions[i]);
    free(reader->partitions);
    reader->partitions = NULL;
    reader->partition_count = reader->buffered = 0;
}

static size_t topic_of(const struct topic_reader *reader, const char *name) {
    size_t topic = 0;
    while (topic < reader->options.topic_count && strcmp(reader->options.topics[topic], name) != 0)
        topic++;
    check(topic < reader->options.topic_count);
    return topic;
}

static const uint64_t one = 1; /* what an eventfd takes */

static void watch(const struct topic_reader *reader, rd_kafka_queue_t *queue) {
    if (reader->options.wake_descriptor >= 0)
        rd_kafka_queue_io_event_enable(queue, reader->options.wake_descriptor, &one, sizeof one);
}

static void take_partitions(struct topic_reader *reader,
                            const rd_kafka_topic_partition_list_t *list) {
    forget_partitions(reader);
    reader->partitions = check_calloc((size_t)list->cnt + 1, sizeof *reader->partitions);
    for (int i = 0; i < list->cnt; i++) {
        struct partition *partition = &reader->partitions[i];
        *partition = (struct partition){.topic = topic_of(reader, list->elems[i].topic),
                                        .number = list->elems[i].partition,
                                        .next = -1,
                                        .given = -1,
                                        .stop = INT64_MAX,
                                        .last_ms = -1,
                                        .empty_since_ms = now_ms()};
        partition->queue = rd_kafka_queue_get_partition(reader->kafka, list->elems[i].topic,
                                                        list->elems[i].partition);
        check(partition->queue);
        rd_kafka_queue_forward(partition->queue, NULL);
        watch(reader, partition->queue);
        reader->partition_count++;
    }
}

/* The queue of a partition that goes away flows into the common one again, as librdkafka made it.
 */
static void release_partitions(struct topic_reader *reader) {
    rd_kafka_queue_t *common = rd_kafka_queue_get_consumer(reader->kafka);
    for (size_t i = 0; common && i < reader->partition_count; i++)
        rd_kafka_queue_forward(reader->partitions[i].queue, common);
    if (common)
        rd_kafka_queue_destroy(common);
    forget_partitions(reader);
}

/* ---- the group ---- */

static void fail(struct topic_reader *reader, enum error_code code, const char *text) {
    if (reader->failure.code == 0)
        error_set(&reader->failure, code, "%s: %s", reader->options.kafka->brokers, text);
}

static void give_up_partitions(struct topic_reader *reader) {
    if (reader->partition_count > 0) {
        if (reader->options.on_revoked)
            reader->options.on_revoked(reader->options.user);
        atomic_fetch_add(&reader->generation, 1);
    }
    release_partitions(reader);
}

/* A group that begins at the ends commits them at once: else each start would begin at an end of
 * its own, and what came in between would be read by nobody. Where some partitions have offsets,
 * the others are new ones of a topic that has grown, and are read from their beginning. */
static rd_kafka_resp_err_t begin_at_ends(struct topic_reader *reader,
                                         rd_kafka_topic_partition_list_t *list) {
    rd_kafka_resp_err_t failure = rd_kafka_committed(reader->kafka, list, COMMITTED_MS);
    bool is_new = !failure;
    for (int i = 0; i < list->cnt; i++)
        is_new = is_new && list->elems[i].offset < 0;
    for (int i = 0; i < list->cnt && is_new; i++) {
        int64_t low;
        failure = rd_kafka_query_watermark_offsets(reader->kafka, list->elems[i].topic,
                                                   list->elems[i].partition, &low,
                                                   &list->elems[i].offset, WATERMARK_MS);
        is_new = !failure;
    }
    return is_new && list->cnt > 0 ? rd_kafka_commit(reader->kafka, list, 0) : failure;
}

/* Eager strategies only: all partitions go, all come. */
static void on_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque) {
    struct topic_reader *reader = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;
        if (reader->options.from_latest)
            failure = begin_at_ends(reader, list);
        /* Before anything is fetched: none of it may flow into the common queue. */
        take_partitions(reader, list);
        if (!failure)
            failure = rd_kafka_assign(kafka, list);
        if (failure)
            fail(reader, ERROR_UNAVAILABLE, rd_kafka_err2str(failure));
        reader->is_assigned = true;
    } else {
        /* Nothing can be committed any more, so nobody has to wait for it. */
        if (rd_kafka_assignment_lost(kafka))
            atomic_fetch_add(&reader->generation, 1);
        give_up_partitions(reader);
        rd_kafka_assign(kafka, NULL);
        reader->is_assigned = false;
    }
}

/* Only fatal errors end the reading; what librdkafka tries again is in its log. */
static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque) {
    struct topic_reader *reader = opaque;
    char text[512];
    if (code != RD_KAFKA_RESP_ERR__FATAL)
        return;
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(kafka, text, sizeof text);
    if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        error_set(&reader->failure, ERROR_EXISTS,
                  "another instance \"%s\" of the group %s has taken over: give each its own name "
                  "with --instance",
                  reader->options.instance, reader->options.group);
        return;
    }
    fail(reader, ERROR_UNAVAILABLE, fatal ? text : reason);
}

/* ---- opening ---- */

static int subscribe(struct topic_reader *reader, struct error *ret_error) {
    const struct topic_reader_options *options = &reader->options;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, options->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t failure = rd_kafka_subscribe(reader->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (failure)
        return error_set(ret_error, ERROR_INVALID, "%s: cannot subscribe: %s",
                         options->kafka->brokers, rd_kafka_err2str(failure));
    return 0;
}

static int list_partitions(struct topic_reader *reader, rd_kafka_topic_partition_list_t *list,
                           struct error *ret_error) {
    for (size_t i = 0; i < reader->options.topic_count; i++) {
        const char *topic = reader->options.topics[i];
        int count;
        int r = kafka_check_topic(reader->kafka, reader->options.kafka->brokers, topic, &count,
                                  ret_error);
        if (r < 0)
            return r;
        for (int p = 0; p < count; p++)
            rd_kafka_topic_partition_list_add(list, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    return 0;
}

/* Without a group: everything that is there now. */
static int assign_all(struct topic_reader *reader, struct error *ret_error) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    int r = list_partitions(reader, list, ret_error);
    if (r == 0) {
        take_partitions(reader, list);
        reader->is_assigned = true;
        rd_kafka_resp_err_t failure = rd_kafka_assign(reader->kafka, list);
        if (failure)
            r = error_set(ret_error, ERROR_UNAVAILABLE, "%s: %s", reader->options.kafka->brokers,
                          rd_kafka_err2str(failure));
    }
    for (size_t i = 0; i < reader->partition_count && r == 0; i++) {
        struct partition *partition = &reader->partitions[i];
        int64_t low, high;
        rd_kafka_resp_err_t failure = rd_kafka_query_watermark_offsets(
            reader->kafka, reader->options.topics[partition->topic], partition->number, &low, &high,
            WATERMARK_MS);
        if (failure)
            r = error_set(ret_error, ERROR_UNAVAILABLE, "%s: topic %s: %s",
                          reader->options.kafka->brokers, reader->options.topics[partition->topic],
                          rd_kafka_err2str(failure));
        partition->stop = high;
        partition->is_at_end = low >= high;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return r;
}

int topic_reader_open(const struct topic_reader_options *options, struct topic_reader **ret_reader,
                      struct error *ret_error) {
    rd_kafka_conf_t *config;
    int r = kafka_config_new(options->kafka, KAFKA_CONSUMER, &config, ret_error);
    if (r < 0)
        return r;
    struct topic_reader *reader = check_calloc(1, sizeof *reader);
    reader->options = *options;
    reader->held_from = options->topic_count;
    kafka_config_set(config, "group.id", options->group ? options->group : "harrier-import");
    if (options->instance)
        kafka_config_set(config, "group.instance.id", options->instance);
    kafka_config_set(config, "enable.auto.commit", "false");
    kafka_config_set(config, "enable.auto.offset.store", "false");
    kafka_config_set(config, "enable.partition.eof", "true");
    kafka_config_set(config, "isolation.level", "read_committed");
    kafka_config_set(config, "partition.assignment.strategy", "range,roundrobin");
    kafka_config_set(config, "auto.offset.reset", "earliest");
    rd_kafka_conf_set_opaque(config, reader);
    rd_kafka_conf_set_error_cb(config, on_error);
    if (options->group)
        rd_kafka_conf_set_rebalance_cb(config, on_rebalance);
    r = kafka_new(config, KAFKA_CONSUMER, &reader->kafka, ret_error);
    if (r < 0) {
        free(reader);
        return r;
    }
    rd_kafka_poll_set_consumer(reader->kafka);
    r = kafka_check_topics(reader->kafka, options->kafka->brokers, options->topics,
                           options->topic_count, ret_error);
    if (r == 0)
        r = options->group ? subscribe(reader, ret_error) : assign_all(reader, ret_error);
    if (r < 0) {
        topic_reader_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void topic_reader_wake(const struct topic_reader *reader) {
    ssize_t written = write(reader->options.wake_descriptor, &one, sizeof one);
    check(written == sizeof one || errno == EAGAIN);
}

struct text topic_reader_place(const struct topic_reader *reader, const struct topic_record *record,
                               char ret_place[TOPIC_PLACE_BYTES]) {
    int length = snprintf(ret_place, TOPIC_PLACE_BYTES, "%s/%" PRIu32 "/%" PRId64,
                          reader->options.topics[record->topic], record->number, record->offset);
    return (struct text){.data = ret_place, .length = (size_t)length};
}

void topic_reader_close(struct topic_reader *reader) {
    if (!reader)
        return;
    give_up_partitions(reader);
    rd_kafka_consumer_close(reader->kafka);
    forget_partitions(reader);
    rd_kafka_destroy(reader->kafka);
    free(reader);
}

/* ---- reading ---- */

static void add_record(struct topic_reader *reader, struct partition *partition,
                       rd_kafka_message_t *message) {
    check(partition->end < BUFFER_RECORDS);
    if (message->offset < partition->next) {
        char text[600];
        snprintf(text, sizeof text,
                 "topic %s, partition %d: the offsets went back from %lld to %lld: its log was "
                 "truncated, or the topic recreated; what was lost there is unknown",
                 reader->options.topics[partition->topic], partition->number,
                 (long long)partition->next, (long long)message->offset);
        fail(reader, ERROR_UNAVAILABLE, text);
    }
    if (message->offset < partition->next || message->offset >= partition->stop) {
        partition->is_at_end = partition->is_at_end || message->offset >= partition->stop;
        rd_kafka_message_destroy(message);
        return;
    }
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(message, &type);
    if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time_ms >= 0)
        partition->last_ms = time_ms;
    if (partition->first == partition->end) {
        partition->head_ms = partition->last_ms;
        reader->buffered++;
    }
    partition->buffer[partition->end++] = message;
    partition->next = message->offset + 1;
    partition->is_at_end = partition->next >= partition->stop;
}

/* Of a queue: a record, the news that there are no more, or trouble, which librdkafka tries again.
 */
static void take_message(struct topic_reader *reader, struct partition *partition,
                         rd_kafka_message_t *message) {
    if (!message->err) {
        add_record(reader, partition, message);
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        partition->is_at_end = true;
        if (partition->given < 0 && partition->next < 0)
            partition->given = partition->next = message->offset;
    } else if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
               message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
               message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        char text[600];
        snprintf(text, sizeof text, "topic %s, partition %d: %s",
                 reader->options.topics[partition->topic], partition->number,
                 rd_kafka_message_errstr(message));
        fail(reader, ERROR_UNAVAILABLE, text);
    }
    rd_kafka_message_destroy(message);
}

static struct partition *find_partition(struct topic_reader *reader,
                                        const rd_kafka_message_t *message) {
    if (!message->rkt)
        return NULL;
    const char *topic = rd_kafka_topic_name(message->rkt);
    for (size_t i = 0; i < reader->partition_count; i++)
        if (reader->partitions[i].number == message->partition &&
            strcmp(reader->options.topics[reader->partitions[i].topic], topic) == 0)
            return &reader->partitions[i];
    return NULL;
}

/* News of the group. What librdkafka does not try again ends the reading; the rest is said, once a
 * second. */
static void take_trouble(struct topic_reader *reader, rd_kafka_message_t *message) {
    rd_kafka_resp_err_t code = message->err;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL ||
        code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT ||
        code == RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED) {
        bool is_denied = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        fail(reader, is_denied ? ERROR_DENIED : ERROR_UNAVAILABLE,
             rd_kafka_message_errstr(message));
    } else if (code && now_ms() - reader->said_ms >= 1000) {
        reader->said_ms = now_ms();
        fprintf(stderr, "harrier: kafka: %s\n", rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
}

int topic_reader_poll(struct topic_reader *reader, struct error *ret_error) {
    rd_kafka_message_t *message;
    reader->round++;
    while ((message = rd_kafka_consumer_poll(reader->kafka, 0))) {
        struct partition *partition = find_partition(reader, message);
        if (partition)
            take_message(reader, partition, message);
        else
            take_trouble(reader, message);
    }
    if (reader->failure.code != 0) {
        *ret_error = reader->failure;
        return -(int)reader->failure.code;
    }
    return 0;
}

/* A queue that had nothing is looked at again in the next round only: looking takes its lock. */
static void refill(struct topic_reader *reader, struct partition *partition) {
    rd_kafka_message_t *messages[BUFFER_RECORDS];
    partition->first = partition->end = 0;
    if (partition->dry_round == reader->round)
        return;
    ssize_t count = rd_kafka_consume_batch_queue(partition->queue, 0, messages, BUFFER_RECORDS);
    for (ssize_t i = 0; i < count; i++)
        take_message(reader, partition, messages[i]);
    if (partition->end > 0) {
        partition->empty_since_ms = 0;
        return;
    }
    partition->dry_round = reader->round;
    if (partition->empty_since_ms == 0)
        partition->empty_since_ms = now_ms();
}

/* Is there a partition whose next record may be older than all that are here? */
static bool has_to_wait(const struct topic_reader *reader) {
    int64_t now = 0;
    for (size_t i = 0; i < reader->partition_count; i++) {
        const struct partition *partition = &reader->partitions[i];
        if (partition->first < partition->end || partition->is_at_end ||
            partition->topic >= reader->held_from)
            continue;
        now = now ? now : now_ms();
        if (now - partition->empty_since_ms < MERGE_WAIT_MS)
            return true;
    }
    return false;
}

int topic_reader_next(struct topic_reader *reader, struct topic_record *ret_record) {
    struct partition *oldest = NULL;
    for (size_t i = 0; i < reader->partition_count; i++) {
        struct partition *partition = &reader->partitions[i];
        if (partition->topic >= reader->held_from)
            continue;
        if (partition->first == partition->end)
            refill(reader, partition);
        if (partition->first < partition->end && (!oldest || partition->head_ms < oldest->head_ms))
            oldest = partition;
    }
    if (!oldest || (reader->buffered < reader->partition_count && has_to_wait(reader)))
        return 0;
    rd_kafka_message_t *message = oldest->buffer[oldest->first++];
    if (oldest->first == oldest->end)
        reader->buffered--;
    else {
        rd_kafka_timestamp_type_t type;
        int64_t time_ms = rd_kafka_message_timestamp(oldest->buffer[oldest->first], &type);
        oldest->head_ms = time_ms >= 0 ? time_ms : oldest->head_ms;
    }
    oldest->given = message->offset + 1;
    rd_kafka_timestamp_type_t type;
    *ret_record = (struct topic_record){
        .topic = oldest->topic,
        .partition = (size_t)(oldest - reader->partitions),
        .number = (uint32_t)oldest->number,
        .offset = message->offset,
        .time_ms = rd_kafka_message_timestamp(message, &type),
        .key = {.data = message->key, .length = message->key_len},
        .value = {.data = message->payload, .length = message->len},
        .has_key = message->key != NULL,
        .has_value = message->payload != NULL,
        .message = message,
    };
    return 1;
}

void topic_reader_hold(struct topic_reader *reader, size_t first_topic, bool is_held) {
    reader->held_from = is_held ? first_topic : reader->options.topic_count;
}

bool topic_reader_is_at_end(const struct topic_reader *reader) {
    if (!reader->is_assigned)
        return false;
    for (size_t i = 0; i < reader->partition_count; i++)
        if (!reader->partitions[i].is_at_end ||
            reader->partitions[i].first < reader->partitions[i].end)
            return false;
    return true;
}

uint64_t topic_reader_generation(const struct topic_reader *reader) {
    return atomic_load(&reader->generation);
}

rd_kafka_consumer_group_metadata_t *topic_reader_group(const struct topic_reader *reader) {
    return rd_kafka_consumer_group_metadata(reader->kafka);
}

size_t topic_reader_partitions(const struct topic_reader *reader) {
    return reader->partition_count;
}

void topic_reader_partition(const struct topic_reader *reader, size_t index,
                            struct topic_partition_state *ret_state) {
    const struct partition *partition = &reader->partitions[index];
    int64_t low, high;
    const char *topic = reader->options.topics[partition->topic];
    *ret_state = (struct topic_partition_state){
        .topic = topic, .partition = partition->number, .next = partition->given, .behind = -1};
    if (partition->given >= 0 &&
        rd_kafka_get_watermark_offsets(reader->kafka, topic, partition->number, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= partition->given)
        ret_state->behind = high - partition->given;
}
