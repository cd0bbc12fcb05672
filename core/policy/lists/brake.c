/* An entry is 16 hexadecimal digits, then the rule's name: of a fixed place, so that any name can
 * be read back. */
#include "brake.h"

#include "core/base/hash.h"
#include "core/policy/lang/read.h"

#include <inttypes.h>
#include <stdio.h>

#define DIGITS (HASH_HEX_SIZE - 1)

uint64_t brake_definition(uint64_t definition, enum arm arm) {
    const uint64_t both[] = {definition, (uint64_t)arm};
    return arm == ARM_NONE ? definition : hash64(both, sizeof both, 0);
}

bool brake_applies(const struct brake_target *target, bool is_challenger, uint64_t definition) {
    enum arm arm = is_challenger ? ARM_CHALLENGER : ARM_CHAMPION;
    return definition == target->definition || definition == target->declaration ||
           definition == brake_definition(target->definition, arm);
}

void brake_put_entry(struct buffer *buffer, struct text rule, uint64_t definition) {
    char hex[HASH_HEX_SIZE];
    hash_hex(definition, hex);
    buffer_append(buffer, hex, DIGITS);
    buffer_append(buffer, rule.data, rule.length);
}

bool brake_read(const struct list_addition *addition, struct brake *ret_brake) {
    struct text entry = addition->value;
    uint64_t definition;
    if (entry.length < DIGITS ||
        hash_parse_hex((struct text){.data = entry.data, .length = DIGITS}, &definition) < 0)
        return false;
    *ret_brake = (struct brake){
        .rule = {.data = entry.data + DIGITS, .length = entry.length - DIGITS},
        .definition = definition,
        .position = addition->position,
        .pulled_us = addition->receive_time_us,
        .source = addition->source,
        .reason = addition->reason,
    };
    return true;
}

void brake_put_limit(struct buffer *buffer, uint32_t share_e6, int64_t per_us) {
    char period[READ_DURATION_SIZE];
    read_put_percent(buffer, share_e6);
    buffer_printf(buffer, "%% per %s", read_format_duration(per_us, period));
}

void brake_put_reason(struct buffer *buffer, const struct brake_record *brake) {
    if (brake->decisions == 0) {
        buffer_append(buffer, brake->reason.data, brake->reason.length);
        return;
    }
    buffer_printf(buffer, "%" PRIu64 " of %" PRIu64 " decisions%s%s, at_most ", brake->fires,
                  brake->decisions, brake->arm == ARM_NONE ? "" : " of the ", arm_name(brake->arm));
    brake_put_limit(buffer, brake->share_e6, brake->window_us);
}
