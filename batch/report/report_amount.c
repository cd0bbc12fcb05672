#include "report_amount.h"

#include <math.h>

enum report_class report_class_of(enum label label, int64_t at_us, int64_t immature_from_us) {
    if (at_us > immature_from_us)
        return REPORT_IMMATURE;
    switch (label) {
    case LABEL_FRAUD:
    case LABEL_CHARGEBACK:
        return REPORT_POSITIVE;
    case LABEL_LEGIT:
        return REPORT_NEGATIVE;
    case LABEL_SUSPECTED:
        return REPORT_SUSPECTED;
    case LABEL_NONE:
    case LABEL_COUNT:
        break;
    }
    return REPORT_UNKNOWN;
}

static size_t amount_slot(const struct schema *schema, const char *currency) {
    if (!text_is(text_of(schema->base_currency), currency))
        return SIZE_MAX;
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].kind == FIELD_KIND_AMOUNT)
            return i;
    return SIZE_MAX;
}

struct report_amount report_amount_of(const struct snapshot *snapshot, const char *currency) {
    return (struct report_amount){.currency = currency,
                                  .slot = amount_slot(&snapshot->schema, currency),
                                  .minor_per_major = pow(10, snapshot->schema.base_digits)};
}

bool report_amount_read(const struct report_amount *amount, const struct transaction *transaction,
                        const struct value *frame, int64_t *ret_minor) {
    if (text_is(transaction->currency, amount->currency)) {
        *ret_minor = transaction->amount_minor;
        return true;
    }
    if (amount->slot == SIZE_MAX || frame[amount->slot].type != VALUE_DOUBLE)
        return false;
    *ret_minor = llround(frame[amount->slot].number * amount->minor_per_major);
    return true;
}
