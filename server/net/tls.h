/* TLS of a server: certificate, key, and which clients must present a certificate. The only user of
 * OpenSSL's TLS. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_settings {
    const char *certificate; /* file: the server's certificate and the intermediate ones, PEM */
    const char *key;         /* file, PEM; must not be readable by others */
    const char *client_ca;   /* file: CA certificates to verify clients with, PEM; "": off */
    bool client_optional;    /* clients without a certificate are accepted */
    bool allow_1_2;          /* else TLS 1.3 is required */
};

struct tls;
struct ssl_st;

/* Strings are not kept. At most `connections_max` sessions at a time: the first call in a process
 * reserves room for their secrets, so one thread makes it. ERROR_INVALID: a file is invalid or does
 * not match the others; the text names it. ERROR_SYSTEM: it cannot be read. */
int tls_open(const struct tls_settings *settings, size_t connections_max, struct tls **ret_tls,
             struct error *ret_error);
void tls_close(struct tls *tls); /* NULL is allowed */

/* Loads the files again, for new connections; on failure the old ones stay. Any thread. */
int tls_reload(struct tls *tls, const struct tls_settings *settings, struct error *ret_error);

/* The server's side of a new connection, to be freed with tls_end() unless a bufferevent owns it.
 * NULL: *ret_error is filled. */
struct ssl_st *tls_accept(struct tls *tls, struct error *ret_error);
/* Sends close_notify if the handshake is complete; does not wait for an answer. */
void tls_send_close_notify(struct ssl_st *session);
void tls_end(struct ssl_st *session);
