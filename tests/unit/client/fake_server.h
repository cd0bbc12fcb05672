/* A server in the test's own process that answers as the test says.
 *
 * Speaks the SP protocol on plain sockets, with one thread for each connection, so that it can stop
 * under load and be restarted at once. (nng's own REP socket in nng 1.5.2 can wait for ever in
 * nng_close() when requests are arriving.) */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/wire/message/message.h"

/* Fills *ret_answer with the bytes to send; left empty: no answer at all. *ret_delay_ms may be
 * set. Runs in the threads of the server. */
typedef void fake_answer(const struct request *request, struct arena *arena,
                         struct buffer *ret_answer, int *ret_delay_ms, void *user);

struct fake_server;

/* address: tcp://127.0.0.1:PORT or ipc:///PATH */
struct fake_server *fake_server_start(const char *address, fake_answer *answer, void *user);
/* Breaks all connections. */
void fake_server_stop(struct fake_server *server);
unsigned fake_server_requests(const struct fake_server *server); /* received so far */

/* The tests run twice: with libharrier's own SP, and with nng's library (HARRIER_CLIENT_ON_NNG is
 * set). */
bool fake_is_for_nng(void);
/* "tcp://127.0.0.1:PORT" with a port that was free a moment ago; behind "nng+" in the second run.
 */
void fake_address(char ret_address[64]);

/* Approves everything; position is the number in the id's digits, score 1. */
void fake_approve(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                  int *ret_delay_ms, void *user);
/* The decisions fake_approve makes. */
void fake_approve_response(const struct request *request, struct arena *arena,
                           struct response *ret_response);
void fake_silence(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                  int *ret_delay_ms, void *user);
