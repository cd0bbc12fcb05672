#include "amendment_tally.h"

/* As rules would see a transaction of this amount. false: it has none in the base currency. */
static bool base_amount(const struct schema *schema, const struct transaction *transaction,
                        int64_t amount_minor, int64_t *ret_minor) {
    struct transaction changed = *transaction;
    changed.amount_minor = amount_minor < 0 ? -amount_minor : amount_minor;
    if (!schema || !schema_base_amount(schema, &changed, ret_minor))
        return false;
    if (amount_minor < 0)
        *ret_minor = -*ret_minor;
    return true;
}

static void add(struct amendment_tally *tally, const struct schema *schema,
                const struct transaction *transaction, enum amendment_kind kind,
                int64_t amount_minor) {
    int64_t base_minor;
    tally->counts[kind]++;
    if (base_amount(schema, transaction, amount_minor, &base_minor))
        tally->amounts[kind] += base_minor;
    else
        tally->without_amount++;
}

void amendment_tally_add(struct amendment_tally *tally, const struct schema *schema,
                         const struct amendment_record *record) {
    const struct amended *before = &record->previous, *now = &record->now;
    const struct transaction *transaction = &record->transaction;
    if (now->amount_minor != before->amount_minor)
        add(tally, schema, transaction, AMENDMENT_CAPTURE,
            now->amount_minor - before->amount_minor);
    if (now->refunded_minor != before->refunded_minor)
        add(tally, schema, transaction, AMENDMENT_REFUND,
            now->refunded_minor - before->refunded_minor);
    if (now->is_voided != before->is_voided)
        add(tally, schema, transaction, now->is_voided ? AMENDMENT_VOID : AMENDMENT_RESTORE,
            now->amount_minor - now->refunded_minor);
}

void amendment_tally_merge(struct amendment_tally *tally, const struct amendment_tally *more) {
    for (size_t i = 0; i < AMENDMENT_KIND_COUNT; i++) {
        tally->counts[i] += more->counts[i];
        tally->amounts[i] += more->amounts[i];
    }
    tally->without_amount += more->without_amount;
}
