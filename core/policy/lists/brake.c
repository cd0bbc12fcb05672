/* An entry is 16 hexadecimal digits, then the rule's name: of a fixed place, so that any name can
 * be read back. */
#include "brake.h"

#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>

#define DIGITS (HASH_HEX_SIZE - 1)

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

/* Millionths as a percentage without trailing zeros: 20000 is "2", 5000 is "0.5". */
static void put_percent(struct buffer *buffer, uint32_t share_e6) {
    uint32_t decimals = share_e6 % 10000;
    buffer_printf(buffer, "%" PRIu32, share_e6 / 10000);
    if (decimals == 0)
        return;
    char digits[8];
    int length = snprintf(digits, sizeof digits, "%04" PRIu32, decimals);
    while (digits[length - 1] == '0')
        length--;
    buffer_printf(buffer, ".%.*s", length, digits);
}

static void put_duration(struct buffer *buffer, int64_t us) {
    static const struct {
        int64_t us;
        char name;
    } units[] = {{INT64_C(86400000000), 'd'}, {INT64_C(3600000000), 'h'}, {60000000, 'm'}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (us % units[i].us == 0) {
            buffer_printf(buffer, "%" PRId64 "%c", us / units[i].us, units[i].name);
            return;
        }
    buffer_printf(buffer, "%" PRId64 "s", us / 1000000);
}

void brake_put_limit(struct buffer *buffer, uint32_t share_e6, int64_t per_us) {
    put_percent(buffer, share_e6);
    buffer_append_string(buffer, "% per ");
    put_duration(buffer, per_us);
}

void brake_put_reason(struct buffer *buffer, const struct brake_record *brake) {
    if (brake->decisions == 0) {
        buffer_append(buffer, brake->reason.data, brake->reason.length);
        return;
    }
    buffer_printf(buffer, "%" PRIu64 " of %" PRIu64 " decisions, at_most ", brake->fires,
                  brake->decisions);
    brake_put_limit(buffer, brake->share_e6, brake->window_us);
}
