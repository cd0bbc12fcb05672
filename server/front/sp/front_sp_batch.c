/* From clients to the handler and back.
 *
 *   readable ──► input ──request──► queue ──► slot ──► handler ──front_reply()──► output ──►
 * written └──► refused: it would wait for longer than its deadline ────►┘
 *
 * A turn of the loop takes what has been read from all clients into the queue, hands one batch from
 * the queue to the handler, and sends the answers that are there by then, in one write for each
 * client. If the queue is not empty after that, another turn follows at once, with what has come
 * meanwhile: so requests are seen soon after they arrive, however many wait, and one that would
 * wait for too long is refused while its client can still do something else.
 *
 * A client's requests stop being read while
 *   - more than UNSENT_MAX bytes of answers wait to be taken,
 *   - many of its requests are in the queue,
 *   - the front drains;
 * further bytes then stay in the system's buffers, and finally in the client's. Its requests stay
 * in the queue while
 *   - as many of them as one connection may have are unanswered,
 *   - more than UNSENT_MAX bytes of answers wait to be taken, or a batch has one whose answer is
 * not in proportion to it: so at most one large answer exceeds that. */
#include "front_sp_batch.h"
#include "front_sp_receive.h"

#include "core/base/hash.h"

/* Bytes of requests that make a batch: what comes behind them is not to wait for more. When
 * requests wait all the time, a smaller one, so that new ones are soon looked at. */
#define BATCH_BYTES          ((size_t)64 << 10)
#define BATCH_BYTES_STANDING ((size_t)16 << 10)
/* Without any memory, only requests up to this cost are taken: their answers are short. */
#define COST_WITHOUT_MEMORY ((size_t)4 << 10)
/* Read of one connection in one turn, beyond the first read. */
#define RECEIVED_MAX ((size_t)128 << 10)
/* What a request costs, in bytes, however small it is. */
#define REQUEST_COST ((size_t)256)
/* The most that waits of one connection: without memory to spare, and otherwise. */
#define FLOW_COST_SHORT ((size_t)64 << 10)
#define FLOW_COST_MAX   ((size_t)4 << 20)

static struct connection *connection_of(struct flow *flow) {
    return (struct connection *)((char *)flow - offsetof(struct connection, flow));
}

/* ---- into the queue ---- */

static void look(const struct front_sp *front, const struct input_request *request,
                 struct front_look *ret_look) {
    const struct front_handler *handler = &front->settings.handler;
    *ret_look = (struct front_look){0};
    if (handler->look)
        handler->look(handler->user, request->payload, request->length, ret_look);
}

/* Nearly all clients send one token all the time, so its class is remembered, with a hash in place
 * of the secret. Two tokens of one hash would share a class, no more. */
static void join_class(struct connection *connection, struct text token) {
    struct front_sp *front = connection->front;
    const struct front_handler *handler = &front->settings.handler;
    if (!handler->classify)
        return;
    uint64_t hash = token.length > 0 ? hash64(token.data, token.length, front->class_secret) : 0;
    unsigned version = handler->classes_version(handler->user);
    if (hash == connection->token_hash && version == connection->class_version)
        return;
    uint64_t class;
    unsigned weight;
    handler->classify(handler->user, token, &class, &weight);
    connection->token_hash = hash;
    connection->class_version = version;
    flow_join(&connection->flow, &front->queue, class, weight);
}

static void refuse(struct connection *connection, const struct waiting *waiting,
                   enum front_refusal why) {
    struct front_sp *front = connection->front;
    const struct front_handler *handler = &front->settings.handler;
    struct text answer = handler->refusal(handler->user, why, waiting->asks_for_verdicts);
    if (!connection->closed)
        connection_put_answer(connection, &waiting->input, answer.data, answer.length);
    chunk_release(&front->pool, waiting->input.chunk);
    connection->is_alive = true;
    front->refused[why]++;
}

/* Nobody knows the size of an answer before it is there, and then it is kept. */
static bool may_take_memory(const struct front_sp *front, const struct waiting *waiting) {
    return !chunk_pool_is_used_up(&front->pool) ||
           (waiting->cost <= COST_WITHOUT_MEMORY && !waiting->may_answer_much);
}

/* Has it had something to do for so long? Kept short by refusals, a queue is empty now and then:
 * that counts only once they have ended. */
static bool has_old_backlog(struct flow *flow, int64_t now_us) {
    if (!flow->first && now_us - flow->refused_us > PACE_STANDING_US)
        flow->empty_us = now_us;
    return now_us - flow->empty_us > PACE_STANDING_US;
}

static bool is_admitted(struct connection *connection, const struct waiting *waiting,
                        int64_t now_us) {
    const struct front_sp *front = connection->front;
    bool stands = has_old_backlog(&connection->flow, now_us);
    size_t ahead = queue_cost_before(&front->queue, &connection->flow, waiting->cost);
    return may_take_memory(front, waiting) &&
           pace_admits(&front->pace, ahead, waiting->deadline_us, front->queue.cost == 0, stands);
}

static void enter_queue(struct connection *connection, const struct input_request *request,
                        int64_t arrived_us, int64_t now_us) {
    struct front_sp *front = connection->front;
    struct front_look seen;
    look(front, request, &seen);
    join_class(connection, seen.token);
    struct waiting waiting = {.input = *request,
                              .arrived_us = arrived_us,
                              .deadline_us = seen.deadline_us,
                              .cost = request->length + REQUEST_COST,
                              .asks_for_verdicts = seen.asks_for_verdicts,
                              .may_answer_much = seen.may_answer_much};
    if (front->settings.handler.refusal && !is_admitted(connection, &waiting, now_us)) {
        connection->flow.refused_us = now_us;
        refuse(connection, &waiting, FRONT_OVERLOADED);
        return;
    }
    queue_put(&front->queue, &connection->flow, &waiting);
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

/* The other clients' requests need the memory that is left. */
static bool is_full(const struct connection *connection) {
    bool is_short = chunk_pool_is_short(&connection->front->pool);
    return connection->flow.cost >= (is_short ? FLOW_COST_SHORT : FLOW_COST_MAX);
}

/* Takes every complete request, until there is a reason to pause. */
static enum pause take_input(struct connection *connection, int64_t now_us) {
    int64_t arrived_us = receive_arrived_us(connection, now_us);
    for (;;) {
        struct input_request request;
        if (connection_is_unread(connection))
            return PAUSE_OUTPUT;
        if (is_full(connection))
            return PAUSE_QUEUE;
        enum input_step step = input_next(&connection->input, &request);
        count_left_out(connection);
        if (step == INPUT_WAITS)
            return PAUSE_INPUT;
        if (step != INPUT_REQUEST) {
            connection->ending = ending_of[step];
            return PAUSE_END;
        }
        connection->begun_us = 0; /* this one is complete */
        enter_queue(connection, &request, arrived_us, now_us);
    }
}

/* Empties the socket, if that is not too much: what stays in it waits unseen. */
static void take_all(struct connection *connection, int64_t now_us) {
    uint64_t received_max = connection->received + RECEIVED_MAX;
    for (;;) {
        connection->pause = take_input(connection, now_us);
        if (connection->pause != PAUSE_INPUT || !connection->has_more)
            return;
        if (connection->received >= received_max || connection->front->pace.is_standing) {
            receive_later(connection, now_us);
            return;
        }
        receive(connection);
        if (connection->closed)
            return;
    }
}

/* ---- from the queue to the handler ---- */

/* Puts the request into a slot and into the batch. */
static void enter(struct connection *connection, const struct waiting *waiting, int64_t now_us) {
    struct front_sp *front = connection->front;
    struct slot *slot = front->idle;
    front->idle = slot->next;
    slot->connection = connection;
    slot->input = waiting->input;
    slot->may_answer_much = waiting->may_answer_much;
    slot->handed_us = now_us;
    slot->request = (struct front_request){.front = &front->front,
                                           .bytes = waiting->input.payload,
                                           .length = waiting->input.length,
                                           .arrived_us = waiting->arrived_us};
    atomic_store_explicit(&slot->since_us, waiting->arrived_us, memory_order_relaxed);
    connection->unanswered++;
    front->batch[front->batch_count++] = &slot->request;
    front->batch_bytes += waiting->input.length;
    front->batch_cost += waiting->cost;
}

/* What has become late in spite of all is not worth a slot. */
static void collect(struct front_sp *front, int64_t now_us) {
    size_t bytes_max = front->pace.is_standing ? BATCH_BYTES_STANDING : BATCH_BYTES;
    struct flow *flow;
    struct waiting waiting;
    while (front->idle && front->batch_bytes < bytes_max &&
           queue_take(&front->queue, &flow, &waiting)) {
        struct connection *connection = connection_of(flow);
        connection_mark_due(connection);
        if (front->settings.handler.refusal) {
            int64_t waited_us = now_us - waiting.arrived_us;
            bool is_late = pace_is_late(&front->pace, waited_us, waiting.deadline_us);
            if (is_late || !may_take_memory(front, &waiting)) {
                refuse(connection, &waiting, is_late ? FRONT_LATE : FRONT_OVERLOADED);
                continue;
            }
        }
        enter(connection, &waiting, now_us);
        if (waiting.may_answer_much || connection->unanswered >= front->unanswered_max)
            flow_block(flow, &front->queue, true); /* until finish() */
    }
}

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

/* ---- a turn ---- */

static void begin(struct connection *connection, int64_t now_us) {
    if (connection->is_alive)
        connection->active_us = now_us;
    connection->is_alive = false;
    connection_flush(connection);
}

/* Is there a reason to look at it again in the next turn, although nothing may happen to it until
 * then? */
static bool may_go_on(const struct connection *connection) {
    return (connection->pause == PAUSE_OUTPUT && !connection_is_unread(connection)) ||
           (connection->pause == PAUSE_QUEUE && !is_full(connection));
}

static bool is_done(const struct connection *connection) {
    return connection->unanswered == 0 && !connection->flow.first &&
           connection_unsent(connection) == 0;
}

/* Sends the answers that are there, and sets up what the connection waits for. */
static void finish(struct connection *connection, int64_t now_us) {
    struct front_sp *front = connection->front;
    connection_flush(connection);
    if (connection->closed)
        return;
    bool is_all = connection->pause == PAUSE_INPUT;
    if (connection->pause == PAUSE_END && !connection->flow.first)
        connection_close(connection,
                         connection->ending); /* the requests before it had their turn */
    else if (connection->input_ended && is_all && is_done(connection))
        connection_close(connection, ENDING_CLIENT);
    if (connection->closed)
        return;
    flow_block(&connection->flow, &front->queue,
               connection_is_unread(connection) || connection->unanswered >= front->unanswered_max);
    /* Only an incomplete message counts as stalling: everything else is the server's doing. */
    if (!is_all || connection->is_short || !input_is_begun(&connection->input))
        connection->begun_us = 0;
    else if (connection->begun_us == 0)
        connection->begun_us = now_us;
    bool reads = is_all && !connection->input_ended && !connection->is_short;
    if (reads)
        receive_resume(connection);
    else
        receive_pause(connection, now_us);
    stream_want(&connection->stream, reads, connection->output != NULL);
}

static void finish_all(struct connection *due, int64_t now_us) {
    for (struct connection *next; due; due = next) {
        next = due->next_due;
        due->is_due = false;
        finish(due, now_us);
        if (!due->closed && may_go_on(due))
            connection_mark_due(due);
        connection_release(due);
    }
}

static struct connection *take_due(struct front_sp *front) {
    struct connection *due = front->due;
    front->due = NULL;
    front->due_end = &front->due;
    return due;
}

static void count_refused(struct front_sp *front) {
    static const enum error_code codes[] = {
        [FRONT_OVERLOADED] = ERROR_OVERLOADED, [FRONT_LATE] = ERROR_DEADLINE};
    for (size_t why = 0; why < FRONT_REFUSAL_COUNT; why++) {
        if (front->refused[why] == 0)
            continue;
        metric_add(front->settings.metrics, REFUSED, why, front->refused[why]);
        metric_add(front->settings.metrics, ERRORS, codes[why], front->refused[why]);
        front->refused[why] = 0;
    }
}

/* From the end of the last turn, if there was something to do all the time since. */
static void observe(struct front_sp *front, int64_t began_us) {
    int64_t ended_us = front_sp_now_us(front);
    bool is_empty = front->queue.cost == 0;
    pace_observe(&front->pace, front->batch_cost,
                 front->is_backlogged ? front->turned_us : began_us, ended_us, front->is_backlogged,
                 is_empty, front->refused[FRONT_OVERLOADED] > 0);
    if (front->answers_at_once)
        pace_observe_answer(&front->pace, 0);
    front->answers_at_once = false;
    front->batch_cost = 0;
    front->is_backlogged = !is_empty;
    front->turned_us = ended_us;
}

/* Who is due has been read, may be written, or was answered by another thread. */
void batch_settle_now(struct front_sp *front) {
    int64_t now_us = front_sp_now_us(front);
    struct connection *due = take_due(front);
    bool handles = front_sp_enter(front);
    for (struct connection *at = due; at; at = at->next_due) {
        begin(at, now_us);
        if (!handles)
            at->pause = PAUSE_SERVER;
        else if (!at->closed && at->pause != PAUSE_END)
            take_all(at, now_us);
    }
    if (handles) {
        collect(front, now_us);
        hand_over(front);
        front_sp_leave(front);
    }
    struct connection *also = take_due(front); /* whose requests were in the batch */
    finish_all(due, now_us);
    finish_all(also, now_us);
    queue_end_round(&front->queue);
    observe(front, now_us);
    count_refused(front);
    bool is_more = front->due || (front->queue.cost > 0 && front->idle);
    if (is_more && handles)
        event_add(front->settle, &(struct timeval){0});
}

void batch_settle(struct front_sp *front) {
    /* An event activated now comes after everything that this turn of the loop has found. */
    if (event_base_get_num_events(front->base, EVENT_BASE_COUNT_ACTIVE) > 0)
        event_active(front->settle, 0, 0);
    else
        batch_settle_now(front);
}

void batch_drop_due(struct front_sp *front) {
    for (struct connection *due = take_due(front), *next; due; due = next) {
        next = due->next_due;
        due->is_due = false;
        connection_release(due);
    }
}
