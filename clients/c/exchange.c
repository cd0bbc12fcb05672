/* One request's way: choose a server, send, wait for the answer, and start over when the connection
 * breaks in between, until the deadline.
 *
 *   SENDING ── handed to the connection ──► RECEIVING ── answer ──► end
 *      │  ▲                                    │  │
 *      │  └───────── connection broke ─────────┘  └─ deadline ──► end: DEADLINE
 *      └─ deadline, or broke too often ──► end: UNAVAILABLE
 *
 * Sending waits while there is no connection. With two servers it waits in short slices, so that
 * the one that connects first gets the request.
 *
 * A pipelined exchange belongs to whoever runs its aio's callback: after an operation was started
 * here, nothing of the exchange is touched any more. */
#include "clients/c/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICE_US     20000   /* of waiting for a connection, when there is another server */
#define LOST_MAX     3       /* connections that may break under one request */
#define MISSES_MAX   3       /* deadlines in a row after which a server is avoided … */
#define AVOIDANCE_US 1000000 /* … for so long */

int exchange_set_deadline(struct exchange *exchange, uint64_t deadline_us, int64_t now_us,
                          struct harrier_error *ret_error) {
    if (deadline_us > HARRIER_DEADLINE_US_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "deadline_us",
                    "deadline_us %" PRIu64 " is over an hour; expected at most %" PRIu64,
                    deadline_us, HARRIER_DEADLINE_US_MAX);
    exchange->deadline_us = deadline_us ? deadline_us : exchange->client->deadline_us;
    exchange->deadline_at_us = now_us + (int64_t)exchange->deadline_us;
    return 0;
}

int exchange_encode(struct exchange *exchange, struct request *request,
                    struct harrier_error *ret_error) {
    struct error error;
    char token[TOKEN_LENGTH_MAX + 1];
    int64_t left_us = exchange->deadline_at_us - monotonic_us();
    request->deadline_us = left_us > 0 ? (uint64_t)left_us : 1; /* 0 would be no deadline */
    request->token = client_copy_token(exchange->client, token);
    buffer_clear(&exchange->request);
    int r = message_encode_request(request, &exchange->request, &error);
    explicit_bzero(token, sizeof token);
    if (r < 0)
        return fail_from(ret_error, &error);
    exchange->call = request->call;
    exchange->count = 0;
    if (request->call == CALL_SCORE)
        exchange->count = request->score.transaction_count;
    else if (request->call == CALL_REPORT_OUTCOME)
        exchange->count = request->outcome.outcome_count;
    else if (request->call == CALL_CHANGE_LIST)
        exchange->count = request->list_change.change_count;
    return 0;
}

static bool usable(const struct server *server, int64_t now_us) {
    return server->pipe != 0 && server->avoid_until_us <= now_us;
}

/* The first that is connected and answers; else the first that is connected; else the first. */
static size_t choose_server(struct exchange *exchange, int64_t now_us) {
    struct harrier_client *client = exchange->client;
    size_t chosen = 0;
    pthread_mutex_lock(&client->mutex);
    while (chosen < client->server_count && !usable(&client->servers[chosen], now_us))
        chosen++;
    if (chosen == client->server_count) {
        chosen = 0;
        while (chosen < client->server_count && client->servers[chosen].pipe == 0)
            chosen++;
    }
    if (chosen == client->server_count)
        chosen = 0;
    exchange->server = chosen;
    pthread_mutex_unlock(&client->mutex);
    return chosen;
}

/* How the server did: answered, or let the deadline pass. */
static void note(struct exchange *exchange, bool answered) {
    struct harrier_client *client = exchange->client;
    if (client->server_count == 1)
        return;
    pthread_mutex_lock(&client->mutex);
    struct server *server = &client->servers[exchange->server];
    server->misses = answered ? 0 : server->misses + 1;
    if (server->misses >= MISSES_MAX) {
        server->misses = 0;
        server->avoid_until_us = monotonic_us() + AVOIDANCE_US;
    }
    pthread_mutex_unlock(&client->mutex);
}

static bool end(struct exchange *exchange, enum harrier_error_code failure) {
    exchange->failure = failure;
    return false;
}

static nng_duration milliseconds(int64_t us) {
    return (nng_duration)((us + 999) / 1000);
}

static bool send_request(struct exchange *exchange) {
    int64_t now_us = monotonic_us();
    int64_t left_us = exchange->deadline_at_us - now_us;
    if (left_us <= 0 || exchange->lost >= LOST_MAX)
        return end(exchange, HARRIER_ERROR_UNAVAILABLE);
    size_t server = choose_server(exchange, now_us);
    nng_msg *message;
    if (nng_msg_alloc(&message, 0) != 0)
        return end(exchange, HARRIER_ERROR_UNAVAILABLE);
    if (nng_msg_append(message, exchange->request.bytes, exchange->request.length) != 0) {
        nng_msg_free(message);
        return end(exchange, HARRIER_ERROR_UNAVAILABLE);
    }
    if (exchange->client->server_count > 1 && left_us > SLICE_US)
        left_us = SLICE_US;
    exchange->receiving = false;
    nng_aio_set_msg(exchange->aio, message);
    nng_aio_set_timeout(exchange->aio, milliseconds(left_us));
    nng_ctx_send(exchange->contexts[server], exchange->aio);
    return true;
}

static bool receive_answer(struct exchange *exchange) {
    int64_t left_us = exchange->deadline_at_us - monotonic_us();
    exchange->receiving = true;
    nng_aio_set_timeout(exchange->aio, milliseconds(left_us > 0 ? left_us : 0));
    nng_ctx_recv(exchange->contexts[exchange->server], exchange->aio);
    return true;
}

bool exchange_start(struct exchange *exchange) {
    exchange->lost = 0;
    exchange->failure = HARRIER_OK;
    exchange->answer = NULL;
    return send_request(exchange);
}

static bool advance_sending(struct exchange *exchange, int result) {
    if (result == 0)
        return receive_answer(exchange);
    nng_msg *message = nng_aio_get_msg(exchange->aio);
    if (message)
        nng_msg_free(message);
    nng_aio_set_msg(exchange->aio, NULL);
    if (result == NNG_ECLOSED)
        return end(exchange, HARRIER_ERROR_UNAVAILABLE);
    return send_request(exchange); /* the slice is over, or the connection is */
}

static bool advance_receiving(struct exchange *exchange, int result) {
    if (result == 0) {
        exchange->answer = nng_aio_get_msg(exchange->aio);
        nng_aio_set_msg(exchange->aio, NULL);
        note(exchange, true);
        return false;
    }
    if (result == NNG_ETIMEDOUT) {
        note(exchange, false);
        return end(exchange, HARRIER_ERROR_DEADLINE);
    }
    if (result == NNG_ECLOSED)
        return end(exchange, HARRIER_ERROR_UNAVAILABLE);
    exchange->lost++;
    return send_request(exchange);
}

bool exchange_advance(struct exchange *exchange) {
    int result = nng_aio_result(exchange->aio);
    return exchange->receiving ? advance_receiving(exchange, result)
                               : advance_sending(exchange, result);
}

/* ---------------------------------------------------------------------------------------------
 * The end */

static int explain_failure(const struct exchange *exchange, struct harrier_error *ret_error) {
    const struct harrier_client *client = exchange->client;
    double ms = (double)exchange->deadline_us / 1000;
    const char *address = client->servers[0].address;
    bool two = client->server_count > 1;
    const char *also = two ? " and " : "", *fallback = two ? client->servers[1].address : "";
    if (client->closing)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "the client was freed meanwhile");
    if (exchange->failure == HARRIER_ERROR_DEADLINE)
        return fail(ret_error, HARRIER_ERROR_DEADLINE, "", "no answer from %.200s within %g ms",
                    client->servers[exchange->server].address, ms);
    if (exchange->lost > 0)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "",
                    "the connection to %.200s%s%.200s broke %u %s before there was an answer",
                    address, also, fallback, exchange->lost,
                    exchange->lost == 1 ? "time" : "times");
    return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "",
                "no connection to %.200s%s%.200s within %g ms", address, also, fallback, ms);
}

static int check_answer(const struct exchange *exchange, const struct response *response,
                        struct harrier_error *ret_error) {
    const struct wire_error *error = &response->error;
    if (error->code) {
        char field[128];
        snprintf(field, sizeof field, "%" TEXT_FORMAT, TEXT_ARGS(error->field));
        return fail(ret_error, public_code(error->code), field, "%" TEXT_FORMAT,
                    TEXT_ARGS(error->message));
    }
    size_t count = 0;
    if (response->call == CALL_SCORE)
        count = response->score.count;
    else if (response->call == CALL_REPORT_OUTCOME)
        count = response->outcome.count;
    else if (response->call == CALL_CHANGE_LIST)
        count = response->list_change.count;
    if (response->call != exchange->call || count != exchange->count)
        return fail(ret_error, HARRIER_ERROR_PROTOCOL, "",
                    "the server answered %s with %zu results; expected %s with %zu",
                    call_name(response->call), count, call_name(exchange->call), exchange->count);
    return 0;
}

static int decode_answer(struct exchange *exchange, struct harrier_reply **ret_reply,
                         struct harrier_error *ret_error) {
    struct response response;
    struct error error;
    arena_reset(&exchange->arena);
    if (message_decode_response(nng_msg_body(exchange->answer), nng_msg_len(exchange->answer),
                                &exchange->arena, &response, &error) < 0)
        return fail(ret_error, HARRIER_ERROR_PROTOCOL, "", "the server's answer: %.900s",
                    error.text);
    int r = check_answer(exchange, &response, ret_error);
    if (r < 0)
        return r;
    struct harrier_reply *reply = reply_new(&response);
    if (!reply)
        return fail(ret_error, HARRIER_ERROR_TOO_LARGE, "",
                    "the answer takes too much memory; ask for fewer at a time");
    *ret_reply = reply;
    return 0;
}

int exchange_result(struct exchange *exchange, struct harrier_reply **ret_reply,
                    struct harrier_error *ret_error) {
    if (!exchange->answer)
        return explain_failure(exchange, ret_error);
    int r = decode_answer(exchange, ret_reply, ret_error);
    nng_msg_free(exchange->answer);
    exchange->answer = NULL;
    return r;
}
