/* From clients to the handler and back.
 *
 *   readable ──► input ──request──► slot ──► handler ──front_reply()──► output ──► written
 *
 * What a turn of the loop has read, from all clients, is handled together, and all answers that are
 * there by then leave in one write for each client. A client's requests stop being read and handled
 * while
 *   - as many of them as one connection may have are unanswered,
 *   - no slot is free: then it waits in line for one,
 *   - more than UNSENT_MAX bytes of answers wait to be taken; a batch continues only after requests
 *     whose answers are in proportion to them (at most BATCH_BYTES of such), so at most one large
 *     answer exceeds that,
 *   - the front drains.
 * Further bytes then stay in the system's buffers, and finally in the client's. */
#include "front_sp_batch.h"

/* Bytes of requests that make a batch: what comes behind them is not to wait for more. */
#define BATCH_BYTES ((size_t)64 << 10)

/* ---- collecting ---- */

/* Puts the request into a slot and into the batch. */
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
        if (connection_unsent(connection) > UNSENT_MAX)
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
        connection->begun_us = 0; /* this one is complete */
        enter(connection, &request, now_us);
        if (may_answer_much(front, &request))
            return PAUSE_BATCH;
    }
    return PAUSE_SERVER;
}

/* ---- handling ---- */

/* serving is counted before the call: drain() must not see zero in between. */
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

/* After the handler: writes the answers. True: the connection may have more requests for it.
 * Nothing may be written between this and finish(), or a connection whose last answer has just left
 * would wait for an event that never comes. */
static bool answer_and_look(struct connection *connection) {
    connection_flush(connection);
    if (connection->closed)
        return false;
    switch (connection->pause) {
    case PAUSE_BATCH:
        return true;
    case PAUSE_OUTPUT:
        return connection_unsent(connection) <= UNSENT_MAX;
    case PAUSE_SERVER:
        return !connection->is_waiting &&
               connection->unanswered < connection->front->unanswered_max;
    case PAUSE_END: /* the requests before it were answered */
        connection_close(connection, connection->ending);
        return false;
    case PAUSE_INPUT:
        break;
    }
    return false;
}

/* Rounds of collect, handle, write, until no connection has more. front_sp_enter() once for each
 * round, so that a drain is not held up by a client that never stops. */
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

/* Sets up what the connection waits for. */
static void finish(struct connection *connection, int64_t now_us) {
    bool is_all = connection->pause == PAUSE_INPUT;
    if (connection->input_ended && is_all && connection->unanswered == 0 &&
        connection_unsent(connection) == 0)
        connection_close(connection, ENDING_CLIENT);
    /* Only an incomplete message counts as stalling: everything else is the server's doing. */
    if (!is_all || !input_is_begun(&connection->input))
        connection->begun_us = 0;
    else if (connection->begun_us == 0)
        connection->begun_us = now_us;
    if (!connection->closed)
        stream_want(&connection->stream,
                    is_all && !connection->input_ended && !connection->is_short,
                    connection->output != NULL);
}

void batch_serve_all(struct connection *due) {
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
        connection_release(due);
    }
}

void batch_serve(struct connection *connection) {
    if (connection->is_due)
        return;
    connection->is_due = true;
    connection->next_due = NULL;
    batch_serve_all(connection);
}

/* ---- the end of a turn of the loop ---- */

static struct connection *first_waiting(struct front_sp *front) {
    struct connection *connection = front->waiting;
    front->waiting = connection->next_waiting;
    if (!front->waiting)
        front->waiting_end = &front->waiting;
    connection->is_waiting = false;
    return connection;
}

static struct connection *take_due(struct front_sp *front) {
    struct connection *due = front->due;
    front->due = NULL;
    front->due_end = &front->due;
    return due;
}

static void serve_waiting(struct front_sp *front) {
    while (front->idle && front->waiting) {
        while (front->waiting)
            connection_mark_due(first_waiting(front));
        batch_serve_all(take_due(front));
    }
}

/* Connections that wait for a slot come before those that have just had one. */
void batch_settle_now(struct front_sp *front) {
    struct connection *due = take_due(front);
    serve_waiting(front);
    batch_serve_all(due);
    serve_waiting(front);
}

void batch_settle(struct front_sp *front) {
    /* An event activated now comes after everything that this turn of the loop has found. */
    if (front->due && event_base_get_num_events(front->base, EVENT_BASE_COUNT_ACTIVE) > 0)
        event_active(front->settle, 0, 0);
    else
        batch_settle_now(front);
}

void batch_drop_due(struct front_sp *front) {
    batch_serve_all(take_due(front));
}

void batch_drop_waiting(struct front_sp *front) {
    while (front->waiting)
        batch_serve(first_waiting(front));
}
