/* The callers' transactions are gone when a pipelined request fails, so they are decoded from the
 * request that was sent. A fallback function is the user's code: it is called without the mutex. */
#include "clients/c/delivery/fallback.h"
#include "clients/c/base/fail.h"
#include "clients/c/convert/explanation.h"
#include "clients/c/convert/reply.h"

#include "core/base/check.h"

/* Errors that a fallback decision replaces: those that are not the caller's fault. Of a single
 * transaction, `busy` and `protocol` cannot occur. */
static bool replaces_call_error(enum harrier_error_code code) {
    return code == HARRIER_ERROR_DEADLINE || code == HARRIER_ERROR_UNAVAILABLE ||
           code == HARRIER_ERROR_BUSY || code == HARRIER_ERROR_OVERLOADED ||
           code == HARRIER_ERROR_INTERNAL || code == HARRIER_ERROR_PROTOCOL;
}

static bool replaces_result_error(enum harrier_error_code code) {
    return code == HARRIER_ERROR_DEADLINE || code == HARRIER_ERROR_UNAVAILABLE ||
           code == HARRIER_ERROR_OVERLOADED || code == HARRIER_ERROR_INTERNAL;
}

static bool has_fallback(const struct exchange *exchange) {
    const struct harrier_client *client = exchange->client;
    return (client->fallback || client->fallback_function) && exchange->call == CALL_SCORE &&
           !exchange->dry_run;
}

/* Allocated in the exchange's arena. NULL if decoding fails, which a request of our own does not.
 */
static const struct transaction *own_transactions(struct exchange *exchange) {
    struct request request;
    struct error error;
    exchange_write_head(exchange, NULL, exchange->deadline_at_us);
    arena_reset(&exchange->arena);
    int r = message_decode_request(exchange->wire.bytes + exchange->wire_from,
                                   exchange->wire.length - exchange->wire_from, &exchange->arena,
                                   &request, &error);
    return r < 0 ? NULL : request.score.transactions;
}

/* NONE: the fallback function does not want to decide this one. */
static enum harrier_verdict choose(struct exchange *exchange, struct reply_memory *memory,
                                   const struct transaction *transaction,
                                   const struct harrier_error *error) {
    const struct harrier_client *client = exchange->client;
    if (!client->fallback_function && error && error->fallback != HARRIER_VERDICT_NONE)
        return (enum harrier_verdict)error->fallback; /* the policy's */
    if (!client->fallback_function)
        return client->fallback;
    struct harrier_transaction shown = reply_transaction(memory, transaction);
    return client->fallback_function(&shown, error, client->fallback_user);
}

/* A decision with nothing but id and verdict: no policy was asked, so there is no score or
 * position. */
static void decide(struct reply_memory *memory, struct harrier_result *result,
                   const struct transaction *transaction, enum harrier_verdict verdict,
                   enum harrier_error_code reason) {
    const struct decision none = {.transaction_id = transaction->id};
    *result = (struct harrier_result){.error_field = "", .error_message = ""};
    result->decision = reply_decision(memory, &none);
    result->decision.verdict = verdict;
    result->decision.fallback = true;
    result->decision.fallback_reason = harrier_error_name(reason);
}

static void record(struct exchange *exchange, enum harrier_error_code reason, size_t count) {
    struct harrier_client *client = exchange->client;
    if (!client->meter.on)
        return;
    client_lock(client);
    meter_count(&client->meter, "harrier_client_fallbacks_total", (double)count, "reason",
                harrier_error_name(reason));
    client_unlock(client);
}

int fallback_for_call(struct exchange *exchange, int failure, struct harrier_reply **ret_reply,
                      struct harrier_error *ret_error) {
    enum harrier_error_code code = (enum harrier_error_code) - failure;
    if (!has_fallback(exchange) || !replaces_call_error(code))
        return failure;
    const struct transaction *transactions = own_transactions(exchange);
    struct harrier_reply *reply = transactions ? reply_new_empty(exchange->count) : NULL;
    if (!reply)
        return failure;
    struct reply_memory *memory = reply_memory_of(reply);
    bool whole = true;
    for (size_t i = 0; i < exchange->count && whole; i++) {
        enum harrier_verdict verdict = choose(exchange, memory, &transactions[i], ret_error);
        whole = verdict != HARRIER_VERDICT_NONE;
        decide(memory, (struct harrier_result *)&reply->results[i], &transactions[i], verdict,
               code);
    }
    if (!whole || memory->full) { /* the function declined for one of them */
        harrier_reply_free(reply);
        return failure;
    }
    record(exchange, code, exchange->count);
    *ret_reply = reply;
    return 0;
}

static struct harrier_error error_of(const struct harrier_result *result) {
    struct harrier_error error;
    fail(&error, result->error_code, result->error_field, "%s", result->error_message);
    error.decided = result->error_decided;
    return error;
}

void fallback_for_results(struct exchange *exchange, struct harrier_reply *reply) {
    if (!has_fallback(exchange))
        return;
    struct reply_memory *memory = reply_memory_of(reply);
    const struct transaction *transactions = NULL;
    for (size_t i = 0; i < reply->result_count; i++) {
        struct harrier_result *result = (struct harrier_result *)&reply->results[i];
        enum harrier_error_code code = result->error_code;
        if (!replaces_result_error(code))
            continue;
        if (!transactions)
            transactions = own_transactions(exchange);
        if (!transactions)
            return;
        struct harrier_error error = error_of(result);
        enum harrier_verdict verdict = choose(exchange, memory, &transactions[i], &error);
        if (verdict == HARRIER_VERDICT_NONE)
            continue;
        decide(memory, result, &transactions[i], verdict, code);
        record(exchange, code, 1);
    }
}
