/* Nothing here may turn one value into another that is accepted: what cannot be written as it is
 * becomes an object, and readers take none for a value. */
#include "transaction_json.h"

#include "core/base/json_writer.h"
#include "core/base/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define TIME_US_MAX  INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */
#define SHOWN_DIGITS 4                           /* of a masked card number */

struct writing {
    struct buffer *buffer;
    const struct card_masking *masking;
};

/* ---- texts ---- */

/* With U+0000, which readers of JSON do not take, and without further thought of control
 * characters, which they do. */
static bool is_json_text(struct text t) {
    size_t at;
    while (!text_is_clean(t, &at)) {
        unsigned char byte = (unsigned char)t.data[at];
        if (byte == 0 || byte >= 0x80)
            return false;
        t.data += at + 1;
        t.length -= at + 1;
    }
    return true;
}

/* Every digit but the last ones becomes a star; spaces and hyphens stay. */
static void add_masked(struct buffer *buffer, const char *key, struct text number) {
    char masked[TRANSACTION_ATTRIBUTE_MAX];
    size_t shown = 0;
    if (number.length > sizeof masked)
        number = (struct text){0};
    for (size_t i = number.length; i-- > 0;) {
        bool is_digit = text_is_digit(number.data[i]);
        masked[i] = is_digit && shown >= SHOWN_DIGITS ? '*' : number.data[i];
        shown += is_digit;
    }
    json_add_text(buffer, key, (struct text){.data = masked, .length = number.length});
}

static bool is_hidden(const struct writing *writing, struct text name, enum attribute_type type,
                      struct text value) {
    const struct card_masking *masking = writing->masking;
    return masking && text_is_card_number(value) && !masking->is_clear(masking, name, type);
}

/* The value behind a key. */
static void add_text_value(const struct writing *writing, struct text name,
                           enum attribute_type type, struct text value) {
    struct buffer *buffer = writing->buffer;
    bool hides = is_hidden(writing, name, type, value);
    if (!hides && is_json_text(value)) {
        json_add_text(buffer, NULL, value);
        return;
    }
    json_begin_object(buffer, NULL);
    if (hides)
        add_masked(buffer, "masked", value);
    else
        json_add_text(buffer, "not_text", value);
    json_end_object(buffer);
}

/* An absent text is no member. */
static void add_text(const struct writing *writing, const char *name, struct text value) {
    if (value.length == 0)
        return;
    json_add_key(writing->buffer, text_of(name));
    add_text_value(writing, text_of(name), ATTRIBUTE_NONE, value);
}

/* ---- attributes ---- */

/* A producer may send a card number as a number. */
static bool add_if_hidden(const struct writing *writing, struct text name, enum attribute_type type,
                          const char *digits) {
    if (!is_hidden(writing, name, type, text_of(digits)))
        return false;
    add_text_value(writing, name, type, text_of(digits));
    return true;
}

/* A whole number that is a double is written 3.0, because harrier score takes 3 for an integer. */
static void add_double(const struct writing *writing, struct text name, double number) {
    struct buffer *buffer = writing->buffer;
    char digits[64];
    if (!isfinite(number)) {
        json_begin_object(buffer, NULL);
        json_add_text(buffer, "not_a_number", text_of(isnan(number) ? "nan" : "infinite"));
        json_end_object(buffer);
        return;
    }
    snprintf(digits, sizeof digits, "%.0f", fabs(number) < 1e19 ? number : 0.0);
    if (add_if_hidden(writing, name, ATTRIBUTE_NUMBER, digits))
        return;
    value_format(value_double(number), digits, sizeof digits);
    buffer_printf(buffer, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

static void add_integer(const struct writing *writing, struct text name, int64_t integer) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, integer);
    if (!add_if_hidden(writing, name, ATTRIBUTE_INTEGER, digits))
        json_add_signed(writing->buffer, NULL, integer);
}

/* No policy declares a name that is a number, so a masked one is refused as well. */
static void add_name(const struct writing *writing, struct text name) {
    struct buffer masked;
    if (!writing->masking || !text_is_card_number(name)) {
        json_add_key(writing->buffer, name);
        return;
    }
    buffer_init(&masked);
    for (size_t i = 0; i < name.length; i++)
        buffer_append_u8(&masked, i + SHOWN_DIGITS < name.length ? '*' : (uint8_t)name.data[i]);
    json_add_key(writing->buffer, buffer_text(&masked));
    buffer_deinit(&masked);
}

static void add_attribute(const struct writing *writing, const struct attribute *attribute) {
    add_name(writing, attribute->name);
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        add_text_value(writing, attribute->name, ATTRIBUTE_TEXT, attribute->text);
        return;
    case ATTRIBUTE_INTEGER:
        add_integer(writing, attribute->name, attribute->integer);
        return;
    case ATTRIBUTE_NUMBER:
        add_double(writing, attribute->name, attribute->number);
        return;
    case ATTRIBUTE_FLAG:
        json_add_bool(writing->buffer, NULL, attribute->flag);
        return;
    case ATTRIBUTE_NONE:
        break;
    }
    json_begin_object(writing->buffer, NULL);
    json_add_bool(writing->buffer, "missing", true);
    json_end_object(writing->buffer);
}

void transaction_json_add_attribute(struct buffer *buffer, const struct attribute *attribute) {
    add_attribute(&(struct writing){.buffer = buffer}, attribute);
}

/* ---- the transaction ---- */

/* 0 is what a time that was not sent is. */
static void add_event_time(struct buffer *buffer, int64_t time_us) {
    if (time_us > 0 && time_us <= TIME_US_MAX)
        json_add_time(buffer, "event_time", time_us);
    else if (time_us != 0)
        json_add_signed(buffer, "event_time", time_us);
}

void transaction_json_add(struct buffer *buffer, const struct transaction *transaction,
                          const struct card_masking *masking) {
    const struct writing writing = {.buffer = buffer, .masking = masking};
    add_text(&writing, "id", transaction->id);
    add_event_time(buffer, transaction->event_time_us);
    if (transaction->currency.length > 0 || transaction->amount_minor != 0)
        json_add_signed(buffer, "amount_minor", transaction->amount_minor);
    add_text(&writing, "currency", transaction->currency);
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        add_text(&writing, transaction_field_name(field), transaction->fields[field]);
    if (transaction->has_location) {
        json_add_value(buffer, TEXT_LITERAL("latitude"),
                       value_double(transaction->latitude_e7 / 1e7));
        json_add_value(buffer, TEXT_LITERAL("longitude"),
                       value_double(transaction->longitude_e7 / 1e7));
    }
    add_text(&writing, "source", transaction->source);
    if (transaction->sequence > 0)
        json_add_unsigned(buffer, "sequence", transaction->sequence);
    if (transaction->attribute_count == 0)
        return;
    json_begin_object(buffer, "attributes");
    for (size_t i = 0; i < transaction->attribute_count; i++)
        add_attribute(&writing, &transaction->attributes[i]);
    json_end_object(buffer);
}
