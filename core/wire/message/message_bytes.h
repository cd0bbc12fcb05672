/* Score and ReportOutcome, requests and responses, by the fast reader and writer. The files
 * request_*.c and response_*.c have all other calls, and take what is left to them here. Internal
 * to core/wire, and for tests. */
#pragma once

#include "message.h"

/* false: leave the message to the generated code. *ret_… then means nothing, and the arena holds
 * what was allocated so far. Everything read lives in the arena. */
bool message_read_request(const void *bytes, size_t length, struct arena *arena,
                          struct request *ret_request);
bool message_read_response(const void *bytes, size_t length, struct arena *arena,
                           struct response *ret_response);

/* Decoding by the generated code, without trying the fast reader. request_decode.c,
 * response_decode.c */
int message_unpack_request(const void *bytes, size_t length, struct arena *arena,
                           struct request *ret_request, struct error *ret_error);
int message_unpack_response(const void *bytes, size_t length, struct arena *arena,
                            struct response *ret_response, struct error *ret_error);

/* Appends to *buffer. false, and nothing is written: another call, or so long that it might exceed
 * its limit. head: with protocol, deadline and token. The caller has checked the number of items.
 */
bool message_write_request(const struct request *request, bool head, struct buffer *buffer);
bool message_write_response(const struct response *response, struct buffer *buffer);

/* The same bytes and limits by the generated code, for any call. request_encode.c,
 * response_encode.c */
int message_pack_request(const struct request *request, bool head, struct buffer *buffer,
                         struct error *ret_error);
void message_pack_response(const struct response *response, struct buffer *buffer);
