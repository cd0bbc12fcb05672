/* The numbers in TAG() and in the writers are the field numbers of harrier.proto. A new field must
 * be added here too: until then messages that have it take the general way (is_other()). */
#include "decision_bytes.h"

#include "core/wire/types/field_text.h"
#include "writing.h"

#define REASON_FIELDS   10 /* of message Reason; each of its tags is one */
#define DECISION_FIELDS 16 /* of message Decision; each of its reasons and features is one */

/* ---------------------------------------------------------------------------------------------
 * Reading */

/* As with all repeated fields here: count, allocate once, then read; a full arena leaves the
 * message to the general way, which reports it. */
static struct reading read_texts(struct reading reading, uint32_t tag, struct arena *arena,
                                 const struct text **ret_texts, size_t *ret_count) {
    size_t count = reading_count(reading, tag);
    struct text *texts = arena_calloc(arena, count, sizeof *texts);
    if (!texts)
        return reading_other();
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        texts[i] = take_text(&reading);
    }
    *ret_texts = texts;
    *ret_count = count;
    return reading;
}

struct reading failed_rules_read(struct reading reading, uint32_t tag, struct arena *arena,
                                 struct decision *decision) {
    return read_texts(reading, tag, arena, &decision->failed_rules, &decision->failed_rule_count);
}

/* Fields absent from the bytes keep the zeros of the struct, which are protobuf's defaults. */
static bool read_reason(struct reading reading, struct arena *arena, struct reason *reason) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES))
            reason->rule = take_text(&reading);
        else if (tag == TAG(2, WIRE_BYTES))
            reason->text = take_text(&reading);
        else if (tag == TAG(3, WIRE_VARINT))
            reason->score = take_zigzag32(&reading);
        else if (tag == TAG(4, WIRE_VARINT) && take_verdict(&reading, &reason->verdict))
            continue;
        else if (tag == TAG(5, WIRE_VARINT))
            reason->shadow = take_flag(&reading);
        else if (tag == TAG(6, WIRE_VARINT))
            reason->suppressed = take_flag(&reading);
        else if (tag == TAG(7, WIRE_BYTES))
            reading = read_texts(reading, tag, arena, &reason->tags, &reason->tag_count);
        else if (tag == TAG(8, WIRE_BYTES))
            reason->group = take_text(&reading);
        else if (tag == TAG(9, WIRE_VARINT))
            reason->capped = take_zigzag32(&reading);
        else if (tag == TAG(10, WIRE_VARINT) && take_verdict(&reading, &reason->verdict_if_live))
            continue;
        else
            return false;
    }
    return is_whole(reading);
}

struct reading reasons_read(struct reading reading, uint32_t tag, struct arena *arena,
                            struct decision *decision) {
    size_t count = reading_count(reading, tag);
    struct reason *reasons = arena_calloc(arena, count, sizeof *reasons);
    if (!reasons)
        return reading_other();
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!read_reason(take_message(&reading), arena, &reasons[i]))
            return reading_other();
    }
    decision->reasons = reasons;
    decision->reason_count = count;
    return reading;
}

static bool read_value(struct reading reading, struct named_value *value) {
    uint32_t tag, last = 0;
    bool has_value = false;
    value->value = value_absent();
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES)) {
            value->name = take_text(&reading);
            continue;
        }
        if (has_value) /* a oneof: a second value is left to the general way */
            return false;
        has_value = true;
        if (tag == TAG(2, WIRE_VARINT))
            value->value = value_bool(take_flag(&reading));
        else if (tag == TAG(3, WIRE_VARINT))
            value->value = value_int(take_zigzag64(&reading));
        else if (tag == TAG(4, WIRE_FIXED64))
            value->value = value_double(take_double(&reading));
        else if (tag == TAG(5, WIRE_BYTES))
            value->value = value_text(take_text(&reading));
        else if (tag == TAG(6, WIRE_VARINT))
            value->value = value_timestamp(take_zigzag64(&reading));
        else if (tag == TAG(7, WIRE_VARINT))
            value->value = value_duration(take_zigzag64(&reading));
        else
            return false;
    }
    return is_whole(reading);
}

static struct reading read_features(struct reading reading, uint32_t tag, struct arena *arena,
                                    struct decision *decision) {
    size_t count = reading_count(reading, tag);
    struct named_value *features = arena_calloc(arena, count, sizeof *features);
    if (!features)
        return reading_other();
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!read_value(take_message(&reading), &features[i]))
            return reading_other();
    }
    decision->features = features;
    decision->feature_count = count;
    return reading;
}

/* Fields in the order of their numbers; anything else ends the fast way. */
bool decision_read(struct reading reading, struct arena *arena, struct decision *decision) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES))
            decision->transaction_id = take_text(&reading);
        else if (tag == TAG(2, WIRE_VARINT) && take_verdict(&reading, &decision->verdict))
            continue;
        else if (tag == TAG(3, WIRE_VARINT))
            decision->score = take_u32(&reading);
        else if (tag == TAG(4, WIRE_BYTES))
            reading = reasons_read(reading, tag, arena, decision);
        else if (tag == TAG(5, WIRE_FIXED64))
            decision->snapshot_id = take_fixed64(&reading);
        else if (tag == TAG(6, WIRE_FIXED64))
            decision->generation_id = take_fixed64(&reading);
        else if (tag == TAG(7, WIRE_VARINT))
            decision->position = take_u64(&reading);
        else if (tag == TAG(8, WIRE_VARINT))
            decision->degraded = take_flag(&reading);
        else if (tag == TAG(9, WIRE_BYTES))
            decision->degraded_reason = take_text(&reading);
        else if (tag == TAG(10, WIRE_VARINT))
            decision->duplicate = take_flag(&reading);
        else if (tag == TAG(11, WIRE_VARINT))
            decision->dry_run = take_flag(&reading);
        else if (tag == TAG(12, WIRE_VARINT))
            decision->server_us = take_u32(&reading);
        else if (tag == TAG(13, WIRE_VARINT))
            decision->rule_errors = take_u32(&reading);
        else if (tag == TAG(14, WIRE_BYTES))
            reading = read_features(reading, tag, arena, decision);
        else if (tag == TAG(15, WIRE_BYTES))
            reading = failed_rules_read(reading, tag, arena, decision);
        else if (tag == TAG(16, WIRE_VARINT) && take_arm(&reading, &decision->arm))
            continue;
        else
            return false;
    }
    return is_whole(reading);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

/* Upper bounds, by adding up: exact sizes would cost a pass over all numbers. */
size_t reasons_room(const struct decision *decision) {
    size_t room = decision->reason_count * (1 + REASON_FIELDS) * FIELD_ROOM;
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        room += reason->rule.length + reason->text.length + reason->group.length +
                reason->tag_count * FIELD_ROOM;
        for (size_t j = 0; j < reason->tag_count; j++)
            room += reason->tags[j].length;
    }
    return room;
}

size_t failed_rules_room(const struct decision *decision) {
    size_t room = decision->failed_rule_count * FIELD_ROOM;
    for (size_t i = 0; i < decision->failed_rule_count; i++)
        room += decision->failed_rules[i].length;
    return room;
}

size_t decision_room(const struct decision *decision) {
    size_t room = (1 + DECISION_FIELDS) * FIELD_ROOM + decision->transaction_id.length +
                  decision->degraded_reason.length + reasons_room(decision) +
                  decision->feature_count * 3 * FIELD_ROOM + failed_rules_room(decision);
    for (size_t i = 0; i < decision->feature_count; i++) {
        const struct named_value *feature = &decision->features[i];
        room += feature->name.length;
        if (feature->value.type == VALUE_TEXT)
            room += feature->value.text.length;
    }
    return room;
}

static uint8_t *write_reason(const struct reason *reason, uint32_t number, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 10, reason->verdict_if_live);
    at = put_zigzag(at, 9, reason->capped);
    at = put_text(at, 8, reason->group);
    for (size_t i = reason->tag_count; i-- > 0;)
        at = put_any_text(at, 7, reason->tags[i]);
    at = put_number(at, 6, reason->suppressed);
    at = put_number(at, 5, reason->shadow);
    at = put_number(at, 4, reason->verdict);
    at = put_zigzag(at, 3, reason->score);
    at = put_text(at, 2, field_cut(reason->text, REASON_TEXT_MAX));
    at = put_text(at, 1, reason->rule);
    return put_message(at, number, end);
}

/* Repeated fields backwards too, so that they end up in order. */
uint8_t *reasons_write(const struct decision *decision, uint32_t number, uint8_t *at) {
    for (size_t i = decision->reason_count; i-- > 0;)
        at = write_reason(&decision->reasons[i], number, at);
    return at;
}

uint8_t *failed_rules_write(const struct decision *decision, uint32_t number, uint8_t *at) {
    for (size_t i = decision->failed_rule_count; i-- > 0;)
        at = put_any_text(at, number, decision->failed_rules[i]);
    return at;
}

/* A value of a oneof is written even if it is 0, "" or false: being set is what says its type. */
static uint8_t *write_feature(const struct named_value *feature, uint8_t *at) {
    const uint8_t *end = at;
    switch (feature->value.type) {
    case VALUE_BOOL:
        at = put_any_number(at, 2, feature->value.boolean);
        break;
    case VALUE_INT:
        at = put_any_number(at, 3, zigzag(feature->value.integer));
        break;
    case VALUE_DOUBLE:
        at = put_any_double(at, 4, feature->value.number);
        break;
    case VALUE_TEXT:
        at = put_any_text(at, 5, feature->value.text);
        break;
    case VALUE_TIMESTAMP:
        at = put_any_number(at, 6, zigzag(feature->value.integer));
        break;
    case VALUE_DURATION:
        at = put_any_number(at, 7, zigzag(feature->value.integer));
        break;
    case VALUE_ABSENT:
    case VALUE_ERROR: /* no value either; Decision.rule_errors counts them */
    case VALUE_LIST:  /* lists and maps exist only within expressions */
    case VALUE_MAP:
        break;
    }
    at = put_text(at, 1, feature->name);
    return put_message(at, 14, end);
}

uint8_t *decision_write(const struct decision *decision, uint32_t number, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 16, decision->arm);
    at = failed_rules_write(decision, 15, at);
    for (size_t i = decision->feature_count; i-- > 0;)
        at = write_feature(&decision->features[i], at);
    at = put_number(at, 13, decision->rule_errors);
    at = put_number(at, 12, decision->server_us);
    at = put_number(at, 11, decision->dry_run);
    at = put_number(at, 10, decision->duplicate);
    at = put_text(at, 9, decision->degraded_reason);
    at = put_number(at, 8, decision->degraded);
    at = put_number(at, 7, decision->position);
    at = put_fixed64(at, 6, decision->generation_id);
    at = put_fixed64(at, 5, decision->snapshot_id);
    at = reasons_write(decision, 4, at);
    at = put_number(at, 3, decision->score);
    at = put_number(at, 2, decision->verdict);
    at = put_text(at, 1, decision->transaction_id);
    return put_message(at, number, end);
}
