/* Reads records of several topics in the order of their timestamps, as one member of a consumer
 * group or all of them up to their present end.
 *
 * The partitions are merged: the record given next is the oldest of those at their heads. A
 * partition that is read to its end does not hold up the others; one whose records are still on
 * their way does, for MERGE_WAIT_MS at most. So a reader that catches up sees payments and outcomes
 * of several partitions nearly in the order in which they were written.
 *
 * Not thread-safe, but for the functions that say so. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/kafka/kafka_config.h"

#include <stdbool.h>
#include <stdint.h>

/* A record as it lies in librdkafka's memory: valid until topic_record_free(). */
struct topic_record {
    size_t topic;     /* which of those asked for */
    size_t partition; /* index of the reader's own: topic_reader_partition() */
    uint32_t number;  /* of the partition within its topic */
    int64_t offset;
    int64_t time_ms; /* the record's timestamp; -1: none */
    struct text key, value;
    bool has_key, has_value;
    rd_kafka_message_t *message;
};
void topic_record_free(struct topic_record *record);

struct topic_reader_options {
    const struct kafka_options *kafka;
    const char *const *topics;
    size_t topic_count;
    const char *group;    /* NULL: no group; all partitions from their beginning to their end */
    const char *instance; /* static member of the group (group.instance.id) */
    bool from_latest;     /* a group without offsets begins at the ends, not the beginnings */
    int wake_descriptor;  /* an eventfd that is written to when records arrive; -1: none */
    /* All partitions are about to be given to others. What was read and not committed is to be
     * forgotten, what is being committed to be finished. */
    void (*on_revoked)(void *user);
    void *user;
};

struct topic_reader;

/* ERROR_NOT_FOUND, ERROR_UNAVAILABLE: as kafka_check_topics(); ERROR_INVALID and others: as
 * kafka_config_new(). The options are copied, the texts they point at not. */
int topic_reader_open(const struct topic_reader_options *options, struct topic_reader **ret_reader,
                      struct error *ret_error);
/* Writes to the descriptor, as records do that arrive. Any thread. */
void topic_reader_wake(const struct topic_reader *reader);

/* "payments/3/18231": topic, partition, offset. The text lies in ret_place. Any thread. */
#define TOPIC_PLACE_BYTES 320
struct text topic_reader_place(const struct topic_reader *reader, const struct topic_record *record,
                               char ret_place[TOPIC_PLACE_BYTES]);

/* Leaves the group; calls on_revoked() if there is something to revoke. NULL is allowed. */
void topic_reader_close(struct topic_reader *reader);

/* Serves the group: to be called every few seconds at least, also while nothing is read. Fails when
 * reading cannot go on: another instance of this name (ERROR_EXISTS), a topic gone. */
int topic_reader_poll(struct topic_reader *reader, struct error *ret_error);

/* 1: the next record, which is the caller's; 0: none now. */
int topic_reader_next(struct topic_reader *reader, struct topic_record *ret_record);

/* From here on, records of topics from `first_topic` on are given, or not (they stay where they
 * are, and do not hold up the others). */
void topic_reader_hold(struct topic_reader *reader, size_t first_topic, bool is_held);

/* Does the reader have partitions, or know that it gets none, and has it given all that they had
 * when it last asked? */
bool topic_reader_is_at_end(const struct topic_reader *reader);

/* How often partitions were taken away: what was read before belongs to somebody else. Any thread.
 */
uint64_t topic_reader_generation(const struct topic_reader *reader);

/* The group as the transaction that commits its offsets has to name it. Any thread. */
rd_kafka_consumer_group_metadata_t *topic_reader_group(const struct topic_reader *reader);

size_t topic_reader_partitions(const struct topic_reader *reader);
struct topic_partition_state {
    const char *topic;
    int32_t partition;
    int64_t next;   /* offset behind the record given last; -1: none was */
    int64_t behind; /* records from there to the end, with those not yet committed by their
                       writers' transactions; -1: not known */
};
void topic_reader_partition(const struct topic_reader *reader, size_t index,
                            struct topic_partition_state *ret_state);
