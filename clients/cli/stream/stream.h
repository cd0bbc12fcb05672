/* The run of `harrier stream`: records of Kafka → batches → a server → decisions in Kafka.
 *
 * Each record read has one committed consequence: a decision, an outcome or amendment that the
 * server took, or a dead letter; it is committed in one transaction of Kafka with the offset behind
 * the record. Whatever ends in between, the record is read again, and the server answers as before.
 */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/retry.h"
#include "core/base/error.h"
#include "core/base/metric.h"
#include "core/kafka/kafka_config.h"
#include "record_parser.h"

#include <stdbool.h>
#include <stdint.h>

#define STREAM_TOPICS_MAX 32 /* to read from */
#define STREAM_BATCHES    32 /* read and not committed: when all are taken, nothing is read */
#define STREAM_BATCH_BYTES                                                                         \
    ((size_t)1 << 20) /* of records in a batch: it is sent, also if there is                       \
                         room for more */

struct stream_settings {
    struct kafka_options kafka;
    /* Those of transactions come first, then those of outcomes, then those of amendments. */
    const char *topics[STREAM_TOPICS_MAX];
    size_t topic_count, transaction_topics, outcome_topics;
    const char *decisions, *dead_letters; /* topics; decisions may be NULL without transactions */
    const char *group, *instance;
    bool from_latest;
    enum record_format format;
    const char *map, *outcome_map, *amendment_map; /* NULL: none */
    const char *source;                            /* of outcomes and amendments that state none */
    size_t batch;                                  /* records of a message, 1 to 1,000 */
    uint64_t deadline_us;
    uint64_t outcome_wait_us; /* how long an outcome or amendment may be older than its
                                 transaction's decision */
    bool features;
    bool until_end; /* end when everything that is there is committed */
};

struct stream_parts {
    struct harrier_client *client;
    struct retry *retry;
    struct progress_bar *bar; /* bar->stop ends the run, which is no failure */
    struct metric_set *metrics;
};

/* Blocks until the run is stopped or at its end; what was read by then is committed, or left for
 * the next run. < 0: ERROR_UNAVAILABLE (server or brokers were away for too long), ERROR_EXISTS
 * (another instance of this name), ERROR_NOT_FOUND, ERROR_DENIED, ERROR_INVALID. */
int stream_run(const struct stream_settings *settings, const struct stream_parts *parts,
               struct error *ret_error);
