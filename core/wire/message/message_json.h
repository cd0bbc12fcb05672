/* Requests and responses as JSON: protobuf's own JSON mapping (proto3) of the messages in
 * harrier.proto, for those who have no protobuf.
 *
 * It is driven by the generated descriptors, so a field that is added to harrier.proto is in the
 * JSON as well, and nobody has to write it down a second time. It knows types and names and nothing
 * of what a field means: the bytes it makes go through the same checks as all others.
 *
 * Read: names as in harrier.proto or in lowerCamelCase, a field at most once; 64-bit numbers as
 * numbers or as strings; enums by name or number; null is as if the field were not there. A name
 * that the message does not have is refused: a misspelt field would be a decision without it.
 * Written: names as in harrier.proto; every field but members of a oneof and messages that are not
 * set; 64-bit numbers as strings, because a double has room for 53 bits of them.
 *
 * Not taken, unlike what the mapping would allow: whole numbers beyond int64 without quotation
 * marks (jansson has no room for them), and U+0000 in a text.
 *
 * Strings are bytes in the generated code (see protobuf.h), so a field of type bytes would be read
 * as a text: harrier.proto has none. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "message.h"

/* "transactions[3].attributes[0].name" */
#define MESSAGE_JSON_PATH_MAX 256

/* Objects and arrays in one request. Each costs some 300 bytes while it is read, and an empty one
 * is three bytes of JSON; 1,000 transactions with a location and 64 attributes each have fewer. */
#define MESSAGE_JSON_CONTAINERS_MAX 70000

/* What stands around the call in a Request. */
struct message_envelope {
    uint64_t deadline_us; /* 0: none */
    struct text token, traceparent;
};

/* json: the call's own message, as ScoreRequest for CALL_SCORE. Appends a Request's bytes.
 * ERROR_INVALID: not JSON (ret_path empty), or not that message (ret_path says where; the
 * sentence begins with it). ERROR_TOO_LARGE: it has too many parts. */
int message_json_decode(enum call call, struct text json, const struct message_envelope *envelope,
                        struct buffer *buffer, char ret_path[static MESSAGE_JSON_PATH_MAX],
                        struct error *ret_error);

/* A Response's bytes: appends the answer's own message, as ScoreResponse, or {"error": Error}, and
 * says which error it was (0: none). `defaults`: fields that have their default value are written.
 * ERROR_INVALID, ERROR_TOO_LARGE: not a Response, or one that takes too much memory. */
int message_json_encode(const void *bytes, size_t length, bool defaults, struct buffer *buffer,
                        enum error_code *ret_code, struct error *ret_error);

/* {"error": {...}} as above, of an error that was found before there was a Response. */
void message_json_encode_error(const struct error *error, struct text field, struct buffer *buffer);
