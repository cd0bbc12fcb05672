/* The live screen, and the state of the server. */
#include "call.h"

#include "console/database/reviews.h"
#include "core/base/json_writer.h"

#define ROWS_MOST 500
#define DAY_US    INT64_C(86400000000)

/* How much of what the team works on in a day the reviews of today (UTC) have used. */
static int write_budget(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    int64_t today_us = call->now_us - call->now_us % DAY_US, alerts = 0;
    int r = reviews_since(call->console->sql, today_us, &alerts, ret_error);
    json_add_signed(out, "alerts_today", alerts);
    json_add_unsigned(out, "alerts_a_day", call->console->alerts_a_day);
    return r;
}

int live_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct live_query query;
    uint64_t limit, score;
    int r = web_query_number(call->request, "after", INT64_MAX, 0, &query.after, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "limit", ROWS_MOST, 100, &limit, ret_error);
    if (r == 0)
        r = web_query_number(call->request, "score", DECISION_SCORE_MAX, 0, &score, ret_error);
    if (r == 0)
        r = call_verdicts(call, "verdict", &query.verdicts, ret_error);
    if (r < 0)
        return r;
    query.limit = limit;
    query.score_min = (uint32_t)score;
    json_begin_object(out, NULL);
    json_add_time(out, "now", call->now_us);
    live_write(call->console->live, &query, call->now_us, out);
    follower_write(call->console->follower, out);
    latency_write(call->console->latency, out);
    r = reviews_count(call->console->sql, call->now_us, out, ret_error);
    if (r == 0)
        r = write_budget(call, ret_error);
    json_end_object(out);
    return r;
}

static void write_brakes(const struct harrier_status *status, struct buffer *out) {
    json_begin_array(out, "brakes");
    for (size_t i = 0; i < status->described_brakes; i++) {
        const struct harrier_brake *brake = &status->brakes[i];
        json_begin_object(out, NULL);
        json_add_text(out, "rule", text_of(brake->rule));
        json_add_hex(out, "definition", brake->definition);
        json_add_bool(out, "applies", brake->applies);
        json_add_time(out, "since", brake->pulled_time_us);
        json_add_text(out, "reason", text_of(brake->reason));
        json_add_text(out, "source", text_of(brake->source));
        json_end_object(out);
    }
    json_end_array(out);
    json_add_unsigned(out, "brake_count", status->brake_count);
}

/* Of a server whose archive is replicated; and what was refused or is not complete yet. */
static void write_others(const struct harrier_status *status, struct buffer *out) {
    json_add_text(out, "node", text_of(status->node));
    json_add_text(out, "primary", text_of(status->primary));
    json_add_unsigned(out, "committed", status->committed_position);
    if (status->refused_since_time_us != 0)
        json_add_time(out, "refused_since", status->refused_since_time_us);
    json_add_text(out, "challenger", text_of(status->experiment.name));
    json_add_text(out, "challenger_error", text_of(status->challenger_error));
    json_add_unsigned(out, "warming_rules", status->warming.rule_count);
    json_add_unsigned(out, "differing", status->differing_entities);
}

static void write_status(const struct harrier_status *status, struct buffer *out) {
    json_add_text(out, "version", text_of(status->version));
    json_add_text(out, "state", text_of(status->state));
    json_add_text(out, "state_reason", text_of(status->state_reason));
    json_add_time(out, "started", status->started_time_us);
    json_add_text(out, "policy", text_of(status->policy_name));
    json_add_hex(out, "snapshot", status->snapshot_id);
    json_add_text(out, "reload_error", text_of(status->reload_error));
    json_add_unsigned(out, "generation_position", status->generation_position);
    if (status->generation_time_us != 0)
        json_add_time(out, "generation_time", status->generation_time_us);
    json_add_unsigned(out, "position", status->position);
    json_add_unsigned(out, "synced", status->synced_position);
    json_add_unsigned(out, "transactions", status->transactions);
    json_add_unsigned(out, "outcomes", status->outcomes);
    json_add_unsigned(out, "overlay_entities", status->overlay_entities);
    json_add_unsigned(out, "overlay_bytes", status->overlay_memory_bytes);
    json_add_bool(out, "stale", status->stale);
    json_add_text(out, "swap", text_of(status->swap_state));
    json_add_text(out, "swap_reason", text_of(status->swap_reason));
    write_brakes(status, out);
    write_others(status, out);
}

int status_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_status(connection_client(call->console->connection), false, NULL, &reply, &error) <
        0)
        return connection_error(&error, ret_error);
    json_begin_object(out, NULL);
    write_status(reply->status, out);
    json_end_object(out);
    harrier_reply_free(reply);
    return 0;
}
