/* Bytes → generated structs → JSON, written while walking the structs: a tree of JSON objects for
 * 1,000 decisions with their features would cost more than everything else. */
#include "core/base/check.h"
#include "core/wire/bytes/protobuf.h"
#include "message_json.h"
#include "message_parts.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>

struct writer {
    struct buffer *buffer;
    bool defaults;
};

static void write_message(struct writer *writer, const ProtobufCMessage *message);

/* ---- single values ---- */

static bool is_plain(struct text text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            return false;
    }
    return true;
}

/* Most texts are ASCII without anything to escape; jansson writes the others. */
static void write_text(struct buffer *buffer, struct text text) {
    if (is_plain(text)) {
        buffer_append_u8(buffer, '"');
        buffer_append(buffer, text.data ? text.data : "", text.length);
        buffer_append_u8(buffer, '"');
        return;
    }
    json_t *string = json_stringn(text.data, text.length);
    size_t size = string ? json_dumpb(string, NULL, 0, JSON_ENCODE_ANY) : 0;
    if (size > 0) {
        json_dumpb(string, (char *)buffer_reserve(buffer, size), size, JSON_ENCODE_ANY);
        buffer->length += size;
    } else { /* not UTF-8: the wire and the archive refuse such texts */
        buffer_append_string(buffer, "\"\\ufffd\"");
    }
    json_decref(string);
}

static void write_double(struct buffer *buffer, double number) {
    char digits[VALUE_PUT_MAX];
    if (isnan(number))
        buffer_append_string(buffer, "\"NaN\"");
    else if (isinf(number))
        buffer_append_string(buffer, number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        buffer_append(buffer, digits, value_put(value_double(number), digits));
}

static void write_enum(struct buffer *buffer, const ProtobufCEnumDescriptor *type, int number) {
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
    if (value)
        write_text(buffer, text_of(value->name));
    else
        buffer_printf(buffer, "%d", number); /* an unknown member is its number, by the mapping */
}

/* 64-bit numbers are strings: JavaScript reads numbers as doubles, which hold 53 bits. */
static void write_value(struct writer *writer, const ProtobufCFieldDescriptor *field,
                        const void *member) {
    struct buffer *buffer = writer->buffer;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(writer, *(const ProtobufCMessage *const *)member);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        write_text(buffer, text_from_bytes(*(const ProtobufCBinaryData *)member));
        return;
    case PROTOBUF_C_TYPE_BOOL:
        buffer_append_string(buffer, *(const protobuf_c_boolean *)member ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        write_double(buffer, *(const double *)member);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(buffer, field->descriptor, *(const int *)member);
        return;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
        buffer_printf(buffer, "%" PRId32, *(const int32_t *)member);
        return;
    case PROTOBUF_C_TYPE_UINT32:
        buffer_printf(buffer, "%" PRIu32, *(const uint32_t *)member);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        buffer_printf(buffer, "\"%" PRId64 "\"", *(const int64_t *)member);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        buffer_printf(buffer, "\"%" PRIu64 "\"", *(const uint64_t *)member);
        return;
    default:
        check(!"a type that harrier.proto does not use");
    }
}

/* ---- messages ---- */

/* Sizes of the members that the generated structs have for each type. */
static size_t value_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
        return sizeof(uint32_t);
    default:
        return sizeof(uint64_t);
    }
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *member) {
    static const char zeros[sizeof(uint64_t)];
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)member)->len == 0;
    return memcmp(member, zeros, value_size(field->type)) == 0;
}

/* Members of a oneof and messages are written when they are set, also without `defaults`: their
 * absence means something. */
static bool is_written(const struct writer *writer, const ProtobufCFieldDescriptor *field,
                       const ProtobufCMessage *message) {
    const char *base = (const char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return writer->defaults || *(const size_t *)(base + field->quantifier_offset) > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(base + field->quantifier_offset) == field->id;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(void *const *)(base + field->offset) != NULL;
    return writer->defaults || !is_default(field, base + field->offset);
}

static void write_repeated(struct writer *writer, const ProtobufCFieldDescriptor *field,
                           const ProtobufCMessage *message) {
    const char *base = (const char *)message;
    size_t count = *(const size_t *)(base + field->quantifier_offset);
    const char *items = *(const char *const *)(base + field->offset);
    buffer_append_u8(writer->buffer, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_u8(writer->buffer, ',');
        write_value(writer, field, items + i * value_size(field->type));
    }
    buffer_append_u8(writer->buffer, ']');
}

static void write_message(struct writer *writer, const ProtobufCMessage *message) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    bool first = true;
    buffer_append_u8(writer->buffer, '{');
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!is_written(writer, field, message))
            continue;
        buffer_append_string(writer->buffer, first ? "\"" : ",\"");
        buffer_append_string(writer->buffer, field->name);
        buffer_append_string(writer->buffer, "\":");
        first = false;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            write_repeated(writer, field, message);
        else
            write_value(writer, field, (const char *)message + field->offset);
    }
    buffer_append_u8(writer->buffer, '}');
}

/* ---- responses ---- */

static void write_error(struct writer *writer, const Harrier__V1__Error *error) {
    buffer_append_string(writer->buffer, "{\"error\":");
    write_message(writer, &error->base);
    buffer_append_u8(writer->buffer, '}');
}

/* The member of the oneof that is set; NULL: an answer that this version does not know. */
static const ProtobufCMessage *answer_of(const Harrier__V1__Response *response) {
    const ProtobufCMessageDescriptor *type = response->base.descriptor;
    for (unsigned i = 0; i < type->n_fields; i++)
        if ((type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            type->fields[i].id == (uint32_t)response->answer_case)
            return *(ProtobufCMessage *const *)((const char *)response + type->fields[i].offset);
    return NULL;
}

/* Unpacks the bytes that the wire would carry, so both interfaces give the same answer by
 * construction. */
int message_json_encode(const void *bytes, size_t length, bool defaults, struct buffer *buffer,
                        enum error_code *ret_code, struct error *ret_error) {
    struct writer writer = {.buffer = buffer, .defaults = defaults};
    struct arena arena;
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    const Harrier__V1__Response *response =
        protobuf_unpack(&harrier__v1__response__descriptor, "a response", ERROR_INVALID, bytes,
                        length, &arena, ret_error);
    int r = response ? 0 : -(int)ret_error->code;
    const ProtobufCMessage *answer = response ? answer_of(response) : NULL;
    if (r == 0 && response->error) {
        write_error(&writer, response->error);
        *ret_code = error_code_from_protobuf((int)response->error->code);
    } else if (answer) {
        write_message(&writer, answer);
        *ret_code = (enum error_code)0;
    } else if (r == 0) {
        r = error_set(ret_error, ERROR_INVALID,
                      "the response has no answer that this version knows");
    }
    arena_deinit(&arena);
    return r;
}

/* Through the bytes, so that its code and its limits are those of every other error. */
void message_json_encode_error(const struct error *error, struct text field,
                               struct buffer *buffer) {
    const struct response response = {
        .error = {.code = error->code, .field = field, .message = text_of(error->text)}};
    struct buffer bytes;
    struct error ignored;
    enum error_code code;
    buffer_init(&bytes);
    message_encode_response(&response, &bytes);
    check(message_json_encode(bytes.bytes, bytes.length, true, buffer, &code, &ignored) == 0);
    buffer_deinit(&bytes);
}
