#include "tls_client.h"

#include "core/base/check.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_client {
    SSL_CTX *context;
};

static int fail(struct error *ret_error, const char *what, const char *where) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return error_set(ret_error, ERROR_INVALID, "%s%s%s%s", what, where, reason ? ": " : "",
                     reason ? reason : "");
}

int tls_client_open(const char *ca, struct tls_client **ret_client, struct error *ret_error) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        return fail(ret_error, "cannot use TLS", "");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    int is_good = *ca ? SSL_CTX_load_verify_locations(context, ca, NULL)
                      : SSL_CTX_set_default_verify_paths(context);
    if (is_good != 1) {
        SSL_CTX_free(context);
        return fail(ret_error, "cannot read CA certificates (PEM) from ",
                    *ca ? ca : "the system's folder");
    }
    *ret_client = check_malloc(sizeof **ret_client);
    **ret_client = (struct tls_client){.context = context};
    return 0;
}

void tls_client_close(struct tls_client *client) {
    if (!client)
        return;
    SSL_CTX_free(client->context);
    free(client);
}

/* Server Name Indication is for names only (RFC 6066, 3). */
static bool name_host(SSL *session, const char *host) {
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1;
    return SSL_set_tlsext_host_name(session, host) == 1 && SSL_set1_host(session, host) == 1;
}

struct ssl_st *tls_client_connect(struct tls_client *client, const char *host,
                                  struct error *ret_error) {
    SSL *session = SSL_new(client->context);
    if (session && name_host(session, host))
        return session;
    fail(ret_error, "cannot use TLS with ", host);
    SSL_free(session);
    return NULL;
}

void tls_client_describe(const struct ssl_st *session, unsigned long code, char *text,
                         size_t size) {
    long verified = SSL_get_verify_result(session);
    const char *reason = ERR_reason_error_string(code);
    if (verified != X509_V_OK)
        snprintf(text, size, "its certificate was refused: %s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(text, size, "TLS: %s", reason ? reason : "the connection failed");
}
