#include "topic_rows.h"

#include "clients/cli/kafka/topic_reader.h"
#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "record_parser.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCHEME     "kafka://"
#define TOPICS_MAX 32
#define ROW_BYTES  ((size_t)16 << 20)
#define PAUSE_NS   2000000  /* between two looks for records that are on their way */
#define SILENCE_US 60000000 /* no record came, and the end was not reached */

struct topic_rows {
    char *text; /* of the URL, cut into brokers and topics */
    struct kafka_options kafka;
    const char *topics[TOPICS_MAX];
    size_t topic_count;
    struct record_parser *parser;
    struct topic_reader *reader;
    struct arena arena; /* of the row given last */
    struct topic_record record;
    struct error error;
    char place[TOPIC_PLACE_BYTES];
};

/* The URL's text is cut in place: "host:9092,host:9093" and the topics. */
static int split(struct topic_rows *rows, const char *url, struct error *ret_error) {
    char *slash, *rest = NULL;
    rows->text = text_copy(text_of(url));
    char *brokers = rows->text + strlen(SCHEME);
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0 || !(slash = strchr(brokers, '/')) ||
        slash == brokers || slash[1] == '\0')
        return error_set(ret_error, ERROR_INVALID,
                         "\"%.200s\" is no source (expected kafka://HOST:PORT/TOPIC)", url);
    *slash = '\0';
    rows->kafka.brokers = brokers;
    for (char *topic = strtok_r(slash + 1, ",", &rest); topic; topic = strtok_r(NULL, ",", &rest)) {
        if (rows->topic_count == TOPICS_MAX)
            return error_set(ret_error, ERROR_INVALID, "more than %d topics", TOPICS_MAX);
        rows->topics[rows->topic_count++] = topic;
    }
    return 0;
}

int topic_rows_open(const char *url, const char *config, bool is_protobuf, const char *map,
                    struct topic_rows **ret_rows, struct error *ret_error) {
    struct topic_rows *rows = check_calloc(1, sizeof *rows);
    arena_init(&rows->arena, ROW_BYTES);
    int r = split(rows, url, ret_error);
    rows->kafka.file = config;
    if (r == 0)
        r = record_parser_new(is_protobuf ? RECORD_PROTOBUF : RECORD_JSON, RECORD_TRANSACTIONS, map,
                              &rows->parser, ret_error);
    const struct topic_reader_options options = {.kafka = &rows->kafka,
                                                 .topics = rows->topics,
                                                 .topic_count = rows->topic_count,
                                                 .wake_descriptor = -1};
    if (r == 0)
        r = topic_reader_open(&options, &rows->reader, ret_error);
    if (r < 0) {
        topic_rows_close(rows);
        return r;
    }
    *ret_rows = rows;
    return 0;
}

void topic_rows_close(struct topic_rows *rows) {
    if (!rows)
        return;
    topic_record_free(&rows->record);
    topic_reader_close(rows->reader);
    record_parser_free(rows->parser);
    arena_deinit(&rows->arena);
    free(rows->text);
    free(rows);
}

/* As topic_rows_next(), for the record alone. */
static int await_record(struct topic_rows *rows, const volatile int *stop,
                        struct error *ret_error) {
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (uint64_t begun_us = monotonic_us();;) {
        int r = topic_reader_poll(rows->reader, ret_error);
        if (r < 0)
            return r;
        if (topic_reader_next(rows->reader, &rows->record))
            return 1;
        if (topic_reader_is_at_end(rows->reader))
            return 0;
        if (stop && *stop)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        if (monotonic_us() - begun_us > SILENCE_US)
            return error_set(ret_error, ERROR_UNAVAILABLE,
                             "%s: nothing came for a minute, before the topics' end",
                             rows->kafka.brokers);
        nanosleep(&pause, NULL);
    }
}

int topic_rows_next(struct topic_rows *rows, const volatile int *stop, struct topic_row *ret_row,
                    struct error *ret_error) {
    topic_record_free(&rows->record);
    arena_reset(&rows->arena);
    /* A look at the group and all queues for each row would cost more than the row. */
    int r = topic_reader_next(rows->reader, &rows->record);
    if (r == 0)
        r = await_record(rows, stop, ret_error);
    if (r <= 0)
        return r;
    const struct topic_record *record = &rows->record;
    topic_reader_place(rows->reader, record, rows->place);
    *ret_row = (struct topic_row){.place = rows->place, .value = record->value};
    if (record_parser_import(rows->parser, record->value, &rows->arena, &ret_row->row,
                             &ret_row->field, &rows->error) < 0)
        ret_row->error = &rows->error;
    return 1;
}
