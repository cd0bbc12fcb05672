/* One client.
 *
 *   readable ──► input ──request──► slot ──► handler ──front_reply()──► output ──► written
 *
 * What a turn of the loop has read, from all clients, is handled together, and all answers that are
 * there by then leave in one write for each. No more is read, and nothing more is handled, while
 *   - as many of its requests as one connection may have are unanswered,
 *   - no slot is free: then it waits in line for one,
 *   - more than UNSENT_MAX bytes of answers wait to be taken; a batch goes on only behind requests
 *     whose answers are in proportion to them (at most BATCH_BYTES of such), so what is made beyond
 *     that is one other answer,
 *   - the front drains.
 * What it sends then stays in the system's buffers, and in the end in its own.
 *
 * A connection that is closed lives on, without a socket, until its requests are answered. */
#include "front_sp_internal.h"

#include "core/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A slow reader is one who takes less than this in stall_us. */
#define TAKEN_LEAST ((size_t)16 << 10)
/* Bytes of requests that make a batch: what comes behind them is not to wait for more. */
#define BATCH_BYTES ((size_t)64 << 10)

/* ---- opening and closing ---- */

static void put(struct connection *connection, const void *bytes, size_t size);

void connection_open(struct front_sp *front, int descriptor, enum sp_stream kind, struct tls *tls) {
    struct connection *connection = check_calloc(1, sizeof *connection);
    struct error error;
    connection->front = front;
    if (stream_open(&connection->stream, connection, descriptor, tls, &error) < 0) {
        if (front_sp_may_say(front))
            log_line(front->settings.log, LOG_WARNING, "%s", error.text);
        free(connection);
        return;
    }
    input_init(&connection->input, &front->pool, kind, front->settings.bytes_max);
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
    put(connection, greeting, sizeof greeting);
    connection_go_on(connection);
}

void connection_close(struct connection *connection, enum ending ending) {
    struct front_sp *front = connection->front;
    if (connection->closed)
        return;
    connection->closed = true;
    stream_close(&connection->stream);
    input_deinit(&connection->input);
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
    for (size_t i = 0; i < front->acceptor_count; i++)
        acceptor_accept_again(&front->acceptors[i]);
}

/* Frees it when nobody comes back to it. */
static void let_go(struct connection *connection) {
    if (connection->closed && connection->unanswered == 0 && !connection->is_waiting &&
        !connection->is_due)
        free(connection);
}

/* ---- answers ---- */

static size_t unsent(const struct connection *connection) {
    return connection->output_end - connection->output_begin + stream_unsent(&connection->stream);
}

/* Room behind what waits to be written. */
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

static void put(struct connection *connection, const void *bytes, size_t size) {
    memcpy(output_room(connection, size), bytes, size);
    connection->output_end += size;
    connection->put += size;
}

void connection_answer(struct slot *slot, const void *bytes, size_t length) {
    struct connection *connection = slot->connection;
    struct front_sp *front = connection->front;
    if (!connection->closed) {
        const struct input_request *input = &slot->input;
        uint8_t *at = output_room(connection, SP_HEADER_MAX + input->ids_size + length);
        size_t head = sp_header_write(at, connection->input.stream, input->ids_size + length);
        memcpy(at + head, input->ids, input->ids_size);
        if (length > 0)
            memcpy(at + head + input->ids_size, bytes, length);
        connection->output_end += head + input->ids_size + length;
        connection->put += head + input->ids_size + length;
    }
    chunk_release(&front->pool, slot->input.chunk);
    connection->is_alive = true;
    connection->unanswered--;
    slot->connection = NULL;
    atomic_store_explicit(&slot->since_us, 0, memory_order_relaxed);
    slot->next = front->idle;
    front->idle = slot;
}

/* Since when do answers wait for a client who takes hardly any? What TLS writes leaves between two
 * calls of this, so it is found as what is not there any more. */
static void watch_unsent(struct connection *connection) {
    uint64_t taken = connection->put - unsent(connection);
    if (unsent(connection) == 0) {
        connection->unsent_us = 0;
    } else if (connection->unsent_us == 0 || taken - connection->taken >= TAKEN_LEAST) {
        connection->unsent_us = front_sp_now_us(connection->front);
        connection->taken = taken;
    }
}

bool connection_flush(struct connection *connection) {
    size_t before = unsent(connection);
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
    return unsent(connection) == 0;
}

/* ---- requests ---- */

/* Puts it into the batch. */
static void enter(struct connection *connection, const struct input_request *input,
                  int64_t now_us) {
    struct front_sp *front = connection->front;
    struct slot *slot = front->idle;
    front->idle = slot->next;
    slot->connection = connection;
    slot->input = *input;
    slot->request = (struct front_request){.front = &front->front,
                                           .bytes = input->payload,
                                           .length = input->length,
                                           .arrived_us = now_us};
    atomic_store_explicit(&slot->since_us, now_us, memory_order_relaxed);
    connection->unanswered++;
    front->batch[front->batch_count++] = &slot->request;
    front->batch_bytes += input->length;
}

static bool may_answer_much(const struct front_sp *front, const struct input_request *input) {
    const struct front_handler *handler = &front->settings.handler;
    return handler->may_answer_much && handler->may_answer_much(input->payload, input->length);
}

static void hand_over(struct front_sp *front) {
    const struct front_handler *handler = &front->settings.handler;
    size_t count = front->batch_count;
    front->batch_count = front->batch_bytes = 0;
    atomic_fetch_add(&front->serving, count);
    if (count > 0 && handler->handle_all)
        handler->handle_all(handler->user, front->batch, count);
    for (size_t i = 0; i < count && !handler->handle_all; i++)
        handler->handle(handler->user, front->batch[i]);
}

static void wait_for_slot(struct connection *connection) {
    struct front_sp *front = connection->front;
    if (connection->is_waiting)
        return;
    connection->is_waiting = true;
    connection->next_waiting = NULL;
    *front->waiting_end = connection;
    front->waiting_end = &connection->next_waiting;
}

static const enum ending ending_of[] = {
    [INPUT_NO_GREETING] = ENDING_GREETING,
    [INPUT_TOO_LARGE] = ENDING_TOO_LARGE,
    [INPUT_MALFORMED] = ENDING_MALFORMED,
};

static void count_left_out(struct connection *connection) {
    if (connection->input.too_deep > 0)
        metric_add(connection->front->settings.metrics, REQUESTS_LEFT_OUT, 0,
                   connection->input.too_deep);
    connection->input.too_deep = 0;
}

static enum pause collect(struct connection *connection, int64_t now_us) {
    struct front_sp *front = connection->front;
    while (connection->unanswered < front->unanswered_max) {
        struct input_request request;
        if (unsent(connection) > UNSENT_MAX)
            return PAUSE_OUTPUT;
        if (front->batch_bytes >= BATCH_BYTES || (!front->idle && front->batch_count > 0))
            return PAUSE_BATCH;
        if (!front->idle) {
            wait_for_slot(connection);
            return PAUSE_SERVER;
        }
        enum input_step step = input_next(&connection->input, &request);
        count_left_out(connection);
        if (step == INPUT_WAITS)
            return PAUSE_INPUT;
        if (step != INPUT_REQUEST) {
            connection->ending = ending_of[step];
            return PAUSE_END;
        }
        connection->begun_us = 0; /* that one is complete */
        enter(connection, &request, now_us);
        if (may_answer_much(front, &request))
            return PAUSE_BATCH;
    }
    return PAUSE_SERVER;
}

/* Behind the handler. Is there more for it? What it says is true as of what is unsent then: nothing
 * may leave between it and finish(), or a connection whose last answer has just left waits for
 * nothing. */
static bool answer_and_look(struct connection *connection) {
    connection_flush(connection);
    if (connection->closed)
        return false;
    switch (connection->pause) {
    case PAUSE_BATCH:
        return true;
    case PAUSE_OUTPUT:
        return unsent(connection) <= UNSENT_MAX;
    case PAUSE_SERVER:
        return !connection->is_waiting &&
               connection->unanswered < connection->front->unanswered_max;
    case PAUSE_END: /* what was asked properly is answered */
        connection_close(connection, connection->ending);
        return false;
    case PAUSE_INPUT:
        break;
    }
    return false;
}

static void serve(struct front_sp *front, struct connection *due, int64_t now_us) {
    bool is_more = true;
    while (is_more && front_sp_enter(front)) {
        for (struct connection *at = due; at; at = at->next_due)
            if (!at->closed && at->is_more)
                at->pause = collect(at, now_us);
        hand_over(front);
        front_sp_leave(front);
        is_more = false;
        for (struct connection *at = due; at; at = at->next_due) {
            at->is_more = !at->closed && answer_and_look(at);
            is_more |= at->is_more;
        }
    }
}

/* What it waits for now. */
static void finish(struct connection *connection, int64_t now_us) {
    bool is_all = connection->pause == PAUSE_INPUT;
    if (connection->input_ended && is_all && connection->unanswered == 0 && unsent(connection) == 0)
        connection_close(connection, ENDING_CLIENT);
    /* Only for what it has begun itself and not sent: the rest is the server's doing. */
    if (!is_all || !input_is_begun(&connection->input))
        connection->begun_us = 0;
    else if (connection->begun_us == 0)
        connection->begun_us = now_us;
    if (!connection->closed)
        stream_want(&connection->stream,
                    is_all && !connection->input_ended && !connection->is_short,
                    connection->output != NULL);
}

void connections_go_on(struct connection *due) {
    if (!due)
        return;
    struct front_sp *front = due->front;
    int64_t now_us = front_sp_now_us(front);
    for (struct connection *at = due; at; at = at->next_due) {
        at->is_more = true;
        at->pause = PAUSE_SERVER;
        if (at->is_alive)
            at->active_us = now_us;
        at->is_alive = false;
        connection_flush(at);
    }
    serve(front, due, now_us);
    for (struct connection *next; due; due = next) {
        next = due->next_due;
        due->is_due = false;
        if (!due->closed)
            finish(due, now_us);
        let_go(due);
    }
}

void connection_go_on(struct connection *connection) {
    if (connection->is_due)
        return;
    connection->is_due = true;
    connection->next_due = NULL;
    connections_go_on(connection);
}

/* ---- from the stream ---- */

/* Nobody gets more memory now. Who has sent half a message has to go: its memory may be what is
 * missing. Who has not comes again with the next tick. */
static void run_short(struct connection *connection) {
    if (connection->input.end > connection->input.begin)
        connection_close(connection, ENDING_MEMORY);
    else
        connection->is_short = true;
}

static void receive(struct connection *connection) {
    size_t room;
    uint8_t *at = input_room(&connection->input, &room);
    if (!at) {
        run_short(connection);
        return;
    }
    ssize_t got = stream_read(&connection->stream, at, room);
    if (got > 0) {
        input_add(&connection->input, (size_t)got);
        connection->is_alive = true;
    } else if (got == 0) {
        connection->input_ended = true;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        connection_close(connection, ENDING_CLIENT);
    }
}

static void settle(struct connection *connection) {
    struct front_sp *front = connection->front;
    front_sp_note_due(front, connection);
    front_sp_settle(front);
}

void connection_readable(struct connection *connection) {
    if (!connection->closed)
        receive(connection);
    settle(connection);
}

void connection_writable(struct connection *connection) {
    connection->is_alive = true;
    settle(connection);
}

void connection_lost(struct connection *connection, enum ending ending) {
    connection_close(connection, ending);
    settle(connection);
}

/* ---- time ---- */

static bool is_over(int64_t since_us, int64_t limit_us, int64_t now_us) {
    return since_us != 0 && limit_us != 0 && now_us - since_us > limit_us;
}

void connection_check(struct connection *connection, int64_t now_us) {
    const struct front_settings *settings = &connection->front->settings;
    bool is_idle = connection->unanswered == 0 && unsent(connection) == 0;
    bool was_short = connection->is_short;
    if (connection->is_due) /* what has just come or gone counts only then */
        return;
    connection->is_short = false;
    if (is_over(connection->begun_us, settings->stall_us, now_us) ||
        is_over(connection->unsent_us, settings->stall_us, now_us))
        connection_close(connection, ENDING_STALLED);
    else if (is_idle && is_over(connection->active_us, settings->idle_us, now_us))
        connection_close(connection, ENDING_IDLE);
    if (was_short || connection->closed)
        connection_go_on(connection);
}
