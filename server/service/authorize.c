/* Authorization: the two steps that check a request's token, and the check for fronts.
 *
 * base/tokens.c judges tokens; here is when it is asked, and what a refusal looks like. No token is
 * ever logged or copied into an answer. */
#include "authorize.h"

#include "core/base/check.h"

#include <string.h>
#include <sys/random.h>

#define PEEK_BYTES_MIN 16384 /* smaller requests cost less to decode than to look at twice */

/* ---- the steps ---- */

/* The server's watchdogs send their probes over the network as a client would, with a token that
 * only this process knows. It is accepted for a plain Status request, for a dry run of one
 * transaction, and for nothing else. */
static bool is_probe(const struct run *run) {
    const struct service *service = run->service;
    struct text token = run->message.token;
    const struct request *message = &run->message;
    bool may_be = message->call == CALL_STATUS
                      ? !message->status.state_hash
                      : message->call == CALL_SCORE && message->score.dry_run &&
                            message->score.transaction_count == 1;
    return may_be && token.length == sizeof service->probe_token &&
           hash_equal_constant_time(token.data, service->probe_token, token.length);
}

static enum next deny(struct run *run, enum denial denial) {
    struct error error;
    run->denial = denial;
    metric_add(run->service->settings.metrics, DENIED, denial, 1);
    denial_error(denial, run->message.call, &error);
    return run_refuse(run, &error, TEXT_LITERAL("token"));
}

enum next check_token_early(struct run *run) {
    struct service *service = run->service;
    struct text token;
    if (!service->tokens || run->request->length < PEEK_BYTES_MIN ||
        !message_peek_token(run->request->bytes, run->request->length, &token))
        return NEXT;
    enum denial denial = tokens_check(service->tokens, token);
    return denial == DENIAL_NONE ? NEXT : deny(run, denial);
}

/* For the HTTP front: before it reads a body of megabytes. */
int service_check_token(struct service *service, struct text token, struct error *ret_error) {
    if (!service->tokens)
        return 0;
    enum denial denial = tokens_check(service->tokens, token);
    if (denial == DENIAL_NONE)
        return 0;
    metric_add(service->settings.metrics, DENIED, denial, 1);
    return denial_error(denial, CALL_NONE, ret_error);
}

enum next authorize(struct run *run) {
    struct service *service = run->service;
    if (is_probe(run)) {
        run->is_probe = run->message.call == CALL_SCORE;
        return NEXT;
    }
    if (!service->tokens)
        return NEXT;
    enum call call = run->message.call;
    struct text token = run->message.token;
    enum denial denial = tokens_authorize(service->tokens, token, call, &run->bearer);
    if (token.length > 0) /* our decoded copy: not needed any more */
        explicit_bzero((char *)(uintptr_t)token.data, token.length);
    return denial == DENIAL_NONE ? NEXT : deny(run, denial);
}

/* ---- the probe ---- */

#define PROBE_DEADLINE_US (UINT64_C(3600) * 1000000)

void authorize_draw_probe_token(struct service *service) {
    static const char digits[] = "0123456789abcdef";
    uint8_t random[sizeof service->probe_token / 2];
    check(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        service->probe_token[2 * i] = digits[random[i] >> 4];
        service->probe_token[2 * i + 1] = digits[random[i] & 15];
    }
}

static void write_probe(const struct service *service, struct request request, struct buffer *out) {
    struct error error;
    request.token =
        (struct text){.data = service->probe_token, .length = sizeof service->probe_token};
    check(message_encode_request(&request, out, &error) == 0);
}

void service_write_probe(const struct service *service, struct buffer *out) {
    write_probe(service, (struct request){.call = CALL_STATUS}, out);
}

/* The id and the time only have to be valid: score.c gives the transaction the rest. Its deadline
 * takes the place of queue_deadline: with that, a crowd of connections would get it refused, and
 * with it the server restarted. */
void service_write_scoring_probe(const struct service *service, struct buffer *out) {
    const struct transaction transaction = {.id = TEXT_LITERAL("watchdog"), .event_time_us = 1};
    const struct request request = {
        .call = CALL_SCORE,
        .deadline_us = PROBE_DEADLINE_US,
        .score = {.transactions = &transaction, .transaction_count = 1, .dry_run = true}};
    write_probe(service, request, out);
}
