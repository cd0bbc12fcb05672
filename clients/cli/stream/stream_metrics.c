#include "stream_metrics.h"

#include "clients/c/harrier.h"
#include "stream_batch.h"

#include <string.h>

static const char *kind_name(size_t index) {
    static const char *const names[BATCH_KIND_COUNT] = {
        [BATCH_TRANSACTIONS] = "transactions",
        [BATCH_OUTCOMES] = "outcomes",
        [BATCH_AMENDMENTS] = "amendments",
    };
    return names[index];
}

static const char *verdict_label(size_t index) {
    return harrier_verdict_name((enum harrier_verdict)index);
}

static const char *code_label(size_t index) {
    return index == HARRIER_OK ? "" : harrier_error_name((enum harrier_error_code)index);
}

#define CODES (HARRIER_ERROR_OVERLOADED + 1)

static const struct metric table[STREAM_METRIC_COUNT] = {
    [STREAM_RECORDS] = {"harrier_stream_records_total", METRIC_COUNTER, METRIC_PLAIN, "kind",
                        BATCH_KIND_COUNT, kind_name, "Records read from Kafka."},
    [STREAM_DECISIONS] = {"harrier_stream_decisions_total", METRIC_COUNTER, METRIC_PLAIN, "verdict",
                          HARRIER_VERDICT_DECLINE + 1, verdict_label,
                          "Decisions committed to Kafka."},
    [STREAM_DUPLICATES] = {"harrier_stream_duplicates_total", METRIC_COUNTER, METRIC_PLAIN, NULL, 0,
                           NULL,
                           "Decisions committed of transactions that the server had decided "
                           "before."},
    [STREAM_OUTCOMES] = {"harrier_stream_outcomes_total", METRIC_COUNTER, METRIC_PLAIN, NULL, 0,
                         NULL, "Outcomes taken by the server and committed."},
    [STREAM_AMENDMENTS] = {"harrier_stream_amendments_total", METRIC_COUNTER, METRIC_PLAIN, NULL, 0,
                           NULL, "Amendments taken by the server and committed."},
    [STREAM_DEAD_LETTERS] = {"harrier_stream_dead_letters_total", METRIC_COUNTER, METRIC_PLAIN,
                             "code", CODES, code_label,
                             "Records committed to the dead-letter topic."},
    [STREAM_COMMITS] = {"harrier_stream_commits_total", METRIC_COUNTER, METRIC_PLAIN, NULL, 0, NULL,
                        "Transactions of Kafka that were committed."},
    [STREAM_UNDONE] = {"harrier_stream_aborts_total", METRIC_COUNTER, METRIC_PLAIN, NULL, 0, NULL,
                       "Transactions of Kafka that were aborted, to be tried again or given up."},
    [STREAM_COMMIT_TIME] = {"harrier_stream_commit_seconds", METRIC_HISTOGRAM, METRIC_MICROSECONDS,
                            NULL, 0, NULL, "From the beginning of a transaction to its commit."},
    [STREAM_ANSWER_TIME] = {"harrier_stream_answer_seconds", METRIC_HISTOGRAM, METRIC_MICROSECONDS,
                            NULL, 0, NULL, "From sending a message to the server's answer."},
    [STREAM_RECORD_AGE] = {"harrier_stream_record_age_seconds", METRIC_HISTOGRAM,
                           METRIC_MICROSECONDS, NULL, 0, NULL,
                           "From a record's timestamp to the commit of what became of it; the "
                           "oldest of each transaction."},
    [STREAM_WAITING_FOR_SERVER] = {"harrier_stream_server_wait_seconds_total", METRIC_COUNTER,
                                   METRIC_MICROSECONDS, NULL, 0, NULL,
                                   "Time in which a full batch waited for the server."},
    [STREAM_WAITING_FOR_COMMITS] = {"harrier_stream_commit_wait_seconds_total", METRIC_COUNTER,
                                    METRIC_MICROSECONDS, NULL, 0, NULL,
                                    "Time in which nothing was read because too much waited for "
                                    "its commit."},
    [STREAM_UNCOMMITTED] = {"harrier_stream_uncommitted_batches", METRIC_GAUGE, METRIC_PLAIN, NULL,
                            0, NULL,
                            "Batches read whose commit is to come; at 32, nothing more is read."},
    [STREAM_SERVER_AWAY] = {"harrier_stream_server_away", METRIC_GAUGE, METRIC_PLAIN, NULL, 0, NULL,
                            "1 while the server does not answer."},
    [STREAM_PARTITIONS] = {"harrier_stream_partitions", METRIC_GAUGE, METRIC_PLAIN, NULL, 0, NULL,
                           "Partitions that this instance reads."},
    [STREAM_REBALANCES] = {"harrier_stream_rebalances_total", METRIC_COUNTER, METRIC_PLAIN, NULL, 0,
                           NULL, "How often partitions were taken away."},
    [STREAM_LAG] = {"harrier_stream_lag_records", METRIC_GAUGE, METRIC_PLAIN, NULL, 0, NULL,
                    "Records of all partitions of this instance that are still to be read."},
    [STREAM_LAG_OF_PARTITION] = {"harrier_stream_partition_lag_records", METRIC_GAUGE, METRIC_PLAIN,
                                 "partition", STREAM_PARTITIONS_SHOWN, NULL,
                                 "Records that are still to be read, by topic/partition."},
};

struct metric_set *stream_metrics_new(void) {
    return metric_set_new(table, STREAM_METRIC_COUNT);
}

size_t stream_code_index(const char *code) {
    for (size_t i = 1; i < CODES; i++)
        if (strcmp(harrier_error_name((enum harrier_error_code)i), code) == 0)
            return i;
    return HARRIER_ERROR_INTERNAL;
}
