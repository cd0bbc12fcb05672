/* A client that writes the bytes of SP REQ itself, so that a test can send wrong, cut, slow or
 * reordered messages. Written from nanomsg's RFCs, without core/wire/message/sp.h: otherwise the
 * server would be tested against its own code.
 *
 * A test fails if something does not arrive within RAW_WAIT_MS, which only catches a hang. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_WAIT_MS 120000

struct ssl_st;
struct ssl_ctx_st;

struct raw_client {
    int descriptor;
    bool is_ipc;
    struct ssl_st *tls; /* NULL: plain */
};

/* Connected, nothing sent. tls NULL: plain. */
struct raw_client raw_connect(const char *address, struct ssl_ctx_st *tls);
/* The same with the greetings exchanged. */
struct raw_client raw_open(const char *address, struct ssl_ctx_st *tls);
void raw_close(struct raw_client *client);
/* With a reset instead of an orderly end. */
void raw_abort(struct raw_client *client);
/* No more requests; answers may come. */
void raw_end_requests(struct raw_client *client);

/* False: the other side has closed. */
bool raw_send(struct raw_client *client, const void *bytes, size_t size);
/* As many as fit into the socket's buffer now. */
size_t raw_send_some(struct raw_client *client, const void *bytes, size_t size);
void raw_expect(struct raw_client *client, const void *bytes, size_t size);
/* Whether anything comes, the end included, within so long. */
bool raw_is_readable(const struct raw_client *client, int ms);
/* Whether the server closes the connection before nothing comes for so long. */
bool raw_ends(struct raw_client *client, int ms);
/* Nothing comes for so long, and the connection stays. */
void raw_expect_silence(struct raw_client *client, int ms);
/* The server closes the connection; what it says before is passed over. */
void raw_expect_end(struct raw_client *client);

/* What stands before a body. Returns its size. */
size_t raw_header(const struct raw_client *client, uint8_t header[9], uint64_t length);
/* One message; its body is in two parts. */
bool raw_send_message(struct raw_client *client, const void *ids, size_t ids_size,
                      const void *payload, size_t size);
/* An answer with these ids and this payload. */
void raw_expect_message(struct raw_client *client, const void *ids, size_t ids_size,
                        const void *payload, size_t size);
/* The same with one id, the request's. */
bool raw_ask(struct raw_client *client, uint32_t id, const char *text);
void raw_expect_answer(struct raw_client *client, uint32_t id, const char *text);
/* Any answer: its id; its payload is put there and ended with '\0'. */
uint32_t raw_take_answer(struct raw_client *client, char *ret_text, size_t room);
