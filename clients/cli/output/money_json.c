#include "money_json.h"

#include "core/base/json_writer.h"

void money_json_add_sum(struct buffer *out, const char *key, amendment_sum sum) {
    char digits[48], *at = digits + sizeof digits;
    bool is_negative = sum < 0;
    *--at = '\0';
    do {
        int digit = (int)(sum % 10);
        *--at = (char)('0' + (digit < 0 ? -digit : digit));
        sum /= 10;
    } while (sum != 0);
    if (is_negative)
        *--at = '-';
    json_add_number(out, key, at);
}

void money_json_add_amendments(struct buffer *out, const char *key,
                               const struct amendment_tally *tally) {
    json_begin_object(out, key);
    for (int kind = AMENDMENT_VOID; kind < AMENDMENT_KIND_COUNT; kind++) {
        json_begin_object(out, amendment_kind_name((enum amendment_kind)kind));
        json_add_unsigned(out, "count", tally->counts[kind]);
        money_json_add_sum(out, "amount", tally->amounts[kind]);
        json_end_object(out);
    }
    json_add_unsigned(out, "without_amount", tally->without_amount);
    json_end_object(out);
}
