#include "stream_lag.h"

#include "core/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stream_lag_deinit(struct stream_lag *lag) {
    for (size_t i = 0; i < lag->label_count; i++)
        free(lag->labels[i]);
}

/* A label is of one partition for good. SIZE_MAX: there are too many. */
static size_t label_of(struct stream_lag *lag, const struct topic_partition_state *state,
                       struct metric_set *metrics) {
    char name[300];
    snprintf(name, sizeof name, "%s/%" PRId32, state->topic, state->partition);
    for (size_t i = 0; i < lag->label_count; i++)
        if (strcmp(lag->labels[i], name) == 0)
            return i;
    if (lag->label_count == STREAM_PARTITIONS_SHOWN)
        return SIZE_MAX;
    lag->labels[lag->label_count] = text_copy(text_of(name));
    metric_label(metrics, STREAM_LAG_OF_PARTITION, lag->label_count, name);
    return lag->label_count++;
}

void stream_lag_measure(struct stream_lag *lag, const struct topic_reader *reader,
                        struct metric_set *metrics) {
    size_t count = topic_reader_partitions(reader);
    int64_t all = 0;
    for (size_t i = 0; i < lag->label_count; i++)
        metric_gauge(metrics, STREAM_LAG_OF_PARTITION, i, 0);
    for (size_t i = 0; i < count; i++) {
        struct topic_partition_state state;
        topic_reader_partition(reader, i, &state);
        if (state.behind < 0)
            continue;
        all += state.behind;
        size_t label = label_of(lag, &state, metrics);
        if (label != SIZE_MAX)
            metric_gauge(metrics, STREAM_LAG_OF_PARTITION, label, state.behind);
    }
    metric_gauge(metrics, STREAM_PARTITIONS, 0, (int64_t)count);
    metric_gauge(metrics, STREAM_LAG, 0, all);
}
