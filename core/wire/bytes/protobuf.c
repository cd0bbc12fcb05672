/* The general way between structs and bytes, through the generated code: it accepts whatever
 * protobuf allows, and it is what the fast readers and writers (reading.h, writing.h) are tested
 * against. */
#include "protobuf.h"

#include "core/base/check.h"
#include "core/wire/types/field_text.h"

/* The offset of the generated member for each text field: one loop instead of twelve assignments.
 */
static const size_t field_offsets[FIELD_COUNT] = {
    [FIELD_CARD] = offsetof(Harrier__V1__Transaction, card),
    [FIELD_CUSTOMER] = offsetof(Harrier__V1__Transaction, customer),
    [FIELD_ACCOUNT] = offsetof(Harrier__V1__Transaction, account),
    [FIELD_MERCHANT] = offsetof(Harrier__V1__Transaction, merchant),
    [FIELD_TERMINAL] = offsetof(Harrier__V1__Transaction, terminal),
    [FIELD_DEVICE] = offsetof(Harrier__V1__Transaction, device),
    [FIELD_IP] = offsetof(Harrier__V1__Transaction, ip),
    [FIELD_COUNTRY] = offsetof(Harrier__V1__Transaction, country),
    [FIELD_MCC] = offsetof(Harrier__V1__Transaction, mcc),
    [FIELD_CHANNEL] = offsetof(Harrier__V1__Transaction, channel),
    [FIELD_EMAIL] = offsetof(Harrier__V1__Transaction, email),
    [FIELD_PHONE] = offsetof(Harrier__V1__Transaction, phone),
};
_Static_assert(FIELD_COUNT == 12, "a new text field has an offset above");

/* protobuf-c returns NULL both for a refused allocation and for invalid bytes; this tells them
 * apart. */
struct bounded_allocator {
    struct arena *arena;
    bool exhausted;
};

static void *bounded_alloc(void *self, size_t size) {
    struct bounded_allocator *allocator = self;
    void *memory = arena_alloc(allocator->arena, size);
    if (!memory)
        allocator->exhausted = true;
    return memory;
}

static void bounded_free(void *self, void *memory) {
    (void)self;
    (void)memory; /* the arena frees everything at once */
}

int protobuf_exhausted(const char *what, const struct arena *arena, struct error *ret_error) {
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "decoding %s would take more than %zu bytes of memory; expected less content",
                     what, arena->limit);
}

void *protobuf_unpack(const ProtobufCMessageDescriptor *type, const char *what,
                      enum error_code damaged, const void *bytes, size_t length,
                      struct arena *arena, struct error *ret_error) {
    struct bounded_allocator bounded = {.arena = arena};
    ProtobufCAllocator allocator = {
        .alloc = bounded_alloc, .free = bounded_free, .allocator_data = &bounded};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, length, bytes);
    if (message)
        return message;
    if (bounded.exhausted)
        protobuf_exhausted(what, arena, ret_error);
    else
        error_set(ret_error, damaged,
                  "%zu bytes are not %s: truncated, or another protobuf message", length, what);
    return NULL;
}

/* Packs straight into the buffer, whose room is the exact size. */
void protobuf_pack(const ProtobufCMessage *message, struct buffer *buffer) {
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *at = buffer_reserve(buffer, size);
    size_t packed = protobuf_c_message_pack(message, at);
    check(packed == size);
    buffer->length += size;
}

void scratch_init(struct arena *scratch) {
    arena_init(scratch, SIZE_MAX);
}

void *scratch_calloc(struct arena *scratch, size_t count, size_t size) {
    void *memory = arena_calloc(scratch, count, size);
    check(memory);
    return memory;
}

enum verdict verdict_from_protobuf(int number) {
    return number >= 0 && number < VERDICT_COUNT ? (enum verdict)number : VERDICT_COUNT;
}

enum arm arm_from_protobuf(int number) {
    return number >= 0 && number < ARM_COUNT ? (enum arm)number : ARM_COUNT;
}

enum label label_from_protobuf(int number) {
    return number >= 0 && number < LABEL_COUNT ? (enum label)number : LABEL_COUNT;
}

/* An attribute without a value, or with one that a later version added, has type ATTRIBUTE_NONE,
 * which transaction_check() refuses. */
struct attribute attribute_from_protobuf(const Harrier__V1__Attribute *in) {
    struct attribute attribute = {.name = text_from_bytes(in->name)};
    switch (in->value_case) {
    case HARRIER__V1__ATTRIBUTE__VALUE_TEXT:
        attribute.type = ATTRIBUTE_TEXT;
        attribute.text = text_from_bytes(in->text);
        break;
    case HARRIER__V1__ATTRIBUTE__VALUE_INTEGER:
        attribute.type = ATTRIBUTE_INTEGER;
        attribute.integer = in->integer;
        break;
    case HARRIER__V1__ATTRIBUTE__VALUE_NUMBER:
        attribute.type = ATTRIBUTE_NUMBER;
        attribute.number = in->number;
        break;
    case HARRIER__V1__ATTRIBUTE__VALUE_FLAG:
        attribute.type = ATTRIBUTE_FLAG;
        attribute.flag = in->flag != 0;
        break;
    default:
        attribute.type = ATTRIBUTE_NONE;
    }
    return attribute;
}

/* Checks nothing: transaction_check() does, for every way in which a transaction may come. */
int transaction_from_protobuf(const Harrier__V1__Transaction *in, struct arena *arena,
                              struct transaction *ret_transaction) {
    struct attribute *attributes = NULL;
    if (in->n_attributes) {
        attributes = arena_calloc(arena, in->n_attributes, sizeof *attributes);
        if (!attributes)
            return -1;
    }
    for (size_t i = 0; i < in->n_attributes; i++)
        attributes[i] = attribute_from_protobuf(in->attributes[i]);
    struct transaction transaction = {
        .id = text_from_bytes(in->id),
        .event_time_us = in->event_time_us,
        .amount_minor = in->amount_minor,
        .currency = text_from_bytes(in->currency),
        .attributes = attributes,
        .attribute_count = in->n_attributes,
        .source = text_from_bytes(in->source),
        .sequence = in->sequence,
    };
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const void *member = (const char *)in + field_offsets[i];
        transaction.fields[i] = text_from_bytes(*(const ProtobufCBinaryData *)member);
    }
    if (in->location) {
        transaction.has_location = true;
        transaction.latitude_e7 = in->location->latitude_e7;
        transaction.longitude_e7 = in->location->longitude_e7;
    }
    *ret_transaction = transaction;
    return 0;
}

/* ATTRIBUTE_NONE is sent without a value, and refused by the server's check. */
static void fill_attribute(const struct attribute *attribute, Harrier__V1__Attribute *out) {
    out->name = bytes_from_text(attribute->name);
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        out->value_case = HARRIER__V1__ATTRIBUTE__VALUE_TEXT;
        out->text = bytes_from_text(attribute->text);
        break;
    case ATTRIBUTE_INTEGER:
        out->value_case = HARRIER__V1__ATTRIBUTE__VALUE_INTEGER;
        out->integer = attribute->integer;
        break;
    case ATTRIBUTE_NUMBER:
        out->value_case = HARRIER__V1__ATTRIBUTE__VALUE_NUMBER;
        out->number = attribute->number;
        break;
    case ATTRIBUTE_FLAG:
        out->value_case = HARRIER__V1__ATTRIBUTE__VALUE_FLAG;
        out->flag = attribute->flag;
        break;
    case ATTRIBUTE_NONE:
        break;
    }
}

Harrier__V1__Attribute *attribute_to_protobuf(const struct attribute *attribute,
                                              struct arena *scratch) {
    Harrier__V1__Attribute *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__attribute__init(out);
    fill_attribute(attribute, out);
    return out;
}

Harrier__V1__Transaction *transaction_to_protobuf(const struct transaction *transaction,
                                                  struct arena *scratch) {
    Harrier__V1__Transaction *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__transaction__init(out);
    out->id = bytes_from_text(transaction->id);
    out->event_time_us = transaction->event_time_us;
    out->amount_minor = transaction->amount_minor;
    out->currency = bytes_from_text(transaction->currency);
    out->source = bytes_from_text(transaction->source);
    out->sequence = transaction->sequence;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        void *member = (char *)out + field_offsets[i];
        *(ProtobufCBinaryData *)member = bytes_from_text(transaction->fields[i]);
    }
    if (transaction->has_location) {
        out->location = scratch_calloc(scratch, 1, sizeof *out->location);
        harrier__v1__location__init(out->location);
        out->location->latitude_e7 = transaction->latitude_e7;
        out->location->longitude_e7 = transaction->longitude_e7;
    }
    Harrier__V1__Attribute *attributes;
    out->n_attributes = transaction->attribute_count;
    NEW_MESSAGES(scratch, transaction->attribute_count, attributes, out->attributes,
                 harrier__v1__attribute__init);
    for (size_t i = 0; i < transaction->attribute_count; i++)
        fill_attribute(&transaction->attributes[i], &attributes[i]);
    return out;
}

const struct text *texts_from_protobuf(const ProtobufCBinaryData *in, size_t count,
                                       struct arena *arena) {
    static const struct text none;
    if (count == 0)
        return &none;
    struct text *out = arena_calloc(arena, count, sizeof *out);
    for (size_t i = 0; i < count && out; i++)
        out[i] = text_from_bytes(in[i]);
    return out;
}

ProtobufCBinaryData *texts_to_protobuf(const struct text *texts, size_t count,
                                       struct arena *scratch) {
    ProtobufCBinaryData *out = scratch_calloc(scratch, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = bytes_from_text(texts[i]);
    return out;
}

/* Unknown verdicts are kept as VERDICT_COUNT: what they mean for the message is the caller's
 * decision. */
int reasons_from_protobuf(Harrier__V1__Reason *const *in, size_t count, struct arena *arena,
                          const struct reason **ret_reasons) {
    struct reason *reasons = NULL;
    if (count) {
        reasons = arena_calloc(arena, count, sizeof *reasons);
        if (!reasons)
            return -1;
    }
    for (size_t i = 0; i < count; i++) {
        reasons[i] = (struct reason){
            .rule = text_from_bytes(in[i]->rule),
            .text = text_from_bytes(in[i]->text),
            .score = in[i]->score,
            .verdict = verdict_from_protobuf((int)in[i]->verdict),
            .shadow = in[i]->shadow != 0,
            .suppressed = in[i]->suppressed != 0,
            .tag_count = in[i]->n_tags,
            .group = text_from_bytes(in[i]->group),
            .capped = in[i]->capped,
            .verdict_if_live = verdict_from_protobuf((int)in[i]->verdict_if_live),
        };
        reasons[i].tags = texts_from_protobuf(in[i]->tags, in[i]->n_tags, arena);
        if (!reasons[i].tags)
            return -1;
    }
    *ret_reasons = reasons;
    return 0;
}

Harrier__V1__Reason **reasons_to_protobuf(const struct reason *reasons, size_t count,
                                          struct arena *scratch) {
    Harrier__V1__Reason *out, **pointers;
    NEW_MESSAGES(scratch, count, out, pointers, harrier__v1__reason__init);
    for (size_t i = 0; i < count; i++) {
        out[i].rule = bytes_from_text(reasons[i].rule);
        out[i].text = bytes_from_text(field_cut(reasons[i].text, REASON_TEXT_MAX));
        out[i].score = reasons[i].score;
        out[i].verdict = (Harrier__V1__Verdict)reasons[i].verdict;
        out[i].shadow = reasons[i].shadow;
        out[i].suppressed = reasons[i].suppressed;
        out[i].n_tags = reasons[i].tag_count;
        out[i].tags = texts_to_protobuf(reasons[i].tags, reasons[i].tag_count, scratch);
        out[i].group = bytes_from_text(reasons[i].group);
        out[i].capped = reasons[i].capped;
        out[i].verdict_if_live = (Harrier__V1__Verdict)reasons[i].verdict_if_live;
    }
    return pointers;
}

struct amended amended_from_protobuf(const Harrier__V1__AmendedTransaction *in) {
    if (!in)
        return (struct amended){0};
    return (struct amended){.is_voided = in->voided != 0,
                            .amount_minor = in->amount_minor,
                            .refunded_minor = in->refunded_minor};
}

Harrier__V1__AmendedTransaction *amended_to_protobuf(const struct amended *amended,
                                                     struct arena *scratch) {
    Harrier__V1__AmendedTransaction *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__amended_transaction__init(out);
    out->voided = amended->is_voided;
    out->amount_minor = amended->amount_minor;
    out->refunded_minor = amended->refunded_minor;
    return out;
}

enum amendment_kind amendment_kind_from_protobuf(int number) {
    return number >= 0 && number < AMENDMENT_KIND_COUNT ? (enum amendment_kind)number
                                                        : AMENDMENT_KIND_COUNT;
}
