/* Fields that the policy does not require stay absent, so a probe reads the states of as few
 * entities as possible. Its values name nobody: they are not keys that clients use. */
#include "probe_transaction.h"

#include "core/policy/load/schema.h"

#define PROBE_AMOUNT_MINOR 100

/* A text that transaction_check() accepts for this field. */
static struct text text_for(enum transaction_field field) {
    switch (field) {
    case FIELD_IP:
        return TEXT_LITERAL("192.0.2.1"); /* RFC 5737: for documentation */
    case FIELD_COUNTRY:
        return TEXT_LITERAL("DE");
    case FIELD_MCC:
        return TEXT_LITERAL("5411");
    default:
        return TEXT_LITERAL("watchdog");
    }
}

static struct attribute attribute_for(const struct field *field) {
    struct attribute attribute = {.name = field->name};
    switch (field->type) {
    case VALUE_BOOL:
        attribute.type = ATTRIBUTE_FLAG;
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        attribute.type = ATTRIBUTE_INTEGER;
        break;
    case VALUE_TEXT:
        attribute.type = ATTRIBUTE_TEXT;
        attribute.text = TEXT_LITERAL("watchdog");
        break;
    default:
        attribute.type = field->digits ? ATTRIBUTE_INTEGER : ATTRIBUTE_NUMBER;
        break;
    }
    return attribute;
}

static void complete_field(const struct field *field, const struct schema *schema,
                           struct transaction *transaction) {
    switch (field->kind) {
    case FIELD_KIND_TEXT:
        transaction->fields[field->source] = text_for(field->source);
        break;
    case FIELD_KIND_AMOUNT:
    case FIELD_KIND_AMOUNT_MINOR:
    case FIELD_KIND_CURRENCY:
        transaction->amount_minor = PROBE_AMOUNT_MINOR;
        transaction->currency = text_of(schema->base_currency);
        break;
    case FIELD_KIND_LATITUDE:
    case FIELD_KIND_LONGITUDE:
        transaction->has_location = true;
        break;
    case FIELD_KIND_ID: /* every transaction has these */
    case FIELD_KIND_EVENT_TIME:
    case FIELD_KIND_REFUNDED:
    case FIELD_KIND_ATTRIBUTE: /* complete_attributes() */
    case FIELD_KIND_DERIVED:
        break;
    }
}

static void complete_attributes(struct run *run, const struct schema *schema,
                                struct transaction *transaction) {
    size_t most = schema->first_derived - schema->first_attribute;
    struct attribute *attributes =
        most > 0 ? arena_calloc(&run->arena, most, sizeof *attributes) : NULL;
    if (!attributes)
        return;
    transaction->attributes = attributes;
    for (size_t slot = schema->first_attribute; slot < schema->first_derived; slot++)
        if (schema->fields[slot].required)
            attributes[transaction->attribute_count++] = attribute_for(&schema->fields[slot]);
}

void probe_transaction_complete(struct run *run) {
    const struct schema *schema = &run->rules->schema;
    struct transaction *transaction = arena_calloc(&run->arena, 1, sizeof *transaction);
    if (!transaction)
        return;
    transaction->id = TEXT_LITERAL("watchdog");
    transaction->event_time_us = run->receive_time_us;
    for (size_t slot = 0; slot < schema->first_attribute; slot++)
        if (schema->fields[slot].required)
            complete_field(&schema->fields[slot], schema, transaction);
    complete_attributes(run, schema, transaction);
    run->message.score.transactions = transaction;
}
