/* TLS of a server: certificate, key, and who of the clients must show one. OpenSSL's only door in
 * server/. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

struct tls_settings {
    const char *certificate; /* file with the server's certificate and those between it and the
                                root, PEM */
    const char *key;         /* file, PEM; nobody but owner and group may read it */
    const char *client_ca;   /* file: who signs clients' certificates, PEM; "": none is asked for */
    bool client_optional;    /* a client without a certificate is let in */
    bool allow_1_2;          /* else TLS 1.3 and nothing before it */
};

struct tls;
struct ssl_st;

/* ERROR_INVALID: a file that is none, or does not fit the others; the text names it. ERROR_SYSTEM:
 * it cannot be read. */
int tls_open(const struct tls_settings *settings, struct tls **ret_tls, struct error *ret_error);
void tls_close(struct tls *tls); /* NULL is allowed */

/* The files anew, for connections that come; on failure the old ones stay. Any thread. */
int tls_reload(struct tls *tls, const struct tls_settings *settings, struct error *ret_error);

/* The server's side of a new connection; NULL: *ret_error is filled. */
struct ssl_st *tls_accept(struct tls *tls, struct error *ret_error);
/* Tells the other side that no more comes, if it can be told at once. */
void tls_say_goodbye(struct ssl_st *session);
void tls_end(struct ssl_st *session);
