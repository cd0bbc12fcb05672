/* No text is copied: the client library wants strings that end in NUL, and the arena's texts do.
 * The transaction must therefore outlive the call. */
#include "outgoing.h"

#include "core/base/check.h"

/* A literal or an arena's text: both end in a NUL that is not counted. */
static const char *string_of(struct text text) {
    check(text.length == 0 || text.data[text.length] == '\0');
    return text.length ? text.data : NULL;
}

/* An attribute without a type has a name only. */
static struct harrier_attribute attribute_of(const struct attribute *attribute) {
    const char *name = string_of(attribute->name);
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        return harrier_text(name, string_of(attribute->text));
    case ATTRIBUTE_INTEGER:
        return harrier_integer(name, attribute->integer);
    case ATTRIBUTE_NUMBER:
        return harrier_number(name, attribute->number);
    case ATTRIBUTE_FLAG:
        return harrier_flag(name, attribute->flag);
    case ATTRIBUTE_NONE:
        break;
    }
    return (struct harrier_attribute){.name = name};
}

_Static_assert(FIELD_COUNT == 12, "outgoing_transaction() names all text fields");

bool outgoing_transaction(const struct transaction *transaction, struct arena *arena,
                          struct harrier_transaction *ret_outgoing) {
    const struct text *fields = transaction->fields;
    struct harrier_attribute *attributes =
        arena_calloc(arena, transaction->attribute_count, sizeof *attributes);
    if (!attributes)
        return false;
    for (size_t i = 0; i < transaction->attribute_count; i++)
        attributes[i] = attribute_of(&transaction->attributes[i]);
    *ret_outgoing = (struct harrier_transaction){
        .id = string_of(transaction->id),
        .event_time_us = transaction->event_time_us,
        .amount_minor = transaction->amount_minor,
        .currency = string_of(transaction->currency),
        .card = string_of(fields[FIELD_CARD]),
        .customer = string_of(fields[FIELD_CUSTOMER]),
        .account = string_of(fields[FIELD_ACCOUNT]),
        .merchant = string_of(fields[FIELD_MERCHANT]),
        .terminal = string_of(fields[FIELD_TERMINAL]),
        .device = string_of(fields[FIELD_DEVICE]),
        .ip = string_of(fields[FIELD_IP]),
        .country = string_of(fields[FIELD_COUNTRY]),
        .mcc = string_of(fields[FIELD_MCC]),
        .channel = string_of(fields[FIELD_CHANNEL]),
        .email = string_of(fields[FIELD_EMAIL]),
        .phone = string_of(fields[FIELD_PHONE]),
        .has_location = transaction->has_location,
        .latitude_e7 = transaction->latitude_e7,
        .longitude_e7 = transaction->longitude_e7,
        .attributes = attributes,
        .attribute_count = transaction->attribute_count,
        .source = string_of(transaction->source),
        .sequence = transaction->sequence,
    };
    return true;
}
