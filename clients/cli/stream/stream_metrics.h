/* What `harrier stream` counts, for its summary and for Prometheus. */
#pragma once

#include "core/base/metric.h"

#define STREAM_PARTITIONS_SHOWN 256 /* whose lag is a metric each */

enum stream_metric {
    STREAM_RECORDS,      /* by enum batch_kind */
    STREAM_DECISIONS,    /* committed; by verdict */
    STREAM_DUPLICATES,   /* of these, made before */
    STREAM_OUTCOMES,     /* committed */
    STREAM_AMENDMENTS,   /* committed */
    STREAM_DEAD_LETTERS, /* committed; by code: stream_code_index() */
    STREAM_COMMITS,
    STREAM_UNDONE,
    STREAM_COMMIT_TIME,
    STREAM_ANSWER_TIME,
    STREAM_RECORD_AGE,
    STREAM_WAITING_FOR_SERVER,
    STREAM_WAITING_FOR_COMMITS,
    STREAM_UNCOMMITTED,
    STREAM_SERVER_AWAY,
    STREAM_PARTITIONS,
    STREAM_REBALANCES,
    STREAM_LAG,
    STREAM_LAG_OF_PARTITION,
    STREAM_METRIC_COUNT
};

struct metric_set *stream_metrics_new(void);

/* The label of a code as harrier_error_name() has it. */
size_t stream_code_index(const char *code);
