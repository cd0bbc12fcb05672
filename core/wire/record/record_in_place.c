/* Transaction records read in place, for jobs that read a whole archive: there decoding is a large
 * part of the work.
 *
 * Reads what record_encode() writes: fields in the order of their numbers, each at most once. Texts
 * stay in the payload and nothing is copied. Everything else that protobuf allows, and everything
 * invalid, is left to record_decode(): there is one judge of what a record is and what it says. */
#include "core/wire/bytes/decision_bytes.h"
#include "core/wire/bytes/transaction_bytes.h"
#include "record.h"

/* Packed: bytes without their top bit end a number, so counting them sizes the array. */
static bool read_rules(struct reading reading, struct arena *arena,
                       struct shadow_decision *shadow) {
    size_t count = 0;
    for (const uint8_t *at = reading.at; at < reading.end; at++)
        count += *at < 0x80; /* the last byte of a varint */
    uint32_t *rules = arena_calloc(arena, count, sizeof *rules);
    if (!rules)
        return false;
    for (size_t i = 0; i < count; i++)
        rules[i] = take_u32(&reading);
    shadow->rules = rules;
    shadow->rule_count = count;
    return is_whole(reading);
}

static bool read_shadow(struct reading reading, struct arena *arena,
                        struct shadow_decision *shadow) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_FIXED64))
            shadow->snapshot_id = take_fixed64(&reading);
        else if (tag == TAG(2, WIRE_VARINT) && take_verdict(&reading, &shadow->verdict))
            continue;
        else if (tag == TAG(3, WIRE_VARINT))
            shadow->score = take_u32(&reading);
        else if (tag == TAG(4, WIRE_BYTES) && read_rules(take_message(&reading), arena, shadow))
            continue;
        else if (tag == TAG(5, WIRE_VARINT))
            shadow->rule_errors = take_u32(&reading);
        else if (tag == TAG(6, WIRE_VARINT))
            shadow->degraded = take_flag(&reading);
        else
            return false;
    }
    return is_whole(reading);
}

/* Reads all shadow decisions; the tag of the first was already taken. */
static struct reading read_shadows(struct reading reading, uint32_t tag, struct arena *arena,
                                   struct decision *decision) {
    size_t count = reading_count(reading, tag);
    struct shadow_decision *shadows = arena_calloc(arena, count, sizeof *shadows);
    if (!shadows)
        return reading_other();
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!read_shadow(take_message(&reading), arena, &shadows[i]))
            return reading_other();
    }
    decision->shadows = shadows;
    decision->shadow_count = count;
    return reading;
}

static bool read_baseline(struct reading reading, struct baseline *baseline) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_FIXED64))
            baseline->definition = take_fixed64(&reading);
        else if (tag == TAG(2, WIRE_FIXED64))
            baseline->value = take_double(&reading);
        else
            return false;
    }
    return is_whole(reading);
}

/* As read_shadows(). */
static struct reading read_baselines(struct reading reading, uint32_t tag, struct arena *arena,
                                     struct decision *decision) {
    size_t count = reading_count(reading, tag);
    struct baseline *baselines = arena_calloc(arena, count, sizeof *baselines);
    if (!baselines)
        return reading_other();
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!read_baseline(take_message(&reading), &baselines[i]))
            return reading_other();
    }
    decision->baselines = baselines;
    decision->baseline_count = count;
    return reading;
}

static bool read_record(struct reading reading, struct arena *arena, struct record *record) {
    struct transaction *transaction = &record->transaction.transaction;
    struct decision *decision = &record->transaction.decision;
    bool has_transaction = false;
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        switch (tag) {
        case TAG(1, WIRE_VARINT):
            record->receive_time_us = take_integer(&reading);
            break;
        case TAG(2, WIRE_BYTES):
            if (!transaction_read(take_message(&reading), arena, transaction))
                return false;
            has_transaction = true;
            break;
        case TAG(3, WIRE_VARINT):
            if (!take_verdict(&reading, &decision->verdict))
                return false;
            break;
        case TAG(4, WIRE_VARINT):
            decision->score = take_u32(&reading);
            break;
        case TAG(5, WIRE_BYTES):
            reading = reasons_read(reading, tag, arena, decision);
            break;
        case TAG(6, WIRE_FIXED64):
            decision->snapshot_id = take_fixed64(&reading);
            break;
        case TAG(7, WIRE_FIXED64):
            decision->generation_id = take_fixed64(&reading);
            break;
        case TAG(8, WIRE_VARINT):
            decision->degraded = take_flag(&reading);
            break;
        case TAG(9, WIRE_BYTES):
            decision->degraded_reason = take_text(&reading);
            break;
        case TAG(10, WIRE_VARINT):
            decision->rule_errors = take_u32(&reading);
            break;
        case TAG(11, WIRE_FIXED64):
            decision->feature_hash = take_fixed64(&reading);
            break;
        case TAG(12, WIRE_BYTES):
            reading = read_shadows(reading, tag, arena, decision);
            break;
        case TAG(13, WIRE_BYTES):
            reading = failed_rules_read(reading, tag, arena, decision);
            break;
        case TAG(14, WIRE_BYTES):
            reading = read_baselines(reading, tag, arena, decision);
            break;
        case TAG(15, WIRE_VARINT):
            record->transaction.is_backfilled = take_flag(&reading);
            break;
        case TAG(16, WIRE_VARINT):
            if (!take_arm(&reading, &decision->arm))
                return false;
            break;
        default:
            return false;
        }
    }
    decision->transaction_id = text_just_written(&transaction->id);
    return has_transaction && is_whole(reading);
}

/* A call of memset(): where the compiler knows the size it generates code that is slower. */
static void clear(struct transaction_record *record) {
    size_t size = sizeof *record;
    __asm__("" : "+r"(size));
    memset(record, 0, size);
}

bool record_read_in_place(enum record_type type, const void *bytes, size_t length,
                          struct arena *arena, struct record *ret_record) {
    struct reading reading = reading_of(bytes, length);
    if (type != RECORD_TRANSACTION || length == 0)
        return false;
    /* Only the members in use are cleared: the other types' are large, and clearing them takes a
     * third of the time. */
    ret_record->type = type;
    ret_record->position = 0;
    ret_record->receive_time_us = 0;
    clear(&ret_record->transaction);
    return read_record(reading, arena, ret_record);
}

int record_decode_in_place(enum record_type type, const void *bytes, size_t length,
                           struct arena *arena, struct record *ret_record,
                           struct error *ret_error) {
    if (record_read_in_place(type, bytes, length, arena, ret_record))
        return 0;
    return record_decode(type, bytes, length, arena, ret_record, ret_error);
}

/* Skips a field without decoding it. */
static bool skip(struct reading *reading, uint32_t tag) {
    if ((tag & 7) == WIRE_VARINT)
        take_integer(reading);
    else if ((tag & 7) == WIRE_FIXED64)
        take_fixed64(reading);
    else if ((tag & 7) == WIRE_BYTES)
        take_text(reading);
    else
        return false;
    return !is_other(*reading);
}

/* Stops at the field: for jobs that need the time of every transaction and nothing else. */
bool record_read_event_time(const void *bytes, size_t length, int64_t *ret_event_time_us) {
    struct reading reading = reading_of(bytes, length);
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last)) && tag < TAG(2, WIRE_BYTES))
        if (!skip(&reading, tag))
            return false;
    if (tag != TAG(2, WIRE_BYTES))
        return false;
    struct reading transaction = take_message(&reading);
    last = 0;
    while ((tag = take_tag(&transaction, &last)) && tag < TAG(2, WIRE_VARINT))
        if (!skip(&transaction, tag))
            return false;
    if (tag != TAG(2, WIRE_VARINT))
        return false;
    *ret_event_time_us = take_integer(&transaction);
    return !is_other(transaction);
}
