/* Transaction records read where they lie: for whoever goes through a whole archive.
 *
 * Reads what record_encode() writes, which is the fields in the order of their numbers and each at
 * most once; texts stay in the payload and nothing is copied. Whatever else protobuf allows (other
 * orders, fields of later versions, long forms of numbers), and whatever is wrong, is left to
 * record_decode(): what is a record, and what it says, has one judge. */
#include "record.h"

#include <string.h>

/* A message that is being read. */
struct reading {
    const uint8_t *at, *end;
    bool is_other; /* than record_encode() writes: what was read of it means nothing */
};

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

#define TAG(number, type) ((number) << 3 | (type))

#define LENGTH_BYTES_MAX 4 /* of a length: far more than a frame holds */
#define VARINT_BYTES_MAX 10

static uint64_t take_varint(struct reading *reading, unsigned bytes_max) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max && reading->at < reading->end; i++) {
        uint8_t byte = *reading->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return value;
    }
    reading->is_other = true;
    return 0;
}

/* The next field's tag, one byte or two; 0: the message is at its end, or goes on in another way.
 * *last: the tag before it. */
static uint32_t take_tag(struct reading *reading, uint32_t *last) {
    if (reading->at == reading->end || reading->is_other)
        return 0;
    uint32_t tag = *reading->at++;
    if (tag >= 0x80) {
        uint32_t second = reading->at < reading->end ? *reading->at++ : 0;
        tag = second > 0 && second < 0x80 ? (tag & 0x7f) | second << 7 : 0;
    }
    if (tag <= *last) {
        reading->is_other = true;
        return 0;
    }
    *last = tag;
    return tag;
}

static int64_t take_integer(struct reading *reading) {
    return (int64_t)take_varint(reading, VARINT_BYTES_MAX);
}

/* Of a longer number, as for every reader of protobuf, only the low bits count. */
static uint32_t take_u32(struct reading *reading) {
    return (uint32_t)take_varint(reading, VARINT_BYTES_MAX);
}

static bool take_flag(struct reading *reading) {
    return take_varint(reading, 1) != 0;
}

static int64_t take_zigzag64(struct reading *reading) {
    uint64_t value = take_varint(reading, VARINT_BYTES_MAX);
    return (int64_t)(value >> 1 ^ -(value & 1));
}

static int32_t take_zigzag32(struct reading *reading) {
    uint32_t value = take_u32(reading);
    return (int32_t)(value >> 1 ^ -(value & 1));
}

static uint64_t take_fixed64(struct reading *reading) {
    if (reading->end - reading->at < 8) {
        reading->is_other = true;
        return 0;
    }
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)reading->at[i] << (8 * i);
    reading->at += 8;
    return value;
}

static double take_double(struct reading *reading) {
    uint64_t bits = take_fixed64(reading);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct text take_text(struct reading *reading) {
    uint64_t length = take_varint(reading, LENGTH_BYTES_MAX);
    if (reading->is_other || length > (uint64_t)(reading->end - reading->at)) {
        reading->is_other = true;
        return (struct text){0};
    }
    const char *data = (const char *)reading->at;
    reading->at += length;
    return length ? (struct text){.data = data, .length = (size_t)length} : (struct text){0};
}

static struct reading take_message(struct reading *reading) {
    struct text bytes = take_text(reading);
    const uint8_t *at = (const uint8_t *)bytes.data;
    return (struct reading){
        .at = at, .end = at ? at + bytes.length : at, .is_other = reading->is_other};
}

/* A repeated field's tag was taken: how many of it follow each other, that one included? */
static size_t count_repeated(struct reading reading, uint32_t tag) {
    size_t count = 0;
    do {
        uint32_t last = 0;
        take_text(&reading);
        count++;
        if (take_tag(&reading, &last) != tag)
            break;
    } while (!reading.is_other);
    return count;
}

static void take_tag_again(struct reading *reading, uint32_t tag) {
    uint32_t last = 0;
    if (take_tag(reading, &last) != tag)
        reading->is_other = true;
}

/* At the end of a message. */
static bool is_whole(const struct reading *reading) {
    return !reading->is_other && reading->at == reading->end;
}

static bool take_location(struct reading reading, struct transaction *transaction) {
    uint32_t tag, last = 0;
    transaction->has_location = true;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_VARINT))
            transaction->latitude_e7 = take_zigzag32(&reading);
        else if (tag == TAG(2, WIRE_VARINT))
            transaction->longitude_e7 = take_zigzag32(&reading);
        else
            return false;
    }
    return is_whole(&reading);
}

static bool take_attribute(struct reading reading, struct attribute *attribute) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES)) {
            attribute->name = take_text(&reading);
            continue;
        }
        if (attribute->type != ATTRIBUTE_NONE) /* it has one value */
            return false;
        if (tag == TAG(2, WIRE_BYTES)) {
            attribute->type = ATTRIBUTE_TEXT;
            attribute->text = take_text(&reading);
        } else if (tag == TAG(3, WIRE_VARINT)) {
            attribute->type = ATTRIBUTE_INTEGER;
            attribute->integer = take_zigzag64(&reading);
        } else if (tag == TAG(4, WIRE_FIXED64)) {
            attribute->type = ATTRIBUTE_NUMBER;
            attribute->number = take_double(&reading);
        } else if (tag == TAG(5, WIRE_VARINT)) {
            attribute->type = ATTRIBUTE_FLAG;
            attribute->flag = take_flag(&reading);
        } else {
            return false;
        }
    }
    return is_whole(&reading);
}

static bool take_attributes(struct reading *reading, uint32_t tag, struct arena *arena,
                            struct transaction *transaction) {
    size_t count = count_repeated(*reading, tag);
    struct attribute *attributes = arena_calloc(arena, count, sizeof *attributes);
    if (!attributes)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(reading, tag);
        if (!take_attribute(take_message(reading), &attributes[i]))
            return false;
    }
    transaction->attributes = attributes;
    transaction->attribute_count = count;
    return true;
}

/* enum transaction_field is in the order of the numbers. */
#define FIRST_TEXT_FIELD 5u
#define LAST_TEXT_FIELD  (FIRST_TEXT_FIELD + FIELD_COUNT - 1)
_Static_assert(LAST_TEXT_FIELD == 16, "message Transaction in harrier.proto");

static bool take_transaction(struct reading reading, struct arena *arena,
                             struct transaction *transaction) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        uint32_t number = tag >> 3;
        if (number >= FIRST_TEXT_FIELD && number <= LAST_TEXT_FIELD) {
            if (tag != TAG(number, WIRE_BYTES))
                return false;
            transaction->fields[number - FIRST_TEXT_FIELD] = take_text(&reading);
            continue;
        }
        switch (tag) {
        case TAG(1, WIRE_BYTES):
            transaction->id = take_text(&reading);
            break;
        case TAG(2, WIRE_VARINT):
            transaction->event_time_us = take_integer(&reading);
            break;
        case TAG(3, WIRE_VARINT):
            transaction->amount_minor = take_integer(&reading);
            break;
        case TAG(4, WIRE_BYTES):
            transaction->currency = take_text(&reading);
            break;
        case TAG(20, WIRE_BYTES):
            if (!take_location(take_message(&reading), transaction))
                return false;
            break;
        case TAG(30, WIRE_BYTES):
            if (!take_attributes(&reading, tag, arena, transaction))
                return false;
            break;
        default:
            return false;
        }
    }
    return is_whole(&reading);
}

static bool take_verdict(struct reading *reading, enum verdict *ret_verdict) {
    uint32_t number = take_u32(reading);
    *ret_verdict = (enum verdict)number;
    return number < VERDICT_COUNT;
}

static bool take_tags(struct reading *reading, uint32_t tag, struct arena *arena,
                      struct reason *reason) {
    size_t count = count_repeated(*reading, tag);
    struct text *tags = arena_calloc(arena, count, sizeof *tags);
    if (!tags)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(reading, tag);
        tags[i] = take_text(reading);
    }
    reason->tags = tags;
    reason->tag_count = count;
    return true;
}

static bool take_reason(struct reading reading, struct arena *arena, struct reason *reason) {
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
        else if (tag == TAG(7, WIRE_BYTES) && take_tags(&reading, tag, arena, reason))
            continue;
        else if (tag == TAG(8, WIRE_BYTES))
            reason->group = take_text(&reading);
        else if (tag == TAG(9, WIRE_VARINT))
            reason->capped = take_zigzag32(&reading);
        else if (tag == TAG(10, WIRE_VARINT) && take_verdict(&reading, &reason->verdict_if_live))
            continue;
        else
            return false;
    }
    return is_whole(&reading);
}

static bool take_reasons(struct reading *reading, uint32_t tag, struct arena *arena,
                         struct decision *decision) {
    size_t count = count_repeated(*reading, tag);
    struct reason *reasons = arena_calloc(arena, count, sizeof *reasons);
    if (!reasons)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(reading, tag);
        if (!take_reason(take_message(reading), arena, &reasons[i]))
            return false;
    }
    decision->reasons = reasons;
    decision->reason_count = count;
    return true;
}

static bool take_rules(struct reading reading, struct arena *arena,
                       struct shadow_decision *shadow) {
    size_t count = 0;
    for (const uint8_t *at = reading.at; at < reading.end; at++)
        count += *at < 0x80; /* the last byte of a number */
    uint32_t *rules = arena_calloc(arena, count, sizeof *rules);
    if (!rules)
        return false;
    for (size_t i = 0; i < count; i++)
        rules[i] = take_u32(&reading);
    shadow->rules = rules;
    shadow->rule_count = count;
    return is_whole(&reading);
}

static bool take_shadow(struct reading reading, struct arena *arena,
                        struct shadow_decision *shadow) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_FIXED64))
            shadow->snapshot_id = take_fixed64(&reading);
        else if (tag == TAG(2, WIRE_VARINT) && take_verdict(&reading, &shadow->verdict))
            continue;
        else if (tag == TAG(3, WIRE_VARINT))
            shadow->score = take_u32(&reading);
        else if (tag == TAG(4, WIRE_BYTES) && take_rules(take_message(&reading), arena, shadow))
            continue;
        else if (tag == TAG(5, WIRE_VARINT))
            shadow->rule_errors = take_u32(&reading);
        else if (tag == TAG(6, WIRE_VARINT))
            shadow->degraded = take_flag(&reading);
        else
            return false;
    }
    return is_whole(&reading);
}

static bool take_shadows(struct reading *reading, uint32_t tag, struct arena *arena,
                         struct decision *decision) {
    size_t count = count_repeated(*reading, tag);
    struct shadow_decision *shadows = arena_calloc(arena, count, sizeof *shadows);
    if (!shadows)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(reading, tag);
        if (!take_shadow(take_message(reading), arena, &shadows[i]))
            return false;
    }
    decision->shadows = shadows;
    decision->shadow_count = count;
    return true;
}

static bool take_decision_field(struct reading *reading, uint32_t tag, struct arena *arena,
                                struct decision *decision) {
    switch (tag) {
    case TAG(3, WIRE_VARINT):
        return take_verdict(reading, &decision->verdict);
    case TAG(4, WIRE_VARINT):
        decision->score = take_u32(reading);
        return true;
    case TAG(5, WIRE_BYTES):
        return take_reasons(reading, tag, arena, decision);
    case TAG(6, WIRE_FIXED64):
        decision->snapshot_id = take_fixed64(reading);
        return true;
    case TAG(7, WIRE_FIXED64):
        decision->generation_id = take_fixed64(reading);
        return true;
    case TAG(8, WIRE_VARINT):
        decision->degraded = take_flag(reading);
        return true;
    case TAG(9, WIRE_BYTES):
        decision->degraded_reason = take_text(reading);
        return true;
    case TAG(10, WIRE_VARINT):
        decision->rule_errors = take_u32(reading);
        return true;
    case TAG(11, WIRE_FIXED64):
        decision->feature_hash = take_fixed64(reading);
        return true;
    case TAG(12, WIRE_BYTES):
        return take_shadows(reading, tag, arena, decision);
    default:
        return false;
    }
}

static bool take_record(struct reading reading, struct arena *arena, struct record *record) {
    struct transaction_record *transaction = &record->transaction;
    bool has_transaction = false;
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        bool taken;
        if (tag == TAG(1, WIRE_VARINT)) {
            record->receive_time_us = take_integer(&reading);
            taken = true;
        } else if (tag == TAG(2, WIRE_BYTES)) {
            taken = take_transaction(take_message(&reading), arena, &transaction->transaction);
            has_transaction = true;
        } else {
            taken = take_decision_field(&reading, tag, arena, &transaction->decision);
        }
        if (!taken)
            return false;
    }
    transaction->decision.transaction_id = transaction->transaction.id;
    return has_transaction && is_whole(&reading);
}

bool record_read_in_place(enum record_type type, const void *bytes, size_t length,
                          struct arena *arena, struct record *ret_record) {
    struct reading reading = {.at = bytes, .end = (const uint8_t *)bytes + length};
    if (type != RECORD_TRANSACTION || length == 0)
        return false;
    /* In its place, without the other types' members, which are large: a third of the time. */
    ret_record->type = type;
    ret_record->position = 0;
    ret_record->receive_time_us = 0;
    ret_record->transaction = (struct transaction_record){0};
    return take_record(reading, arena, ret_record);
}

int record_decode_in_place(enum record_type type, const void *bytes, size_t length,
                           struct arena *arena, struct record *ret_record,
                           struct error *ret_error) {
    if (record_read_in_place(type, bytes, length, arena, ret_record))
        return 0;
    return record_decode(type, bytes, length, arena, ret_record, ret_error);
}

static bool skip(struct reading *reading, uint32_t tag) {
    if ((tag & 7) == WIRE_VARINT)
        take_integer(reading);
    else if ((tag & 7) == WIRE_FIXED64)
        take_fixed64(reading);
    else if ((tag & 7) == WIRE_BYTES)
        take_text(reading);
    else
        return false;
    return !reading->is_other;
}

bool record_read_event_time(const void *bytes, size_t length, int64_t *ret_event_time_us) {
    struct reading reading = {.at = bytes, .end = (const uint8_t *)bytes + length};
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
    return !transaction.is_other;
}
