/* The cooperative protocol leaves a partition with its holder when others join or leave: the others
 * would move it whenever a node starts. */
#include "group_lease.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct group_lease {
    rd_kafka_t *kafka;
    bool is_held;
    struct error failure;
};

/* The configuration's opaque pointer is the log's, so the lease is found through this. One thread
 * polls a lease, and callbacks run in it. */
static _Thread_local struct group_lease *polled;

static void take(struct group_lease *lease, rd_kafka_t *kafka,
                 const rd_kafka_topic_partition_list_t *partitions) {
    rd_kafka_error_t *failure = rd_kafka_incremental_assign(kafka, partitions);
    if (failure) {
        rd_kafka_error_destroy(failure);
        return;
    }
    /* Nothing is to be fetched. */
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_copy(partitions);
    rd_kafka_pause_partitions(kafka, paused);
    rd_kafka_topic_partition_list_destroy(paused);
    for (int i = 0; i < partitions->cnt; i++)
        lease->is_held |= partitions->elems[i].partition == 0;
}

static void give_up(struct group_lease *lease, rd_kafka_t *kafka,
                    const rd_kafka_topic_partition_list_t *partitions) {
    rd_kafka_error_t *failure = rd_kafka_incremental_unassign(kafka, partitions);
    if (failure)
        rd_kafka_error_destroy(failure);
    for (int i = 0; i < partitions->cnt; i++)
        if (partitions->elems[i].partition == 0)
            lease->is_held = false;
}

static void rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t what,
                      rd_kafka_topic_partition_list_t *partitions, void *opaque) {
    (void)opaque;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take(polled, kafka, partitions);
    else
        give_up(polled, kafka, partitions);
}

static int join(struct group_lease *lease, const char *topic, struct error *ret_error) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t failure = rd_kafka_subscribe(lease->kafka, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return failure ? error_set(ret_error, ERROR_UNAVAILABLE, "joining the group of topic %s: %s",
                               topic, rd_kafka_err2str(failure))
                   : 0;
}

int group_lease_open(const struct kafka_options *options, const char *topic, const char *group,
                     int timeout_ms, struct group_lease **ret_lease, struct error *ret_error) {
    rd_kafka_conf_t *config;
    char timeout[16], heartbeat[16];
    int r = kafka_config_new(options, KAFKA_CONSUMER, &config, ret_error);
    if (r < 0)
        return r;
    struct group_lease *lease = check_calloc(1, sizeof *lease);
    snprintf(timeout, sizeof timeout, "%d", timeout_ms);
    snprintf(heartbeat, sizeof heartbeat, "%d", timeout_ms / 6 + 1);
    kafka_config_set(config, "group.id", group);
    kafka_config_set(config, "session.timeout.ms", timeout);
    kafka_config_set(config, "heartbeat.interval.ms", heartbeat);
    kafka_config_set(config, "enable.auto.commit", "false");
    kafka_config_set(config, "partition.assignment.strategy", "cooperative-sticky");
    rd_kafka_conf_set_rebalance_cb(config, rebalance);
    r = kafka_new(config, KAFKA_CONSUMER, &lease->kafka, ret_error);
    if (r == 0) {
        rd_kafka_poll_set_consumer(lease->kafka);
        r = join(lease, topic, ret_error);
    }
    if (r < 0) {
        group_lease_close(lease);
        return r;
    }
    *ret_lease = lease;
    return 0;
}

void group_lease_close(struct group_lease *lease) {
    if (!lease)
        return;
    polled = lease;
    if (lease->kafka) {
        rd_kafka_consumer_close(lease->kafka);
        rd_kafka_destroy(lease->kafka);
    }
    free(lease);
}

void group_lease_poll(struct group_lease *lease, int wait_ms) {
    polled = lease;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(lease->kafka, wait_ms);
    if (!message)
        return;
    if (message->err)
        error_set(&lease->failure, ERROR_UNAVAILABLE, "%s", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
}

bool group_lease_is_held(const struct group_lease *lease) {
    return lease->is_held;
}

const struct error *group_lease_failure(const struct group_lease *lease) {
    return &lease->failure;
}
