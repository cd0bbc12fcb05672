/* How far an instance is behind, by partition, for Prometheus. */
#pragma once

#include "clients/cli/kafka/topic_reader.h"
#include "core/base/metric.h"
#include "stream_metrics.h"

#include <stddef.h>

/* Zeroed is empty. */
struct stream_lag {
    char *labels[STREAM_PARTITIONS_SHOWN]; /* of partitions that this instance has had */
    size_t label_count;
};
void stream_lag_deinit(struct stream_lag *lag);

/* A partition that others have now is behind by nothing here. */
void stream_lag_measure(struct stream_lag *lag, const struct topic_reader *reader,
                        struct metric_set *metrics);
