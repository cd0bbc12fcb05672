/* A cheap test for transactions that strict binding surely accepts: for replays that skip most of
 * them and do not need the bound fields. */
#include "schema.h"

static bool accepts_text(const struct field *field, struct text t, size_t longest) {
    if (t.length == 0)
        return !field->required;
    return t.length <= longest && !(field->refuse_card_number && text_may_be_card_number(t));
}

static bool accepts(const struct schema *schema, const struct transaction *transaction, size_t slot,
                    size_t longest) {
    const struct field *field = &schema->fields[slot];
    switch (field->kind) {
    case FIELD_KIND_TEXT:
        return accepts_text(field, transaction->fields[field->source], longest);
    case FIELD_KIND_ID:
        return accepts_text(field, transaction->id, longest);
    case FIELD_KIND_CURRENCY:
        return accepts_text(field, transaction->currency, longest);
    case FIELD_KIND_AMOUNT:
        return transaction->currency.length > 0
                   ? text_is(transaction->currency, schema->base_currency)
                   : !field->required;
    case FIELD_KIND_EVENT_TIME:
    case FIELD_KIND_AMOUNT_MINOR:
    case FIELD_KIND_REFUNDED: /* where the amount is accepted, so is what is refunded of it */
    case FIELD_KIND_DERIVED:
        return true;
    case FIELD_KIND_LATITUDE:
    case FIELD_KIND_LONGITUDE:
        return !field->required || transaction->has_location;
    case FIELD_KIND_ATTRIBUTE:
        return !field->required; /* it has none */
    }
    return false;
}

/* Its answer must never be yes where binding refuses; test_schema_precheck.c compares the two. */
bool schema_surely_accepts(const struct schema *schema, const struct transaction *transaction,
                           const size_t *slots, size_t slot_count, size_t longest) {
    if (transaction->attribute_count > 0)
        return false;
    for (size_t i = 0; i < slot_count; i++)
        if (!accepts(schema, transaction, slots[i], longest))
            return false;
    return true;
}
