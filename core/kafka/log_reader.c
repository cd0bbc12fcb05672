/* The partition is assigned, not subscribed to, so no other member of any group decides what is
 * read here. An offset that the topic does not have is an error: to go on at another one would skip
 * records without a word. */
#include "log_reader.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define METADATA_MS 10000

struct log_reader {
    rd_kafka_t *kafka;
    const char *brokers;
    char *topic, *header;
    int64_t end; /* at the opening */
};

void log_record_free(struct log_record *record) {
    if (record->message)
        rd_kafka_message_destroy(record->message);
    record->message = NULL;
}

static int check_partitions(struct log_reader *reader, struct error *ret_error) {
    int count;
    int r = kafka_check_topic(reader->kafka, reader->brokers, reader->topic, &count, ret_error);
    if (r == 0 && count != 1)
        r = error_set(
            ret_error, ERROR_INVALID,
            "topic %s has %d partitions; expected 1, since its order is that of the archive",
            reader->topic, count);
    return r;
}

static int assign(struct log_reader *reader, int64_t from, struct error *ret_error) {
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partitions, reader->topic, 0)->offset =
        from == LOG_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : from;
    rd_kafka_resp_err_t failure = rd_kafka_assign(reader->kafka, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    if (failure)
        return error_set(ret_error, ERROR_UNAVAILABLE, "reading topic %s: %s", reader->topic,
                         rd_kafka_err2str(failure));
    return 0;
}

static int find_end(struct log_reader *reader, struct error *ret_error) {
    int64_t first;
    rd_kafka_resp_err_t failure = rd_kafka_query_watermark_offsets(
        reader->kafka, reader->topic, 0, &first, &reader->end, METADATA_MS);
    if (failure)
        return error_set(ret_error, ERROR_UNAVAILABLE, "the end of topic %s: %s", reader->topic,
                         rd_kafka_err2str(failure));
    return 0;
}

int64_t log_reader_end(const struct log_reader *reader) {
    return reader->end;
}

static int open_consumer(const struct kafka_options *options, struct log_reader *reader,
                         struct error *ret_error) {
    rd_kafka_conf_t *config;
    int r = kafka_config_new(options, KAFKA_CONSUMER, &config, ret_error);
    if (r < 0)
        return r;
    kafka_config_set(config, "group.id", reader->topic); /* required, and not used */
    kafka_config_set(config, "enable.auto.commit", "false");
    kafka_config_set(config, "auto.offset.reset", "error");
    kafka_config_set(config, "isolation.level", "read_committed");
    kafka_config_set(config, "enable.partition.eof", "true");
    kafka_config_set(config, "fetch.wait.max.ms", "100");
    kafka_config_set(config, "check.crcs", "true");
    r = kafka_new(config, KAFKA_CONSUMER, &reader->kafka, ret_error);
    if (r == 0)
        rd_kafka_poll_set_consumer(reader->kafka);
    return r;
}

int log_reader_open(const struct kafka_options *options, const char *topic, const char *header,
                    int64_t from, struct log_reader **ret_reader, struct error *ret_error) {
    struct log_reader *reader = check_calloc(1, sizeof *reader);
    reader->brokers = options->brokers;
    reader->topic = text_copy(text_of(topic));
    reader->header = text_copy(text_of(header));
    int r = open_consumer(options, reader, ret_error);
    if (r == 0)
        r = check_partitions(reader, ret_error);
    if (r == 0)
        r = find_end(reader, ret_error);
    if (r == 0)
        r = assign(reader, from, ret_error);
    if (r < 0) {
        log_reader_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void log_reader_close(struct log_reader *reader) {
    if (!reader)
        return;
    if (reader->kafka) {
        rd_kafka_consumer_close(reader->kafka);
        rd_kafka_destroy(reader->kafka);
    }
    free(reader->header);
    free(reader->topic);
    free(reader);
}

static struct text header_of(const struct log_reader *reader, const rd_kafka_message_t *message) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, reader->header, &value, &size))
        return (struct text){0};
    return (struct text){.data = value, .length = size};
}

/* What will not get better by itself. */
static int refuse(struct log_reader *reader, const rd_kafka_message_t *message,
                  struct error *ret_error) {
    const char *text = rd_kafka_message_errstr(message);
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return error_set(ret_error, ERROR_NOT_FOUND, "topic %s: %s", reader->topic, text);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return error_set(ret_error, ERROR_DENIED, "topic %s: %s", reader->topic, text);
    case RD_KAFKA_RESP_ERR__FATAL:
        return error_set(ret_error, ERROR_UNAVAILABLE, "topic %s: %s", reader->topic, text);
    default:
        return LOG_NONE;
    }
}

int log_reader_next(struct log_reader *reader, int wait_ms, struct log_record *ret_record,
                    struct error *ret_error) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->kafka, wait_ms);
    if (!message)
        return LOG_NONE;
    if (message->err) {
        int r = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF
                    ? LOG_END
                    : refuse(reader, message, ret_error);
        rd_kafka_message_destroy(message);
        return r;
    }
    *ret_record = (struct log_record){
        .offset = message->offset,
        .header = header_of(reader, message),
        .value = {.data = message->payload, .length = message->len},
        .message = message,
    };
    return LOG_RECORD;
}
