/* One client's output and its end.
 *
 * Answers are put one behind the other into a chunk, and written together. A connection that is
 * closed lives on, without a socket, until its requests are answered. */
#include "front_sp_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A client that takes less than this in stall_us is too slow. */
#define TAKEN_LEAST ((size_t)16 << 10)

/* ---- the end ---- */

/* Accepting may have stopped for want of descriptors: now there is one more. */
void connection_close(struct connection *connection, enum ending ending) {
    struct front_sp *front = connection->front;
    if (connection->closed)
        return;
    connection->closed = true;
    stream_close(&connection->stream);
    input_deinit(&connection->input);
    flow_deinit(&connection->flow, &front->queue);
    chunk_release(&front->pool, connection->output);
    connection->output = NULL;
    connection->output_begin = connection->output_end = 0;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        front->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    atomic_fetch_sub(&front->connection_count, 1);
    metric_gauge(front->settings.metrics, CONNECTIONS, 0,
                 (int64_t)atomic_load(&front->connection_count));
    metric_add(front->settings.metrics, CONNECTIONS_ENDED, ending, 1);
    front_sp_accept_again(front);
}

void connection_release(struct connection *connection) {
    if (connection->closed && connection->unanswered == 0 && !connection->is_due)
        free(connection);
}

/* ---- answers ---- */

size_t connection_unsent(const struct connection *connection) {
    return connection->output_end - connection->output_begin + stream_unsent(&connection->stream);
}

bool connection_is_unread(const struct connection *connection) {
    bool is_short = chunk_pool_is_short(&connection->front->pool);
    return connection_unsent(connection) > (is_short ? UNSENT_MAX_SHORT : UNSENT_MAX);
}

/* Room behind the bytes to be written: at the end of the chunk, at its start after moving them, or
 * in a larger one. Never fails: what has been decided must be answered. */
static uint8_t *output_room(struct connection *connection, size_t size) {
    struct chunk_pool *pool = &connection->front->pool;
    struct chunk *old = connection->output;
    size_t left = connection->output_end - connection->output_begin;
    if (!old || old->capacity - connection->output_end < size) {
        if (old && old->capacity - left >= size && connection->output_begin >= left) {
            memcpy(old->bytes, old->bytes + connection->output_begin, left);
        } else {
            connection->output = chunk_take_anyway(pool, 2 * left + size);
            if (left > 0)
                memcpy(connection->output->bytes, old->bytes + connection->output_begin, left);
            chunk_release(pool, old);
        }
        connection->output_begin = 0;
        connection->output_end = left;
    }
    return connection->output->bytes + connection->output_end;
}

void connection_put(struct connection *connection, const void *bytes, size_t size) {
    memcpy(output_room(connection, size), bytes, size);
    connection->output_end += size;
    connection->put += size;
}

/* Header, ids and payload go straight into the output. */
void connection_put_answer(struct connection *connection, const struct input_request *request,
                           const void *bytes, size_t length) {
    size_t whole = request->ids_size + length;
    uint8_t *at = output_room(connection, SP_HEADER_MAX + whole);
    size_t head = sp_header_write(at, connection->input.stream, whole);
    memcpy(at + head, request->ids, request->ids_size);
    if (length > 0)
        memcpy(at + head + request->ids_size, bytes, length);
    connection->output_end += head + whole;
    connection->put += head + whole;
}

/* The slot is idle afterwards. */
void connection_answer(struct slot *slot, const void *bytes, size_t length) {
    struct connection *connection = slot->connection;
    struct front_sp *front = connection->front;
    if (!connection->closed)
        connection_put_answer(connection, &slot->input, bytes, length);
    chunk_release(&front->pool, slot->input.chunk);
    connection->is_alive = true;
    connection->unanswered--;
    slot->connection = NULL;
    atomic_store_explicit(&slot->since_us, 0, memory_order_relaxed);
    slot->next = front->idle;
    front->idle = slot;
}

/* Notes since when a client has hardly read its answers. TLS sends between two calls of this, so
 * progress is measured by what is no longer there. */
static void watch_unsent(struct connection *connection) {
    uint64_t taken = connection->put - connection_unsent(connection);
    if (connection_unsent(connection) == 0) {
        connection->unsent_us = 0;
    } else if (connection->unsent_us == 0 || taken - connection->taken >= TAKEN_LEAST) {
        connection->unsent_us = front_sp_now_us(connection->front);
        connection->taken = taken;
    }
}

/* Also notes progress, for the detection of clients that do not read. */
bool connection_flush(struct connection *connection) {
    size_t before = connection_unsent(connection);
    while (connection->output) {
        size_t size = connection->output_end - connection->output_begin;
        ssize_t sent = stream_write(&connection->stream,
                                    connection->output->bytes + connection->output_begin, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            connection_close(connection, ENDING_CLIENT);
            return true;
        }
        if (sent < 0)
            break;
        connection->output_begin += (size_t)sent;
        if ((size_t)sent == size) {
            chunk_release(&connection->front->pool, connection->output);
            connection->output = NULL;
            connection->output_begin = connection->output_end = 0;
        }
    }
    if (before > 0 || connection->unsent_us != 0)
        watch_unsent(connection);
    return connection_unsent(connection) == 0;
}

void connection_mark_due(struct connection *connection) {
    struct front_sp *front = connection->front;
    if (connection->is_due)
        return;
    connection->is_due = true;
    connection->next_due = NULL;
    *front->due_end = connection;
    front->due_end = &connection->next_due;
}
