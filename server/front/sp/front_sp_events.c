/* A client, as the loop sees it: opened, readable, writable, lost, or silent for too long. Each
 * event ends in batch_settle(), so that what one turn of the loop brings is handled together. */
#include "front_sp_events.h"

#include "core/base/check.h"
#include "front_sp_batch.h"
#include "front_sp_receive.h"

#include <limits.h>
#include <stdlib.h>

static void settle(struct connection *connection) {
    connection_mark_due(connection);
    batch_settle(connection->front);
}

static void connection_readable(void *user) {
    struct connection *connection = user;
    if (!connection->closed)
        receive(connection);
    settle(connection);
}

static void connection_writable(void *user) {
    struct connection *connection = user;
    connection->is_alive = true;
    settle(connection);
}

static void connection_lost(void *user, bool is_tls_failure) {
    struct connection *connection = user;
    connection_close(connection, is_tls_failure ? ENDING_TLS : ENDING_CLIENT);
    settle(connection);
}

static const struct stream_listener listener = {connection_readable, connection_writable,
                                                connection_lost};

/* ---- opening ---- */

void connection_open(struct front_sp *front, int descriptor, enum sp_stream kind, struct tls *tls) {
    struct connection *connection = check_calloc(1, sizeof *connection);
    struct error error;
    connection->front = front;
    if (stream_open(&connection->stream, front->base, descriptor, tls, &listener, connection,
                    &error) < 0) {
        if (front_sp_may_log(front))
            log_line(front->settings.log, LOG_WARNING, "%s", error.text);
        free(connection);
        return;
    }
    input_init(&connection->input, &front->pool, kind, front->settings.bytes_max);
    flow_init(&connection->flow, &front->queue);
    connection->class_version = UINT_MAX; /* not asked for yet */
    connection->active_us = front_sp_now_us(front);
    connection->next = front->connections;
    if (connection->next)
        connection->next->previous = connection;
    front->connections = connection;
    atomic_fetch_add(&front->connection_count, 1);
    metric_gauge(front->settings.metrics, CONNECTIONS, 0,
                 (int64_t)atomic_load(&front->connection_count));
    uint8_t greeting[SP_GREETING_SIZE];
    sp_greeting_write(greeting, SP_REP);
    connection_put(connection, greeting, sizeof greeting);
    connection_mark_due(connection);
}

/* ---- time ---- */

#define STALL_SCARCE_US INT64_C(2000000)

static bool is_over(int64_t since_us, int64_t limit_us, int64_t now_us) {
    return since_us != 0 && limit_us != 0 && now_us - since_us > limit_us;
}

/* When memory runs out, who keeps some without moving goes soon, so that others can be served. */
static int64_t stall_limit_us(const struct front_sp *front) {
    const struct chunk_pool *pool = &front->pool;
    int64_t us = front->settings.stall_us;
    bool is_scarce = pool->used_bytes > pool->bytes_max / 4 * 3;
    return is_scarce && (us == 0 || us > STALL_SCARCE_US) ? STALL_SCARCE_US : us;
}

void connection_check(struct connection *connection, int64_t now_us) {
    const struct front_settings *settings = &connection->front->settings;
    bool is_idle = connection->unanswered == 0 && !connection->flow.first &&
                   connection_unsent(connection) == 0;
    bool was_short = connection->is_short;
    if (connection->is_due) /* what has just moved is counted when it is served */
        return;
    connection->is_short = false;
    int64_t stall_us = stall_limit_us(connection->front);
    if (is_over(connection->begun_us, stall_us, now_us) ||
        is_over(connection->unsent_us, stall_us, now_us))
        connection_close(connection, ENDING_STALLED);
    else if (is_idle && is_over(connection->active_us, settings->idle_us, now_us))
        connection_close(connection, ENDING_IDLE);
    if (was_short || connection->closed)
        connection_mark_due(connection);
}
