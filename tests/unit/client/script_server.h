/* A server that sends and reads exactly the bytes that a test says, on one connection after the
 * other: for what a fake_server never does wrong. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_FRAME_MAX 512

struct script_server;

/* Runs in the server's thread, once for each connection; the connection is closed when it returns.
 * number: of the connection, from 0 on. */
typedef void script_run(struct script_server *server, int descriptor, unsigned number, void *user);

struct script_server *script_server_start(const char *address, script_run *run, void *user);
void script_server_stop(struct script_server *server); /* breaks the connections */
unsigned script_server_connections(const struct script_server *server);

/* Both sides' greetings. false: the connection is gone; so below. */
bool script_greet(int descriptor);
bool script_send(int descriptor, const void *bytes, size_t length);
bool script_read(int descriptor, void *bytes, size_t length);
/* A whole request of at most SCRIPT_FRAME_MAX bytes: its id, and how long it is. */
bool script_read_request(int descriptor, uint32_t *ret_id);
/* Reads and throws away. *ret_length: of the body with its id. */
bool script_skip_request(int descriptor, uint32_t *ret_id, uint64_t *ret_length);
/* The frame of an answer that approves transaction "t-7"; returns its length. */
size_t script_answer(uint8_t frame[SCRIPT_FRAME_MAX], uint32_t id, uint64_t position);
