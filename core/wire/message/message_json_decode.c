/* JSON → generated structs → bytes. jansson parses and protobuf-c packs; in between, the descriptor
 * of a field says where in the struct its value goes. */
#include "core/base/check.h"
#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/field_text.h"
#include "message_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define DEPTH_MAX  8 /* of messages in each other; a Request's call has 3 */
#define FIELDS_MAX 64
#define EXACT_MAX  9007199254740992.0 /* 2^53: to here doubles hold every whole number */

struct place {
    const char *field;
    ssize_t index; /* -1: not repeated */
};

struct reader {
    struct arena *arena;
    struct place places[DEPTH_MAX];
    size_t depth;
    char *path; /* where the error is, "" so far */
    struct error *error;
};

static int read_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
                        const json_t *json, ProtobufCMessage **ret_message);

/* ---- errors ---- */

/* The path to the value being read, as harrier.proto names it: "transactions[3].amount_minor". Cut
 * if it is too long. */
static void write_path(const struct reader *reader, struct text last) {
    size_t length = 0;
    reader->path[0] = '\0';
    for (size_t i = 0; i < reader->depth && length < MESSAGE_JSON_PATH_MAX; i++) {
        const struct place *place = &reader->places[i];
        char index[32] = "";
        if (place->index >= 0)
            snprintf(index, sizeof index, "[%zd]", place->index);
        length += (size_t)snprintf(reader->path + length, MESSAGE_JSON_PATH_MAX - length, "%s%s%s",
                                   i ? "." : "", place->field, index);
    }
    if (last.length > 0 && length < MESSAGE_JSON_PATH_MAX)
        snprintf(reader->path + length, MESSAGE_JSON_PATH_MAX - length, "%s%" TEXT_FORMAT,
                 length ? "." : "", TEXT_ARGS(last));
}

/* "the number 1.5", unless it might be a card number. */
static const char *show_number(const json_t *number, char *ret_text, size_t size) {
    char digits[32];
    double shown = json_number_value(number);
    if (json_is_integer(number))
        snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(number));
    else
        value_format(value_double(shown), digits, sizeof digits);
    if (shown > -1e12 && shown < 1e12)
        snprintf(ret_text, size, "the number %s", digits);
    else
        snprintf(ret_text, size, "a number");
    return ret_text;
}

/* Says what was expected and what was there instead; a string is quoted, as far as field_quote()
 * shows it. */
static int decode_error(struct reader *reader, const char *expected, const json_t *got) {
    static const char *const types[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "the string ",
        [JSON_INTEGER] = "",         [JSON_REAL] = "",          [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    struct text string = {.data = json_string_value(got), .length = json_string_length(got)};
    char number[48];
    write_path(reader, (struct text){0});
    return error_set(reader->error, ERROR_INVALID, "%s: expected %s, got %s%s",
                     *reader->path ? reader->path : "the body", expected, types[json_typeof(got)],
                     json_is_string(got)   ? field_quote(string).string
                     : json_is_number(got) ? show_number(got, number, sizeof number)
                                           : "");
}

/* Could this be a name in harrier.proto? Anything else is quoted, or hidden, since it may be a
 * value or a card number in the wrong place. */
static bool is_word(struct text name) {
    size_t digits = 0;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        digits += text_is_digit(c);
        if (!text_is_digit(c) && c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
            return false;
    }
    return name.length > 0 && name.length <= QUOTED_BYTES_MAX && digits <= 4;
}

/* name: of a member, as sent. */
static int member_error(struct reader *reader, struct text name, const char *what) {
    bool plain = is_word(name);
    write_path(reader, plain ? name : (struct text){0});
    if (plain)
        return error_set(reader->error, ERROR_INVALID, "%s: %s", reader->path, what);
    return error_set(reader->error, ERROR_INVALID, "%s: %s: %s",
                     *reader->path ? reader->path : "the body", field_quote(name).string, what);
}

/* Zeroed memory in the arena, which bounds what a request can take; NULL: *reader->error is set. */
static void *take(struct reader *reader, size_t count, size_t size) {
    void *memory = arena_calloc(reader->arena, count, size);
    if (!memory)
        protobuf_exhausted("a request", reader->arena, reader->error);
    return memory;
}

/* ---- single values ---- */

/* A 64-bit number in a string: "-12", without a sign "+" or leading zeros. */
static bool parse_whole(struct text text, bool *ret_negative, uint64_t *ret_magnitude) {
    bool negative = text.length > 0 && text.data[0] == '-';
    size_t at = negative;
    uint64_t magnitude = 0;
    if (at == text.length || (text.data[at] == '0' && at + 1 < text.length))
        return false;
    for (; at < text.length; at++) {
        unsigned digit = (unsigned char)text.data[at] - '0';
        if (digit > 9 || __builtin_mul_overflow(magnitude, UINT64_C(10), &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude))
            return false;
    }
    *ret_negative = negative && magnitude > 0;
    *ret_magnitude = magnitude;
    return true;
}

/* A number or a string that is a whole number from −least to most. */
static bool read_whole(const json_t *json, uint64_t least, uint64_t most, uint64_t *ret_bits) {
    bool negative;
    uint64_t magnitude;
    if (json_is_integer(json)) {
        int64_t number = json_integer_value(json);
        negative = number < 0;
        magnitude = negative ? -(uint64_t)number : (uint64_t)number;
    } else if (json_is_real(json)) { /* 1e3 and 5.0 are whole numbers too */
        double number = json_real_value(json);
        if (!(fabs(number) <= EXACT_MAX) || floor(number) != number)
            return false;
        negative = number < 0;
        magnitude = (uint64_t)fabs(number);
    } else if (json_is_string(json)) {
        struct text text = {.data = json_string_value(json), .length = json_string_length(json)};
        if (!parse_whole(text, &negative, &magnitude))
            return false;
    } else {
        return false;
    }
    if (magnitude > (negative ? least : most))
        return false;
    *ret_bits = negative ? -magnitude : magnitude;
    return true;
}

/* Numbers, and the strings that the mapping has for them: "NaN", "Infinity", "-Infinity", and a
 * number in quotation marks. */
static bool read_double(const json_t *json, double *ret_number) {
    if (json_is_number(json)) {
        *ret_number = json_number_value(json);
        return true;
    }
    const char *string = json_string_value(json);
    if (!string)
        return false;
    if (strcmp(string, "NaN") == 0)
        *ret_number = NAN;
    else if (strcmp(string, "Infinity") == 0)
        *ret_number = INFINITY;
    else if (strcmp(string, "-Infinity") == 0)
        *ret_number = -INFINITY;
    else if (strspn(string, "0123456789+-.eE") < json_string_length(json)) {
        return false; /* not a number; no limit has been applied to what is in a string */
    } else {
        json_t *inner = json_loadb(string, json_string_length(json), JSON_DECODE_ANY, NULL);
        bool is_number = json_is_number(inner);
        if (is_number)
            *ret_number = json_number_value(inner);
        json_decref(inner);
        return is_number;
    }
    return true;
}

/* An unknown name is refused with all the names there are. An unknown number passes: a later
 * version may have it, and the check of the message refuses it if this one must. */
static int read_enum(struct reader *reader, const ProtobufCEnumDescriptor *type, const json_t *json,
                     int *ret_number) {
    uint64_t bits;
    const char *name = json_string_value(json);
    if (name) {
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(type, name);
        if (value) {
            *ret_number = value->value;
            return 0;
        }
    } else if (read_whole(json, -(uint64_t)INT32_MIN, INT32_MAX, &bits)) {
        *ret_number = (int)bits; /* whether there is such a member is checked with the message */
        return 0;
    }
    char expected[512];
    size_t length = (size_t)snprintf(expected, sizeof expected, "one of");
    for (unsigned i = 0; i < type->n_values && length < sizeof expected; i++)
        length += (size_t)snprintf(expected + length, sizeof expected - length, "%s %s",
                                   i ? "," : "", type->values[i].name);
    return decode_error(reader, expected, json);
}

static int read_whole_into(struct reader *reader, uint64_t least, uint64_t most, size_t size,
                           const json_t *json, void *member) {
    uint64_t bits;
    if (!read_whole(json, least, most, &bits)) {
        char expected[96];
        snprintf(expected, sizeof expected, "a whole number from %s%" PRIu64 " to %" PRIu64,
                 least ? "-" : "", least, most);
        return decode_error(reader, expected, json);
    }
    uint32_t low = (uint32_t)bits;
    memcpy(member, size == sizeof low ? (void *)&low : (void *)&bits, size);
    return 0;
}

/* A value, of a single field or an item of a repeated one. */
static int read_value(struct reader *reader, const ProtobufCFieldDescriptor *field,
                      const json_t *json, void *member) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(reader, field->descriptor, json, member);
    case PROTOBUF_C_TYPE_BYTES:
        if (!json_is_string(json))
            return decode_error(reader, "a string", json);
        /* The document outlives the message: bytes are packed before it goes. */
        *(ProtobufCBinaryData *)member = bytes_from_text(
            (struct text){.data = json_string_value(json), .length = json_string_length(json)});
        return 0;
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json))
            return decode_error(reader, "true or false", json);
        *(protobuf_c_boolean *)member = json_is_true(json);
        return 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(json, member) ? 0 : decode_error(reader, "a number", json);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, field->descriptor, json, member);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
        return read_whole_into(reader, -(uint64_t)INT32_MIN, INT32_MAX, 4, json, member);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        return read_whole_into(reader, -(uint64_t)INT64_MIN, INT64_MAX, 8, json, member);
    case PROTOBUF_C_TYPE_UINT32:
        return read_whole_into(reader, 0, UINT32_MAX, 4, json, member);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_whole_into(reader, 0, UINT64_MAX, 8, json, member);
    default:
        check(!"a type that harrier.proto does not use");
        return 0;
    }
}

/* ---- messages ---- */

/* Of an item. Harrier has repeated messages, strings and enums only; another type needs its size
 * here. */
static size_t item_size(ProtobufCType type) {
    if (type == PROTOBUF_C_TYPE_ENUM)
        return sizeof(uint32_t);
    check(type == PROTOBUF_C_TYPE_MESSAGE || type == PROTOBUF_C_TYPE_BYTES);
    return type == PROTOBUF_C_TYPE_MESSAGE ? sizeof(ProtobufCMessage *)
                                           : sizeof(ProtobufCBinaryData);
}

static int read_repeated(struct reader *reader, const ProtobufCFieldDescriptor *field,
                         const json_t *json, ProtobufCMessage *message) {
    size_t size = item_size(field->type);
    if (!json_is_array(json))
        return decode_error(reader, "an array", json);
    size_t count = json_array_size(json);
    if (count == 0)
        return 0;
    char *items = take(reader, count, size);
    if (!items)
        return -ERROR_TOO_LARGE;
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        reader->places[reader->depth - 1].index = (ssize_t)i;
        r = read_value(reader, field, json_array_get(json, i), items + i * size);
    }
    *(size_t *)((char *)message + field->quantifier_offset) = count;
    *(void **)((char *)message + field->offset) = items;
    return r;
}

/* The depth is bounded by the messages of harrier.proto, none of which contains itself. */
static int read_member(struct reader *reader, const ProtobufCFieldDescriptor *field,
                       const json_t *json, ProtobufCMessage *message) {
    check(reader->depth < DEPTH_MAX);
    reader->places[reader->depth++] = (struct place){.field = field->name, .index = -1};
    int r = 0;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        r = read_repeated(reader, field, json, message);
    } else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)((char *)message + field->quantifier_offset);
        r = *which == 0
                ? read_value(reader, field, json, (char *)message + field->offset)
                : decode_error(reader, "only one of several fields that exclude one another", json);
        *which = field->id;
    } else {
        r = read_value(reader, field, json, (char *)message + field->offset);
    }
    reader->depth -= r == 0;
    return r;
}

/* Is `given` this name in lowerCamelCase? */
static bool is_camel(struct text given, const char *name) {
    size_t at = 0;
    for (; *name; name++) {
        bool capital = *name == '_' && name[1] != '\0';
        if (capital)
            name++;
        char wanted = capital && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
        if (at == given.length || given.data[at++] != wanted)
            return false;
    }
    return at == given.length;
}

/* A linear search: no message has more than some thirty fields. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
                                                  struct text name) {
    for (unsigned i = 0; i < type->n_fields; i++)
        if (text_is(name, type->fields[i].name) || is_camel(name, type->fields[i].name))
            return &type->fields[i];
    return NULL;
}

/* Suggests the nearest name, if one is at most two edits away. */
static int unknown_member_error(struct reader *reader, const ProtobufCMessageDescriptor *type,
                                struct text name) {
    const char *nearest = NULL;
    size_t distance = 3;
    for (unsigned i = 0; i < type->n_fields; i++) {
        size_t this_distance = text_distance(name, text_of(type->fields[i].name));
        if (this_distance < distance) {
            distance = this_distance;
            nearest = type->fields[i].name;
        }
    }
    char what[160];
    if (nearest)
        snprintf(what, sizeof what, "no such field; did you mean %s?", nearest);
    else
        snprintf(what, sizeof what, "no such field in %s", type->short_name);
    return member_error(reader, name, what);
}

/* A bit for each field finds one that is given in both spellings; jansson has refused equal names.
 */
static int read_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
                        const json_t *json, ProtobufCMessage **ret_message) {
    const char *key;
    size_t length;
    json_t *value;
    uint64_t seen = 0;
    if (!json_is_object(json))
        return decode_error(reader, "an object", json);
    ProtobufCMessage *message = take(reader, 1, type->sizeof_message);
    if (!message)
        return -ERROR_TOO_LARGE;
    protobuf_c_message_init(type, message);
    check(type->n_fields <= FIELDS_MAX);
    json_object_keylen_foreach((json_t *)(uintptr_t)json, key, length, value) {
        struct text name = {.data = key, .length = length};
        const ProtobufCFieldDescriptor *field = find_field(type, name);
        if (!field)
            return unknown_member_error(reader, type, name);
        uint64_t bit = UINT64_C(1) << (field - type->fields);
        if (seen & bit)
            return member_error(reader, name, "the field is given twice, in two spellings");
        seen |= bit;
        int r = json_is_null(value) ? 0 : read_member(reader, field, value, message);
        if (r < 0)
            return r;
    }
    *ret_message = message;
    return 0;
}

/* ---- the document ---- */

/* Counted before jansson allocates anything. Brackets in strings do not count. */
static int check_containers(struct text json, struct error *ret_error) {
    size_t containers = 0;
    bool inside = false;
    for (size_t i = 0; i < json.length; i++) {
        char c = json.data[i];
        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (!inside && (c == '{' || c == '['))
            containers++;
    }
    if (containers <= MESSAGE_JSON_CONTAINERS_MAX)
        return 0;
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "the body has %zu objects and arrays; expected at most %d", containers,
                     MESSAGE_JSON_CONTAINERS_MAX);
}

/* jansson quotes the text at the error and may cut it in the middle of a character: a message with
 * that is left out. */
static int not_json(const json_error_t *fault, struct error *ret_error) {
    bool clean = text_is_clean(text_of(fault->text), NULL);
    return error_set(ret_error, ERROR_INVALID, "the body is not JSON: line %d, column %d%s%s",
                     fault->line, fault->column, clean ? ": " : "", clean ? fault->text : "");
}

static const ProtobufCFieldDescriptor *call_field(enum call call) {
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
        &harrier__v1__request__descriptor, call_name(call));
    check(field && field->type == PROTOBUF_C_TYPE_MESSAGE);
    return field;
}

/* The call becomes the member of the oneof in a Request, next to what the HTTP headers have said.
 */
static int read_document(enum call call, const json_t *json,
                         const struct message_envelope *envelope, struct arena *arena,
                         struct buffer *buffer, char *ret_path, struct error *ret_error) {
    const ProtobufCFieldDescriptor *field = call_field(call);
    struct reader reader = {.arena = arena, .path = ret_path, .error = ret_error};
    Harrier__V1__Request request;
    harrier__v1__request__init(&request);
    request.protocol = MESSAGE_PROTOCOL;
    request.deadline_us = envelope->deadline_us;
    request.token = bytes_from_text(envelope->token);
    request.traceparent = bytes_from_text(envelope->traceparent);
    request.call_case = (Harrier__V1__Request__CallCase)field->id;
    void *member = (char *)&request + field->offset;
    int r = read_message(&reader, field->descriptor, json, member);
    if (r == 0)
        protobuf_pack(&request.base, buffer);
    return r;
}

/* The arena and the document live until the bytes are packed: the generated structs point into
 * both. */
int message_json_decode(enum call call, struct text json, const struct message_envelope *envelope,
                        struct buffer *buffer, char ret_path[static MESSAGE_JSON_PATH_MAX],
                        struct error *ret_error) {
    json_error_t syntax;
    ret_path[0] = '\0';
    int r = check_containers(json, ret_error);
    if (r < 0)
        return r;
    json_t *document = json_loadb(json.data ? json.data : "", json.length,
                                  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &syntax);
    if (!document)
        return not_json(&syntax, ret_error);
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    r = read_document(call, document, envelope, &arena, buffer, ret_path, ret_error);
    arena_deinit(&arena);
    json_decref(document);
    return r;
}
