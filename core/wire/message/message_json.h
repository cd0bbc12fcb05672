/* Requests and responses as JSON: protobuf's own JSON mapping (proto3) of the messages in
 * harrier.proto, for clients without protobuf.
 *
 * It is driven by the generated descriptors, so a field that is added to harrier.proto is in the
 * JSON as well without further code. It knows types and names, not meanings: the bytes it makes go
 * through the same checks as all others.
 *
 * Reading: names as in harrier.proto or in lowerCamelCase, each field at most once; 64-bit numbers
 * as numbers or as strings; enums by name or number; null means that the field is absent. An
 * unknown name is refused: a misspelt field would be a decision without it. Writing: names as in
 * harrier.proto; every field except unset messages and members of a oneof; 64-bit numbers as
 * strings, because a double holds only 53 bits.
 *
 * Not accepted, unlike in the mapping: whole numbers beyond int64 without quotation marks (jansson
 * cannot hold them), and U+0000 in a text.
 *
 * Strings are bytes in the generated code (see protobuf.h), so a field of type bytes would be read
 * as a text: harrier.proto has none. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "message.h"

/* "transactions[3].attributes[0].name" */
#define MESSAGE_JSON_PATH_MAX 256

/* The limit of objects and arrays in a request. Each takes some 300 bytes while it is read, and an
 * empty one is three bytes of JSON; 1,000 transactions with a location and 64 attributes each have
 * fewer. */
#define MESSAGE_JSON_CONTAINERS_MAX 70000

/* The fields around the call in a Request. */
struct message_envelope {
    uint64_t deadline_us; /* 0: none */
    struct text token, traceparent;
};

/* json: the message of the call, such as ScoreRequest for CALL_SCORE. Appends the bytes of a
 * Request. ERROR_INVALID: not JSON (ret_path is empty), or not that message (ret_path says where,
 * and the message starts with it). ERROR_TOO_LARGE: too many objects and arrays, or too much
 * memory. */
int message_json_decode(enum call call, struct text json, const struct message_envelope *envelope,
                        struct buffer *buffer, char ret_path[static MESSAGE_JSON_PATH_MAX],
                        struct error *ret_error);

/* From the bytes of a Response: appends the message of the answer, such as ScoreResponse, or
 * {"error": Error}, and sets *ret_code (0: no error). `defaults`: also write fields with their
 * default value. ERROR_INVALID, ERROR_TOO_LARGE: not a Response, or one that takes too much memory.
 */
int message_json_encode(const void *bytes, size_t length, bool defaults, struct buffer *buffer,
                        enum error_code *ret_code, struct error *ret_error);

/* {"error": {...}} as above, for an error that occurred before there was a Response. */
void message_json_encode_error(const struct error *error, struct text field, struct buffer *buffer);
