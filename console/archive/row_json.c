#include "row_json.h"

#include "clients/cli/io/money.h"
#include "core/base/json_writer.h"

void row_json_add_reasons(struct buffer *out, const char *key, const struct decision *decision,
                          bool all) {
    json_begin_array(out, key);
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        if (!all && (reason->shadow || reason->suppressed))
            continue;
        json_begin_object(out, NULL);
        json_add_text(out, "rule", reason->rule);
        json_add_text(out, "text", reason->text);
        json_add_signed(out, "score", reason->score);
        if (reason->shadow)
            json_add_bool(out, "shadow", true);
        json_end_object(out);
    }
    json_end_array(out);
}

void row_json_add_entities(struct buffer *out, const char *key,
                           const struct transaction *transaction) {
    static const enum transaction_field fields[] = {
        FIELD_CARD,   FIELD_CUSTOMER, FIELD_ACCOUNT, FIELD_MERCHANT, FIELD_TERMINAL,
        FIELD_DEVICE, FIELD_IP,       FIELD_EMAIL,   FIELD_PHONE,
    };
    json_begin_object(out, key);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (transaction->fields[fields[i]].length > 0)
            json_add_text(out, transaction_field_name(fields[i]), transaction->fields[fields[i]]);
    json_end_object(out);
}

void row_json_add(struct buffer *out, const struct transaction *transaction,
                  const struct decision *decision, uint64_t position, int64_t receive_time_us) {
    char amount[MONEY_SIZE];
    json_begin_object(out, NULL);
    json_add_unsigned(out, "position", position);
    json_add_text(out, "id", transaction->id);
    json_add_time(out, "time", transaction->event_time_us);
    json_add_time(out, "received", receive_time_us);
    json_add_text(out, "amount",
                  text_of(money_format(transaction->amount_minor, transaction->currency, amount)));
    json_add_text(out, "currency", transaction->currency);
    json_add_text(out, "verdict", text_of(verdict_name(decision->verdict)));
    json_add_unsigned(out, "score", decision->score);
    row_json_add_reasons(out, "reasons", decision, false);
    row_json_add_entities(out, "entities", transaction);
    json_end_object(out);
}
