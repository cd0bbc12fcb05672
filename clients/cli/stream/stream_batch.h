/* Records on their way through `harrier stream`: read in one go, asked about in one message, and
 * committed in one transaction of Kafka.
 *
 * The life of a batch: filled by the reading thread → sent, answered → handed to the committing
 * thread, which writes decisions and dead letters and commits → given back. Whoever has it is the
 * only one who touches it. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/kafka/topic_reader.h"
#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What its records are; a label of metrics, too. */
enum batch_kind { BATCH_TRANSACTIONS, BATCH_OUTCOMES, BATCH_AMENDMENTS, BATCH_KIND_COUNT };

enum batch_item_state {
    ITEM_WAITING, /* to be asked about */
    ITEM_DECIDED, /* result is there */
    ITEM_DONE,    /* an outcome or amendment that was taken, or a record that states none */
    ITEM_DEAD,    /* code and reason say why */
};

struct batch_item {
    struct topic_record record;
    enum batch_item_state state;
    const struct harrier_result *result; /* in one of the batch's replies */
    const char *code;                    /* "invalid", … */
    const char *reason;                  /* in the batch's arena */
};

struct stream_batch {
    struct stream_batch *next;
    enum batch_kind kind;
    uint64_t generation; /* of the reader, when it was read */
    uint64_t begun_us;   /* when its first record was read, of a clock that never jumps */
    size_t capacity, count, bytes;
    struct arena arena;
    struct batch_item *items;
    /* Parallel to items; meaningless for those that are not waiting. */
    struct harrier_transaction *transactions;
    struct harrier_outcome *outcomes;
    struct harrier_amendment *amendments;
    /* What a message has of it: those that wait, moved together. */
    size_t *sent;
    size_t sent_count, send_max;
    struct harrier_transaction *sent_transactions;
    struct harrier_outcome *sent_outcomes;
    struct harrier_amendment *sent_amendments;
    struct harrier_reply **replies;
    size_t reply_count, reply_capacity;
    /* The answer to what was sent. */
    struct harrier_reply *reply;
    struct harrier_error error;
    uint64_t sent_us;
};

struct stream_batch *stream_batch_new(size_t capacity);
void stream_batch_free(struct stream_batch *batch); /* NULL is allowed */
/* Empties it: records and replies are freed. */
void stream_batch_clear(struct stream_batch *batch);

/* reason is copied. */
void stream_batch_bury(struct stream_batch *batch, size_t item, const char *code,
                       const char *reason);

/* Moves up to send_max of those that wait together; returns how many. */
size_t stream_batch_collect(struct stream_batch *batch);
/* Keeps the reply until the batch is emptied. */
void stream_batch_keep(struct stream_batch *batch, struct harrier_reply *reply);
