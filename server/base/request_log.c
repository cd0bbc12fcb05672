/* One line for a request that failed or was slow: what, how long, who, which trace. */
#include "request_log.h"

#include "server/ops/trace.h"

#include <inttypes.h>
#include <stdio.h>

/* Calls that take long by nature are never reported as slow. */
static bool may_be_slow(const struct run *run) {
    enum call call = run->message.call;
    return call == CALL_RELOAD || call == CALL_EXPLAIN || call == CALL_FIND ||
           call == CALL_BACKFILL || call == CALL_NONE ||
           (call == CALL_STATUS && run->message.status.state_hash);
}

/* Warnings are for what an operator can do something about. Invalid requests are the caller's
 * business. */
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

/* Builds the parts of the line only when it is known that it will be written. */
void request_log(const struct run *run, int64_t took_us) {
    struct service *service = run->service;
    int64_t slow_us = service->settings.slow_after_us;
    const struct wire_error *error = &run->response.error;
    bool is_slow = slow_us > 0 && took_us >= slow_us && !may_be_slow(run);
    enum log_level level = error->code ? level_of(error->code) : LOG_WARNING;
    uint64_t dropped = 0;
    if (run->is_probe && error->code)
        return; /* the supervisor's watchdog says what matters of it */
    if ((!error->code && !is_slow) || !log_shows(service->settings.log, level) ||
        !log_limit_admit(&service->log_limit, clock_monotonic_us(service->settings.clock),
                         &dropped))
        return;
    struct trace trace;
    char what[64] = "slow", who[96] = "", traced[96] = "", more[64] = "";
    if (error->code)
        snprintf(what, sizeof what, "%s%s%s", error_code_name(error->code),
                 run->denial ? ", token " : "", denial_name(run->denial));
    if (run->bearer.id[0])
        snprintf(who, sizeof who, ", requested by %s (%s)", run->bearer.name, run->bearer.id);
    if (run->message.call != CALL_NONE && trace_parse(run->message.traceparent, &trace))
        snprintf(traced, sizeof traced, ", trace %s span %s", trace.trace_id, trace.parent_id);
    if (dropped > 0)
        snprintf(more, sizeof more, " (%" PRIu64 " such lines were left out)", dropped);
    const struct log_fields fields = LOG_FIELDS(
        log_field_string("call", call_of(run)),
        log_field_string("result", error->code ? "refused" : "slow"),
        log_field_string("code", error->code ? error_code_name(error->code) : ""),
        log_field_string("denial", denial_name(run->denial)), log_field_signed("took_us", took_us),
        log_field_string("token_id", run->bearer.id),
        log_field_string("token_name", run->bearer.id[0] ? run->bearer.name : ""),
        log_field_string("trace_id", *traced ? trace.trace_id : ""),
        log_field_string("span_id", *traced ? trace.parent_id : ""),
        log_field_unsigned("left_out", dropped));
    log_line_with(service->settings.log, level, fields,
                  "%s %s: %s, after %" PRId64 ".%03" PRId64 " ms%s%s%s", call_of(run),
                  error->code ? "refused" : "answered", what, took_us / 1000, took_us % 1000, who,
                  traced, more);
}
