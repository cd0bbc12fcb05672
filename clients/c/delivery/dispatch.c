/* The course of one request: choose an endpoint, send, wait for the answer; again when the
 * connection breaks in between or the server answers `unavailable` or `not_primary`; all of it
 * within the deadline. clients/README.md has the rules.
 *
 *             ┌──────── PAUSED ◄─────────────┐ broke, `unavailable`: at most retries_max times;
 *             ▼                              │ `not_primary`: until the deadline
 *   start ─► send ─► QUEUED ─► SENT ─────────┴──► ENDED ─► conclude
 *             │  ▲     │ the connection is gone, nothing was sent
 *             ▼  │     ▼
 *            WAITING ◄─┘   for a connection
 *
 * Any thread that polls moves any exchange, under the client's mutex. Decoding the answer is left
 * to the thread that waits for it, or to the loop: conclude.c. A silent server is never given up
 * before the deadline: it may still decide, and another server knows nothing of it. */
#include "clients/c/delivery/dispatch.h"
#include "clients/c/delivery/endpoint.h"
#include "clients/c/exchange/wakeup.h"

#include <string.h>

#define BACK_OFF_US_MIN 10000
#define BACK_OFF_US_MAX 500000
#define ANSWER_US_MIN                                                                              \
    2000 /* before the deadline: later, nothing is sent after a wait for a primary */

void dispatch_end(struct exchange *exchange, enum exchange_end end) {
    struct harrier_client *client = exchange->client;
    /* endpoint_forget() lets a partly written frame go out whole, and resets wire_sent. */
    exchange->was_sent = exchange->state == EXCHANGE_SENT || exchange->wire_sent > 0;
    endpoint_forget(exchange);
    exchange_release_id(exchange);
    timers_clear(&client->timers, &exchange->timer);
    exchange->state = EXCHANGE_ENDED;
    exchange->end = end;
    if (exchange->probe)
        endpoint_probed(exchange->endpoint);
    else if (exchange->pipelined)
        ring_append(&client->ended, &exchange->place);
    else if (ring_is_in(&exchange->follower))
        pthread_cond_signal(&exchange->woken);
    wakeup(client); /* the loop, if the network has not ended it */
}

void dispatch_send(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    endpoint_forget(exchange);
    if (client->aborted) { /* the client was closed after this call had been admitted */
        dispatch_end(exchange, END_CLOSED);
        return;
    }
    timers_set(&client->timers, &exchange->timer, exchange->deadline_at_us);
    struct endpoint *endpoint = endpoint_choose(exchange);
    if (endpoint) {
        endpoint_enqueue(endpoint, exchange);
        return;
    }
    exchange->refusals_waited = exchange->refusals;
    exchange->state = EXCHANGE_WAITING;
    ring_append(&client->waiting, &exchange->place);
}

void dispatch_start(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    exchange->endpoint = NULL;
    exchange->named = NULL;
    exchange->retries = exchange->waits = exchange->broken = 0;
    exchange->refusals = exchange->refusals_waited = 0;
    exchange->refusal.code = HARRIER_OK;
    exchange->answered_well = exchange->was_sent = false;
    if (client->token_function) /* later probes show this token */
        memcpy(client->token, exchange->token, sizeof client->token);
    else
        memcpy(exchange->token, client->token, sizeof client->token);
    dispatch_send(exchange);
}

/* A random time between 0 and min(500 ms, 10 ms * 2^(n-1)) before the nth repetition. */
static int64_t back_off_us(struct harrier_client *client, unsigned n) {
    unsigned doublings = n - 1 < 10 ? n - 1 : 10;
    int64_t longest_us = (int64_t)BACK_OFF_US_MIN << doublings;
    if (longest_us > BACK_OFF_US_MAX)
        longest_us = BACK_OFF_US_MAX;
    return (int64_t)((double)longest_us * client_random(client));
}

/* From here on it may go anywhere again. */
static void pause_until(struct exchange *exchange, int64_t until_us) {
    endpoint_forget(exchange);
    exchange_release_id(exchange);
    exchange->refusals_waited = exchange->refusals;
    exchange->state = EXCHANGE_PAUSED;
    timers_set(&exchange->client->timers, &exchange->timer, until_us);
}

static void record_retry(struct harrier_client *client, const char *reason) {
    meter_count(&client->meter, "harrier_client_retries_total", 1, "reason", reason);
}

bool dispatch_again(struct exchange *exchange, const char *reason, int64_t now_us) {
    struct harrier_client *client = exchange->client;
    if (exchange->retries >= client->retries_max || now_us >= exchange->deadline_at_us)
        return false;
    exchange->retries++;
    record_retry(client, reason);
    if (endpoint_another_may_decide(exchange->endpoint)) {
        dispatch_send(exchange);
        return true;
    }
    int64_t pause_us = back_off_us(client, exchange->retries);
    int64_t left_us = exchange->deadline_at_us - now_us;
    if (pause_us > left_us / 2) /* there must be time for the answer */
        pause_us = left_us / 2;
    pause_until(exchange, now_us + pause_us);
    return true;
}

/* A request that is sent just before the deadline mostly gets no answer, and then the call could no
 * longer say that nothing was decided. So it waits for the deadline instead. */
bool dispatch_to_primary(struct exchange *exchange, int64_t now_us) {
    struct harrier_client *client = exchange->client;
    if (now_us >= exchange->deadline_at_us)
        return false;
    if (endpoint_untried(exchange)) {
        record_retry(client, "not_primary");
        dispatch_send(exchange);
        return true;
    }
    exchange->waits++;
    int64_t until_us = now_us + back_off_us(client, exchange->waits);
    if (until_us <= exchange->deadline_at_us - ANSWER_US_MIN)
        record_retry(client, "not_primary");
    else
        until_us = exchange->deadline_at_us;
    pause_until(exchange, until_us);
    return true;
}

void dispatch_timer_fired(struct exchange *exchange, int64_t now_us) {
    bool over = now_us >= exchange->deadline_at_us;
    switch (exchange->state) {
    case EXCHANGE_PAUSED:
        if (over)
            dispatch_end(exchange, END_UNCONNECTED);
        else
            dispatch_send(exchange);
        break;
    case EXCHANGE_WAITING:
        dispatch_end(exchange, END_UNCONNECTED);
        break;
    case EXCHANGE_QUEUED:
        endpoint_failed(exchange->endpoint, now_us);
        dispatch_end(exchange, exchange->wire_sent > 0 ? END_SILENT : END_UNTAKEN);
        break;
    case EXCHANGE_SENT:
        endpoint_failed(exchange->endpoint, now_us);
        dispatch_end(exchange, END_SILENT);
        break;
    case EXCHANGE_IDLE:
    case EXCHANGE_ENDED:
        break;
    }
}

/* ---------------------------------------------------------------------------------------------
 * What the connection of an endpoint does */

static void endpoint_up(struct transport *transport, int64_t now_us) {
    struct harrier_client *client = transport->client;
    struct ring *element;
    (void)now_us;
    endpoint_set_connected(endpoint_of(transport), true);
    while ((element = ring_first(&client->waiting)))
        dispatch_send(RING_OF(element, struct exchange, place));
    wakeup(client); /* nng's threads report from outside of the poller */
}

static void connection_broke(struct exchange *exchange, int64_t now_us) {
    exchange->broken++;
    endpoint_failed(exchange->endpoint, now_us);
    if (exchange->probe || !dispatch_again(exchange, "connection", now_us))
        dispatch_end(exchange, END_BROKEN);
}

/* Exchanges that have not been written at all are queued elsewhere, without counting a retry. They
 * are collected first, because sending one may choose this endpoint again. */
static void move_unsent(struct endpoint *endpoint) {
    struct ring moved, *element;
    ring_init(&moved);
    while ((element = ring_first(&endpoint->transport.unsent))) {
        endpoint_forget(RING_OF(element, struct exchange, place));
        ring_append(&moved, element);
    }
    while ((element = ring_first(&moved))) {
        struct exchange *exchange = RING_OF(element, struct exchange, place);
        if (exchange->probe)
            dispatch_end(exchange, END_BROKEN);
        else
            dispatch_send(exchange);
    }
}

static void endpoint_down(struct transport *transport, int64_t now_us) {
    struct ring *element;
    endpoint_set_connected(endpoint_of(transport), false);
    while ((element = ring_first(&transport->sent)))
        connection_broke(RING_OF(element, struct exchange, place), now_us);
    move_unsent(endpoint_of(transport));
    wakeup(transport->client);
}

/* The exchange that waits for this answer from this endpoint; NULL: it ended, or moved away. */
static struct exchange *expecting(struct transport *transport, uint32_t id) {
    struct exchange *exchange = exchange_find(transport->client, id);
    return exchange && exchange->endpoint == endpoint_of(transport) ? exchange : NULL;
}

static void endpoint_answered(struct transport *transport, uint32_t id, const uint8_t *payload,
                              size_t length) {
    struct exchange *exchange = expecting(transport, id);
    if (!exchange)
        return;
    buffer_clear(&exchange->answer);
    buffer_append(&exchange->answer, payload, length);
    dispatch_end(exchange, END_ANSWERED);
}

static void endpoint_oversized(struct transport *transport, uint32_t id, int64_t now_us) {
    struct exchange *exchange = expecting(transport, id);
    if (!exchange)
        return;
    endpoint_failed(endpoint_of(transport), now_us);
    dispatch_end(exchange, END_OVERSIZED);
}

const struct transport_handlers dispatch_handlers = {
    .up = endpoint_up,
    .down = endpoint_down,
    .answered = endpoint_answered,
    .oversized = endpoint_oversized,
};
