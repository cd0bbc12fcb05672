/* The requests and responses of Score and ReportOutcome, read and written by hand;
 * request_decode.c, request_encode.c, response_decode.c and response_encode.c have all the others,
 * and what is left to them. Internal to core/wire, and for tests. */
#pragma once

#include "message.h"

/* false: it takes the generated code to know what these bytes are. *ret_… then means nothing, and
 * the arena holds what was made so far. What is read lives in the arena. */
bool message_read_request(const void *bytes, size_t length, struct arena *arena,
                          struct request *ret_request);
bool message_read_response(const void *bytes, size_t length, struct arena *arena,
                           struct response *ret_response);

/* What the generated code makes of them, without trying to read them by hand first.
 * request_decode.c, response_decode.c */
int message_unpack_request(const void *bytes, size_t length, struct arena *arena,
                           struct request *ret_request, struct error *ret_error);
int message_unpack_response(const void *bytes, size_t length, struct arena *arena,
                            struct response *ret_response, struct error *ret_error);

/* Appends to *buffer. false, and nothing is written: another call, or so long that it might be over
 * its limit. head: with protocol, deadline and token. How many there are of what has been checked.
 */
bool message_write_request(const struct request *request, bool head, struct buffer *buffer);
bool message_write_response(const struct response *response, struct buffer *buffer);

/* The same bytes and limits by the generated code, whatever the call.
 * request_encode.c, response_encode.c */
int message_pack_request(const struct request *request, bool head, struct buffer *buffer,
                         struct error *ret_error);
void message_pack_response(const struct response *response, struct buffer *buffer);
