/* TLS towards another server, whose certificate is verified: what webhooks are sent with. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>

struct ssl_st;
struct tls_client;

/* ca: file of the CA certificates to trust (PEM); "": the system's. ERROR_INVALID: it cannot be
 * used. */
int tls_client_open(const char *ca, struct tls_client **ret_client, struct error *ret_error);
void tls_client_close(struct tls_client *client); /* NULL is allowed */

/* A new connection to that host, whose certificate must be valid for it: a name or an IP address.
 * NULL: *ret_error is filled. The caller's bufferevent owns it. */
struct ssl_st *tls_client_connect(struct tls_client *client, const char *host,
                                  struct error *ret_error);

/* What OpenSSL says about an error code of the connection, or why the certificate was refused. */
void tls_client_describe(const struct ssl_st *session, unsigned long code, char *text, size_t size);
