/* The numbers in TAG() and in the writer are the field numbers of harrier.proto. The twelve text
 * fields are numbered in the order of enum transaction_field, so one line reads and writes them
 * all. */
#include "transaction_bytes.h"

#include "writing.h"

/* enum transaction_field has the order of the field numbers. */
#define FIRST_TEXT_FIELD 5u
#define LAST_TEXT_FIELD  (FIRST_TEXT_FIELD + FIELD_COUNT - 1)
_Static_assert(LAST_TEXT_FIELD == 16, "message Transaction in harrier.proto");

/* ---------------------------------------------------------------------------------------------
 * Reading */

/* An empty location is one at 0°, 0°: presence of the message is what counts. */
static bool read_location(struct reading reading, struct transaction *transaction) {
    uint32_t tag, last = 0;
    transaction->has_location = true;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_VARINT))
            transaction->latitude_e7 = take_zigzag32(&reading);
        else if (tag == TAG(2, WIRE_VARINT))
            transaction->longitude_e7 = take_zigzag32(&reading);
        else
            return false;
    }
    return is_whole(reading);
}

static bool read_attribute(struct reading reading, struct attribute *attribute) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES)) {
            attribute->name = take_text(&reading);
            continue;
        }
        if (attribute->type !=
            ATTRIBUTE_NONE) /* a oneof: a second value is left to the general way */
            return false;
        if (tag == TAG(2, WIRE_BYTES)) {
            attribute->type = ATTRIBUTE_TEXT;
            attribute->text = take_text(&reading);
        } else if (tag == TAG(3, WIRE_VARINT)) {
            attribute->type = ATTRIBUTE_INTEGER;
            attribute->integer = take_zigzag64(&reading);
        } else if (tag == TAG(4, WIRE_FIXED64)) {
            attribute->type = ATTRIBUTE_NUMBER;
            attribute->number = take_double(&reading);
        } else if (tag == TAG(5, WIRE_VARINT)) {
            attribute->type = ATTRIBUTE_FLAG;
            attribute->flag = take_flag(&reading);
        } else {
            return false;
        }
    }
    return is_whole(reading);
}

/* Reads all attributes; the tag of the first was already taken. Returns the reading after the last.
 */
static struct reading read_attributes(struct reading reading, uint32_t tag, struct arena *arena,
                                      struct transaction *transaction) {
    size_t count = reading_count(reading, tag);
    struct attribute *attributes = arena_calloc(arena, count, sizeof *attributes);
    if (!attributes)
        return reading_other();
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!read_attribute(take_message(&reading), &attributes[i]))
            return reading_other();
    }
    transaction->attributes = attributes;
    transaction->attribute_count = count;
    return reading;
}

/* The twelve texts first, because most fields of a transaction are texts. */
bool transaction_read(struct reading reading, struct arena *arena,
                      struct transaction *transaction) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        uint32_t number = tag >> 3;
        if (number >= FIRST_TEXT_FIELD && number <= LAST_TEXT_FIELD) {
            if (tag != TAG(number, WIRE_BYTES))
                return false;
            transaction->fields[number - FIRST_TEXT_FIELD] = take_text(&reading);
            continue;
        }
        switch (tag) {
        case TAG(1, WIRE_BYTES):
            transaction->id = take_text(&reading);
            break;
        case TAG(2, WIRE_VARINT):
            transaction->event_time_us = take_integer(&reading);
            break;
        case TAG(3, WIRE_VARINT):
            transaction->amount_minor = take_integer(&reading);
            break;
        case TAG(4, WIRE_BYTES):
            transaction->currency = take_text(&reading);
            break;
        case TAG(17, WIRE_BYTES):
            transaction->source = take_text(&reading);
            break;
        case TAG(18, WIRE_VARINT):
            transaction->sequence = (uint64_t)take_integer(&reading);
            break;
        case TAG(20, WIRE_BYTES):
            if (!read_location(take_message(&reading), transaction))
                return false;
            break;
        case TAG(30, WIRE_BYTES):
            reading = read_attributes(reading, tag, arena, transaction);
            break;
        default:
            return false;
        }
    }
    return is_whole(reading);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

size_t transaction_room(const struct transaction *transaction) {
    /* the message, six single fields, the texts, the location with its two fields, and three for
     * each attribute */
    size_t fields = 1 + 6 + FIELD_COUNT + 3 + 3 * transaction->attribute_count;
    size_t room = fields * FIELD_ROOM + transaction->id.length + transaction->currency.length +
                  transaction->source.length;
#pragma GCC unroll 12
    for (size_t i = 0; i < FIELD_COUNT; i++)
        room += transaction->fields[i].length;
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct attribute *attribute = &transaction->attributes[i];
        room += attribute->name.length;
        if (attribute->type == ATTRIBUTE_TEXT)
            room += attribute->text.length;
    }
    return room;
}

/* As in decision_bytes.c, a set value of a oneof is written even if it is a default. */
static uint8_t *write_attribute(const struct attribute *attribute, uint8_t *at) {
    const uint8_t *end = at;
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        at = put_any_text(at, 2, attribute->text);
        break;
    case ATTRIBUTE_INTEGER:
        at = put_any_number(at, 3, zigzag(attribute->integer));
        break;
    case ATTRIBUTE_NUMBER:
        at = put_any_double(at, 4, attribute->number);
        break;
    case ATTRIBUTE_FLAG:
        at = put_any_number(at, 5, attribute->flag);
        break;
    case ATTRIBUTE_NONE:
        break;
    }
    at = put_text(at, 1, attribute->name);
    return put_message(at, 30, end);
}

/* In falling order of the field numbers: attributes (30), location (20), sequence and source (18,
 * 17), texts (16 to 5), then 4 to 1. */
uint8_t *transaction_write(const struct transaction *transaction, uint32_t number, uint8_t *at) {
    const uint8_t *end = at;
    for (size_t i = transaction->attribute_count; i-- > 0;)
        at = write_attribute(&transaction->attributes[i], at);
    if (transaction->has_location) {
        const uint8_t *location_end = at;
        at = put_zigzag(at, 2, transaction->longitude_e7);
        at = put_zigzag(at, 1, transaction->latitude_e7);
        at = put_message(at, 20, location_end);
    }
    at = put_number(at, 18, transaction->sequence);
    at = put_text(at, 17, transaction->source);
    for (uint32_t i = FIELD_COUNT; i-- > 0;)
        at = put_text(at, FIRST_TEXT_FIELD + i, transaction->fields[i]);
    at = put_text(at, 4, transaction->currency);
    at = put_integer(at, 3, transaction->amount_minor);
    at = put_integer(at, 2, transaction->event_time_us);
    at = put_text(at, 1, transaction->id);
    return put_message(at, number, end);
}
