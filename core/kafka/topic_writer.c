/* librdkafka says of each failure whether the transaction must be undone, whether the call may
 * simply be made again, or whether the producer is at its end. */
#include "topic_writer.h"

#include "core/base/check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPICS_MAX     8
#define HEADERS_MAX    8
#define OPEN_MS        60000
#define CALL_MS        10000
#define QUEUE_MS       100
#define AGAIN_PAUSE_NS 100000000
#define AGAIN_MAX      20 /* calls that may be made again, before the transaction is given up */

struct topic_writer {
    rd_kafka_t *kafka;
    char *name;
    const char *brokers;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    size_t topic_count;
    bool is_open;        /* a transaction is */
    int64_t last_offset; /* of the record delivered last */
    atomic_bool is_hurried;
};

/* Called in this thread, while it waits for a transaction. */
static void delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
    (void)kafka, (void)opaque;
    struct topic_writer *writer = message->_private;
    if (!message->err) /* a failure is that of the transaction */
        writer->last_offset = message->offset;
}

int64_t topic_writer_last_offset(const struct topic_writer *writer) {
    return writer->last_offset;
}

/* ---- failures ---- */

static int end_of_writer(struct topic_writer *writer, const char *doing, rd_kafka_resp_err_t code,
                         const char *text, struct error *ret_error) {
    char fatal_text[512];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(writer->kafka, fatal_text, sizeof fatal_text);
    if (fatal) {
        code = fatal;
        text = fatal_text;
    }
    if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
        code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH)
        return error_set(ret_error, ERROR_EXISTS,
                         "another instance has taken over as \"%s\" (each needs a name of its "
                         "own), or the brokers were away for longer than a transaction may take",
                         writer->name);
    bool is_denied = code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
                     code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                     code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
                     code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    return error_set(ret_error, is_denied ? ERROR_DENIED : ERROR_UNAVAILABLE, "%s: %s: %s",
                     writer->brokers, doing, text);
}

enum next { NEXT_AGAIN, NEXT_UNDO, NEXT_END };

/* Frees the failure; its text is in *ret_error. */
static enum next judge(struct topic_writer *writer, const char *doing, rd_kafka_error_t *failure,
                       unsigned tries, struct error *ret_error) {
    enum next next = NEXT_END;
    end_of_writer(writer, doing, rd_kafka_error_code(failure), rd_kafka_error_string(failure),
                  ret_error);
    if (rd_kafka_error_is_fatal(failure) || ret_error->code == ERROR_DENIED)
        next = NEXT_END;
    else if (rd_kafka_error_txn_requires_abort(failure))
        next = NEXT_UNDO;
    else if (rd_kafka_error_is_retriable(failure))
        next = tries < AGAIN_MAX && !atomic_load(&writer->is_hurried) ? NEXT_AGAIN : NEXT_END;
    rd_kafka_error_destroy(failure);
    if (next == NEXT_AGAIN) /* some fail at once, because something is under way */
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_PAUSE_NS}, NULL);
    return next;
}

/* Undoes the transaction that was begun. */
static int undo(struct topic_writer *writer, struct error *ret_error) {
    for (unsigned tries = 0; writer->is_open; tries++) {
        rd_kafka_error_t *failure = rd_kafka_abort_transaction(writer->kafka, CALL_MS);
        if (!failure)
            break;
        /* What must be undone is being undone: again. */
        if (judge(writer, "undoing a transaction", failure, tries, ret_error) == NEXT_END)
            return -(int)ret_error->code;
    }
    writer->is_open = false;
    return TOPIC_WRITER_UNDONE;
}

/* ---- opening ---- */

/* Known brokers and topics come first: transactions may take a minute to say that there is nobody.
 */
static int open_transactions(struct topic_writer *writer, const char *const *topics,
                             size_t topic_count, struct error *ret_error) {
    check(topic_count <= TOPICS_MAX);
    int r = kafka_check_topics(writer->kafka, writer->brokers, topics, topic_count, ret_error);
    for (size_t i = 0; i < topic_count && r == 0; i++) {
        writer->topics[i] = rd_kafka_topic_new(writer->kafka, topics[i], NULL);
        check(writer->topics[i]);
        writer->topic_count++;
    }
    if (r < 0)
        return r;
    rd_kafka_error_t *failure = rd_kafka_init_transactions(writer->kafka, OPEN_MS);
    if (!failure)
        return 0;
    judge(writer, "opening transactions", failure, AGAIN_MAX, ret_error);
    return -(int)ret_error->code;
}

int topic_writer_open(const struct kafka_options *kafka, const char *name,
                      const char *const *topics, size_t topic_count,
                      struct topic_writer **ret_writer, struct error *ret_error) {
    rd_kafka_conf_t *config;
    int r = kafka_config_new(kafka, KAFKA_PRODUCER, &config, ret_error);
    if (r < 0)
        return r;
    struct topic_writer *writer = check_calloc(1, sizeof *writer);
    writer->brokers = kafka->brokers;
    writer->name = text_copy(text_of(name));
    writer->last_offset = -1;
    kafka_config_set(config, "transactional.id", name);
    rd_kafka_conf_set_dr_msg_cb(config, delivered);
    r = kafka_new(config, KAFKA_PRODUCER, &writer->kafka, ret_error);
    if (r < 0) {
        free(writer->name);
        free(writer);
        return r;
    }
    r = open_transactions(writer, topics, topic_count, ret_error);
    if (r < 0) {
        topic_writer_close(writer);
        return r;
    }
    *ret_writer = writer;
    return 0;
}

void topic_writer_hurry(struct topic_writer *writer) {
    atomic_store(&writer->is_hurried, true);
}

void topic_writer_close(struct topic_writer *writer) {
    struct error ignored;
    if (!writer)
        return;
    undo(writer, &ignored);
    for (size_t i = 0; i < writer->topic_count; i++)
        rd_kafka_topic_destroy(writer->topics[i]);
    rd_kafka_destroy(writer->kafka);
    free(writer->name);
    free(writer);
}

/* ---- a transaction ---- */

int topic_writer_begin(struct topic_writer *writer, struct error *ret_error) {
    rd_kafka_error_t *failure = rd_kafka_begin_transaction(writer->kafka);
    if (failure) {
        judge(writer, "beginning a transaction", failure, AGAIN_MAX, ret_error);
        return -(int)ret_error->code;
    }
    writer->is_open = true;
    return 0;
}

int topic_writer_add(struct topic_writer *writer, size_t topic, struct text key, struct text value,
                     const struct topic_header *headers, size_t header_count,
                     struct error *ret_error) {
    rd_kafka_vu_t parts[5 + HEADERS_MAX];
    size_t count = 0;
    check(header_count <= HEADERS_MAX);
    parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = writer->topics[topic]};
    parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY};
    parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = writer};
    if (key.data)
        parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
                                         .u.mem = {.ptr = (void *)key.data, .size = key.length}};
    if (value.data)
        parts[count++] =
            (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE,
                            .u.mem = {.ptr = (void *)value.data, .size = value.length}};
    for (size_t i = 0; i < header_count; i++)
        parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER,
                                         .u.header = {.name = headers[i].name,
                                                      .val = headers[i].value.data,
                                                      .size = (ssize_t)headers[i].value.length}};
    for (;;) {
        rd_kafka_error_t *failure = rd_kafka_produceva(writer->kafka, parts, count);
        if (!failure)
            return 0;
        if (rd_kafka_error_code(failure) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_error_destroy(failure);
            rd_kafka_poll(writer->kafka, QUEUE_MS);
            continue;
        }
        /* A transaction in which something has failed takes no more. */
        enum next next = judge(writer, "writing", failure, 0, ret_error);
        return rd_kafka_fatal_error(writer->kafka, NULL, 0) || next == NEXT_AGAIN ||
                       ret_error->code == ERROR_DENIED
                   ? -(int)ret_error->code
                   : undo(writer, ret_error);
    }
}

/* 0, or what became of the transaction. */
static int settle(struct topic_writer *writer, const char *doing, rd_kafka_error_t *failure,
                  unsigned tries, bool *again, struct error *ret_error) {
    *again = false;
    if (!failure)
        return 0;
    switch (judge(writer, doing, failure, tries, ret_error)) {
    case NEXT_AGAIN:
        *again = true;
        return 0;
    case NEXT_UNDO:
        return undo(writer, ret_error);
    case NEXT_END:
        break;
    }
    return -(int)ret_error->code;
}

int topic_writer_commit(struct topic_writer *writer, const rd_kafka_topic_partition_list_t *offsets,
                        const rd_kafka_consumer_group_metadata_t *group, struct error *ret_error) {
    bool again = offsets != NULL;
    int r = 0;
    for (unsigned tries = 0; again && r == 0; tries++)
        r = settle(writer, "committing offsets",
                   rd_kafka_send_offsets_to_transaction(writer->kafka, offsets, group, CALL_MS),
                   tries, &again, ret_error);
    again = r == 0;
    for (unsigned tries = 0; again && r == 0; tries++)
        r = settle(writer, "committing", rd_kafka_commit_transaction(writer->kafka, CALL_MS), tries,
                   &again, ret_error);
    if (r == 0)
        writer->is_open = false;
    return r;
}
