/* What the parts of a node share: cluster.c (the threads), follow.c (reading the log) and ship.c
 * (writing it). */
#pragma once

#include "core/kafka/group_lease.h"
#include "core/kafka/log_reader.h"
#include "core/kafka/topic_writer.h"
#include "core/store/archive/archive_committed.h"
#include "log_message.h"
#include "server/base/service_state.h"

#include <stdatomic.h>
#include <stdbool.h>

struct cluster {
    struct service *service;
    char *brokers, *topic, *name, *node, *address, *config; /* owned; config NULL: none */
    struct kafka_log log;
    struct kafka_options kafka;
    pthread_t thread, lease_thread;
    atomic_bool is_held; /* the lease, as its thread sees it */
    atomic_bool is_stopping;
    atomic_bool is_unable; /* to decide: the lease was given back for that */
    atomic_bool leaves;    /* the lease is to be given to another node */

    /* The node's thread alone. */
    struct archive_committed_file *file; /* NULL: this archive has not been in a cluster yet */
    struct archive_committed committed;
    struct log_reader *reader;
    struct topic_writer *writer; /* NULL: not the primary; changed under the decision lock */
    uint64_t nonce;              /* of this node's signs */
    bool saw_own_sign;
    bool was_in_cluster; /* there was a file `committed` at the start */
    bool forgot_place;   /* but the archive is shorter than it says: all of it is compared */
    struct buffer parts; /* of a record that comes in several messages */
    uint32_t parts_seen;
    struct arena arena;
};

/* Is there a reason to leave what the node is doing? */
static inline bool node_is_stopping(const struct cluster *cluster) {
    return atomic_load(&cluster->is_stopping);
}

/* ---- follow.c ---- */

/* Makes the archive one that the log continues: appends what the log has, cuts off what it lacks.
 * The service must have no states. Returns at the log's end; ERROR_INTERRUPTED: stopping. */
int follow_reconcile(struct cluster *cluster, struct error *ret_error);
/* Opens the reader where the archive's file `committed` says. */
int follow_reopen(struct cluster *cluster, struct error *ret_error);
/* Reads and applies what there is, for wait_ms at most. LOG_END: everything known to be committed
 * is read. Fails if the states are lost meanwhile. */
int follow_some(struct cluster *cluster, int wait_ms, struct error *ret_error);
/* Notes how far the log is known to be committed, in memory and in the archive's file. Without the
 * decision lock. */
int follow_note_committed(struct cluster *cluster, struct archive_place place, int64_t offset,
                          struct error *ret_error);

/* ---- ship.c ---- */

/* Shuts other primaries out, reads to the end of what they committed, and makes the service the
 * primary. */
int ship_take_over(struct cluster *cluster, struct error *ret_error);
/* Ships until the lease is lost, the log refuses, or the node stops; then the service is no primary
 * any more. 0: it may follow again. */
int ship_until_deposed(struct cluster *cluster, struct error *ret_error);
