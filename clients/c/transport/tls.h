/* TLS for stream.c, by OpenSSL: whom a client trusts, its own certificate, and one connection's
 * bytes in and out. The server must prove the name in the address; nothing turns that off.
 *
 * Never blocks. All functions need the client's mutex, for a session may not read and write at
 * once. */
#pragma once

#include "clients/c/harrier.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls_context;
struct tls_session;

/* Reads the files; settings NULL: the system's authorities and no certificate of its own. INVALID
 * with the field that names the wrong file. */
int tls_context_new(const struct harrier_tls *settings, struct tls_context **ret_context,
                    struct harrier_error *ret_error);
void tls_context_free(struct tls_context *context); /* NULL is allowed */

struct sockaddr;

/* A session on a connected socket, which stays the caller's. The server's certificate must be for
 * the settings' server_name; else for host; NULL: else for the address. */
struct tls_session *tls_session_new(struct tls_context *context, int descriptor, const char *host,
                                    const struct sockaddr *address);
/* Sends close_notify if the handshake is done. NULL is allowed. */
void tls_session_free(struct tls_session *session);

/* 1: done; 0: goes on when the socket is ready; -1: failed. */
int tls_session_handshake(struct tls_session *session);
/* Why a handshake failed or a connection is gone; until the session is freed. */
const char *tls_session_why(const struct tls_session *session);

/* As sendmsg(): takes what fits into the session's buffer, and sends what the socket takes of it.
 * -1: nothing for now, or the connection is gone, which the next receive says. */
ssize_t tls_session_send(struct tls_session *session, const struct iovec *parts, size_t count);
/* Sends more of the buffer. */
void tls_session_drain(struct tls_session *session);

/* Bytes read; 0: none at the moment; -1: the connection is gone. Read until 0: poll
 * does not report what is already decrypted. */
ssize_t tls_session_receive(struct tls_session *session, void *bytes, size_t size);

/* It has bytes for the socket, which was full. */
bool tls_session_wants_to_write(const struct tls_session *session);
