/* Reads the committed records of a topic with one partition, in order, from an offset on: a log
 * that others replicate.
 *
 * No consumer group takes part: who reads, and how far, is the caller's affair. Not thread-safe. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "kafka_config.h"

#include <stdint.h>

/* A record as it lies in librdkafka's memory: valid until log_record_free(). */
struct log_record {
    int64_t offset;
    struct text header; /* the one that the reader was opened for; "" if it is missing */
    struct text value;
    rd_kafka_message_t *message;
};
void log_record_free(struct log_record *record);

struct log_reader;

/* from: the offset of the first record wanted, or LOG_BEGINNING. header: the name of the one that
 * records have. Blocks for up to ten seconds. ERROR_NOT_FOUND: no such topic; ERROR_INVALID: it has
 * several partitions; ERROR_UNAVAILABLE: no broker answered; and as kafka_config_new(). */
#define LOG_BEGINNING (-1)
int log_reader_open(const struct kafka_options *kafka, const char *topic, const char *header,
                    int64_t from, struct log_reader **ret_reader, struct error *ret_error);
/* The offset behind the last record that there was at the opening, committed or not. While others
 * write without a pause, LOG_END may never be said; a record from this offset on says that what
 * there was then has been read. */
int64_t log_reader_end(const struct log_reader *reader);
void log_reader_close(struct log_reader *reader); /* NULL is allowed */

/* LOG_RECORD: the next record, which is the caller's. LOG_NONE: none within wait_ms; brokers that
 * are away count as that. LOG_END: everything is read that this broker knows to be committed; it is
 * said once for each time that the end is reached. ERROR_NOT_FOUND: the records from here on are
 * not in the topic any more, or the topic is gone. ERROR_DENIED, ERROR_UNAVAILABLE: it cannot be
 * read at all. */
enum { LOG_NONE, LOG_RECORD, LOG_END };
int log_reader_next(struct log_reader *reader, int wait_ms, struct log_record *ret_record,
                    struct error *ret_error);
