/* Rows are made where things happen, most of them under the decision lock; a verdict takes a
 * microsecond or two. */
#include "event_rows.h"

#include "core/base/hash.h"
#include "core/policy/lists/brake.h"
#include "core/wire/types/transaction_json.h"

#define RULES_MAX 64 /* of a decision's, in its event */

/* ---- verdicts ---- */

static enum event_kind kind_of(enum verdict verdict) {
    switch (verdict) {
    case VERDICT_APPROVE:
        return EVENT_VERDICT_APPROVE;
    case VERDICT_REVIEW:
        return EVENT_VERDICT_REVIEW;
    case VERDICT_CHALLENGE:
        return EVENT_VERDICT_CHALLENGE;
    case VERDICT_DECLINE:
        return EVENT_VERDICT_DECLINE;
    case VERDICT_NONE:
    case VERDICT_COUNT:
        break;
    }
    return EVENT_KIND_COUNT;
}

bool event_verdicts_wanted(const struct events *events) {
    return events_want(events, EVENT_VERDICT_APPROVE) ||
           events_want(events, EVENT_VERDICT_REVIEW) ||
           events_want(events, EVENT_VERDICT_CHALLENGE) ||
           events_want(events, EVENT_VERDICT_DECLINE);
}

/* Card numbers are masked wherever they are, whatever the policy allows. */
static bool nothing_is_clear(const struct card_masking *self, struct text name,
                             enum attribute_type type) {
    (void)self, (void)name, (void)type;
    return false;
}

#define CARD_DIGITS_MIN   13 /* as text_is_card_number() has them */
#define CARD_DIGITS_MAX   19
#define CARD_DIGITS_SHOWN 4

static bool is_card_part(char c) {
    return text_is_digit(c) || c == ' ' || c == '-';
}

/* Where the longest card number that begins there ends; 0: none does. */
static size_t card_number_end(struct text text, size_t from) {
    size_t digits = 0, end = 0;
    for (size_t at = from; at < text.length && is_card_part(text.data[at]); at++) {
        digits += text_is_digit(text.data[at]);
        if (digits > CARD_DIGITS_MAX)
            break;
        if (digits >= CARD_DIGITS_MIN && text_is_digit(text.data[at]) &&
            text_is_card_number((struct text){text.data + from, at + 1 - from}))
            end = at + 1;
    }
    return end;
}

/* A reason's text may have a field's value in it, and that field may be one in which the policy
 * allows card numbers. Each digit is tried as the first one, since others may stand before it. */
static void add_reason_text(struct buffer *row, struct text text) {
    struct buffer shown;
    buffer_init(&shown);
    buffer_append(&shown, text.data, text.length);
    for (size_t from = 0; from + CARD_DIGITS_MIN <= text.length; from++) {
        size_t end = text_is_digit(text.data[from]) ? card_number_end(text, from) : 0;
        for (size_t at = end, digits = 0; at-- > from;)
            if (text_is_digit(text.data[at]) && digits++ >= CARD_DIGITS_SHOWN)
                shown.bytes[at] = '*';
    }
    json_add_text(row, "text", buffer_text(&shown));
    buffer_deinit(&shown);
}

/* Its id, and what event_fields names of the rest. */
static void add_transaction(struct buffer *row, uint32_t fields,
                            const struct transaction *transaction) {
    static const struct card_masking masking = {nothing_is_clear};
    struct transaction shown = {.id = transaction->id};
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        if (fields & UINT32_C(1) << field)
            shown.fields[field] = transaction->fields[field];
    if (fields & EVENT_FIELD_AMOUNT) {
        shown.amount_minor = transaction->amount_minor;
        shown.currency = transaction->currency;
    }
    if (fields & EVENT_FIELD_TIME)
        shown.event_time_us = transaction->event_time_us;
    if (fields & EVENT_FIELD_LOCATION) {
        shown.has_location = transaction->has_location;
        shown.latitude_e7 = transaction->latitude_e7;
        shown.longitude_e7 = transaction->longitude_e7;
    }
    json_begin_object(row, "transaction");
    transaction_json_add(row, &shown, &masking);
    json_end_object(row);
}

/* Those that had effect. */
static void add_rules(struct buffer *row, bool with_texts, const struct decision *decision) {
    size_t count = 0;
    json_begin_array(row, with_texts ? "reasons" : "rules");
    for (size_t i = 0; i < decision->reason_count && count < RULES_MAX; i++) {
        const struct reason *reason = &decision->reasons[i];
        if (reason->shadow || reason->suppressed)
            continue;
        count++;
        if (!with_texts) {
            json_add_text(row, NULL, reason->rule);
            continue;
        }
        json_begin_object(row, NULL);
        json_add_text(row, "rule", reason->rule);
        add_reason_text(row, reason->text);
        json_end_object(row);
    }
    json_end_array(row);
}

void event_verdict(struct events *events, const struct transaction *transaction,
                   const struct decision *decision) {
    enum event_kind kind = kind_of(decision->verdict);
    struct buffer row;
    if (kind == EVENT_KIND_COUNT || !events_want(events, kind))
        return;
    uint32_t fields = events_fields(events);
    events_begin(events, kind, &row);
    json_add_text(&row, "verdict", text_of(verdict_name(decision->verdict)));
    json_add_unsigned(&row, "score", decision->score);
    json_add_unsigned(&row, "position", decision->position);
    json_add_hex(&row, "policy_id", decision->snapshot_id);
    if (decision->arm != ARM_NONE)
        json_add_text(&row, "arm", text_of(arm_name(decision->arm)));
    json_add_bool(&row, "degraded", decision->degraded);
    add_rules(&row, false, decision);
    if (fields & EVENT_FIELD_REASONS)
        add_rules(&row, true, decision);
    add_transaction(&row, fields, transaction);
    events_send(events, &row);
}

/* ---- brakes, policies, tables ---- */

void event_brake(struct events *events, const struct record *record) {
    const struct brake_record *brake = &record->brake;
    struct buffer row, reason;
    if (!events_want(events, EVENT_BRAKE))
        return;
    events_begin(events, EVENT_BRAKE, &row);
    json_add_text(&row, "brake", text_of(brake->lifted ? "lifted" : "pulled"));
    if (brake->rule.length > 0)
        json_add_text(&row, "rule", brake->rule);
    else
        json_add_bool(&row, "whole_policy", true);
    json_add_unsigned(&row, "position", record->position);
    if (brake->source.length > 0)
        json_add_text(&row, "by", brake->source);
    buffer_init(&reason);
    brake_put_reason(&reason, brake);
    if (reason.length > 0)
        json_add_text(&row, "reason", buffer_text(&reason));
    buffer_deinit(&reason);
    events_send(events, &row);
}

void event_policy_adopted(struct events *events, struct text name, uint64_t snapshot_id) {
    struct buffer row;
    if (!events_want(events, EVENT_POLICY_ADOPTED))
        return;
    events_begin(events, EVENT_POLICY_ADOPTED, &row);
    json_add_text(&row, "policy", name);
    json_add_hex(&row, "policy_id", snapshot_id);
    events_send(events, &row);
}

/* An event that says nothing but why. */
static void send_reason(struct events *events, enum event_kind kind, const char *reason) {
    struct buffer row;
    if (!events_want(events, kind))
        return;
    events_begin(events, kind, &row);
    json_add_text(&row, "reason", text_of(reason));
    events_send(events, &row);
}

void event_policy_refused(struct events *events, const char *reason) {
    send_reason(events, EVENT_POLICY_REFUSED, reason);
}

void event_generation_adopted(struct events *events, uint64_t generation_id, uint64_t position) {
    struct buffer row;
    if (!events_want(events, EVENT_GENERATION_ADOPTED))
        return;
    events_begin(events, EVENT_GENERATION_ADOPTED, &row);
    json_add_hex(&row, "generation_id", generation_id);
    json_add_unsigned(&row, "position", position);
    events_send(events, &row);
}

void event_generation_refused(struct events *events, const char *reason) {
    send_reason(events, EVENT_GENERATION_REFUSED, reason);
}

/* ---- the archive, the server ---- */

void event_archive_failed(struct events *events, uint64_t position, const char *reason) {
    struct buffer row;
    if (!events_want(events, EVENT_ARCHIVE_FAILED))
        return;
    events_begin(events, EVENT_ARCHIVE_FAILED, &row);
    json_add_unsigned(&row, "position", position);
    json_add_text(&row, "reason", text_of(reason));
    events_send(events, &row);
}

void event_archive_recovered(struct events *events, uint64_t position) {
    struct buffer row;
    if (!events_want(events, EVENT_ARCHIVE_RECOVERED))
        return;
    events_begin(events, EVENT_ARCHIVE_RECOVERED, &row);
    json_add_unsigned(&row, "position", position);
    events_send(events, &row);
}

void event_state(struct events *events, const char *state, const char *was, const char *reason) {
    struct buffer row;
    if (!events_want(events, EVENT_STATE))
        return;
    events_begin(events, EVENT_STATE, &row);
    json_add_text(&row, "state", text_of(state));
    json_add_text(&row, "was", text_of(was));
    if (*reason)
        json_add_text(&row, "reason", text_of(reason));
    events_send(events, &row);
}
