/* The step that asks for tokens, and what the service says of requests that it refused or was slow
 * about.
 *
 * Nothing here repeats a token: what is said of one is its id and name, and these only when its
 * secret was right. */
#include "server/ops/trace.h"
#include "service_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LINES_PER_SECOND 10
#define GLANCE_BYTES_MIN 16384

/* ---- the step ---- */

/* The server's own watchdog asks over the network like anybody, with a token that only this process
 * knows and that is good for nothing but Status. */
static bool is_probe(const struct run *run) {
    const struct service *service = run->service;
    struct text token = run->message.token;
    return run->message.call == CALL_STATUS && !run->message.status.state_hash &&
           token.length == sizeof service->probe_token &&
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
    if (!service->tokens || run->request->length < GLANCE_BYTES_MIN ||
        !message_peek_token(run->request->bytes, run->request->length, &token))
        return NEXT;
    enum denial denial = tokens_know(service->tokens, token);
    return denial == DENIAL_NONE ? NEXT : deny(run, denial);
}

int service_know_token(struct service *service, struct text token, struct error *ret_error) {
    if (!service->tokens)
        return 0;
    enum denial denial = tokens_know(service->tokens, token);
    if (denial == DENIAL_NONE)
        return 0;
    metric_add(service->settings.metrics, DENIED, denial, 1);
    return denial_error(denial, CALL_NONE, ret_error);
}

enum next authorize(struct run *run) {
    struct service *service = run->service;
    if (!service->tokens || is_probe(run))
        return NEXT;
    enum call call = run->message.call;
    struct text token = run->message.token;
    enum denial denial = tokens_judge(service->tokens, token, call, &run->bearer);
    if (token.length > 0) /* our copy: it has done its work */
        explicit_bzero((char *)(uintptr_t)token.data, token.length);
    return denial == DENIAL_NONE ? NEXT : deny(run, denial);
}

/* ---- opening, loading again ---- */

static void draw_probe_token(struct service *service) {
    static const char digits[] = "0123456789abcdef";
    uint8_t random[sizeof service->probe_token / 2];
    check(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        service->probe_token[2 * i] = digits[random[i] >> 4];
        service->probe_token[2 * i + 1] = digits[random[i] & 15];
    }
}

int authorize_open(struct service *service, struct error *ret_error) {
    const struct service_settings *settings = &service->settings;
    draw_probe_token(service);
    if (!settings->tokens || !*settings->tokens)
        return 0;
    int r = tokens_open(settings->tokens, settings->clock, settings->log, settings->metrics,
                        &service->tokens, ret_error);
    return r < 0 ? error_prefix(ret_error, "tokens") : 0;
}

void service_write_probe(const struct service *service, struct buffer *out) {
    const struct request request = {
        .call = CALL_STATUS,
        .token = {.data = service->probe_token, .length = sizeof service->probe_token}};
    struct error error;
    check(message_encode_request(&request, out, &error) == 0);
}

/* error NULL: they are good. False: that was known. */
static bool note_tokens(struct service *service, const struct error *error) {
    const struct clock *clock = service->settings.clock;
    char reason[REASON_BYTES];
    snprintf(reason, sizeof reason, "%s%.*s", error ? "tokens: " : "", REASON_BYTES - 16,
             error ? error->text : "");
    pthread_mutex_lock(&service->lock);
    struct refusal *refused = &service->refused_tokens;
    bool is_new = strcmp(refused->reason, reason) != 0;
    if (error && refused->since_us == 0) {
        refused->since_us = clock_monotonic_us(clock);
        refused->since_wall_us = clock_wall_us(clock);
    } else if (!error) {
        refused->since_us = refused->since_wall_us = 0;
    }
    memcpy(refused->reason, reason, sizeof reason);
    pthread_mutex_unlock(&service->lock);
    return is_new;
}

int service_load_tokens(struct service *service, bool only_if_changed, struct error *ret_error) {
    if (!service->tokens)
        return 1;
    int r = tokens_load(service->tokens, only_if_changed, ret_error);
    if (r > 0)
        return r;
    bool is_new = note_tokens(service, r < 0 ? ret_error : NULL);
    if (r < 0 && (is_new || !only_if_changed)) /* else it would be said every second */
        log_line(service->settings.log, LOG_ERROR,
                 "the tokens were not adopted, those before stay in force: %s", ret_error->text);
    return r;
}

void service_look_at_tokens(struct service *service) {
    struct error error;
    service_load_tokens(service, true, &error);
}

/* ---- lines about single requests ---- */

/* So many in a second and no more: whoever can make us refuse must not be able to fill the disk. */
static bool may_say(struct service *service, uint64_t *ret_left_out) {
    struct request_lines *lines = &service->request_lines;
    int64_t second = clock_monotonic_us(service->settings.clock) / 1000000;
    pthread_mutex_lock(&lines->lock);
    if (second != lines->second) {
        lines->second = second;
        lines->said = 0;
    }
    bool may = lines->said < LINES_PER_SECOND;
    if (may) {
        lines->said++;
        *ret_left_out = lines->left_out;
        lines->left_out = 0;
    } else {
        lines->left_out++;
    }
    pthread_mutex_unlock(&lines->lock);
    return may;
}

/* Takes long by its nature, or waits for what does. */
static bool may_be_slow(const struct run *run) {
    enum call call = run->message.call;
    return call == CALL_RELOAD || call == CALL_EXPLAIN || call == CALL_NONE ||
           (call == CALL_STATUS && run->message.status.state_hash);
}

/* What is the caller's own mistake is nobody else's news. */
static enum log_level level_of(enum error_code code) {
    switch (code) {
    case ERROR_INTERNAL:
        return LOG_ERROR;
    case ERROR_DENIED:
    case ERROR_DEADLINE:
    case ERROR_UNAVAILABLE:
        return LOG_WARNING;
    default:
        return LOG_INFO;
    }
}

static const char *call_of(const struct run *run) {
    return run->message.call == CALL_NONE ? "a request" : call_name(run->message.call);
}

void run_say(const struct run *run, int64_t took_us) {
    struct service *service = run->service;
    int64_t slow_us = service->settings.slow_after_us;
    const struct wire_error *error = &run->response.error;
    bool is_slow = slow_us > 0 && took_us >= slow_us && !may_be_slow(run);
    enum log_level level = error->code ? level_of(error->code) : LOG_WARNING;
    uint64_t left_out = 0;
    if ((!error->code && !is_slow) || !log_shows(service->settings.log, level) ||
        !may_say(service, &left_out))
        return;
    struct trace trace;
    char what[64] = "slow", who[96] = "", traced[96] = "", more[64] = "";
    if (error->code)
        snprintf(what, sizeof what, "%s%s%s", error_code_name(error->code),
                 run->denial ? ", token " : "", denial_name(run->denial));
    if (run->bearer.id[0])
        snprintf(who, sizeof who, ", asked by %s (%s)", run->bearer.name, run->bearer.id);
    if (run->message.call != CALL_NONE && trace_parse(run->message.traceparent, &trace))
        snprintf(traced, sizeof traced, ", trace %s span %s", trace.trace_id, trace.parent_id);
    if (left_out > 0)
        snprintf(more, sizeof more, " (%" PRIu64 " such lines were left out)", left_out);
    log_line(service->settings.log, level, "%s %s: %s, after %" PRId64 ".%03" PRId64 " ms%s%s%s",
             call_of(run), error->code ? "refused" : "answered", what, took_us / 1000,
             took_us % 1000, who, traced, more);
}
