/* The bytes of a request: message_encode_rest() writes what never changes once; before each
 * sending, exchange_write_head() puts the token, the time left, the id and the frame in front of
 * it. So a retry does not encode the request again. */
#include "clients/c/exchange/exchange.h"
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/exchange/token.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct exchange *exchange_new(struct harrier_client *client) {
    struct exchange *exchange = check_calloc(1, sizeof *exchange);
    exchange->client = client;
    condition_init(&exchange->woken);
    buffer_init(&exchange->wire);
    buffer_init(&exchange->answer);
    arena_init(&exchange->arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    exchange->next_all = client->all;
    client->all = exchange;
    return exchange;
}

void exchange_free(struct exchange *exchange) {
    explicit_bzero(exchange->token, sizeof exchange->token);
    buffer_deinit(&exchange->wire);
    buffer_deinit(&exchange->answer);
    arena_deinit(&exchange->arena);
    free(exchange);
}

/* ---------------------------------------------------------------------------------------------
 * Encoding */

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

/* The token function is the user's code, so what it writes is terminated and checked like an
 * option. */
static int ask_for_token(struct exchange *exchange, struct harrier_error *ret_error) {
    const struct harrier_client *client = exchange->client;
    if (!client->token_function)
        return 0; /* dispatch_start() copies the client's */
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
    } else if (request->call == CALL_AMEND) {
        exchange->count = request->amend.amendment_count;
    } else if (request->call == CALL_BACKFILL) {
        exchange->count = request->backfill.item_count;
    }
    return 0;
}

/* The head's length varies with the token and the time left, so the parts are put together first
 * and then copied to end exactly where the encoded request begins. */
void exchange_write_head(struct exchange *exchange, const enum sp_stream *stream, int64_t now_us) {
    uint8_t bytes[WIRE_HEAD_ROOM], head[MESSAGE_HEAD_MAX];
    int64_t left_us = exchange->deadline_at_us - now_us;
    size_t size =
        message_encode_head(left_us > 0 ? (uint64_t)left_us : 1, /* 0 would mean: no deadline */
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
 * Request ids */

void exchange_release_id(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    if (exchange->id == 0) /* it waits or backs off: no answer can arrive */
        return;
    struct exchange **at = &client->ids[exchange->id & client->ids_mask];
    while (*at != exchange)
        at = &(*at)->next_same;
    *at = exchange->next_same;
    exchange->id = 0;
}

void exchange_assign_id(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    exchange_release_id(exchange);
    do
        client->last_id = (client->last_id + 1) | SP_ID_TOP_BIT;
    while (exchange_find(client, client->last_id)); /* in use: the counter has wrapped */
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
 * Metrics */

void exchange_record(const struct exchange *exchange, int result) {
    struct meter *meter = &exchange->client->meter;
    double seconds = (double)(monotonic_us() - exchange->begun_at_us) / 1e6;
    meter_called(meter, call_name(exchange->call),
                 harrier_error_name((enum harrier_error_code) - result), seconds);
    if (exchange->call == CALL_SCORE)
        meter_observe(meter, "harrier_client_transactions", (double)exchange->count);
}
