/* The bytes of nng's REQ/REP on a stream: SP, the Scalability Protocols, over TCP and ipc.
 *
 * Each side first sends a greeting of 8 bytes. Then come messages, each with its length before it:
 *
 *   tcp   length: 8 bytes, big-endian        | body
 *   ipc   0x01 | length: 8 bytes, big-endian | body
 *
 * The body of a request or an answer is a stack of 32-bit ids and the payload:
 *
 *   hop, hop, … (top bit 0, added by devices on the way) | request id (top bit 1) | payload
 *
 * An answer returns the ids of its request unchanged. Source: sp-tcp-mapping-01, sp-ipc-mapping-01
 * and sp-request-reply-01 of nanomsg's RFCs. No I/O here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_GREETING_SIZE 8

enum sp_protocol { SP_REQ = 0x30, SP_REP = 0x31 };

enum sp_stream { SP_TCP, SP_IPC };

#define SP_HEADER_MAX 9 /* bytes before a body */

/* Ids before a payload: as many as nng keeps. */
#define SP_HOPS_MAX   15
#define SP_ID_SIZE    4
#define SP_ID_TOP_BIT UINT32_C(0x80000000)
#define SP_STACK_MAX  ((SP_HOPS_MAX + 1) * SP_ID_SIZE)

/* What a side that speaks `own` sends first. */
void sp_greeting_write(uint8_t greeting[SP_GREETING_SIZE], enum sp_protocol own);

/* true: the other side speaks this version of SP, and `expected`. */
bool sp_greeting_is(const uint8_t greeting[SP_GREETING_SIZE], enum sp_protocol expected);

size_t sp_header_size(enum sp_stream stream); /* 8 or 9 */

/* Writes sp_header_size() bytes for a body of `length` bytes; returns their number. */
size_t sp_header_write(uint8_t header[SP_HEADER_MAX], enum sp_stream stream, uint64_t length);

/* false: these sp_header_size() bytes are not a header. */
bool sp_header_read(const uint8_t *header, enum sp_stream stream, uint64_t *ret_length);

uint32_t sp_id_read(const uint8_t id[SP_ID_SIZE]);
void sp_id_write(uint8_t out[SP_ID_SIZE], uint32_t id);

/* Bytes of the ids before the payload, with the request id: 4 to SP_STACK_MAX. 0: there is no
 * request id among them. */
size_t sp_stack_size(const uint8_t *body, size_t length);
