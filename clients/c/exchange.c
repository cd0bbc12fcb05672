/* One request's way: choose an address, send, wait for the answer, and again when the connection
 * breaks in between or the server says `unavailable`, until the deadline. clients/README.md draws
 * it.
 *
 *             ┌──────── PAUSED ◄─────────────┐ broke, `unavailable`: at most retries_max times
 *             ▼                              │
 *   start ─► dispatch ─► QUEUED ─► SENT ─────┴──► ENDED ─► conclude
 *             │  ▲          │ the connection is gone, nothing was sent
 *             ▼  │          ▼
 *            WAITING ◄──────┘   for a connection
 *
 * What the network does moves an exchange under the client's mutex, whoever pumps. Decoding the
 * answer is left to the thread that waits for it, or to the loop: exchange_conclude(). */
#include "client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BACK_OFF_US_MIN 10000
#define BACK_OFF_US_MAX 500000

/* ---------------------------------------------------------------------------------------------
 * What is sent */

int exchange_set_deadline(struct exchange *exchange, uint64_t deadline_us,
                          struct harrier_error *ret_error) {
    if (deadline_us > HARRIER_DEADLINE_US_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "deadline_us",
                    "deadline_us %" PRIu64 " is over an hour; expected at most %" PRIu64,
                    deadline_us, HARRIER_DEADLINE_US_MAX);
    exchange->deadline_us = deadline_us ? deadline_us : exchange->client->deadline_us;
    exchange->deadline_at_us = exchange->begun_at_us + (int64_t)exchange->deadline_us;
    return 0;
}

static int ask_for_token(struct exchange *exchange, struct harrier_error *ret_error) {
    const struct harrier_client *client = exchange->client;
    if (!client->token_function)
        return 0; /* dispatch takes the client's */
    exchange->token[0] = '\0';
    client->token_function(exchange->token, sizeof exchange->token, client->token_user);
    exchange->token[sizeof exchange->token - 1] = '\0';
    return token_check(exchange->token, ret_error);
}

int exchange_encode(struct exchange *exchange, struct request *request,
                    struct harrier_error *ret_error) {
    struct error error;
    int r = ask_for_token(exchange, ret_error);
    if (r < 0)
        return r;
    buffer_clear(&exchange->wire);
    buffer_reserve(&exchange->wire, WIRE_HEAD_ROOM);
    exchange->wire.length = WIRE_HEAD_ROOM;
    if (message_encode_rest(request, &exchange->wire, &error) < 0)
        return fail_from(ret_error, &error);
    exchange->call = request->call;
    exchange->count = 0;
    exchange->dry_run = false;
    if (request->call == CALL_SCORE) {
        exchange->count = request->score.transaction_count;
        exchange->dry_run = request->score.dry_run;
    } else if (request->call == CALL_REPORT_OUTCOME) {
        exchange->count = request->outcome.outcome_count;
    } else if (request->call == CALL_CHANGE_LIST) {
        exchange->count = request->list_change.change_count;
    }
    return 0;
}

/* From the end to the front: the message's head, its id, its frame. */
void exchange_write_head(struct exchange *exchange, const enum sp_stream *stream, int64_t now_us) {
    uint8_t bytes[WIRE_HEAD_ROOM], head[MESSAGE_HEAD_MAX];
    int64_t left_us = exchange->deadline_at_us - now_us;
    size_t size =
        message_encode_head(left_us > 0 ? (uint64_t)left_us : 1, /* 0 would be none */
                            (struct text){exchange->token, strlen(exchange->token)}, head);
    size_t length = 0;
    if (stream) {
        uint64_t body = SP_ID_SIZE + size + exchange->wire.length - WIRE_HEAD_ROOM;
        length = sp_header_write(bytes, *stream, body);
        sp_id_write(bytes + length, exchange->id);
        length += SP_ID_SIZE;
    }
    memcpy(bytes + length, head, size);
    length += size;
    exchange->wire_from = WIRE_HEAD_ROOM - length;
    exchange->wire_sent = 0;
    memcpy(exchange->wire.bytes + exchange->wire_from, bytes, length);
}

/* ---------------------------------------------------------------------------------------------
 * Ids: each sending has its own, so that a late answer finds nobody */

static void forget_id(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    if (exchange->id == 0)
        return;
    struct exchange **at = &client->ids[exchange->id & client->ids_mask];
    while (*at != exchange)
        at = &(*at)->next_same;
    *at = exchange->next_same;
    exchange->id = 0;
}

static void give_id(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    forget_id(exchange);
    do
        client->last_id = (client->last_id + 1) | SP_ID_TOP_BIT;
    while (exchange_find(client, client->last_id)); /* once around, and still under way */
    exchange->id = client->last_id;
    struct exchange **bucket = &client->ids[exchange->id & client->ids_mask];
    exchange->next_same = *bucket;
    *bucket = exchange;
}

struct exchange *exchange_find(struct harrier_client *client, uint32_t id) {
    struct exchange *exchange = client->ids[id & client->ids_mask];
    while (exchange && exchange->id != id)
        exchange = exchange->next_same;
    return exchange;
}

/* ---------------------------------------------------------------------------------------------
 * Moving */

void exchange_end(struct exchange *exchange, enum exchange_end end) {
    struct harrier_client *client = exchange->client;
    /* What was sent in part goes out whole, whatever becomes of its caller. */
    exchange->was_sent = exchange->state == EXCHANGE_SENT || exchange->wire_sent > 0;
    endpoint_forget(exchange);
    forget_id(exchange);
    timers_clear(&client->timers, &exchange->timer);
    exchange->state = EXCHANGE_ENDED;
    exchange->end = end;
    if (exchange->probe)
        endpoint_probed(exchange->endpoint);
    else if (exchange->pipelined)
        ring_append(&client->ended, &exchange->place);
    else if (ring_is_in(&exchange->follower))
        pthread_cond_signal(&exchange->woken);
    poller_wake(client); /* if it was not the network that ended it */
}

void exchange_send_to(struct exchange *exchange, struct endpoint *endpoint, int64_t now_us) {
    (void)now_us;
    give_id(exchange);
    exchange->endpoint = endpoint;
    exchange->state = EXCHANGE_QUEUED;
    exchange->wire_from = exchange->wire_sent = 0; /* the head is written when its turn comes */
    ring_append(&endpoint->unsent, &exchange->place);
}

void exchange_dispatch(struct exchange *exchange, int64_t now_us) {
    struct harrier_client *client = exchange->client;
    endpoint_forget(exchange);
    if (client->aborted) { /* closed, after this one had been let in */
        exchange_end(exchange, END_CLOSED);
        return;
    }
    timers_set(&client->timers, &exchange->timer, exchange->deadline_at_us);
    struct endpoint *endpoint = endpoint_choose(client);
    if (endpoint) {
        exchange_send_to(exchange, endpoint, now_us);
        return;
    }
    exchange->state = EXCHANGE_WAITING;
    ring_append(&client->waiting, &exchange->place);
}

void exchange_start(struct exchange *exchange, int64_t now_us) {
    struct harrier_client *client = exchange->client;
    exchange->endpoint = NULL;
    exchange->retries = exchange->broken = 0;
    exchange->refusal.code = HARRIER_OK;
    exchange->answered_well = exchange->was_sent = false;
    if (client->token_function) /* a probe that follows shows the same */
        memcpy(client->token, exchange->token, sizeof client->token);
    else
        memcpy(exchange->token, client->token, sizeof client->token);
    exchange_dispatch(exchange, now_us);
}

/* Sent again, now or after a pause; false: not any more. */
static bool go_again(struct exchange *exchange, const char *reason, int64_t now_us) {
    struct harrier_client *client = exchange->client;
    if (exchange->retries >= client->retries_max || now_us >= exchange->deadline_at_us)
        return false;
    exchange->retries++;
    meter_count(&client->meter, "harrier_client_retries_total", 1, "reason", reason);
    if (endpoint_another_is_up(exchange->endpoint)) {
        exchange_dispatch(exchange, now_us);
        return true;
    }
    unsigned doublings = exchange->retries - 1 < 10 ? exchange->retries - 1 : 10;
    int64_t longest_us = (int64_t)BACK_OFF_US_MIN << doublings;
    if (longest_us > BACK_OFF_US_MAX)
        longest_us = BACK_OFF_US_MAX;
    int64_t pause_us = (int64_t)((double)longest_us * client_random(client));
    int64_t left_us = exchange->deadline_at_us - now_us;
    if (pause_us > left_us / 2) /* there must be time for the answer */
        pause_us = left_us / 2;
    endpoint_forget(exchange);
    forget_id(exchange);
    exchange->state = EXCHANGE_PAUSED;
    timers_set(&client->timers, &exchange->timer, now_us + pause_us);
    return true;
}

void exchange_broke(struct exchange *exchange, int64_t now_us) {
    exchange->broken++;
    endpoint_failed(exchange->endpoint, now_us);
    if (exchange->probe || !go_again(exchange, "connection", now_us))
        exchange_end(exchange, END_BROKEN);
}

void exchange_timer_fired(struct exchange *exchange, int64_t now_us) {
    bool over = now_us >= exchange->deadline_at_us;
    switch (exchange->state) {
    case EXCHANGE_PAUSED:
        if (over)
            exchange_end(exchange, END_UNCONNECTED);
        else
            exchange_dispatch(exchange, now_us);
        break;
    case EXCHANGE_WAITING:
        exchange_end(exchange, END_UNCONNECTED);
        break;
    case EXCHANGE_QUEUED:
        endpoint_failed(exchange->endpoint, now_us);
        exchange_end(exchange, exchange->wire_sent > 0 ? END_SILENT : END_UNTAKEN);
        break;
    case EXCHANGE_SENT:
        endpoint_failed(exchange->endpoint, now_us);
        exchange_end(exchange, END_SILENT);
        break;
    case EXCHANGE_IDLE:
    case EXCHANGE_ENDED:
        break;
    }
}

/* ---------------------------------------------------------------------------------------------
 * The end */

static void addresses_text(const struct harrier_client *client, char *ret_text, size_t size) {
    size_t length = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < client->endpoint_count && length < size; i++)
        length += (size_t)snprintf(ret_text + length, size - length, "%s%.200s", i ? ", " : "",
                                   client->endpoints[i].address);
}

static int explain_broken(const struct exchange *exchange, struct harrier_error *ret_error) {
    char addresses[600];
    addresses_text(exchange->client, addresses, sizeof addresses);
    return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "",
                "the connection to %s broke %u %s before there was an answer", addresses,
                exchange->broken, exchange->broken == 1 ? "time" : "times");
}

static int explain_unavailable(const struct exchange *exchange, struct harrier_error *ret_error) {
    double ms = (double)exchange->deadline_us / 1000;
    char addresses[600];
    if (exchange->broken > 0)
        return fail_unsettled(ret_error, explain_broken(exchange, ret_error));
    if (exchange->refusal.code) {
        if (ret_error)
            *ret_error = exchange->refusal;
        return -(int)exchange->refusal.code;
    }
    if (exchange->end == END_UNTAKEN)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "%.200s took no request within %g ms",
                    exchange->endpoint->address, ms);
    addresses_text(exchange->client, addresses, sizeof addresses);
    return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "no connection to %s within %g ms",
                addresses, ms);
}

static int explain_end(const struct exchange *exchange, struct harrier_error *ret_error) {
    switch (exchange->end) {
    case END_SILENT:
        return fail_unsettled(ret_error, fail(ret_error, HARRIER_ERROR_DEADLINE, "",
                                              "no answer from %.200s within %g ms",
                                              exchange->endpoint->address,
                                              (double)exchange->deadline_us / 1000));
    case END_OVERSIZED:
        return fail_unsettled(ret_error,
                              fail(ret_error, HARRIER_ERROR_PROTOCOL, "",
                                   "the answer of %.200s is over %u bytes; expected less",
                                   exchange->endpoint->address, MESSAGE_RESPONSE_SIZE_MAX));
    case END_CLOSED: {
        int r = fail(ret_error, HARRIER_ERROR_CLOSED, "",
                     "the client was closed before there was an answer");
        return exchange->was_sent || exchange->broken > 0 ? fail_unsettled(ret_error, r) : r;
    }
    case END_BROKEN:
    case END_UNTAKEN:
    case END_UNCONNECTED:
    case END_ANSWERED:
        break;
    }
    return explain_unavailable(exchange, ret_error);
}

/* A failure that the server tells, as ours. */
static int answered_error(const struct wire_error *error, struct harrier_error *ret_error) {
    char field[128];
    snprintf(field, sizeof field, "%" TEXT_FORMAT, TEXT_ARGS(error->field));
    enum harrier_error_code code = public_code(error->code);
    int r = fail(ret_error, code, field, "%" TEXT_FORMAT, TEXT_ARGS(error->message));
    return code == HARRIER_ERROR_INTERNAL ? fail_unsettled(ret_error, r) : r;
}

static int check_answer(const struct exchange *exchange, const struct response *response,
                        struct harrier_error *ret_error) {
    size_t count = 0;
    if (response->call == CALL_SCORE)
        count = response->score.count;
    else if (response->call == CALL_REPORT_OUTCOME)
        count = response->outcome.count;
    else if (response->call == CALL_CHANGE_LIST)
        count = response->list_change.count;
    if (response->call == exchange->call && count == exchange->count)
        return 0;
    return fail(ret_error, HARRIER_ERROR_PROTOCOL, "",
                "the server answered %s with %zu results; expected %s with %zu",
                call_name(response->call), count, call_name(exchange->call), exchange->count);
}

static int decode_answer(struct exchange *exchange, struct harrier_reply **ret_reply,
                         struct harrier_error *ret_error) {
    struct response response;
    struct error error;
    arena_reset(&exchange->arena);
    if (message_decode_response(exchange->answer.bytes, exchange->answer.length, &exchange->arena,
                                &response, &error) < 0)
        return fail_unsettled(ret_error, fail(ret_error, HARRIER_ERROR_PROTOCOL, "",
                                              "the server's answer: %.900s", error.text));
    if (response.error.code)
        return answered_error(&response.error, ret_error);
    int r = check_answer(exchange, &response, ret_error);
    if (r < 0)
        return fail_unsettled(ret_error, r);
    struct harrier_reply *reply = reply_new(&response);
    if (!reply)
        return fail_unsettled(ret_error,
                              fail(ret_error, HARRIER_ERROR_TOO_LARGE, "",
                                   "the answer takes too much memory; ask for fewer at a time"));
    *ret_reply = reply;
    return 0;
}

/* The server would not, this time. */
static enum exchange_verdict refused(struct exchange *exchange, struct harrier_error *refusal) {
    struct harrier_client *client = exchange->client;
    bool again = false;
    client_lock(client);
    int64_t now_us = monotonic_us();
    endpoint_failed(exchange->endpoint, now_us);
    exchange->refusal = *refusal;
    if (!client->aborted)
        again = go_again(exchange, "unavailable", now_us);
    client_unlock(client);
    return again ? EXCHANGE_GOES_ON : EXCHANGE_OVER;
}

enum exchange_verdict exchange_conclude(struct exchange *exchange, int *ret_result,
                                        struct harrier_reply **ret_reply,
                                        struct harrier_error *ret_error) {
    struct harrier_error error;
    if (exchange->end != END_ANSWERED) {
        *ret_result = explain_end(exchange, ret_error);
        return EXCHANGE_OVER;
    }
    int r = decode_answer(exchange, ret_reply, &error);
    if (r == -(int)HARRIER_ERROR_UNAVAILABLE && refused(exchange, &error) == EXCHANGE_GOES_ON)
        return EXCHANGE_GOES_ON;
    if (r == -(int)HARRIER_ERROR_UNAVAILABLE) {
        r = explain_unavailable(exchange, ret_error);
    } else {
        exchange->answered_well = true;
        if (r < 0 && ret_error)
            *ret_error = error;
    }
    *ret_result = r;
    return EXCHANGE_OVER;
}
