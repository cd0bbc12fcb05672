/* Decoding is done by the thread that wants the answer, not by the leader, so that answers of
 * several calls are decoded in parallel. Every error says whether the server may have decided
 * (fail_unsettled()): certainly not if nothing was sent or the server refused, possibly otherwise.
 */
#include "clients/c/delivery/conclude.h"
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/convert/reply.h"
#include "clients/c/delivery/dispatch.h"
#include "clients/c/delivery/endpoint.h"

#include <stdio.h>

static void addresses_text(const struct harrier_client *client, char *ret_text, size_t size) {
    size_t length = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < client->endpoint_count && length < size; i++)
        length += (size_t)snprintf(ret_text + length, size - length, "%s%.200s", i ? ", " : "",
                                   client->endpoints[i].address);
}

/* Errors of requests without an answer: what was tried and for how long, as a log should show it.
 */
static int explain_broken(const struct exchange *exchange, struct harrier_error *ret_error) {
    char addresses[600];
    addresses_text(exchange->client, addresses, sizeof addresses);
    return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "",
                "the connection to %s broke %u %s before an answer arrived", addresses,
                exchange->broken, exchange->broken == 1 ? "time" : "times");
}

/* "": no transport knows more than that it is not connected. The leader changes it, so it is copied
 * under the mutex. */
static void copy_why(struct harrier_client *client, char *ret_text, size_t size) {
    ret_text[0] = '\0';
    client_lock(client);
    for (size_t i = 0; i < client->endpoint_count && !ret_text[0]; i++)
        if (client->endpoints[i].transport.why[0])
            snprintf(ret_text, size, "%.200s%s%.190s",
                     client->endpoint_count > 1 ? client->endpoints[i].address : "",
                     client->endpoint_count > 1 ? ": " : "", client->endpoints[i].transport.why);
    client_unlock(client);
}

/* The most telling of several causes: a broken connection leaves open whether it was decided; then
 * the server's own refusal; then what kept it from being sent. */
static int explain_unavailable(const struct exchange *exchange, struct harrier_error *ret_error) {
    double ms = (double)exchange->deadline_us / 1000;
    char addresses[600], why[400];
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
    copy_why(exchange->client, why, sizeof why);
    return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "no connection to %s within %g ms%s%s",
                addresses, ms, *why ? ": " : "", why);
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
                     "the client was closed before an answer arrived");
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

/* An error that the server answered, for the call as a whole, and that is the call's. */
static int answered_error(const struct wire_error *error, struct harrier_error *ret_error) {
    char field[128];
    snprintf(field, sizeof field, "%" TEXT_FORMAT, TEXT_ARGS(error->field));
    enum harrier_error_code code = public_code(error->code);
    int r = fail(ret_error, code, field, "%" TEXT_FORMAT, TEXT_ARGS(error->message));
    if (ret_error)
        ret_error->fallback = (int)error->fallback;
    return code == HARRIER_ERROR_INTERNAL ? fail_unsettled(ret_error, r) : r;
}

/* A server that answers something else, or with fewer results, is not to be trusted with any. */
static int check_answer(const struct exchange *exchange, const struct response *response,
                        struct harrier_error *ret_error) {
    size_t count = 0;
    if (response->call == CALL_SCORE)
        count = response->score.count;
    else if (response->call == CALL_REPORT_OUTCOME)
        count = response->outcome.count;
    else if (response->call == CALL_CHANGE_LIST)
        count = response->list_change.count;
    else if (response->call == CALL_AMEND)
        count = response->amend.count;
    else if (response->call == CALL_BACKFILL)
        count = response->backfill.count;
    if (response->call == exchange->call && count == exchange->count)
        return 0;
    return fail(ret_error, HARRIER_ERROR_PROTOCOL, "",
                "the server answered %s with %zu results; expected %s with %zu",
                call_name(response->call), count, call_name(exchange->call), exchange->count);
}

/* Also sets *ret_refusal if the server answered the whole request with an error; its texts are
 * valid until the exchange is sent again. */
static int decode_answer(struct exchange *exchange, struct harrier_reply **ret_reply,
                         struct wire_error *ret_refusal, struct harrier_error *ret_error) {
    struct response response;
    struct error error;
    arena_reset(&exchange->arena);
    if (message_decode_response(exchange->answer.bytes, exchange->answer.length, &exchange->arena,
                                &response, &error) < 0)
        return fail_unsettled(ret_error, fail(ret_error, HARRIER_ERROR_PROTOCOL, "",
                                              "the server's answer: %.900s", error.text));
    if (response.error.code) {
        *ret_refusal = response.error;
        return answered_error(&response.error, ret_error);
    }
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

/* For the log of a user who gave too few addresses, or spelled one in another way than the servers
 * do, what the standby said is in it. */
static void explain_standby(struct exchange *exchange, const struct wire_error *refusal) {
    char addresses[600], primary[200];
    addresses_text(exchange->client, addresses, sizeof addresses);
    snprintf(primary, sizeof primary, "%" TEXT_FORMAT, TEXT_ARGS(refusal->primary));
    fail(&exchange->refusal, HARRIER_ERROR_UNAVAILABLE, "",
         "no server at %s was the primary within %g ms%s%s%s", addresses,
         (double)exchange->deadline_us / 1000, *primary ? "; a standby names " : "", primary,
         *primary && !exchange->named ? ", which is not among the addresses" : "");
}

/* The server decided nothing, so the same request may go elsewhere. */
static bool sent_again(struct exchange *exchange, const struct harrier_error *error) {
    int64_t now_us = monotonic_us();
    endpoint_failed(exchange->endpoint, now_us);
    endpoint_unmark(exchange);
    exchange->refusal = *error;
    return !exchange->client->aborted && dispatch_again(exchange, "unavailable", now_us);
}

/* Being a standby is no failure of the address. Returns false if the call's time is used up. */
static bool sent_to_primary(struct exchange *exchange, const struct wire_error *refusal) {
    endpoint_succeeded(exchange->endpoint);
    endpoint_mark(exchange, refusal->primary);
    explain_standby(exchange, refusal);
    if (exchange->client->aborted) { /* or it would wait on, and close() for it */
        dispatch_end(exchange, END_CLOSED);
        return true;
    }
    return dispatch_to_primary(exchange, monotonic_us());
}

/* Returns true if the call is over: then *ret_result, and on failure *ret_error, are set. */
static bool refused(struct exchange *exchange, const struct wire_error *refusal,
                    const struct harrier_error *error, int *ret_result,
                    struct harrier_error *ret_error) {
    client_lock(exchange->client);
    bool again = refusal->code == ERROR_NOT_PRIMARY ? sent_to_primary(exchange, refusal)
                                                    : sent_again(exchange, error);
    client_unlock(exchange->client);
    if (!again)
        *ret_result = explain_unavailable(exchange, ret_error);
    return !again;
}

bool conclude(struct exchange *exchange, int *ret_result, struct harrier_reply **ret_reply,
              struct harrier_error *ret_error) {
    struct harrier_error error;
    struct wire_error refusal = {0};
    if (exchange->end != END_ANSWERED) {
        *ret_result = explain_end(exchange, ret_error);
        return true;
    }
    int r = decode_answer(exchange, ret_reply, &refusal, &error);
    if (refusal.code == ERROR_UNAVAILABLE || refusal.code == ERROR_NOT_PRIMARY)
        return refused(exchange, &refusal, &error, ret_result, ret_error);
    exchange->answered_well = true;
    if (r < 0 && ret_error)
        *ret_error = error;
    *ret_result = r;
    return true;
}
