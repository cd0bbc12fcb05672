/* Writes records, and the offsets of what they were made of, in one transaction of Kafka: readers
 * of committed records see all of it or nothing.
 *
 * One transaction at a time, by one thread; functions that others may call say so. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "kafka_config.h"

#include <stdint.h>

struct topic_writer;

/* name: the transactional.id. Another writer of the same name is shut out from here on, and what it
 * had not committed is undone. topics: to write to; they must be there. Blocks for up to a minute.
 * ERROR_NOT_FOUND, ERROR_UNAVAILABLE, ERROR_DENIED, and as kafka_config_new(). */
int topic_writer_open(const struct kafka_options *kafka, const char *name,
                      const char *const *topics, size_t topic_count,
                      struct topic_writer **ret_writer, struct error *ret_error);
/* From here on, what fails for now is not tried again: the process is to end. Any thread. */
void topic_writer_hurry(struct topic_writer *writer);
/* What was begun and not committed is undone. NULL is allowed. */
void topic_writer_close(struct topic_writer *writer);

struct topic_header {
    const char *name;
    struct text value;
};

/* Failures of all that follow: TOPIC_WRITER_UNDONE, the transaction was undone, and the same may
 * be tried in a new one; or < 0, the writer is of no use any more (ERROR_EXISTS: another writer of
 * its name has taken over). */
enum { TOPIC_WRITER_UNDONE = 1 };

int topic_writer_begin(struct topic_writer *writer, struct error *ret_error);
/* topic: index of those given at the opening. Copies everything. Waits while librdkafka's queue is
 * full. key.data NULL: no key. */
int topic_writer_add(struct topic_writer *writer, size_t topic, struct text key, struct text value,
                     const struct topic_header *headers, size_t header_count,
                     struct error *ret_error);
/* Commits what was added together with the offsets of the group; offsets NULL: none. */
int topic_writer_commit(struct topic_writer *writer, const rd_kafka_topic_partition_list_t *offsets,
                        const rd_kafka_consumer_group_metadata_t *group, struct error *ret_error);
/* The offset of the record that was added last, once it is committed; -1: none was. */
int64_t topic_writer_last_offset(const struct topic_writer *writer);
